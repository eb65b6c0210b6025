"""``python -m tests.bench.page_images [PDF...]``: how long the picture of a page and its boxes take.

Draws every page twice, in a warm child process, with the first 200 characters of the page as the span;
without files, of the PDFs that the tests make. Also says how many pages of text a second of processor time
reads, and how long a page in the middle of a long PDF takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from index.documents import ParsedDocument
from index.loaders import load
from index.parsing import Parser
from tests.index.page_fixtures import MORE, STORY, flowing
from tests.index.page_producers import every_pdf

SPAN_CHARS = 200
_LONG = 900  # paragraphs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="*", metavar="PDF")
    given = parser.parse_args()
    files = [path.read_bytes() for path in given.files]
    # Chromium's would need a Chromium.
    files = files or [make() for producer, _, make in every_pdf() if producer != "Chromium"]
    long = flowing(*(f"{STORY} {MORE}" for _ in range(_LONG)), size=10)
    started = time.process_time()
    read = load(long, "long.pdf")
    seconds = time.process_time() - started
    with Parser() as reader:
        reader.draw_page(files[0], page=1, text="")  # the child is warm from here
        drawn = [each for data in files for each in views(reader, data)]
        middle = len(read.page_starts) // 2
        in_the_middle = [view(reader, long, read, middle)[0] for _ in range(7)]
    print(report("page and boxes", [milliseconds for milliseconds, _ in drawn]))
    print(f"pages whose text was not found again: {sum(not matched for _, matched in drawn)} of {len(drawn)}")
    print(report(f"page {middle} of {len(read.page_starts)}", in_the_middle))
    print(f"text: {len(read.page_starts) / seconds:.0f} pages a second of processor time")


def views(reader: Parser, data: bytes) -> Iterator[tuple[float, bool]]:
    """Milliseconds of each page, twice, and whether its text was found on it."""
    document = load(data, "file.pdf")
    for page in range(1, len(document.page_starts) + 1):
        yield view(reader, data, document, page)
        yield view(reader, data, document, page)


def view(reader: Parser, data: bytes, document: ParsedDocument, page: int) -> tuple[float, bool]:
    """Draw one page: milliseconds, and whether its text was found on it."""
    start, end = document.page_span(page)
    started = time.perf_counter()
    spans = [(0, min(SPAN_CHARS, end - start))]
    drawn = reader.draw_page(data, page=page, text=document.text[start:end], spans=spans)
    return 1000 * (time.perf_counter() - started), drawn.matched


def report(what: str, times: Sequence[float]) -> str:
    """The median, the 95th percentile and the longest."""
    ordered = sorted(times)
    high = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{what}: median {median(ordered):.0f} ms, p95 {high:.0f} ms, longest {ordered[-1]:.0f} ms"


if __name__ == "__main__":
    main()
