"""What a conversation does to retrieval: ``python -m tests.quality.follow_ups SET --cache DIR``.

The cache holds the index of the set (``footnote eval SET --cache DIR`` makes it). Printed is nDCG@10 of the
last turn alone, of the last turn with the user's turn before it always put behind it, of ``condense``, and
of the set's own rewrites where it has them, over

- all turns, those that have a history, and of these those that ``condense`` holds for leaning on earlier
  ones and those it does not;
- turns to which the set's rewrite adds no content word, and the other rewritten ones: what people held for
  standing alone, whatever is found for it;
- turns for which the last turn alone is at least as good as with the turn before it, and the others. This
  split is made by outcome, so the first half favours the last turn alone, and the second the turn before.

Then topics that change: first turns, and turns that stand alone for ``condense``, behind the histories of
other conversations.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from index.analysis import stem, stop_words, words
from index.embeddings import Embedder
from rag.answers import Passage, Turn
from rag.build import build_embedder
from rag.condense import condense
from rag.evaluation import COLLECTION, opened_store
from rag.evaluation_sets import read_corpus, read_questions, read_relevance
from rag.examination import document_ids, document_scores
from rag.reader.reading import WEIGHTS
from rag.reader.remembered import RememberingReader, identity_of
from rag.reader.weights import load_reader
from rag.rerank import Reranker
from rag.retrieval import HybridRetriever
from rag.scoring import Question, retrieval_values
from rag.settings import load_settings

_DEPTH = 40
_OTHER_HISTORIES = 3  # that each turn is put behind

# What is searched, and the turns before it.
Asked = tuple[str, Sequence[Turn]]
Search = Callable[[str, Sequence[Turn]], Sequence[Passage]]


class RememberingEmbedder(Embedder):
    """Embeds a query once: the ways of asking that are compared share most of theirs."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.name, self.fingerprint = embedder.name, embedder.fingerprint
        self.dim, self.max_tokens = embedder.dim, embedder.max_tokens
        self.encode_query = cache(embedder.encode_query)  # type: ignore[method-assign]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._embedder.encode(texts)

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        return self._embedder.token_spans(text)


def as_in_ask(retriever: HybridRetriever, reranker: Reranker) -> Search:
    """The search of ``Assistant.ask``."""

    def search(question: str, history: Sequence[Turn]) -> Sequence[Passage]:
        condensed = condense(question, history)
        passages = retriever.search(question, k=_DEPTH, context=condensed.context)
        snapshot = retriever.store.snapshot()
        return reranker.rank(condensed.query, passages, snapshot, carried=condensed.carried).passages

    return search


def measured(
    search: Search,
    asked: Mapping[str, Asked],
    relevance: Mapping[str, Mapping[str, int]],
    ids_of: Mapping[int, tuple[str, ...]],
) -> dict[str, float]:
    """nDCG@10 by question."""
    run: dict[str, dict[str, float]] = {}
    for name, (text, history) in asked.items():
        documents = document_scores(search(text, history), ids_of)
        # By rank: passages that were moved up share a score.
        run[name] = {document: 1.0 / rank for rank, document in enumerate(documents, start=1)}
    values = retrieval_values(relevance, run, list(asked))
    return {name: values[name]["nDCG@10"] for name in asked}


def ways_of_asking(questions: Sequence[Question], rewrites: Mapping[str, str]) -> dict[str, dict[str, Asked]]:
    """What each way asks for each question; rewrites only where there are some."""
    bare: dict[str, Asked] = {each.question_id: (each.text, ()) for each in questions}
    always: dict[str, Asked] = {
        each.question_id: (" ".join([each.text, *_asked(each.history)[-1:]]), ()) for each in questions
    }
    rule: dict[str, Asked] = {each.question_id: (each.text, each.history) for each in questions}
    rewritten: dict[str, Asked] = {name: (text, ()) for name, text in rewrites.items() if name in bare}
    return {"last turn": bare, "turn before": always, "condense": rule, "rewrite": rewritten}


