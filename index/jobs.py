"""Indexing jobs as every process sees them: what runs now, how far it is, and how the last ones ended."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from index.catalog import Catalog
from index.report import FileOutcome, Progress

JobState = Literal["running", "done", "failed", "cancelled"]

# A job keeps at most this many lines of its report, the ones that need attention first.
KEPT_OUTCOMES = 500
KEPT_JOBS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of the indexer. Times are Unix seconds; ``outcomes`` names the files that need a look first."""

    job_id: int
    kind: str
    label: str
    state: JobState
    progress: Progress | None
    started_at: float
    finished_at: float | None
    message: str
    hint: str
    outcomes: tuple[FileOutcome, ...]
    cancel_requested: bool


class Jobs:
    """The job table of a data folder; safe to use from several threads and processes."""

    def __init__(self, data: Path) -> None:
        self._catalog = Catalog(data)

    def close(self) -> None:
        """Close the connections."""
        self._catalog.close()

    def start(self, kind: str, label: str) -> int:
        """Record that this process begins a job; returns its id."""
        with self._catalog.writing() as connection:
            cursor = connection.execute(
                "INSERT INTO jobs (kind, label, state, pid, process_started, started_at, message, hint,"
                " outcomes, cancel_requested) VALUES (?, ?, 'running', ?, ?, ?, '', '', '[]', 0)",
                (kind, label, os.getpid(), _process_started(os.getpid()), time.time()),
            )
            connection.execute(
                "DELETE FROM jobs WHERE state <> 'running' AND job_id NOT IN"
                " (SELECT job_id FROM jobs ORDER BY job_id DESC LIMIT ?)",
                (KEPT_JOBS,),
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def update(self, job_id: int, progress: Progress) -> None:
        """Record how far a job is."""
        with self._catalog.writing() as connection:
            connection.execute(
                "UPDATE jobs SET progress = ? WHERE job_id = ?", (json.dumps(asdict(progress)), job_id)
            )

    def finish(
        self,
        job_id: int,
        state: JobState,
        *,
        message: str = "",
        hint: str = "",
        outcomes: tuple[FileOutcome, ...] = (),
    ) -> None:
        """Record how a job ended."""
        first = ("failed", "skipped")
        lines = sorted(outcomes, key=lambda outcome: outcome.outcome not in first)[:KEPT_OUTCOMES]
        with self._catalog.writing() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, finished_at = ?, message = ?, hint = ?, outcomes = ?"
                " WHERE job_id = ?",
                (state, time.time(), message, hint, json.dumps([asdict(line) for line in lines]), job_id),
            )

    def request_cancel(self, job_id: int) -> None:
        """Ask a running job to stop after the files it is at; what is finished stays."""
        with self._catalog.writing() as connection:
            connection.execute("UPDATE jobs SET cancel_requested = 1 WHERE job_id = ?", (job_id,))

    def cancel_requested(self, job_id: int) -> bool:
        """Whether someone asked the job to stop."""
        with self._catalog.reading() as connection:
            row = connection.execute(
                "SELECT cancel_requested FROM jobs WHERE job_id = ?", (job_id,)
            ).fetchone()
            return row is not None and bool(row[0])

    def current(self) -> Job | None:
        """The job that runs now, if any."""
        return next((job for job in self.recent(KEPT_JOBS) if job.state == "running"), None)

    def recent(self, count: int = 10) -> list[Job]:
        """The newest jobs, newest first. A job whose process is gone is ``failed``, never ``running``."""
        with self._catalog.reading() as connection:
            rows = connection.execute("SELECT * FROM jobs ORDER BY job_id DESC LIMIT ?", (count,)).fetchall()
        return [_job(row) for row in rows]


def _job(row: sqlite3.Row) -> Job:
    state: JobState = row["state"]
    message, hint = row["message"], row["hint"]
    if state == "running" and not _alive(row["pid"], row["process_started"]):
        state = "failed"
        message = "The indexing process ended before it was done."
        hint = "Start it again: what was finished is kept and costs nothing."
    return Job(
        job_id=row["job_id"],
        kind=row["kind"],
        label=row["label"],
        state=state,
        progress=Progress(**json.loads(row["progress"])) if row["progress"] else None,
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        message=message,
        hint=hint,
        outcomes=tuple(FileOutcome(**line) for line in json.loads(row["outcomes"])),
        cancel_requested=bool(row["cancel_requested"]),
    )


def _process_started(pid: int) -> float:
    """When a process started, to tell it from a later one with the same number; 0.0 where unknown."""
    try:
        # Field 22 of /proc/PID/stat, counted after the command name, which may hold spaces.
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
        return float(fields[19])
    except (OSError, IndexError, ValueError):
        return 0.0


def _alive(pid: int, started: float) -> bool:
    if os.name == "nt":  # os.kill(pid, 0) would end the process there
        return _alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return started in (0.0, _process_started(pid))


def _alive_on_windows(pid: int) -> bool:
    import ctypes

    windll = getattr(ctypes, "windll", None)
    if windll is None:
        return False
    query_limited_information = 0x1000
    handle = windll.kernel32.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return False
    still_active = 259
    code = ctypes.c_ulong()
    windll.kernel32.GetExitCodeProcess(handle, ctypes.byref(code))
    windll.kernel32.CloseHandle(handle)
    return code.value == still_active
