"""What an answer is: sentences, the citations under them, the passages found, and how it came to be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from index.documents import last_part

Status = Literal["answered", "abstained", "stopped", "failed"]
Verdict = Literal["quoted", "supported", "weak", "unsupported", "contradicted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk retrieved for a query, with the place it came from.

    ``start``/``end`` are offsets into the text of version ``version_id``; ``text`` is that slice.
    Scores grow with quality; a rank counts from 1 and is None when that side did not find it.
    """

    chunk_id: int
    doc_id: str
    version_id: int
    collection: str
    path: str
    title: str
    page: int | None
    heading_path: tuple[str, ...]
    start: int
    end: int
    text: str
    score: float  # in [0, 1], what the passages are ordered by; comparable only within one query
    cosine: float  # in [-1, 1]
    bm25: float  # >= 0
    dense_rank: int | None = None
    lexical_rank: int | None = None
    fused: float = 0.0  # of the dense and the lexical side, in [0, 1]; comparable only within one query
    reader: float | None = None  # chance in [0, 1] that the passage answers; None where it was not read
    locator: str = ""  # the part it begins in, in words for people: "p. 3", "sheet Prices, row 12"
    also_in: tuple[str, ...] = ()  # names of other documents that hold nearly the same passage
    twins: tuple[Passage, ...] = ()  # that passage in each of them
    headings: tuple[tuple[int, int], ...] = ()  # spans inside [start, end) that are headings

    @property
    def name(self) -> str:
        """The last part of the path: what a person calls the document."""
        return last_part(self.path)


def digest(quote: str) -> str:
    """The hash that a reference keeps of the words it points at, so that it need not keep the words."""
    return hashlib.sha256(quote.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A mark in an answer and the span of a document version that it points at.

    ``quote`` is verbatim: ``text_of(version_id)[start:end] == quote``.
    """

    marker: int  # the first is 1
    doc_id: str
    version_id: int
    collection: str
    path: str
    title: str
    page: int | None
    heading_path: tuple[str, ...]
    start: int
    end: int
    quote: str
    chunk_id: int
    locator: str = ""  # the part it begins in, in words for people; "" where only the file is known

    @property
    def name(self) -> str:
        """The last part of the path: what a person calls the document."""
        return last_part(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSentence:
    """One sentence of an answer, the marks behind it, and how far the documents carry it.

    ``verdict`` is None when it was not computed, and is then not drawn. ``group`` is the document
    heading a sentence is listed under in answers that are grouped by document, "" otherwise.
    """

    text: str
    markers: tuple[int, ...] = ()
    verdict: Verdict | None = None
    short_answer: tuple[int, int] | None = None  # offsets into ``text``, end exclusive
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage of how the answer came to be, for "How I searched"."""

    name: str  # condense, wait, retrieve, rerank, select, generate, cite, refuse
    detail: str
    milliseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A passage that was looked at for an answer, and what became of it: "cited", or why it was not."""

    passage: Passage
    kept: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewording:
    """What to ask instead: a heading of a document that speaks of something near the question.

    ``text`` is what to ask: the heading without number and markup, in one line. It is answered when it
    is asked. ``quote`` is the heading without a number before it, verbatim:
    ``text_of(version_id)[start:end] == quote``.
    """

    text: str
    quote: str
    doc_id: str
    version_id: int
    collection: str
    path: str
    page: int | None
    start: int
    end: int

    @property
    def name(self) -> str:
        """The last part of the path: what a person calls the document."""
        return last_part(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What lies outside the selection, and how many passages of it clear the bar (at least 1)."""

    collection: str
    passages: int
    document: str = ""  # name of one document of a collection of which others were selected

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.document or self.collection


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a person can do with "not in your documents": what was searched, and where to look next."""

    passages: int  # searched
    documents: int  # searched
    collections: tuple[str, ...] = ()  # that were selected whole, by name
    files: tuple[str, ...] = ()  # names of single documents that were selected; both empty: everything was
    unknown_words: tuple[str, ...] = ()  # of the question, in order: no document at all holds them
    nearest: tuple[Passage, ...] = ()  # at most three, best first, all below the bar
    elsewhere: tuple[Elsewhere, ...] = ()  # most passages first
    rewordings: tuple[Rewording, ...] = ()  # at most three, nearest first
    disabled: int = 0  # documents, where nothing was searched because of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The outcome of one question.

    ``abstained`` is an answer: nothing in the documents carries a reply; ``passages`` then holds the
    nearest ones, ``text`` says so and ``refusal`` (None otherwise) what else there is to say.
    ``failed`` carries the reason and the next step in ``notice``.
    """

    status: Status
    question: str
    query: str  # what was searched; differs from the question for a follow-up
    sentences: tuple[AnswerSentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    passages: tuple[Passage, ...] = ()  # best first; those that are cited are among them
    steps: tuple[Step, ...] = ()
    considered: tuple[Considered, ...] = ()  # every passage that was read, best first
    confidence: float = 0.0  # in [0, 1]; higher means surer that the documents answer the question
    generator: str = "built-in"  # or the model, for example "ollama:llama3.1"
    notice: str = ""  # what the reader must know: a fallback, a dropped mark, a failure and its remedy
    generation: int = 0  # of the index that answered
    refusal: Refusal | None = None

    @property
    def text(self) -> str:
        """The answer with its marks, for a terminal: ``Paris is the capital. [1]``"""
        return " ".join(
            " ".join([sentence.text, *(f"[{marker}]" for marker in sentence.markers)])
            for sentence in self.sentences
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One earlier turn of a conversation, oldest first in every list of turns."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An event while answering: what is being done now ("Searching 4,120 passages")."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An event while answering: the passages, before any text is written."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """An event while answering: text to append to what has been streamed so far."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The last event: the complete answer. Its sentences replace whatever was streamed."""

    answer: Answer


Event = Stage | Found | Delta | Done
