"""A look at an index that takes a moment, changes nothing, and works on what can no longer be opened.

``index.check`` reads every passage and vector; this reads the catalog's bookkeeping and the names of files.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from index.catalog import FILE_NAME, SCHEMA_VERSION, translated
from index.database_owner import refuse_at_sight
from index.read_only import connect_read_only
from index.rows import live_chunks

# SQLite reads some 500 MB of its own pages in a second; a larger catalog is left to `footnote check`.
_LOOKED_THROUGH_BYTES = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickLook:
    """What an index holds. ``faults`` are sentences; ``whole`` says whether all pages were looked through."""

    documents: int
    passages: int
    faults: tuple[str, ...]
    whole: bool


def quick_look(data: Path) -> QuickLook | None:
    """Look at the index of a data folder; None where there is none.

    Raises:
        NewerDatabaseError: A later release wrote it.
        DamagedError, StorageError: It cannot be read.
    """
    path = data / FILE_NAME
    with translated(data):
        if not path.exists():
            return None
        refuse_at_sight(path, SCHEMA_VERSION)
        with closing(connect_read_only(path)) as connection:
            connection.row_factory = sqlite3.Row
            whole = path.stat().st_size <= _LOOKED_THROUGH_BYTES
            faults = [*(_pages(connection) if whole else ()), *_checkpoints(connection, data)]
            return QuickLook(
                documents=int(connection.execute("SELECT count(*) FROM documents").fetchone()[0]),
                passages=live_chunks(connection),
                faults=tuple(faults),
                whole=whole,
            )


def _pages(connection: sqlite3.Connection) -> list[str]:
    found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    return [f"SQLite: {fault}" for fault in found if fault != "ok"]


def _checkpoints(connection: sqlite3.Connection, data: Path) -> list[str]:
    """The files of vectors that the catalog names. A missing one is made again, which takes time."""
    named = [row["file"] for row in connection.execute("SELECT file FROM checkpoints ORDER BY generation")]
    return [f"{name} is missing" for name in named if not (data / "checkpoints" / name).is_file()]
