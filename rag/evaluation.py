"""Measuring the whole pipeline on an evaluation set: documents, questions, and what is known to be right.

A set is a folder with ``corpus.jsonl.gz`` (``id``, ``title``, ``text``), ``queries.jsonl`` (``id``,
``text``, ``answers``, ``answerable``, optional ``kind`` and ``history``) and ``qrels.tsv`` (question,
document, relevance). The documents go into an index of their own, the questions through the same
``Assistant`` that answers people, and the results into files that other scorers read too.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from index.documents import ParsedDocument
from index.errors import SourceError
from rag.answers import Answer, Passage, Turn
from rag.condense import condense
from rag.scoring import Outcome, Question, answer_scores, require_measures, retrieval_scores

if TYPE_CHECKING:
    from index.embeddings import Embedder
    from index.store import Store
    from rag.ask import Assistant
    from rag.settings import Settings

RUN_DOCUMENTS = 100  # per question in run.trec
RUN_PASSAGES = 200  # searched for them, because a document may hold several
COLLECTION = "Evaluation"

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much to measure. ``cache`` is a folder that keeps indexes between runs."""

    limit: int | None = None  # questions
    retrieval_only: bool = False
    cache: Path | None = None


def ignore(_stage: str, _done: int, _total: int) -> None:
    """For callers that show no progress."""


