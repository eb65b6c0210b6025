"""A page of a PDF as a picture, with boxes around some of its words.

The text of a document was put together from all its pages, but a page can be read again alone: which lines
it has, and in which order, depends on nothing else. What the other pages decide is which lines at its edges
are running heads and are left out, where lines are parted by a space or a line end, and whether a divided
word keeps its hyphen. So the lines of the page are laid along the stored text of the page, white space
aside, and where they do not agree there are no boxes, rather than wrong ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from itertools import groupby
from typing import Any, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from index.documents import RecognisedWord
from index.errors import DocumentError
from index.loaders.layout import Line, at_the_edge, reading_order
from index.loaders.pdf import is_unreadable, open_page, open_pdf
from index.loaders.pdf_lines import Box, Glyph, TextPage
from index.loaders.recognised import RecognisedLines
from index.loaders.right_to_left import RIGHT_TO_LEFT

_PIXELS_A_POINT = 2.0  # 144 to the inch: sharp at twice the width of the pane
_MOST_PIXELS = 3_000_000
_LONGEST_SIDE = 6_000  # pixels
_PIXELS_A_POINT_TO_READ = 300 / 72  # what Tesseract was trained for
_MOST_PIXELS_TO_READ = 12_000_000
_LEAST_LEADERS = 4  # so many dots in a row are dot leaders, which the text leaves out
_THICKEST = 1.6  # of a glyph's height: small letters stand beside large ones, and raised ones
_WORD_GAP = 0.6  # of a glyph's height: no gap between words is wider, as a rule
_UNITS_A_POINT = 64  # pdfium turns points of a page into whole units


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBox:
    """A rectangle on a page as it is shown, in points from its top left corner."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """A page as it is shown: turned, and cut to its crop box.

    Attributes:
        image: PNG.
        width: In points.
        height: In points.
        boxes: One for each run of a line, in the order of the text.
        matched: Whether the page still reads as the text that was given; if not, there are no boxes.
    """

    image: bytes
    width: float
    height: float
    boxes: tuple[PageBox, ...]
    matched: bool


class Picture(NamedTuple):
    """A page in grey as a PNG, and its size as it is shown, in points."""

    png: bytes
    width: float
    height: float


def draw_page(
    data: bytes,
    *,
    page: int,
    text: str,
    spans: Sequence[tuple[int, int]],
    words: Sequence[RecognisedWord] = (),
) -> PageView:
    """Draw one page. For the process that reads documents, see ``index.parsing``.

    Args:
        data: A PDF.
        page: The first is 1.
        text: What the document's text says of this page.
        spans: Characters of ``text`` to put boxes around, end exclusive.
        words: What text recognition read on it, where ``text`` comes from that.

    Raises:
        DocumentError: As ``load_pdf``; ``damaged`` where there is no such page.
    """
    with _opened(data, page) as opened:
        width, height = opened.get_size()
        boxes = _recognised_boxes(words, height, text, spans) if words else _boxes(opened, text, spans)
        return PageView(
            image=_image(opened, width, height),
            width=width,
            height=height,
            boxes=tuple(boxes or ()),
            matched=boxes is not None,
        )


def picture_of_page(data: bytes, *, page: int) -> Picture:
    """Draw one page for text recognition, see ``index.recognition``.

    Raises:
        DocumentError: As :func:`draw_page`.
    """
    with _opened(data, page) as opened:
        width, height = opened.get_size()
        scale = min(
            _PIXELS_A_POINT_TO_READ,
            math.sqrt(_MOST_PIXELS_TO_READ / max(width * height, 1.0)),
            _LONGEST_SIDE / max(width, height, 1.0),
        )
        return Picture(_png(opened, scale, grayscale=True), width, height)


@contextmanager
def _opened(data: bytes, page: int) -> Iterator[Any]:
    with open_pdf(data) as pdf:
        if not 1 <= page <= len(pdf):
            raise _no_such_page(page)
        try:
            opened = open_page(pdf, page - 1)
        except pypdfium2.PdfiumError as exc:
            raise _no_such_page(page) from exc
        try:
            yield opened
        finally:
            opened.close()


def _no_such_page(page: int) -> DocumentError:
    return DocumentError(
        "damaged",
        f"Page {page} cannot be drawn: the file is damaged there.",
        hint="Open the file in a PDF viewer, or read what was indexed of it as text.",
    )


def _boxes(page: Any, text: str, spans: Sequence[tuple[int, int]]) -> list[PageBox] | None:
    """Boxes of the spans, None when the page does not read as ``text``."""
    with TextPage(page) as text_page:
        lines = list(reading_order(list(text_page.rows())))
        if is_unreadable("".join(line.text for line in lines)):
            lines = []
        return _marked(lines, text_page, text, spans, shown=partial(_as_shown, page))


def _recognised_boxes(
    words: Sequence[RecognisedWord], height: float, text: str, spans: Sequence[tuple[int, int]]
) -> list[PageBox] | None:
    """The same for a page whose text was recognised."""

    def shown(box: Box) -> PageBox:
        left, bottom, right, top = box
        return PageBox(left=left, top=height - top, width=right - left, height=top - bottom)

    page = RecognisedLines(words, height)
    return _marked(list(reading_order(list(page.rows()))), page, text, spans, shown=shown)


def _marked(
    lines: Sequence[Line],
    page: TextPage | RecognisedLines,
    text: str,
    spans: Sequence[tuple[int, int]],
    *,
    shown: Callable[[Box], PageBox],
) -> list[PageBox] | None:
    placed = _laid_along(text, lines, [page.glyphs(line) for line in lines])
    if placed is None:
        return None
    found: list[PageBox] = []
    for start, end in spans:
        first, after = (len("".join(text[:offset].split())) for offset in (start, end))
        found += _runs(page, placed[first:after], shown)
    return found


_Placed = tuple[int, Glyph]  # the number of a line, and the glyph of it that gives a character


def _laid_along(text: str, lines: Sequence[Line], glyphs: Sequence[Sequence[Glyph]]) -> list[_Placed] | None:
    """For each character of ``text`` that is not white space, the glyph it comes from."""
    wanted = "".join(text.split())
    droppable = at_the_edge(lines)
    leaders = _dot_leaders(glyphs)
    # Where in the text each line may end, and where it began if it does: the line before it is not known
    # to be in the text when it stands at an edge.
    ways: list[dict[int, tuple[int, bool]]] = []
    ends = {0}
    for number, line in enumerate(glyphs):
        way: dict[int, tuple[int, bool]] = {}
        for start in ends:
            for end in _ends(wanted, start, line, leaders[number]):
                way.setdefault(end, (start, True))
            if number in droppable:
                way.setdefault(start, (start, False))
        ways.append(way)
        ends = set(way)
        if not ends:
            return None
    if len(wanted) not in ends:
        return None
    placed: list[_Placed] = []
    end = len(wanted)
    for number in reversed(range(len(glyphs))):
        start, kept = ways[number][end]
        if kept:
            placed += reversed(list(_owners(wanted, start, end, number, glyphs[number], leaders[number])))
        end = start
    return placed[::-1]


def _dot_leaders(glyphs: Sequence[Sequence[Glyph]]) -> list[frozenset[int]]:
    """For each line, which of its glyphs are dots of a row of at least four, over the ends of lines too."""
    found: list[set[int]] = [set() for _ in glyphs]
    every = (
        (number, at, glyph)
        for number, line in enumerate(glyphs)
        for at, glyph in enumerate(line)
        if glyph.text
    )
    for dot, group in groupby(every, key=lambda item: item[2].text == "."):
        run = list(group)
        if dot and len(run) >= _LEAST_LEADERS:
            for number, at, _ in run:
                found[number].add(at)
    return [frozenset(each) for each in found]


def _steps(
    wanted: str, start: int, line: Sequence[Glyph], leaders: frozenset[int]
) -> Iterator[tuple[int, Glyph]]:
    """Each glyph of a line that is in the text from ``start`` on, and where it ends there.

    Ends with a glyph whose end is -1 when the line is not there.
    """
    position = start
    for at, glyph in enumerate(line):
        if wanted.startswith(glyph.text, position):
            position += len(glyph.text)
            yield position, glyph
        elif not glyph.optional and at not in leaders:
            yield -1, glyph
            return


def _ends(wanted: str, start: int, line: Sequence[Glyph], leaders: frozenset[int]) -> Iterator[int]:
    """Where a line may end in the text if it begins at ``start``; nowhere when it is not there."""
    position = start
    last: Glyph | None = None
    before = start
    for end, glyph in _steps(wanted, start, line, leaders):
        if end < 0:
            return
        before, position, last = position, end, glyph
    yield position
    if last is not None and last.optional:
        yield before  # what looks like its hyphen begins the next line


def _owners(
    wanted: str, start: int, end: int, number: int, line: Sequence[Glyph], leaders: frozenset[int]
) -> Iterator[_Placed]:
    for position, glyph in _steps(wanted, start, line, leaders):
        if position > end:
            return
        for _ in glyph.text:
            yield number, glyph


def _runs(
    page: TextPage | RecognisedLines, placed: Iterable[_Placed], as_shown: Callable[[Box], PageBox]
) -> Iterator[PageBox]:
    """One box for each run of glyphs of the same line; several for a line that stands askew."""
    runs: list[Box] = []
    for _, group in groupby(placed, key=lambda item: item[0]):
        glyphs = dict.fromkeys(glyph for _, glyph in group)
        boxes = [box for glyph in glyphs for box in page.boxes(glyph)]
        if boxes and any(RIGHT_TO_LEFT.search(glyph.text) for glyph in glyphs):
            # Words that follow each other may stand apart, with others between them.
            runs += (run for part in _side_by_side(boxes) for run in _joined(part))
        else:
            runs += _joined(boxes)
    shown = [as_shown(run) for run in runs]
    for number, box in enumerate(shown):
        below = shown[number + 1] if number + 1 < len(shown) else None
        if below is not None and _reaches_into(box, below):
            # A font's ascent reaches into the line above: there one box ends where the other begins.
            middle = (below.top + box.top + box.height) / 2
            shown[number + 1] = replace(below, top=middle, height=below.top + below.height - middle)
            box = replace(box, height=middle - box.top)
        yield box


def _joined(boxes: Iterable[Box]) -> Iterator[Box]:
    """Boxes of one line as few as hold it without much else, be it written across or upwards."""
    run: Box | None = None
    highest = widest = 0.0  # of the run's boxes
    for box in boxes:
        height, width = box[3] - box[1], box[2] - box[0]
        around = box if run is None else _around(run, box)
        highest, widest = max(highest, height), max(widest, width)
        straight = around[3] - around[1] <= _THICKEST * highest or around[2] - around[0] <= _THICKEST * widest
        if run is not None and not straight:
            yield run
            around, highest, widest = box, height, width
        run = around
    if run is not None:
        yield run


def _side_by_side(boxes: Sequence[Box]) -> Iterator[list[Box]]:
    """Boxes of one line in groups that no wider gap parts than one between words."""
    across = max(box[2] for box in boxes) - min(box[0] for box in boxes)
    upwards = max(box[3] for box in boxes) - min(box[1] for box in boxes)
    way = 0 if across >= upwards else 1
    part: list[Box] = []
    reach = -math.inf
    for box in sorted(boxes, key=lambda box: box[way]):
        if part and box[way] - reach > _WORD_GAP * (box[3 - way] - box[1 - way]):
            yield part
            part = []
        part.append(box)
        reach = max(reach, box[way + 2])
    yield part


def _around(one: Box, other: Box) -> Box:
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )


def _reaches_into(box: PageBox, below: PageBox) -> bool:
    return (
        box.top < below.top < box.top + box.height < below.top + below.height
        and box.left < below.left + below.width
        and below.left < box.left + box.width
    )


def _as_shown(page: Any, box: Box) -> PageBox:
    """A box as the page is written, on the page as it is shown: turned, and within its crop box."""
    width, height = page.get_size()
    corners = [_corner(page, width, height, x, y) for x in box[::2] for y in box[1::2]]
    left, right = (min(max(pick(x for x, _ in corners), 0.0), width) for pick in (min, max))
    top, bottom = (min(max(pick(y for _, y in corners), 0.0), height) for pick in (min, max))
    return PageBox(left=left, top=top, width=right - left, height=bottom - top)


def _corner(page: Any, width: float, height: float, x: float, y: float) -> tuple[float, float]:
    across, down = pdfium.c_int(), pdfium.c_int()
    size = (math.ceil(width * _UNITS_A_POINT), math.ceil(height * _UNITS_A_POINT))
    pdfium.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, across, down)
    return across.value * width / size[0], down.value * height / size[1]


def _image(page: Any, width: float, height: float) -> bytes:
    """PNG, with 144 pixels to the inch unless the page is very large."""
    scale = min(
        _PIXELS_A_POINT,
        math.sqrt(_MOST_PIXELS / max(width * height, 1.0)),
        _LONGEST_SIDE / max(width, height, 1.0),
    )
    return _png(page, scale, grayscale=False)


def _png(page: Any, scale: float, *, grayscale: bool) -> bytes:
    bitmap = page.render(scale=scale, rev_byteorder=True, grayscale=grayscale)
    try:
        packed = BytesIO()
        bitmap.to_pil().save(packed, format="PNG", compress_level=1)  # it goes no further than this computer
        return packed.getvalue()
    finally:
        bitmap.close()
