"""Evidence: which sentences of the passages answer a question, and how surely any of them does.

``EvidenceSelector`` is the seam: a trained reader can take the place of ``MixedSelector`` and gives
the same ``Evidence``.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.analysis import words
from index.embeddings import Embedder
from index.sentences import sentence_spans
from index.snapshot import Snapshot
from rag.answers import Passage
from rag.overlap import WeightedWord, covered, forms_in, share, weighted_words

# The mix, tuned on SQuAD 2 (1,294 answerable questions over 531 paragraphs) and
# wikinews-qa (580 over 16 texts): the best sentence holds the gold answer in 72 % and 84 %, by
# similarity alone in 54 % and 69 %. The optimum is flat: the twelve best of a grid lie within 0.3 points.
SIMILARITY = 1.2
OVERLAP = 1.0
CONTEXT = 0.4
PASSAGE = 0.6
KIND = 0.2
CARRIED = 0.3  # weight of a word from an earlier turn beside one of the question's own

# A logistic regression over squad2 and wikinews-qa, each asked its own questions and the other's, fitted
# and measured on the same 2,328 questions. AUROC of
# answerable against off-corpus 0.96 (0.99 within squad2), against adversarial 0.62: that needs a reader.
CONFIDENCE_SIMILARITY = 5.0
CONFIDENCE_OVERLAP = 1.6
CONFIDENCE_PASSAGE = 1.5
CONFIDENCE_OFFSET = -3.6
MISSING_NUMBER = 1.4
# A name that no document holds says that the question is about something else: 1 in 100 answerable
# questions of squad2 holds one, 31 in 100 off-corpus ones.
UNHEARD_NAME = 2.0
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSentence:
    """A sentence of a passage, scored as an answer.

    ``start``/``end`` are offsets into the text of the passage's document version;
    ``covers`` are the words of the question that it holds.
    """

    passage: Passage
    start: int
    end: int
    text: str
    score: float  # higher is better; comparable only within one question
    similarity: float  # cosine with the question, in [-1, 1]
    covers: frozenset[str]
    short_answer: tuple[int, int] | None = None  # offsets into ``text``, end exclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the passages hold for a question. ``sentences`` are best first and may be empty."""

    sentences: tuple[EvidenceSentence, ...]
    confidence: float  # in [0, 1]: how surely the passages answer the question
    unknown_words: tuple[str, ...]  # of the question, in order: no document holds them


class EvidenceSelector(Protocol):
    """Picks evidence for a query from passages."""

    def select(
        self, query: str, passages: Sequence[Passage], snapshot: Snapshot, *, carried: Sequence[str] = ()
    ) -> Evidence:
        """Rank the sentences of ``passages`` (best first) as answers to ``query``.

        Args:
            carried: Words at the end of ``query`` that come from earlier turns.
        """
        ...


