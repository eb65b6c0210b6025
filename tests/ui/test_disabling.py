"""Disable and Enable on the page and in the command line, and what answers say of a disabled document."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from selectolax.lexbor import LexborHTMLParser
from typer.testing import CliRunner

from index.ingest import ingest_documents
from index.report import FileOutcome
from index.store import Store
from rag.build import build_assistant
from tests.fakes import WordCountEmbedder
from tests.index.support import EMBEDDER, put
from tests.rag.corpus import VOCABULARY, unread, with_headings
from tests.ui.desk import NoIndexer, Tab, desk_over
from tests.ui.test_chats import QUOTE, TEXT, quoted_answer
from tests.ui.test_chats import put as put_lease
from tests.ui.test_suggesting import offered, soon
from ui.cli import app
from ui.conversation import answer_markdown, answer_with_sources
from ui.desk import Desk
from ui.health import needs_a_look
from ui.indexing import Request
from ui.stored import stored
from ui.tab import View


class Recorder(NoIndexer):
    """Remembers what was to be indexed."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def submit(self, request: Request) -> None:
        self.requests.append(request)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Store.open(tmp_path / "data") as store:
        put_lease(store, TEXT)
    with desk_over(tmp_path / "data") as opened:
        yield opened


def text_at(markup: str, selector: str) -> str:
    (found,) = LexborHTMLParser(markup).css(selector)
    return found.text()


def acts(desk: Desk, view: View, name: str) -> list[str]:
    """The acts that the row of a document offers, by their names on the page."""
    table = LexborHTMLParser(Tab(desk, view).page.around.html(view)["table"])
    (row,) = [each for each in table.css("tbody tr") if name in each.text()]
    return [each.text() for each in row.css(".fn-actions > button")]


def click(desk: Desk, view: View, act: str, **data: object) -> None:
    Tab(desk, view).page.documents.action(view, gr.EventData(None, {"act": act, **data}))


def test_a_row_offers_what_fits_its_state(desk: Desk) -> None:
    view = View()
    (row,) = desk.store.documents()
    assert acts(desk, view, "lease.txt") == ["Re-index", "Disable"]
    click(desk, view, "disable", doc=row.doc_id)
    assert desk.store.documents()[0].state == "disabled"
    assert acts(desk, view, "lease.txt") == ["Re-index", "Enable"]
    parts = Tab(desk, view).page.around.html(view)
    assert "1disabled" in LexborHTMLParser(parts["state"]).text()
    assert "0 documents, 0 passages" in LexborHTMLParser(parts["side"]).text()
    click(desk, view, "enable", doc=row.doc_id)
    assert desk.store.documents() == [row]
    failed = replace(put("/docs/scan.pdf", QUOTE), version=None, state="failed", problem="damaged")
    desk.store.publish(puts=[failed])
    scan = next(each.doc_id for each in desk.store.documents() if each.problem)
    click(desk, view, "disable", doc=scan)
    assert acts(desk, view, "scan.pdf") == ["Retry", "Ignore"]


def test_what_is_ignored_is_listed_as_that_and_counts_as_no_trouble(desk: Desk) -> None:
    view = View()
    failed = replace(
        put("/docs/scan.pdf", QUOTE),
        version=None,
        state="failed",
        problem="damaged",
        reason="It is damaged.",
        hint="Repair it.",
    )
    desk.store.publish(puts=[failed])
    outcome = FileOutcome(path="/docs/scan.pdf", outcome="failed", reason="It is damaged.")
    desk.jobs.finish(desk.jobs.start("paths", "docs"), "done", outcomes=(outcome,))

    def shown() -> tuple[str, str, str]:
        parts = Tab(desk, view).page.around.html(view)
        text = {name: LexborHTMLParser(parts[name]).text() for name in ("side", "state", "table")}
        return text["side"], text["state"], text["table"]

    side, state, table = shown()
    assert "1 document could not be read" in side
    assert "1not read" in state
    assert "1 failed" in state  # by the last job
    assert "It is damaged. Repair it." in table
    assert needs_a_look(desk.overview().documents.rows[-1])
    click(desk, view, "ignore", doc=desk.overview().documents.rows[-1].doc_id)
    side, state, table = shown()
    assert "could not be read" not in side
    assert "1ignored" in state
    assert "failed" not in state
    assert "Repair it." not in table
    assert "It is damaged." in table  # as a fact
    assert acts(desk, view, "scan.pdf") == ["Retry"]
    assert not needs_a_look(desk.overview().documents.rows[-1])


def test_an_act_is_for_all_that_is_ticked_and_for_nothing_that_is_not_there(desk: Desk) -> None:
    view = View()
    put_lease(desk.store, TEXT, "/docs/copy.txt")
    put_lease(desk.store, TEXT, "/docs/other.txt")
    ids = {row.name: row.doc_id for row in desk.store.documents()}
    ticked = f"{ids['copy.txt']} {ids['lease.txt']} {ids['copy.txt']} nobody"
    click(desk, view, "disable", docs=ticked)
    assert [row.name for row in desk.store.documents() if row.answers] == ["other.txt"]
    indexer = Recorder()
    desk.indexer = indexer
    click(desk, view, "reindex", docs=ticked)
    assert indexer.requests == [{"kind": "reindex", "doc_ids": [ids["copy.txt"], ids["lease.txt"]]}]
    click(desk, view, "reindex", docs="nobody")
    click(desk, view, "remove", docs=["a list", 7])
    assert (len(indexer.requests), len(desk.store.documents())) == (1, 3)
    click(desk, view, "remove", docs=ticked)
    assert [row.name for row in desk.store.documents()] == ["other.txt"]
    click(desk, view, "undo")  # all of them at once
    assert len(desk.store.documents()) == 3


