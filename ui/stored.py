"""What a message keeps of an answer: places in documents, never their text.

A sentence quoted from a document is its place (document, version, offsets) and a hash; what a language
model wrote is kept as it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rag.answers import (
    Answer,
    Citation,
    Elsewhere,
    Passage,
    Refusal,
    Rewording,
    Status,
    Step,
    Verdict,
    digest,
)
from rag.suggestions import Suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRef:
    """A place in a document version: what a message remembers instead of the words.

    ``sha256`` is the hex digest of the quote (UTF-8), so that the place can be checked and found again.
    ``start``/``end`` are character offsets, end exclusive. No title and no heading: they are document text.
    """

    doc_id: str
    version_id: int
    start: int
    end: int
    sha256: str
    name: str
    collection: str
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSentence:
    """A sentence of an answer. ``text`` is None when its words are those of its first citation."""

    text: str | None
    markers: tuple[int, ...] = ()
    verdict: Verdict | None = None
    short_answer: tuple[int, int] | None = None  # offsets into the sentence, end exclusive
    grouped: bool = False  # listed under the name of its document


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConsidered:
    """A passage that was looked at for an answer; see ``Considered`` and ``Passage`` for what is what."""

    place: SpanRef
    dense_rank: int | None
    lexical_rank: int | None
    fused: float
    reader: float | None
    kept: bool
    reason: str
    cosine: float | None = None  # of its meaning and the query's; None in answers from before it was kept


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRefusal:
    """A ``Refusal`` without the words of documents: a rewording is the place of its heading."""

    passages: int
    documents: int
    collections: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    unknown_words: tuple[str, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    rewordings: tuple[SpanRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """An ``Answer`` without the words of documents."""

    status: Status
    query: str = ""
    sentences: tuple[StoredSentence, ...] = ()
    citations: tuple[tuple[int, SpanRef], ...] = ()  # (marker, place)
    passages: tuple[SpanRef, ...] = ()  # best first
    steps: tuple[Step, ...] = ()
    considered: tuple[StoredConsidered, ...] = ()  # best first
    # A passage, and where nearly the same one stands in another document.
    twins: tuple[tuple[SpanRef, SpanRef], ...] = ()
    confidence: float = 0.0
    generator: str = "built-in"
    notice: str = ""
    refusal: StoredRefusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSuggestion:
    """A question to ask next: the place of a heading, and of the first words that answer it."""

    heading: SpanRef
    evidence: SpanRef


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSuggestions:
    """What could be asked after an answer, nearest first."""

    generation: int  # of the index that the answer is from
    items: tuple[StoredSuggestion, ...]


def stored_suggestions(found: Sequence[Suggestion], generation: int) -> StoredSuggestions:
    """Reduce suggestions to the places of their words."""
    return StoredSuggestions(
        generation=generation,
        items=tuple(
            StoredSuggestion(
                heading=_place(each.heading, each.heading.quote),
                evidence=_place(each.evidence, each.evidence.quote),
            )
            for each in found
        ),
    )


def suggestions_from_json(text: str) -> StoredSuggestions:
    """Read what ``asdict`` of stored suggestions was written as."""
    raw: dict[str, Any] = json.loads(text)
    items = (
        StoredSuggestion(heading=SpanRef(**each["heading"]), evidence=SpanRef(**each["evidence"]))
        for each in raw["items"]
    )
    return StoredSuggestions(generation=int(raw["generation"]), items=tuple(items))


def stored(answer: Answer) -> StoredAnswer:
    """Reduce an answer to what may be kept: references for the documents' words, text for the rest."""
    quotes = {citation.marker: citation.quote for citation in answer.citations}
    sentences: list[StoredSentence] = []
    for sentence in answer.sentences:
        quote = quotes.get(sentence.markers[0]) if sentence.markers else None
        quoted = sentence.verdict == "quoted" and quote is not None
        # Offsets of the short answer hold for the rendered quote only if the sentence is that quote.
        aligned = not quoted or sentence.text == quote
        sentences.append(
            StoredSentence(
                text=None if quoted else sentence.text,
                markers=sentence.markers,
                verdict=sentence.verdict,
                short_answer=sentence.short_answer if aligned else None,
                grouped=bool(sentence.group),
            )
        )
    citations = tuple((each.marker, _place(each, each.quote)) for each in answer.citations)
    passages = tuple(_place(each, each.text) for each in answer.passages)
    return StoredAnswer(
        status=answer.status,
        query=answer.query,
        sentences=tuple(sentences),
        citations=citations,
        passages=passages,
        steps=answer.steps,
        considered=tuple(
            StoredConsidered(
                place=_place(each.passage, each.passage.text),
                dense_rank=each.passage.dense_rank,
                lexical_rank=each.passage.lexical_rank,
                fused=each.passage.fused,
                reader=each.passage.reader,
                kept=each.kept,
                reason=each.reason,
                cosine=round(each.passage.cosine, 3),
            )
            for each in answer.considered
        ),
        twins=_twins(answer),
        confidence=answer.confidence,
        generator=answer.generator,
        notice=answer.notice,
        refusal=None if answer.refusal is None else _stored_refusal(answer.refusal),
    )


