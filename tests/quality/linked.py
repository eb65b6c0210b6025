"""What looking up named things does to retrieval: ``python -m tests.quality.linked SET... --cache DIR``.

For several dense weights, without and with it: recall at 5, whether all relevant documents are among the
first five, nDCG@10, and milliseconds a search.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median

from index.embeddings import Embedder
from index.store import Store
from rag.build import build_embedder
from rag.condense import condense
from rag.evaluation import COLLECTION, opened_store
from rag.evaluation_sets import read_corpus, read_questions, read_relevance
from rag.examination import document_ids, document_scores
from rag.retrieval import HybridRetriever
from rag.scoring import Question, retrieval_scores, retrieval_values
from rag.settings import load_settings

_DEPTH = 40


def report(folder: Path, store: Store, embedder: Embedder, weights: Sequence[float], every: int) -> None:
    questions = read_questions(folder / "queries.jsonl")
    relevance = read_relevance(folder / "qrels.tsv")
    asked = [each for each in questions if each.question_id in relevance][::every]
    ids_of = document_ids(store, COLLECTION)
    for weight in weights:
        for links in (False, True):
            retriever = HybridRetriever(store=store, embedder=embedder, dense_weight=weight, links=links)
            run, milliseconds = searched(retriever, asked, ids_of)
            values = retrieval_values(relevance, run, [each.question_id for each in asked])
            scores = retrieval_scores(values)
            needed = fmean(
                set(relevance[each.question_id]) <= set(list(run[each.question_id])[:5]) for each in asked
            )
            print(
                f"{folder.name:<18} dense {weight:.1f} links {links!s:<5} R@5 {scores['R@5']:.3f}"
                f"  all in 5 {needed:.3f}  nDCG@10 {scores['nDCG@10']:.4f}  {median(milliseconds):.1f} ms",
                flush=True,
            )


def searched(
    retriever: HybridRetriever, questions: Sequence[Question], ids_of: Mapping[int, tuple[str, ...]]
) -> tuple[dict[str, dict[str, float]], list[float]]:
    """Score by document by question, best first, and the milliseconds of each search."""
    run: dict[str, dict[str, float]] = {}
    milliseconds: list[float] = []
    for question in questions:
        started = time.perf_counter()
        context = condense(question.text, question.history).context
        passages = retriever.search(question.text, k=_DEPTH, context=context)
        milliseconds.append(1000 * (time.perf_counter() - started))
        documents = document_scores(passages, ids_of)
        # By rank: passages that were moved up share a score.
        run[question.question_id] = {name: 1.0 / rank for rank, name in enumerate(documents, start=1)}
    return run, milliseconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--dense-weight", type=float, nargs="+", default=[0.4])
    parser.add_argument("--every", type=int, default=1, help="take every Nth question")
    given = parser.parse_args()
    settings = load_settings()
    embedder = build_embedder(settings)
    for folder in given.sets:
        documents = read_corpus(folder / "corpus.jsonl.gz")
        with opened_store(documents, settings, embedder, given.cache) as store:
            report(folder, store, embedder, given.dense_weight, given.every)


if __name__ == "__main__":
    main()
