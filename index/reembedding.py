"""Changing the embedding model: every stored passage is embedded anew while the old vectors answer.

Vectors are kept by text and model, so those of two models lie side by side and never share an index. The
new ones are stored batch by batch, and a run that was interrupted goes on where it stopped. One commit
then makes the new model the one that answers; another can go back to the one before.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from filelock import FileLock

from index.catalog import get_meta, set_meta
from index.changes import EmbedderIdentity, add_embedder, check_unit_rows
from index.embedders import PREVIOUS
from index.errors import EmbedderMismatchError, SourceError
from index.locks import held
from index.pace import Pace
from index.report import Progress, ReembeddingReport, Stage, never
from index.rows import published_generation

if TYPE_CHECKING:
    from index.batch import IngestOptions
    from index.embeddings import Embedder
    from index.store import Store

BATCH = 128
PAUSE_SECONDS = 0.1  # between two looks at whether a paused job may go on

_LACKING = (
    "FROM chunks c WHERE NOT EXISTS"
    " (SELECT 1 FROM embeddings e WHERE e.text_hash = c.text_hash AND e.embedder_id = ?)"
)


def embed_anew(
    store: Store,
    embedder: Embedder,
    *,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
    cancelled: Callable[[], bool] = never,
) -> bool:
    """Embed every stored passage that has no vector of this model, then let this model answer.

    Questions are answered with the old model meanwhile. What was embedded stays when this is cancelled.

    Args:
        tell: Called with passages (done, total) after each batch.

    Returns:
        Whether the index answers with this model now; False when cancelled.

    Raises:
        BusyError: Another process is indexing.
        EmbeddingError: The model gave vectors that cannot be used; the old one goes on answering.
    """
    identity = EmbedderIdentity(
        fingerprint=embedder.fingerprint, name=embedder.name, dim=embedder.dim, source=embedder.source
    )
    lock = FileLock(store.data / "ingest.lock")
    with held(lock, store.data, seconds=1.0, message="Another process is indexing into this data folder."):
        with store.catalog.writing() as connection:
            embedder_id = add_embedder(connection, identity)
            total = int(connection.execute("SELECT count(*) FROM chunks").fetchone()[0])
        while batch := _lacking(store, embedder_id):
            if cancelled():
                return False
            vectors = embedder.encode([text for _, text in batch])
            check_unit_rows(vectors, len(batch), identity)
            with store.catalog.writing() as connection:
                # Of a passage that was removed meanwhile, nothing may be kept.
                connection.executemany(
                    "INSERT OR IGNORE INTO embeddings SELECT ?1, ?2, ?3"
                    " WHERE EXISTS (SELECT 1 FROM chunks WHERE text_hash = ?1)",
                    [
                        (text_hash, embedder_id, vector.astype("<f4").tobytes())
                        for (text_hash, _), vector in zip(batch, vectors, strict=True)
                    ],
                )
                left = _count_lacking(connection, embedder_id)
            tell(total - left, total)
        _switch(store, identity.fingerprint)
    return True


def reembed(store: Store, embedder: Embedder, options: IngestOptions) -> ReembeddingReport:
    """:func:`embed_anew` as a job, which can be watched, paused and cancelled as an ingest can."""
    course = _Course(options)
    finished = embed_anew(store, embedder, tell=course.embedded, cancelled=course.cancelled)
    course.tell("done")
    return ReembeddingReport(
        outcomes=(),
        generation=store.generation,
        seconds=course.pace.seconds,
        cancelled=not finished,
        model=embedder.name,
        vectors=course.done,
    )


class _Course:
    """How far a job is that looks at no files."""

    def __init__(self, options: IngestOptions) -> None:
        self.pace = Pace()
        self.done = self.total = 0
        self._options = options

    def embedded(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        self.tell("embedding")

    def cancelled(self) -> bool:
        """Whether to stop; waits while the job is paused."""
        options = self._options
        if options.paused():
            self.pace.pause()
            self.tell("paused")
            while options.paused() and not options.cancelled():
                time.sleep(PAUSE_SECONDS)
            self.pace.resume()
            self.tell("embedding")
        return options.cancelled()

    def tell(self, stage: Stage) -> None:
        progress = Progress(
            stage=stage,
            files_done=0,
            files_total=0,
            passages_done=self.done,
            passages_total=self.total,
            current="",
            seconds=self.pace.seconds,
        )
        rate, left = self.pace.mark(self.done, progress.share)
        self._options.progress(replace(progress, passages_per_second=rate, seconds_left=left))


def roll_back(store: Store) -> str:
    """Let the model answer that did before the last change; returns its name.

    Raises:
        SourceError: There is none, or its vectors were discarded.
        EmbedderMismatchError: Documents were indexed since, and have no vectors of that model.
        BusyError: Another process is indexing.
    """
    lock = FileLock(store.data / "ingest.lock")
    with held(lock, store.data, seconds=1.0, message="Another process is indexing into this data folder."):
        with store.catalog.reading() as connection:
            row = connection.execute(
                "SELECT * FROM embedders WHERE fingerprint = ?", (get_meta(connection, PREVIOUS),)
            ).fetchone()
            if row is None:
                raise SourceError(
                    "There is no earlier embedding model to go back to.",
                    hint="Set embedding.model in the settings, then run: footnote rebuild --embedder",
                )
            lacking = _count_lacking(connection, row["embedder_id"])
        if lacking:
            raise EmbedderMismatchError(
                f"{lacking:,} passages were indexed since, without {row['name']}.",
                hint="Set embedding.model back, then run: footnote rebuild --embedder (it embeds only these)",
            )
        _switch(store, row["fingerprint"])
    return str(row["name"])


def discard_other_models(store: Store) -> None:
    """Delete the vectors of every model but the one that answers, those of a change under way included."""
    with store.catalog.writing() as connection:
        _discard_but(connection, get_meta(connection, "fingerprint"))
        connection.execute("DELETE FROM meta WHERE key = ?", (PREVIOUS,))


def _discard_but(connection: sqlite3.Connection, *kept: str | None) -> None:
    for row in connection.execute("SELECT embedder_id, fingerprint FROM embedders").fetchall():
        if row["fingerprint"] not in kept:
            connection.execute("DELETE FROM embeddings WHERE embedder_id = ?", (row["embedder_id"],))
            connection.execute("DELETE FROM embedders WHERE embedder_id = ?", (row["embedder_id"],))


def _switch(store: Store, fingerprint: str) -> None:
    with store.exclusive(), store.catalog.writing() as connection:
        current = get_meta(connection, "fingerprint")
        if current == fingerprint:
            return
        if current is not None:
            set_meta(connection, PREVIOUS, current)
        set_meta(connection, "fingerprint", fingerprint)
        _discard_but(connection, fingerprint, current)  # one way back is kept, and not every one there was
        set_meta(connection, "generation", str(published_generation(connection) + 1))
    store.write_checkpoint()
    store.refresh()


def _lacking(store: Store, embedder_id: int) -> list[tuple[bytes, str]]:
    """Some passages without a vector of this model, as (hash, text), each text once."""
    with store.catalog.reading() as connection:
        rows = connection.execute(
            "SELECT c.text_hash, c.context, substr(v.text, c.start + 1, c.end - c.start) AS text"
            f" {_LACKING.replace('FROM chunks c', 'FROM chunks c JOIN versions v USING (version_id)')}"
            " ORDER BY c.chunk_id LIMIT ?",
            (embedder_id, BATCH),
        ).fetchall()
    texts = {
        row["text_hash"]: f"{row['context']}\n{row['text']}" if row["context"] else row["text"]
        for row in rows
    }
    return list(texts.items())


def _count_lacking(connection: sqlite3.Connection, embedder_id: int) -> int:
    return int(connection.execute(f"SELECT count(*) {_LACKING}", (embedder_id,)).fetchone()[0])
