"""The server looks into the folders now and then; the sidebar says what it found, and leads to the plan."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from index import missing
from index.ingest import ingest_paths
from index.missing import OutOfReach
from index.parsing import Parser
from index.report import Outcome
from index.room import Room
from index.store import Store
from index.watched import WatchedFolder, set_watched
from rag.answers import digest
from tests.fakes import WordCountEmbedder
from tests.ui.desk import Tab, desk_over
from tests.ui.test_disabling import Recorder, run
from ui.commands import documents
from ui.desk import Desk
from ui.looking import FolderLook, look
from ui.planning import PlanGroup, PlanSummary
from ui.stored import SpanRef, StoredAnswer, StoredSentence
from ui.tab import View


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is indexed into the data folder beside it, and one file of which has changed since."""
    path = tmp_path / "folder"
    path.mkdir()
    (path / "a.txt").write_text("Cats sleep.", encoding="utf-8")
    with Store.open(tmp_path / "data") as store, Parser() as parser:
        ingest_paths(store, WordCountEmbedder(["cats"]), parser, [path])
    (path / "a.txt").write_text("Cats sleep all day.", encoding="utf-8")
    return path


@pytest.fixture
def store(tmp_path: Path, folder: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 25  # less than until the next look by itself
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def soon(looking: FolderLook, wanted: int) -> bool:
    return until(lambda: looking.changed == wanted)


def test_the_process_counts_what_changed(store: Store, folder: Path) -> None:
    looking = FolderLook(store, busy=lambda: False, first_seconds=0)
    assert looking.changed == 0
    looking.start()
    try:
        assert soon(looking, 1)
        store.disable([row.doc_id for row in store.documents()])
        assert looking.changed == 1  # no file is read by that
        store.publish(folder=(str(folder), "Documents"))  # as at the end of a run over it
        assert looking.changed == 0
    finally:
        looking.close()


def test_nothing_is_looked_at_while_something_is_indexed(store: Store) -> None:
    busy = [True]
    looking = FolderLook(store, busy=lambda: busy[0], first_seconds=0)
    looking.start()
    try:
        time.sleep(2.5)
        assert looking.changed == 0
        busy.clear()
        busy.append(False)
        assert soon(looking, 1)
    finally:
        looking.close()


def test_a_look_that_fails_says_nothing_and_one_that_hangs_is_broken_off(store: Store) -> None:
    for code in ("import sys; sys.exit(1)", "import time; time.sleep(600)"):
        looking = FolderLook(store, busy=lambda: False, command=[sys.executable, "-c", code], first_seconds=0)
        looking.start()
        time.sleep(2)
        began = time.monotonic()
        looking.close()
        assert time.monotonic() - began < 4
        assert looking.changed == 0


def test_a_look_that_cannot_begin_is_tried_again_later(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    looking = FolderLook(store, busy=lambda: False, command=[str(tmp_path / "none")], first_seconds=0)
    looking.start()
    time.sleep(2.5)
    looking.close()
    assert looking.changed == 0
    assert [record.getMessage() for record in caplog.records] == [
        "the folders could not be looked into: FileNotFoundError"
    ]


def test_what_was_proved_to_be_the_same_is_passed_on(store: Store, folder: Path) -> None:
    (folder / "a.txt").write_text("Cats sleep.", encoding="utf-8")  # as it was
    found = json.loads(json.dumps(look(store.data, {})))
    assert found["changed"] == 0
    status = (folder / "a.txt").stat()
    stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    assert found["same"] == {str(folder / "a.txt"): stamp}
    assert look(store.data, found)["same"] == {str(folder / "a.txt"): tuple(stamp)}


def test_watched_folders_and_names_that_are_not_unicode(store: Store, folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(str(folder)) + b"/\xff.txt")).write_text("Dogs.", encoding="utf-8")
    assert json.loads(json.dumps(look(store.data, {})))["changed"] == 2
    set_watched(store.catalog, WatchedFolder(path=str(folder), collection="Documents"), on=True)
    assert look(store.data, {}) == {"changed": 0, "same": {}, "out_of_reach": []}


def test_a_folder_that_goes_away_and_comes_back_is_noticed(store: Store, folder: Path) -> None:
    away = folder.with_name("away")
    folder.rename(away)
    states = ["watching"]
    looking = FolderLook(store, busy=lambda: False, first_seconds=0, watched=lambda: list(states))
    looking.start()
    try:
        assert until(lambda: [each.path for each in looking.out_of_reach] == [str(folder)])
        (first,) = looking.out_of_reach
        assert first.collection == "Documents"
        assert time.time() - 60 < first.since <= time.time()
        away.rename(folder)
        states.append("starting")  # who watches it sees that it is back: the next look is due at once
        assert until(lambda: looking.out_of_reach == ())
    finally:
        looking.close()


def test_what_is_still_out_of_reach_is_so_since_the_first_look(store: Store, folder: Path) -> None:
    folder.rename(folder.with_name("away"))
    first = json.loads(json.dumps(look(store.data, {})))
    second = look(store.data, first)
    assert second["out_of_reach"] == first["out_of_reach"] != []


# -- the page --------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path: Path, folder: Path) -> Iterator[Desk]:
    with desk_over(tmp_path / "data") as opened:
        yield opened


def index_line(desk: Desk, view: View) -> tuple[str, str | None]:
    """What the sidebar says of the index, and the act of a click there."""
    (line, *_) = LexborHTMLParser(Tab(desk, view).page.around.html(view)["side"]).css(".fn-status button")
    assert line.attributes["data-view"] == "documents"
    return " ".join(line.text().split()), line.attributes.get("data-act")


def test_the_sidebar_says_it_and_a_click_makes_the_plan(desk: Desk) -> None:
    view, indexer = View(), Recorder()
    desk.indexer = indexer
    assert index_line(desk, view)[0].startswith("Up to date")
    desk.looking._found = (desk.store.folders()[0].indexed_at, 5)  # of a look
    assert index_line(desk, view) == ("5 files changed · Review", "review")
    tab = Tab(desk, view)
    tab.click_side("review")
    assert indexer.requests == [{"kind": "plan", "paths": [], "label": "all folders"}]
    # The plan knows better than the look; and a second click only leads to it.
    counts: dict[Outcome, int] = {"changed": 2, "removed": 1, "failed": 4, "unchanged": 9}
    groups = tuple(
        PlanGroup(outcome=outcome, files=files, passages=0, embedded=0, to_recognise=0, lines=())
        for outcome, files in counts.items()
    )
    plan = PlanSummary(
        request={"kind": "paths", "paths": []},
        groups=groups,
        passages=0,
        embedded=0,
        to_recognise=0,
        estimate=None,
        room=Room(needed=0, free=1),
        generation=desk.store.generation,
    )
    indexer.planned = plan
    assert index_line(desk, view)[0] == "3 files changed · Review"
    tab.click_side("review")
    assert len(indexer.requests) == 1
    # One for a single folder, or for another generation, says nothing of all folders.
    indexer.planned = replace(plan, request={"kind": "paths", "paths": ["/somewhere"]})
    assert index_line(desk, view)[0] == "5 files changed · Review"
    indexer.planned = replace(plan, generation=0)
    assert index_line(desk, view)[0] == "5 files changed · Review"


def test_documents_of_a_folder_that_is_out_of_reach_are_missing_and_say_what_to_do(
    desk: Desk, folder: Path
) -> None:
    around = Tab(desk, View()).page.around
    assert "Missing" not in around.html(View())["table"]
    desk.looking.out_of_reach = (OutOfReach(path=str(folder), collection="Documents", since=time.time()),)
    html = around.html(View())
    (row,) = LexborHTMLParser(html["table"]).css("tbody tr")
    (state,) = row.css("td[data-th=State]")
    assert state.text() == "Missing"
    (fix,) = row.css(".fn-fix")
    assert f"Its folder {folder} is out of reach (noticed today " in fix.text()
    assert "what was read of it still answers. Connect its disk again, or delete" in fix.text()
    assert "<b>1</b>missing" in html["state"]
    assert "data-tick" in around.html(View(filter="missing"))["table"]
    assert "No document matches" in around.html(View(filter="ready"))["table"]
    desk.looking.out_of_reach = ()
    assert "Missing" not in around.html(View())["table"]


def test_the_pane_of_a_citation_says_that_its_file_is_not_reachable(desk: Desk, folder: Path) -> None:
    (row,) = desk.store.documents()
    assert row.version_id is not None
    words = "Cats sleep."
    cited = SpanRef(
        doc_id=row.doc_id,
        version_id=row.version_id,
        start=0,
        end=len(words),
        sha256=digest(words),
        name=row.name,
        collection=row.collection,
    )
    said = StoredSentence(text=None, markers=(1,), verdict="quoted")
    message = desk.chats.add_exchange(desk.chats.create("Do cats sleep?").chat_id, "Do cats sleep?")
    desk.chats.finish(
        message.message_id, StoredAnswer(status="answered", sentences=(said,), citations=((1, cited),))
    )

    def shown(link: str) -> tuple[list[str], list[str]]:
        """The badge of the pane, and its word on the state of the document."""
        pane = LexborHTMLParser(desk.pane.html(link))
        assert words in pane.text()
        return [each.text() for each in pane.css(".fn-badge")], [
            each.text() for each in pane.css(".fn-state")
        ]

    links = [f"#cite-{message.message_id}-1", f"#doc-{row.doc_id}"]
    assert [shown(link) for link in links] == [(["Current"], []), ([], [])]
    desk.looking.out_of_reach = (OutOfReach(path=str(folder), collection="Documents", since=time.time()),)
    for link in links:
        (badge,), (state,) = shown(link)
        assert badge == "Not reachable"
        assert state.startswith(f"Not reachable. Its folder {folder} is out of reach (noticed today ")
    desk.store.disable([row.doc_id])  # then nothing is answered from it, wherever its file is
    (badge,), (state,) = shown(links[0])
    assert badge == "Disabled"
    assert "The document is disabled" in state


def test_the_list_of_the_command_line_says_which_documents_are_not_reachable(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FOOTNOTE_DATA", raising=False)
    data = tmp_path / "data"

    def out_of_reach() -> list[str | None]:
        return [each["out_of_reach"] for each in json.loads(run(data, "list", "--json"))["documents"]]

    assert out_of_reach() == [None]
    assert "reach" not in run(data, "list")
    folder.rename(tmp_path / "unplugged")
    assert out_of_reach() == [str(folder)]
    line, why = run(data, "list").splitlines()
    assert line.endswith(f"{folder / 'a.txt'} (in Documents) · not reachable")
    assert why.strip() == (
        f"Its folder {folder} is out of reach; what was read of it still answers."
        " Connect its disk again, or delete the document."
    )


def test_the_list_does_not_wait_for_a_drive_that_does_not_answer(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.delenv("FOOTNOTE_DATA", raising=False)
    monkeypatch.setattr(documents, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(missing, "folders_out_of_reach", lambda _: answers.wait(30) and [])
    try:
        listed = run(tmp_path / "data", "list")
    finally:
        answers.set()
    assert str(folder / "a.txt") in listed
    assert "A folder does not answer" in listed
