"""Indexing jobs as every process sees them: what runs now, how far it is, and how the last ones ended.

Every process that indexes notes its job here, so that any other one can show, pause and cancel it. The
request that a job carries out is kept with it: a job that broke off can be asked for again.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from index.catalog import Catalog
from index.errors import BusyError
from index.report import FileOutcome, Progress, progress_from_json, progress_json

JobState = Literal["running", "paused", "done", "failed", "cancelled"]


# A job keeps at most this many lines of its report, the ones that need attention first.
KEPT_OUTCOMES = 500
KEPT_JOBS = 50
KEPT_UPDATES = 10  # jobs that followed single changes in a watched folder; there can be hundreds a day

# Beside the catalog's own tables, because it is about the work and not about what is indexed.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS job_requests (
    job_id INTEGER PRIMARY KEY,
    request TEXT NOT NULL,         -- JSON; "" when it was asked for again
    pause_requested INTEGER NOT NULL
)
"""
_JOBS = "SELECT * FROM jobs LEFT JOIN job_requests USING (job_id)"


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
    pause_requested: bool = False
    resumable: bool = False  # it broke off or was cancelled, and what it was asked for is still known

    @property
    def unfinished(self) -> bool:
        """Whether it runs or is paused."""
        return self.state in ("running", "paused")


