"""The files of uploads, between their way out of the browser and into the index."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

from index.jobs import KEPT_JOBS, Jobs

logger = logging.getLogger(__name__)


def uploads_folder(data: Path) -> Path:
    """Where the page keeps a file between its upload and its indexing."""
    return data / "uploads"


def clear_uploads(folder: Path, jobs: Jobs, *, idle_seconds: float) -> None:
    """Remove what was uploaded ``idle_seconds`` ago and earlier.

    The files that a job would read which broke off stay: it can be resumed. What cannot be removed is
    logged, and tried again the next time.

    Args:
        folder: See ``uploads_folder``; it need not exist.
        jobs: The jobs of the same data folder.
        idle_seconds: The age from which on a file goes.

    Raises:
        StorageError: The jobs cannot be read.
    """
    broken = [job for job in jobs.recent(KEPT_JOBS) if job.kind == "uploads" and job.resumable]
    requests = [jobs.request_of(job.job_id) or {} for job in broken]
    needed = {Path(path) for request in requests for path, _ in request.get("files", [])}
    if not folder.is_dir():
        return
    now = time.time()
    for entry in folder.iterdir():
        if any(path.is_relative_to(entry.resolve()) for path in needed):
            continue
        try:
            # Also when the clock was set back: what was deleted since would be kept here.
            if abs(now - entry.stat().st_mtime) >= idle_seconds:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        except OSError as exc:
            logger.warning("a temporary upload could not be removed: %s", exc.strerror)
