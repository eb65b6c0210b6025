"""What a run would do, before it does it: its report in advance, and about how long it would take.

A plan works through the decisions that an ingest carries out, and reads and splits the new and changed
files as it does, but embeds nothing, writes nothing and takes no lock. Nor does it recognise pictures of
pages, which may take seconds for each: it says how many there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from index.batch import IngestOptions
from index.catalog import FILE_NAME, Catalog
from index.decisions import Decider, Decision, decisions, outcome_of, read_outcome
from index.embeddings import Embedder
from index.errors import DocumentError
from index.outcomes import failed_outcome
from index.parsing import Parser
from index.passages import cut, read_file
from index.reader import CatalogReader
from index.recognition import MAX_PAGES
from index.report import FileOutcome, IngestReport, Progress, Stage
from index.room import Room, free_bytes, room_needed
from index.rows import live_chunks
from index.speed import passages_a_second
from index.survey import Root, survey


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(IngestReport):
    """The report that a run would make now; ``generation`` is that of the index it was made against.

    ``seconds`` is what making it took, which a run spends on looking and reading, too. ``estimate`` is how
    long the run would take, (least, most) in seconds: the range of the last runs' speed. It is None when
    something has to be embedded and no speed was measured yet. ``room`` is whether the disk can hold it. Text
    recognition is in neither.

    ``embedded`` is exact, with two exceptions: a text that one file gives up and another one takes over
    counts as known, and is embedded after all if the run has published the first by then; and what is on
    the pages ``to_recognise`` shows only when they are read.
    """

    estimate: tuple[float, float] | None
    room: Room


def plan_roots(
    catalog: CatalogReader,
    embedder: Embedder,
    parser: Parser,
    roots: Sequence[Root],
    *,
    options: IngestOptions | None = None,
    free: Callable[[Path], int] = free_bytes,
) -> Plan:
    """What :func:`index.ingest.ingest_roots` would do with the same arguments.

    Args:
        free: How many bytes the disk of a folder has left.

    Raises:
        SourceError: A root that was named may not be read.
        EmbedderMismatchError: The index was built with another embedding model.
    """
    catalog.require_embedder(embedder.fingerprint, embedder.name)
    planning = _Planning(catalog, embedder, parser, options or IngestOptions())
    planning.tell("scanning", "")
    generation = catalog.generation
    found = survey(catalog, roots)
    planning.files_total = len(found.files)
    planning.outcomes += found.skipped
    decider = Decider(
        catalog,
        planning.options.limits,
        most_bytes=parser.limits.file_bytes,
        force=planning.options.force,
        recognises=planning.options.recogniser is not None,
        gone=found.gone,
    )
    for decision in decisions(found, decider, tell=planning.look, cancelled=planning.cancelled):
        planning.take(decision)
    planning.tell("done", "")
    seconds = planning.seconds
    embedded = sum(outcome.embedded for outcome in planning.outcomes)
    return Plan(
        outcomes=tuple(planning.outcomes),
        generation=generation,
        seconds=seconds,
        cancelled=planning.cancelled(),
        estimate=_estimate(catalog, embedder.fingerprint, seconds, embedded),
        room=Room(needed=planning.bytes_needed(), free=free(catalog.data)),
    )


@contextmanager
def catalog_of(data: Path) -> Iterator[CatalogReader]:
    """The catalog of a data folder to plan against; without one, an empty one that leaves no trace."""
    with TemporaryDirectory() as empty:
        catalog = Catalog(data if (data / FILE_NAME).exists() else Path(empty))
        try:
            yield CatalogReader(data, catalog)
        finally:
            catalog.close()


class _Planning:
    """What the plan says so far, and how far it is."""

    def __init__(
        self, catalog: CatalogReader, embedder: Embedder, parser: Parser, options: IngestOptions
    ) -> None:
        self.options = replace(options, limits=options.limits.within(embedder.max_tokens))
        self.outcomes: list[FileOutcome] = []
        self.files_total = 0
        self._catalog = catalog
        self._embedder = embedder
        self._parser = parser
        self._started = time.monotonic()
        self._files_done = 0
        self._cancelled = False
        self._passages = 0
        self._new = 0  # of them, those whose text has to be embedded
        self._text_bytes = 0
        self._counted: set[bytes] = set()  # texts that an earlier file of the run embeds
        self._read: dict[tuple[str | None, str], FileOutcome] = {}

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def cancelled(self) -> bool:
        self._cancelled = self._cancelled or self.options.cancelled()
        return self._cancelled

    def bytes_needed(self) -> int:
        """About how much the run adds to the data folder."""
        with self._catalog.catalog.reading() as connection:
            stored = live_chunks(connection)
        return room_needed(
            dim=self._embedder.dim,
            passages=self._passages,
            embedded=self._new,
            text_bytes=self._text_bytes,
            stored=stored,
        )

    def look(self, path: str) -> None:
        self.tell("scanning", PurePath(path).name)

    def tell(self, stage: Stage, current: str) -> None:
        self.options.progress(
            Progress(
                stage=stage,
                files_done=self._files_done,
                files_total=max(self.files_total, self._files_done),
                passages_done=0,
                passages_total=0,
                current=current,
                seconds=self.seconds,
            )
        )

    def take(self, decision: Decision) -> None:
        """Note what the run would report of a file."""
        if decision.action == "read":
            self.tell("reading", decision.target.name)
        self.outcomes.append(decision.outcome or self._reading(decision))
        if decision.action != "remove":
            self._files_done += 1

    def _reading(self, decision: Decision) -> FileOutcome:
        key = (decision.content_hash, decision.recipe)
        twin = self._read.get(key)
        if twin is None:
            twin = self._read[key] = self._read_once(decision)
            return twin
        if twin.outcome == "failed":
            return replace(twin, path=decision.target.path)
        return replace(
            twin,
            path=decision.target.path,
            outcome=outcome_of(decision),
            embedded=0,
            same_as=decision.same_as,
            to_recognise=0,
        )

    def _read_once(self, decision: Decision) -> FileOutcome:
        try:
            parsed = read_file(self._parser, decision, None)
            passages = cut(parsed.document, self._embedder, self.options.limits)
        except DocumentError as exc:
            pictures = self._pictures(decision) if exc.problem == "no_text" else 0
            if pictures:
                return FileOutcome(
                    path=decision.target.path,
                    outcome=outcome_of(decision),
                    same_as=decision.same_as,
                    to_recognise=pictures,
                )
            return failed_outcome(decision.target.path, exc)
        hashes = passages.text_hashes
        known = self._catalog.known_vectors(
            [key for key in set(hashes) if key not in self._counted], self._embedder.fingerprint
        )
        embedded = sum(key not in known and key not in self._counted for key in hashes)
        self._counted.update(hashes)
        self._new += embedded
        self._passages += len(hashes)
        self._text_bytes += len(parsed.document.text.encode())
        planned = read_outcome(decision, parsed.document, passages=len(hashes), embedded=embedded)
        pictures = len(parsed.health.unread_pages) if self.options.recogniser is not None else 0
        if pictures:
            # That they are not searched is no longer so once they are recognised.
            planned = replace(planned, reason="", to_recognise=min(pictures, MAX_PAGES))
        return planned

    def _pictures(self, decision: Decision) -> int:
        """How many pages of a file without text would be recognised."""
        if self.options.recogniser is None:
            return 0
        try:
            return min(len(self._parser.unread_pages(decision.file)), MAX_PAGES)
        except (DocumentError, OSError):
            return 0  # it changed under our hands; the run will tell


def _estimate(
    catalog: CatalogReader, fingerprint: str, reading: float, embedded: int
) -> tuple[float, float] | None:
    if not embedded:
        return reading, reading
    speed = passages_a_second(catalog.catalog, fingerprint)
    if speed is None:
        return None
    slowest, fastest = speed
    return reading + embedded / fastest, reading + embedded / slowest
