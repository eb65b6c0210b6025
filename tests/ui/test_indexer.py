"""The indexing worker and its client: jobs come to an end, whatever happens to the worker."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest

from index.jobs import Job, Jobs
from index.store import Store
from rag.settings import Settings, load_settings
from tests.fakes import WordCountEmbedder
from tests.full_disk import disk_refuses
from ui.indexer import IndexerClient, work
from ui.indexing import SAMPLES, Indexer, Request, label, sample_files

ROOT = Path(__file__).resolve().parents[2]

# Speaks the worker's protocol, and ends itself when a request says so.
FAKE_WORKER = """
import json, os, sys
from pathlib import Path
from index.jobs import Jobs

def reply(event, job_id):
    print(json.dumps({"event": event, "job_id": job_id}), flush=True)

jobs = Jobs(Path(sys.argv[1]))
for line in sys.stdin:
    request = json.loads(line)
    if request["kind"] == "vanish":
        os._exit(3)
    job_id = jobs.start(request["kind"], str(os.getpid()))
    reply("began", job_id)
    if request["kind"] == "die":
        os._exit(3)
    jobs.finish(job_id, "done")
    reply("ended", job_id)
    if request["kind"] == "last":
        os._exit(0)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    Store.open(folder).close()
    return folder


@pytest.fixture
def jobs(data: Path) -> Iterator[Jobs]:
    table = Jobs(data)
    yield table
    table.close()


@pytest.fixture
def client(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexerClient]:
    monkeypatch.chdir(ROOT)
    client = IndexerClient(data, command=[sys.executable, "-c", FAKE_WORKER, str(data)])
    yield client
    client.close()


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def ended(jobs: Jobs, count: int) -> list[Job]:
    """Wait until so many jobs have ended; returns them oldest first."""
    wait_for(lambda: len([job for job in jobs.recent() if job.finished_at is not None]) >= count)
    return jobs.recent()[::-1]


# -- the client ------------------------------------------------------------------------------------


def test_requests_run_one_after_the_other_in_one_worker(client: IndexerClient, jobs: Jobs) -> None:
    client.submit({"kind": "one"})
    client.submit({"kind": "two"})
    first, second = ended(jobs, 2)
    assert [(first.kind, first.state), (second.kind, second.state)] == [("one", "done"), ("two", "done")]
    assert first.label == second.label  # the process that did it
    deadline = time.monotonic() + 10
    while client.pending and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.pending == 0


def test_a_worker_that_dies_fails_its_job_and_the_next_request_starts_another(
    client: IndexerClient, jobs: Jobs
) -> None:
    client.submit({"kind": "die"})
    client.submit({"kind": "one"})
    first, second = ended(jobs, 2)
    assert first.state == "failed"
    assert first.message == "The indexing process broke off."
    assert first.hint
    assert second.state == "done"


def test_a_worker_that_ended_while_idle_is_replaced(client: IndexerClient, jobs: Jobs) -> None:
    client.submit({"kind": "last"})
    ended(jobs, 1)
    client.submit({"kind": "one"})
    assert ended(jobs, 2)[1].state == "done"


def test_a_worker_that_never_begins_fails_the_job(client: IndexerClient, jobs: Jobs) -> None:
    client.submit({"kind": "vanish"})
    assert ended(jobs, 1)[0].message == "The indexing process could not be started."


def test_a_program_that_cannot_be_started_fails_the_job(data: Path, jobs: Jobs) -> None:
    client = IndexerClient(data, command=[str(data / "no such program")])
    client.submit({"kind": "samples"})
    assert ended(jobs, 1)[0].state == "failed"
    client.close()


