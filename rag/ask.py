"""The ask story: condense → retrieve → rerank → select → abstain or answer → cite."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
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
    Refusal,
    Stage,
    Step,
    Turn,
)
from rag.asked import asked
from rag.citations import CitationResolver, claims_in, located
from rag.composition import answer_from
from rag.condense import Condensed, condense
from rag.duplicates import fold_duplicates
from rag.errors import GenerationError
from rag.evidence import Evidence, EvidenceSelector
from rag.languages import weak_language_notice
from rag.line import Line
from rag.prompts import INSTRUCTIONS, says_not_found, user_message
from rag.refusal import Refuser, counted, listed, refusal_sentences
from rag.remarks import considered, model_notice, shown, unusable
from rag.suggestions import Span, Suggestion, suggest
from rag.table_rows import arranged

if TYPE_CHECKING:
    from index.embeddings import Embedder
    from index.scope import Scope
    from index.snapshot import Snapshot
    from index.store import Store
    from rag.llm import LanguageModel
    from rag.reader.reading import Reader
    from rag.rerank import Ranked, Reranker
    from rag.retrieval import HybridRetriever

NOTED_WAIT_SECONDS = 0.05  # a shorter one is no step of "How I searched"
WEAK = "Weak evidence: these words may not answer your question. Check them before you rely on them."


def never() -> bool:
    """The default for ``stopped``: nobody stops."""
    return False


@dataclass(slots=True)
class _Run:
    """What one question has gathered so far: the answer in the making, and the clock of its steps."""

    answer: Answer
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Since the last step ended."""
        return time.perf_counter() - self.started

    def step(self, name: str, detail: str) -> None:
        """Close the step that has been running since the last one."""
        now = time.perf_counter()
        done = Step(name=name, detail=detail, milliseconds=1000 * (now - self.started))
        self.answer = replace(self.answer, steps=(*self.answer.steps, done))
        self.started = now


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where is searched: the index as it is now, and what of it."""

    snapshot: Snapshot
    scope: Scope

    @property
    def described(self) -> str:
        """Such as "4,120 passages in Contracts"."""
        where = f" in {listed(self.scope.names)}" if self.scope.narrowed else ""
        return counted(self.scope.n_chunks, "passage") + where


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    """What the documents hold for a question."""

    snapshot: Snapshot
    ranked: Ranked
    evidence: Evidence
    refuse: Callable[[], Refusal]


class Assistant:
    """Answers questions from the documents of one store. Safe to use from several threads."""

    def __init__(
        self,
        *,
        store: Store,
        retriever: HybridRetriever,
        reranker: Reranker,
        selector: EvidenceSelector,
        resolver: CitationResolver,
        passages: int,
        bar: float,
        sure: float = 0.0,
        at_once: int = 2,
        model: LanguageModel | None = None,
        others: Mapping[str, LanguageModel] = MappingProxyType({}),
    ) -> None:
        """Take ready parts (``build_assistant`` picks them).

        Args:
            passages: How many are shown and given to the model.
            bar: Confidence in [0, 1] below which there is no answer.
            sure: Confidence in [0, 1] below which an answer says that its evidence is weak.
            at_once: How many questions are looked up at the same time; others wait for their turn.
            model: None answers with quotes only.
            others: By their names, for who asks for one of them.
        """
        self._store = store
        self._retriever = retriever
        self._reranker = reranker
        self._selector = selector
        self._resolver = resolver
        self._passages = passages
        self._bar = bar
        self._sure = sure
        self._model = model
        self._others = others
        self._line = Line(at_once)
        self._refuser = Refuser(
            store=store,
            retriever=retriever,
            reranker=reranker,
            selector=selector,
            passages=passages,
            bar=bar,
        )

    def search(
        self,
        question: str,
        k: int = 10,
        *,
        history: Sequence[Turn] = (),
        collections: frozenset[str] | None = None,
        documents: frozenset[str] | None = None,
    ) -> list[Passage]:
        """The ``k`` best passages for a question, best first.

        Args:
            history: Earlier turns, oldest first; what is searched is then what :meth:`ask` would search.
            collections: Names of collections to search.
            documents: Ids of single documents to search beside them. Both None: everything.

        Raises:
            UnknownCollectionError: A name in ``collections`` is not that of a collection.
            UnknownDocumentError: An id in ``documents`` is not that of a document.
            StoreError, EmbeddingError: The index or the embedding model cannot be used.
        """
        snapshot = self._store.snapshot(self.embedder.fingerprint)
        scope = self._store.scope(collections, snapshot, documents=documents)
        question = question.encode("utf-8", "replace").decode("utf-8")
        condensed = condense(question, history)
        wanted = max(k, self._reranker.reads)
        candidates = self._retriever.search(
            question, k=wanted, snapshot=snapshot, scope=scope, context=condensed.context
        )
        ranked = self._reranker.rank(condensed.query, candidates, snapshot, carried=condensed.carried)
        return list(ranked.passages[:k])

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        collections: frozenset[str] | None = None,
        documents: frozenset[str] | None = None,
    ) -> Answer:
        """Answer a question: :meth:`stream` consumed to its end."""
        for event in self.stream(question, history, collections=collections, documents=documents):
            if isinstance(event, Done):
                return event.answer
        raise AssertionError("stream() ended without Done")

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        collections: frozenset[str] | None = None,
        documents: frozenset[str] | None = None,
        model: str | None = None,
        stopped: Callable[[], bool] = never,
    ) -> Iterator[Event]:
        """Answer a question, event by event; the last event is always ``Done``.

        Expected failures end in an answer too: when the language model fails, the documents are
        quoted instead and ``notice`` says why; when the index cannot be searched, the status is
        ``failed``.

        Args:
            history: Earlier turns, oldest first.
            collections: Names of collections to answer from.
            documents: Ids of single documents to answer from beside them. Both None: from everything.
                What does not exist makes the answer fail.
            model: The name of one of the others, "" for the documents' own words; None as it is set.
            stopped: Asked often; once it is true the answer ends as ``stopped``.
        """
        # An argument or a pasted text need not be Unicode; tokenisers and databases take nothing else.
        question = question.encode("utf-8", "replace").decode("utf-8").strip()
        run = _Run(answer=Answer(status="failed", question=question, query=question))
        try:
            chosen = partial(self._store.scope, collections, documents=documents)
            yield from self._answer(run, question, history, chosen, self._writer(model), stopped)
        except FootnoteError as error:
            run.answer = replace(run.answer, status="failed", notice=f"{error} {error.hint}")
        yield Done(answer=run.answer)

    def suggest(
        self,
        answer: Answer,
        history: Sequence[Turn],
        *,
        shown: Sequence[Span] = (),
        collections: frozenset[str] | None = None,
        documents: frozenset[str] | None = None,
        stopped: Callable[[], bool] = never,
    ) -> tuple[Suggestion, ...]:
        """What could be asked next, at most three: each was asked, and would not be refused.

        Args:
            answer: The last one.
            history: The turns up to this answer, oldest first, itself included.
            shown: What earlier answers of the conversation cite.
            collections: As in :meth:`stream`; what is asked next is asked of the same.
            documents: Likewise.
            stopped: Asked between the candidates; once it is true there is no suggestion.

        Raises:
            StoreError, EmbeddingError, UnknownCollectionError, UnknownDocumentError: As for :meth:`search`.
        """
        snapshot = self._store.snapshot(self.embedder.fingerprint)
        scope = self._store.scope(collections, snapshot, documents=documents)

        def look(question: str) -> tuple[Citation, ...]:
            condensed = condense(question, history)
            candidates = self._retrieve(question, condensed, snapshot, scope)
            ranked = self._reranker.rank(condensed.query, candidates, snapshot, carried=condensed.carried)
            evidence = self._select(question, condensed, ranked, snapshot)
            if not self._answers(evidence):
                return ()
            return located(answer_from(asked(question), evidence.sentences)[1], self._store.parsed)

        asked_before = [turn.text for turn in history if turn.role == "user"]
        return suggest(answer, asked_before, self._store.parsed, look, shown=shown, stopped=stopped)

    @property
    def embedder(self) -> Embedder:
        """The embedding model, for another assistant to share."""
        return self._retriever.embedder

    @property
    def reader(self) -> Reader | None:
        """The reader, for another assistant to share."""
        return self._reranker.reader

    @property
    def crowded(self) -> bool:
        """Whether questions wait to be looked up, so that whoever has words already should give way."""
        return self._line.waiting > 0

    def retire(self) -> None:
        """Another assistant with the same embedding model and reader answers from now on.

        Answers that have begun here come to their end; then the language model is let go of.
        """
        for model in self._models:
            model.retire()

    def close(self) -> None:
        """Let go of threads, and of the language model's connections."""
        self._reranker.close()
        for model in self._models:
            model.close()

    @property
    def _models(self) -> list[LanguageModel]:
        return [*([self._model] if self._model is not None else []), *self._others.values()]

    def _writer(self, name: str | None) -> LanguageModel | None:
        """Who writes the answer; None: nobody, it is quoted."""
        if name is None:
            return self._model
        if not name:
            return None
        if name not in self._others:
            raise GenerationError(
                f"{name} is not one of the models that are set.",
                hint="Ask again with another one, or name it in generation.others.",
            )
        return self._others[name]

    # -- the story -------------------------------------------------------------------------------

    def _answer(
        self,
        run: _Run,
        question: str,
        history: Sequence[Turn],
        chosen: Callable[[Snapshot], Scope],
        model: LanguageModel | None,
        stopped: Callable[[], bool],
    ) -> Iterator[Event]:
        """Run the stages; ``run.answer`` is complete when this ends."""
        if problem := unusable(question):
            run.answer = replace(run.answer, notice=problem)
            return

        condensed = condense(question, history)
        run.answer = replace(run.answer, query=condensed.query)
        run.step("condense", condensed.reason)

        place = self._place(chosen)
        if self._line.full:
            yield Stage(name="wait", detail="Waiting for the questions before this one")
        else:
            read = " and reading the best" if self._reranker.reads else ""
            yield Stage(name="retrieve", detail=f"Searching {place.described}{read}")
        # Nothing is yielded in a turn: who reads the events may take their time, or ask something else.
        with self._line.turn(stopped) as come:
            if come and run.seconds > NOTED_WAIT_SECONDS:
                run.step("wait", "for the questions before this one")
                place = self._place(chosen)
            found = self._find(run, question, condensed, place, stopped) if come else None
            if found is not None:
                answers = self._answers(found.evidence)
                if not answers:
                    self._abstain(run, found)
                elif model is None:
                    self._quote(run, found)
        if found is None:
            run.answer = replace(run.answer, status="stopped")
            return
        yield Found(passages=run.answer.passages)
        if answers and model is not None:
            yield from self._write(run, question, history, found, model, stopped)
        else:
            yield Delta(text=run.answer.text)
        if run.answer.status == "answered" and found.evidence.confidence < self._sure:
            run.answer = replace(run.answer, notice=" ".join(filter(None, (WEAK, run.answer.notice))))
        foreign = weak_language_notice(question, self.embedder)
        run.answer = replace(run.answer, notice=" ".join(filter(None, (run.answer.notice, foreign))))
        run.answer = replace(
            run.answer,
            passages=shown(found.ranked, run.answer, most=self._passages),
            considered=considered(found.ranked, run.answer),
        )

    def _place(self, chosen: Callable[[Snapshot], Scope]) -> _Place:
        snapshot = self._store.snapshot(self.embedder.fingerprint)
        return _Place(snapshot=snapshot, scope=chosen(snapshot))

    def _find(
        self,
        run: _Run,
        question: str,
        condensed: Condensed,
        place: _Place,
        stopped: Callable[[], bool],
    ) -> _Findings | None:
        """Search, read what was found, and choose the evidence; None if it was stopped."""
        candidates = self._retrieve(question, condensed, place.snapshot, place.scope)
        passages = candidates[: self._passages]
        run.answer = replace(run.answer, generation=place.snapshot.generation, passages=passages)
        run.step("retrieve", f"{len(candidates)} of {place.described}")
        if stopped():
            return None

        snapshot = place.snapshot
        ranked = self._reranker.rank(condensed.query, candidates, snapshot, carried=condensed.carried)
        run.answer = replace(run.answer, passages=ranked.passages[: self._passages])
        if ranked.readings:
            run.step("rerank", f"{counted(len(ranked.readings), 'passage')} read")
        evidence = self._select(question, condensed, ranked, snapshot)
        run.answer = replace(run.answer, confidence=evidence.confidence)
        run.step("select", f"{len(evidence.sentences)} sentences, confidence {evidence.confidence:.2f}")
        refuse = partial(
            self._refuser.refuse,
            condensed.query,
            evidence,
            run.answer.passages,
            snapshot,
            place.scope,
            carried=condensed.carried,
        )
        return _Findings(snapshot=snapshot, ranked=ranked, evidence=evidence, refuse=refuse)

    def _answers(self, evidence: Evidence) -> bool:
        return bool(evidence.sentences) and evidence.confidence >= self._bar

    def _retrieve(
        self, question: str, condensed: Condensed, snapshot: Snapshot, scope: Scope
    ) -> tuple[Passage, ...]:
        wanted = max(self._passages, self._reranker.reads)
        return fold_duplicates(
            self._retriever.search(
                question, k=wanted, snapshot=snapshot, scope=scope, context=condensed.context
            )
        )

    def _select(self, question: str, condensed: Condensed, ranked: Ranked, snapshot: Snapshot) -> Evidence:
        return self._selector.select(
            condensed.query,
            ranked.passages,
            snapshot,
            carried=condensed.carried,
            read=ranked.sentences,
            factual=asked(question).kind in ("fact", "list"),
        )

    def _abstain(self, run: _Run, found: _Findings) -> None:
        refusal = found.refuse()
        sentences = tuple(AnswerSentence(text=text) for text in refusal_sentences(refusal))
        run.answer = replace(run.answer, status="abstained", sentences=sentences, refusal=refusal)
        offered = counted(len(refusal.rewordings), "rewording") if refusal.rewordings else "nothing near by"
        run.step("refuse", f"{offered} to offer")

    def _quote(self, run: _Run, found: _Findings) -> None:
        """The built-in answer: sentences of the documents, word for word."""
        question = run.answer.question
        wanted = asked(question)
        rows_in_place = arranged(question, wanted, found.evidence.sentences, self.embedder)
        sentences, citations = answer_from(wanted, rows_in_place)
        run.answer = replace(
            run.answer,
            status="answered",
            generator="built-in",
            sentences=sentences,
            citations=located(citations, self._store.parsed),
        )
        run.step("cite", counted(len(citations), "quote"))

    def _write(
        self,
        run: _Run,
        question: str,
        history: Sequence[Turn],
        found: _Findings,
        model: LanguageModel,
        stopped: Callable[[], bool],
    ) -> Iterator[Event]:
        """The language model's answer, every sentence of it checked; quotes when the model fails."""
        passages = run.answer.passages
        yield Stage(name="generate", detail=f"Writing with {model.name}")
        message = user_message(question, run.answer.query, passages, history)
        written: list[str] = []
        cut = False
        try:
            pieces = model.stream(INSTRUCTIONS, message, stopped=stopped, give_way=lambda: self.crowded)
            for piece in pieces:
                cut = cut or piece.cut
                if piece.text:
                    written.append(piece.text)
                    yield Delta(text=piece.text)
        except FootnoteError as error:
            run.step("generate", f"{model.name} failed")
            notice = f"{error} Showing quotes from your documents instead. {error.hint}"
            run.answer = replace(run.answer, notice=notice)
            self._quote(run, found)
            yield Delta(text=run.answer.text)
            return
        text = "".join(written)
        run.step("generate", f"{len(text):,} characters by {model.name}")
        run.answer = replace(run.answer, generator=model.name)

        was_stopped = stopped()
        if not was_stopped and says_not_found(text):
            self._abstain(run, found)
            yield Delta(text=run.answer.text)
            return
        if not was_stopped and not claims_in(text):
            notice = f"{model.name} wrote nothing. Showing quotes from your documents instead."
            run.answer = replace(run.answer, notice=notice)
            self._quote(run, found)
            yield Delta(text=run.answer.text)
            return

        yield Stage(name="cite", detail="Checking citations")
        resolved = self._resolver.resolve(text, passages, found.snapshot)
        run.answer = replace(
            run.answer,
            status="stopped" if was_stopped else "answered",
            sentences=resolved.sentences,
            citations=located(resolved.citations, self._store.parsed),
            notice=model_notice(dropped=resolved.dropped, cut=cut),
        )
        run.step("cite", f"{counted(len(resolved.citations), 'citation')}, {resolved.dropped} dropped")
