"""Removing documents in two steps: hidden at once, erased once it can no longer be undone.

Hiding moves the rows of the sources from ``documents`` to ``removed_documents``. A version that no source
holds any more is hidden with them: its chunks get the generation ``HIDDEN`` and an entry in ``removals``,
so both derived indexes drop them as they drop what is deleted, and nothing that reads the catalog finds
them. Undoing moves the rows back and gives the chunks a new generation. Erasing deletes the rows;
``index.purge`` then cleans the files that were derived from them.

A file that is deleted here may still lie in its folder. It is left out (``left_out``) when the folder is
looked through again, until somebody names the file itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from index.catalog import HIDDEN
from index.disabling import take_mark
from index.erasure import note_erasure

UNDO_SECONDS = 10.0

_COLUMNS = (
    "doc_id, collection, path, origin, state, problem, reason, hint, version_id, content_hash, size,"
    " indexed_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Documents that were removed together. ``generation`` names it; ``seconds_left`` to undo it are > 0."""

    generation: int
    documents: int
    seconds_left: float


def hide(connection: sqlite3.Connection, doc_ids: Sequence[str], generation: int, now: float) -> int:
    """Take sources out of sight; unknown ids are ignored.

    Args:
        generation: The one that this change publishes.
        now: Unix seconds.

    Returns:
        How many sources were there.
    """
    versions: set[int] = set()
    hidden = 0
    for doc_id in doc_ids:
        connection.execute(
            f"INSERT INTO removed_documents (removal, removed_at, {_COLUMNS})"
            f" SELECT ?, ?, {_COLUMNS} FROM documents WHERE doc_id = ?",
            (generation, now, doc_id),
        )
        connection.execute(
            "INSERT OR IGNORE INTO left_out SELECT collection, path FROM documents"
            " WHERE doc_id = ? AND origin = 'folder'",
            (doc_id,),
        )
        gone = connection.execute(
            "DELETE FROM documents WHERE doc_id = ? RETURNING version_id", (doc_id,)
        ).fetchall()
        hidden += len(gone)
        versions.update(row["version_id"] for row in gone if row["version_id"] is not None)
    for version_id in versions:
        release_version(connection, version_id, generation)
    return hidden


def bring_back(connection: sqlite3.Connection, removal: int, generation: int) -> list[str]:
    """Undo a removal. A source whose place was taken meanwhile is there already, and stays as it is.

    Returns:
        The ids of the sources that are back.
    """
    rows = connection.execute(
        "SELECT * FROM removed_documents r WHERE removal = ? AND NOT EXISTS (SELECT 1 FROM documents d"
        " WHERE d.collection = r.collection AND d.path = r.path)",
        (removal,),
    ).fetchall()
    for row in rows:
        connection.execute(
            f"INSERT INTO documents ({_COLUMNS}) SELECT {_COLUMNS} FROM removed_documents WHERE doc_id = ?",
            (row["doc_id"],),
        )
        connection.execute("DELETE FROM removed_documents WHERE doc_id = ?", (row["doc_id"],))
        take_in(connection, row["collection"], row["path"])
        take_mark(connection, row["collection"], row["path"])  # it comes back as it was
        if row["version_id"] is not None:
            reveal_version(connection, row["version_id"], generation)
    return [row["doc_id"] for row in rows]


def take_in(connection: sqlite3.Connection, collection: str, path: bytes) -> None:
    """A place in a folder is wanted again although what stood there was once deleted."""
    connection.execute("DELETE FROM left_out WHERE collection = ? AND path = ?", (collection, path))


def removals_at(connection: sqlite3.Connection, now: float, undo_seconds: float) -> list[Removal]:
    """What can still be undone, the newest first."""
    rows = connection.execute(
        "SELECT removal, count(*) AS n, min(removed_at) AS removed_at FROM removed_documents"
        " GROUP BY removal ORDER BY removal DESC"
    )
    return [
        Removal(
            generation=row["removal"],
            documents=row["n"],
            seconds_left=row["removed_at"] + undo_seconds - now,
        )
        for row in rows
        if not _is_over(row["removed_at"], now, undo_seconds)
    ]


def erase(connection: sqlite3.Connection, generation: int, now: float, undo_seconds: float) -> bool:
    """Delete every row of what can no longer be undone; returns whether there was any.

    Args:
        generation: The published one. It does not change: nothing that anyone can see does.
    """
    rows = connection.execute("SELECT doc_id, version_id, removed_at FROM removed_documents").fetchall()
    over = [row for row in rows if _is_over(row["removed_at"], now, undo_seconds)]
    connection.executemany(
        "DELETE FROM removed_documents WHERE doc_id = ?", [(row["doc_id"],) for row in over]
    )
    for version_id in {row["version_id"] for row in over if row["version_id"] is not None}:
        release_version(connection, version_id, generation)
    if over:
        note_erasure(connection)
    return bool(over)


def _is_over(removed_at: float, now: float, undo_seconds: float) -> bool:
    # Also when the clock was set back: what was removed must not wait for it to catch up.
    return not 0 <= now - removed_at < undo_seconds


def release_version(connection: sqlite3.Connection, version_id: int, generation: int) -> bool:
    """Take a version out of the index if no source stands at it any more.

    It is only hidden while a removed source could be brought back to it; else every byte of it goes.

    Returns:
        Whether it went, so that the files derived from it are to be cleaned.
    """
    if _exists(connection, "documents", version_id):
        return False
    connection.execute(
        "INSERT OR REPLACE INTO removals SELECT chunk_id, ? FROM chunks"
        " WHERE version_id = ? AND generation > 0",
        (generation, version_id),
    )
    if _exists(connection, "removed_documents", version_id):
        connection.execute("UPDATE chunks SET generation = ? WHERE version_id = ?", (HIDDEN, version_id))
        return False
    hashes = connection.execute("SELECT text_hash FROM chunks WHERE version_id = ?", (version_id,)).fetchall()
    connection.execute("DELETE FROM chunks WHERE version_id = ?", (version_id,))
    connection.execute("DELETE FROM locators WHERE version_id = ?", (version_id,))
    connection.execute("DELETE FROM health WHERE version_id = ?", (version_id,))
    connection.execute("DELETE FROM recognised_pages WHERE version_id = ?", (version_id,))
    connection.execute("DELETE FROM versions WHERE version_id = ?", (version_id,))
    connection.executemany(
        "DELETE FROM embeddings WHERE text_hash = ?1"
        " AND NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.text_hash = ?1)",
        [(row["text_hash"],) for row in hashes],
    )
    return True


def reveal_version(connection: sqlite3.Connection, version_id: int, generation: int) -> None:
    """Make the chunks of a version that was hidden part of ``generation``; others stay as they are."""
    connection.execute(
        "UPDATE chunks SET generation = ? WHERE version_id = ? AND generation = ?",
        (generation, version_id, HIDDEN),
    )


def _exists(connection: sqlite3.Connection, table: str, version_id: int) -> bool:
    row = connection.execute(f"SELECT 1 FROM {table} WHERE version_id = ?", (version_id,)).fetchone()
    return row is not None
