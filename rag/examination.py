"""Putting questions to an assistant one by one, and writing down what it makes of them.

Four files grow in a folder: ``run.trec``, the documents found for each question; ``answers.jsonl``, the
answers with their citations; ``questions.jsonl``, one verdict for each question; ``summary.json``.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from index.catalog import translated
from rag.answers import Answer, Passage
from rag.condense import condense
from rag.scoring import Cited, Outcome, Question, answer_values, judge

if TYPE_CHECKING:
    from index.store import Store
    from rag.ask import Assistant

RUN_DOCUMENTS = 100  # per question in run.trec
RUN_PASSAGES = 200  # searched for them, because a document may hold several
TOP_PASSAGES = 5  # what a person looks at before giving up

RUN, ANSWERS, QUESTIONS, SUMMARY = "run.trec", "answers.jsonl", "questions.jsonl", "summary.json"

Tell = Callable[[str, int, int], None]


def ignore(_stage: str, _done: int, _total: int) -> None:
    """For callers that show no progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much to measure. ``cache`` is a folder that keeps indexes between runs."""

    limit: int | None = None  # questions
    first: int = 0  # of the questions, counted from 0
    every: int = 1  # take every so-manieth from the first one on
    retrieval_only: bool = False
    cache: Path | None = None
    words: bool = True  # of the documents in the results; without them there is no answers.jsonl


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One question and what came of it."""

    question: Question
    query: str  # what was searched
    ranking: Mapping[str, float]  # score by document id, best first
    top: tuple[Passage, ...]  # the best passages, best first
    milliseconds: float  # to the answer; the longer search for the ranking does not count
    outcome: Outcome | None  # None when only retrieval is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of one question in the end: measures by name, and whether all went right."""

    values: Mapping[str, float]
    right: bool | None  # None: nobody knows
    why: str  # one word, see ``judge``
    rank: int | None  # of the first relevant document, the first is 1; None if it was not found


def examine(
    store: Store,
    assistant: Assistant,
    questions: Sequence[Question],
    out: Path,
    *,
    collection: str | None = None,
    retrieval_only: bool = False,
    words: bool = True,
    tell: Tell = ignore,
) -> list[Examined]:
    """Ask every question; ``run.trec`` and ``answers.jsonl`` in ``out`` grow as it goes.

    Args:
        out: Created when it is not there; results of an earlier run in it are replaced.
        collection: Whose documents count; by default all.
        retrieval_only: Search, but do not answer.
        words: Whether the answers, which are words of the documents, are written down.
        tell: Called with (stage, done, total).

    Raises:
        StorageError: ``out`` cannot be written.
    """
    with translated(out):
        out.mkdir(parents=True, exist_ok=True)
        for name in (RUN, ANSWERS, QUESTIONS, SUMMARY):
            (out / name).unlink(missing_ok=True)  # of an earlier run, and this one may not write them all
    _append(out / RUN, [])  # it is there also when nothing is asked
    ids_of = document_ids(store, collection)
    examined: list[Examined] = []
    for number, question in enumerate(questions):
        tell("Questions", number, len(questions))
        started = time.perf_counter()
        outcome = None
        if retrieval_only:
            query = condense(question.text, question.history).query
            passages = assistant.search(question.text, k=RUN_PASSAGES, history=question.history)
            milliseconds = 1000 * (time.perf_counter() - started)
        else:
            answer = assistant.ask(question.text, question.history)
            milliseconds = 1000 * (time.perf_counter() - started)
            query = answer.query
            passages = assistant.search(question.text, k=RUN_PASSAGES, history=question.history)
            outcome = _outcome(store, question, answer, ids_of, milliseconds)
            if words:
                _append(out / ANSWERS, [_line(answer_row(outcome))])
        ranking = document_scores(passages, ids_of)
        _append(out / RUN, _run_lines(question, ranking))
        examined.append(
            Examined(
                question=question,
                query=query,
                ranking=ranking,
                top=tuple(passages[:TOP_PASSAGES]),
                milliseconds=milliseconds,
                outcome=outcome,
            )
        )
    tell("Questions", len(questions), len(questions))
    return examined


def verdict_on(
    examined: Examined, relevant: Collection[str], more: Mapping[str, float] | None = None
) -> Verdict:
    """Score one question.

    Args:
        examined: The question and its outcome.
        relevant: Ids of the relevant documents.
        more: Measures that were taken already.
    """
    rank = next((at for at, each in enumerate(examined.ranking, start=1) if each in relevant), None)
    values = dict(more or {})
    if examined.outcome is None:
        return Verdict(values=values, right=None, why="", rank=rank)
    values |= answer_values(examined.outcome, relevant)
    right, why = judge(examined.outcome, values, relevant)
    return Verdict(values=values, right=right, why=why, rank=rank)


def write_questions(
    out: Path, examined: Sequence[Examined], verdicts: Sequence[Verdict], *, words: bool = True
) -> None:
    """Write ``questions.jsonl``: for each question what was searched, found, answered, and how good it is.

    Args:
        words: Whether the short answers, which are words of the documents, are among it.

    Raises:
        StorageError: It cannot be written.
    """
    rows = [_question_row(each, verdict) for each, verdict in zip(examined, verdicts, strict=True)]
    _append(out / QUESTIONS, [_line(row if words else {**row, "short": ""}) for row in rows])


