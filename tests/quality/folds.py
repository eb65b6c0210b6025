"""An evaluation in which no reader has seen the article that it is asked about.

    python -m tests.quality.folds SET --weights DIR --rows FILE --out DIR [--cache DIR]

DIR of the weights holds ``fold-N.safetensors``, trained on all folds of ``--rows`` but N
(``rag/reader/MODEL_CARD.md`` gives the commands). A question is read by the reader whose training left
its article out; one about none of the articles by any of them, but always the same.
"""

from __future__ import annotations

import argparse
import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from rag.evaluation import run_evaluation, summary_lines
from rag.examination import Options
from rag.reader.reading import Reader, Reading, Text
from rag.reader.remembered import RememberingReader, identity_of
from rag.reader.weights import load_reader
from rag.settings import load_settings


class FoldReader(Reader):
    """Hands each question to the reader that may read it."""

    def __init__(self, readers: Sequence[Reader], fold_of: Mapping[str, int]) -> None:
        """``fold_of`` gives the fold of each question, by its text."""
        self._readers = readers
        self._fold_of = fold_of

    def read(self, question: str, texts: Sequence[Text]) -> list[Reading]:
        return self._readers[self._fold_of[question]].read(question, texts)

    def close(self) -> None:
        for reader in self._readers:
            reader.close()


def fold_reader(folder: Path, weights: Path, rows: Path, cache: Path | None) -> FoldReader:
    """The reader for the questions of an evaluation set.

    Args:
        folder: The set; its questions name their article as ``source_doc``, ``<article>#<number>``.
        weights: Where the weights of each fold lie.
        rows: Training rows with the fold of each article.
        cache: Where readings are remembered.
    """
    with gzip.open(rows, "rt", encoding="utf-8") as lines:
        folds = {row["title"]: int(row["fold"]) for row in map(json.loads, lines)}
    readers: list[Reader] = []
    for fold in range(max(folds.values()) + 1):
        file = weights / f"fold-{fold}.safetensors"
        reader: Reader = load_reader(file, compiled=None if cache is None else cache / "compiled")
        if cache is not None:
            reader = RememberingReader(reader, cache / "readings.sqlite", identity=identity_of(file))
        readers.append(reader)
    questions = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]
    fold_of = {
        row["text"].strip(): folds.get(
            str(row.get("source_doc") or "").partition("#")[0], zlib.crc32(row["id"].encode()) % len(readers)
        )
        for row in questions
    }
    return FoldReader(readers, fold_of)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="take every Nth question from the first on")
    given = parser.parse_args()
    reader = fold_reader(given.set, given.weights, given.rows, given.cache)
    options = Options(first=given.first, every=given.every, cache=given.cache)
    summary = run_evaluation(given.set, given.out, settings=load_settings(), options=options, reader=reader)
    print("\n".join(summary_lines(summary)))


if __name__ == "__main__":
    main()