def test_an_idle_worker_is_let_go(data: Path, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    command = [sys.executable, "-c", FAKE_WORKER, str(data)]
    client = IndexerClient(data, command=command, idle_seconds=0.05)
    client.submit({"kind": "one"})
    worker = int(ended(jobs, 1)[0].label)
    wait_for(lambda: not alive(worker))
    client.submit({"kind": "two"})
    assert int(ended(jobs, 2)[1].label) != worker
    client.close()


def test_closing_ends_the_worker(client: IndexerClient, jobs: Jobs) -> None:
    client.submit({"kind": "one"})
    worker = int(ended(jobs, 1)[0].label)
    client.close()
    assert not alive(worker)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


# -- the worker's loop -----------------------------------------------------------------------------


def run_requests(
    settings: Settings,
    *requests: Request,
    closing: threading.Event | None = None,
    vocabulary: Sequence[str] = ("river", "bridge"),
) -> list[Mapping[str, object]]:
    """Carry the requests out in this process with a word-count embedding; returns the replies."""
    queue: SimpleQueue[Request | None] = SimpleQueue()
    for request in [*requests, None]:
        queue.put(request)
    replies: list[Mapping[str, object]] = []
    indexer = Indexer(settings, embedder=WordCountEmbedder(vocabulary))
    jobs = Jobs(settings.data)
    try:
        work(indexer, jobs, queue, reply=replies.append, closing=closing or threading.Event())
    finally:
        jobs.close()
        indexer.close()
    return replies


@pytest.fixture
def settings(data: Path) -> Settings:
    return load_settings({"data": data})


def test_a_folder_and_its_changes_are_indexed(settings: Settings, jobs: Jobs, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("The bridge crosses the river.", encoding="utf-8")
    (folder / "empty.txt").touch()
    replies = run_requests(settings, {"kind": "paths", "paths": [str(folder)]})
    assert [reply["event"] for reply in replies] == ["began", "ended"]
    (job,) = jobs.recent()
    assert (job.state, job.kind, job.label) == ("done", "paths", "folder")
    assert job.message.startswith("1 added, 1 failed · 1 new passage")
    assert {Path(line.path).name: line.outcome for line in job.outcomes} == {
        "a.txt": "added",
        "empty.txt": "failed",
    }

    (folder / "b.txt").write_text("The river is cold.", encoding="utf-8")
    run_requests(settings, {"kind": "paths", "paths": []})
    newest = jobs.recent()[0]
    assert newest.label == "All folders"
    assert newest.message.startswith("1 added, 1 unchanged, 1 failed")


def test_a_folder_that_is_gone_keeps_its_documents(settings: Settings, jobs: Jobs, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("The bridge crosses the river.", encoding="utf-8")
    run_requests(settings, {"kind": "paths", "paths": [str(folder)]})
    folder.rename(tmp_path / "elsewhere")
    run_requests(settings, {"kind": "paths", "paths": []})
    newest = jobs.recent()[0]
    assert [(line.path, line.outcome) for line in newest.outcomes] == [(str(folder), "skipped")]
    with Store.open(settings.data) as store:
        assert [row.name for row in store.documents()] == ["a.txt"]


def test_uploads_and_a_reindex_of_them(settings: Settings, jobs: Jobs, tmp_path: Path) -> None:
    upload = tmp_path / "gradio123"
    upload.write_text("The river.", encoding="utf-8")
    run_requests(settings, {"kind": "uploads", "files": [[str(upload), "river.txt"]]})
    with Store.open(settings.data) as store:
        (row,) = store.documents("Uploads")
    assert (row.path, row.state) == ("river.txt", "ready")
    run_requests(settings, {"kind": "reindex", "doc_ids": [row.doc_id]})
    assert [job.label for job in jobs.recent()] == ["1 document", "river.txt"]
    assert jobs.recent()[0].state == "done"


def test_the_samples_are_every_document_that_ships(settings: Settings, jobs: Jobs) -> None:
    run_requests(settings, {"kind": "samples"})
    with Store.open(settings.data) as store:
        documents = store.documents(SAMPLES)
    assert [row.path for row in documents] == [name for _, name in sample_files()]
    assert all(row.state == "ready" for row in documents)
    assert {"." + row.path.rpartition(".")[2] for row in documents} >= {".pdf", ".docx", ".html", ".md"}
    assert jobs.recent()[0].label == "Samples"


def test_an_expected_failure_ends_the_job_and_not_the_worker(
    settings: Settings, jobs: Jobs, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing")
    run_requests(
        settings,
        {"kind": "paths", "paths": [missing]},
        {"kind": "paths", "paths": []},
        {"kind": "nonsense"},
        {"kind": "reindex", "doc_ids": ["unknown"]},
    )
    states = [(job.state, bool(job.message), bool(job.hint)) for job in jobs.recent()[::-1]]
    assert states == [("failed", True, True)] * 3 + [("done", True, False)]
    assert missing in jobs.recent()[3].message


def test_a_request_that_a_full_disk_keeps_from_being_a_job_is_told_and_ends_no_worker(
    settings: Settings, jobs: Jobs, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("The river.", encoding="utf-8")
    replies: list[Mapping[str, object]] = []
    requests: SimpleQueue[Request | None] = SimpleQueue()
    with working(settings, jobs, requests, replies.append):
        with disk_refuses():
            requests.put({"kind": "paths", "paths": [str(tmp_path / "a.txt")]})
            wait_for(lambda: len(replies) == 1)
        assert jobs.recent() == []
        assert replies[0]["event"] == "ended"
        assert "Check free space" in str(replies[0]["problem"])
        requests.put({"kind": "paths", "paths": [str(tmp_path / "a.txt")]})
        wait_for(lambda: len(replies) == 3)
    assert [job.state for job in jobs.recent()] == ["done"]


def test_a_job_that_ends_on_a_full_disk_is_not_taken_for_running_once_there_is_room(
    settings: Settings, jobs: Jobs, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("The river.", encoding="utf-8")
    replies: list[Mapping[str, object]] = []
    requests: SimpleQueue[Request | None] = SimpleQueue()
    full = ExitStack()

    def reply(message: Mapping[str, object]) -> None:
        if message["event"] == "began":
            full.enter_context(disk_refuses())
        replies.append(message)

    with working(settings, jobs, requests, reply):
        requests.put({"kind": "paths", "paths": [str(tmp_path / "a.txt")]})
        wait_for(lambda: len(replies) == 2)
        assert [job.state for job in jobs.recent()] == ["running"]
        full.close()
        wait_for(lambda: [job.state for job in jobs.recent()] == ["failed"])
    assert "free space" in jobs.recent()[0].hint


@contextmanager
def working(
    settings: Settings,
    jobs: Jobs,
    requests: SimpleQueue[Request | None],
    reply: Callable[[Mapping[str, object]], None],
) -> Iterator[None]:
    """A worker in a thread of its own."""
    indexer = Indexer(settings, embedder=WordCountEmbedder(["river"]))
    indexer.store  # noqa: B018  opened before the disk is full
    closing = threading.Event()
    thread = threading.Thread(
        target=work, args=(indexer, jobs, requests), kwargs={"reply": reply, "closing": closing}
    )
    thread.start()
    try:
        yield
    finally:
        requests.put(None)
        thread.join(timeout=30)
        indexer.close()
    assert not thread.is_alive()


def test_a_client_tells_why_a_request_could_not_become_a_job(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    told: list[str] = []
    worker = (
        "import json, sys\nfor line in sys.stdin:\n    print(json.dumps("
        '{"event": "ended", "job_id": None, "problem": json.loads(line)["kind"]}), flush=True)'
    )
    client = IndexerClient(data, command=[sys.executable, "-c", worker], tell_problem=told.append)
    client.submit({"kind": "The disk is full."})
    client.submit({"kind": ""})
    wait_for(lambda: client.pending == 0)
    client.close()
    assert told == ["The disk is full.", ""]


def test_a_job_that_is_asked_to_stop_is_cancelled(settings: Settings, jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The river.", encoding="utf-8")

    class StopAtOnce(Jobs):
        def start(
            self,
            kind: str,
            label: str,
            request: Mapping[str, object] | None = None,
            *,
            resumes: int | None = None,
        ) -> int:
            job_id = super().start(kind, label, request, resumes=resumes)
            self.request_cancel(job_id)
            return job_id

    queue: SimpleQueue[Request | None] = SimpleQueue()
    queue.put({"kind": "paths", "paths": [str(tmp_path / "a.txt")]})
    queue.put(None)
    indexer = Indexer(settings, embedder=WordCountEmbedder(["river"]))
    table = StopAtOnce(settings.data)
    work(indexer, table, queue, reply=lambda _: None, closing=threading.Event())
    table.close()
    indexer.close()
    assert jobs.recent()[0].state == "cancelled"


def test_labels_are_short_and_kept_when_given() -> None:
    assert label({"kind": "uploads", "files": [["/tmp/x", "a.pdf"], ["/tmp/y", "b.pdf"]]}) == "2 files"
    assert label({"kind": "paths", "paths": ["/home/me/notes"]}) == "notes"
    assert label({"kind": "paths", "paths": ["/"]}) == "/"
    assert label({"kind": "samples", "label": "Welcome"}) == "Welcome"
    assert label({"kind": "unheard of"}) == ""


# -- the real process ------------------------------------------------------------------------------


@pytest.mark.model
def test_the_real_worker_indexes_says_so_and_ends_with_its_client(
    data: Path, jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "a.txt").write_text("The bridge crosses the river.", encoding="utf-8")
    client = IndexerClient(data)
    client.submit({"kind": "paths", "paths": [str(tmp_path / "a.txt")]})
    client.submit({"kind": "paths", "paths": [str(tmp_path / "missing")]})
    first, second = ended(jobs, 2)
    assert (first.state, second.state) == ("done", "failed")
    worker = client._worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGINT)  # Ctrl-C in the terminal is the server's affair
    time.sleep(0.2)
    assert worker.poll() is None
    client.close()
    assert worker.poll() == 0
