"""One job, seen and controlled by several processes: paused, resumed, cancelled, killed, done again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from index.errors import BusyError, SourceError
from index.jobs import Job, Jobs
from index.store import Store
from rag.settings import Settings
from tests.fakes import WordCountEmbedder
from tests.ui.slow_job import FILES
from tests.ui.test_cli import in_process
from tests.ui.test_indexer import ROOT, run_requests, wait_for
from ui.desk import Desk
from ui.folders_view import folder_key
from ui.indexing import Indexer, Request
from ui.job_control import JobAction, control_job
from ui.job_runs import run_job
from ui.page import Page
from ui.plaintext import job_lines
from ui.planning import PlanSummary
from ui.tab import View
from ui.uploads import clear_uploads, uploads_folder


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
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    for number in range(FILES):
        (path / f"{number:03}.txt").write_text(f"The river of page {number}.", encoding="utf-8")
    return path


@pytest.fixture
def slow(data: Path, folder: Path, jobs: Jobs) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has begun to index the folder."""
    with subprocess.Popen([sys.executable, "-m", "tests.ui.slow_job", data, folder], cwd=ROOT) as process:
        try:
            wait_for(lambda: (job := jobs.current()) is not None and job.progress is not None)
            yield process
        finally:
            process.kill()


def running(jobs: Jobs) -> Job:
    job = jobs.current()
    assert job is not None
    return job


def test_another_process_pauses_a_job_lets_it_go_on_and_cancels_it(
    slow: subprocess.Popen[bytes], data: Path, jobs: Jobs
) -> None:
    with Store.open(data) as store:
        wait_for(lambda: len(store.documents()) > 0)
        control_job(jobs, JobAction.PAUSE, None)
        wait_for(lambda: running(jobs).state == "paused")
        paused_at = running(jobs).progress
        finished = len(store.documents())
        assert paused_at is not None
        assert 0 < finished < FILES
        store.refresh()
        assert store.snapshot().n_chunks == finished  # searchable meanwhile
        printed = in_process("jobs", data=data).stdout
        assert "paused     folder: " in printed

        control_job(jobs, JobAction.RESUME, None)
        wait_for(lambda: running(jobs).state == "running")
        wait_for(lambda: len(store.documents()) > finished)
        job_id = str(running(jobs).job_id)
        in_process("jobs", "cancel", job_id, data=data)
        assert slow.wait(60) == 0
        (job,) = jobs.recent()
        assert (job.state, job.resumable) == ("cancelled", True)
        assert finished < len(store.documents()) < FILES


def test_whoever_comes_second_hears_what_runs_and_how_far_it_is(
    slow: subprocess.Popen[bytes], data: Path, jobs: Jobs, folder: Path
) -> None:
    wait_for(lambda: (progress := running(jobs).progress) is not None and progress.files_total == FILES)
    done = in_process("index", folder, data=data, expect=1)
    assert "Footnote is indexing folder already: " in done.stderr
    assert f" of {FILES} files" in done.stderr
    assert f"footnote jobs cancel {running(jobs).job_id}" in done.stderr
    indexer = Indexer(Settings(data=data), embedder=WordCountEmbedder(["river"]))
    try:
        with pytest.raises(BusyError, match="Footnote is indexing folder already"):
            run_job(indexer, jobs, {"kind": "paths", "paths": [str(folder)]})  # both began at once
    finally:
        indexer.close()


