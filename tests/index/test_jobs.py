"""Jobs: every process sees the same one, and a dead process leaves none running."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from index.catalog import FILE_NAME
from index.errors import BusyError
from index.jobs import Jobs
from index.report import FileAtHand, FileOutcome, Progress
from index.store import Store

HALF = Progress(
    stage="embedding",
    files_done=1,
    files_total=2,
    passages_done=5,
    passages_total=10,
    current="a.txt",
    seconds=1.5,
    passages_per_second=4.0,
    seconds_left=1.25,
    files=(
        FileAtHand(
            path="/d/\udcff.txt", collection="D", stage="embedding", passages_done=5, passages_total=10
        ),
        FileAtHand(path="/d/b.txt", collection="D", stage="queued"),
    ),
)


def test_a_job_is_seen_while_it_runs_and_after(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    mine, other = Jobs(tmp_path), Jobs(tmp_path)
    job_id = mine.start("paths", "folder")
    mine.update(job_id, HALF)
    seen = other.current()
    assert seen is not None
    assert (seen.label, seen.state, seen.progress) == ("folder", "running", HALF)
    other.request_cancel(job_id)
    assert mine.cancel_requested(job_id)
    bad = FileOutcome(path="b.pdf", outcome="failed", reason="broken", hint="mend it")
    good = FileOutcome(path="a.txt", outcome="added", passages=3, embedded=3)
    mine.finish(job_id, "cancelled", outcomes=(good, bad))
    assert other.current() is None
    assert other.recent(1)[0].outcomes == (bad, good)
    mine.close()
    other.close()


def test_jobs_use_the_connections_of_a_catalog_that_is_open(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        before = _open_files(tmp_path / FILE_NAME)
        jobs = Jobs(tmp_path, catalog=store.catalog)
        job_id = jobs.start("paths", "folder")
        current = jobs.current()
        assert current is not None
        assert current.job_id == job_id
        assert _open_files(tmp_path / FILE_NAME) == before > 0
        jobs.close()
        assert store.documents() == []


def _open_files(path: Path) -> int:
    """How often this process has a file open."""
    return sum(Path(each.path) == path.resolve() for each in psutil.Process().open_files())


def test_a_job_whose_process_was_killed_is_failed_with_a_next_step(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    script = (
        "import os, signal, sys; from pathlib import Path; from index.jobs import Jobs\n"
        "from tests.index.test_jobs import HALF\n"
        "jobs = Jobs(Path(sys.argv[1])); jobs.update(jobs.start('paths', 'folder'), HALF)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    jobs = Jobs(tmp_path)
    assert jobs.current() is None  # so no file is said to be read any more
    job = jobs.recent()[0]
    assert job.progress == HALF
    assert (job.state, job.hint != "") == ("failed", True)
    jobs.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not known when a process started")
def test_a_process_of_somebody_else_with_the_same_number_is_not_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_permitted(_pid: int, _signal: int) -> None:
        raise PermissionError

    Store.open(tmp_path).close()
    jobs = Jobs(tmp_path)
    job_id = jobs.start("paths", "folder", {"kind": "paths"})
    monkeypatch.setattr("os.kill", not_permitted)
    assert jobs.current() is not None
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as connection:
        connection.execute("UPDATE jobs SET pid = 1")  # which started earlier
    assert jobs.current() is None
    ended = jobs.job(job_id)
    assert ended is not None
    assert (ended.state, ended.resumable) == ("failed", True)
    jobs.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_process_whose_end_nobody_takes_note_of_leaves_no_job_running(tmp_path: Path) -> None:
    # As in a container, where nobody waits for the processes that were left behind.
    Store.open(tmp_path).close()
    code = (
        "import sys, time; from pathlib import Path; from index.jobs import Jobs; "
        "Jobs(Path(sys.argv[1])).start('paths', 'folder'); print(flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        jobs = Jobs(tmp_path)
        assert jobs.current() is not None
        process.kill()
        stat = Path(f"/proc/{process.pid}/stat")
        while stat.read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)
        assert jobs.current() is None
        assert jobs.recent()[0].state == "failed"
        jobs.close()


def test_old_jobs_are_forgotten(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    jobs = Jobs(tmp_path)
    for number in range(60):
        jobs.finish(jobs.start("paths", str(number)), "done")
    recent = jobs.recent(100)
    assert recent[0].label == "59"
    assert len(recent) <= 51
    jobs.close()


def test_a_pause_is_asked_for_by_one_process_and_seen_by_all(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    mine, other = Jobs(tmp_path), Jobs(tmp_path)
    job_id = mine.start("paths", "folder")
    other.request_pause(job_id)
    assert mine.pause_requested(job_id)
    mine.update(job_id, replace(HALF, stage="paused"))
    seen = other.current()
    assert seen is not None
    assert (seen.state, seen.pause_requested, seen.unfinished) == ("paused", True, True)
    other.request_pause(job_id, paused=False)
    mine.update(job_id, HALF)
    seen = other.current()
    assert seen is not None
    assert (seen.state, seen.pause_requested) == ("running", False)
    mine.finish(job_id, "done")
    mine.update(job_id, HALF)  # comes too late to bring it back
    assert other.current() is None
    mine.close()
    other.close()


def test_a_job_that_broke_off_can_be_asked_for_once_more(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    jobs = Jobs(tmp_path)
    request = {"kind": "paths", "paths": ["/a/caf\udce9"]}
    first = jobs.start("paths", "folder", request)
    job = jobs.job(first)
    assert job is not None
    assert not job.resumable
    jobs.finish(first, "failed")
    assert jobs.recent()[0].resumable
    assert jobs.request_of(first) == request
    second = jobs.start("paths", "folder", request, resumes=first)
    assert jobs.request_of(first) is None
    assert [job.resumable for job in jobs.recent()] == [False, False]
    jobs.finish(second, "cancelled")
    assert [job.resumable for job in jobs.recent()] == [True, False]
    jobs.close()


def test_a_killed_job_keeps_its_request_and_is_not_in_the_way(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    script = (
        "import os, signal, sys; from pathlib import Path; from index.jobs import Jobs\n"
        "jobs = Jobs(Path(sys.argv[1])); job_id = jobs.start('paths', 'folder', {'kind': 'paths'})\n"
        "jobs.request_pause(job_id)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    jobs = Jobs(tmp_path)
    jobs.require_idle(seconds=0)
    dead = jobs.recent()[0]
    assert (dead.state, dead.resumable) == ("failed", True)
    assert dead.finished_at is None
    jobs.finish(jobs.start("samples", "Samples"), "done")
    settled = jobs.job(dead.job_id)
    assert settled is not None
    assert settled.finished_at is not None
    assert settled.message == dead.message
    jobs.close()


def test_whoever_finds_a_job_running_hears_what_it_is_and_how_far(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    jobs = Jobs(tmp_path)
    job_id = jobs.start("paths", "reports")
    jobs.update(job_id, HALF)
    with pytest.raises(BusyError, match=r"reports already: 1 of 2 files, 50%\.") as caught:
        jobs.require_idle(seconds=0)
    assert f"footnote jobs cancel {job_id}" in caught.value.hint
    jobs.update(job_id, replace(HALF, stage="paused"))
    with pytest.raises(BusyError, match="paused at 1 of 2 files") as caught:
        jobs.require_idle(seconds=0)
    assert f"footnote jobs resume {job_id}" in caught.value.hint
    jobs.close()


def test_changes_in_a_watched_folder_do_not_push_other_jobs_out(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    jobs = Jobs(tmp_path)
    failed = jobs.start("paths", "folder", {"kind": "paths"})
    jobs.finish(failed, "failed")
    for number in range(60):
        jobs.finish(jobs.start("update", str(number)), "done")
    last = jobs.last()
    assert last is not None
    assert last.job_id == failed
    assert [job.label for job in jobs.recent(100)] == [str(number) for number in range(59, 48, -1)] + [
        "folder"
    ]
    jobs.close()


def test_a_job_table_of_an_earlier_release_is_extended(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, store.catalog.writing() as connection:
        connection.execute(
            "INSERT INTO jobs (kind, label, state, pid, process_started, started_at, message, hint, outcomes,"
            " cancel_requested) VALUES ('paths', 'old', 'failed', 1, 0, 0, '', '', '[]', 0)"
        )
    jobs = Jobs(tmp_path)
    (job,) = jobs.recent()
    assert (job.label, job.resumable, job.pause_requested) == ("old", False, False)
    jobs.request_pause(job.job_id)
    assert jobs.pause_requested(job.job_id)
    jobs.close()
