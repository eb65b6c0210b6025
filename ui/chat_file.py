"""The SQLite file of conversations: its tables, its connections, its memory, and its errors in words."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from index.connections import Connections
from index.errors import StorageError

logger = logging.getLogger(__name__)

_BUSY_MILLISECONDS = 5_000  # for another process that writes, if there is one
_REMEMBERED = 200  # conversations

EVERY_CHAT = ""  # what is about no single conversation
ANY_CHAT = "*"  # it is not known which

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chats (
    chat_id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    chat_id TEXT NOT NULL REFERENCES chats(chat_id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    answer TEXT,
    created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_chat ON messages(chat_id, position);
CREATE INDEX IF NOT EXISTS answered ON messages(position) WHERE answer IS NOT NULL;
CREATE TABLE IF NOT EXISTS selections (
    chat_id TEXT PRIMARY KEY REFERENCES chats(chat_id) ON DELETE CASCADE,
    collections TEXT NOT NULL,         -- JSON; a conversation without a row searches everything
    documents TEXT NOT NULL DEFAULT '[]'  -- JSON, ids
);
CREATE TABLE IF NOT EXISTS variants (
    question_id TEXT PRIMARY KEY REFERENCES messages(message_id) ON DELETE CASCADE,
    turn TEXT NOT NULL,                -- the question that was asked first in this place
    shown INTEGER NOT NULL             -- 1 for one of each turn; a question without a row is the only one
);
CREATE TABLE IF NOT EXISTS suggestions (
    message_id TEXT PRIMARY KEY REFERENCES messages(message_id) ON DELETE CASCADE,
    places TEXT NOT NULL               -- JSON, see StoredSuggestions: no words of documents
);
CREATE TABLE IF NOT EXISTS hidden (
    chat_id TEXT PRIMARY KEY REFERENCES chats(chat_id) ON DELETE CASCADE,
    hidden_at REAL NOT NULL            -- unix seconds; deleted for good a moment later
);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class ChatFile:
    """``chats.sqlite`` of one data folder; safe to use from any thread."""

    def __init__(self, data: Path) -> None:
        """Open or create it.

        Raises:
            StorageError: the folder cannot be written, or the file is not a database.
        """
        self._lock = threading.Lock()
        self._readers = Connections(self._connect)
        self.revision = 0  # grows with every change
        self._memory: dict[str, dict[object, Any]] = {}  # by conversation
        self._deleted = True  # and the log may still hold what was, as of a process that was killed
        path = self._path = data / "chats.sqlite"
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = self._connect()
            self._db.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.executescript(_SCHEMA)
            self._add_columns()
        except (OSError, sqlite3.Error) as exc:
            raise StorageError(
                f"Conversations cannot be opened in {path}: {exc}.",
                hint="Check that it may be written to and the disk is not full, or use another with --data.",
            ) from exc

    def close(self) -> None:
        """Close it; the object is not used afterwards."""
        with self._lock:
            self._readers.close()
            self._db.close()

    def _add_columns(self) -> None:
        """Bring the file of an earlier release up to this one."""
        known = {row[1] for row in self._db.execute("PRAGMA table_info(selections)")}
        if "documents" not in known:
            self._db.execute("ALTER TABLE selections ADD COLUMN documents TEXT NOT NULL DEFAULT '[]'")

    @contextmanager
    def changing(self, about: Set[str] = frozenset({ANY_CHAT})) -> Iterator[sqlite3.Connection]:
        """A connection inside one transaction, committed at the end, rolled back on any error.

        Args:
            about: Ids of the conversations that change, looked at when the block ends.

        Raises:
            StorageError: The disk refused; nothing was changed.
        """
        with self._lock:
            try:
                with self._db:
                    self._db.execute("BEGIN IMMEDIATE")
                    yield self._db
                self.revision += 1
                if ANY_CHAT in about:
                    self._memory = {}
                else:
                    for chat_id in (EVERY_CHAT, *about):
                        self._memory.pop(chat_id, None)
            except sqlite3.Error as exc:
                raise StorageError(
                    f"The conversation cannot be saved: {exc}.", hint="Free some disk space, then try again."
                ) from exc

    def delete(self, sql: str, *values: object) -> int:
        """Delete rows, also from the file's free pages and, at once or soon after, from its log.

        Returns:
            How many were deleted, without what hung on them.

        Raises:
            StorageError: The disk refused; nothing was deleted.
        """
        with self.changing() as db:
            deleted = db.execute(sql, values).rowcount
            self._deleted = self._deleted or deleted > 0
        self.empty_log()
        return deleted

    def empty_log(self) -> None:
        """Take out of the log what was deleted, unless that is done; somebody who reads may be in the way."""
        if not self._deleted:
            return
        with self._lock:
            try:
                # Not to wait: others want to write, and this is done again.
                self._db.execute("PRAGMA busy_timeout=0")
                busy, _, _ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                self._deleted = bool(busy)
            except sqlite3.Error as exc:
                logger.info("what was deleted stays in the log for now: %s", exc)
            finally:
                self._db.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds.

        Raises:
            StorageError: The file cannot be read.
        """
        try:
            # Not on the connection that writes: many tabs would stand in line for it, and for each commit.
            with self._readers.borrowed() as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.Error as exc:
            raise StorageError(
                f"The conversations in {self._path} cannot be read: {exc}.",
                hint="Try again; if that does not help, restore the data folder from a backup.",
            ) from exc

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)

    def remembered(
        self,
        chat_id: str,
        sql: str,
        *values: object,
        read: Callable[[list[tuple[Any, ...]]], T],
    ) -> T:
        """What ``read`` makes of the rows; made once until something changes: every tab asks once a second.

        With many tabs it is the waiting for a connection, and for the interpreter after it, that costs.

        Args:
            chat_id: The conversation that it is about, ``EVERY_CHAT`` for all of them.
            read: Its result is given to everyone who asks, so nobody may change it.

        Raises:
            StorageError: The file cannot be read.
        """
        memory, key = self._about(chat_id), (sql, values, read)
        if key not in memory:
            # If there is a change meanwhile, nobody asks this memory any more.
            memory[key] = read(self.rows(sql, *values))
        found: T = memory[key]
        return found

    def _about(self, chat_id: str) -> dict[object, Any]:
        known = self._memory.get(chat_id)
        if known is None:
            if len(self._memory) >= _REMEMBERED:
                self._memory = {}
            known = self._memory.setdefault(chat_id, {})
        return known
