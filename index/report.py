"""What a run of the indexer tells while it works, and what it says at the end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

Outcome = Literal["added", "changed", "renamed", "unchanged", "removed", "failed", "skipped"]
Stage = Literal["scanning", "reading", "embedding", "publishing", "paused", "done"]
FileStage = Literal["queued", "reading", "embedding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAtHand:
    """A file that a run has begun with, or will next. ``passages_total`` is 0 until it was read.

    The document that it becomes, or was before, has the same ``collection`` and ``path``.
    """

    path: str
    collection: str
    stage: FileStage
    passages_done: int = 0
    passages_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is. ``passages_total`` counts those found so far, so it grows while files are read."""

    stage: Stage
    files_done: int
    files_total: int
    passages_done: int
    passages_total: int
    current: str  # the name of the file at hand, "" at the ends
    seconds: float  # since the run began, pauses left out
    passages_per_second: float = 0.0  # of late
    seconds_left: float | None = None  # None while it cannot be told
    files: tuple[FileAtHand, ...] = ()  # a few, in the order in which they will be done

    @property
    def files_waiting(self) -> int:
        """How many files are neither done nor among ``files``."""
        return max(0, self.files_total - self.files_done - len(self.files))

    @property
    def share(self) -> float:
        """How much is done, in [0, 1]: by files; within one single file, or without any, by passages."""
        if self.files_total <= 1 and self.passages_total:
            return self.passages_done / self.passages_total
        return self.files_done / self.files_total if self.files_total else 0.0


def progress_json(progress: Progress) -> str:
    """For :func:`progress_from_json`. It is ASCII: a path need not be UTF-8, and what is not is escaped."""
    return json.dumps(asdict(progress))


def progress_from_json(text: str) -> Progress:
    """What was told, in whichever process."""
    told = json.loads(text)
    files = tuple(FileAtHand(**file) for file in told.pop("files", ()))  # none before there were any
    return Progress(**told, files=files)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutcome:
    """What became of one file. ``embedded`` of its ``passages`` had to be embedded; the rest were known.

    ``same_as`` is the path of a file with the same content: where a renamed file was, or what a copy is
    a copy of. ``to_recognise`` is how many pages text recognition would look at: only a plan has any, and
    what they hold is in none of its other numbers.
    """

    path: str
    outcome: Outcome
    reason: str = ""
    hint: str = ""
    passages: int = 0
    embedded: int = 0
    same_as: str = ""
    to_recognise: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """One outcome for every file that was looked at: nothing fails silently."""

    outcomes: tuple[FileOutcome, ...]
    generation: int
    seconds: float
    cancelled: bool

    def count(self, *kinds: Outcome) -> int:
        """Files with one of these outcomes."""
        return sum(outcome.outcome in kinds for outcome in self.outcomes)

    @property
    def passages(self) -> int:
        """Passages of the files that were added or changed."""
        return sum(outcome.passages for outcome in self.outcomes)

    @property
    def embedded(self) -> int:
        """Passages that had to be embedded."""
        return sum(outcome.embedded for outcome in self.outcomes)

    @property
    def to_recognise(self) -> int:
        """Pages that text recognition would look at."""
        return sum(outcome.to_recognise for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReembeddingReport(IngestReport):
    """Of a change of the embedding model, which looks at no file: ``vectors`` of ``model`` are there now."""

    model: str
    vectors: int


def ignore_progress(_: Progress) -> None:
    """For callers that show none."""


def never() -> bool:
    """For callers that do not cancel."""
    return False