class Jobs:
    """The job table of a data folder; safe to use from several threads and processes."""

    def __init__(self, data: Path, *, catalog: Catalog | None = None) -> None:
        """Make the table if it is not there.

        Args:
            catalog: Of the same folder, where it is open already: two of them would each keep connections
                for later. It stays open when the jobs are closed.
        """
        self._catalog = catalog or Catalog(data)
        self._closes = catalog is None
        self._ends: dict[int, tuple[object, ...]] = {}  # of jobs, that are not recorded yet
        with self._catalog.reading() as connection:
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'job_requests'").fetchone()
        if known is None:
            with self._catalog.writing() as connection:
                connection.execute(_SCHEMA)

    def close(self) -> None:
        """Close the connections."""
        if self._closes:
            self._catalog.close()

    def start(
        self, kind: str, label: str, request: Mapping[str, Any] | None = None, *, resumes: int | None = None
    ) -> int:
        """Record that this process begins a job; returns its id.

        Args:
            kind: Of the request.
            label: What to call the job on the page.
            request: What is carried out, as JSON can hold it; it makes the job resumable.
            resumes: The job that broke off and is carried out again by this one.
        """
        with self._catalog.writing() as connection:
            _settle(connection)
            cursor = connection.execute(
                "INSERT INTO jobs (kind, label, state, pid, process_started, started_at, message, hint,"
                " outcomes, cancel_requested) VALUES (?, ?, 'running', ?, ?, ?, '', '', '[]', 0)",
                (kind, label, os.getpid(), _process_started(os.getpid()), time.time()),
            )
            assert cursor.lastrowid is not None
            connection.execute(
                "INSERT OR REPLACE INTO job_requests VALUES (?, ?, 0)",
                (cursor.lastrowid, json.dumps(request) if request else ""),
            )
            connection.execute("UPDATE job_requests SET request = '' WHERE job_id = ?", (resumes,))
            _forget_old(connection)
            return cursor.lastrowid

    def update(self, job_id: int, progress: Progress) -> None:
        """Record how far a job is, and whether it is paused."""
        with self._catalog.writing() as connection:
            connection.execute(
                "UPDATE jobs SET progress = ?, state = ? WHERE job_id = ? AND state IN ('running', 'paused')",
                (
                    progress_json(progress),
                    "paused" if progress.stage == "paused" else "running",
                    job_id,
                ),
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
        """Record how a job ended.

        Raises:
            StorageError: The disk refused; :meth:`record_ends` tries it again. Until then every other process
                takes the job for one that runs, as long as this one does.
        """
        first = ("failed", "skipped")
        lines = sorted(outcomes, key=lambda outcome: outcome.outcome not in first)[:KEPT_OUTCOMES]
        self._ends[job_id] = (state, time.time(), message, hint, json.dumps([asdict(line) for line in lines]))
        self.record_ends()

    @property
    def unrecorded(self) -> bool:
        """Whether a job of this process ended without being recorded as such."""
        return bool(self._ends)

    def record_ends(self) -> None:
        """Record the ends of jobs that the disk refused before.

        Raises:
            StorageError: It still does.
        """
        ends = dict(self._ends)
        with self._catalog.writing() as connection:
            connection.executemany(
                "UPDATE jobs SET state = ?, finished_at = ?, message = ?, hint = ?, outcomes = ?"
                " WHERE job_id = ?",
                [(*end, job_id) for job_id, end in ends.items()],
            )
        for job_id in ends:
            self._ends.pop(job_id, None)

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

    def request_pause(self, job_id: int, *, paused: bool = True) -> None:
        """Ask a job to pause after the batch it is at, or (``paused=False``) to go on."""
        with self._catalog.writing() as connection:
            connection.execute(
                "INSERT INTO job_requests VALUES (?, '', ?)"
                " ON CONFLICT (job_id) DO UPDATE SET pause_requested = excluded.pause_requested",
                (job_id, paused),
            )

    def pause_requested(self, job_id: int) -> bool:
        """Whether someone asked the job to pause and nobody to go on."""
        with self._catalog.reading() as connection:
            row = connection.execute(
                "SELECT pause_requested FROM job_requests WHERE job_id = ?", (job_id,)
            ).fetchone()
            return row is not None and bool(row[0])

    def request_of(self, job_id: int) -> dict[str, Any] | None:
        """What a job was asked for; None when that is not known, or was asked for again since."""
        with self._catalog.reading() as connection:
            row = connection.execute(
                "SELECT request FROM job_requests WHERE job_id = ?", (job_id,)
            ).fetchone()
        return json.loads(row[0]) if row is not None and row[0] else None

    def job(self, job_id: int) -> Job | None:
        """One job, None when it is not known (any more)."""
        return next(iter(self._read("WHERE job_id = ?", (job_id,))), None)

    def current(self) -> Job | None:
        """The job that runs or is paused now, if any: the newest one whose process is alive."""
        jobs = self._read("WHERE state IN ('running', 'paused') ORDER BY job_id DESC", ())
        return next((job for job in jobs if job.unfinished), None)

    def last(self) -> Job | None:
        """The newest job that ended, if any.

        One that followed a change in a watched folder counts only if it failed, or the report that needs
        attention would be gone with the next save; and a plan that was made is shown itself.
        """
        quiet = "kind IN ('update', 'plan') AND state = 'done'"
        jobs = self._read(f"WHERE NOT ({quiet}) ORDER BY job_id DESC LIMIT 5", ())
        return next((job for job in jobs if not job.unfinished), None)

    def recent(self, count: int = 10) -> list[Job]:
        """The newest jobs, newest first. A job whose process is gone is ``failed``, never ``running``."""
        return self._read("ORDER BY job_id DESC LIMIT ?", (count,))

    def require_idle(self, *, seconds: float) -> None:
        """Wait for the job that runs now, if any.

        Raises:
            BusyError: It still runs after ``seconds``; the message says what it is and how far.
        """
        deadline = time.monotonic() + seconds
        while (job := self.current()) is not None:
            if time.monotonic() > deadline:
                raise busy(job)
            time.sleep(0.1)

    def _read(self, which: str, values: tuple[object, ...]) -> list[Job]:
        with self._catalog.reading() as connection:
            rows = connection.execute(f"{_JOBS} {which}", values).fetchall()
        return [_job(row) for row in rows]


def busy(job: Job) -> BusyError:
    """The error for work that has to wait for a job; says how far that one is."""
    progress = job.progress
    how_far = "it has just begun"
    if progress is not None and progress.files_total:
        how_far = f"{progress.files_done:,} of {progress.files_total:,} files, {progress.share:.0%}"
    then = "Wait until it is done"
    if job.state == "paused":
        how_far, then = f"paused at {how_far}", f"Let it go on with `footnote jobs resume {job.job_id}`"
    return BusyError(
        f"Footnote is indexing {job.label or job.kind} already: {how_far}.",
        hint=f"{then}, or stop it with `footnote jobs cancel {job.job_id}`; what it has finished is kept.",
    )


def _settle(connection: sqlite3.Connection) -> None:
    """Record that jobs whose process is gone have failed."""
    rows = connection.execute("SELECT * FROM jobs WHERE state IN ('running', 'paused')").fetchall()
    for row in rows:
        if not _alive(row["pid"], row["process_started"]):
            connection.execute(
                "UPDATE jobs SET state = 'failed', finished_at = ?, message = ?, hint = ? WHERE job_id = ?",
                (time.time(), _BROKE_OFF, _START_AGAIN, row["job_id"]),
            )


def _forget_old(connection: sqlite3.Connection) -> None:
    for which, kept in (("", KEPT_JOBS), ("AND kind = 'update' AND state = 'done'", KEPT_UPDATES)):
        ended = f"state NOT IN ('running', 'paused') {which}"
        connection.execute(
            f"DELETE FROM jobs WHERE {ended} AND job_id NOT IN"
            f" (SELECT job_id FROM jobs WHERE {ended} ORDER BY job_id DESC LIMIT ?)",
            (kept,),
        )
    connection.execute("DELETE FROM job_requests WHERE job_id NOT IN (SELECT job_id FROM jobs)")


_BROKE_OFF = "The indexing process ended before it was done."
_START_AGAIN = "Resume it: what was finished is kept and costs nothing."


def _job(row: sqlite3.Row) -> Job:
    state: JobState = row["state"]
    message, hint = row["message"], row["hint"]
    if state in ("running", "paused") and not _alive(row["pid"], row["process_started"]):
        state, message, hint = "failed", _BROKE_OFF, _START_AGAIN
    return Job(
        job_id=row["job_id"],
        kind=row["kind"],
        label=row["label"],
        state=state,
        progress=progress_from_json(row["progress"]) if row["progress"] else None,
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        message=message,
        hint=hint,
        outcomes=tuple(FileOutcome(**line) for line in json.loads(row["outcomes"])),
        cancel_requested=bool(row["cancel_requested"]),
        pause_requested=bool(row["pause_requested"]),
        resumable=state in ("failed", "cancelled") and bool(row["request"]),
    )


def _process_started(pid: int) -> float:
    """When a process started, to tell it from a later one with the same number; 0.0 where unknown."""
    try:
        return float(_process_stat(pid)[19])
    except (OSError, IndexError, ValueError):
        return 0.0


def _process_stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command name, which may hold spaces."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return stat.rpartition(")")[2].split()


def _alive(pid: int, started: float) -> bool:
    if os.name == "nt":  # os.kill(pid, 0) would end the process there
        return _alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, and after a restart of the computer perhaps with the number of ours
    try:
        if _process_stat(pid)[0] in ("Z", "X"):
            return False  # it ended, and whoever should take note of that does not
    except (OSError, IndexError):
        pass
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
