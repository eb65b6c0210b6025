"""The file of the conversations: its tables, one connection that writes, others that read, and a memory."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from index.errors import StorageError

EVERY_CHAT = ""  # what is about no single conversation

_REMEMBERED = 200  # conversations

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
        """Open or create the file.

        Raises:
            StorageError: the folder cannot be written, or the file is not a database.
        """
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []  # for reading; whoever reads takes one and puts it back
        self.revision = 0  # grows with every change
        self._memory: dict[str, dict[object, Any]] = {}  # by conversation
        path = self._path = data / "chats.sqlite"
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
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
        """Close the file; the object is not used afterwards."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()
            self._db.close()

    def _add_columns(self) -> None:
        """Bring the file of an earlier release up to this one."""
        known = {row[1] for row in self._db.execute("PRAGMA table_info(selections)")}
        if "documents" not in known:
            self._db.execute("ALTER TABLE selections ADD COLUMN documents TEXT NOT NULL DEFAULT '[]'")

    @contextmanager
    def change(self, chat_id: str | None = None) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when the block ends.

        Args:
            chat_id: The only conversation that changes; None: any may.

        Raises:
            StorageError: it cannot be written; nothing has changed.
        """
        with self._lock:
            try:
                with self._db:
                    self._db.execute("BEGIN IMMEDIATE")
                    yield self._db
                self.revision += 1
                if chat_id is None:
                    self._memory = {}
                else:
                    self._memory.pop(chat_id, None)
                    self._memory.pop(EVERY_CHAT, None)
            except sqlite3.Error as exc:
                raise StorageError(
                    f"The conversation cannot be saved: {exc}.", hint="Free some disk space, then ask again."
                ) from exc

    def wipe(self) -> None:
        """Empty the log of changes, so that nothing deleted is left in it."""
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds now."""
        # Not on the connection that writes: many tabs would stand in line for it, and for each commit.
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            self._idle.append(connection)

    def remembered(
        self,
        chat_id: str,
        sql: str,
        *values: object,
        read: Callable[[list[tuple[Any, ...]]], T],
    ) -> T:
        """What ``read`` makes of the rows; made once until something changes: every tab asks once a second.

        Args:
            chat_id: The conversation that it is about, ``EVERY_CHAT`` for all of them.
            read: Its result is given to everyone who asks, so nobody may change it.
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
