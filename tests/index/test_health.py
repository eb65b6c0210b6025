"""How well a document was read: what is counted, and that it arrives in the catalog."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from index.documents import ParsedDocument
from index.health import Health, health_of
from index.ingest import ingest_paths, reindex
from index.loaders import load
from index.parsing import Parser
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.files import pdf

GERMAN = "Die Fähre fährt täglich um neun Uhr und kommt am Abend zurück, außer am Sonntag."


def measured(text: str) -> Health:
    return health_of(ParsedDocument(text=text))


@pytest.mark.parametrize(
    "text",
    [
        GERMAN,
        "«\u00a0Le café déjà\u00a0» — voilà\u00a0: “É”, Spaß“, HYVÄ”, SÃO PAULO",
        "Привет, «мир»!\n\tتذكرة 渡し船は九時に出ます。 नमस्ते",
        "plain ASCII, <b>tags</b> & all",
    ],
)
def test_honest_text_of_any_language_is_not_garbled(text: str) -> None:
    assert measured(text).garbled == 0


def test_what_stands_for_no_letter_counts_as_garbled() -> None:
    health = measured("ab\ufffdc \ue001\x07 de")
    assert (health.garbled, health.chars) == (3, 8)
    assert health.garbled_share == pytest.approx(3 / 8)


def test_text_that_was_decoded_wrongly_is_garbled() -> None:
    text = GERMAN * 10
    wrong = measured(text.encode().decode("cp1252"))
    assert wrong.is_garbled
    assert wrong.garbled >= 10 * 5  # two characters for each umlaut, of which there are more
    assert not measured(text).is_garbled


def test_pages_without_text_are_named() -> None:
    document = ParsedDocument(text="One.\n\n \nThree.", page_starts=(0, 6, 8, 14))
    assert health_of(document).textless_pages == (2, 4)


def test_runs_of_table_rows_are_counted() -> None:
    assert measured("Prices\na | b\n1 | 2\n3 | 4\n\nText | once\nmore\n| x | y |\n| - | - |").tables == 2


def test_a_pdf_tells_what_its_text_does_not_show() -> None:
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen import canvas

    buffer = BytesIO()
    paper = canvas.Canvas(buffer, pagesize=A4, encrypt=StandardEncryption("", ownerPassword="owner"))
    paper.drawString(72, 700, "Ferries of the summer, month by month, as the harbour office lists them.")
    for line, cells in enumerate(
        (("Month", "Trips", "Guests"), ("May", "31", "2,400"), ("June", "30", "3,100"))
    ):
        for at, cell in enumerate(cells):
            paper.drawString(72 + 150 * at, 660 - 16 * line, cell)
    paper.showPage()
    paper.showPage()  # blank
    paper.rect(10, 10, 500, 700, fill=1)
    for at in range(200):
        paper.line(at, 0, 0, at)  # a drawing
    paper.showPage()
    paper.save()
    document = load(buffer.getvalue(), "a.pdf")
    health = health_of(document)
    assert (health.encrypted, health.tables) == (True, 1)
    assert (health.textless_pages, health.unread_pages) == ((2, 3), (3,))
    plain = health_of(load(pdf(["One page of prose, and nothing else on it at all."]), "a.pdf"))
    assert (plain.encrypted, plain.tables, plain.textless_pages) == (False, 0, ())


def test_what_the_child_measured_is_stored_shown_and_erased(tmp_path: Path) -> None:
    file = tmp_path / "docs" / "a.txt"
    file.parent.mkdir()
    file.write_text("Preis | Menge\n1 | 2\n\n" + GERMAN + "\ufffd", encoding="utf-8")
    with Store.open(tmp_path / "data") as store, Parser() as parser:
        ingest_paths(store, WordCountEmbedder(["fähre"]), parser, [file])
        (row,) = store.documents()
        text = store.text(row.version_id or 0)
        assert text is not None
        assert row.health == measured(text)
        assert (row.health.tables, row.health.garbled, row.language) == (1, 1, "de")
        assert store.document(row.doc_id) == row
        store.remove([row.doc_id])
        store.purge(undo_seconds=0)
        assert store.check() == []
        with store.catalog.reading() as connection:
            assert connection.execute("SELECT count(*) FROM health").fetchone()[0] == 0


def test_reading_a_document_of_an_earlier_release_again_measures_it(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(GERMAN, encoding="utf-8")
    embedder = WordCountEmbedder(["fähre"])
    with Store.open(tmp_path / "data") as store, Parser() as parser:
        ingest_paths(store, embedder, parser, [file])
        with store.catalog.writing() as connection:
            connection.execute("DELETE FROM health")
        (row,) = store.documents()
        assert row.health is None
        reindex(store, embedder, parser, [row.doc_id])
        (row,) = store.documents()
        assert row.health == measured(GERMAN)
