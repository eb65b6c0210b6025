"""Whose a database file is, told without changing it: ours, a later release's, another program's."""

from __future__ import annotations

import sqlite3
from collections.abc import Set
from contextlib import closing, suppress
from pathlib import Path

from index.errors import NewerDatabaseError, StorageError

CATALOG = frozenset({"meta"})  # a table that every catalog has


def refuse_at_sight(path: Path, newest: int, *, ours: Set[str] = CATALOG, unnumbered: bool = False) -> None:
    """Refuse a file that is no database that this release knows, before it is opened to be written.

    A connection of ours would have it keep a write-ahead log, and move one that is left into it. The file is
    looked at by SQLite all the same: whoever closes it after reading it himself takes away the locks of every
    other connection of this process, see https://www.sqlite.org/howtocorrupt.html (2.2).

    Args:
        path: Of a file that need not be there.
        newest: The newest schema that is known.
        ours: Tables of which at least one is in every database of this kind; by default a catalog.
        unnumbered: Whether there were releases that gave no schema.

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
        refuse_foreign_tables(path, connection, ours=ours, unnumbered=unnumbered)


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


def refuse_foreign_tables(
    path: Path, connection: sqlite3.Connection, *, ours: Set[str] = CATALOG, unnumbered: bool = False
) -> None:
    """Refuse a database with tables that are not those of a catalog, or of another kind that is ours.

    Args:
        ours, unnumbered: See :func:`refuse_at_sight`.

    Raises:
        StorageError: It is another program's.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    numbered = bool(version or unnumbered)
    if (tables and not numbered) or ((version or tables) and not tables & ours):
        raise StorageError(
            f"{path} is the database of another program.",
            hint="Choose an empty folder, or one that does not exist yet, with --data or FOOTNOTE_DATA.",
        )
