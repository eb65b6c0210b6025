"""Evidence: which sentences of the passages answer a question, and how surely any of them does.

Each sentence is scored by a mix of signals: words, meaning, and, where it has read the passage, the
reader's own judgement. Without a reader (other languages, or switched off) the rest of the mix decides.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from index.analysis import words
from index.blocks import is_table_row
from index.embeddings import Embedder
from index.sentences import sentence_spans
from index.snapshot import Snapshot
from rag.answers import Passage
from rag.overlap import WeightedWord, covered, forms_in, share, weighted_words
from rag.reader.reading import UNREAD, Reading, SentenceReading

# Without the reader: tuned on SQuAD 2 and wikinews-qa; the best sentence holds the answer in 72 % and
# 84 % there, by similarity alone in 54 % and 69 %.
SENTENCE_MIX = {
    "similarity": 1.2,
    "overlap": 1.0,
    "context": 0.4,
    "passage": 0.6,
    "kind": 0.2,
}
# With it: a conditional logit by ``python -m tests.quality.mix`` over every third question of SQuAD 2, read
# by readers that had not seen the article, and HotpotQA. The first sentence is right in 80 % of SQuAD 2
# (cross-validated); by the words alone in 69 %, by the reader alone in 74 %.
READ_SENTENCE_MIX = {
    "overlap": 3.2,
    "context": 0.9,
    "passage": 5.2,
    "kind": 0.4,
    "evidence": 1.8,
    "span_chance": 3.25,
    "chance": 4.2,
}
CONFIDENCE_MIX = {
    "offset": -4.33,
    "similarity": 5.0,
    "overlap": 1.6,
    "in_passage": 1.5,
    "missing_number": -1.4,
    "unheard_name": -2.0,
}
# With the reader the confidence is the product of two chances, fitted likewise: that the documents are
# about what is asked (AUROC 0.99 against questions about other things) and that the sentence answers it
# (0.76 against questions that only look answerable).
TOPIC_MIX = {
    "offset": -2.2,
    "cosine": 4.1,
    "overlap": 2.0,
    "in_passage": 2.6,
    "unheard_name": -0.75,
    "answerable": 2.05,
    "span": 1.35,
}
ANSWERS_MIX = {
    "offset": -0.17,
    "cosine": 0.75,
    "overlap": 1.0,
    "in_passage": -0.9,
    "answerable": 1.9,
    "span": 0.8,
}
CARRIED = 0.3  # weight of a word from an earlier turn beside one of the question's own
_NEARLY_SPELLED = 0.75  # difflib's ratio; "Mongke" for "Möngke" and "Shirly" for "Shirley" pass

_KINDS = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(held))
    for asked, held in (
        (
            r"\b(?:when|(?:what|which) (?:year|date|day|month|century|decade|time))\b",
            r"\b(?:1\d{3}|20\d\d)\b|\b(?:January|February|March|April|May|June|July|August|September|October|November"
            r"|December|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|[Cc]entur(?:y|ies)|[Yy]ears?|ago)\b",
        ),
        (
            r"\bhow (?:many|much|long|old|far|tall|high|large|big|deep|fast|often|heavy|wide)\b"
            r"|\bwhat (?:percent|percentage|number|amount|age|population|distance|proportion)\b",
            r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred"
            r"|thousand|million|billion|half|dozen|once|twice|several)\b",
        ),
        (r"\b(?:who|whom|whose)\b", r"(?<=[a-z,;] )[A-Z][a-z]"),
    )
)


Signals = Mapping[str, float]
"""Named signals of one sentence or one question; what a name means stands where it is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSentence:
    """A sentence of a passage, scored as an answer.

    ``start``/``end`` are offsets into the text of the passage's document version; ``covers`` are the
    words of the question that it holds; ``short_answer`` are offsets into ``text``, end exclusive.
    """

    passage: Passage
    start: int
    end: int
    text: str
    score: float  # higher is better; comparable only within one question
    covers: frozenset[str]
    signals: Signals
    short_answer: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the passages hold for a question. ``sentences`` are best first and may be empty."""

    sentences: tuple[EvidenceSentence, ...]
    confidence: float  # in [0, 1]: how surely the passages answer the question
    unknown_words: tuple[str, ...]  # of the question itself, in order: no document holds them
    signals: Signals  # that the confidence rests on


class EvidenceSelector:
    """Ranks the sentences of passages as answers. Safe to use from several threads."""

    def __init__(self, embedder: Embedder, *, passages: int = 5) -> None:
        """``passages``: how many unread ones are considered; each costs some milliseconds of embedding."""
        self._embedder = embedder
        self._passages = passages

    def select(
        self,
        query: str,
        passages: Sequence[Passage],
        snapshot: Snapshot,
        *,
        carried: Sequence[str] = (),
        read: Sequence[EvidenceSentence] = (),
        factual: bool = True,
    ) -> Evidence:
        """Rank the sentences of ``passages`` (best first) as answers to ``query``.

        Args:
            carried: Words at the end of ``query`` that come from earlier turns.
            read: Sentences of passages that were read, best first, see :func:`read_sentences`; those of
                ``passages`` then count and no others.
            factual: Whether some words of a sentence can be the answer. Of other questions (a yes or a no,
                a comparison, a summary) the reader has learnt nothing: it then only helps to say whether
                the documents are about what is asked.
        """
        wanted = wanted_words(query, snapshot, carried)
        own = {word for word, _, _ in words(query.removesuffix(" ".join(carried)))}
        unknown = tuple(word.word for word in wanted if not word.known and word.word in own)
        if read:
            among = {passage.chunk_id for passage in passages}
            ranked = distinct(sentence for sentence in read if sentence.passage.chunk_id in among)
        else:
            ranked = self._unread(query, passages[: self._passages], snapshot, wanted, carried)
        if not ranked:
            return Evidence(sentences=(), confidence=0.0, unknown_words=unknown, signals={})
        signals = confidence_signals(query, ranked[0], wanted, snapshot)
        mixes = [CONFIDENCE_MIX] if not read else [TOPIC_MIX, ANSWERS_MIX] if factual else [TOPIC_MIX]
        return Evidence(
            sentences=ranked,
            confidence=math.prod(_chance(mixed(mix, signals)) for mix in mixes),
            unknown_words=unknown,
            signals=signals,
        )

    def _unread(
        self,
        query: str,
        passages: Sequence[Passage],
        snapshot: Snapshot,
        wanted: Sequence[WeightedWord],
        carried: Sequence[str],
    ) -> tuple[EvidenceSentence, ...]:
        sentences = distinct(_sentences(passages, wanted, snapshot, {}))
        similarities = (
            self._similarities(query, carried, [each.text for each in sentences]) if sentences else ()
        )
        return _ranked(query, sentences, SENTENCE_MIX, wanted, similarities)

    def _similarities(self, query: str, carried: Sequence[str], texts: Sequence[str]) -> NDArray[np.float32]:
        """Cosine of each text with the query; half of it with the question alone, if words were carried."""
        vectors = self._embedder.encode(texts)
        question = query.removesuffix(" ".join(carried)).strip()
        wanted = self._embedder.encode_query(query)
        if carried and question:
            wanted = (wanted + self._embedder.encode_query(question)) / np.float32(2)
        similarities: NDArray[np.float32] = vectors @ wanted
        return similarities


def read_sentences(
    query: str,
    passages: Sequence[Passage],
    snapshot: Snapshot,
    readings: Mapping[int, Reading],
    *,
    wanted: Sequence[WeightedWord],
) -> tuple[EvidenceSentence, ...]:
    """Every sentence of the passages that could be an answer, scored by the reader and the words, best first.

    One that stands in two passages is there twice, as each of them was read.

    Args:
        readings: Of passages by chunk id, in the order of the sentences of ``sentence_spans(passage.text)``;
            other passages are left aside.
        wanted: See :func:`wanted_words`.
    """
    considered = [passage for passage in passages if passage.chunk_id in readings]
    sentences = _sentences(considered, wanted, snapshot, readings)
    return _ranked(query, sentences, READ_SENTENCE_MIX, wanted, [0.0] * len(sentences))


def _ranked(
    query: str,
    sentences: Sequence[_Sentence],
    mix: Mapping[str, float],
    wanted: Sequence[WeightedWord],
    similarities: Sequence[float] | NDArray[np.float32],
) -> tuple[EvidenceSentence, ...]:
    asks_for = kind_of_answer(query)
    scored = (
        _scored(sentence, mix, wanted, asks_for, float(similarity))
        for sentence, similarity in zip(sentences, similarities, strict=True)
    )
    return tuple(sorted(scored, key=lambda each: (-each.score, each.passage.chunk_id, each.start)))


def _chance(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, logit))))


def mixed(mix: Mapping[str, float], signals: Signals) -> float:
    """The weighted sum of the signals that the mix names; one that is absent counts 0."""
    return sum(weight * signals.get(name, 0.0) for name, weight in mix.items())


def _scored(
    sentence: _Sentence,
    mix: Mapping[str, float],
    wanted: Sequence[WeightedWord],
    asks_for: re.Pattern[str] | None,
    similarity: float,
) -> EvidenceSentence:
    signals = {
        "similarity": similarity,  # cosine with the query
        "overlap": share(wanted, sentence.covers),
        "context": share(wanted, sentence.context - sentence.covers),
        "passage": sentence.passage.fused,
        "kind": float(asks_for is not None and bool(asks_for.search(sentence.text))),
    }
    short_answer = None
    if sentence.reading is not None:
        reading, read = sentence.reading
        signals |= {
            "evidence": math.exp(read.evidence),  # chance among the sentences of its passage
            "span_chance": _chance(read.span_score / 3),  # that it holds a short answer
            "chance": _chance(reading.answerable),  # that its passage answers
            "span": max(read.span_score, UNREAD) / 10,
            "answerable": reading.answerable / 4,
        }
        if read.span is not None:
            offset = sentence.start - sentence.passage.start
            short_answer = (max(0, read.span[0] - offset), min(len(sentence.text), read.span[1] - offset))
    return EvidenceSentence(
        passage=sentence.passage,
        start=sentence.start,
        end=sentence.end,
        text=sentence.text,
        score=mixed(mix, signals),
        covers=sentence.covers,
        signals=signals,
        short_answer=short_answer,
    )


def wanted_words(query: str, snapshot: Snapshot, carried: Sequence[str] = ()) -> tuple[WeightedWord, ...]:
    """The words that an answer should hold, with their weights.

    Carried words find the passages; which sentence answers is for the question's own words to say.
    """
    wanted = weighted_words(query, snapshot)
    earlier = {word for text in carried for word, _, _ in words(text)}
    return tuple(
        replace(word, weight=CARRIED * word.weight) if word.word in earlier else word for word in wanted
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    passage: Passage
    start: int
    end: int
    text: str
    covers: frozenset[str]
    context: frozenset[str]  # words of the question in the sentence before, the headings and the title
    reading: tuple[Reading, SentenceReading] | None


def _sentences(
    passages: Sequence[Passage],
    wanted: Sequence[WeightedWord],
    snapshot: Snapshot,
    readings: Mapping[int, Reading],
) -> list[_Sentence]:
    """Every sentence of the passages that could be an answer."""
    found: list[_Sentence] = []
    for passage in passages:
        above = " ".join((passage.title, *passage.heading_path))
        around = covered(wanted, forms_in(above, snapshot.languages))
        before: frozenset[str] = frozenset()
        reading = readings.get(passage.chunk_id)
        for number, (start, end) in enumerate(sentence_spans(passage.text)):
            text = passage.text[start:end]
            covers = covered(wanted, forms_in(text, snapshot.languages))
            heading = any(
                first <= passage.start + start and passage.start + end <= last
                for first, last in passage.headings
            )
            says = not heading and not _is_heading_or_question(text, passage)
            if says and not _is_table_head(passage.text, start, end):
                found.append(
                    _Sentence(
                        passage=passage,
                        start=passage.start + start,
                        end=passage.start + end,
                        text=text,
                        covers=covers,
                        context=around | before,
                        reading=None if reading is None else (reading, reading.sentences[number]),
                    )
                )
            before = covers
    return found


_AnySentence = TypeVar("_AnySentence", _Sentence, EvidenceSentence)


def distinct(sentences: Iterable[_AnySentence]) -> tuple[_AnySentence, ...]:
    """Where passages overlap a sentence comes twice: the first of each."""
    first: dict[tuple[int, int], _AnySentence] = {}
    for sentence in sentences:
        first.setdefault((sentence.passage.version_id, sentence.start), sentence)
    return tuple(first.values())


def _is_heading_or_question(text: str, passage: Passage) -> bool:
    """A heading or a question often repeats the words of ours, and answers nothing."""
    if text.startswith("#") or text.endswith(("?", "？", "؟")):
        return True
    spoken = text.strip(" *_:")
    return spoken in passage.heading_path or spoken == passage.title


def _is_table_head(text: str, start: int, end: int) -> bool:
    """Whether the first row of a table, under something else and above another row: names of columns."""
    if not is_table_row(text[start:end]):
        return False
    before = text[:start].rstrip().rpartition("\n")[2]
    after = text[end:].lstrip().partition("\n")[0]
    return bool(before) and not is_table_row(before) and is_table_row(after)


def confidence_signals(
    query: str, best: EvidenceSentence, wanted: Sequence[WeightedWord], snapshot: Snapshot
) -> dict[str, float]:
    """What tells whether the best sentence answers.

    Neither the fused score nor BM25 is in it: both depend on the corpus, and the best of a corpus that
    knows nothing would score as high as the best of one that does.
    """
    passage = best.passage
    text = " ".join((passage.title, *passage.heading_path, passage.text))
    in_passage = covered(wanted, forms_in(text, snapshot.languages))
    return dict(best.signals) | {
        "offset": 1.0,
        "cosine": passage.cosine,
        "in_passage": share(wanted, in_passage),
        "missing_number": float(any(word.word.isdigit() and word.word not in in_passage for word in wanted)),
        "unheard_name": float(_holds_unheard_name(query, wanted, text)),
    }


def _holds_unheard_name(query: str, wanted: Sequence[WeightedWord], text: str) -> bool:
    """Whether the query names something that no document holds and ``text`` does not spell nearly so."""
    capitalised = {
        word for position, (word, start, _) in enumerate(words(query)) if position and query[start].isupper()
    }
    content = {word.word for word in wanted}
    # Where nearly every word has a capital (German nouns, titles) capitals mark no names.
    if len(content) > 2 and len(capitalised & content) > 0.7 * len(content):
        return False
    unheard = [_unaccented(word.word) for word in wanted if not word.known and word.word in capitalised]
    spelled = {_unaccented(word) for word, _, _ in words(text)} if unheard else set()
    return any(not difflib.get_close_matches(word, spelled, n=1, cutoff=_NEARLY_SPELLED) for word in unheard)


def _unaccented(word: str) -> str:
    return "".join(
        character for character in unicodedata.normalize("NFKD", word) if not unicodedata.combining(character)
    )


def kind_of_answer(question: str) -> re.Pattern[str] | None:
    """What a sentence must hold to answer who, when or how many; None when the question does not say.

    English only: in other languages the other signals decide.
    """
    for asked, held in _KINDS:
        if asked.search(question):
            return held
    return None
