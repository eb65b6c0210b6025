"""Whose a database file is, told without changing it: ours, a later release's, another program's."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from index.errors import NewerDatabaseError, StorageError

_MARK = "meta"  # a table that every catalog has


def refuse_at_sight(path: Path, newest: int) -> None:
    """Refuse a file that is no catalog that this release knows, before it is opened to be written.

    A connection of ours would have it keep a write-ahead log, and move one that is left into it. The file is
    looked at by SQLite all the same: whoever closes it after reading it himself takes away the locks of every
    other connection of this process, see https://www.sqlite.org/howtocorrupt.html (2.2).

    Args:
        path: Of a file that need not be there.
        newest: The newest schema that is known.

    Raises:
        NewerDatabaseError: A later release wrote it.
        StorageError: Another program did.
        OSError: The folder cannot be looked into.
    """
    if not path.exists():
        return
    with (
        suppress(sqlite3.Error),  # whoever opens it next hears of it
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection,
    ):
        refuse_newer(path, int(connection.execute("PRAGMA user_version").fetchone()[0]), newest)
        refuse_foreign_tables(path, connection)


def refuse_newer(path: Path, version: int, newest: int) -> None:
    """Refuse a schema that a later release made.

    Raises:
        NewerDatabaseError: ``version`` is beyond ``newest``.
    """
    if version > newest:
        raise NewerDatabaseError(
            f"{path} was written by a later release (schema {version}, this one knows {newest}).",
            hint="Update Footnote, or choose another data folder with --data.",
        )


def refuse_foreign_tables(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a database with tables that are not those of a catalog.

    Raises:
        StorageError: It is another program's.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if (tables and not version) or (version and _MARK not in tables):
        raise StorageError(
            f"{path} is the database of another program.",
            hint="Choose an empty folder, or one that does not exist yet, with --data or FOOTNOTE_DATA.",
        )
