"""``python -m tests.bench``: how fast Footnote is, beside the plain recipe over the same texts in one run.

Measures ingest (chunks a second, peak memory), questions (median and 95th percentile) and cold
starts (medians): ``--help``, the first page, the first answer. Prints a table and one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.child import in_child
from tests.bench.figures import spread
from tests.bench.texts import generated_texts, made_up_questions, questions_from_set, texts_from_corpus

ROOT = Path(__file__).resolve().parents[2]
PAGE_SECONDS = 60.0


def main() -> None:
    """Run everything and print it."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as folder:
        results = measure(Path(folder), arguments)
    for line in table(results):
        print(line)
    print(json.dumps(results))
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").strip())
    parser.add_argument(
        "--corpus", type=Path, metavar="FILE", help="corpus.jsonl.gz; by default seeds and made-up pages"
    )
    parser.add_argument("--questions", type=Path, metavar="FILE", help="queries.jsonl; by default made up")
    parser.add_argument("--documents", type=int, default=400, metavar="N", help="how many at most (400)")
    parser.add_argument("--asked", type=int, default=50, metavar="N", help="how many questions (50)")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="cold starts of each kind (5)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON here")
    return parser.parse_args()


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All measurements, each in a process of its own, one after the other."""
    texts = (
        texts_from_corpus(arguments.corpus, arguments.documents)
        if arguments.corpus
        else generated_texts(arguments.documents)
    )
    questions = (
        questions_from_set(arguments.questions, arguments.asked)
        if arguments.questions
        else made_up_questions(texts, arguments.asked)
    )
    texts_file, questions_file = folder / "texts.json", folder / "questions.json"
    texts_file.write_text(json.dumps([asdict(text) for text in texts]), encoding="utf-8")
    questions_file.write_text(json.dumps(questions), encoding="utf-8")
    data, plain = folder / "data", folder / "plain"
    plain.mkdir()

    results: dict[str, Any] = {"documents": len(texts), "questions": len(questions), "cores": os.cpu_count()}
    results["ingest"] = {
        "ours": in_child("ours-ingest", texts_file, data),
        "plain": in_child("plain-ingest", texts_file, plain),
    }
    ours = in_child("ours-questions", questions_file, data)
    results["milliseconds"] = {
        "ours answer": spread(ours["answer"]),
        "ours search": spread(ours["search"]),
        "plain search": spread(in_child("plain-questions", questions_file, plain)["search"]),
    }
    footnote = [sys.executable, "-m", "ui"]
    child = [sys.executable, "-m", "tests.bench.child"]
    results["cold_start_seconds"] = {
        "footnote --help": _cold([*footnote, "--help"], arguments.repeat),
        "footnote status": _cold([*footnote, "status", "--data", str(data)], arguments.repeat),
        "first page": median(_first_page(folder / f"page-{number}") for number in range(arguments.repeat)),
        "first answer": _cold([*footnote, "ask", questions[0], "--data", str(data)], arguments.repeat),
        "plain first passage": _cold([*child, "plain-first", questions[0], str(plain)], arguments.repeat),
    }
    return results


def table(results: dict[str, Any]) -> list[str]:
    """The results for people."""
    lines = [
        f"{results['documents']:,} documents, {results['questions']} questions, {results['cores']} cores",
        "",
    ]
    lines.append(
        f"{'ingest':<22}{'chunks':>8}{'seconds':>9}{'chunks/s':>10}{'kchars/s':>10}{'peak MB':>9}{'child':>7}"
    )
    for name, row in results["ingest"].items():
        rates = f"{row['chunks'] / row['seconds']:>10.1f}{row['chars'] / row['seconds'] / 1000:>10.1f}"
        lines.append(
            f"{name:<22}{row['chunks']:>8,}{row['seconds']:>9.1f}{rates}{row['peak_bytes'] / 1e6:>9.0f}"
            f"{row['child_peak_bytes'] / 1e6:>7.0f}"
        )
    lines += ["", f"{'milliseconds':<22}{'median':>8}{'p95':>9}"]
    lines += [
        f"{name:<22}{row['median']:>8.1f}{row['p95']:>9.1f}" for name, row in results["milliseconds"].items()
    ]
    lines += ["", f"{'cold start':<22}{'seconds':>8}"]
    lines += [f"{name:<22}{seconds:>8.2f}" for name, seconds in results["cold_start_seconds"].items()]
    return [*lines, ""]


def _cold(command: list[str], repeat: int) -> float:
    """Median seconds from the start of a process to its end."""
    seconds = []
    for _ in range(repeat):
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - started)
    return median(seconds)


def _first_page(data: Path) -> float:
    """Seconds from the start of the server, on an empty data folder, to the first whole page."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    command = [sys.executable, "-m", "ui", "serve", "--no-browser", "--port", str(port), "--data", str(data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            while time.perf_counter() - started < PAGE_SECONDS and server.poll() is None:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PAGE_SECONDS) as page:
                        page.read()
                        return time.perf_counter() - started
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.02)
            raise RuntimeError("the server did not show its page")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
