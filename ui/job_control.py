"""Controlling a job of whichever process runs it, by its number."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from index.errors import SourceError

if TYPE_CHECKING:
    from index.jobs import Job, Jobs


class JobAction(StrEnum):
    """What can be asked of a job."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


def control_job(jobs: Jobs, action: JobAction, job_id: int | None) -> tuple[list[Job], dict[str, Any] | None]:
    """Ask something of a job.

    Args:
        jobs: The job table.
        action: What is asked.
        job_id: Which job. None is the one that runs or is paused; to resume, else the last that broke off.

    Returns:
        The job as it stands now, and the request to carry out when it is to be done again.

    Raises:
        SourceError: There is no such job, or it does not allow that any more.
    """
    current = jobs.current()
    job = current if job_id is None else jobs.job(job_id)
    if job is None and job_id is None and action is JobAction.RESUME:
        last = jobs.last()
        job = last if last is not None and last.resumable else None
    if job is None:
        raise SourceError(
            "No job runs now." if job_id is None else f"There is no job {job_id}.",
            hint="List them: footnote jobs",
        )
    if not job.unfinished:
        if action is JobAction.RESUME and job.resumable:
            return [job], {**(jobs.request_of(job.job_id) or {}), "resumes": job.job_id}
        raise SourceError(
            f"Job {job.job_id} has ended: it is {job.state}.",
            hint="Only a job that failed or was cancelled can be resumed."
            if action is JobAction.RESUME
            else "See what runs now: footnote jobs",
        )
    if action is JobAction.CANCEL:
        jobs.request_cancel(job.job_id)
    else:
        jobs.request_pause(job.job_id, paused=action is JobAction.PAUSE)
    return [found for found in [jobs.job(job.job_id)] if found is not None], None
