"""Jobs: every process sees the same one, and a dead process leaves none running."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from index.jobs import Jobs
from index.report import FileOutcome, Progress
from index.store import Store

HALF = Progress(
    stage="embedding",
    files_done=1,
    files_total=2,
    passages_done=5,
    passages_total=10,
    current="a.txt",
    seconds=1.5,
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


def test_a_job_whose_process_was_killed_is_failed_with_a_next_step(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    script = (
        "import os, signal, sys; from pathlib import Path; from index.jobs import Jobs\n"
        "Jobs(Path(sys.argv[1])).start('paths', 'folder'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    jobs = Jobs(tmp_path)
    assert jobs.current() is None
    job = jobs.recent()[0]
    assert (job.state, job.hint != "") == ("failed", True)
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
