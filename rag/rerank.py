"""Reranking: the reader reads the best passages, and what it says decides among them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from index.analysis import detect_language
from index.sentences import sentence_spans
from rag.answers import Passage
from rag.reader.reading import Reader, Reading, Text

# Fitted by ``python -m tests.quality.mix``. nDCG@10 on every third answerable question of SQuAD 2, read by
# readers that had not seen the article: 0.885 fused, 0.894 by the reader alone, 0.912 half and half, 0.916
# with two thirds of the reader; HotpotQA 0.850, 0.766, 0.860 and 0.850.
CHANCE_SLOPE = 0.85
CHANCE_OFFSET = -0.87
READ_SHARE = 0.6  # of the reader in the score of a passage; the rest is the fused score

_LANGUAGES = (None, "en")  # that the reader has learnt; names and codes alone have no language


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Passages best first, and what the reader said of those it has read, by chunk id."""

    passages: tuple[Passage, ...]
    readings: Mapping[int, Reading]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranker:
    """Orders passages by how well they answer. Safe to use from several threads.

    Without a reader, and for questions in languages that the reader has not learnt, the order stays as it is.
    """

    reader: Reader | None
    passages: int  # how many of the first are read

    @property
    def reads(self) -> int:
        """How many passages it wants to see at least."""
        return self.passages if self.reader is not None else 0

    def rank(self, query: str, passages: Sequence[Passage]) -> Ranked:
        """Read the first passages and put them in order; those that are not read stay behind them.

        Args:
            passages: By fused score, best first.
        """
        if (
            self.reader is None
            or not self.passages
            or not passages
            or detect_language(query) not in _LANGUAGES
        ):
            return Ranked(passages=tuple(passages), readings={})
        first, rest = passages[: self.passages], passages[self.passages :]
        readings = self.reader.read(query, [text_of(passage) for passage in first])
        read = [
            replace(passage, reader=chance, score=(1 - READ_SHARE) * passage.fused + READ_SHARE * chance)
            for passage, reading in zip(first, readings, strict=True)
            for chance in (chance_of(reading),)
        ]
        # What was not read counts as if it did not answer, so no unread passage comes before a read one.
        unread = [replace(passage, score=(1 - READ_SHARE) * passage.fused) for passage in rest]
        read.sort(key=lambda passage: (-passage.score, passage.chunk_id))
        return Ranked(
            passages=(*read, *unread),
            readings={passage.chunk_id: reading for passage, reading in zip(first, readings, strict=True)},
        )

    def close(self) -> None:
        """Let go of the reader's threads."""
        if self.reader is not None:
            self.reader.close()


def text_of(passage: Passage) -> Text:
    """A passage as the reader takes it: under its title and headings, cut into sentences."""
    above = dict.fromkeys(part for part in (passage.title, *passage.heading_path) if part)
    return Text(" ".join(above), passage.text, tuple(sentence_spans(passage.text)))


def chance_of(reading: Reading) -> float:
    """The chance in [0, 1] that the passage answers, as the reader alone sees it."""
    return 1.0 / (1.0 + math.exp(-(CHANCE_SLOPE * reading.answerable + CHANCE_OFFSET)))