def run_evaluation(
    folder: Path,
    out: Path,
    *,
    settings: Settings,
    options: Options | None = None,
    embedder: Embedder | None = None,
    tell: Tell = ignore,
) -> dict[str, Any]:
    """Index the set, ask its questions, and write ``run.trec``, ``answers.jsonl`` and ``summary.json``.

    Args:
        out: Folder for the results, created when it is not there.
        embedder: One that is loaded already; by default the one of the settings.
        tell: Called with (stage, done, total).

    Returns:
        What ``summary.json`` holds.

    Raises:
        SourceError: The set is incomplete or not in the expected form.
        FootnoteError: ir-measures is not installed, or indexing or answering failed.
    """
    options = options or Options()
    require_measures()
    from rag.build import build_assistant, build_embedder

    questions = read_questions(folder / "queries.jsonl")[: options.limit]
    relevance = read_relevance(folder / "qrels.tsv")
    documents = read_corpus(folder / "corpus.jsonl.gz")
    embedder = embedder or build_embedder(settings)
    with _opened_store(documents, settings, embedder, options.cache) as store:
        started = time.perf_counter()
        left_out = _index(store, embedder, documents, settings, tell)
        indexing = time.perf_counter() - started
        assistant = build_assistant(settings, store, embedder)
        out.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        try:
            run, outcomes, milliseconds = _ask_all(store, assistant, questions, options, out, tell)
        finally:
            assistant.close()
        asking = time.perf_counter() - started
        status = store.status()
    summary: dict[str, Any] = {
        "set": folder.name,
        "questions": len(questions),
        "documents": len(documents),
        "not_indexed": left_out,
        "passages": status.passages,
        "model": embedder.name,
        "fingerprint": embedder.fingerprint,
        "settings": settings.model_dump(mode="json", include={"index", "retrieval", "answer", "generation"}),
        "seconds": {"index": round(indexing, 1), "questions": round(asking, 1)},
        "milliseconds": {
            "median": round(median(milliseconds), 1) if milliseconds else None,
            "p95": round(sorted(milliseconds)[int(0.95 * (len(milliseconds) - 1))], 1)
            if milliseconds
            else None,
        },
        "retrieval": retrieval_scores(relevance, run, [question.question_id for question in questions]),
        "answers": None if options.retrieval_only else answer_scores(outcomes),
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def summary_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """The summary as a table."""
    yield (
        f"{summary['set']}: {summary['questions']:,} questions over {summary['documents']:,} documents"
        f" ({summary['passages']:,} passages), {summary['model']}"
    )
    seconds, milliseconds = summary["seconds"], summary["milliseconds"]
    yield (
        f"index {seconds['index']} s · questions {seconds['questions']} s"
        f" · each {milliseconds['median']} ms (p95 {milliseconds['p95']} ms)"
    )
    if summary["not_indexed"]:
        yield f"{summary['not_indexed']:,} documents without text were not indexed"
    for part in ("retrieval", "answers"):
        if summary[part]:
            yield ""
            yield part
            for name, value in summary[part].items():
                yield f"  {name:<34} {_shown(value)}"


def _shown(value: object) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


# -- reading a set ---------------------------------------------------------------------------------


def read_corpus(path: Path) -> list[tuple[str, ParsedDocument]]:
    """The documents of a set with their ids, in order."""
    return [
        (row["id"], ParsedDocument(text=_clean(row["text"]), title=_clean(row.get("title") or "")))
        for row in _rows(path, ("id", "text"))
    ]


def read_questions(path: Path) -> list[Question]:
    """The questions of a set, in order."""
    return [
        Question(
            question_id=row["id"],
            text=row["text"],
            history=tuple(Turn(role=turn["role"], text=turn["text"]) for turn in row.get("history") or ()),
            answers=tuple(row.get("answers") or ()),
            answerable=row.get("answerable"),
            kind=row.get("kind") or "",
        )
        for row in _rows(path, ("id", "text"))
    ]


def read_relevance(path: Path) -> dict[str, dict[str, int]]:
    """Relevance by document by question; only relevant documents (> 0), only questions that have one."""
    relevance: dict[str, dict[str, int]] = {}
    with _read_errors_explained(path), path.open(encoding="utf-8") as lines:
        for line in lines:
            question, document, grade = line.rstrip("\n").split("\t")
            if int(grade) > 0:
                relevance.setdefault(question, {})[document] = int(grade)
    return relevance


def _rows(path: Path, needed: Sequence[str]) -> list[dict[str, Any]]:
    with _read_errors_explained(path):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        rows: list[dict[str, Any]] = [json.loads(line) for line in data.splitlines() if line.strip()]
        for row in rows:
            for name in needed:
                row[name]
        return rows


@contextmanager
def _read_errors_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as exc:
        raise SourceError(
            f"{path} does not exist.", hint="A set holds corpus.jsonl.gz, queries.jsonl and qrels.tsv."
        ) from exc
    except (OSError, EOFError, ValueError, KeyError, TypeError) as exc:
        raise SourceError(
            f"{path} is not in the expected form: {exc}", hint="footnote eval --help says what a set holds."
        ) from exc


def _clean(text: str) -> str:
    """What ``ParsedDocument`` promises of its text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return text.encode("utf-8", "replace").decode("utf-8")


# -- indexing --------------------------------------------------------------------------------------


@contextmanager
def _opened_store(
    documents: Sequence[tuple[str, ParsedDocument]],
    settings: Settings,
    embedder: Embedder,
    cache: Path | None,
) -> Iterator[Store]:
    """A store in a temporary folder, or the one that the cache keeps for these documents and settings."""
    from index.store import Store
    from rag.build import chunk_limits

    with tempfile.TemporaryDirectory(prefix="footnote-eval-") as temporary:
        folder = Path(temporary)
        if cache is not None:
            key = hashlib.sha256(f"{embedder.fingerprint}\n{chunk_limits(settings)!r}\n".encode())
            for document_id, document in documents:
                key.update(json.dumps([document_id, document.title, document.text]).encode())
            folder = cache / key.hexdigest()[:20]
            folder.parent.mkdir(parents=True, exist_ok=True)
        with Store.open(folder) as store:
            yield store


def _index(
    store: Store,
    embedder: Embedder,
    documents: Sequence[tuple[str, ParsedDocument]],
    settings: Settings,
    tell: Tell,
) -> int:
    """Bring the documents in; those that a cached index holds cost nothing. Returns how many could not be."""
    from index.ingest import IngestOptions, ingest_documents
    from rag.build import chunk_limits

    options = IngestOptions(
        limits=chunk_limits(settings),
        progress=lambda progress: tell("Indexing", progress.files_done, len(documents)),
    )
    report = ingest_documents(store, embedder, documents, collection=COLLECTION, options=options)
    return report.count("failed", "skipped")


# -- asking ----------------------------------------------------------------------------------------


def _ask_all(
    store: Store,
    assistant: Assistant,
    questions: Sequence[Question],
    options: Options,
    out: Path,
    tell: Tell,
) -> tuple[dict[str, dict[str, float]], list[Outcome], list[float]]:
    """Ask every question; the result files grow as it goes.

    Returns:
        Score by document by question; outcomes (none if only retrieval is measured); milliseconds
        a question took, the longer search for the run not counted when it was answered.
    """
    ids_of = _document_ids(store)
    run: dict[str, dict[str, float]] = {}
    outcomes: list[Outcome] = []
    milliseconds: list[float] = []
    answers_path = out / "answers.jsonl"
    answers_path.unlink(missing_ok=True)  # of an earlier run, which this one may not replace
    with (out / "run.trec").open("w", encoding="utf-8") as run_file:
        for number, question in enumerate(questions):
            tell("Questions", number, len(questions))
            started = time.perf_counter()
            if options.retrieval_only:
                query = condense(question.text, question.history).query
                passages = assistant.search(query, k=RUN_PASSAGES)
                milliseconds.append(1000 * (time.perf_counter() - started))
            else:
                answer = assistant.ask(question.text, question.history)
                milliseconds.append(1000 * (time.perf_counter() - started))
                passages = assistant.search(answer.query, k=RUN_PASSAGES)
                outcome = _outcome(store, question, answer)
                outcomes.append(outcome)
                with answers_path.open("a", encoding="utf-8") as answers_file:
                    answers_file.write(json.dumps(answer_row(outcome), ensure_ascii=False) + "\n")
            run[question.question_id] = ranking = document_scores(passages, ids_of)
            for rank, (document, score) in enumerate(ranking.items(), start=1):
                # Tabs, because ids may hold spaces.
                fields = (question.question_id, "Q0", document, str(rank), repr(score), "footnote")
                run_file.write("\t".join(fields) + "\n")
        tell("Questions", len(questions), len(questions))
    return run, outcomes, milliseconds


def _document_ids(store: Store) -> dict[int, tuple[str, ...]]:
    """Ids of the documents that hold a version; documents with the same content share one."""
    rows = sorted(
        (row.version_id, row.path) for row in store.documents(COLLECTION) if row.version_id is not None
    )
    return {
        version: tuple(path for _, path in group) for version, group in groupby(rows, key=lambda row: row[0])
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


def _outcome(store: Store, question: Question, answer: Answer) -> Outcome:
    texts = {citation.version_id: store.text(citation.version_id) or "" for citation in answer.citations}
    return Outcome(
        question=question,
        answer=" ".join(sentence.text for sentence in answer.sentences)
        if answer.status == "answered"
        else "",
        refused=answer.status != "answered",
        failed=answer.status == "failed",
        confidence=float(answer.confidence),
        cited=tuple((citation.path, citation.quote) for citation in answer.citations),
        verbatim=sum(
            texts[citation.version_id][citation.start : citation.end] == citation.quote
            for citation in answer.citations
        ),
    )


def answer_row(outcome: Outcome) -> dict[str, object]:
    """One line of ``answers.jsonl``."""
    return {
        "id": outcome.question.question_id,
        "answer": outcome.answer,
        "refused": outcome.refused,
        "confidence": outcome.confidence,
        "citations": [{"doc": document, "quote": quote} for document, quote in outcome.cited],
    }
