"""Measuring a person's own questions over their own index, with the assistant that answers them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.scan import typed_path
from rag.examination import (
    Examined,
    Options,
    Tell,
    Verdict,
    examine,
    ignore,
    timing,
    verdict_on,
    write_questions,
    write_summary,
)
from rag.feedback import OPINIONS, judge_feedback
from rag.own_questions import OwnQuestion, read_own_questions
from rag.scoring import Outcome, answer_scores, holds_any, mean

if TYPE_CHECKING:
    from index.rows import DocumentRow
    from index.store import Store
    from rag.ask import Assistant
    from rag.settings import Settings

FOUND, DOCUMENT, PAGE = "found@5", "document_cited", "page_cited"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """Where the answer to a question has to come from, as the index knows it."""

    own: OwnQuestion
    paths: frozenset[str]  # of the named documents that are indexed
    missing: tuple[str, ...]  # the named ones that are not
    without_pages: tuple[str, ...]  # paths of those that have none, although a page is named


def run_own_questions(
    file: Path,
    out: Path,
    *,
    settings: Settings,
    store: Store,
    assistant: Assistant,
    options: Options | None = None,
    tell: Tell = ignore,
) -> dict[str, Any]:
    """Ask the questions of a file over ``store`` and write the files of ``rag.examination`` into ``out``.

    Args:
        file: See ``rag.own_questions``; feedback from the page is such a file too.
        out: Created when it is not there.
        settings: Of this run, for the summary.
        tell: Called with (stage, done, total).

    Returns:
        What ``summary.json`` holds.

    Raises:
        SourceError: A line of the file cannot be used; nothing was asked or written then.
    """
    options = options or Options()
    questions = read_own_questions(file)[: options.limit]
    rows = [row for row in store.documents() if row.version_id is not None]
    expected = [_expected(own, rows) for own in questions]
    started = time.perf_counter()
    examined = examine(
        store,
        assistant,
        [own.question for own in questions],
        out,
        retrieval_only=options.retrieval_only,
        words=options.words,
        tell=tell,
    )
    asking = time.perf_counter() - started
    texts = _Texts(store, rows)
    verdicts = [_verdict(one, each, texts) for one, each in zip(expected, examined, strict=True)]
    write_questions(out, examined, verdicts, words=options.words)
    status = store.status()
    summary: dict[str, Any] = {
        "set": file.name,
        "questions": len(questions),
        "documents": status.documents,
        "passages": status.passages,
        "model": status.model_name,
        "fingerprint": status.fingerprint,
        "settings": settings.model_dump(mode="json", include={"index", "retrieval", "answer", "generation"}),
        "seconds": {"questions": round(asking, 1)},
        "milliseconds": timing(examined),
        "scores": _scores(expected, verdicts),
        "answers": _answers(examined, verdicts),
        "not_indexed": _not_indexed(expected),
        "without_pages": sorted({path for each in expected for path in each.without_pages}),
        "wrong": [
            {"id": each.question.question_id, "why": verdict.why, "text": each.question.text}
            for each, verdict in zip(examined, verdicts, strict=True)
            if verdict.right is False
        ],
    }
    write_summary(out, summary)
    return summary


def own_summary_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """The summary as a table, then what went wrong and what could not be checked."""
    yield (
        f"{summary['set']}: {summary['questions']:,} questions over {summary['documents']:,} documents"
        f" ({summary['passages']:,} passages), {summary['model']}"
    )
    yield f"each {summary['milliseconds']['median']} ms (p95 {summary['milliseconds']['p95']} ms)"
    yield ""
    for name, score in summary["scores"].items():
        if score["of"]:
            yield f"  {name:<34} {score['share']:.1%}  ({score['good']:,} of {score['of']:,})"
    if summary["not_indexed"]:
        yield ""
        yield "Not in the index, so these could not be found"
        for each in summary["not_indexed"]:
            yield f"  {each['document']}  ({', '.join(each['questions'])})"
    if summary["without_pages"]:
        yield ""
        yield "Without pages, so the page could not be checked"
        yield from (f"  {path}" for path in summary["without_pages"])
    if summary["wrong"]:
        yield ""
        yield "Wrong"
        for each in summary["wrong"]:
            yield f"  {each['id']}  {each['why']}  {' '.join(each['text'].split())}"


# -- which documents are meant ---------------------------------------------------------------------


def _expected(own: OwnQuestion, rows: Sequence[DocumentRow]) -> _Expected:
    versions: set[int | None] = set()
    missing: list[str] = []
    for name in own.documents:
        meant = documents_named(name, rows)
        versions |= {row.version_id for row in meant}
        if not meant:
            missing.append(name)
    # A copy of the file is as good: the index holds the content once, and may name either.
    paths = {row.path for row in rows if row.version_id in versions}
    without = {row.path for row in rows if own.pages and row.path in paths and not row.pages}
    return _Expected(
        own=own, paths=frozenset(paths), missing=tuple(missing), without_pages=tuple(sorted(without))
    )


def documents_named(name: str, rows: Sequence[DocumentRow]) -> list[DocumentRow]:
    """The documents that a person may mean by a file name, the end of a path, or a path.

    The whole path wins over its end; several documents of one name are all meant.
    """
    wanted = name.replace("\\", "/").strip("/")
    whole = [row for row in rows if row.path == name or row.path == str(typed_path(name))]
    if whole:
        return whole
    for fold in (str, str.casefold):
        ends = [row for row in rows if f"/{fold(_slashes(row.path))}".endswith(f"/{fold(wanted)}")]
        if ends:
            return ends
    return []


def _slashes(path: str) -> str:
    return path.replace("\\", "/").strip("/")


def _not_indexed(expected: Sequence[_Expected]) -> list[dict[str, Any]]:
    named: dict[str, list[str]] = {}
    for each in expected:
        for name in each.missing:
            named.setdefault(name, []).append(each.own.question.question_id)
    return [{"document": name, "questions": ids} for name, ids in sorted(named.items())]


# -- what was right --------------------------------------------------------------------------------


class _Texts:
    """The indexed texts of a path; the same path may be in several collections."""

    def __init__(self, store: Store, rows: Sequence[DocumentRow]) -> None:
        self._store = store
        self._rows = rows

    def __call__(self, path: str) -> list[str]:
        versions = {row.version_id for row in self._rows if row.path == path and row.version_id is not None}
        return [text for version in sorted(versions) if (text := self._store.text(version)) is not None]


def _verdict(expected: _Expected, examined: Examined, texts: _Texts) -> Verdict:
    """As for a set, but the named document and page have to be cited too, and feedback has its own rules."""
    own, outcome = expected.own, examined.outcome
    values: dict[str, float] = {}
    found = _found(expected, examined)
    if found is not None:
        values[FOUND] = float(found)
    if outcome is not None and own.question.answerable and (own.feedback is None or own.documents):
        values |= _cited(expected, outcome)
    verdict = verdict_on(examined, expected.paths, values)
    # Any one of the named documents will do, so a share of them means nothing.
    values = {name: value for name, value in verdict.values.items() if name != "citation_recall"}
    right, why = verdict.right, verdict.why
    if outcome is None:
        pass
    elif own.feedback is not None:
        right, why = judge_feedback(own.feedback, outcome, texts)
    elif right and own.question.answerable and own.documents and not expected.paths:
        # The words are there, or nothing but an answer was asked for; but never from that document.
        right, why = False, "not_found"
    elif right and values.get(PAGE, values.get(DOCUMENT)) == 0:
        right, why = False, "wrong_sentence"
    return Verdict(values=values, right=right, why=why, rank=verdict.rank)


def _found(expected: _Expected, examined: Examined) -> bool | None:
    """Whether one of the best passages is where, or holds what, the person said; None if they did not say."""
    own = expected.own
    if not own.question.answerable:
        return None
    if own.documents:
        return any(passage.path in expected.paths for passage in examined.top)
    if own.question.answers:
        return any(holds_any(passage.text, own.question.answers) for passage in examined.top)
    return None


def _cited(expected: _Expected, outcome: Outcome) -> dict[str, float]:
    """Whether the right document and the right page are cited; a refusal cites neither."""
    own = expected.own
    values: dict[str, float] = {}
    there = [each for each in outcome.cited if each.document in expected.paths or not own.documents]
    if own.documents:
        values[DOCUMENT] = float(bool(there))
    if own.pages and (not own.documents or expected.paths - set(expected.without_pages)):
        values[PAGE] = float(any(each.page in own.pages for each in there))
    return values


def _scores(expected: Sequence[_Expected], verdicts: Sequence[Verdict]) -> dict[str, dict[str, Any]]:
    """Each score as a share and as the two numbers behind it, for few questions make rough shares."""
    names = {
        FOUND: "found in the top 5",
        DOCUMENT: "right document cited",
        PAGE: "right page cited",
        "contains": "answer contains the right words",
        "refused[answerable]": "refused, although answerable",
        "refused[unanswerable]": "refused, as it should be",
    }
    scores = {
        label: _share([bool(each.values[name]) for each in verdicts if name in each.values])
        for name, label in names.items()
    }
    for opinion in OPINIONS:
        scores[f"feedback: {opinion.replace('_', ' ')}"] = _share(
            [
                bool(verdict.right)
                for one, verdict in zip(expected, verdicts, strict=True)
                if one.own.feedback is not None
                and one.own.feedback.verdict == opinion
                and verdict.right is not None
            ]
        )
    scores["all right"] = _share([verdict.right for verdict in verdicts if verdict.right is not None])
    return scores


def _share(good: Collection[bool]) -> dict[str, Any]:
    return {"share": mean(good), "good": sum(good), "of": len(good)}


def _answers(examined: Sequence[Examined], verdicts: Sequence[Verdict]) -> dict[str, Any] | None:
    outcomes = [each.outcome for each in examined if each.outcome is not None]
    return answer_scores(outcomes, [verdict.values for verdict in verdicts]) if outcomes else None
