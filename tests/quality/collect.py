"""What retrieval and the reader say of every question of an evaluation set, one JSON line a question.

    python -m tests.quality.collect SET --out FILE [--weights FILE | --folds DIR --fold-rows FILE]

``tests.quality.mix`` fits the mixes on such files. With ``--folds`` each question is read by the reader
whose training did not see its article: DIR holds ``fold-N.safetensors``, trained on all folds but N, and
``--fold-rows`` tells the fold of each article; a question about none of the articles gets any of them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from index.embeddings import Embedder
from index.store import Store
from rag.answers import Passage
from rag.build import build_embedder
from rag.condense import condense
from rag.evaluation import Options, read_corpus, read_questions, read_relevance
from rag.evaluation import _document_ids as document_ids
from rag.evaluation import _opened_store as opened_store
from rag.evidence import EvidenceSelector, confidence_signals
from rag.overlap import weighted_words
from rag.reader.reading import Reader, Reading
from rag.reader.weights import load_reader
from rag.rerank import text_of
from rag.retrieval import HybridRetriever
from rag.scoring import Question, normalised
from rag.settings import Settings, load_settings

READ = 10


def fold_of(question: Mapping[str, Any], folds: Mapping[str, int]) -> int:
    """The fold whose training did not see the article of a question; always the same one if none did."""
    article = str(question.get("source_doc") or "").partition("#")[0]
    return folds.get(article, zlib.crc32(str(question["id"]).encode()) % 4)


def collected(
    question: Question,
    passages: Sequence[Passage],
    readings: Sequence[Reading],
    *,
    selector: EvidenceSelector,
    store: Store,
    ids_of: Mapping[int, tuple[str, ...]],
    relevant: Mapping[str, int],
    evidence: Mapping[str, str],
    query: str,
) -> dict[str, Any]:
    """One question with its passages and sentences, and which of them are right."""
    snapshot = store.snapshot()
    wanted = weighted_words(query, snapshot)
    by_id = {passage.chunk_id: reading for passage, reading in zip(passages, readings, strict=False)}
    found = selector.candidates(query, passages, snapshot, wanted=wanted, readings=by_id)
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
    parser.add_argument("--folds", type=Path)
    parser.add_argument("--fold-rows", type=Path)
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
    readers: dict[int, Reader] = {}
    folds: dict[str, int] = {}
    if given.folds:
        with gzip.open(given.fold_rows, "rt", encoding="utf-8") as lines:
            folds = {row["title"]: row["fold"] for row in map(json.loads, lines)}
        readers = {fold: load_reader(given.folds / f"fold-{fold}.safetensors") for fold in range(4)}
    else:
        readers = {0: load_reader(given.weights) if given.weights else load_reader()}
    documents = read_corpus(given.set / "corpus.jsonl.gz")
    options = Options(cache=given.cache)
    with opened_store(documents, settings, embedder, options.cache) as store, given.out.open("w") as out:
        ids_of = document_ids(store)
        retriever = HybridRetriever(
            store=store,
            embedder=embedder,
            candidates=settings.retrieval.candidates,
            dense_weight=settings.retrieval.dense_weight,
        )
        selector = EvidenceSelector(embedder)
        with_similarity = embedder if given.similarity else None
        for number, (question, row) in enumerate(questions):
            query = condense(question.text, question.history).query
            passages = retriever.search(query, k=40)
            reader = readers[fold_of(row, folds) if folds else 0]
            readings = reader.read(query, [text_of(passage) for passage in passages[:READ]])
            evidence: dict[str, str] = {}
            for each in row.get("evidence") or ():
                evidence.setdefault(each["doc"], each["sentence"])
            line = collected(
                question,
                passages,
                readings,
                selector=selector,
                store=store,
                ids_of=ids_of,
                relevant=relevance.get(question.question_id, {}),
                evidence=evidence,
                query=query,
            )
            if with_similarity is not None:
                add_similarities(line, query, with_similarity)
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            if number % 100 == 0:
                print(f"{number} of {len(questions)}", flush=True)


if __name__ == "__main__":
    main()
