"""What retrieval and the reader say of every question of an evaluation set, one JSON line a question.

    python -m tests.quality.collect SET --out FILE --cache DIR [--weights FILE | --folds DIR --rows FILE]

``tests.quality.mix`` fits the mixes on such files. With ``--folds`` each question is read by a reader
whose training did not see its article; see ``tests.quality.folds``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from index.embeddings import Embedder
from index.store import Store
from rag.answers import Passage
from rag.build import build_embedder
from rag.condense import condense
from rag.evaluation import COLLECTION, opened_store
from rag.evaluation_sets import read_corpus, read_questions, read_relevance
from rag.evidence import confidence_signals, read_sentences, wanted_words
from rag.examination import document_ids
from rag.reader.reading import WEIGHTS, Reader, Reading
from rag.reader.remembered import RememberingReader, identity_of
from rag.reader.weights import load_reader
from rag.rerank import text_of
from rag.retrieval import HybridRetriever
from rag.scoring import Question, normalised
from rag.settings import Settings, load_settings
from tests.quality.folds import fold_reader

READ = 10


def collected(
    question: Question,
    passages: Sequence[Passage],
    readings: Sequence[Reading],
    *,
    store: Store,
    ids_of: Mapping[int, tuple[str, ...]],
    relevant: Mapping[str, int],
    evidence: Mapping[str, str],
    query: str,
) -> dict[str, Any]:
    """One question with its passages and sentences, and which of them are right."""
    snapshot = store.snapshot()
    wanted = wanted_words(query, snapshot)
    by_id = {passage.chunk_id: reading for passage, reading in zip(passages, readings, strict=False)}
    found = read_sentences(query, passages, snapshot, by_id, wanted=wanted)
    golds = [gold for gold in (normalised(answer) for answer in question.answers) if gold]
    sentences = []
    for sentence in found:
        documents = ids_of.get(sentence.passage.version_id, ())
        shown = f" {normalised(sentence.text)} "
        marked = any(
            _share(evidence[document], sentence.text) >= 0.8 for document in documents if document in evidence
        )
        short = sentence.short_answer
        sentences.append(
            {
                "passage": sentence.passage.chunk_id,
                "signals": dict(sentence.signals),
                "holds": any(f" {gold} " in shown for gold in golds),
                "marked": marked,
                "right": any(document in relevant for document in documents),
                "text": sentence.text,
                "short": "" if short is None else sentence.text[short[0] : short[1]],
                "confidence": confidence_signals(query, sentence, wanted, snapshot),
            }
        )
    return {
        "id": question.question_id,
        "answerable": question.answerable,
        "kind": question.kind,
        "answers": question.answers,
        "passages": [
            {
                "chunk": passage.chunk_id,
                "documents": ids_of.get(passage.version_id, ()),
                "relevant": max(
                    (relevant.get(each, 0) for each in ids_of.get(passage.version_id, ())), default=0
                ),
                "fused": passage.fused,
                "cosine": passage.cosine,
                "answerable": reading.answerable,
                "span": reading.span_score,
            }
            for passage, reading in zip(passages, readings, strict=False)
        ],
        "tail": [list(ids_of.get(passage.version_id, ())) for passage in passages[len(readings) :]],
        "relevant": dict(relevant),
        "sentences": sentences,
    }


def add_similarities(line: dict[str, Any], query: str, embedder: Embedder) -> None:
    """The cosine of each sentence with the query among its signals."""
    if line["sentences"]:
        vectors = embedder.encode([sentence["text"] for sentence in line["sentences"]])
        for sentence, similarity in zip(
            line["sentences"], vectors @ embedder.encode_query(query), strict=True
        ):
            sentence["signals"]["similarity"] = float(similarity)


def _share(sentence: str, text: str) -> float:
    asked = normalised(sentence).split()
    held = set(normalised(text).split())
    return sum(word in held for word in asked) / len(asked) if asked else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--folds", type=Path, help="folder of the weights of each fold")
    parser.add_argument("--rows", type=Path, help="training rows that tell the fold of each article")
    parser.add_argument("--similarity", action="store_true", help="of each sentence too; takes as long again")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--every", type=int, default=1, help="take every Nth question")
    given = parser.parse_args()
    settings: Settings = load_settings()
    embedder = build_embedder(settings)
    rows = [json.loads(line) for line in (given.set / "queries.jsonl").open(encoding="utf-8")]
    questions = list(zip(read_questions(given.set / "queries.jsonl"), rows, strict=True))
    questions = questions[:: given.every][: given.limit]
    relevance = read_relevance(given.set / "qrels.tsv")
    if given.folds:
        reader: Reader = fold_reader(given.set, given.folds, given.rows, given.cache)
    else:
        weights = given.weights or WEIGHTS
        memory = given.cache / "readings.sqlite"
        reader = RememberingReader(
            load_reader(weights, compiled=given.cache / "compiled"), memory, identity=identity_of(weights)
        )
    documents = read_corpus(given.set / "corpus.jsonl.gz")
    with opened_store(documents, settings, embedder, given.cache) as store, given.out.open("w") as out:
        ids_of = document_ids(store, COLLECTION)
        if not ids_of:
            parser.error(f"{given.cache} holds no index of {given.set}: run footnote eval with --cache first")
        retriever = HybridRetriever(
            store=store,
            embedder=embedder,
            candidates=settings.retrieval.candidates,
            dense_weight=settings.retrieval.dense_weight,
        )
        with_similarity = embedder if given.similarity else None
        for number, (question, row) in enumerate(questions):
            condensed = condense(question.text, question.history)
            passages = retriever.search(question.text, k=40, context=condensed.context)
            readings = reader.read(condensed.query, [text_of(passage) for passage in passages[:READ]])
            evidence: dict[str, str] = {}
            for each in row.get("evidence") or ():
                evidence.setdefault(each["doc"], each["sentence"])
            line = collected(
                question,
                passages,
                readings,
                store=store,
                ids_of=ids_of,
                relevant=relevance.get(question.question_id, {}),
                evidence=evidence,
                query=condensed.query,
            )
            if with_similarity is not None:
                add_similarities(line, condensed.query, with_similarity)
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            if number % 100 == 0:
                print(f"{number} of {len(questions)}", flush=True)


if __name__ == "__main__":
    main()
