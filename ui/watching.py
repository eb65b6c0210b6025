"""Keeping folders in step: what changes in a watched folder becomes ordinary indexing requests.

One thread waits for the notifications of each folder, and one more gathers what they say until it has
been quiet for a moment and nothing else is being indexed. So a burst of changes becomes one request, and
a file that moved is seen at both of its places. A notification only says where to look: what happened
there is up to ``index.update``.

Whatever could have been missed (before the start, while a disk was away, by a job that failed) is found by
looking through the whole folder.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from index.errors import FootnoteError, SourceError
from index.loaders.names import supported
from index.scan import passed_over
from index.watched import WatchedFolder, set_watched, watched_folders
from ui.indexing import Request
from ui.notifications import Notifications, WatchState

if TYPE_CHECKING:
    from index.jobs import Jobs
    from index.store import Store
    from rag.settings import WatchSettings

logger = logging.getLogger(__name__)

QUIET_SECONDS = 0.15  # an editor that deletes and writes anew is done by then
LONGEST_SECONDS = 5.0  # while a file never stops changing, the others do not wait for it
# More changes than this at once, and looking through the folder is as quick and cannot have missed any.
MANY_PATHS = 2_000
_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 30.0, 600.0
_POLL_SECONDS = 0.03


class Indexing(Protocol):
    """What carries out requests."""

    @property
    def pending(self) -> int:
        """Requests that are not done yet."""

    def submit(self, request: Request) -> None:
        """Queue a request; returns at once."""


class FolderWatcher:
    """Keeps the folders of a data folder in step while it runs. Safe to use from several threads."""

    def __init__(self, store: Store, jobs: Jobs, indexer: Indexing, settings: WatchSettings) -> None:
        self._store = store
        self._data = store.data.resolve()
        self._jobs = jobs
        self._indexer = indexer
        self._settings = settings
        self._lock = threading.Condition()
        self._threads: dict[WatchedFolder, Notifications] = {}
        self._changed: dict[WatchedFolder, set[Path]] = {}
        self._scans: dict[WatchedFolder, float] = {}  # when each folder is to be looked through
        self._first = self._last = 0.0  # when the changes that wait were noticed
        self._submitted: frozenset[WatchedFolder] = frozenset()
        self._last_job = 0
        self._retry_seconds = _RETRY_SECONDS
        self._closing = threading.Event()
        self._gatherer: threading.Thread | None = None

    def start(self) -> None:
        """Watch the folders that were being watched when Footnote last ran."""
        self._gatherer = threading.Thread(target=self._gather, name="watch", daemon=True)
        self._gatherer.start()
        for folder in watched_folders(self._store.catalog):
            self._begin(folder)

    def close(self) -> None:
        """Stop watching, for now; requests that were submitted are not waited for."""
        self._closing.set()
        with self._lock:
            threads = list(self._threads.values())
            self._threads.clear()
            self._lock.notify_all()
        for thread in threads:
            thread.stop()
        if self._gatherer is not None:
            self._gatherer.join(timeout=5)

    @property
    def folders(self) -> dict[WatchedFolder, WatchState]:
        """The folders that are watched, and how that goes."""
        states = {folder: thread.state for folder, thread in list(self._threads.items())}
        return {folder: states.get(folder, "starting") for folder in watched_folders(self._store.catalog)}

    @property
    def active(self) -> bool:
        """Whether any folder is watched now."""
        return bool(self._threads)

    def turn_on(self, folder: WatchedFolder) -> None:
        """Watch a folder from now on, also after the next start.

        Raises:
            SourceError: There is no such folder.
        """
        if not Path(folder.path).is_dir():
            raise SourceError(
                f"There is no folder {folder.path}.",
                hint="Connect its disk or check the path, then try again.",
            )
        set_watched(self._store.catalog, folder, on=True)
        if self._gatherer is not None:
            self._begin(folder)

    def turn_off(self, folder: WatchedFolder) -> None:
        """Do not watch a folder any more. Its documents stay."""
        set_watched(self._store.catalog, folder, on=False)
        with self._lock:
            thread = self._threads.pop(folder, None)
            self._changed.pop(folder, None)
            self._scans.pop(folder, None)
        if thread is not None:
            thread.stop()

    def _begin(self, folder: WatchedFolder) -> None:
        with self._lock:
            if folder in self._threads or self._closing.is_set():
                return
            thread = Notifications(folder, self._settings, changed=self._note_changes, missed=self._note_scan)
            self._threads[folder] = thread
        thread.start()

    # -- what the threads of the folders say

    def _note_changes(self, folder: WatchedFolder, paths: set[Path]) -> None:
        with self._lock:
            if folder not in self._threads:
                return
            now = time.monotonic()
            self._first = self._first if any(self._changed.values()) else now
            self._last = now
            self._changed.setdefault(folder, set()).update(paths)
            self._lock.notify_all()

    def _note_scan(self, folder: WatchedFolder) -> None:
        with self._lock:
            if folder in self._threads:
                self._scans[folder] = time.monotonic()
                self._lock.notify_all()

    # -- what becomes of it

    def _gather(self) -> None:
        while not self._closing.is_set():
            with self._lock:
                self._lock.wait(self._patience())
            if self._closing.is_set() or self._indexer.pending:
                continue
            try:
                self._look_back()
                request = self._next_scan() or self._next_update()
                if request is not None:
                    self._last_job = max((job.job_id for job in self._jobs.recent(1)), default=0)
                    self._indexer.submit(request)
            except FootnoteError as exc:
                logger.warning("changes could not be passed on: %s", exc)
                self._closing.wait(1.0)

    def _patience(self) -> float | None:
        """Seconds to wait for something new; None: until there is."""
        if self._closing.is_set():
            return 0.0
        if self._submitted or any(self._changed.values()):
            return _POLL_SECONDS
        if self._scans:
            return max(_POLL_SECONDS, min(self._scans.values()) - time.monotonic())
        return None

    def _look_back(self) -> None:
        """If what was submitted last failed or could not begin, have its folders looked through later."""
        submitted, self._submitted = self._submitted, frozenset()
        if not submitted:
            return
        jobs = [
            job
            for job in self._jobs.recent()
            if job.job_id > self._last_job and job.kind in ("update", "paths")
        ]
        # On a full disk, what was submitted does not even become a job.
        if jobs and not any(job.state == "failed" for job in jobs):
            self._retry_seconds = _RETRY_SECONDS
            return
        with self._lock:
            due = time.monotonic() + self._retry_seconds
            self._scans = dict.fromkeys(submitted & self._threads.keys(), due) | self._scans
        self._retry_seconds = min(2 * self._retry_seconds, _LONGEST_RETRY_SECONDS)

    def _next_scan(self) -> Request | None:
        with self._lock:
            due = [folder for folder, at in self._scans.items() if at <= time.monotonic()]
            if not due:
                return None
            folder = due[0]
            del self._scans[folder]
            self._changed.pop(folder, None)  # it is looked through as a whole
        if not Path(folder.path).is_dir():
            return None  # when it is back, its thread asks for this again
        self._submitted = frozenset({folder})
        return {"kind": "paths", "paths": [folder.path], "collection": folder.collection}

    def _next_update(self) -> Request | None:
        now = time.monotonic()
        with self._lock:
            if now - self._last < QUIET_SECONDS and now - self._first < LONGEST_SECONDS:
                return None
            changed, self._changed = self._changed, {}
        for folder in [folder for folder, paths in changed.items() if len(paths) > MANY_PATHS]:
            del changed[folder]
            self._note_scan(folder)
        kept = {
            folder: {path for path in paths if self._matters(folder, path)}
            for folder, paths in changed.items()
        }
        paths = sorted(set().union(*kept.values()), key=os.fsencode)
        if not paths:
            return None
        folders = [folder for folder in kept if kept[folder]]
        self._submitted = frozenset(folders)
        return {
            "kind": "update",
            "paths": [str(path) for path in paths],
            "folders": [[folder.path, folder.collection] for folder in folders],
        }

    def _matters(self, folder: WatchedFolder, path: Path) -> bool:
        """Whether it is worth a job: temporary files of editors come and go all the time."""
        if any(passed_over(part) for part in path.relative_to(folder.path).parts):
            return False
        try:
            if (path.parent.resolve() / path.name).is_relative_to(self._data):
                return False  # every job writes there
            if path.is_dir() or (supported(path.name) and path.exists()):
                return True
        except (OSError, RuntimeError):  # it may not be looked at; the job says so
            return True
        return bool(self._store.documents_under(folder.collection, str(path)))
