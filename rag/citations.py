"""From the marks a language model wrote to checked citations of exact spans.

A citation is made only if the passage was in this request and its sentence carries the claim. What a
model writes is untrusted: nothing here raises on any text, and all of it is linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from index.documents import ParsedDocument
from index.embeddings import Embedder
from index.sentences import sentence_spans
from index.snapshot import Snapshot
from rag.answers import AnswerSentence, Citation, Passage, Verdict
from rag.overlap import covered, forms_in, share, weighted_words

# [1], [1, 2], [1][2], 【1】, [^1]. Every repetition is bounded, so matching is linear.
_MARKS = re.compile(r"[\[【] ?\^?(\d{1,4}(?: ?[,;] ?\d{1,4}){0,9}) ?[\]】]")
_NUMBER = re.compile(r"\d{1,30}(?:[.,]\d{1,30}){0,10}")
_BULLET = re.compile(r"^(?:[-*•]|#{1,6}) +")
_THINKING_END = "</think>"

# Support of a claim by a sentence, in [0, 1]: half shared rare stems, half embedding similarity. On
# public claim-and-passage pairs it tells supported from other claims with AUROC 0.65 only: it finds
# the sentence and stops the absurd, but does not judge; WEAK lets nine of ten supported claims through.
SUPPORTED = 0.6
WEAK = 0.35


@dataclass(slots=True)
class Numbering:
    """Hands out marks in the order of first use; the same span gets the same mark."""

    _markers: dict[tuple[int, int, int], int] = field(default_factory=dict)
    _citations: list[Citation] = field(default_factory=list)

    def marker(self, passage: Passage, start: int, end: int) -> int:
        """The mark for a span of the passage's document version (offsets into its text)."""
        key = (passage.version_id, start, end)
        if key not in self._markers:
            self._markers[key] = len(self._citations) + 1
            self._citations.append(
                Citation(
                    marker=self._markers[key],
                    doc_id=passage.doc_id,
                    version_id=passage.version_id,
                    collection=passage.collection,
                    path=passage.path,
                    title=passage.title,
                    page=passage.page,
                    heading_path=passage.heading_path,
                    start=start,
                    end=end,
                    quote=passage.text[start - passage.start : end - passage.start],
                    chunk_id=passage.chunk_id,
                    locator=passage.locator,
                )
            )
        return self._markers[key]

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Every citation so far, by mark."""
        return tuple(self._citations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sentence that a model wrote, without its marks, and the passage numbers they named."""

    text: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A model's text as checked sentences. ``dropped`` counts marks that named no passage."""

    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]
    dropped: int


def claims_in(text: str) -> list[Claim]:
    """Cut a model's text into sentences and give each the marks that stand in it or right after it."""
    text = text.rpartition(_THINKING_END)[2]
    plain, marks = _without_marks(text)
    claims: list[Claim] = []
    spans = sentence_spans(plain)
    position = 0
    for index, (start, end) in enumerate(spans):
        # A mark after the full stop still belongs to the sentence before it.
        until = spans[index + 1][0] if index + 1 < len(spans) else len(plain) + 1
        numbers: list[int] = []
        while position < len(marks) and marks[position][0] < until:
            numbers += marks[position][1]
            position += 1
        spoken = _BULLET.sub("", plain[start:end])
        if any(character.isalnum() for character in spoken):
            claims.append(Claim(text=spoken, numbers=tuple(dict.fromkeys(numbers))))
    return claims


def _without_marks(text: str) -> tuple[str, list[tuple[int, list[int]]]]:
    """The text without marks, and for each mark its place there and the numbers in it."""
    pieces: list[str] = []
    marks: list[tuple[int, list[int]]] = []
    length = position = 0
    for match in _MARKS.finditer(text):
        piece = text[position : match.start()].rstrip(" ")
        pieces.append(piece)
        length += len(piece)
        marks.append((length, [int(number) for number in re.split("[,;]", match[1])]))
        position = match.end()
    pieces.append(text[position:])
    return "".join(pieces), marks


