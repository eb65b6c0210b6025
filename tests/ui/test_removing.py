"""Removing in the Documents view: gone at once from the page, back with Undo, erased by the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from index.ingest import ingest_documents
from index.removal import UNDO_SECONDS
from index.store import Store
from rag.settings import load_settings
from tests.fakes import WordCountEmbedder
from tests.index.support import files_with
from tests.rag.corpus import with_headings
from tests.ui.desk import desk_over
from tests.ui.light_server import NothingToIndex
from ui.desk import Desk
from ui.page import Page
from ui.tab import View


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Store.open(tmp_path / "data") as store:
        document = with_headings(("1. Roses", "The roses bloom in June."))
        ingest_documents(store, WordCountEmbedder(["roses"]), [("/roses.pdf", document)])
    opened = Desk(load_settings({"data": tmp_path / "data"}), indexer=NothingToIndex())
    yield opened
    opened.close()


def click(page: Page, view: View, act: str, doc: str = "") -> str:
    """Click as the browser reports it; the state of the Documents view as it is shown then."""
    page.components.state, page.components.table, page.components.side = "state", "table", "side"
    page.documents.action(view, gr.EventData(None, {"act": act, "doc": doc}))
    return view.shown.html["state"] + view.shown.html["table"]


def test_a_click_removes_and_a_second_one_brings_back(desk: Desk) -> None:
    page, view = Page(desk), View()
    [row] = desk.store.documents()
    shown = click(page, view, "remove", row.doc_id)
    assert "1 document removed." in shown
    assert row.doc_id not in shown
    other = View()
    assert "removed." not in click(page, other, "filter")  # another tab did not do it
    shown = click(page, view, "undo")
    assert "removed." not in shown
    assert row.doc_id in shown
    assert desk.store.check() == []


def test_an_undo_that_comes_too_late_says_so(desk: Desk) -> None:
    page, view = Page(desk), View()
    [row] = desk.store.documents()
    click(page, view, "remove", row.doc_id)
    desk.store.purge(undo_seconds=0)
    assert "It was too late" in click(page, view, "undo")


def erased(desk: Desk) -> bool:
    """Whether the desk erases what there is to erase, as it does while the server runs."""
    # Of all that start() starts: the rest loads a model.
    threading.Thread(target=desk._erase_removed, daemon=True).start()
    deadline = time.monotonic() + 20
    while desk.store.to_erase() and time.monotonic() < deadline:
        time.sleep(0.1)
    return not desk.store.to_erase()


def test_the_server_finishes_a_purge_that_was_interrupted(desk: Desk) -> None:
    [row] = desk.store.documents()
    desk.store.publish(removals=[row.doc_id])  # leaves what was derived from it
    assert desk.store.to_erase()
    assert erased(desk)


def test_what_was_deleted_before_a_stop_is_erased_after_the_next_start(desk: Desk, tmp_path: Path) -> None:
    [row] = desk.store.documents()
    desk.store.remove([row.doc_id])
    desk.close()
    with desk_over(tmp_path / "data") as again:
        assert again.store.removals()  # it can still be undone
        assert files_with(tmp_path / "data", "roses bloom")
        with again.store.catalog.writing() as connection:  # the undo time goes by
            connection.execute("UPDATE removed_documents SET removed_at = removed_at - ?", (UNDO_SECONDS,))
        assert erased(again)
        assert files_with(tmp_path / "data", "roses bloom") == []
