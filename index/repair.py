"""Making a broken store sound again: what is derived is rebuilt, what is lost is named.

The catalog is the truth, so everything else is made from it. A document whose rows contradict each other
answers no more and is listed as failed: indexing its file again brings it back whole, and only passages
without a vector are embedded.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

from index.catalog import decode_path, get_meta, set_meta
from index.check import LOST_ORIGINAL, STATES, broken_checkpoints, violations
from index.locks import held
from index.removal import release_version
from index.rows import correct_counts, published_generation

if TYPE_CHECKING:
    from index.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What a repair did (sentences), which documents to index again (ids), and what is still broken."""

    done: tuple[str, ...]
    again: tuple[str, ...]
    left: tuple[str, ...]


def repair(store: Store) -> Repair:
    """Make a store sound; it stays readable meanwhile.

    Raises:
        BusyError: Another process is indexing.
        StorageError, DamagedError: The disk refused, or the catalog cannot be read.
    """
    done: list[str] = []
    with held(
        FileLock(store.data / "ingest.lock"),
        store.data,
        seconds=1.0,
        message="Another process is indexing into this data folder.",
    ):
        again = _repair_catalog(store, done)
        _repair_derived(store, done)
        store.sweep_originals()
    if store.to_erase() and store.purge():
        done.append("What was removed is erased.")
    store.refresh()
    return Repair(done=tuple(done), again=tuple(again), left=tuple(violations(store)))


def _repair_derived(store: Store, done: list[str]) -> None:
    with store.catalog.reading() as connection:
        live = {int(row[0]) for row in connection.execute("SELECT chunk_id FROM chunks WHERE generation > 0")}
    before = len(done)
    if _broken_checkpoints(store) or store.dense_ids() != live:
        store.write_checkpoint(keep=1)
        done.append("The checkpoint was written anew.")
    if store.lexical_ids() != live:
        store.rebuild_lexical()
        done.append("The lexical index was built anew.")
    if len(done) > before:  # whoever serves the old ones takes notice of a new generation only
        with store.exclusive(), store.catalog.writing() as connection:
            set_meta(connection, "generation", str(published_generation(connection) + 1))


def _broken_checkpoints(store: Store) -> list[tuple[str, str]]:
    with store.catalog.reading() as connection:
        return list(broken_checkpoints(connection, store))


def _repair_catalog(store: Store, done: list[str]) -> list[str]:
    """Set aside what is broken in the catalog; returns the documents to index again."""
    with store.exclusive(), store.catalog.writing() as connection:
        generation = published_generation(connection) + 1
        broken = _broken_versions(connection)
        again = []
        for row in connection.execute("SELECT * FROM documents").fetchall():
            path = decode_path(row["path"])
            version_id, state = row["version_id"], row["state"]
            if version_id in broken or (version_id is None and state in ("ready", "partial")):
                _fail(connection, row["doc_id"], "Parts of it are missing in the index.")
                again.append(row["doc_id"])
                done.append(f"{path} answers no more: parts of it are missing. Index it again.")
            elif state in ("failed", "ignored") and version_id is not None:
                _fail(connection, row["doc_id"], row["reason"])
                done.append(f"The content of {path}, which has failed, was dropped.")
            elif state not in STATES:
                _set_state(connection, row["doc_id"], "failed" if version_id is None else "ready")
                done.append(f"The state of {path} was corrected.")
            if row["origin"] == "upload" and version_id is not None and version_id not in broken:
                _judge_original(connection, row, store, done)
        kept = "SELECT version_id FROM documents UNION ALL SELECT version_id FROM removed_documents"
        orphans = connection.execute(
            f"SELECT version_id FROM versions WHERE version_id NOT IN"
            f" (SELECT version_id FROM ({kept}) WHERE version_id IS NOT NULL)"
        ).fetchall()
        if orphans:
            done.append(f"{len(orphans)} texts that belonged to no document were dropped.")
        for version_id in {row["version_id"] for row in orphans} | broken:
            release_version(connection, version_id, generation)
        for table in ("locators", "health", "recognised_pages"):
            connection.execute(
                f"DELETE FROM {table} WHERE version_id NOT IN (SELECT version_id FROM versions)"
            )
        lost = connection.execute(
            "DELETE FROM chunks WHERE version_id NOT IN (SELECT version_id FROM versions)"
        ).rowcount
        unused = connection.execute(
            "DELETE FROM embeddings WHERE text_hash NOT IN (SELECT text_hash FROM chunks)"
        ).rowcount
        if unused:
            done.append(f"{unused} vectors that belonged to no passage were dropped.")
        if correct_counts(connection):
            done.append("The passages were counted anew.")
        if again or orphans or broken or lost:
            set_meta(connection, "generation", str(generation))
    return again


