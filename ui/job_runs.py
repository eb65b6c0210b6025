"""Carrying out a request as a job that every process can see, pause and cancel."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from index.errors import BusyError, FootnoteError
from index.report import ignore_progress, never
from ui.indexing import Indexer, Request, label
from ui.plaintext import summary

if TYPE_CHECKING:
    from index.jobs import Jobs, JobState
    from index.report import IngestReport, Progress

logger = logging.getLogger(__name__)

UPDATES_PER_SECOND = 4.0


def run_job(
    indexer: Indexer,
    jobs: Jobs,
    request: Request,
    *,
    began: Callable[[int], None] = lambda _job_id: None,
    progress: Callable[[Progress], None] = ignore_progress,
    stopping: Callable[[], bool] = never,
) -> IngestReport:
    """Carry out a request; how it goes and how it ends is noted in the job table.

    Args:
        indexer: What does it.
        jobs: The job table of the same data folder.
        request: See ``ui.indexing``. With ``resumes``, the id of a job, it takes the place of that one.
        began: Called with the id of the job.
        progress: Called, beside what is noted, with every step.
        stopping: Whether this process wants to end.

    Raises:
        FootnoteError: It failed, which is noted already.
    """
    from index.plan import Plan

    resumes = request.get("resumes")
    request = {name: value for name, value in request.items() if name != "resumes"}
    job_id = jobs.start(str(request.get("kind", "")), label(request), request, resumes=resumes)
    began(job_id)
    note = _Throttled(partial(jobs.update, job_id))

    def tell(step: Progress) -> None:
        progress(step)
        note(step)

    asked = _Remembered(partial(jobs.cancel_requested, job_id))
    try:
        carry_out: Callable[..., IngestReport]
        carry_out = indexer.plan if request.get("kind") == "plan" else indexer.run
        report = carry_out(
            request,
            progress=tell,
            cancelled=lambda: stopping() or asked(),
            paused=_Remembered(partial(jobs.pause_requested, job_id)),
        )
    except FootnoteError as exc:
        error = _explained(exc, jobs, job_id)
        logger.info("job %s failed: %s", job_id, type(error).__name__)
        jobs.finish(job_id, "failed", message=str(error), hint=error.hint)
        raise error from exc
    except KeyboardInterrupt:
        jobs.finish(job_id, "cancelled", message="It was interrupted.", hint="What was finished is kept.")
        raise
    state: JobState = "cancelled" if report.cancelled else "done"
    if isinstance(report, Plan):  # nothing happened to any file
        jobs.finish(job_id, state)
    else:
        jobs.finish(job_id, state, message=summary(report), outcomes=report.outcomes)
    logger.info("job %s is %s: %s", job_id, state, summary(report))
    if not isinstance(report, Plan):
        attention = [line for line in report.outcomes if line.outcome in ("failed", "skipped")]
        for number, line in enumerate(attention, start=1):
            # By number, not by name, for a log may be sent to others: these stand first in the job's list.
            logger.info("job %s: file %d %s", job_id, number, line.outcome)
    return report


def _explained(error: FootnoteError, jobs: Jobs, job_id: int) -> FootnoteError:
    """When two processes began in the same moment, the later one says what the other one does."""
    if isinstance(error, BusyError):
        from index.jobs import busy

        other = next((job for job in jobs.recent() if job.unfinished and job.job_id != job_id), None)
        if other is not None:
            return busy(other)
    return error


class _Throttled:
    """Passes on a progress report when the last one is old enough, so that a job is not all bookkeeping.

    The beginning and the end of a pause are always passed on.
    """

    def __init__(self, update: Callable[[Progress], None]) -> None:
        self._update = update
        self._next = 0.0
        self._paused = False

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        paused = progress.stage == "paused"
        if now >= self._next or paused != self._paused:
            self._next, self._paused = now + 1 / UPDATES_PER_SECOND, paused
            self._update(progress)


class _Remembered:
    """Remembers the answer of an expensive question for a moment."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._next = 0.0
        self._answer = False

    def __call__(self) -> bool:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 1 / UPDATES_PER_SECOND
            self._answer = self._ask()
        return self._answer
