"""``python -m tests.bench.publishing``: what publishing one changed file costs, by the size of the index.

For each size an index of made-up files is built with made-up vectors (no model is loaded). Then one file
changes, again and again: the commit, the roll-forward of the lexical index, and the refresh of another
process's snapshot are timed, which is what stands between a changed file and the next answer. At the end
one file is removed and erased. Prints a table and one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from index.changes import EmbedderIdentity, NewVersion, PutDocument
from index.documents import ChunkSpan, ParsedDocument
from index.store import Store

DIM = 384
CHUNKS_A_FILE = 10
WORDS_A_CHUNK = 60
FILES_A_COMMIT = 200
EMBEDDER = EmbedderIdentity(fingerprint="made-up", name="made up", dim=DIM)
STEPS = ("publish", "refresh", "together", "checkpoint due?")


def main() -> None:
    """Measure every size and print the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.publishing", description=__doc__)
    parser.add_argument("--chunks", type=int, nargs="+", default=[1_000, 200_000], metavar="N")
    parser.add_argument("--repeat", type=int, default=20, metavar="N", help="changes a size (20)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON here")
    arguments = parser.parse_args()
    results = []
    for chunks in arguments.chunks:
        with tempfile.TemporaryDirectory(prefix="footnote-bench-") as folder:
            results.append(measure(Path(folder), chunks, arguments.repeat))
    print(f"{'chunks':>9}" + "".join(f"{name:>17}" for name in (*STEPS, "remove", "purge")))
    for row in results:
        cells = [row[name] for name in (*STEPS, "remove", "purge")]
        print(f"{row['chunks']:>9,}" + "".join(f"{1000 * cell:>14.1f} ms" for cell in cells))
    print(json.dumps(results))
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def measure(data: Path, chunks: int, repeat: int) -> dict[str, float]:
    """Medians in seconds for an index of this size."""
    chance = random.Random(chunks)
    vocabulary = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in ("ld", "rn", "st", "ve")]
    files = chunks // CHUNKS_A_FILE
    with Store.open(data) as writer, Store.open(data) as reader:
        for start in range(0, files, FILES_A_COMMIT):
            numbers = range(start, min(files, start + FILES_A_COMMIT))
            writer.publish(puts=[_file(n, vocabulary, chance) for n in numbers], embedder=EMBEDDER)
        writer.write_checkpoint()
        reader.refresh()
        reader.snapshot()
        taken: dict[str, list[float]] = {name: [] for name in STEPS}
        for _ in range(repeat):
            changed = _file(chance.randrange(files), vocabulary, chance)
            publish = _seconds(partial(writer.publish, puts=[changed], embedder=EMBEDDER))
            refresh = _seconds(reader.refresh)
            taken["publish"].append(publish)
            taken["refresh"].append(refresh)
            taken["together"].append(publish + refresh)
            taken["checkpoint due?"].append(_seconds(writer.write_checkpoint_if_due))
        row = writer.documents()[files // 2]
        remove = _seconds(lambda: writer.remove([row.doc_id]))
        purge = _seconds(lambda: writer.purge(undo_seconds=0))
        assert writer.status().passages == (files - 1) * CHUNKS_A_FILE
    return {
        "chunks": chunks,
        **{name: median(seconds) for name, seconds in taken.items()},
        "remove": remove,
        "purge": purge,
    }


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _file(number: int, vocabulary: list[str], chance: random.Random) -> PutDocument:
    passages = [" ".join(chance.choices(vocabulary, k=WORDS_A_CHUNK)) for _ in range(CHUNKS_A_FILE)]
    starts = np.cumsum([0] + [len(passage) + 1 for passage in passages])
    vectors = np.random.default_rng(chance.getrandbits(32)).normal(size=(CHUNKS_A_FILE, DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    text = "\n".join(passages)
    version = NewVersion(
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        recipe="bench",
        document=ParsedDocument(text=text),
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
