"""The part of the index that a question may be answered from: chosen collections, nothing disabled."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from index.errors import UnknownCollectionError

if TYPE_CHECKING:
    from index.rows import DocumentRow
    from index.vectors import DenseIndex, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What of one snapshot may answer.

    Content that lies under several paths belongs to the collection of each of them. ``collections``
    is None for all of them; ``selection`` is None where every live chunk may answer.
    """

    collections: frozenset[str] | None
    n_chunks: int
    n_documents: int
    selection: Selection | None

    def holds(self, document: DocumentRow) -> bool:
        """Whether this source is inside the scope."""
        chosen = self.collections is None or document.collection in self.collections
        return chosen and document.state != "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRow:
    """A collection and how many of its documents can answer: they were read, and are not disabled."""

    name: str
    documents: int


def collection_rows(connection: sqlite3.Connection) -> list[CollectionRow]:
    """Every collection that has a document, by name."""
    rows = connection.execute(
        "SELECT collection, sum(version_id IS NOT NULL AND state != 'disabled') AS n FROM documents"
        " GROUP BY collection ORDER BY collection"
    )
    return [CollectionRow(name=row["collection"], documents=int(row["n"])) for row in rows]


def build_scope(
    connection: sqlite3.Connection,
    dense: DenseIndex,
    collections: frozenset[str] | None,
    *,
    n_documents: int,
) -> Scope:
    """The scope of ``collections`` (None: all) within a dense index that holds ``n_documents``.

    Raises:
        UnknownCollectionError: A name is not that of a collection, or there is none in ``collections``.
    """
    if collections is not None:
        _require(connection, collections)
    elif not connection.execute(
        "SELECT 1 FROM documents WHERE state = 'disabled' AND version_id IS NOT NULL LIMIT 1"
    ).fetchone():
        return Scope(collections=None, n_chunks=len(dense), n_documents=n_documents, selection=None)

    names: Sequence[str] = () if collections is None else sorted(collections)
    among = f" AND collection IN ({', '.join('?' * len(names))})" if names else ""
    answering = f"FROM documents WHERE version_id IS NOT NULL AND state != 'disabled'{among}"
    documents = int(connection.execute(f"SELECT count(*) {answering}", names).fetchone()[0])
    rows = connection.execute(
        f"SELECT chunk_id FROM chunks WHERE version_id IN (SELECT version_id {answering})", names
    )
    ids = np.sort(np.fromiter((row[0] for row in rows), dtype=np.int64))
    selection = dense.select(ids)
    n_chunks = len(selection.ids)
    return Scope(
        collections=collections,
        n_chunks=n_chunks,
        n_documents=documents,
        selection=None if n_chunks == len(dense) else selection,
    )


def _require(connection: sqlite3.Connection, collections: frozenset[str]) -> None:
    known = [row.name for row in collection_rows(connection)]
    hint = f"Collections are: {', '.join(known)}." if known else "Nothing is indexed yet."
    if not collections:
        raise UnknownCollectionError("No collection is selected.", hint=hint)
    unknown = sorted(collections.difference(known))
    if unknown:
        raise UnknownCollectionError(f"There is no collection {', '.join(unknown)}.", hint=hint)
