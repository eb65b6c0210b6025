"""The SQLite catalog: its connections, and the translation of SQLite's errors.

The catalog is the truth and the log. FAISS checkpoints and the lexical index are derived from it:
rows carry the generation that added them, ``removals`` remembers which ids went and when, and both
derived indexes roll forward from there (or are rebuilt) without embedding anything again.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.connections import Connections
from index.database_owner import refuse_at_sight, refuse_foreign_tables, refuse_newer
from index.errors import DamagedError, StorageError, StoreError
from index.migrating import migrate, run_statements
from index.migrations import MIGRATIONS
from index.read_only import connect_read_only, is_read_only
from index.tables import TABLES

SCHEMA_VERSION = 8  # with a migration that leads to it, see index.migrations
FILE_NAME = "catalog.sqlite"
_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)
HIDDEN = -1  # generation of a chunk that was removed and can still be brought back


@contextmanager
def translated(data: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into our errors, at this one border."""
    try:
        yield
    except sqlite3.DatabaseError as exc:
        error = _translate(exc, data)
        if error is None:
            raise
        raise error from exc
    except UnicodeDecodeError as exc:  # SQLite's own words, which name what is damaged by its damaged name
        raise _damaged(exc, data) from exc
    except OSError as exc:
        if exc.errno in _REFUSED and is_read_only(data / FILE_NAME):
            raise _read_only(data) from exc
        # The file, where it is known: one that was made as another user may be all that is in the way.
        place = os.fsdecode(exc.filename) if isinstance(exc.filename, (str, bytes)) else data
        raise StorageError(
            f"{place}: {exc.strerror or exc}",
            hint="Make room or correct the permissions, then try again. What was indexed before is safe.",
        ) from exc


def _damaged(exc: Exception, data: Path) -> DamagedError:
    return DamagedError(
        f"{data / FILE_NAME} is damaged: {exc}",
        hint="Restore the data folder from a backup, or move it away and index your documents again.",
    )


def _translate(exc: sqlite3.DatabaseError, data: Path) -> StoreError | None:
    name = getattr(exc, "sqlite_errorname", "") or ""
    # Damage inside a row shows only when its text is decoded, damage of a table's name when it is asked for.
    words = ("decode to UTF-8", "no such table", "no such column")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or any(each in str(exc) for each in words):
        return _damaged(exc, data)
    if name.startswith("SQLITE_FULL"):
        return StorageError(
            f"The disk that holds {data} is full.",
            hint="Make room and run the same command again. What was indexed before is safe.",
        )
    if name.startswith("SQLITE_READONLY") or "readonly" in str(exc):
        return _read_only(data)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StorageError(
            f"{data / FILE_NAME} is locked by another program.",
            hint="Close the program that holds it and try again.",
        )
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return StorageError(
            f"{data / FILE_NAME} cannot be read or written: {exc}",
            hint="Check free space and permissions there, or choose another data folder with --data.",
        )
    return None  # a mistake of ours, such as a broken constraint: show it as it is


def _read_only(data: Path) -> StorageError:
    return StorageError(
        f"{data} is read-only: it can be asked, but not changed.",
        hint="Correct the permissions, or choose another data folder with --data.",
    )


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode with the settings that the promises rest on."""
    connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        # On macOS a plain fsync leaves the drive's own memory unwritten; elsewhere this changes nothing.
        connection.execute("PRAGMA fullfsync=ON")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
    except BaseException:
        connection.close()
        raise
    return connection


class Catalog:
    """A small pool of connections to one catalog file; safe to use from several threads."""

    def __init__(self, data: Path) -> None:
        """Open the catalog in ``data`` and create it when it is not there.

        Raises:
            NewerDatabaseError: A later release wrote it. (What an earlier one wrote is migrated.)
            StorageError, DamagedError: It cannot be opened, or is another program's.
        """
        self.data = data
        self.path = data / FILE_NAME
        self.read_only = is_read_only(self.path)
        self._connections = Connections(self._connect)
        with translated(data):
            refuse_at_sight(self.path, SCHEMA_VERSION)
        try:
            with self.reading() as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                refuse_newer(self.path, version, SCHEMA_VERSION)
                refuse_foreign_tables(self.path, connection)
        except StoreError:
            self.close()
            raise
        if version == 0:
            self._create()
        elif version < SCHEMA_VERSION and self.read_only:
            self.close()
            raise StorageError(
                f"{self.path} was written by an earlier release and has to be brought up to date, but {data}"
                " is read-only.",
                hint="Copy the folder to where it can be written, and name the copy with --data.",
            )
        elif version < SCHEMA_VERSION:
            self._migrate()

    def _migrate(self) -> None:
        self.close()  # connections that were opened before it remember the old tables
        self._connections = Connections(self._connect)
        with translated(self.data):
            migrate(self.path, MIGRATIONS)

    def _create(self) -> None:
        with self.writing() as connection:
            # Another process may have created it between our look and our lock.
            if connection.execute("PRAGMA user_version").fetchone()[0]:
                return
            run_statements(connection, TABLES)
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                [("catalog_id", uuid.uuid4().hex), ("generation", "0"), ("removals_since", "0")],
            )
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection inside one read transaction: everything read belongs to one commit."""
        with self._borrowed() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside one write transaction, committed at the end, rolled back on any error."""
        with self._borrowed() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    def truncate_log(self) -> bool:
        """Empty the write-ahead log, so that deleted text does not linger in it.

        Returns:
            False when a reader was in the middle of a transaction for ten seconds, and keeps its part.
        """
        with self._borrowed() as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy

    def _connect(self) -> sqlite3.Connection:
        if self.read_only:
            connection = connect_read_only(self.path)
            connection.row_factory = sqlite3.Row
            return connection
        return connect(self.path)

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        with translated(self.data), self._connections.borrowed() as connection:
            yield connection

    def close(self) -> None:
        """Close every idle connection; a borrowed one closes when it is given back."""
        self._connections.close()


def encode_path(path: str) -> bytes:
    """The bytes of a file name as the catalog keeps them; undecodable bytes survive."""
    return os.fsencode(path)


def decode_path(path: bytes) -> str:
    """The inverse of :func:`encode_path`."""
    return os.fsdecode(path)


def get_meta(connection: sqlite3.Connection, key: str) -> str | None:
    """One value of the ``meta`` table, None when it is not set."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Set one value of the ``meta`` table."""
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
    )
