"""Documents of one name are told apart wherever an answer or the pane names them, and no others are."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from index.documents import ParsedDocument
from index.ingest import ingest_documents
from index.store import Store
from rag.answers import digest
from rag.build import build_assistant
from rag.settings import Settings
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import unread
from ui.answer_footer import footer_html
from ui.chats import Chats
from ui.conversation import answer_markdown, answer_with_sources
from ui.evidence_pane import EvidencePane
from ui.export import export_chat
from ui.references import References
from ui.stored import SpanRef, StoredAnswer, StoredSentence, stored
from ui.told_apart import told_apart

EMBEDDER = WordCountEmbedder(["zebrafish", "rent", "garden"])
QUESTION = "When does the zebrafish clause end?"
NORTH = "The zebrafish clause of this contract ends in March of the year after it was signed by both."


@pytest.mark.parametrize(
    ("path", "others", "name"),
    [
        ("/a/2024/report.pdf", ["/a/2023/report.pdf"], "2024/report.pdf"),
        ("/north/2024/report.pdf", ["/a/2023/report.pdf", "/south/2024/report.pdf"], "north/2024/report.pdf"),
        ("/report.pdf", ["/a/report.pdf"], "report.pdf"),  # nothing is above it
        ("report.pdf", ["/a/report.pdf"], "report.pdf"),  # an upload
        ("/a/report.pdf", ["report.pdf"], "a/report.pdf"),
        (r"C:\a\2024\report.pdf", [r"C:\a\2023\report.pdf"], "2024/report.pdf"),
    ],
)
def test_as_much_of_the_folder_is_shown_as_tells_them_apart(path: str, others: list[str], name: str) -> None:
    assert told_apart(path, "Documents", [(other, "Documents") for other in others]) == name


def test_one_file_in_two_collections_is_told_apart_by_the_collection() -> None:
    assert told_apart("/a/b.txt", "One", [("/a/b.txt", "Two")]) == "b.txt in One"
    assert told_apart("/a/b.txt", "One", [("/a/b.txt", "Two"), ("/c/b.txt", "One")]) == "a/b.txt in One"


def put(store: Store, **texts: str) -> None:
    items = [
        (f"/docs/{path.replace('__', '/')}.txt", ParsedDocument(text=text)) for path, text in texts.items()
    ]
    ingest_documents(store, EMBEDDER, items)
    store.refresh()


def test_chips_and_the_head_of_the_pane_name_the_folder_while_there_are_two(tmp_path: Path) -> None:
    data = tmp_path / "data"
    chats = Chats(data)
    with Store.open(data) as store:
        put(store, north__lease=NORTH, south__rent="The rent of the garden is due monthly.")
        assistant = build_assistant(unread(Settings(data=data)), store, EMBEDDER)
        answer = stored(assistant.ask(QUESTION))
        assistant.close()
        message = chats.add_exchange(chats.create(QUESTION).chat_id, QUESTION)
        chats.finish(message.message_id, answer)
        references = References(store)
        pane = EvidencePane(store, chats, references)

        def shown() -> tuple[str, str, str]:
            located = {marker: references.locate(ref) for marker, ref in answer.citations}
            footer = LexborHTMLParser(footer_html(message.message_id, answer, located, references, ""))
            head = LexborHTMLParser(pane.html(f"#cite-{message.message_id}-1")).css_first("h2")
            document = references.locate(answer.citations[0][1]).document
            assert head is not None
            assert document is not None
            whole = LexborHTMLParser(pane.html(f"#doc-{document.doc_id}")).css_first("h2")
            assert whole is not None
            return footer.css("a.fn-chip")[0].text(), head.text(), whole.text()

        assert shown() == ("1lease.txt", "lease.txt", "lease.txt")
        # Names that only end alike are no namesakes.
        put(store, south__sublease="The garden is shared.")
        assert shown() == ("1lease.txt", "lease.txt", "lease.txt")
        put(store, south__lease="The garden belongs to both.")
        assert shown() == ("1north/lease.txt", "north/lease.txt", "north/lease.txt")
        store.remove([row.doc_id for row in store.documents() if row.path.endswith("south/lease.txt")])
        store.refresh()
        assert shown() == ("1lease.txt", "lease.txt", "lease.txt")
    chats.close()


def whole(store: Store, path: str) -> SpanRef:
    """A document from its first character to its last."""
    (row,) = [each for each in store.documents() if each.path == path]
    assert row.version_id is not None
    text = store.text(row.version_id) or ""
    return SpanRef(
        doc_id=row.doc_id,
        version_id=row.version_id,
        start=0,
        end=len(text),
        sha256=digest(text),
        name=row.name,
        collection=row.collection,
    )


def test_two_documents_of_one_name_have_a_heading_each_and_are_named_apart_everywhere(tmp_path: Path) -> None:
    chats = Chats(tmp_path / "data")
    with Store.open(tmp_path / "data") as store:
        put(store, north__lease=NORTH, south__lease="The garden belongs to both.", copy__lease=NORTH)
        answer = StoredAnswer(
            status="answered",
            query=QUESTION,
            sentences=tuple(
                StoredSentence(text=None, markers=(marker,), verdict="quoted", grouped=True)
                for marker in (1, 2)
            ),
            citations=(
                (1, whole(store, "/docs/north/lease.txt")),
                (2, whole(store, "/docs/south/lease.txt")),
            ),
        )
        message_id = chats.add_exchange(chats.create(QUESTION).chat_id, QUESTION).message_id
        chats.finish(message_id, answer)
        message = chats.message(message_id)
        assert message is not None
        references = References(store)

        shown = html.unescape(answer_markdown(message, QUESTION, references))
        assert re.findall(r"^\*\*(.+)\*\*$", shown, re.MULTILINE) == ["north/lease.txt", "south/lease.txt"]
        assert re.findall(r'"(\S+lease\.txt): ', shown) == [
            "north/lease.txt",
            "south/lease.txt",
        ]  # while hovered
        copied = answer_with_sources(message, references, "")
        assert "[1] north/lease.txt (" in copied
        assert "[2] south/lease.txt (" in copied

        pane = EvidencePane(store, chats, references)
        assert pane.quote(f"#cite-{message_id}-1").endswith("(north/lease.txt)")
        assert "Same text also in: copy/lease.txt" in html.unescape(pane.html(f"#cite-{message_id}-1"))

        exported = export_chat(chats, references, message.chat_id, "md")
        assert exported is not None
        assert "north/lease.txt" in exported.text.replace("\\", "")
        assert "south/lease.txt" in exported.text.replace("\\", "")
    chats.close()