class CitationResolver:
    """Checks every sentence of a model's text against the passages it names."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def resolve(self, text: str, passages: Sequence[Passage], snapshot: Snapshot) -> Resolved:
        """Turn marks into citations of the sentences that carry the claims.

        A sentence that is found word for word is ``quoted``; one that its passage carries is
        ``supported`` or ``weak``; any other, marked or not, is ``unsupported`` and has no citation.

        Args:
            passages: As they were numbered in the prompt, the first is 1.
        """
        claims = claims_in(text)
        cited = sorted(
            {number for claim in claims for number in claim.numbers if 1 <= number <= len(passages)}
        )
        spans = {number: sentence_spans(passages[number - 1].text) for number in cited}
        vectors = self._vectors(claims, passages, spans)
        numbering = Numbering()
        sentences: list[AnswerSentence] = []
        dropped = 0
        for claim, claim_vector in zip(claims, vectors.claims, strict=True):
            markers: list[int] = []
            verdicts: list[Verdict] = []
            for number in claim.numbers:
                if number not in spans:
                    dropped += 1
                    continue
                passage = passages[number - 1]
                similarities = vectors.sentences[number] @ claim_vector
                found = _support(claim.text, passage, spans[number], similarities, snapshot)
                if found is not None:
                    start, end, verdict = found
                    markers.append(numbering.marker(passage, passage.start + start, passage.start + end))
                    verdicts.append(verdict)
            order = sorted(range(len(markers)), key=lambda at: _ORDER.index(verdicts[at]))
            sentences.append(
                AnswerSentence(
                    text=claim.text,
                    markers=tuple(dict.fromkeys(markers[at] for at in order)),
                    verdict=verdicts[order[0]] if order else "unsupported",
                )
            )
        return Resolved(sentences=tuple(sentences), citations=numbering.citations, dropped=dropped)

    def _vectors(
        self, claims: Sequence[Claim], passages: Sequence[Passage], spans: dict[int, list[tuple[int, int]]]
    ) -> _Vectors:
        texts = [claim.text for claim in claims]
        for number, found in spans.items():
            texts += [passages[number - 1].text[start:end] for start, end in found]
        matrix = self._embedder.encode(texts)
        position = len(claims)
        by_number: dict[int, NDArray[np.float32]] = {}
        for number, found in spans.items():
            by_number[number] = matrix[position : position + len(found)]
            position += len(found)
        return _Vectors(claims=matrix[: len(claims)], sentences=by_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vectors:
    claims: NDArray[np.float32]  # (n_claims, dim), unit rows
    sentences: dict[int, NDArray[np.float32]]  # by passage number, (n_sentences, dim), unit rows


_ORDER: tuple[Verdict, ...] = ("quoted", "supported", "weak")


def _support(
    claim: str,
    passage: Passage,
    spans: Sequence[tuple[int, int]],
    similarities: NDArray[np.float32],
    snapshot: Snapshot,
) -> tuple[int, int, Verdict] | None:
    """The span of the passage that carries the claim best, and how well; None when none does."""
    spoken = _spoken(claim)
    for start, end in spans:
        # Whole sentences only: "Paris fell" inside "It is not true that Paris fell" is no quote.
        if _spoken(passage.text[start:end]) == spoken:
            return start, end, "quoted"
    # A claim's numbers must be there: a wrong year is the likeliest way to be wrong and sound right.
    if not numbers_in(claim) <= numbers_in(passage.text):
        return None
    wanted = weighted_words(claim, snapshot)
    best: tuple[float, int, int] | None = None
    for (start, end), similarity in zip(spans, similarities, strict=True):
        forms = forms_in(passage.text[start:end], snapshot.languages)
        score = 0.5 * share(wanted, covered(wanted, forms)) + 0.5 * max(0.0, float(similarity))
        if best is None or score > best[0]:
            best = (score, start, end)
    if best is None or best[0] < WEAK:
        return None
    return best[1], best[2], "supported" if best[0] >= SUPPORTED else "weak"


def numbers_in(text: str) -> frozenset[str]:
    """The numbers in a text, without the marks that group thousands: ``1,200`` and ``1200`` are one."""
    return frozenset(match[0].replace(",", "").rstrip(".") for match in _NUMBER.finditer(text))


def _spoken(sentence: str) -> str:
    """The words of a sentence: line breaks inside it and a full stop at its end do not matter."""
    return " ".join(sentence.split()).rstrip(".")


def located(
    citations: Sequence[Citation], parsed: Callable[[int], ParsedDocument | None]
) -> tuple[Citation, ...]:
    """The citations with the page and headings of their own first character.

    A passage may begin a page, or a section, earlier than the sentence in it that is cited.

    Args:
        parsed: A document version; None once it is removed.
    """
    documents = {version_id: parsed(version_id) for version_id in {each.version_id for each in citations}}
    return tuple(
        replace(
            citation,
            page=document.page_at(citation.start),
            locator=document.locator_at(citation.start),
            heading_path=document.heading_path(citation.start),
        )
        if (document := documents[citation.version_id]) is not None
        else citation  # removed in this moment; what the passage said still holds
        for citation in citations
    )
