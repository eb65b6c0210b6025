"""Looking now and then whether files in the indexed folders have changed, so that the sidebar can say so.

A process of its own looks, at low priority: ``python -m ui.looking --data DIR``. Walking a hundred thousand
files takes seconds of Python, which the server's requests would wait for; and a network drive that does not
answer holds whoever asks. Folders that are watched are not walked through; they are in step anyway. Which
folders are out of reach is looked at, too, for all of them. A look that fails says nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from index.errors import FootnoteError
from index.missing import OutOfReach
from index.store import Store
from ui.beside import Beside, command_of, work_beside

logger = logging.getLogger(__name__)

FIRST_SECONDS = 10.0  # after the start, which has enough to do
EVERY_SECONDS = 300.0
LOST_SECONDS = 30.0  # while a folder is out of reach: it may be back any moment
AFTER_RUN_SECONDS = 60.0  # at the earliest, when the index has moved on
SHARE = 0.05  # of the time, at most, is spent on looking
_TURN_SECONDS = 1.0


class FolderLook:
    """Starts the looks, and remembers what the last one found."""

    def __init__(
        self,
        store: Store,
        *,
        busy: Callable[[], bool],
        command: Sequence[str] | None = None,
        first_seconds: float = FIRST_SECONDS,
        watched: Callable[[], object] = lambda: None,
    ) -> None:
        """Start nothing yet.

        Args:
            busy: Whether something is being indexed: what is changing now is no news.
            command: What looks, for tests.
            first_seconds: To wait before the first look.
            watched: What is known of the folders that are watched; when it changes, a look is due.
        """
        self._store = store
        self._busy = busy
        self._watched = watched
        self._beside = Beside(command or command_of("ui.looking", store.data))
        self._first_seconds = first_seconds
        self._found = (0.0, 0)  # when the folders had been indexed, and how many files were not as then
        self.out_of_reach: tuple[OutOfReach, ...] = ()  # the folders whose documents are missing
        self._generation = -1  # that was looked at
        self._same: Mapping[str, Any] = {}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look from now on, in the background."""
        self._thread = threading.Thread(target=self._run, name="look-into-folders", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; a look that is going on is broken off."""
        self._closing.set()
        self._beside.close()
        if self._thread is not None:
            self._thread.join(timeout=5)

    @property
    def changed(self) -> int:
        """How many files were not as they are indexed; 0 once a folder was indexed after the look."""
        indexed_at, changed = self._found
        return changed if changed and indexed_at == self._indexed_at() else 0

    def _indexed_at(self) -> float:
        return max((folder.indexed_at for folder in self._store.folders()), default=0.0)

    def _run(self) -> None:
        due, ended = time.monotonic() + self._first_seconds, 0.0
        watched: object = None
        while not self._closing.wait(min(_TURN_SECONDS, self._first_seconds or _TURN_SECONDS)):
            try:
                generation = self._store.generation
                outdated = ended and self._generation != generation
                before, watched = watched, self._watched()
                if ended and watched != before:
                    due = 0.0
                if time.monotonic() < (min(due, ended + AFTER_RUN_SECONDS) if outdated else due):
                    continue
                if self._busy() or not self._store.folders():
                    continue
                began = time.monotonic()
                self._look()
                self._generation = generation
                ended = time.monotonic()
                every = LOST_SECONDS if self.out_of_reach else EVERY_SECONDS
                due = ended + max(every, (ended - began) / SHARE)
            except (FootnoteError, OSError, ValueError) as exc:  # no process could be started, for one
                if not self._closing.is_set():
                    logger.warning("the folders could not be looked into: %s", type(exc).__name__)
                ended = time.monotonic()
                due = ended + EVERY_SECONDS

    def _look(self) -> None:
        indexed_at = self._indexed_at()
        before = {"same": self._same, "out_of_reach": [asdict(each) for each in self.out_of_reach]}
        try:
            found = self._beside.run(before)
        except (OSError, ValueError):
            self._found, self.out_of_reach = (indexed_at, 0), ()
            raise
        self._found, self._same = (indexed_at, int(found["changed"])), found["same"]
        self.out_of_reach = tuple(OutOfReach(**each) for each in found["out_of_reach"])


def look(data: Path, before: Mapping[str, Any]) -> dict[str, Any]:
    """One look into the folders.

    Args:
        data: The data folder.
        before: What the look before returned, or some of it.

    Returns:
        The fields of :class:`index.outdated.Outdated`, for the folders that are not watched; and
        ``out_of_reach``, those of each :class:`index.missing.OutOfReach`.
    """
    from index.catalog import Catalog
    from index.missing import folders_out_of_reach
    from index.outdated import count_outdated
    from index.reader import CatalogReader
    from index.survey import remembered_roots
    from index.watched import WatchedFolder, watched_folders

    catalog = Catalog(data)
    try:
        watched = watched_folders(catalog)
        reader = CatalogReader(data, catalog)
        roots = [
            root
            for root in remembered_roots(reader)
            if WatchedFolder(path=str(root.path), collection=root.collection) not in watched
        ]
        same = {path: (size, content, file) for path, (size, content, file) in before.get("same", {}).items()}
        known = [OutOfReach(**each) for each in before.get("out_of_reach", ())]
        found = asdict(count_outdated(reader, roots, same))
        return {**found, "out_of_reach": [asdict(each) for each in folders_out_of_reach(reader, known)]}
    finally:
        catalog.close()


if __name__ == "__main__":
    work_beside(look, "Looks for changed files; the server starts it.")
