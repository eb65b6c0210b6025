"""Documents that a person set aside: they stay in the index, and nothing is answered from them.

A document is ``disabled``: ``index.scope`` leaves it out, whatever its file becomes. What its state was
before needs no note: one without content has failed, one with a reason was read in part, others are ready.

Or it cannot be read and is ``ignored``: it is no trouble any more, and is not tried again (see
``index.decisions``) until its content changes or somebody asks for it; then it is what that try makes of it.

Either mark outlasts a run that does not find the file, as when a folder is being copied anew: it is kept by
the place of the file, as a hash, so that no name lingers, until a document stands there again. What a person
deletes here takes its mark along.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a person decided about a document that is gone for now, and the hash of what it held then."""

    state: str  # "disabled" or "ignored"
    content_hash: str | None


def disable(connection: sqlite3.Connection, doc_ids: Sequence[str]) -> list[str]:
    """Keep documents from answering.

    Returns:
        The ids of those that are disabled by this. One that could not be read has nothing to keep from
        answering and stays as it is, as one does that is disabled already; unknown ids are ignored.
    """
    return _updated(
        connection,
        "UPDATE documents SET state = 'disabled'"
        " WHERE doc_id = ? AND version_id IS NOT NULL AND state != 'disabled'",
        doc_ids,
    )


def enable(connection: sqlite3.Connection, doc_ids: Sequence[str]) -> list[str]:
    """Let documents answer again.

    Returns:
        The ids of those that were disabled; others stay as they are.
    """
    return _updated(
        connection,
        "UPDATE documents SET state = CASE WHEN version_id IS NULL THEN 'failed' WHEN reason != ''"
        " THEN 'partial' ELSE 'ready' END WHERE doc_id = ? AND state = 'disabled'",
        doc_ids,
    )


def ignore(connection: sqlite3.Connection, doc_ids: Sequence[str]) -> list[str]:
    """Let documents rest that could not be read.

    Returns:
        The ids of those that had failed; others stay as they are.
    """
    return _updated(
        connection, "UPDATE documents SET state = 'ignored' WHERE doc_id = ? AND state = 'failed'", doc_ids
    )


def keep_mark(connection: sqlite3.Connection, doc_id: str) -> None:
    """Remember that a document was set aside, before its row goes because its file is gone."""
    row = connection.execute(
        "SELECT collection, path, state, content_hash FROM documents"
        " WHERE doc_id = ? AND state IN ('disabled', 'ignored')",
        (doc_id,),
    ).fetchone()
    if row is not None:
        connection.execute(
            "INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?)",
            (_place(row["collection"], row["path"]), row["state"], row["content_hash"]),
        )


def take_mark(connection: sqlite3.Connection, collection: str, path: bytes) -> Mark | None:
    """The mark that was kept for a place, which is not kept any more: a document stands there again."""
    row = connection.execute(
        "DELETE FROM set_aside WHERE place = ? RETURNING state, content_hash", (_place(collection, path),)
    ).fetchone()
    return None if row is None else Mark(state=row["state"], content_hash=row["content_hash"])


def _place(collection: str, path: bytes) -> bytes:
    return hashlib.sha256(collection.encode() + b"\0" + path).digest()


def _updated(connection: sqlite3.Connection, statement: str, doc_ids: Sequence[str]) -> list[str]:
    return [doc_id for doc_id in doc_ids if connection.execute(statement, (doc_id,)).rowcount]
