"""The ask story: condense → retrieve → select → abstain or answer → cite."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from index.errors import FootnoteError
from rag.answers import (
    Answer,
    AnswerSentence,
    Citation,
    Delta,
    Done,
    Event,
    Found,
    Passage,
    Stage,
    Step,
    Turn,
)
from rag.asked import asked
from rag.citations import CitationResolver, claims_in
from rag.composition import answer_from
from rag.condense import condense
from rag.evidence import Evidence, EvidenceSelector
from rag.prompts import INSTRUCTIONS, says_not_found, user_message

if TYPE_CHECKING:
    from index.snapshot import Snapshot
    from index.store import Store
    from rag.llm import LanguageModel
    from rag.retrieval import HybridRetriever

MOST_QUESTION_CHARS = 8_000


def never() -> bool:
    """The default for ``stopped``: nobody stops."""
    return False


@dataclass(slots=True)
class _Run:
    """What one question has gathered so far: the answer in the making, and the clock of its steps."""

    answer: Answer
    passages: list[Passage] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    def step(self, name: str, detail: str) -> None:
        """Close the step that has been running since the last one."""
        now = time.perf_counter()
        done = Step(name=name, detail=detail, milliseconds=1000 * (now - self.started))
        self.answer = replace(self.answer, steps=(*self.answer.steps, done))
        self.started = now


class Assistant:
    """Answers questions from the documents of one store. Safe to use from several threads."""

    def __init__(
        self,
        *,
        store: Store,
        retriever: HybridRetriever,
        selector: EvidenceSelector,
        resolver: CitationResolver,
        passages: int,
        bar: float,
        model: LanguageModel | None = None,
    ) -> None:
        """Take ready parts (``build_assistant`` picks them).

        Args:
            passages: How many are shown and given to the model.
            bar: Confidence in [0, 1] below which there is no answer.
            model: None answers with quotes only.
        """
        self._store = store
        self._retriever = retriever
        self._selector = selector
        self._resolver = resolver
        self._passages = passages
        self._bar = bar
        self._model = model

    def search(self, query: str, k: int = 10) -> list[Passage]:
        """The ``k`` best passages for a query, best first.

        Raises:
            StoreError, EmbeddingError: The index or the embedding model cannot be used.
        """
        return self._retriever.search(query.encode("utf-8", "replace").decode("utf-8"), k=k)

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question: :meth:`stream` consumed to its end."""
        for event in self.stream(question, history):
            if isinstance(event, Done):
                return event.answer
        raise AssertionError("stream() ended without Done")

    def stream(
        self, question: str, history: Sequence[Turn] = (), *, stopped: Callable[[], bool] = never
    ) -> Iterator[Event]:
        """Answer a question, event by event; the last event is always ``Done``.

        Expected failures end in an answer too: when the language model fails, the documents are
        quoted instead and ``notice`` says why; when the index cannot be searched, the status is
        ``failed``.

        Args:
            history: Earlier turns, oldest first.
            stopped: Asked often; once it is true the answer ends as ``stopped``.
        """
        # An argument or a pasted text need not be Unicode; tokenisers and databases take nothing else.
        question = question.encode("utf-8", "replace").decode("utf-8").strip()
        run = _Run(answer=Answer(status="failed", question=question, query=question))
        try:
            yield from self._answer(run, question, history, stopped)
        except FootnoteError as error:
            run.answer = replace(run.answer, status="failed", notice=f"{error} {error.hint}")
        yield Done(answer=run.answer)

    def close(self) -> None:
        """Let go of the language model's connections and thread."""
        if self._model is not None:
            self._model.close()

    # -- the story -------------------------------------------------------------------------------

    def _answer(
        self, run: _Run, question: str, history: Sequence[Turn], stopped: Callable[[], bool]
    ) -> Iterator[Event]:
        """Run the stages; ``run.answer`` is complete when this ends."""
        if not question or len(question) > MOST_QUESTION_CHARS:
            run.answer = replace(run.answer, notice=_unusable(question))
            return

        condensed = condense(question, history)
        run.answer = replace(run.answer, query=condensed.query)
        run.step("condense", condensed.reason)

        snapshot = self._store.snapshot()
        run.answer = replace(run.answer, generation=snapshot.generation)
        yield Stage(name="retrieve", detail=f"Searching {snapshot.n_chunks:,} passages")
        passages = self._retriever.search(condensed.query, k=self._passages, snapshot=snapshot)
        run.answer = replace(run.answer, passages=tuple(passages))
        run.step("retrieve", f"{len(passages)} of {snapshot.n_chunks:,} passages")
        yield Found(passages=tuple(passages))
        if stopped():
            run.answer = replace(run.answer, status="stopped")
            return

        yield Stage(name="select", detail=f"Reading {len(passages)} passages")
        evidence = self._selector.select(condensed.query, passages, snapshot, carried=condensed.carried)
        run.answer = replace(run.answer, confidence=evidence.confidence)
        run.step("select", f"{len(evidence.sentences)} sentences, confidence {evidence.confidence:.2f}")

        if not evidence.sentences or evidence.confidence < self._bar:
            yield from self._abstain(run, evidence, snapshot)
        elif self._model is None:
            yield from self._quote(run, evidence)
        else:
            yield from self._write(run, question, history, evidence, snapshot, stopped)

    def _abstain(self, run: _Run, evidence: Evidence, snapshot: Snapshot) -> Iterator[Event]:
        sentences = tuple(AnswerSentence(text=text) for text in _refusal(evidence, snapshot))
        run.answer = replace(run.answer, status="abstained", sentences=sentences)
        yield Delta(text=run.answer.text)

    def _quote(self, run: _Run, evidence: Evidence) -> Iterator[Event]:
        """The built-in answer: sentences of the documents, word for word."""
        sentences, citations = answer_from(asked(run.answer.question), evidence.sentences)
        run.answer = replace(
            run.answer,
            status="answered",
            generator="built-in",
            sentences=sentences,
            citations=self._located(citations),
        )
        run.step("cite", _count(len(citations), "quote"))
        yield Delta(text=run.answer.text)

    def _write(
        self,
        run: _Run,
        question: str,
        history: Sequence[Turn],
        evidence: Evidence,
        snapshot: Snapshot,
        stopped: Callable[[], bool],
    ) -> Iterator[Event]:
        """The language model's answer, every sentence of it checked; quotes when the model fails."""
        assert self._model is not None
        passages = run.answer.passages
        yield Stage(name="generate", detail=f"Writing with {self._model.name}")
        message = user_message(question, run.answer.query, passages, history)
        written: list[str] = []
        cut = False
        try:
            for piece in self._model.stream(INSTRUCTIONS, message, stopped=stopped):
                cut = cut or piece.cut
                if piece.text:
                    written.append(piece.text)
                    yield Delta(text=piece.text)
        except FootnoteError as error:
            run.step("generate", f"{self._model.name} failed")
            notice = f"{error} Showing quotes from your documents instead. {error.hint}"
            run.answer = replace(run.answer, notice=notice)
            yield from self._quote(run, evidence)
            return
        text = "".join(written)
        run.step("generate", f"{len(text):,} characters by {self._model.name}")
        run.answer = replace(run.answer, generator=self._model.name)

        was_stopped = stopped()
        if not was_stopped and says_not_found(text):
            yield from self._abstain(run, evidence, snapshot)
            return
        if not was_stopped and not claims_in(text):
            notice = f"{self._model.name} wrote nothing. Showing quotes from your documents instead."
            run.answer = replace(run.answer, notice=notice)
            yield from self._quote(run, evidence)
            return

        yield Stage(name="cite", detail="Checking citations")
        resolved = self._resolver.resolve(text, passages, snapshot)
        run.answer = replace(
            run.answer,
            status="stopped" if was_stopped else "answered",
            sentences=resolved.sentences,
            citations=self._located(resolved.citations),
            notice=_notice(dropped=resolved.dropped, cut=cut),
        )
        run.step("cite", f"{_count(len(resolved.citations), 'citation')}, {resolved.dropped} dropped")

    def _located(self, citations: Sequence[Citation]) -> tuple[Citation, ...]:
        """The citations with the page and headings of their own first character.

        A passage may begin a page, or a section, earlier than the sentence in it that is cited.
        """
        documents = {
            version_id: self._store.parsed(version_id) for version_id in {c.version_id for c in citations}
        }
        return tuple(
            replace(
                citation,
                page=document.page_at(citation.start),
                heading_path=document.heading_path(citation.start),
            )
            if (document := documents[citation.version_id]) is not None
            else citation  # removed in this moment; what the passage said still holds
            for citation in citations
        )


def _unusable(question: str) -> str:
    if not question:
        return "There is no question. Type one and ask again."
    return f"The question is longer than {MOST_QUESTION_CHARS:,} characters. Shorten it and ask again."


def _refusal(evidence: Evidence, snapshot: Snapshot) -> list[str]:
    """What to say instead of an answer: one sentence, then what was searched and what is nowhere."""
    if not snapshot.n_chunks:
        return ["Nothing is indexed yet.", "Add documents and ask again."]
    searched = (
        f"Searched {_count(snapshot.n_chunks, 'passage')} of {_count(snapshot.n_documents, 'document')}."
    )
    sentences = ["Not in your documents.", searched]
    if evidence.unknown_words:
        sentences.append(f"Found in none of them: {', '.join(evidence.unknown_words)}.")
    return sentences


def _notice(*, dropped: int, cut: bool) -> str:
    parts: list[str] = []
    if dropped:
        parts.append(
            f"{_count(dropped, 'mark')} named no passage and {'was' if dropped == 1 else 'were'} left out."
        )
    if cut:
        parts.append("The model reached its length limit. Raise generation.max_tokens for longer answers.")
    return " ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
