"""Checking, some time after the start of the server, whether the index is sound, so that the page can say it.

A process of its own checks, at low priority: ``python -m ui.checking --data DIR``. It reads every passage and
vector once, which the server's requests would wait for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from index.store import Store
from ui.beside import Beside, command_of, work_beside

logger = logging.getLogger(__name__)

FIRST_SECONDS = 30.0  # after the start, which has enough to do
AGAIN_SECONDS = 5.0  # what was in the middle of a change is whole by then
_LOOKS = 5


class StartCheck:
    """Starts the check, and remembers what it found."""

    def __init__(
        self,
        store: Store,
        *,
        busy: Callable[[], bool],
        command: Sequence[str] | None = None,
        first_seconds: float = FIRST_SECONDS,
        again_seconds: float = AGAIN_SECONDS,
    ) -> None:
        """Start nothing yet.

        Args:
            busy: Whether something is being indexed, which is waited for.
            command: What checks, for tests.
            first_seconds: To wait before the first look.
            again_seconds: To wait before another one.
        """
        self._store = store
        self._busy = busy
        self._beside = Beside(command or command_of("ui.checking", store.data))
        self._seconds = (first_seconds, again_seconds)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.faults: tuple[str, ...] = ()  # one sentence each; of an index that is sound, none

    def start(self) -> None:
        """Check once, in the background."""
        self._thread = threading.Thread(target=self._run, name="check-index", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; a check that is going on is broken off."""
        self._closing.set()
        self._beside.close()
        if self._thread is not None:
            self._thread.join(timeout=5)

    @property
    def problem(self) -> str:
        """What is wrong with the index, and the next step; "" while nothing is known to be."""
        if not self.faults:
            return ""
        more = f" (and {len(self.faults) - 1:,} more)" if len(self.faults) > 1 else ""
        return f"The index has a fault: {self.faults[0]}{more}. Repair it: footnote check --repair"

    def _run(self) -> None:
        wait, again = self._seconds
        before: list[str] = []
        for _ in range(_LOOKS):
            while not self._closing.wait(wait) and self._busy():
                wait = again
            if self._closing.is_set():
                return
            try:
                found = [str(fault) for fault in self._beside.run()]
            except (OSError, ValueError) as exc:
                if not self._closing.is_set():
                    logger.warning("the index could not be checked: %s", type(exc).__name__)
                return
            if not found:
                return
            # What is found twice is no change that was half done: another process may write at any time.
            if found == before:
                self.faults = tuple(found)
                logger.error("the index has %d fault(s)", len(found))
                return
            before, wait = found, again


def check(data: Path, _: object) -> list[str]:
    """What is wrong with the index."""
    with Store.open(data, create=False) as store:
        return store.check()


if __name__ == "__main__":
    work_beside(check, "Checks the index; the server starts it.")
