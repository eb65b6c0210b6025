"""``python -m tests.index.page_boxes PDF...``: do the boxes of a sentence hold its words, in files of others?

Reads each file, asks for the boxes of sentences on pages drawn at random, and reads back with pdfium what
stands inside of them. Prints how many sentences had other letters in their boxes, and the first of these.
"""

from __future__ import annotations

import argparse
import ctypes
import random
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from index.documents import ParsedDocument
from index.loaders import draw, load
from index.loaders.compressed import unpack_gzip
from index.loaders.pdf import open_page
from index.page_images import PageBox, PageView
from index.sentences import sentence_spans

SHOWN_CHARS = 150


def letters(text: str) -> str:
    """Letters and digits: what stands between them may have been changed on the way to the text.

    Those of Hebrew and Arabic without their order: pdfium reads them as they stand, from left to right.
    """
    text = unicodedata.normalize("NFKC", text)
    found = [letter for letter in text if letter.isalnum()]
    right_to_left = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in found)
    return "".join(sorted(found) if right_to_left else found)


def portions(document: ParsedDocument, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The pages that hold a span: number, start and end of its share, counted from the page's start."""
    for page in range(1, len(document.page_starts) + 1):
        first, last = document.page_span(page)
        if max(first, start) < min(last, end):
            yield page, max(first, start) - first, min(last, end) - first


def drawn(data: bytes, document: ParsedDocument, page: int, start: int, end: int) -> PageView:
    first, last = document.page_span(page)
    return draw(data, page=page, text=document.text[first:last], spans=[(start, end)])


def words_in_boxes(
    data: bytes, document: ParsedDocument, spans: Iterable[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], str | None]]:
    """What pdfium reads in the boxes of each span; None where its text is not found again on its pages."""
    with pypdfium2.PdfDocument(data) as source:
        if source.get_formtype() != pdfium.FORMTYPE_NONE:
            source.init_forms()
        for start, end in spans:
            read: str | None = ""
            for page, first, last in portions(document, start, end):
                view = drawn(data, document, page, first, last)
                if read is None or not view.matched or not view.boxes:
                    read = None
                    break
                opened = open_page(source, page - 1)
                read += "".join(words_in(opened, view, box) for box in view.boxes)
                opened.close()
            yield (start, end), read


def words_in(page: Any, view: PageView, box: PageBox) -> str:
    """What pdfium reads in the middle of a box: the letters beside it and above and below touch its edges."""
    along, across = (0.8, 0.8), (0.2, 0.25)  # points, and shares of the height, at either end
    if box.height > box.width:
        insets = (across[1] * box.width, along[0], across[0] * box.width, along[0])
    else:
        insets = (along[0], across[0] * box.height, along[0], across[1] * box.height)
    left, top = box.left + insets[0], box.top + insets[1]
    right, bottom = box.left + box.width - insets[2], box.top + box.height - insets[3]
    (x1, y1), (x2, y2) = (_as_written(page, view, *corner) for corner in ((left, top), (right, bottom)))
    text_page = page.get_textpage()
    try:
        return str(text_page.get_text_bounded(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)))
    finally:
        text_page.close()


def _as_written(page: Any, view: PageView, x: float, y: float) -> tuple[float, float]:
    unit = 100
    size = (round(view.width * unit), round(view.height * unit))
    found = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDF_DeviceToPage(page, 0, 0, *size, 0, round(x * unit), round(y * unit), *found)
    return found[0].value, found[1].value


def main() -> None:
    """Check and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.index.page_boxes", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="PDF", help="may be compressed by gzip")
    parser.add_argument("--pages", type=int, default=8, metavar="N", help="at random, of each file (8)")
    parser.add_argument("--shown", type=int, default=3, metavar="N", help="sentences of each file (3)")
    arguments = parser.parse_args()
    chance = random.Random(0)
    for path in arguments.files:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = unpack_gzip(data)
        document = load(data, "a.pdf")
        total = len(document.page_starts)
        pages = sorted(chance.sample(range(1, total + 1), min(arguments.pages, total)))
        held, lost, wrong = _checked(data, document, pages)
        print(f"{path.name}: {held:,} of {held + len(lost) + len(wrong):,} sentences, {len(pages)} pages")
        for start, end in lost[: arguments.shown]:
            print(f"    not found again, page {document.page_at(start)}: {_shown(document.text[start:end])}")
        for (start, end), read in wrong[: arguments.shown]:
            print(f"    page {document.page_at(start)}: {_shown(document.text[start:end])}")
            print(f"     its boxes: {_shown(read)}")


def _checked(
    data: bytes, document: ParsedDocument, pages: Iterable[int]
) -> tuple[int, list[tuple[int, int]], list[tuple[tuple[int, int], str]]]:
    """Sentences whose boxes hold their words, how many; those without boxes; those that read otherwise."""
    held = 0
    lost: list[tuple[int, int]] = []
    wrong: list[tuple[tuple[int, int], str]] = []
    for page in pages:
        first, last = document.page_span(page)
        spans = [(first + start, first + end) for start, end in sentence_spans(document.text[first:last])]
        for span, read in words_in_boxes(data, document, spans):
            if read is None:
                lost.append(span)
            elif letters(read) == letters(document.text[slice(*span)]):
                held += 1
            else:
                wrong.append((span, read))
    return held, lost, wrong


def _shown(text: str) -> str:
    return " ".join(text.split())[:SHOWN_CHARS]


if __name__ == "__main__":
    main()
