"""``python -m tests.bench.documentation FOLDER...``: every file under some folders in one ingest.

The files are read by the real reader of documents and stored in a temporary data folder. Prints how many
ended in which state and for which cause, how long it took, how memory grew with the passages, the slowest
files, and a sample of the failures. A run that ``--minutes`` or Ctrl-C ends prints what it has.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from index.embeddings import Embedder
from index.ingest import IngestOptions, ingest_paths
from index.parsing import ParsedFile, Parser
from index.recognition import Recogniser, Recognition, find_recogniser
from index.report import Progress
from index.scan import FoundFile, scan
from index.store import Store
from rag.build import build_embedder, chunk_limits
from rag.settings import load_settings
from tests.fakes import WordCountEmbedder

SHOWN = 10
READINGS = 12  # of the memory, that are printed
SECONDS_BETWEEN = 10.0  # two readings
SAMPLED = 15
RSS_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss


class TimedParser(Parser):
    """Remembers how long each file took to read, and the most memory that a reader had.

    Linux tells it of a process that runs. What the system adds up of processes that ended is too much: each
    began as a copy of this one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = {}
        self.peak_bytes = 0

    def parse(
        self, path: Path, *, name: str | None = None, recognition: Recognition | None = None
    ) -> ParsedFile:
        started = time.perf_counter()
        try:
            return super().parse(path, name=name, recognition=recognition)
        finally:
            self.seconds[str(path)] = time.perf_counter() - started
            if self._child is not None:
                self.peak_bytes = max(self.peak_bytes, peak_of(self._child.pid))


