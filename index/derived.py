"""What is derived from the catalog: vectors for FAISS, and documents for the lexical index."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.catalog import get_meta
from index.documents import embedded_text
from index.errors import DamagedError
from index.lexical import LexicalDocument, LexicalIndex, Marker
from index.rows import published_generation
from index.vectors import Base, DenseIndex, read_base

logger = logging.getLogger(__name__)

_LENGTH_TOLERANCE = 3e-3  # of the squared length; vectors are refused at write time from 1e-3 of the length


class DenseLoader:
    """Makes the dense index of the newest generation from the one before it, as far as that goes.

    The base it loaded never changes, and only what was published since the last call is read.
    """

    def __init__(self, checkpoints: Path) -> None:
        self._checkpoints = checkpoints
        self._base: Base | None = None
        self._last: _Loaded | None = None

    def load(self, connection: sqlite3.Connection) -> DenseIndex:
        """Base + delta − removed, as the catalog says inside this read transaction."""
        embedder = current_embedder(connection)
        nothing = np.empty(0, np.int64)
        if embedder is None:
            return DenseIndex(
                1, base=None, removed=nothing, delta_ids=nothing, delta=np.empty((0, 1), np.float32)
            )
        base = self._newest_base(connection, embedder)
        last = self._last
        if (
            last is None
            or last.fingerprint != embedder.fingerprint
            or last.index.base is not base
            or last.generation < removals_since(connection)
        ):
            empty = np.empty((0, embedder.dim), np.float32)
            index = DenseIndex(embedder.dim, base=base, removed=nothing, delta_ids=nothing, delta=empty)
            last = _Loaded(embedder.fingerprint, 0 if base is None else base.generation, index)
        removed = connection.execute("SELECT chunk_id FROM removals WHERE generation > ?", (last.generation,))
        ids, vectors = vectors_since(connection, last.generation, embedder)
        index = last.index.moved_on(
            removed=np.array([row[0] for row in removed], dtype=np.int64), added_ids=ids, added=vectors
        )
        self._last = _Loaded(embedder.fingerprint, published_generation(connection), index)
        return index

    def _newest_base(self, connection: sqlite3.Connection, embedder: StoredEmbedder) -> Base | None:
        """The newest checkpoint that can be trusted; without one, every vector comes from the catalog."""
        rows = connection.execute(
            "SELECT * FROM checkpoints WHERE fingerprint = ? AND generation >= ? ORDER BY generation DESC",
            (embedder.fingerprint, removals_since(connection)),
        )
        for row in rows:
            if self._base is not None and self._base.sha256 == row["sha256"]:
                return self._base
            base = read_base(
                self._checkpoints / row["file"],
                sha256=row["sha256"],
                count=row["count"],
                dim=row["dim"],
                generation=row["generation"],
            )
            if base is not None:
                self._base = base
                return base
            logger.warning("checkpoint %s cannot be used; reading the catalog", row["file"])
        return None


@dataclass(frozen=True, slots=True)
class _Loaded:
    """An index that was made, of which vectors and which generation."""

    fingerprint: str
    generation: int
    index: DenseIndex


@dataclass(frozen=True, slots=True)
class StoredEmbedder:
    """The embedding model that the stored vectors come from."""

    embedder_id: int
    fingerprint: str
    dim: int


def current_embedder(connection: sqlite3.Connection) -> StoredEmbedder | None:
    """The model in use, None while nothing is indexed."""
    row = connection.execute(
        "SELECT embedder_id, fingerprint, dim FROM embedders WHERE fingerprint = ?",
        (get_meta(connection, "fingerprint"),),
    ).fetchone()
    return None if row is None else StoredEmbedder(row["embedder_id"], row["fingerprint"], row["dim"])


def removals_since(connection: sqlite3.Connection) -> int:
    """The generation from which on every removal is still on record; what is older must be rebuilt."""
    return int(get_meta(connection, "removals_since") or 0)


def vectors_since(
    connection: sqlite3.Connection, generation: int, embedder: StoredEmbedder
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Ids (ascending) and vectors of the live chunks added after ``generation``.

    Raises:
        DamagedError: A chunk has no vector, or one that no embedding model can have given.
    """
    count = int(
        connection.execute("SELECT count(*) FROM chunks WHERE generation > ?", (generation,)).fetchone()[0]
    )
    ids = np.empty(count, dtype=np.int64)
    vectors = np.empty((count, embedder.dim), dtype=np.float32)
    # Ordered by the id alone, SQLite would look through all chunks for the few that are new.
    rows = connection.execute(
        "SELECT chunk_id, vector FROM chunks INDEXED BY chunks_generation JOIN embeddings USING (text_hash)"
        " WHERE generation > ? AND embedder_id = ? ORDER BY generation, chunk_id",
        (generation, embedder.embedder_id),
    )
    filled = 0
    for chunk_id, vector in rows:
        if len(vector) != 4 * embedder.dim:
            raise _damaged_vectors()
        ids[filled] = chunk_id
        vectors[filled] = np.frombuffer(vector, dtype="<f4")
        filled += 1
    lengths = np.einsum("ij,ij->i", vectors[:filled], vectors[:filled])
    if filled < count or not (np.abs(lengths - 1.0) < _LENGTH_TOLERANCE).all():
        raise _damaged_vectors()
    if (np.diff(ids) < 0).any():  # chunks that were brought back are older than their generation
        order = np.argsort(ids)
        return ids[order], vectors[order]
    return ids, vectors


