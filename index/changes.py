"""Changes to the catalog: the values that describe them, and how each becomes rows.

Every function here runs inside the one transaction of a publish.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.catalog import encode_path, get_meta, set_meta
from index.disabling import Mark, keep_mark, take_mark
from index.documents import ChunkSpan, ParsedDocument
from index.embedders import note_source
from index.errors import EmbedderMismatchError, EmbeddingError, StaleVersionError
from index.health import Health
from index.removal import reveal_version, take_in
from index.rows import DocumentState, Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """Content to store: its text, its chunks, and a vector for each.

    ``vectors`` is (n_chunks, dim) float32 with unit rows; ``text_hashes`` are the keys of what was embedded.
    """

    content_hash: str
    recipe: str
    document: ParsedDocument
    health: Health
    language: str | None
    chunks: tuple[ChunkSpan, ...]
    text_hashes: tuple[bytes, ...]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutDocument:
    """Make a source stand at a version (a new one, or one that is stored already) or at a failure (None).

    ``doc_id`` names a source that is renamed to ``path``; None finds it by collection and path.
    """

    collection: str
    path: str
    origin: Origin
    content_hash: str | None
    size: int
    version: NewVersion | int | None
    state: DocumentState = "ready"
    problem: str = ""
    reason: str = ""
    hint: str = ""
    doc_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderIdentity:
    """Which embedding model made the vectors of a publish."""

    fingerprint: str
    name: str
    dim: int
    source: str | None = None  # how to load it again, see ``index.embedders``


def check_vectors(version: NewVersion, embedder: EmbedderIdentity | None) -> None:
    check_unit_rows(version.vectors, len(version.chunks), embedder)


def check_unit_rows(vectors: NDArray[np.float32], count: int, embedder: EmbedderIdentity | None) -> None:
    """Refuse vectors that are not ``count`` finite unit rows of the embedder's length.

    Raises:
        EmbeddingError: They are not.
    """
    if embedder is None or vectors.shape != (count, embedder.dim):
        raise EmbeddingError(
            f"The embedding model gave vectors of shape {vectors.shape} for {count} passages.",
            hint="Check embedding.model in the settings.",
        )
    lengths = np.linalg.norm(vectors, axis=1)
    if not np.isfinite(lengths).all() or (np.abs(lengths - 1.0) > 1e-3).any():
        raise EmbeddingError(
            "The embedding model gave a vector that is not finite or not of unit length.",
            hint="Check embedding.model in the settings; the model's files may be damaged.",
        )


def register_embedder(connection: sqlite3.Connection, embedder: EmbedderIdentity | None) -> int | None:
    if embedder is None:
        return None
    current = get_meta(connection, "fingerprint")
    if current not in (None, embedder.fingerprint):
        if connection.execute("SELECT 1 FROM chunks LIMIT 1").fetchone() is not None:
            raise mismatch(connection, embedder.name)
        # Nothing is indexed: the model may be changed freely.
        connection.execute("DELETE FROM embeddings")
        connection.execute("DELETE FROM checkpoints")
    set_meta(connection, "fingerprint", embedder.fingerprint)
    return add_embedder(connection, embedder)


def add_embedder(connection: sqlite3.Connection, embedder: EmbedderIdentity) -> int:
    """The id of a model, which is listed if it was not yet."""
    connection.execute(
        "INSERT OR IGNORE INTO embedders (fingerprint, name, dim) VALUES (?, ?, ?)",
        (embedder.fingerprint, embedder.name, embedder.dim),
    )
    note_source(connection, embedder.fingerprint, embedder.source)
    row = connection.execute(
        "SELECT embedder_id FROM embedders WHERE fingerprint = ?", (embedder.fingerprint,)
    ).fetchone()
    return int(row[0])


def mismatch(connection: sqlite3.Connection, wanted: str) -> EmbedderMismatchError:
    """The error for an index whose vectors come from another model than ``wanted``."""
    row = connection.execute(
        "SELECT name FROM embedders WHERE fingerprint = ?", (get_meta(connection, "fingerprint"),)
    ).fetchone()
    return EmbedderMismatchError(
        f"The index was built with {row['name'] if row else 'another model'}, the settings say {wanted}.",
        hint="Read the index with the new model (footnote rebuild --embedder), or set embedding.model back.",
    )


def put_document(
    connection: sqlite3.Connection, put: PutDocument, embedder_id: int | None, generation: int
) -> int | None:
    """Make a source stand where ``put`` says; returns the version that it leaves, if any."""
    path = encode_path(put.path)
    if isinstance(put.version, NewVersion):
        assert embedder_id is not None
        version_id: int | None = _put_version(connection, put.version, generation, embedder_id)
    else:
        version_id = put.version
        if version_id is not None and not _exists(connection, version_id):
            raise StaleVersionError(
                f"{put.path}: the same content was removed elsewhere in this moment.",
                hint="Index the file again.",
            )
    if version_id is not None:
        reveal_version(connection, version_id, generation)
    take_in(connection, put.collection, path)
    old = connection.execute(
        "SELECT doc_id, version_id, state FROM documents WHERE doc_id = ?"
        if put.doc_id is not None
        else "SELECT doc_id, version_id, state FROM documents WHERE collection = ? AND path = ?",
        (put.doc_id,) if put.doc_id is not None else (put.collection, path),
    ).fetchone()
    mark = take_mark(connection, put.collection, path)
    values = (
        put.collection,
        path,
        put.origin,
        _state(put, None if old is None else old["state"], mark),
        put.problem,
        _storable(put.reason),
        _storable(put.hint),
        version_id,
        put.content_hash,
        put.size,
        time.time(),
    )
    if old is None:
        connection.execute(
            "INSERT INTO documents (doc_id, collection, path, origin, state, problem, reason, hint,"
            " version_id, content_hash, size, indexed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (secrets.token_hex(16), *values),
        )
        return None
    connection.execute(
        "UPDATE documents SET collection = ?, path = ?, origin = ?, state = ?, problem = ?, reason = ?,"
        " hint = ?, version_id = ?, content_hash = ?, size = ?, indexed_at = ? WHERE doc_id = ?",
        (*values, old["doc_id"]),
    )
    return None if old["version_id"] == version_id else old["version_id"]


def _state(put: PutDocument, old: DocumentState | None, mark: Mark | None) -> DocumentState:
    """The state that a source gets, which was ``old`` before, or left a mark when its file was gone."""
    # What a person disabled stays so, whatever its file has become: also when it cannot be read for a while.
    if old == "disabled" or (mark is not None and mark.state == "disabled"):
        return "disabled"
    if put.state == "failed":
        # What is ignored does not become trouble by a new name, under which it cannot be read either.
        renamed = put.doc_id is not None and old == "ignored"
        back = mark is not None and mark.state == "ignored" and mark.content_hash == put.content_hash
        return "ignored" if renamed or back else "failed"
    return put.state


def _storable(message: str) -> str:
    """A message may name a file whose name is not Unicode; SQLite stores Unicode only."""
    return message.encode("utf-8", "backslashreplace").decode("utf-8")


def _exists(connection: sqlite3.Connection, version_id: int) -> bool:
    row = connection.execute("SELECT 1 FROM versions WHERE version_id = ?", (version_id,)).fetchone()
    return row is not None


def _put_version(
    connection: sqlite3.Connection, version: NewVersion, generation: int, embedder_id: int
) -> int:
    known = connection.execute(
        "SELECT version_id FROM versions WHERE content_hash = ? AND recipe = ?",
        (version.content_hash, version.recipe),
    ).fetchone()
    if known is not None:  # two files of one batch with the same content, or it was removed a moment ago
        _put_health(connection, int(known[0]), version.health)  # an earlier release did not measure it
        return int(known[0])
    document = version.document
    cursor = connection.execute(
        "INSERT INTO versions (content_hash, recipe, text, title, media_type, language, page_starts,"
        " headings, warnings, passages) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            version.content_hash,
            version.recipe,
            document.text,
            document.title,
            document.media_type,
            version.language,
            json.dumps(document.page_starts),
            json.dumps([(h.start, h.end, h.level, h.title) for h in document.headings]),
            json.dumps(document.warnings),
            len(version.chunks),
        ),
    )
    version_id = cursor.lastrowid
    assert version_id is not None
    connection.executemany(
        "INSERT INTO locators VALUES (?, ?, ?)",
        [(version_id, locator.start, locator.words) for locator in document.locators],
    )
    _put_health(connection, version_id, version.health)
    connection.executemany(
        "INSERT INTO recognised_pages VALUES (?, ?, ?)",
        [(version_id, each.page, json.dumps(each.words)) for each in document.recognised],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO embeddings VALUES (?, ?, ?)",
        [
            (text_hash, embedder_id, vector.astype("<f4").tobytes())
            for text_hash, vector in zip(version.text_hashes, version.vectors, strict=True)
        ],
    )
    connection.executemany(
        "INSERT INTO chunks (version_id, start, end, page, heading_path, context, text_hash, generation)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                version_id,
                chunk.start,
                chunk.end,
                chunk.page,
                json.dumps(chunk.heading_path),
                chunk.context,
                text_hash,
                generation,
            )
            for chunk, text_hash in zip(version.chunks, version.text_hashes, strict=True)
        ],
    )
    return version_id


def _put_health(connection: sqlite3.Connection, version_id: int, health: Health) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO health"
        " (version_id, chars, garbled, tables, encrypted, textless_pages, unread_pages)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            version_id,
            health.chars,
            health.garbled,
            health.tables,
            health.encrypted,
            json.dumps(health.textless_pages),
            json.dumps(health.unread_pages),
        ),
    )


def remove_document(connection: sqlite3.Connection, doc_id: str) -> int | None:
    """Remove a source whose file is gone; returns the version that it leaves, if any. That a person set it
    aside is remembered, see ``index.disabling``. An unknown id is ignored.
    """
    keep_mark(connection, doc_id)
    row = connection.execute("SELECT version_id FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()
    connection.execute("DELETE FROM documents WHERE doc_id = ?", (doc_id,))
    return None if row is None else row["version_id"]
