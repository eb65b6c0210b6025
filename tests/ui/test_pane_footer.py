"""The foot of the evidence pane leads to the same text elsewhere and to the rest of what was found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from index.documents import ParsedDocument
from index.ingest import ingest_documents
from index.loaders import load
from index.store import Store
from rag.answers import Answer
from rag.build import build_assistant
from rag.settings import Settings
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import unread
from tests.ui.payloads import HOSTILE
from ui.chats import Chats
from ui.evidence_pane import EvidencePane
from ui.references import References
from ui.stored import answer_from_json, stored

EMBEDDER = WordCountEmbedder(["zebrafish", "rent", "garden"])
CLAUSE = "The zebrafish clause of this contract ends in March of the year after it was signed by both."
RENT = "The rent of the garden is due monthly, on the first working day, to the account of the landlord."
QUESTION = "When does the zebrafish clause end?"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def chats(tmp_path: Path) -> Iterator[Chats]:
    opened = Chats(tmp_path / "data")
    yield opened
    opened.close()


def index(store: Store, **texts: str) -> None:
    """Documents by name, each paragraph on a page of its own."""
    items = []
    for name, text in texts.items():
        starts = tuple(match.end() for match in re.finditer(r"\A|\n\n", text))
        items.append((f"/docs/{name}.txt", ParsedDocument(text=text, page_starts=starts)))
    ingest_documents(store, EMBEDDER, items)
    store.refresh()


def asked(store: Store, chats: Chats, tmp_path: Path) -> tuple[Answer, str]:
    """The answer to the question, and the message that holds it."""
    assistant = build_assistant(unread(Settings(data=tmp_path / "data")), store, EMBEDDER)
    answer = assistant.ask(QUESTION)
    assistant.close()
    assert answer.citations[0].quote == CLAUSE
    message = chats.add_exchange(chats.create(QUESTION).chat_id, QUESTION)
    chats.finish(message.message_id, stored(answer))
    return answer, message.message_id


def foot(pane: str) -> dict[str, list[tuple[str, str]]]:
    """Every folded list of links: what is said before it is opened, and the links."""
    page = LexborHTMLParser(pane)
    found: dict[str, list[tuple[str, str]]] = {}
    for each in page.css(".fn-pane-foot details"):
        assert "open" not in each.attributes
        (summary,) = each.css("summary")
        if each.css("a"):
            found[summary.text()] = [(str(link.attributes["href"]), link.text()) for link in each.css("a")]
    return found


def test_a_copy_of_the_file_is_a_click_away(store: Store, chats: Chats, tmp_path: Path) -> None:
    text = f"{RENT}\n\n{CLAUSE}"
    index(store, lease=text, copy=text)
    _, message_id = asked(store, chats, tmp_path)
    pane = EvidencePane(store, chats, References(store))
    shown = pane.html(f"#cite-{message_id}-1")
    (name,) = LexborHTMLParser(shown).css("h2")
    other = {"lease.txt": "copy.txt", "copy.txt": "lease.txt"}[name.text()]
    ((said, links),) = foot(shown).items()
    assert said.startswith(f"Same text also in: {other}")
    ((link, label),) = links
    assert label.startswith(other)
    there = pane.html(link)
    assert CLAUSE in [mark.text() for mark in LexborHTMLParser(there).css("mark")]
    assert LexborHTMLParser(there).css("h2")[0].text() == other
    assert foot(there) != {}  # and back again
    assert "zebrafish" in pane.quote(link)


def test_nearly_the_same_passage_of_another_file_is_one_too(
    store: Store, chats: Chats, tmp_path: Path
) -> None:
    index(store, lease=CLAUSE, signed=CLAUSE.replace("contract", "CONTRACT") + " Signed.", rent=RENT)
    answer, message_id = asked(store, chats, tmp_path)
    twin = next(each for each in answer.passages if each.twins).twins[0]
    pane = EvidencePane(store, chats, References(store))
    (links,) = foot(pane.html(f"#cite-{message_id}-1")).values()
    assert links == [(f"#part-{twin.doc_id}-{twin.chunk_id}", "signed.txt, p. 1")]
    # It goes with its file.
    store.remove([twin.doc_id])
    assert foot(pane.html(f"#cite-{message_id}-1")) == {}
    assert pane.html(links[0][0]) == ""
    assert pane.quote(links[0][0]) == ""


def test_what_else_was_found_in_the_file_is_listed(store: Store, chats: Chats, tmp_path: Path) -> None:
    filler = " ".join(f"Word {number} says nothing at all about it." for number in range(60))
    index(store, lease=f"{CLAUSE}\n\n{filler}\n\n{RENT}", other=RENT.replace("garden", "house"))
    answer, message_id = asked(store, chats, tmp_path)
    pane = EvidencePane(store, chats, References(store))
    shown = foot(pane.html(f"#cite-{message_id}-1"))
    here = [
        rank
        for rank, passage in enumerate(answer.passages, 1)
        if passage.path == "/docs/lease.txt" and passage.start >= len(CLAUSE)
    ]
    assert here
    links = shown[f"Other passages from this file ({len(here)})"]
    assert sorted(link for link, _ in links) == sorted(f"#found-{message_id}-{rank}" for rank in here)
    for link, _ in links:
        assert "not used in the answer" in pane.html(link)


def test_how_a_passage_was_found_stands_below_it(store: Store, chats: Chats, tmp_path: Path) -> None:
    index(store, lease=CLAUSE, rent=RENT)
    answer, message_id = asked(store, chats, tmp_path)
    pane = EvidencePane(store, chats, References(store))
    page = LexborHTMLParser(pane.html(f"#cite-{message_id}-1"))
    (found,) = [each for each in page.css(".fn-pane-foot details") if "was found" in each.text()]
    assert [line.text() for line in found.css("li")] == [
        f"by meaning #1 ({answer.passages[0].cosine:.2f} of 1)",
        "by words #1",
        "both together 1.00 of 1",
        "all in all #1 of 2",
        "cited as [1]",
        f"passage {answer.citations[0].chunk_id} of the index",
    ]
    # An answer from before that number was kept.
    kept = json.loads(json.dumps(asdict(stored(answer))))
    for each in kept["considered"]:
        del each["cosine"]
    chats.finish(message_id, answer_from_json(json.dumps(kept)))
    page = LexborHTMLParser(pane.html(f"#cite-{message_id}-1"))
    assert "by meaning #1" in [line.text() for line in page.css(".fn-pane-foot li")]


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_and_text_stay_text(payload: str, store: Store, chats: Chats, tmp_path: Path) -> None:
    visible = payload.encode("utf-8", "replace").decode().replace("\0", "").replace("/", "_")
    texts = {"lease": f"{CLAUSE}\n\n{visible}"}
    items = [(f"/docs/{name}.txt", ParsedDocument(text=texts["lease"])) for name in ("lease", visible)]
    ingest_documents(store, EMBEDDER, items)
    store.refresh()
    _, message_id = asked(store, chats, tmp_path)
    shown = EvidencePane(store, chats, References(store)).html(f"#cite-{message_id}-1")
    inside = shown[shown.index('<div class="fn-pane-foot">') :]
    assert set(re.findall(r"</?([^\s>/]*)", inside)) == {
        "div",
        "details",
        "summary",
        "ul",
        "li",
        "a",
        "section",
    }


def test_the_open_citation_can_be_called_wrong(store: Store, chats: Chats, tmp_path: Path) -> None:
    index(store, lease=f"{RENT}\n\n{CLAUSE}")
    answer, message_id = asked(store, chats, tmp_path)
    pane = EvidencePane(store, chats, References(store))

    def offered(link: str) -> list[str | None]:
        return [each.attributes["href"] for each in LexborHTMLParser(pane.html(link)).css("a.fn-say-wrong")]

    assert offered(f"#cite-{message_id}-1") == [f"#say-{message_id}-wrong_citation-1"]
    assert offered(f"#found-{message_id}-1") == []  # the answer does not say that it rests on this
    assert offered(f"#doc-{answer.citations[0].doc_id}") == []
    refused = chats.add_exchange(chats.create(QUESTION).chat_id, QUESTION)
    chats.finish(refused.message_id, stored(replace(answer, status="stopped")))
    assert offered(f"#cite-{refused.message_id}-1") == []  # half an answer is no test question
    store.remove([row.doc_id for row in store.documents()])
    assert offered(f"#cite-{message_id}-1") == []


def test_the_headings_above_a_passage_stand_there_as_they_are_read(
    store: Store, chats: Chats, tmp_path: Path
) -> None:
    marked = load(f"# 2.1 The *garden*\n\n{CLAUSE}\n".encode(), "lease.md")
    ingest_documents(store, EMBEDDER, [("/docs/lease.md", marked)])
    store.refresh()
    _, message_id = asked(store, chats, tmp_path)
    pane = LexborHTMLParser(EvidencePane(store, chats, References(store)).html(f"#cite-{message_id}-1"))
    (facts,) = pane.css(".fn-meta")
    assert "2.1 The garden" in facts.text()
