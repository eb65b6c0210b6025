"""``python -m tests.bench.watch``: seconds from a save in a watched folder until the server finds it.

Everything is as in the server: the notifications, the indexing process with the real model, and the
thread that follows the index. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from index.analysis import query_terms
from rag.settings import load_settings
from tests.bench.texts import generated_texts
from ui.desk import Desk

WHOLE_TEXTS = 20  # the others are their first paragraph, so that the first run is not the benchmark
START_SECONDS = 3600.0
SAVE_SECONDS = 60.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--saves", type=int, default=10)
    arguments = parser.parse_args()
    # What was replaced is erased by a process that outlives the desk, and may still write here.
    with tempfile.TemporaryDirectory(prefix="footnote-bench-", ignore_cleanup_errors=True) as folder:
        print(json.dumps(measure(Path(folder), arguments.files, arguments.saves), indent=2))


def measure(work: Path, files: int, saves: int) -> dict[str, Any]:
    """Index a folder of made-up pages, then change one of them again and again.

    Returns:
        ``median_seconds``, all the ``seconds`` in order, and the ``embedded`` passages of each save.
    """
    documents = work / "documents"
    documents.mkdir()
    texts = generated_texts(files)
    for number, text in enumerate(texts):
        content = text.text if number >= files - WHOLE_TEXTS else text.text.split("\n\n")[0]
        (documents / f"{number:05}.txt").write_text(content, encoding="utf-8")
    desk = Desk(load_settings({"data": work / "data"}))
    try:
        desk.remove_samples()  # so that the first start does not bring them
        started = time.perf_counter()
        desk.start()
        desk.watch(documents)
        _wait(lambda: _idle(desk, files), START_SECONDS)
        first_run = time.perf_counter() - started
        desk.assistant.result(SAVE_SECONDS)
        seconds = [_save(desk, documents / f"{files - 1 - at:05}.txt", at) for at in range(saves)]
        jobs = [job for job in desk.jobs.recent(saves) if job.kind == "update"]
        embedded = [sum(line.embedded for line in job.outcomes) for job in reversed(jobs)]
    finally:
        desk.close()
    return {
        "files": files,
        "first_run_seconds": round(first_run, 1),
        "median_seconds": round(median(seconds), 3),
        "seconds": [round(each, 3) for each in seconds],
        "embedded": embedded,
    }


def _idle(desk: Desk, files: int) -> bool:
    return not desk.indexer.pending and len(desk.store.documents()) == files


def _save(desk: Desk, file: Path, number: int) -> float:
    word = f"zyzzyva{number}"
    text = f"{file.read_text(encoding='utf-8')}\n\nThe {word} is a beetle of the tropics."
    query = query_terms(word, ["en"])
    file.write_text(text, encoding="utf-8")
    started = time.perf_counter()
    _wait(lambda: bool(desk.store.snapshot().lexical(query, 1)), SAVE_SECONDS)
    found_after = time.perf_counter() - started
    _wait(lambda: not desk.indexer.pending, SAVE_SECONDS)
    time.sleep(0.5)  # a person does not save the next file at once
    return found_after


def _wait(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
