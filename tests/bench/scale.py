"""``python -m tests.bench.scale``: what publishing a change and a search cost, by the size of the index.

For each size an index of files is built, English words in no order, with made-up vectors. Then one file
changes, again and again: the commit, the roll-forward of the lexical index, and the refresh of another
process's snapshot are timed, which is what stands between a changed file and the next answer. Then
questions are searched: embedding with the real model, both searches, fusion; the nearest ten are
compared with exact ones. At the end one file is removed and erased. Prints a table and one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from index.changes import EmbedderIdentity, NewVersion, PutDocument
from index.derived import current_embedder, vectors_since
from index.documents import ChunkSpan, ParsedDocument
from index.embeddings import Embedder, packaged_tokenizer
from index.health import health_of
from index.store import Store
from rag.build import build_embedder
from rag.retrieval import HybridRetriever
from rag.settings import load_settings

DIM = 384
CHUNKS_A_FILE = 10
PASSAGES = 6
WORDS_A_CHUNK = 60
FILES_A_COMMIT = 200
EMBEDDER = EmbedderIdentity(fingerprint="made-up", name="made up", dim=DIM)
STEPS = ("publish", "refresh", "together", "checkpoint due?", "search")
QUESTIONS = 60
NEAREST = 10


def main() -> None:
    """Measure every size and print the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument("--chunks", type=int, nargs="+", default=[1_000, 200_000], metavar="N")
    parser.add_argument("--repeat", type=int, default=20, metavar="N", help="changes a size (20)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON here")
    arguments = parser.parse_args()
    results = []
    for chunks in arguments.chunks:
        with tempfile.TemporaryDirectory(prefix="footnote-bench-") as folder:
            results.append(measure(Path(folder), chunks, arguments.repeat))
    names = (*STEPS, "search p95", "remove", "purge")
    print(f"{'chunks':>9}" + "".join(f"{name:>17}" for name in names) + f"{'recall@10':>11}")
    for row in results:
        cells = "".join(f"{1000 * row[name]:>14.1f} ms" for name in names)
        print(f"{row['chunks']:>9,}{cells}{row['recall']:>11.3f}")
    print(json.dumps(results))
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def measure(data: Path, chunks: int, repeat: int) -> dict[str, float]:
    """Medians in seconds for an index of this size."""
    chance = random.Random(chunks)
    words = Words(chance)
    files = chunks // CHUNKS_A_FILE
    with Store.open(data) as writer, Store.open(data) as reader:
        for start in range(0, files, FILES_A_COMMIT):
            numbers = range(start, min(files, start + FILES_A_COMMIT))
            writer.publish(puts=[_file(n, words, chance) for n in numbers], embedder=EMBEDDER)
        writer.write_checkpoint()
        reader.refresh()
        reader.snapshot()
        taken: dict[str, list[float]] = {name: [] for name in STEPS}
        for _ in range(repeat):
            changed = _file(chance.randrange(files), words, chance)
            publish = _seconds(partial(writer.publish, puts=[changed], embedder=EMBEDDER))
            refresh = _seconds(reader.refresh)
            taken["publish"].append(publish)
            taken["refresh"].append(refresh)
            taken["together"].append(publish + refresh)
            taken["checkpoint due?"].append(_seconds(writer.write_checkpoint_if_due))
        searches, recall = _searched(reader, words)
        taken["search"] = searches
        row = writer.documents()[files // 2]
        remove = _seconds(lambda: writer.remove([row.doc_id]))
        purge = _seconds(lambda: writer.purge(undo_seconds=0))
        assert writer.status().passages == (files - 1) * CHUNKS_A_FILE
    return {
        "chunks": chunks,
        **{name: median(seconds) for name, seconds in taken.items()},
        "search p95": sorted(searches)[int(0.95 * (len(searches) - 1))],
        "recall": recall,
        "remove": remove,
        "purge": purge,
    }


class Words:
    """English words in no order, used as unevenly as those of a language are.

    Those that the model's tokenizer knows whole: a made-up word is cut into three or four tokens, and a
    question of such words takes twice as long to embed as one that a person asks.
    """

    def __init__(self, chance: random.Random) -> None:
        known = sorted(word for word in packaged_tokenizer().get_vocab() if word.isascii() and word.isalpha())
        self._words = [word for word in known if len(word) > 2]
        self._weights = list(itertools.accumulate(1 / rank for rank in range(1, len(self._words) + 1)))
        self._chance = chance
        chance.shuffle(self._words)

    def some(self, count: int) -> str:
        return " ".join(self._chance.choices(self._words, cum_weights=self._weights, k=count))


class Renamed(Embedder):
    """The real model under the name of the made-up vectors; a question takes as long as it takes."""

    def __init__(self, model: Embedder) -> None:
        self._model = model
        self.name, self.fingerprint = EMBEDDER.name, EMBEDDER.fingerprint
        self.dim, self.max_tokens = model.dim, model.max_tokens

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._model.encode(texts)

    def encode_query(self, query: str) -> NDArray[np.float32]:
        return self._model.encode_query(query)

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        return self._model.token_spans(text)


def _searched(store: Store, words: Words) -> tuple[list[float], float]:
    """Seconds a search, and the share of the exact nearest ten that the dense index finds."""
    embedder = Renamed(build_embedder(load_settings({"data": store.data})))
    retriever = HybridRetriever(store=store, embedder=embedder)
    questions = [f"What is {words.some(6)}?" for _ in range(QUESTIONS)]
    for question in questions[:5]:
        retriever.search(question, k=PASSAGES)
    seconds = [_seconds(partial(retriever.search, question, k=PASSAGES)) for question in questions]
    with store.catalog.reading() as connection:
        stored = current_embedder(connection)
        assert stored is not None
        ids, vectors = vectors_since(connection, 0, stored)
    found = 0
    for question in questions:
        vector = embedder.encode_query(question)
        exact = ids[np.argsort(-(vectors @ vector), kind="stable")[:NEAREST]]
        found += len(set(exact.tolist()) & {each for each, _ in store.snapshot().dense(vector, NEAREST)})
    return seconds, found / (NEAREST * len(questions))


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _file(number: int, words: Words, chance: random.Random) -> PutDocument:
    passages = [words.some(WORDS_A_CHUNK) for _ in range(CHUNKS_A_FILE)]
    starts = np.cumsum([0] + [len(passage) + 1 for passage in passages])
    vectors = np.random.default_rng(chance.getrandbits(32)).normal(size=(CHUNKS_A_FILE, DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    text = "\n".join(passages)
    version = NewVersion(
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        recipe="bench",
        document=ParsedDocument(text=text),
        health=health_of(ParsedDocument(text=text)),
        language="en",
        chunks=tuple(
            ChunkSpan(start=int(start), end=int(start) + len(passage))
            for start, passage in zip(starts, passages, strict=False)
        ),
        text_hashes=tuple(hashlib.sha256(passage.encode()).digest() for passage in passages),
        vectors=vectors.astype(np.float32),
    )
    return PutDocument(
        collection="Documents",
        path=f"/files/{number:07}.txt",
        origin="folder",
        content_hash=version.content_hash,
        size=len(text),
        version=version,
    )


if __name__ == "__main__":
    main()