class MixedSelector:
    """Scores sentences by a mix of embedding similarity, rare shared stems and the passage's score."""

    def __init__(self, embedder: Embedder, *, passages: int = 5) -> None:
        """``passages``: how many of the best are read; each costs some milliseconds of embedding."""
        self._embedder = embedder
        self._passages = passages

    def select(
        self, query: str, passages: Sequence[Passage], snapshot: Snapshot, *, carried: Sequence[str] = ()
    ) -> Evidence:
        """Rank the sentences of the best passages as answers to ``query``."""
        wanted = _less_of(weighted_words(query, snapshot), carried)
        unknown = tuple(word.word for word in wanted if not word.known)
        sentences = _sentences(passages[: self._passages], wanted, snapshot)
        if not sentences:
            return Evidence(sentences=(), confidence=0.0, unknown_words=unknown)
        similarities = self._similarities(query, carried, [sentence.text for sentence in sentences])
        asks_for = kind_of_answer(query)
        ranked = [
            EvidenceSentence(
                passage=sentence.passage,
                start=sentence.start,
                end=sentence.end,
                text=sentence.text,
                score=(
                    SIMILARITY * float(similarity)
                    + OVERLAP * share(wanted, sentence.covers)
                    + CONTEXT * share(wanted, sentence.context - sentence.covers)
                    + PASSAGE * sentence.passage.score
                    + KIND * (asks_for is not None and bool(asks_for.search(sentence.text)))
                ),
                similarity=float(similarity),
                covers=sentence.covers,
            )
            for sentence, similarity in zip(sentences, similarities, strict=True)
        ]
        ranked.sort(key=lambda sentence: (-sentence.score, sentence.passage.chunk_id, sentence.start))
        return Evidence(
            sentences=tuple(ranked),
            confidence=_confidence(query, ranked[0], wanted, snapshot),
            unknown_words=unknown,
        )

    def _similarities(self, query: str, carried: Sequence[str], texts: Sequence[str]) -> NDArray[np.float32]:
        """Cosine of each text with the query; half of it with the question alone, if words were carried."""
        vectors = self._embedder.encode(texts)
        question = query.removesuffix(" ".join(carried)).strip()
        wanted = self._embedder.encode_query(query)
        if carried and question:
            wanted = (wanted + self._embedder.encode_query(question)) / np.float32(2)
        similarities: NDArray[np.float32] = vectors @ wanted
        return similarities


def _less_of(wanted: Sequence[WeightedWord], carried: Sequence[str]) -> tuple[WeightedWord, ...]:
    """Carried words find the passages; which sentence answers is for the question's own words to say."""
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


def _sentences(
    passages: Sequence[Passage], wanted: Sequence[WeightedWord], snapshot: Snapshot
) -> list[_Sentence]:
    """Every sentence of the passages that could be an answer, once even where passages overlap."""
    found: list[_Sentence] = []
    seen: set[tuple[int, int]] = set()
    for passage in passages:
        above = " ".join((passage.title, *passage.heading_path))
        around = covered(wanted, forms_in(above, snapshot.languages))
        before: frozenset[str] = frozenset()
        for start, end in sentence_spans(passage.text):
            text = passage.text[start:end]
            covers = covered(wanted, forms_in(text, snapshot.languages))
            place = (passage.version_id, passage.start + start)
            heading = any(
                first <= passage.start + start and passage.start + end <= last
                for first, last in passage.headings
            )
            if place not in seen and not heading and not _is_heading_or_question(text, passage):
                seen.add(place)
                found.append(
                    _Sentence(
                        passage=passage,
                        start=passage.start + start,
                        end=passage.start + end,
                        text=text,
                        covers=covers,
                        context=around | before,
                    )
                )
            before = covers
    return found


def _is_heading_or_question(text: str, passage: Passage) -> bool:
    """A heading or a question often repeats the words of ours, and answers nothing."""
    if text.startswith("#") or text.endswith(("?", "？", "؟")):
        return True
    spoken = text.strip(" *_:")
    return spoken in passage.heading_path or spoken == passage.title


def _confidence(
    query: str, best: EvidenceSentence, wanted: Sequence[WeightedWord], snapshot: Snapshot
) -> float:
    """How surely the best sentence answers, in [0, 1]; grows with each signal.

    A logistic mix. Neither the fused score nor BM25 is in it: both depend on the corpus, and the
    best of a corpus that knows nothing would score as high as the best of one that does.
    """
    passage = best.passage
    text = " ".join((passage.title, *passage.heading_path, passage.text))
    in_passage = covered(wanted, forms_in(text, snapshot.languages))
    missing_number = any(word.word.isdigit() and word.word not in in_passage for word in wanted)
    logit = (
        CONFIDENCE_SIMILARITY * best.similarity
        + CONFIDENCE_OVERLAP * share(wanted, best.covers)
        + CONFIDENCE_PASSAGE * share(wanted, in_passage)
        + CONFIDENCE_OFFSET
        - MISSING_NUMBER * missing_number
        - UNHEARD_NAME * _holds_unheard_name(query, wanted, text)
    )
    return 1.0 / (1.0 + math.exp(-logit))


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
