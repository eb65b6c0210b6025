"""Watched folders: a real watcher over a real folder, a fake embedding, and the jobs that come of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
from numpy.typing import NDArray

from index.analysis import query_terms
from index.errors import FootnoteError, SourceError
from index.ingest import ingest_paths
from index.jobs import Jobs
from index.parsing import Parser
from index.store import Store
from index.watched import WatchedFolder, set_watched, watched_folders
from rag.settings import Settings, WatchSettings
from tests.fakes import WordCountEmbedder
from tests.ui.test_indexer import wait_for
from ui.desk import Desk
from ui.folders_view import folder_key, folders_html
from ui.indexing import Indexer, Request
from ui.job_runs import run_job
from ui.planning import PlanSummary
from ui.watching import FolderWatcher

NOTIFIED = WatchSettings()


class CountingEmbedder(WordCountEmbedder):
    """Remembers what it was asked to embed."""

    def __init__(self) -> None:
        super().__init__(["river", "bridge"])
        self.embedded: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded += texts
        return super().encode(texts)


class ThreadIndexer:
    """Carries requests out as the worker process does, but in a thread, and remembers them."""

    def __init__(self, data: Path, embedder: WordCountEmbedder) -> None:
        self.requests: list[Request] = []
        self.pending = 0
        self.failing = self.losing = False
        self._indexer = Indexer(Settings(data=data), embedder=embedder)
        self._jobs = Jobs(data)
        self._queue: SimpleQueue[Request | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def submit(self, request: Request) -> None:
        self.pending += 1
        self.requests.append(request)
        self._queue.put(request)

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._jobs.close()
        self._indexer.close()

    def _work(self) -> None:
        while (request := self._queue.get()) is not None:
            if self.losing:
                pass  # as on a full disk
            elif self.failing:
                self._jobs.finish(self._jobs.start(request["kind"], ""), "failed")
            else:
                with contextlib.suppress(FootnoteError):  # noted with the job
                    run_job(self._indexer, self._jobs, request)
            self.pending -= 1


class Watching:
    """A watched folder, and what it takes to follow it."""

    def __init__(self, tmp_path: Path, settings: WatchSettings = NOTIFIED) -> None:
        self.folder = tmp_path / "folder"
        self.folder.mkdir()
        self.data = tmp_path / "data"
        self.embedder = CountingEmbedder()
        self.store = Store.open(self.data)
        self.jobs = Jobs(self.data)
        self.indexer = ThreadIndexer(self.data, self.embedder)
        self.watcher = FolderWatcher(self.store, self.jobs, self.indexer, settings)

    @property
    def watched(self) -> WatchedFolder:
        return WatchedFolder(path=str(self.folder), collection="Documents")

    def begin(self) -> None:
        """Watch the folder, and wait until it was looked through."""
        self.watcher.start()
        self.watcher.turn_on(self.watched)
        wait_for(lambda: bool(self.requests("paths")) and not self.indexer.pending)
        self.embedder.embedded.clear()

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def requests(self, kind: str) -> list[Request]:
        return [request for request in self.indexer.requests if request["kind"] == kind]

    def names(self) -> list[str]:
        return [row.name for row in self.store.documents()]

    def found(self, query: str) -> list[str]:
        self.store.refresh()
        ids = [chunk_id for chunk_id, _ in self.store.snapshot().lexical(query_terms(query, ["en"]), 10)]
        rows = self.store.chunks(ids)
        return sorted(row.text for row in rows.values())

    def close(self) -> None:
        self.watcher.close()
        self.indexer.close()
        assert self.store.check() == []
        self.jobs.close()
        self.store.close()


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    it = Watching(tmp_path)
    yield it
    it.close()


def test_what_changed_while_nothing_was_watched_is_found_at_the_start(watching: Watching) -> None:
    watching.write("a.txt", "The river is wide.")
    watching.begin()
    assert watching.found("river") == ["The river is wide."]
    assert watching.watcher.folders == {watching.watched: "watching"}


def test_a_saved_file_can_be_searched_and_only_its_new_passages_are_embedded(watching: Watching) -> None:
    watching.write("a.txt", "The river is wide.")
    watching.write("b.txt", "The bridge is old.")
    watching.begin()
    watching.write("a.txt", "The river is deep.")
    wait_for(lambda: watching.found("deep") == ["The river is deep."])
    assert watching.embedder.embedded == ["The river is deep."]
    assert watching.requests("update")[0]["paths"] == [str(watching.folder / "a.txt")]
    watching.write("new.md", "A lamp by the road.")
    wait_for(lambda: watching.found("lamp") == ["A lamp by the road."])
    (watching.folder / "b.txt").unlink()
    wait_for(lambda: watching.found("bridge") == [])
    wait_for(lambda: not watching.indexer.pending)
    assert len(watching.requests("paths")) == 1


def test_an_editor_that_writes_a_temporary_file_and_renames_it_is_one_change(watching: Watching) -> None:
    path = watching.write("a.txt", "The river is wide.")
    watching.begin()
    (watching.folder / "4913").touch()
    (watching.folder / "4913").unlink()
    swap = watching.write(".a.txt.swp", "x")
    lock = watching.write("~$a.docx", "x")
    path.rename(watching.folder / "a.txt~")
    watching.write("a.tmp1234", "The river is deep.").rename(path)
    (watching.folder / "a.txt~").unlink()
    swap.unlink()
    wait_for(lambda: watching.found("deep") == ["The river is deep."])
    lock.unlink()
    wait_for(lambda: not watching.indexer.pending)
    assert watching.names() == ["a.txt"]
    named = {Path(path).name for request in watching.requests("update") for path in request["paths"]}
    assert named == {"a.txt"}
    assert all(job.outcomes[0].outcome == "changed" for job in watching.jobs.recent(1))


def test_files_that_nobody_would_index_cause_no_job(watching: Watching) -> None:
    watching.write("a.txt", "The river is wide.")
    watching.begin()
    watching.write(".a.txt.swp", "x")
    watching.write("photo.gif", "x")
    watching.write("node_modules/x/readme.md", "x")
    watching.write("4913", "x").unlink()
    watching.write("last.txt", "The bridge.")
    wait_for(lambda: "last.txt" in watching.names())
    named = {Path(path).name for request in watching.requests("update") for path in request["paths"]}
    assert named == {"last.txt"}


def test_a_rename_inside_and_between_watched_folders_embeds_nothing(
    watching: Watching, tmp_path: Path
) -> None:
    path = watching.write("a.txt", "The river is wide.")
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.txt").write_text("The bridge is old.", encoding="utf-8")
    watching.begin()
    watching.watcher.turn_on(WatchedFolder(path=str(other), collection="Other"))
    wait_for(lambda: len(watching.requests("paths")) == 2 and not watching.indexer.pending)
    watching.embedder.embedded.clear()
    path.rename(watching.folder / "c.txt")
    wait_for(lambda: watching.names() == ["c.txt", "b.txt"])
    doc_id = watching.store.documents()[0].doc_id
    (watching.folder / "c.txt").rename(other / "d.txt")
    wait_for(lambda: watching.names() == ["b.txt", "d.txt"])
    moved = watching.store.find("Other", str(other / "d.txt"))
    assert moved is not None
    assert moved.doc_id == doc_id
    assert watching.embedder.embedded == []


def test_a_folder_is_followed_when_it_moves_inside_and_when_it_comes_from_outside(
    watching: Watching, tmp_path: Path
) -> None:
    watching.write("sub/a.txt", "The river is wide.")
    watching.begin()
    (watching.folder / "sub").rename(watching.folder / "moved")
    wait_for(
        lambda: [row.path for row in watching.store.documents()] == [str(watching.folder / "moved/a.txt")]
    )
    assert watching.embedder.embedded == []
    outside = tmp_path / "outside" / "deep"
    outside.mkdir(parents=True)
    (outside / "b.txt").write_text("The bridge is old.", encoding="utf-8")
    outside.parent.rename(watching.folder / "inside")
    wait_for(lambda: watching.found("bridge") == ["The bridge is old."])


def test_a_burst_of_changes_is_a_few_jobs(watching: Watching) -> None:
    watching.write("a.txt", "The river is wide.")
    watching.begin()
    for number in range(1000):
        watching.write(f"{number}.txt", "The bridge is old.")  # one content: it is embedded once
    wait_for(lambda: len(watching.names()) == 1001, seconds=200)
    wait_for(lambda: not watching.indexer.pending)
    assert len(watching.indexer.requests) <= 8
    assert watching.embedder.embedded == ["The bridge is old."]


def test_a_folder_that_goes_away_keeps_its_documents_and_is_followed_when_it_is_back(
    watching: Watching, tmp_path: Path
) -> None:
    watching.write("a.txt", "The river is wide.")
    watching.begin()
    elsewhere = watching.folder.rename(tmp_path / "elsewhere")
    wait_for(lambda: watching.watcher.folders == {watching.watched: "away"})
    assert watching.names() == ["a.txt"]
    (elsewhere / "b.txt").write_text("The bridge is old.", encoding="utf-8")
    elsewhere.rename(watching.folder)
    wait_for(lambda: watching.found("bridge") == ["The bridge is old."])  # written while it was away
    watching.write("c.txt", "A lamp by the road.")
    wait_for(lambda: watching.found("lamp") == ["A lamp by the road."])
    assert watching.names() == ["a.txt", "b.txt", "c.txt"]


def test_an_empty_mount_point_keeps_the_documents(watching: Watching, tmp_path: Path) -> None:
    watching.write("a.txt", "The river is wide.")
    watching.begin()
    disk = watching.folder.rename(tmp_path / "disk")
    watching.folder.mkdir()  # as a mount point looks without its disk
    wait_for(lambda: len(watching.requests("paths")) == 2 and not watching.indexer.pending)
    assert watching.names() == ["a.txt"]
    watching.folder.rmdir()
    disk.rename(watching.folder)
    watching.write("b.txt", "The bridge is old.")
    wait_for(lambda: watching.names() == ["a.txt", "b.txt"])


def test_the_data_folder_inside_a_watched_folder_causes_no_jobs(tmp_path: Path) -> None:
    watching = Watching(tmp_path)
    try:
        watching.folder = tmp_path  # the data folder is in it
        watching.write("a.txt", "The river is wide.")
        watching.begin()
        (watching.data / "notes.txt").write_text("The bridge is old.", encoding="utf-8")
        watching.write("b.txt", "A lamp by the road.")
        wait_for(lambda: watching.names() == ["a.txt", "b.txt"])
        wait_for(lambda: not watching.indexer.pending)
        named = {Path(path).name for request in watching.requests("update") for path in request["paths"]}
        assert named == {"b.txt"}
    finally:
        watching.close()


@pytest.mark.parametrize("trouble", ["failing", "losing"])  # the second does not even become a job
def test_changes_whose_job_failed_are_made_good_by_looking_through_the_folder(
    watching: Watching, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr("ui.watching._RETRY_SECONDS", 0.2)
    watching.write("a.txt", "The river is wide.")
    watching.watcher._retry_seconds = 0.2
    watching.begin()
    monkeypatch.setattr(watching.indexer, trouble, True)
    watching.write("b.txt", "The bridge is old.")
    wait_for(lambda: len(watching.requests("update")) == 1 and len(watching.requests("paths")) > 1)
    monkeypatch.setattr(watching.indexer, trouble, False)
    wait_for(lambda: watching.found("bridge") == ["The bridge is old."])


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_a_name_that_is_not_utf8_is_followed_too(watching: Watching) -> None:
    watching.write("a.txt", "The river is wide.")
    watching.begin()
    path = watching.folder / os.fsdecode(b"caf\xe9.txt")
    path.write_text("The bridge is old.", encoding="utf-8")
    wait_for(lambda: watching.found("bridge") == ["The bridge is old."])
    watching.write("b.txt", "A lamp by the road.")
    wait_for(lambda: watching.found("lamp") == ["A lamp by the road."])


def test_a_folder_without_notifications_is_polled(tmp_path: Path) -> None:
    watching = Watching(tmp_path, WatchSettings(polling=True, poll_seconds=0.1))
    try:
        watching.write("a.txt", "The river is wide.")
        watching.begin()
        watching.write("sub/b.txt", "The bridge is old.")
        wait_for(lambda: watching.found("bridge") == ["The bridge is old."])
        shutil.rmtree(watching.folder / "sub")
        wait_for(lambda: watching.found("bridge") == [])
    finally:
        watching.close()


def test_the_switch_survives_a_restart_and_can_be_turned_off(watching: Watching) -> None:
    watching.write("a.txt", "The river is wide.")
    watching.begin()
    watching.watcher.close()
    watching.write("b.txt", "The bridge is old.")
    watching.watcher = FolderWatcher(watching.store, watching.jobs, watching.indexer, WatchSettings())
    watching.watcher.start()
    wait_for(lambda: watching.names() == ["a.txt", "b.txt"])
    wait_for(lambda: not watching.indexer.pending)
    watching.watcher.turn_off(watching.watched)
    assert not watching.watcher.active
    assert watching.watcher.folders == {}
    assert watching.names() == ["a.txt", "b.txt"]


def test_what_is_watched_is_kept_in_the_catalog(tmp_path: Path) -> None:
    odd = WatchedFolder(
        path=os.fsdecode(b"/b/caf\xe9") if sys.platform != "win32" else "C:\\b", collection="ü"
    )
    plain = WatchedFolder(path="/a", collection="Documents")
    with Store.open(tmp_path) as store:
        assert watched_folders(store.catalog) == []
        for folder in (odd, plain, odd):
            set_watched(store.catalog, folder, on=True)
    with Store.open(tmp_path) as store:
        assert watched_folders(store.catalog) == sorted([plain, odd])
        set_watched(store.catalog, odd, on=False)
        assert watched_folders(store.catalog) == [plain]


def test_a_folder_that_is_not_there_cannot_be_watched(watching: Watching) -> None:
    missing = WatchedFolder(path=str(watching.folder / "missing"), collection="Documents")
    with pytest.raises(SourceError, match="There is no folder"):
        watching.watcher.turn_on(missing)
    assert watched_folders(watching.store.catalog) == []


def test_the_page_lists_the_folders_with_their_switches(tmp_path: Path) -> None:
    class Idle:
        pending = 0
        planned: PlanSummary | None = None

        def submit(self, request: Request) -> None:
            raise AssertionError("nothing is indexed here")

        def close(self) -> None:
            pass

    folder = tmp_path / "<b>folder"
    folder.mkdir()
    (folder / "a.txt").write_text("The river is wide.", encoding="utf-8")
    data = tmp_path / "data"
    with Store.open(data) as store, Parser() as parser:
        ingest_paths(store, WordCountEmbedder(["river"]), parser, [folder], collection="Rivers")
    desk = Desk(Settings(data=data), indexer=Idle())
    try:
        (line,) = desk.folders()
        assert line.watch == "off"
        assert line.indexed_at is not None
        desk.watch(folder)  # takes the collection that the folder was indexed into
        (line,) = desk.folders()
        assert line.folder == WatchedFolder(path=str(folder), collection="Rivers")
        shown = folders_html(desk.folders(), line.indexed_at or 0.0)
        assert f'data-key="{folder_key(line.folder)}" data-on="0" checked' in shown
        assert "<b>folder" not in shown
        desk.watcher.turn_off(line.folder)
        assert 'data-on="1">' in folders_html(desk.folders(), line.indexed_at or 0.0)
    finally:
        desk.close()
    assert folders_html([], 0.0) == ""
