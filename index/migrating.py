"""Bringing the database of an earlier release to today's schema, after a copy of it was put aside.

Each migration is one function and leads from one schema, the database's ``user_version``, to the next. All
that are needed run in one transaction: whatever goes wrong, the database stays what it was.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from index.errors import DamagedError

logger = logging.getLogger(__name__)

Migrations = Mapping[int, Callable[[sqlite3.Connection], None]]  # by the schema that each leads to

BACKUP_SUFFIX = ".backup"


def backup_path(database: Path, version: int) -> Path:
    """Where the copy of a database that had schema ``version`` is kept, beside it."""
    return database.with_name(f"{database.name}.schema-{version}{BACKUP_SUFFIX}")


def migrate(database: Path, migrations: Migrations) -> None:
    """Bring a database to the newest schema; the copy from before is kept, one at most.

    Until :func:`remove_backups`: it holds what is deleted later.

    Raises:
        DamagedError: Rows of it contradict each other; it is left as it was.
        sqlite3.DatabaseError, OSError: The disk refused; it is left as it was.
    """
    connection = sqlite3.connect(database, timeout=60.0, isolation_level=None)
    try:
        # Tables are made anew and renamed into place, which would break the references to them.
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")  # a table that is made anew leaves the old one behind
        connection.execute("BEGIN IMMEDIATE")
        try:
            current = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if current == max(migrations):
                connection.rollback()  # another process was quicker
                return
            _back_up(database, current)
            for target in sorted(migrations):
                if target > current:
                    logger.info("%s is brought from schema %d to %d", database.name, current, target)
                    migrations[target](connection)
                    connection.execute(f"PRAGMA user_version={target}")
                    current = target
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise DamagedError(
                    f"{database} holds rows that refer to rows that are not there; it was left as it is.",
                    hint="Restore the data folder from a backup, or move the file away and begin anew.",
                )
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
    finally:
        connection.close()


def _back_up(database: Path, version: int) -> None:
    kept = backup_path(database, version)
    temporary = kept.with_name(kept.name + ".tmp")
    try:
        temporary.unlink(missing_ok=True)
        # A connection of its own: the other one is inside a transaction, which keeps writers out.
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(temporary)) as copy:
            source.backup(copy)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(kept)
    finally:
        temporary.unlink(missing_ok=True)
    remove_backups(database, but=kept)


def remove_backups(database: Path, *, but: Path | None = None) -> None:
    """Delete the copies that migrations have put aside. They hold what was deleted since."""
    for path in database.parent.glob(f"{database.name}.schema-*{BACKUP_SUFFIX}"):
        if path != but:
            path.unlink(missing_ok=True)


def run_statements(connection: sqlite3.Connection, script: str) -> None:
    """Run statements that end in semicolons inside the transaction that is going on."""
    # Not executescript(): it commits the transaction first.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):  # a trigger holds statements of its own
            connection.execute(statement)
            statement = ""