def test_requirement_12_the_log_has_a_line_for_each_file_that_was_not_indexed(
    data: Path, jobs: Jobs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="ui.job_runs")
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "a.txt").write_text("The river.", encoding="utf-8")
    (mixed / "secret plan.pdf").write_text("no PDF", encoding="utf-8")
    (mixed / "song.mp3").write_bytes(b"la")
    indexer = Indexer(Settings(data=data), embedder=WordCountEmbedder(["river"]))
    try:
        run_job(indexer, jobs, {"kind": "paths", "paths": [str(mixed)]})
    finally:
        indexer.close()
    (job,) = jobs.recent()
    by_file = [record.getMessage() for record in caplog.records if ": file " in record.getMessage()]
    listed = [line for line in job.outcomes if line.outcome in ("failed", "skipped")]
    assert {line.outcome for line in listed} == {"failed", "skipped"}
    assert by_file == [
        f"job {job.job_id}: file {number} {line.outcome}" for number, line in enumerate(listed, start=1)
    ]
    assert "secret" not in caplog.text


def test_the_worker_waits_for_a_job_of_another_process(
    slow: subprocess.Popen[bytes], data: Path, jobs: Jobs, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("The river.", encoding="utf-8")
    request = {"kind": "paths", "paths": [str(tmp_path / "a.txt")]}
    worker = threading.Thread(target=run_requests, args=(Settings(data=data), request))
    worker.start()
    first = running(jobs)
    control_job(jobs, JobAction.CANCEL, first.job_id)
    worker.join(60)
    assert not worker.is_alive()
    second, seen_first = jobs.recent()
    assert (seen_first.job_id, seen_first.state) == (first.job_id, "cancelled")
    assert (second.label, second.state) == ("a.txt", "done")
    assert second.started_at >= (seen_first.finished_at or 0)


def test_a_job_whose_process_was_killed_is_resumed_and_does_the_rest(
    slow: subprocess.Popen[bytes], data: Path, jobs: Jobs
) -> None:
    with Store.open(data) as store:
        wait_for(lambda: len(store.documents()) > 0)
        slow.kill()
        slow.wait(60)
        done_before = len(store.documents())
        killed = jobs.recent()[0]
        assert (killed.state, killed.resumable) == ("failed", True)
        assert f"Next: footnote jobs resume {killed.job_id}" in in_process("jobs", data=data).stdout
        _, request = control_job(jobs, JobAction.RESUME, killed.job_id)
        assert request is not None
        run_requests(Settings(data=data), request, vocabulary=["river"])
        assert len(store.documents()) == FILES
        again, killed = jobs.recent()
        assert (again.state, again.label) == ("done", "folder")
        assert again.message.startswith(f"{FILES - done_before} added, {done_before} unchanged")
        assert not killed.resumable
        with pytest.raises(SourceError, match="has ended"):
            control_job(jobs, JobAction.RESUME, killed.job_id)


def test_jobs_are_listed_for_people_and_for_programs(data: Path, jobs: Jobs) -> None:
    assert in_process("jobs", data=data).stdout == "Nothing was indexed here yet.\n"
    first = jobs.start("samples", "Samples")
    jobs.finish(first, "done", message="3 added.")
    second = jobs.start("paths", "folder", {"kind": "paths", "paths": ["/nowhere"]})
    jobs.finish(second, "cancelled", message="1 added.")
    assert in_process("jobs", data=data).stdout == (
        f"   {second}  cancelled  folder: 1 added.\n      Next: footnote jobs resume {second}\n"
        f"   {first}  done       Samples: 3 added.\n"
    )
    listed = json.loads(in_process("jobs", "--json", data=data).stdout)["jobs"]
    assert [(job["job_id"], job["state"], job["resumable"]) for job in listed] == [
        (second, "cancelled", True),
        (first, "done", False),
    ]


def test_what_cannot_be_controlled_says_so(data: Path, jobs: Jobs) -> None:
    assert in_process("jobs", "pause", data=data, expect=1).stderr == (
        "No job runs now.\nNext: List them: footnote jobs\n"
    )
    assert "There is no job 7." in in_process("jobs", "cancel", "7", data=data, expect=1).stderr
    ended = jobs.start("paths", "folder")
    jobs.finish(ended, "done")
    assert "has ended: it is done" in in_process("jobs", "resume", str(ended), data=data, expect=1).stderr
    assert in_process("jobs", "stop", data=data, expect=2)


def test_a_job_that_was_asked_to_pause_or_stop_says_so(jobs: Jobs) -> None:
    job_id = jobs.start("paths", "folder")
    assert list(job_lines(jobs.recent())) == [f"   {job_id}  running    folder: just begun"]
    jobs.request_pause(job_id)
    assert list(job_lines(jobs.recent())) == [f"   {job_id}  running    folder: just begun · pausing"]
    jobs.request_cancel(job_id)
    assert list(job_lines(jobs.recent())) == [f"   {job_id}  running    folder: just begun · stopping"]


class Queue:
    """Stands in for the indexing process: remembers what it was asked."""

    pending = 0
    planned: PlanSummary | None = None

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def submit(self, request: Request) -> None:
        self.requests.append(request)

    def close(self) -> None:
        pass


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def desk(data: Path, queue: Queue) -> Iterator[Desk]:
    opened = Desk(Settings(data=data), indexer=queue)
    yield opened
    opened.close()


def click(desk: Desk, **data: str) -> str:
    """Click in the Documents view as actions.js reports it; returns what stands above the table then."""
    page = Page(desk)
    page.components.state = "state"
    update = page.documents.action(View(), gr.EventData(None, data))
    return str(update["state"])


def test_the_page_shows_a_job_of_another_process_and_controls_it(desk: Desk, jobs: Jobs) -> None:
    job_id = jobs.start("paths", "folder")
    about = {"job": str(job_id)}
    assert "Pausing" in click(desk, act="pause", **about)
    assert jobs.pause_requested(job_id)
    click(desk, act="resume", **about)
    assert not jobs.pause_requested(job_id)
    assert "Stopping; what is done is kept" in click(desk, act="cancel", **about)
    assert jobs.cancel_requested(job_id)
    jobs.finish(job_id, "cancelled")
    assert "has ended" in click(desk, act="pause", **about)  # from a tab that did not know yet
    assert "There is no job 99" in click(desk, act="cancel", job="99")
    click(desk, act="cancel", job="no number")


def test_the_switch_of_a_folder_turns_watching_on_and_off(desk: Desk, folder: Path) -> None:
    desk.watch(folder)
    (line,) = desk.folders()
    about = {"act": "watch", "key": folder_key(line.folder)}
    assert "checked" not in click(desk, on="0", **about)
    assert desk.folders() == []  # it was never indexed
    desk.watch(folder)
    shown = click(desk, on="1", **about)
    assert str(folder.name) in shown
    assert "checked" in shown


def test_uploads_go_when_they_are_old_also_after_the_clock_was_set_back(desk: Desk, data: Path) -> None:
    for name, age in (("new", 0.0), ("old", 60.0), ("of tomorrow", -86_400.0)):
        folder = uploads_folder(data) / name
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("The river.", encoding="utf-8")
        os.utime(folder, (time.time() - age, time.time() - age))
    clear_uploads(desk.uploads, desk.jobs, idle_seconds=15)
    assert [entry.name for entry in uploads_folder(data).iterdir()] == ["new"]


def test_the_page_resumes_an_upload_that_broke_off_and_keeps_its_files_for_it(
    data: Path, desk: Desk, queue: Queue, jobs: Jobs
) -> None:
    files = [uploads_folder(data) / name / "a.txt" for name in ("wanted", "done")]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text("The river.", encoding="utf-8")
    request = {"kind": "uploads", "files": [[str(files[0].resolve()), "a.txt"]]}
    broken = jobs.start("uploads", "a.txt", request)
    jobs.finish(broken, "failed")
    clear_uploads(desk.uploads, desk.jobs, idle_seconds=0)
    assert [file.exists() for file in files] == [True, False]
    assert 'data-act="resume"' in click(desk, act="")
    click(desk, act="resume", job=str(broken))
    assert queue.requests == [{**request, "resumes": broken}]
