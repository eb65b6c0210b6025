"""Reranking: the reader reads the best passages, and what it says decides among them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from index.analysis import detect_language
from index.sentences import sentence_spans
from index.snapshot import Snapshot
from rag.answers import Passage
from rag.asked import states
from rag.evidence import EvidenceSentence, mixed, read_sentences, wanted_words
from rag.reader.reading import UNREAD, Reader, Reading, Text

# A conditional logit over the passages that were read, by ``python -m tests.quality.mix`` on SQuAD 2 (read by
# readers that had not seen the article), HotpotQA and the first 300 of nq-qed; rounded. nDCG@10 of 857, 100
# and 277 questions: 0.889, 0.850 and 0.926 fused, 0.917, 0.811 and 0.929 by the reader alone, 0.925, 0.842
# and 0.937 so.
RANK_MIX = {
    "fused": 5.5,
    "answerable": 2.85,
    "span": 1.5,
    "sentence": 0.4,  # the score of its best sentence
}
RANK_OFFSET = -9.4  # makes it a chance: so many passages are relevant as the scores say
CHANCE_SLOPE = 0.85
CHANCE_OFFSET = -0.87

# Reading is what a question costs most, and most answers stand in the first passages. So some are read, and
# the others only while none of these is likely to answer, and not where none may answer and all are far from
# what is asked: there the documents are about other things. Of the others only what may answer comes before
# one of the first. tests/quality/README.md compares this with reading more, fewer, and believing all.
FIRST = 4
LIKELY = 0.5
MAY_ANSWER = 0.3
FAR = 0.35  # cosine of the nearest; with a model whose cosines are greater, all are read

_LANGUAGES = (None, "en")  # that the reader has learnt; names and codes alone have no language


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Passages best first, and what the reader said of those it has read, by chunk id."""

    passages: tuple[Passage, ...]
    readings: Mapping[int, Reading]
    sentences: tuple[EvidenceSentence, ...] = ()  # of the passages that were read, best first


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranker:
    """Orders passages by how well they answer. Safe to use from several threads.

    Without a reader, and for questions in languages that the reader has not learnt, the order stays as it is.
    """

    reader: Reader | None
    passages: int  # how many of the first are read at most

    @property
    def reads(self) -> int:
        """How many passages it wants to see at least."""
        return self.passages if self.reader is not None else 0

    def rank(
        self, query: str, passages: Sequence[Passage], snapshot: Snapshot, *, carried: Sequence[str] = ()
    ) -> Ranked:
        """Read the first passages and put them in order; those that are not read stay behind them.

        A claim keeps the order it was found in: the reader has learnt from questions.

        Args:
            passages: By fused score, best first.
            snapshot: What they were found in; it knows how rare a word is.
            carried: Words at the end of ``query`` that come from earlier turns.
        """
        if (
            self.reader is None
            or not self.passages
            or not passages
            or detect_language(query) not in _LANGUAGES
        ):
            return Ranked(passages=tuple(passages), readings={})
        read = self._read(query, passages)
        first, rest = passages[: len(read)], passages[len(read) :]
        readings = {passage.chunk_id: reading for passage, reading in zip(first, read, strict=True)}
        claim = states(query.removesuffix(" ".join(carried)))
        wanted = wanted_words(query, snapshot, carried)
        sentences = read_sentences(query, first, snapshot, readings, wanted=wanted)
        best: dict[int, float] = {}
        for sentence in sentences:
            best.setdefault(sentence.passage.chunk_id, sentence.score)
        ranked = [
            replace(
                passage,
                reader=chance_of(reading),
                score=passage.fused if claim else _score(passage, reading, best.get(passage.chunk_id, 0.0)),
            )
            for passage, reading in zip(first, read, strict=True)
        ]
        ranked = _in_order(ranked, claim=claim)
        # What was not read counts as if it did not answer, so no unread passage comes before a read one.
        lowest = ranked[-1].score
        unread = [replace(passage, score=lowest * max(0.0, passage.fused)) for passage in rest]
        by_id = {passage.chunk_id: passage for passage in ranked}
        return Ranked(
            passages=(*ranked, *unread),
            readings=readings,
            sentences=tuple(replace(each, passage=by_id[each.passage.chunk_id]) for each in sentences),
        )

    def _read(self, query: str, passages: Sequence[Passage]) -> list[Reading]:
        """Readings of the first passages, or of all that may be read: see :data:`FIRST`."""
        assert self.reader is not None
        first, more = passages[: min(FIRST, self.passages)], passages[FIRST : self.passages]
        readings = self.reader.read(query, [text_of(passage) for passage in first])
        if more and _goes_on(first, max(map(chance_of, readings))):
            readings += self.reader.read(query, [text_of(passage) for passage in more])
        return readings

    def close(self) -> None:
        """Let go of the reader's threads."""
        if self.reader is not None:
            self.reader.close()


def _goes_on(first: Sequence[Passage], best: float) -> bool:
    """Whether more is to be read after the first; ``best`` is the greatest chance of them."""
    nearest = max(passage.cosine for passage in first)
    return best < LIKELY and (best >= MAY_ANSWER or nearest >= FAR)


def text_of(passage: Passage) -> Text:
    """A passage as the reader takes it: under its title and headings, cut into sentences."""
    above = dict.fromkeys(part for part in (passage.title, *passage.heading_path) if part)
    return Text(" ".join(above), passage.text, tuple(sentence_spans(passage.text)))


def _in_order(read: Sequence[Passage], *, claim: bool) -> list[Passage]:
    """Passages that were read, best first: see :data:`FIRST`. The reader has no say about a claim."""
    later = () if claim else read[FIRST:]
    doubtful = {passage.chunk_id for passage in later if (passage.reader or 0.0) < MAY_ANSWER}
    ranked = sorted(
        read, key=lambda passage: (passage.chunk_id in doubtful, -passage.score, passage.chunk_id)
    )
    lowest = min(passage.score for passage in read if passage.chunk_id not in doubtful)
    return [
        replace(passage, score=min(passage.score, lowest)) if passage.chunk_id in doubtful else passage
        for passage in ranked
    ]


def _score(passage: Passage, reading: Reading, sentence: float) -> float:
    signals = rank_signals(passage, reading, sentence)
    return 1.0 / (1.0 + math.exp(-(RANK_OFFSET + mixed(RANK_MIX, signals))))


def rank_signals(passage: Passage, reading: Reading, sentence: float) -> dict[str, float]:
    """What decides about the place of a passage that was read; ``sentence`` is its best sentence's score."""
    return {
        "fused": passage.fused,
        "answerable": reading.answerable / 4,
        "span": max(reading.span_score, UNREAD) / 10,
        "sentence": sentence,
    }


def chance_of(reading: Reading) -> float:
    """The chance in [0, 1] that the passage answers, as the reader alone sees it."""
    return 1.0 / (1.0 + math.exp(-(CHANCE_SLOPE * reading.answerable + CHANCE_OFFSET)))