def groups(
    questions: Sequence[Question],
    rewrites: Mapping[str, str],
    last: Mapping[str, float],
    before: Mapping[str, float],
) -> dict[str, list[str]]:
    """Ids of the questions of each group that is reported, see the top of this file."""
    later = [each for each in questions if each.history]
    rewritten = [each for each in later if each.question_id in rewrites]
    members = {
        "all turns": questions,
        "with a history": later,
        "  leaning": [each for each in later if _leans(each)],
        "  standing": [each for each in later if not _leans(each)],
        "  rewrite adds words": [each for each in rewritten if _adds(rewrites[each.question_id], each.text)],
        "  rewrite adds none": [
            each for each in rewritten if not _adds(rewrites[each.question_id], each.text)
        ],
        "  turn before helps": [each for each in later if before[each.question_id] > last[each.question_id]],
        "  turn before does not": [
            each for each in later if before[each.question_id] <= last[each.question_id]
        ],
    }
    return {name: [each.question_id for each in found] for name, found in members.items()}


def behind_another(questions: Sequence[Question], round_: int) -> dict[str, Asked]:
    """First turns and standing ones, each behind the history of a conversation that is not its own."""
    chosen = random.Random(round_)
    histories = [each for each in questions if each.history]
    moved: dict[str, Asked] = {}
    for each in questions:
        if not each.history or not _leans(each):
            other = chosen.choice([other for other in histories if _talk(other) != _talk(each)])
            moved[each.question_id] = (each.text, other.history)
    return moved


def _leans(question: Question) -> bool:
    return bool(condense(question.text, question.history).carried)


def _asked(history: Iterable[Turn]) -> list[str]:
    return [turn.text for turn in history if turn.role == "user"]


def _talk(question: Question) -> str:
    """The conversation that a turn belongs to: what its id begins with, up to the number of the turn."""
    return question.question_id.rpartition("<::>")[0]


def _adds(rewrite: str, text: str) -> bool:
    return bool(_content(rewrite) - _content(text))


def _content(text: str) -> set[str]:
    return {stem(word, "en") for word, _, _ in words(text) if word not in stop_words("en")}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--read", action="store_true", help="with the reader's opinion, as in an answer")
    given = parser.parse_args()
    settings = load_settings()
    embedder = RememberingEmbedder(build_embedder(settings))
    relevance = read_relevance(given.set / "qrels.tsv")
    rows = [json.loads(line) for line in (given.set / "queries.jsonl").open(encoding="utf-8")]
    rewrites = {row["id"]: row["rewrite"] for row in rows if row.get("rewrite") and row.get("history")}
    questions = [
        each for each in read_questions(given.set / "queries.jsonl") if each.question_id in relevance
    ]
    reader = None
    if given.read:
        reader = RememberingReader(
            load_reader(WEIGHTS, compiled=given.cache / "compiled"),
            given.cache / "readings.sqlite",
            identity=identity_of(WEIGHTS),
        )
    documents = read_corpus(given.set / "corpus.jsonl.gz")
    with opened_store(documents, settings, embedder, given.cache) as store:
        if not store.snapshot().n_chunks:
            parser.error(f"{given.cache} holds no index of this set; footnote eval --cache makes it.")
        ids_of = document_ids(store, COLLECTION)
        retriever = HybridRetriever(
            store=store,
            embedder=embedder,
            candidates=settings.retrieval.candidates,
            dense_weight=settings.retrieval.dense_weight,
        )
        reranker = Reranker(reader=reader, passages=settings.retrieval.read)
        search = as_in_ask(retriever, reranker)

        found = {
            way: measured(search, asked, relevance, ids_of)
            for way, asked in ways_of_asking(questions, rewrites).items()
        }
        print(f"{'nDCG@10':<26}{'turns':>6}" + "".join(f"{way:>13}" for way in found))
        for group, names in groups(questions, rewrites, found["last turn"], found["turn before"]).items():
            print(
                f"{group:<26}{len(names):>6}"
                + "".join(f"{_mean(each, names):>13}" for each in found.values())
            )

        rounds = [
            measured(search, behind_another(questions, round_), relevance, ids_of)
            for round_ in range(_OTHER_HISTORIES)
        ]
        first = {each.question_id for each in questions if not each.history}
        for group, names in (
            ("first turns", [name for name in rounds[0] if name in first]),
            ("standing turns", [name for name in rounds[0] if name not in first]),
        ):
            switched = fmean(each[name] for each in rounds for name in names)
            alone = _mean(found["last turn"], names)
            print(f"{group:<26}{len(names):>6}  alone {alone}, behind another conversation {switched:.4f}")
        reranker.close()


def _mean(values: Mapping[str, float], names: Sequence[str]) -> str:
    """Over the questions that were asked this way; a dash if one of them was not."""
    return f"{fmean(values[name] for name in names):.4f}" if names and values.keys() >= set(names) else "-"


if __name__ == "__main__":
    main()
