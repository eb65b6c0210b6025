"""The invariants of a store, each told as a sentence when it is broken."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import TYPE_CHECKING, get_args

import numpy as np

from index.catalog import decode_path, get_meta
from index.documents import embedded_hash, embedded_text
from index.errors import DamagedError
from index.lexical import UnreadableLexicalError
from index.rows import DocumentState, counted_chunks, kept_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from index.store import Store

# The problem of an upload whose bytes are lost: its text answers, but it cannot be read again.
LOST_ORIGINAL = "lost_original"

STATES: tuple[str, ...] = get_args(DocumentState)


def violations(store: Store) -> list[str]:
    """Check the catalog, the vectors, the dense and the lexical index, the checkpoints and the originals.

    Returns:
        One sentence for each violation; empty when everything holds.
    """
    with store.catalog.reading() as connection:
        found = [
            *_sqlite(connection),
            *_documents(connection),
            *_chunks(connection),
            *_vectors(connection),
            *_checkpoints(connection, store),
            *_counts(connection),
        ]
        live = {int(row[0]) for row in connection.execute("SELECT chunk_id FROM chunks WHERE generation > 0")}
        uploads = {
            row["content_hash"]: decode_path(row["path"])
            for row in connection.execute(
                "SELECT content_hash, path FROM documents WHERE origin = 'upload' AND version_id IS NOT NULL"
                " AND problem != ?",
                (LOST_ORIGINAL,),
            )
        }
    for name, ids in (("dense index", store.dense_ids), ("lexical index", store.lexical_ids)):
        try:
            found += _differences(name, ids(), live)
        except (DamagedError, UnreadableLexicalError) as exc:
            found.append(f"the {name} cannot be read: {exc}")
    found += [
        f"the kept original of {path!a} is missing"
        for content_hash, path in uploads.items()
        if not (store.originals / content_hash).exists()
    ]
    return found


def _sqlite(connection: sqlite3.Connection) -> Iterator[str]:
    for row in connection.execute("PRAGMA integrity_check"):
        if row[0] != "ok":
            yield f"SQLite: {row[0]}"
    for row in connection.execute("PRAGMA foreign_key_check"):
        yield f"a row of {row[0]} refers to a row of {row[2]} that is not there"


def _documents(connection: sqlite3.Connection) -> Iterator[str]:
    rows = connection.execute(
        "SELECT d.doc_id, d.state, d.version_id, v.passages,"
        " (SELECT count(*) FROM chunks c WHERE c.version_id = d.version_id) AS stored"
        " FROM documents d LEFT JOIN versions v USING (version_id)"
    )
    for row in rows:
        if row["state"] not in STATES:
            yield f"document {row['doc_id']} is in an unknown state {row['state']!r}"
        answering = row["state"] in ("ready", "partial")
        disabled = row["state"] == "disabled" and row["version_id"] is not None
        if (answering or disabled) and (not row["stored"] or row["stored"] != row["passages"]):
            counts = f"{row['stored']} of {row['passages']} passages"
            yield f"document {row['doc_id']} is {row['state']} with {counts}"
        if row["state"] in ("failed", "ignored") and row["version_id"] is not None:
            yield f"document {row['doc_id']} has failed and yet has content"
    orphans = connection.execute(
        "SELECT version_id FROM versions WHERE version_id NOT IN"
        " (SELECT version_id FROM documents WHERE version_id IS NOT NULL"
        " UNION ALL SELECT version_id FROM removed_documents WHERE version_id IS NOT NULL)"
    )
    for row in orphans:
        yield f"version {row['version_id']} belongs to no document"


def _chunks(connection: sqlite3.Connection) -> Iterator[str]:
    for row in connection.execute("SELECT version_id, text, passages FROM versions"):
        text = row["text"]
        for chunk in connection.execute(
            "SELECT chunk_id, start, end, context, text_hash FROM chunks WHERE version_id = ?",
            (row["version_id"],),
        ):
            inside = 0 <= chunk["start"] < chunk["end"] <= len(text)
            body = text[chunk["start"] : chunk["end"]]
            if not inside or not body.strip():
                yield f"chunk {chunk['chunk_id']} does not point into its document's text"
            elif embedded_hash(embedded_text(chunk["context"], body)) != chunk["text_hash"]:
                yield f"chunk {chunk['chunk_id']} is not the text that was embedded"


def _vectors(connection: sqlite3.Connection) -> Iterator[str]:
    embedder = connection.execute(
        "SELECT embedder_id, dim FROM embedders WHERE fingerprint = ?", (get_meta(connection, "fingerprint"),)
    ).fetchone()
    rows = connection.execute(
        "SELECT chunk_id, vector FROM chunks c LEFT JOIN embeddings e"
        " ON e.text_hash = c.text_hash AND e.embedder_id = ?",
        (embedder["embedder_id"] if embedder else None,),
    )
    for row in rows:
        if row["vector"] is None:
            yield f"chunk {row['chunk_id']} has no vector"
            continue
        usable = len(row["vector"]) == 4 * embedder["dim"]
        if not usable or not np.isfinite(np.frombuffer(row["vector"], dtype="<f4")).all():
            yield f"chunk {row['chunk_id']} has a vector that is not usable"
    unused = connection.execute(
        "SELECT count(*) FROM embeddings WHERE text_hash NOT IN (SELECT text_hash FROM chunks)"
    ).fetchone()[0]
    if unused:
        yield f"{unused} vectors belong to no chunk"


def broken_checkpoints(connection: sqlite3.Connection, store: Store) -> Iterator[tuple[str, str]]:
    """File name and fault, ``missing`` or ``damaged``, of checkpoints that cannot be used."""
    for row in connection.execute("SELECT file, sha256 FROM checkpoints"):
        path = store.data / "checkpoints" / row["file"]
        if not path.exists():
            yield row["file"], "missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != row["sha256"]:
            yield row["file"], "damaged"


def _checkpoints(connection: sqlite3.Connection, store: Store) -> Iterator[str]:
    for file, fault in broken_checkpoints(connection, store):
        yield f"checkpoint {file} is {fault} (it is not used; `footnote check --repair` writes it anew)"


def _counts(connection: sqlite3.Connection) -> Iterator[str]:
    counted, kept = counted_chunks(connection), kept_counts(connection)
    if counted != kept:
        yield f"the catalog holds {sum(counted.values())} chunks and counts {sum(kept.values())}"


def _differences(name: str, have: set[int], live: set[int]) -> Iterator[str]:
    if missing := len(live - have):
        yield f"the {name} lacks {missing} of {len(live)} chunks"
    if extra := len(have - live):
        yield f"the {name} holds {extra} chunks that were removed"
