"""Measuring the whole pipeline on an evaluation set.

The documents of the set go into an index of their own, the questions through the same ``Assistant`` that
answers people, and the results into files that other scorers read too.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.documents import ParsedDocument
from rag.evaluation_sets import read_corpus, read_questions, read_relevance
from rag.examination import (
    Examined,
    Options,
    Tell,
    examine,
    ignore,
    timing,
    verdict_on,
    write_questions,
    write_summary,
)
from rag.scoring import answer_scores, mean, require_measures, retrieval_scores, retrieval_values

if TYPE_CHECKING:
    from index.embeddings import Embedder
    from index.store import Store
    from rag.reader.reading import Reader
    from rag.settings import Settings

COLLECTION = "Evaluation"


def run_evaluation(
    folder: Path,
    out: Path,
    *,
    settings: Settings,
    options: Options | None = None,
    embedder: Embedder | None = None,
    reader: Reader | None = None,
    tell: Tell = ignore,
) -> dict[str, Any]:
    """Index the set, ask its questions, and write the files of ``rag.examination`` into ``out``.

    Args:
        out: Folder for the results, created when it is not there.
        embedder: One that is loaded already; by default the one of the settings.
        reader: One that is loaded already; by default the one that ships, if the settings ask for it.
            With a cache its readings are kept there, and milliseconds then tell nothing.
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

    questions = read_questions(folder / "queries.jsonl")[options.first :: options.every][: options.limit]
    relevance = read_relevance(folder / "qrels.tsv")
    documents = read_corpus(folder / "corpus.jsonl.gz")
    embedder = embedder or build_embedder(settings)
    if reader is None and settings.retrieval.read:
        reader = _shipped_reader(settings, options.cache)
    with opened_store(documents, settings, embedder, options.cache) as store:
        started = time.perf_counter()
        left_out = _index(store, embedder, documents, settings, tell)
        indexing = time.perf_counter() - started
        assistant = build_assistant(settings, store, embedder, reader)
        started = time.perf_counter()
        try:
            examined = examine(
                store,
                assistant,
                questions,
                out,
                collection=COLLECTION,
                retrieval_only=options.retrieval_only,
                tell=tell,
            )
        finally:
            assistant.close()
        asking = time.perf_counter() - started
        status = store.status()
    retrieval = retrieval_values(
        relevance,
        {each.question.question_id: each.ranking for each in examined},
        [question.question_id for question in questions],
    )
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
        "milliseconds": timing(examined),
        "retrieval": retrieval_scores(retrieval),
    } | _scored(examined, relevance, retrieval, out)
    write_summary(out, summary)
    return summary


def _shipped_reader(settings: Settings, cache: Path | None) -> Reader:
    from rag.build import build_reader
    from rag.reader.reading import WEIGHTS
    from rag.reader.remembered import RememberingReader, identity_of

    reader = build_reader(settings)
    if cache is None:
        return reader
    return RememberingReader(reader, cache / "readings.sqlite", identity=identity_of(WEIGHTS))


def _scored(
    examined: Sequence[Examined],
    relevance: Mapping[str, Mapping[str, int]],
    retrieval: Mapping[str, Mapping[str, float]],
    out: Path,
) -> dict[str, Any]:
    """Judge every question, write ``questions.jsonl``, and give the scores of the answers."""
    verdicts = [
        verdict_on(
            each,
            relevance.get(each.question.question_id, {}),
            retrieval.get(each.question.question_id, {}),
        )
        for each in examined
    ]
    write_questions(out, examined, verdicts)
    outcomes = [each.outcome for each in examined if each.outcome is not None]
    if not outcomes:
        return {"answers": None}
    right = mean(verdict.right for verdict in verdicts if verdict.right is not None)
    return {"answers": answer_scores(outcomes, [verdict.values for verdict in verdicts]) | {"right": right}}


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


# -- indexing --------------------------------------------------------------------------------------


@contextmanager
def opened_store(
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
