"""The part of the index that a question may be answered from: what was chosen of it, nothing disabled."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from index.catalog import decode_path
from index.documents import last_part
from index.errors import UnknownCollectionError, UnknownDocumentError

if TYPE_CHECKING:
    from index.rows import DocumentRow
    from index.vectors import DenseIndex, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What of one snapshot may answer.

    Both ``collections`` and ``documents`` (ids) are None where everything may; else what lies in one of
    these collections or is one of these documents. Content that lies under several paths is inside as
    soon as one of them is. ``selection`` is None where every live chunk may answer.
    """

    collections: frozenset[str] | None = None
    documents: frozenset[str] | None = None
    files: tuple[str, ...] = ()  # names of ``documents``, by collection and path
    parts: frozenset[str] = frozenset()  # collections that ``documents`` are taken from
    outside: bool = False  # this is what the collections and documents leave out
    n_chunks: int
    n_documents: int
    selection: Selection | None

    @property
    def narrowed(self) -> bool:
        """Whether less than everything was chosen."""
        return self.collections is not None or self.documents is not None

    @property
    def names(self) -> tuple[str, ...]:
        """What was chosen, for people: collections by name, then the files; empty for everything."""
        return (*sorted(self.collections or ()), *self.files)

    def holds(self, document: DocumentRow) -> bool:
        """Whether this source is inside the scope."""
        return self.chose(document) and document.state != "disabled"

    def chose(self, document: DocumentRow) -> bool:
        """Whether this source is inside the scope, or would be if it were not disabled."""
        chosen = (
            not self.narrowed
            or document.collection in (self.collections or ())
            or document.doc_id in (self.documents or ())
        )
        return chosen is not self.outside


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
    *,
    collections: frozenset[str] | None = None,
    documents: frozenset[str] | None = None,
    outside: bool = False,
    n_documents: int,
) -> Scope:
    """The scope of ``collections`` and ``documents`` within a dense index that holds ``n_documents``.

    Args:
        collections: Names; with ``documents`` None, None means everything.
        documents: Ids of documents to add to the collections.
        outside: Take what these leave out. Content of it that also lies inside is not in there.

    Raises:
        UnknownCollectionError: A name is not that of a collection, or there is none in ``collections``
            and no document is chosen.
        UnknownDocumentError: An id is not that of a document, or ``documents`` is empty and no
            collection is chosen.
    """
    if collections is not None:
        _require(connection, collections, alone=not documents)
    files, parts = _files(connection, documents, alone=not collections)
    narrowed = collections is not None or documents is not None
    if not narrowed and not outside and not _any_disabled(connection):
        return Scope(n_chunks=len(dense), n_documents=n_documents, selection=None)

    answering = "FROM documents WHERE version_id IS NOT NULL AND state != 'disabled'"
    names = sorted(collections or ())
    marks = ", ".join("?" * len(names))
    chosen = f"(collection IN ({marks}) OR doc_id IN (SELECT value FROM json_each(?)))" if narrowed else "1"
    values = [*names, json.dumps(sorted(documents or ()))] if narrowed else []
    taken = f"{answering} AND {'NOT ' if outside else ''}{chosen}"
    among, bound = f"version_id IN (SELECT version_id {taken})", values
    if outside:
        among += f" AND version_id NOT IN (SELECT version_id {answering} AND {chosen})"
        bound = [*values, *values]
    n_taken = int(connection.execute(f"SELECT count(*) {taken}", values).fetchone()[0])
    rows = connection.execute(f"SELECT chunk_id FROM chunks WHERE {among}", bound)
    ids = np.sort(np.fromiter((row[0] for row in rows), dtype=np.int64))
    selection = dense.select(ids)
    n_chunks = len(selection.ids)
    return Scope(
        collections=collections,
        documents=documents,
        files=files,
        parts=parts,
        outside=outside,
        n_chunks=n_chunks,
        n_documents=n_taken,
        selection=None if n_chunks == len(dense) else selection,
    )


def _any_disabled(connection: sqlite3.Connection) -> bool:
    found = connection.execute(
        "SELECT 1 FROM documents WHERE state = 'disabled' AND version_id IS NOT NULL LIMIT 1"
    )
    return found.fetchone() is not None


def _require(connection: sqlite3.Connection, collections: frozenset[str], *, alone: bool) -> None:
    known = [row.name for row in collection_rows(connection)]
    hint = f"Collections are: {', '.join(known)}." if known else "Nothing is indexed yet."
    if not collections and alone:
        raise UnknownCollectionError("No collection is selected.", hint=hint)
    unknown = sorted(collections.difference(known))
    if unknown:
        raise UnknownCollectionError(f"There is no collection {', '.join(unknown)}.", hint=hint)


def _files(
    connection: sqlite3.Connection, documents: frozenset[str] | None, *, alone: bool
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The names of the documents, by collection and path, and the collections that they are in."""
    if documents is None:
        return (), frozenset()
    hint = "Choose again what to search."
    if not documents and alone:
        raise UnknownDocumentError("No document is selected.", hint=hint)
    rows = connection.execute(
        "SELECT collection, path FROM documents WHERE doc_id IN (SELECT value FROM json_each(?))"
        " ORDER BY collection, path",
        (json.dumps(sorted(documents)),),
    ).fetchall()
    if len(rows) < len(documents):
        missing = len(documents) - len(rows)
        said = "A document that was" if missing == 1 else f"{missing:,} documents that were"
        raise UnknownDocumentError(f"{said} selected cannot be found any more.", hint=hint)
    return (
        tuple(last_part(decode_path(row["path"])) for row in rows),
        frozenset(row["collection"] for row in rows),
    )