def _twins(answer: Answer) -> tuple[tuple[SpanRef, SpanRef], ...]:
    looked_at = [*answer.passages, *(each.passage for each in answer.considered)]
    pairs = [
        (_place(passage, passage.text), _place(twin, twin.text))
        for passage in {each.chunk_id: each for each in looked_at}.values()
        for twin in passage.twins
    ]
    return tuple(pairs)


def _stored_refusal(refusal: Refusal) -> StoredRefusal:
    return StoredRefusal(
        passages=refusal.passages,
        documents=refusal.documents,
        collections=refusal.collections,
        files=refusal.files,
        unknown_words=refusal.unknown_words,
        elsewhere=refusal.elsewhere,
        rewordings=tuple(_place(each, each.quote) for each in refusal.rewordings),
    )


def _place(each: Citation | Passage | Rewording, spelled: str) -> SpanRef:
    return SpanRef(
        doc_id=each.doc_id,
        version_id=each.version_id,
        start=each.start,
        end=each.end,
        sha256=digest(spelled),
        name=each.name,
        collection=each.collection,
        page=each.page,
    )


def answer_from_json(text: str) -> StoredAnswer:
    """Read what ``asdict`` of a stored answer was written as, also by an earlier release."""
    raw: dict[str, Any] = json.loads(text)
    sentences = tuple(
        StoredSentence(
            **{
                **each,
                "markers": tuple(each["markers"]),
                "short_answer": tuple(each["short_answer"]) if each["short_answer"] else None,
            }
        )
        for each in raw["sentences"]
    )
    return StoredAnswer(
        **{
            **raw,
            "sentences": sentences,
            "citations": tuple((marker, SpanRef(**place)) for marker, place in raw["citations"]),
            "passages": tuple(SpanRef(**place) for place in raw["passages"]),
            "steps": tuple(Step(**step) for step in raw["steps"]),
            "considered": tuple(
                StoredConsidered(**{**each, "place": SpanRef(**each["place"])})
                for each in raw.get("considered", ())  # answers of the first release have none
            ),
            "twins": tuple((SpanRef(**original), SpanRef(**twin)) for original, twin in raw.get("twins", ())),
            "refusal": _refusal_from_json(raw.get("refusal")),
        }
    )


def _refusal_from_json(raw: dict[str, Any] | None) -> StoredRefusal | None:
    if raw is None:  # an answer, or a refusal of an earlier release
        return None
    return StoredRefusal(
        **{
            **raw,
            "collections": tuple(raw["collections"]),
            "files": tuple(raw.get("files", ())),  # refusals of the first release have none
            "unknown_words": tuple(raw["unknown_words"]),
            "elsewhere": tuple(Elsewhere(**each) for each in raw["elsewhere"]),
            "rewordings": tuple(SpanRef(**place) for place in raw["rewordings"]),
        }
    )