def write_summary(out: Path, summary: Mapping[str, Any]) -> None:
    """Write ``summary.json``.

    Raises:
        StorageError: It cannot be written.
    """
    _append(out / SUMMARY, [json.dumps(summary, indent=2) + "\n"])


def _append(path: Path, lines: Iterable[str]) -> None:
    with translated(path.parent), path.open("a", encoding="utf-8") as file:
        file.writelines(lines)


def _run_lines(question: Question, ranking: Mapping[str, float]) -> Iterator[str]:
    for rank, (document, score) in enumerate(ranking.items(), start=1):
        # Tabs, because ids may hold spaces.
        fields = (question.question_id, "Q0", _field(document), str(rank), repr(score), "footnote")
        yield "\t".join(fields) + "\n"


def timing(examined: Sequence[Examined]) -> dict[str, float | None]:
    """Median and 95th percentile (nearest rank) of the milliseconds of a question; None without questions."""
    times = sorted(each.milliseconds for each in examined)
    if not times:
        return {"median": None, "p95": None}
    return {"median": round(median(times), 1), "p95": round(times[math.ceil(0.95 * len(times)) - 1], 1)}


def answer_row(outcome: Outcome) -> dict[str, object]:
    """One line of ``answers.jsonl``."""
    return {
        "id": outcome.question.question_id,
        "answer": outcome.answer,
        "short": outcome.short,
        "refused": outcome.refused,
        "confidence": outcome.confidence,
        "citations": [{"doc": each.document, "quote": each.quote} for each in outcome.cited],
    }


def document_scores(passages: Sequence[Passage], ids_of: Mapping[int, tuple[str, ...]]) -> dict[str, float]:
    """Documents by the score of their best passage, best first, at most ``RUN_DOCUMENTS``.

    Args:
        passages: Best first.
        ids_of: Document ids by version.
    """
    scores: dict[str, float] = {}
    for passage in passages:
        for document in ids_of.get(passage.version_id, ()):
            scores.setdefault(document, passage.score)
    return dict(list(scores.items())[:RUN_DOCUMENTS])


def _question_row(examined: Examined, verdict: Verdict) -> dict[str, object]:
    question, outcome = examined.question, examined.outcome
    contains = verdict.values.get("contains")
    return {
        "id": question.question_id,
        "text": question.text,
        "query": examined.query,
        "answerable": question.answerable,
        "kind": question.kind,
        "status": outcome.status if outcome else None,
        "confidence": outcome.confidence if outcome else None,
        "rank": verdict.rank,
        "contains": None if contains is None else bool(contains),
        "short": outcome.short if outcome else "",
        "cited": list(dict.fromkeys(each.document for each in outcome.cited)) if outcome else [],
        "refused": outcome.refused if outcome else None,
        "right": verdict.right,
        "why": verdict.why,
        "milliseconds": round(examined.milliseconds, 1),
        "measures": dict(verdict.values),
    }


def _field(document: str) -> str:
    """A document id in a file of tab-separated lines; a path may hold tabs, and what UTF-8 cannot."""
    text = document.replace("\t", "\\t").replace("\r", "\\r").replace("\n", "\\n")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _line(row: Mapping[str, object]) -> str:
    """A row as JSON; the parts of it that are no Unicode, which a path can hold, as escapes."""
    text = json.dumps(row, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(row)
    return text + "\n"


def document_ids(store: Store, collection: str | None) -> dict[int, tuple[str, ...]]:
    """Ids of the documents that hold a version; documents with the same content share one."""
    rows = sorted(
        (row.version_id, row.path) for row in store.documents(collection) if row.version_id is not None
    )
    return {
        version: tuple(path for _, path in group) for version, group in groupby(rows, key=lambda row: row[0])
    }


def _outcome(
    store: Store,
    question: Question,
    answer: Answer,
    ids_of: Mapping[int, tuple[str, ...]],
    milliseconds: float,
) -> Outcome:
    texts = {citation.version_id: store.text(citation.version_id) or "" for citation in answer.citations}
    answered = answer.status == "answered"
    text = " ".join(sentence.text for sentence in answer.sentences) if answered else ""
    marked = [
        sentence.text[slice(*sentence.short_answer)]
        for sentence in answer.sentences
        if sentence.short_answer is not None
    ]
    read = [*answer.passages, *(each.passage for each in answer.considered)]
    return Outcome(
        question=question,
        answer=text,
        refused=not answered,
        status=answer.status,
        query=answer.query,
        short=marked[0] if answered and marked else text,
        sentences=len(answer.sentences) if answered else 0,
        confidence=float(answer.confidence),
        cited=tuple(
            Cited(
                document=citation.path,
                quote=citation.quote,
                start=citation.start,
                end=citation.end,
                page=citation.page,
                verbatim=texts[citation.version_id][citation.start : citation.end] == citation.quote,
            )
            for citation in answer.citations
        ),
        read=frozenset(path for passage in read for path in ids_of.get(passage.version_id, ())),
        milliseconds=milliseconds,
    )
