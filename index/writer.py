"""One writer for a data folder: of all processes, and of all threads of this one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from index.locks import held


class WriterLock:
    """What whoever writes holds; readers never take it. It vanishes with its holder."""

    def __init__(self, data: Path, *, seconds: float) -> None:
        """Take nothing yet.

        Args:
            data: The data folder.
            seconds: How long to wait for another process that writes.
        """
        self.seconds = seconds
        self._data = data
        self._lock = FileLock(data / "writer.lock", thread_local=False)
        self._mutex = threading.Lock()  # FileLock is shared by this process's threads

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only writer.

        Raises:
            BusyError: Another process kept the lock for too long.
        """
        with self._mutex, held(self._lock, self._data, seconds=self.seconds):
            yield

    @contextmanager
    def held_if_free(self) -> Iterator[bool]:
        """Be the only writer if there is no other; gives whether that is so."""
        if not self._mutex.acquire(blocking=False):
            yield False
            return
        try:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                yield False
                return
            try:
                yield True
            finally:
                self._lock.release()
        finally:
            self._mutex.release()
