"""The SQLite file of conversations: its connections, its memory, and its errors in words."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Set
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from index.catalog import translated
from index.connections import Connections
from index.database_owner import refuse_at_sight, refuse_foreign_tables, refuse_newer
from index.errors import StorageError
from index.migrating import migrate, remove_backups, run_statements
from ui.chat_schema import MIGRATIONS, OURS, SCHEMA_VERSION, TABLES

logger = logging.getLogger(__name__)

_BUSY_MILLISECONDS = 5_000  # for another process that writes, if there is one
_REMEMBERED = 200  # conversations

EVERY_CHAT = ""  # what is about no single conversation
ANY_CHAT = "*"  # it is not known which

T = TypeVar("T")


class ChatFile:
    """``chats.sqlite`` of one data folder; safe to use from any thread."""

    def __init__(self, data: Path) -> None:
        """Open or create it.

        Raises:
            NewerDatabaseError: A later release wrote it. (What an earlier one wrote is migrated.)
            StorageError: The folder cannot be written, or the file is not a database, or another program's.
            DamagedError: Its rows contradict each other.
        """
        self._lock = threading.Lock()
        self._readers = Connections(self._connect)
        self.revision = 0  # grows with every change
        self.deletions = 0  # grows with every change that deletes
        self._memory: dict[str, dict[object, Any]] = {}  # by conversation
        self._deleted = True  # and the log may still hold what was, as of a process that was killed
        path = self._path = data / "chats.sqlite"
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            refuse_at_sight(path, SCHEMA_VERSION, ours=OURS, unnumbered=True)
            self._bring_up_to_date()
            self._db = self._connect()
            self._db.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.execute("PRAGMA secure_delete=ON")
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

    def _bring_up_to_date(self) -> None:
        """Create the tables, or make those of an earlier release today's."""
        with closing(self._connect()) as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            refuse_newer(self._path, version, SCHEMA_VERSION)
            refuse_foreign_tables(self._path, db, ours=OURS, unnumbered=True)
            if version == SCHEMA_VERSION:
                return
            if db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None:
                db.execute("BEGIN IMMEDIATE")
                run_statements(db, TABLES)
                db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
                db.execute("COMMIT")
                return
        migrate(self._path, MIGRATIONS)

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

        A copy from before a migration goes first: it holds them too.

        Returns:
            How many were deleted, without what hung on them.

        Raises:
            StorageError: The disk refused; nothing was deleted.
        """
        with translated(self._path.parent):
            remove_backups(self._path)
        with self.changing() as db:
            deleted = db.execute(sql, values).rowcount
            self._deleted = self._deleted or deleted > 0
        self.deletions += deleted > 0
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
