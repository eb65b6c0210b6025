"""Open connections to one SQLite file: as many as are needed at a time, few of them kept for later."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Each has two open files and its own memory of the file's pages. Seldom do more threads read in one instant.
KEPT = 4


class Connections:
    """Lends connections, and keeps the last few that were given back. Safe to use from several threads."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Open nothing yet.

        Args:
            connect: Opens one that any thread may use.
        """
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def borrowed(self) -> Iterator[sqlite3.Connection]:
        """A connection that nobody else uses meanwhile, outside of any transaction.

        One that fails is not used again.

        Raises:
            sqlite3.Error: It cannot be opened.
        """
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        except sqlite3.Error:
            connection.close()
            raise
        except BaseException:
            self._take_back(connection)
            raise
        self._take_back(connection)

    def _take_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < KEPT:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close those that nobody uses; a borrowed one is closed when it is given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