def peak_of(pid: int) -> int:
    """The most resident bytes that a process ever had; 0 where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


@dataclass(frozen=True, slots=True)
class Reading:
    """Memory, in resident bytes, at a number of passages; ``mapped`` of those here are parts of files that
    the system takes back when it needs them (0 where it does not say)."""

    files: int
    passages: int
    here: int
    mapped: int
    readers: int


@dataclass(slots=True)
class Told:
    """Prints how far the run is and reads the memory, at most every ten seconds; says when to stop."""

    minutes: float
    started: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)
    readings: list[Reading] = field(default_factory=list)
    interrupted: bool = False

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self.last > SECONDS_BETWEEN:
            self.last = time.monotonic()
            self.read(progress.files_done, progress.passages_done)
            reading = self.readings[-1]
            print(
                f"… {progress.files_done:,} of {progress.files_total:,} files, {reading.passages:,} passages,"
                f" {self.last - self.started:,.0f} s, {reading.here / 1e6:,.0f} MB here,"
                f" {reading.readers / 1e6:,.0f} MB in a reader",
                file=sys.stderr,
                flush=True,
            )

    def read(self, files: int, passages: int) -> None:
        own = psutil.Process()
        readers = 0
        for child in own.children():
            with suppress(psutil.Error):  # it may just have ended
                readers += child.memory_info().rss
        held = own.memory_info()
        self.readings.append(Reading(files, passages, held.rss, getattr(held, "shared", 0), readers))

    def stop(self) -> bool:
        return self.interrupted or time.monotonic() - self.started > self.minutes * 60

    def interrupt(self, *_: object) -> None:
        self.interrupted = True


def main() -> None:
    """Ingest and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.documentation", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument(
        "--embedder",
        choices=("counting", "real"),
        default="counting",
        help="counting words costs next to nothing",
    )
    parser.add_argument(
        "--minutes", type=float, default=600.0, metavar="N", help="the run is stopped after that long (600)"
    )
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="only every Nth file, in the order of paths (1)"
    )
    parser.add_argument(
        "--recognise", action="store_true", help="read pictures and scans with the Tesseract that is here"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the sample of failures (0)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write all results here, as JSON")
    arguments = parser.parse_args()
    told = Told(arguments.minutes)
    signal.signal(signal.SIGINT, told.interrupt)
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as folder:
        results = measure(
            Path(folder),
            some_of(arguments.folders, arguments.every),
            real=arguments.embedder == "real",
            told=told,
            recogniser=find_recogniser() if arguments.recognise else None,
        )
        results |= {"folders": [str(folder) for folder in arguments.folders], "every": arguments.every}
    for line in table(results, random.Random(arguments.seed)):
        print(line)
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def some_of(folders: list[Path], every: int) -> list[Path]:
    """The folders themselves, or one file in so many below them."""
    if every == 1:
        return folders
    files = (item.path for folder in folders for item in scan(folder) if isinstance(item, FoundFile))
    return list(islice(files, 0, None, every))


def measure(
    data: Path, folders: list[Path], *, real: bool, told: Told, recogniser: Recogniser | None = None
) -> dict[str, Any]:
    """One ingest of everything under the folders, into an empty data folder."""
    settings = load_settings({"data": data})
    embedder: Embedder = build_embedder(settings) if real else WordCountEmbedder(("the", "file", "version"))
    started = time.perf_counter()
    with Store.open(data) as store, TimedParser() as parser:
        report = ingest_paths(
            store,
            embedder,
            parser,
            folders,
            options=IngestOptions(
                limits=chunk_limits(settings), progress=told, cancelled=told.stop, recogniser=recogniser
            ),
        )
        seconds = time.perf_counter() - started
        told.read(len(report.outcomes), report.passages)
        rows = store.documents()
        violations = store.check()
        reading, peak = dict(parser.seconds), parser.peak_bytes
    skipped = [line for line in report.outcomes if line.outcome == "skipped"]
    states = Counter(row.state for row in rows) + Counter(skipped=len(skipped))
    slowest = sorted(reading, key=lambda path: -reading[path])[:SHOWN]
    return {
        "folders": [str(folder) for folder in folders],
        "every": 1,
        "files": len(report.outcomes),
        "stopped": report.cancelled,
        "states": dict(states),
        "unaccounted": len(report.outcomes) - states.total(),
        "problems": dict(Counter(row.problem for row in rows if row.state == "failed").most_common()),
        "skipped_because": dict(Counter(line.reason for line in skipped).most_common(SHOWN)),
        "formats": dict(Counter(row.media_type for row in rows if row.media_type).most_common()),
        "megabytes": sum(row.size for row in rows) / 1e6,
        "pages": sum(row.pages for row in rows),
        "passages": report.passages,
        "seconds": seconds,
        "seconds_reading": sum(reading.values()),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_BYTES,
        "peak_bytes_of_a_reader": peak,
        "memory": [asdict(reading) for reading in told.readings],
        "slowest": [[path, reading[path]] for path in slowest],
        "partial": [[row.path, "", row.reason] for row in rows if row.state == "partial"],
        "failed": [[row.path, row.problem, row.reason] for row in rows if row.state == "failed"],
        "violations": violations,
    }


def table(results: dict[str, Any], chance: random.Random) -> list[str]:
    """The results for people."""
    folders = ", ".join(map(_shown, results["folders"]))
    lines = [
        f"{results['files']:,} files under {folders}"
        f"{'' if results['every'] == 1 else ', one in ' + str(results['every'])}; {os.cpu_count()} cores"
        f"{'; STOPPED before the end' if results['stopped'] else ''}",
        "",
    ]
    for title in ("states", "problems", "formats", "skipped_because"):
        lines.append(title.replace("_", " "))
        lines += [f"{number:>9,}  {word}" for word, number in results[title].items()]
    read = sum(number for state, number in results["states"].items() if state != "skipped")
    lines += [
        "",
        f"{results['seconds']:,.1f} s, of which {results['seconds_reading']:,.1f} s reading; "
        f"{read / results['seconds']:,.0f} files/s",
        f"{results['megabytes']:,.1f} MB, {results['pages']:,} pages, {results['passages']:,} passages",
        f"peak memory {results['peak_bytes'] / 1e6:,.0f} MB here, "
        f"{results['peak_bytes_of_a_reader'] / 1e6:,.0f} MB in a reader",
        f"files without a state: {results['unaccounted']}; the index: {results['violations'] or 'sound'}",
        "",
        "    files  passages   MB here  of files   MB in a reader",
        *_memory_lines(results["memory"]),
        "",
        "slowest to read",
        *(f"{seconds:>9.2f} s  {_shown(path)}" for path, seconds in results["slowest"]),
    ]
    for title in ("partial", "failed"):
        found = results[title]
        if found:
            sample = chance.sample(found, min(SAMPLED, len(found)))
            lines += ["", f"{title}, {len(sample)} of {len(found):,}"]
            lines += [f"  {_shown(path)}: {problem} {reason}" for path, problem, reason in sample]
    return lines


def _memory_lines(readings: list[dict[str, int]]) -> list[str]:
    """Some of the readings, as far apart in passages as they can be."""
    most = max(reading["passages"] for reading in readings)
    shown: list[dict[str, int]] = []
    for reading in readings:
        if (
            not shown
            or reading is readings[-1]
            or reading["passages"] >= shown[-1]["passages"] + most / READINGS
        ):
            shown.append(reading)
    return [
        f"{at['files']:>9,} {at['passages']:>9,} {at['here'] / 1e6:>9,.0f} {at['mapped'] / 1e6:>9,.0f}"
        f" {at['readers'] / 1e6:>12,.0f}"
        for at in shown
    ]


def _shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()


if __name__ == "__main__":
    main()
