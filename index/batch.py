"""One run of the indexer: the batch that is being filled, embedded and published."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from index.analysis import detect_language
from index.at_hand import FilesAtHand, Lacking
from index.changes import EmbedderIdentity, NewVersion, PutDocument
from index.chunker import ChunkLimits
from index.decisions import RECOGNISED, Decision, read_outcome
from index.embeddings import Embedder
from index.errors import DocumentError, StaleVersionError
from index.faults import fault
from index.locks import held
from index.outcomes import failed_outcome
from index.pace import Pace
from index.passages import ReadFile
from index.recognition import Recogniser
from index.report import FileOutcome, IngestReport, Progress, Stage, ignore_progress, never
from index.rows import DocumentRow
from index.speed import record_speed
from index.store import Store
from index.survey import Target

BATCH_PASSAGES = 128  # enough to keep the embedding model busy
BATCH_SECONDS = 2.0  # and short enough that a crash or a cancel loses little
PAUSE_SECONDS = 0.1  # between two looks at whether a paused run may go on
LANGUAGE_CHARS = 20_000  # of a document's beginning decide its language


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """How to ingest. ``force`` reads and splits files anew although their content is known.

    ``cancelled`` and ``paused`` are asked between files, between batches, and between pages that are
    pictures; these are read by the ``recogniser``, or not at all when it is None.
    """

    limits: ChunkLimits = field(default_factory=ChunkLimits)
    progress: Callable[[Progress], None] = ignore_progress
    cancelled: Callable[[], bool] = never
    paused: Callable[[], bool] = never
    force: bool = False
    recogniser: Recogniser | None = None


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Unit vectors by text hash, and which of them had to be computed."""

    rows: dict[bytes, NDArray[np.float32]]
    new: frozenset[bytes]