def _damaged_vectors() -> DamagedError:
    return DamagedError(
        "The catalog is damaged: the vectors of some passages are missing or not what was stored.",
        hint="Restore the data folder from a backup, or move it away and index your documents again.",
    )


def roll_forward(lexical: LexicalIndex, connection: sqlite3.Connection, wanted: Marker) -> bool:
    """Bring a lexical index to the catalog's generation ``wanted``, or build it anew where it cannot follow.

    Returns:
        Whether it now stands there with every passage; if not, it had lost some before.

    Raises:
        UnreadableLexicalError: It is damaged.
        OSError: It cannot be written.
    """
    stands = lexical.searcher().marker()
    if stands == wanted:
        return True
    reachable = (
        stands is not None
        and stands.catalog_id == wanted.catalog_id
        and removals_since(connection) <= stands.generation < wanted.generation
    )
    if stands is not None and not reachable:
        logger.warning("the lexical index is made anew: it stands at %s, the catalog at %s", stands, wanted)
    since = stands.generation if reachable and stands is not None else 0
    removed = connection.execute("SELECT chunk_id FROM removals WHERE generation > ?", (since,))
    lexical.write(
        added=lexical_documents(connection, since),
        removed=[row[0] for row in removed],
        marker=wanted,
        rebuild=not reachable,
    )
    return lexical.searcher().marker() == wanted


def lexical_documents(connection: sqlite3.Connection, since: int) -> Iterator[LexicalDocument]:
    """Live chunks added after generation ``since``, grouped by version."""
    # The chunks of a version follow each other inside their generation, so this is its order, too.
    return _lexical_documents(
        connection,
        connection.execute(
            f"{_LEXICAL_CHUNKS} WHERE c.generation > ? ORDER BY c.generation, c.chunk_id", (since,)
        ),
    )


def lexical_documents_among(
    connection: sqlite3.Connection, chunk_ids: Sequence[int]
) -> Iterator[LexicalDocument]:
    """Those of these chunks that are live, in the order given."""
    rows = (
        connection.execute(f"{_LEXICAL_CHUNKS} WHERE c.chunk_id = ? AND c.generation > 0", (chunk_id,))
        for chunk_id in chunk_ids
    )
    return _lexical_documents(connection, (row for found in rows for row in found))


_LEXICAL_CHUNKS = (
    "SELECT c.chunk_id, c.version_id, c.start, c.end, c.context, v.language FROM chunks c"
    " JOIN versions v USING (version_id)"
)


def _lexical_documents(
    connection: sqlite3.Connection, rows: Iterable[sqlite3.Row]
) -> Iterator[LexicalDocument]:
    version_id, text = -1, ""
    for row in rows:
        if row["version_id"] != version_id:
            version_id = row["version_id"]
            text = connection.execute(
                "SELECT text FROM versions WHERE version_id = ?", (version_id,)
            ).fetchone()[0]
        body = text[row["start"] : row["end"]]
        yield LexicalDocument(
            chunk_id=row["chunk_id"],
            text=embedded_text(row["context"], body),
            language=row["language"],
        )
