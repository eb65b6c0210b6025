"""A data folder that cannot be written, such as a mounted backup: it is asked as it is, and never changed.

Three things would be written by whoever only reads. SQLite shares a small file between the connections to a
database that keeps a log; tantivy takes a lock in the folder of its index; and a lexical index that is behind
the catalog is rolled forward. So SQLite is told that it may not write, and the lexical index is opened from a
private folder with links to its files, where it can be locked, and replaced.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import StorageError
from index.working_folder import working_folder


def is_read_only(database: Path) -> bool:
    """Whether a database is there and cannot be changed, or nothing can be made beside it."""
    return database.exists() and not (os.access(database, os.W_OK) and os.access(database.parent, os.W_OK))


def connect_read_only(database: Path) -> sqlite3.Connection:
    """A connection in autocommit mode to a database in a folder that cannot be written.

    While somebody who may write has it open, what he commits is seen. While nobody has, nothing is looked
    for beside the database; whoever begins to change it then may have us read rows that are half changed.

    Raises:
        StorageError: Changes wait in its log that have to be written into it first.
        sqlite3.Error: It cannot be opened.
    """
    connection = _opened(database, "mode=ro")
    try:
        connection.execute("PRAGMA user_version").fetchone()
        return connection
    except sqlite3.OperationalError as exc:
        connection.close()
        # The file that connections share is not there and cannot be made; its name depends on why.
        if not exc.sqlite_errorname.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            raise
    log = database.with_name(f"{database.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StorageError(
            f"{database} was copied without being closed, and its folder is read-only.",
            hint="Copy the folder to where it can be written, and name the copy with --data.",
        )
    return _opened(database, "immutable=1")


def _opened(database: Path, how: str) -> sqlite3.Connection:
    address = f"{database.absolute().as_uri()}?{how}"
    return sqlite3.connect(address, uri=True, timeout=10.0, isolation_level=None, check_same_thread=False)


@contextmanager
def private_copy(folder: Path, name: str) -> Iterator[Path]:
    """A temporary folder in which ``folder`` stands again under its name, made of links where there are any.

    Args:
        folder: With files only, none of which is ever changed in place. It need not be there.
        name: What the temporary folder is for, a word.

    Raises:
        OSError: The files cannot be read.
    """
    with working_folder(Path(tempfile.gettempdir()), f"footnote-{name}-") as private:
        if folder.is_dir():
            copy = private / folder.name
            copy.mkdir(mode=0o700)
            for file in folder.iterdir():
                if file.suffix == ".lock":
                    continue
                try:
                    (copy / file.name).symlink_to(file.absolute())
                except OSError:  # Windows lets not everybody make links
                    shutil.copyfile(file, copy / file.name)
        yield private
