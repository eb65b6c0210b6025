"""What a run of the indexer tells while it works, and what it says at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["added", "changed", "renamed", "unchanged", "removed", "failed", "skipped"]
Stage = Literal["scanning", "reading", "embedding", "publishing", "paused", "done"]


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

    @property
    def share(self) -> float:
        """How much is done, in [0, 1]: by files; within one single file, or without any, by passages."""
        if self.files_total <= 1 and self.passages_total:
            return self.passages_done / self.passages_total
        return self.files_done / self.files_total if self.files_total else 0.0


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
