"""The line in which questions wait for their turn to be looked up, the first first.

A question that is looked up wants the interpreter all the time. With fifty of them, each asks for it two
hundred times a second (CPython's switch interval), and the server does little else than to answer them no.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_SECONDS = 0.25  # between two looks whether whoever waits was stopped


class Line:
    """Lets so many in at once. Safe to use from several threads."""

    def __init__(self, places: int) -> None:
        """``places`` must be at least 1."""
        self._free = places
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()  # each is released when its turn has come

    @property
    def full(self) -> bool:
        """Whether who comes now has to wait."""
        return not self._free

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @contextmanager
    def turn(self, stopped: Callable[[], bool]) -> Iterator[bool]:
        """Wait for a place, and keep it while the body runs.

        The body should compute and nothing else: not wait for who reads its results, which may be somebody
        that waits in the same line.

        Args:
            stopped: Asked while it waits; once it is true it waits no longer.

        Yields:
            Whether there is a place; False for one who was stopped before.
        """
        come = self._come(stopped)
        try:
            yield come
        finally:
            if come:
                self._leave()

    def _come(self, stopped: Callable[[], bool]) -> bool:
        called = threading.Lock()
        called.acquire()
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            self._waiting.append(called)
        try:
            while not called.acquire(timeout=_LOOK_SECONDS):
                if stopped() and self._gone(called):
                    return False
        except BaseException:  # also an interrupt from the keyboard: the place would be lost for good
            if not self._gone(called):
                self._leave()
            raise
        return True

    def _gone(self, called: threading.Lock) -> bool:
        with self._lock:
            if called not in self._waiting:  # it was called just now
                return False
            self._waiting.remove(called)
            return True

    def _leave(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
