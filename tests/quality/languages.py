"""One index with documents in many languages: ``python -m tests.quality.languages FOLDER [--every N]``.

The folder holds a set for each language (``de``, ``en`` …) with the same questions over the same documents,
as XQuAD has. All documents go into one index, and each question is asked in its own language: which documents
are found by both sides of the search together, by meaning alone, and by words alone; and the share of
questions whose language is told. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import fmean

from index.analysis import detect_language
from index.ingest import ingest_documents
from index.languages import language_name
from index.store import Store
from rag.build import build_embedder
from rag.evaluation import COLLECTION
from rag.evaluation_sets import read_corpus, read_questions, read_relevance
from rag.retrieval import HybridRetriever
from rag.scoring import retrieval_values
from rag.settings import load_settings

_DEPTH = 20
_SIDES = {"both": 0.4, "meaning": 1.0, "words": 0.0}  # and their share of meaning


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every Nth question")
    given = parser.parse_args()
    sets = sorted(path for path in given.folder.iterdir() if (path / "corpus.jsonl.gz").is_file())
    embedder = build_embedder(load_settings())
    with tempfile.TemporaryDirectory() as data, Store.open(Path(data)) as store:
        for folder in sets:
            documents = [
                (f"{folder.name}/{name}", document)
                for name, document in read_corpus(folder / "corpus.jsonl.gz")
            ]
            ingest_documents(store, embedder, documents, collection=COLLECTION)
        print(f"{store.status().documents} documents, {store.status().passages} passages, {embedder.name}\n")
        print(f"| language | told | {' | '.join(f'nDCG@10 by {side}' for side in _SIDES)} |")
        print("|" + "---|" * (2 + len(_SIDES)))
        for folder in sets:
            relevance = read_relevance(folder / "qrels.tsv")
            questions = read_questions(folder / "queries.jsonl")
            asked = [each for each in questions if each.question_id in relevance][:: given.every]
            told = fmean(detect_language(question.text) == folder.name for question in asked)
            cells = [f"{told:.2f}"]
            for weight in _SIDES.values():
                retriever = HybridRetriever(store=store, embedder=embedder, dense_weight=weight)
                run = {
                    question.question_id: {
                        passage.path.removeprefix(f"{folder.name}/"): 1 / rank
                        for rank, passage in enumerate(retriever.search(question.text, k=_DEPTH), 1)
                    }
                    for question in asked
                }
                values = retrieval_values(relevance, run, list(run))
                cells.append(f"{fmean(each['nDCG@10'] for each in values.values()):.3f}")
            print(f"| {language_name(folder.name)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