def test_an_answer_says_that_its_document_is_disabled_and_keeps_its_words(desk: Desk) -> None:
    place = desk.chats.add_exchange(desk.chats.create("When?").chat_id, "When?")
    desk.chats.finish(place.message_id, stored(quoted_answer(desk.store)))
    message = desk.chats.message(place.message_id)
    assert message is not None
    (row,) = desk.store.documents()
    link = f"#cite-{place.message_id}-1"

    def shown() -> tuple[str, str]:
        pane = desk.pane.html(link)
        return text_at(pane, ".fn-badge"), text_at(pane, "mark")

    assert shown() == ("Current", QUOTE)
    desk.store.disable([row.doc_id])
    assert shown() == ("Disabled", QUOTE)
    assert "until you enable it in Documents" in desk.pane.html(link)
    answer = html.unescape(answer_markdown(message, "When?", desk.references))
    assert f"lease.txt (disabled): {QUOTE}" in answer
    assert "lease.txt · disabled</a>" in answer
    assert "removed" not in answer
    assert QUOTE in answer_with_sources(message, desk.references, "")
    # It was read again meanwhile, and the words stand elsewhere: it answers no more all the same.
    put_lease(desk.store, f"A new first line.\n\n{TEXT}")
    assert shown() == ("Disabled", QUOTE)
    put_lease(desk.store, "Another contract.")
    assert text_at(desk.pane.html(link), ".fn-badge") == "Changed"


def test_words_of_a_document_that_is_gone_are_found_in_a_copy_that_answers(desk: Desk) -> None:
    answer = stored(quoted_answer(desk.store))
    (row,) = desk.store.documents()
    put_lease(desk.store, TEXT, "/docs/a copy.txt")
    put_lease(desk.store, TEXT, "/docs/b copy.txt")
    copies = {each.name: each.doc_id for each in desk.store.documents()}
    desk.store.disable([copies["a copy.txt"]])
    desk.store.remove([row.doc_id])
    located = desk.references.locate(dict(answer.citations)[1])
    assert located.document is not None
    assert (located.state, located.document.name) == ("moved", "b copy.txt")
    desk.store.disable([copies["b copy.txt"]])
    assert desk.references.locate(dict(answer.citations)[1]).state == "disabled"


def test_nothing_is_answered_or_suggested_from_it(tmp_path: Path) -> None:
    handbook = with_headings(
        ("3.1 Warranty in months", "The warranty lasts 24 months."),
        ("3.2 Battery", "The battery is covered too."),
    )
    with Store.open(tmp_path / "data") as store:
        ingest_documents(store, WordCountEmbedder(VOCABULARY), [("/docs/handbook.md", handbook)])
    with desk_over(tmp_path / "data") as desk:
        settings, embedder = unread(desk.settings), WordCountEmbedder(VOCABULARY)
        desk.assistant.set_result(build_assistant(settings, desk.store, embedder))
        tab = Tab(desk)
        tab.ask("How many months does the warranty last?")
        assert soon(lambda: offered(tab)) == ["Battery"]
        assert any("handbook.md" in question for question in desk.overview().questions)
        ids = [row.doc_id for row in desk.store.documents()]
        desk.store.disable(ids)
        assert offered(tab) == []
        assert desk.overview().questions == []
        tab.ask("How many months does the warranty last?")
        last = desk.chats.messages(tab.view.chat_id)[-1].answer
        assert last is not None
        assert (last.status, last.passages) == ("abstained", ())
        desk.store.enable(ids)
        tab.ask("How many months does the warranty last?")
        last = desk.chats.messages(tab.view.chat_id)[-1].answer
        assert last is not None
        assert last.status == "answered"


# -- the command line ------------------------------------------------------------------------------


def run(data: Path, *arguments: str, expect: int = 0) -> str:
    done = CliRunner().invoke(app, [*arguments, "--data", str(data)])
    assert done.exit_code == expect, done.output
    return done.output


def test_the_command_line_disables_and_enables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOOTNOTE_DATA", raising=False)
    data = tmp_path / "data"
    failed = replace(put("/letters/c.pdf", QUOTE), version=None, state="failed", problem="damaged")
    with Store.open(data) as store:
        puts = [put("/letters/a.txt", QUOTE), put("/b.txt", TEXT.strip()), failed]
        store.publish(puts=puts, embedder=EMBEDDER)
    said = run(data, "disable", "/letters")
    assert re.sub(r"\s+", " ", said) == (
        "1 document disabled: /letters/a.txt (in Documents)"
        " Could not be read, so there is nothing to disable: /letters/c.pdf (in Documents) "
    )
    assert "3 (1 ready, 1 failed, 1 disabled)" in run(data, "status")
    assert re.search(r"disabled +1 +/letters/a\.txt", run(data, "list"))
    assert run(data, "disable", "a.txt") == "0 documents disabled.\n"  # it is already
    enabled = json.loads(run(data, "enable", "a.txt", "--json"))
    assert [(row["path"], row["state"]) for row in enabled["enabled"]] == [("/letters/a.txt", "ready")]
    assert "No document is called" in run(data, "disable", "nobody.txt", expect=1)
