"""Documents that a person set aside: they stay in the index, and nothing is answered from them.

A document is ``disabled``: ``index.scope`` leaves it out, whatever its file becomes. What its state was
before needs no note: one without content has failed, one with a reason was read in part, others are ready.

Or it cannot be read and is ``ignored``: it is no trouble any more, and is not tried again (see
``index.decisions``) until its content changes or somebody asks for it; then it is what that try makes of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence


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


def _updated(connection: sqlite3.Connection, statement: str, doc_ids: Sequence[str]) -> list[str]:
    return [doc_id for doc_id in doc_ids if connection.execute(statement, (doc_id,)).rowcount]