def _fail(connection: sqlite3.Connection, doc_id: str, reason: str) -> None:
    # "unreadable" may pass by itself, so the next run over its folder reads it again.
    connection.execute(
        f"UPDATE documents SET state = {_unless_disabled('failed')}, problem = 'unreadable', reason = ?,"
        " hint = ?, version_id = NULL WHERE doc_id = ?",
        (reason, "Index it again.", doc_id),
    )


def _unless_disabled(state: str) -> str:
    """A new state in SQL: what a person disabled stays disabled."""
    return f"CASE state WHEN 'disabled' THEN state ELSE '{state}' END"


def _set_state(connection: sqlite3.Connection, doc_id: str, state: str) -> None:
    connection.execute("UPDATE documents SET state = ? WHERE doc_id = ?", (state, doc_id))


def _judge_original(connection: sqlite3.Connection, row: sqlite3.Row, store: Store, done: list[str]) -> None:
    there = (store.originals / (row["content_hash"] or "")).is_file()
    if there == (row["problem"] != LOST_ORIGINAL):
        return
    path = decode_path(row["path"])
    if there:
        connection.execute(
            f"UPDATE documents SET state = {_unless_disabled('ready')}, problem = '', reason = '', hint = ''"
            " WHERE doc_id = ?",
            (row["doc_id"],),
        )
        return
    connection.execute(
        f"UPDATE documents SET state = {_unless_disabled('partial')}, problem = ?, reason = ?, hint = ?"
        " WHERE doc_id = ?",
        (
            LOST_ORIGINAL,
            "The uploaded file is lost; its text is still there.",
            "Add it again.",
            row["doc_id"],
        ),
    )
    done.append(f"The uploaded file {path} is lost; its text still answers. Add it again.")


def _broken_versions(connection: sqlite3.Connection) -> set[int]:
    """Versions whose chunks are not all there, point nowhere, or lack a usable vector."""
    broken = {
        int(row["version_id"])
        for row in connection.execute(
            "SELECT version_id FROM versions v WHERE passages != (SELECT count(*) FROM chunks c"
            " WHERE c.version_id = v.version_id)"
        )
    }
    embedder = connection.execute(
        "SELECT embedder_id, dim FROM embedders WHERE fingerprint = ?", (get_meta(connection, "fingerprint"),)
    ).fetchone()
    rows = connection.execute(
        "SELECT c.version_id, c.start, c.end, length(v.text) AS length,"
        " trim(substr(v.text, c.start + 1, c.end - c.start)) AS body, e.vector"
        " FROM chunks c JOIN versions v USING (version_id)"
        " LEFT JOIN embeddings e ON e.text_hash = c.text_hash AND e.embedder_id = ?",
        (embedder["embedder_id"] if embedder else None,),
    )
    for row in rows:
        placed = 0 <= row["start"] < row["end"] <= row["length"] and row["body"]
        if not placed or not _usable(row["vector"], embedder["dim"] if embedder else 0):
            broken.add(int(row["version_id"]))
    return broken


def _usable(vector: bytes | None, dim: int) -> bool:
    if vector is None or len(vector) != 4 * dim:
        return False
    return bool(np.isfinite(np.frombuffer(vector, dtype="<f4")).all())