class Run:
    """The batch that is being filled, and what became of every file so far."""

    def __init__(self, store: Store, embedder: Embedder, options: IngestOptions) -> None:
        self.store = store
        self.options = replace(options, limits=options.limits.within(embedder.max_tokens))
        self.files_total = 0
        self.names: set[str] = set()  # of uploads in this run
        self.embedder = embedder
        self.going = threading.Event()  # cleared while the run is paused
        self.going.set()
        self.at_hand = FilesAtHand()
        self._identity = EmbedderIdentity(
            fingerprint=embedder.fingerprint, name=embedder.name, dim=embedder.dim, source=embedder.source
        )
        self._pace = Pace()
        self._flushed = time.monotonic()
        self._outcomes: list[FileOutcome] = []
        self._pending: list[ReadFile] = []
        self._puts: list[PutDocument] = []
        self._put_outcomes: list[FileOutcome] = []
        self._removals: list[str] = []
        self._passages_done = 0
        self._passages_total = 0
        self._embedded = 0
        self._embedding_seconds = 0.0  # and publishing
        self._files_done = 0
        self._cancelled = False
        self._current = ""

    # what a file turned out to be

    def skipped(self, outcome: FileOutcome) -> None:
        self._outcomes.append(outcome)

    def done(self, outcome: FileOutcome) -> None:
        self._outcomes.append(outcome)
        self._files_done += 1

    def carry_out(self, decision: Decision) -> None:
        """Put a decision that needs no reading into the batch."""
        assert decision.outcome is not None
        if decision.action == "keep":
            self.done(decision.outcome)
        elif decision.action == "point":
            self._point(decision, decision.outcome)
        elif decision.action == "remove":
            self._remove(decision, decision.outcome)
        else:
            assert decision.error is not None
            self.failed(decision.target, None, decision.size, decision.error)

    def _remove(self, decision: Decision, outcome: FileOutcome) -> None:
        if self._pending:
            self.flush()
        if not self._cancelled and decision.target.known is not None:
            self._removals.append(decision.target.known.doc_id)
            self._put_outcomes.append(outcome)

    def failed(
        self,
        target: Target,
        content_hash: str | None,
        size: int,
        error: DocumentError,
        *,
        moved: DocumentRow | None = None,
    ) -> None:
        """List a document with its cause. New bytes that cannot be read, or are too many, replace what was
        indexed before; when the bytes could not even be had, what was read last stays.

        Args:
            moved: The source that a renamed file was before.
        """
        self.at_hand.finish(target.collection, target.path)
        outcome = failed_outcome(target.path, error)
        known = target.known or moved
        indexed = known is not None and known.version_id is not None
        if content_hash is None and error.problem != "too_large" and indexed:
            self.done(outcome)
            return
        self._put(
            PutDocument(
                collection=target.collection,
                path=target.path,
                origin=target.origin,
                content_hash=content_hash,
                size=size,
                version=None,
                state="failed",
                problem=error.problem,
                reason=str(error),
                hint=error.hint,
                doc_id=moved.doc_id if moved else None,
            ),
            outcome,
        )

    def _point(self, decision: Decision, outcome: FileOutcome) -> None:
        target, moved = decision.target, decision.moved
        self._put(
            PutDocument(
                collection=target.collection,
                path=target.path,
                origin=target.origin,
                content_hash=decision.content_hash,
                size=decision.size,
                version=decision.version_id,
                state="partial" if outcome.reason else "ready",
                reason=outcome.reason,
                doc_id=moved.doc_id if moved else None,
            ),
            outcome,
        )

    def add(self, item: ReadFile) -> None:
        """Put new content into the batch."""
        self._pending.append(item)
        self._passages_total += len(item.passages.chunks)
        waiting = sum(len(pending.passages.chunks) for pending in self._pending)
        if waiting >= BATCH_PASSAGES:
            self.flush()
        self.flush_if_due()

    # the batch

    def flush_if_due(self) -> None:
        """Embed and publish what has waited for long."""
        if self._pending and time.monotonic() - self._flushed > BATCH_SECONDS:
            self.flush()

    def flush(self, folder: tuple[str, str] | None = None) -> None:
        """Embed what waits and publish the batch in one commit. A cancelled batch is dropped, not halved."""
        started = self._pace.seconds
        pending, self._pending = self._pending, []
        vectors = self._embed(pending)
        if vectors is not None:
            new = set(vectors.new)
            for item in pending:
                hashes = item.passages.text_hashes
                embedded = sum(text_hash in new for text_hash in hashes)
                new.difference_update(hashes)
                self._put_version(item, np.stack([vectors.rows[key] for key in hashes]), embedded)
        fault("ingest.embedded")
        self._publish_finished(folder)
        self._flushed = time.monotonic()
        if vectors is not None and vectors.new:
            self._embedded += len(vectors.new)
            self._embedding_seconds += self._pace.seconds - started

    def _publish_finished(self, folder: tuple[str, str] | None = None) -> None:
        if self._puts or self._removals or folder:
            self.tell("publishing", "")
            self._publish(folder)
        self._outcomes += self._put_outcomes
        self._puts, self._put_outcomes, self._removals = [], [], []

    def _publish(self, folder: tuple[str, str] | None) -> None:
        leaving = [row for row in map(self.store.document, self._removals) if row is not None]
        try:
            self.store.publish(
                puts=self._puts, removals=self._removals, folder=folder, embedder=self._identity
            )
        except StaleVersionError as exc:
            # Somebody deleted, in this moment, the document whose content we meant to share.
            for index, put in enumerate(self._puts):
                if isinstance(put.version, int) and self.store.text(put.version) is None:
                    self._puts[index] = replace(
                        put,
                        version=None,
                        state="failed",
                        problem="changed_while_reading",
                        reason=str(exc),
                        hint=exc.hint,
                    )
                    self._put_outcomes[index] = replace(
                        self._put_outcomes[index], outcome="failed", reason=str(exc), hint=exc.hint
                    )
            self.store.publish(
                puts=self._puts, removals=self._removals, folder=folder, embedder=self._identity
            )
        fault("ingest.published")
        self.store.remove_unused_originals(
            [row.content_hash for row in leaving if row.content_hash and row.origin == "upload"]
        )

    def _embed(self, pending: Sequence[ReadFile]) -> _Embedded | None:
        """Vectors for all texts; None when cancelled. Nothing is embedded that was embedded before."""
        by_hash: dict[bytes, str] = {}
        for item in pending:
            by_hash.update(zip(item.passages.text_hashes, item.passages.texts, strict=True))
        rows = self.store.known_vectors(list(by_hash), self.embedder.fingerprint)
        missing = [text_hash for text_hash in by_hash if text_hash not in rows]
        self._passages_done += sum(len(item.passages.chunks) for item in pending) - len(missing)
        lacking = Lacking(pending, missing)
        for start in range(0, len(missing), BATCH_PASSAGES):
            if self.cancelled():
                return None
            self.at_hand.embedded(pending, lacking.counts())
            self.tell("embedding", self._current)
            part = missing[start : start + BATCH_PASSAGES]
            encoded = self.embedder.encode([by_hash[text_hash] for text_hash in part])
            rows.update(zip(part, encoded, strict=True))
            self._passages_done += len(part)
            lacking.take(part)
        return _Embedded(rows, frozenset(missing))

    def _put_version(self, item: ReadFile, matrix: NDArray[np.float32], embedded: int) -> None:
        target, parsed, passages = item.decision.target, item.parsed, item.passages
        self._put(
            PutDocument(
                collection=target.collection,
                path=target.path,
                origin=target.origin,
                content_hash=parsed.content_hash,
                size=parsed.size,
                version=NewVersion(
                    content_hash=parsed.content_hash,
                    recipe=item.decision.recipe + (RECOGNISED if parsed.document.recognised else ""),
                    document=parsed.document,
                    health=parsed.health,
                    language=detect_language(parsed.document.text[:LANGUAGE_CHARS]),
                    chunks=passages.chunks,
                    text_hashes=passages.text_hashes,
                    vectors=matrix,
                ),
                state="partial" if parsed.document.warnings else "ready",
                reason=" ".join(parsed.document.warnings),
                doc_id=item.decision.moved.doc_id if item.decision.moved else None,
            ),
            read_outcome(item.decision, parsed.document, passages=len(passages.chunks), embedded=embedded),
        )

    def _put(self, put: PutDocument, outcome: FileOutcome) -> None:
        self._puts.append(put)
        self._put_outcomes.append(outcome)
        self.at_hand.finish(put.collection, put.path)
        self._files_done += 1

    # telling

    def cancelled(self) -> bool:
        """Whether to stop. While the run is paused this waits; what is finished is published before."""
        if not self._cancelled and self.options.paused():
            self._publish_finished()
            self._pace.pause()
            self.going.clear()
            self.tell("paused", self._current)
            while self.options.paused() and not self.options.cancelled():
                time.sleep(PAUSE_SECONDS)
            self._pace.resume()
            self.going.set()
            self.tell("reading", self._current)
        self._cancelled = self._cancelled or self.options.cancelled()
        return self._cancelled

    def tell(self, stage: Stage, current: str) -> None:
        self._current = current
        progress = Progress(
            stage=stage,
            files_done=self._files_done,
            files_total=max(self.files_total, self._files_done),
            passages_done=self._passages_done,
            passages_total=max(self._passages_total, self._passages_done),
            current=current,
            seconds=self._pace.seconds,
            files=self.at_hand.listed(),
        )
        rate, left = self._pace.mark(progress.passages_done, progress.share)
        self.options.progress(replace(progress, passages_per_second=rate, seconds_left=left))

    def report(self) -> IngestReport:
        """Publish what is left and sum up."""
        self.flush()
        self.store.write_checkpoint_if_due()
        record_speed(
            self.store.catalog,
            self._identity.fingerprint,
            passages=self._embedded,
            seconds=self._embedding_seconds,
        )
        self.at_hand.clear()  # of a run that was cancelled
        self.tell("done", "")
        return IngestReport(
            outcomes=tuple(self._outcomes),
            generation=self.store.generation,
            seconds=self._pace.seconds,
            cancelled=self._cancelled,
        )


@contextmanager
def running(store: Store, embedder: Embedder, options: IngestOptions) -> Iterator[Run]:
    """One run at a time for a data folder; the lock vanishes with the process."""
    lock = FileLock(store.data / "ingest.lock")
    with held(lock, store.data, seconds=1.0, message="Another process is indexing into this data folder."):
        store.require_embedder(embedder.fingerprint, embedder.name)
        store.sweep_originals()
        yield Run(store, embedder, options)
