"""PDF: pdfium gives characters and their boxes; here they become lines, in ``layout`` paragraphs."""

from __future__ import annotations

import ctypes
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from index.documents import Locator, ParsedDocument, page_words
from index.errors import DocumentError
from index.loaders.cleaning import clean, one_line, sensible_title
from index.loaders.layout import Bookmark, Line, Row, compose
from index.loaders.refusals import damaged, needs_password, too_much_text

_LOCK = threading.Lock()  # pdfium is not thread-safe, not even over different documents
_MEDIA_TYPE = "application/pdf"
# pdfium puts one where a hyphen ended a line, and leaves the line end out.
_LINE_HYPHENS = frozenset("\ufffe\x02")
_LINE = re.compile("[^\r\n\ufffe\x02]+")
_WORD = re.compile(r"[^ \t\u00a0]+")
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_NARROWEST = 0.2  # of the line's height: no letter is narrower on average over a word
_CELL_GAP = 1.3  # of the line's height; a wider gap parts columns or cells
_LINES_TO_TELL_THE_WAY = 30
_LINES_OF_A_DRAWING = 100
_MOST_BOOKMARKS = 20_000
_MOST_PAGES_NAMED = 8
_LABEL_CHARS = 20
_UNREADABLE_SHARE = 0.4
_BOLD_NAMES = (b"bold", b"black", b"heavy", b"-demi", b"cmbx", b"semibd")
_FIXED_NAMES = (b"mono", b"courier", b"cmtt", b"consol", b"typewriter", b"menlo", b"fixed", b"sftt", b"ectt")

_Box = tuple[float, float, float, float]  # left, bottom, right, top

_LETTERS = str.maketrans(
    {
        "\u00a0": " ",
        "\u00ad": "-",
        "\u200b": None,
        "ﬀ": "ff",
        "ﬁ": "fi",
        "ﬂ": "fl",
        "ﬃ": "ffi",
        "ﬄ": "ffl",
        "ﬅ": "st",
        "ﬆ": "st",
        "\uf0b7": "•",
        "\uf0a7": "•",
        "\uf0d8": "•",
        "\uf076": "•",
    }
)


def load_pdf(data: bytes, *, max_pages: int, max_chars: int) -> ParsedDocument:
    """Read the text layer; paragraphs are made from where the lines stand.

    Raises:
        DocumentError: ``password``, ``damaged``, ``unsupported``, ``too_large``, or ``no_text`` when no
            page has text. Some pages without text are a warning.
    """
    with _LOCK:
        try:
            pdf = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as exc:
            raise _open_error(exc, encrypted=b"/Encrypt" in data) from exc
        try:
            return _load(pdf, max_pages=max_pages, max_chars=max_chars)
        finally:
            pdf.close()


def _open_error(exc: pypdfium2.PdfiumError, *, encrypted: bool) -> DocumentError:
    if not encrypted:
        # For a file that has no pages, pdfium's code is that of whichever file it refused before.
        return damaged()
    if exc.err_code == pdfium.FPDF_ERR_PASSWORD:
        return needs_password()
    if exc.err_code == pdfium.FPDF_ERR_SECURITY:
        return DocumentError(
            "unsupported",
            "The PDF is encrypted in a way that is not supported.",
            hint="Open it in a PDF viewer, print it to a new PDF, and index that.",
        )
    return damaged()


def _load(pdf: Any, *, max_pages: int, max_chars: int) -> ParsedDocument:
    count = len(pdf)
    if count > max_pages:
        raise DocumentError(
            "too_large",
            f"It has {count:,} pages; the limit is {max_pages:,}.",
            hint="Split the file into smaller ones and index those.",
        )
    has_forms = pdf.get_formtype() != pdfium.FORMTYPE_NONE
    if has_forms:
        pdf.init_forms()
    pages: list[list[Row]] = []
    unreadable: list[int] = []
    pictures: list[int] = []
    broken: list[int] = []
    chars = 0
    for index in range(count):
        rows: list[Row] = []
        try:
            page = _open_page(pdf, index, has_forms)
            try:
                rows = list(_rows(page))
                if not rows and _shows_something(page):
                    pictures.append(index + 1)
            finally:
                page.close()
        except pypdfium2.PdfiumError:
            broken.append(index + 1)
        text = "".join(line.text for row in rows for line in row)
        if _is_unreadable(text):
            unreadable.append(index + 1)
            rows = []
        chars += len(text)
        if chars > max_chars:
            raise too_much_text(max_chars)
        pages.append(rows)
    if not any(pages):
        raise _nothing_readable(count, pictures=pictures, unreadable=unreadable)
    composed = compose(pages, list(_bookmarks(pdf)))
    title = sensible_title(_decoded(partial(pdf.get_metadata_value, "Title"))) or one_line(composed.title)
    return ParsedDocument(
        text=composed.text,
        title=title,
        media_type=_MEDIA_TYPE,
        page_starts=composed.page_starts,
        headings=composed.headings,
        warnings=tuple(_warnings(pictures=pictures, unreadable=unreadable, broken=broken)),
        locators=_page_labels(pdf, composed.page_starts),
    )


def _page_labels(pdf: Any, page_starts: Sequence[int]) -> tuple[Locator, ...]:
    """What the pages are called in print, where that is not just their number: "p. iv"."""
    labels = [
        one_line(_decoded(partial(pdf.get_page_label, index)), _LABEL_CHARS)
        for index in range(len(page_starts))
    ]
    if all(label in ("", str(number)) for number, label in enumerate(labels, 1)):
        return ()
    # Pages without text begin where the next one does: one name a place.
    words = {
        start: page_words(number) if not label else f"p. {label}"
        for number, (start, label) in enumerate(zip(page_starts, labels, strict=True), 1)
    }
    return tuple(Locator(start, each) for start, each in sorted(words.items()))


def _open_page(pdf: Any, index: int, has_forms: bool) -> Any:
    page = pdf[index]
    if has_forms and pdfium.FPDFPage_GetAnnotCount(page) > 0:
        # What was typed into a form is drawn over the page; flattening makes it part of the text.
        pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
        page.close()
        page = pdf[index]
    return page


def _rows(page: Any) -> Iterator[Row]:
    """Lines in the order of pdfium, each cut where a wide gap parts columns or cells."""
    textpage = page.get_textpage()
    try:
        count = pdfium.FPDFText_CountChars(textpage)
        if count <= 0:
            return
        buffer = (ctypes.c_ushort * (count + 1))()
        written = pdfium.FPDFText_GetText(textpage, 0, count, buffer)
        # One character a UTF-16 unit, so that positions stay those of pdfium.
        units = "".join(map(chr, buffer[: max(0, written - 1)]))
        measure = _Measure(textpage, same_index=len(units) == count)
        measure.turn_upright(units)
        for stretch in _LINE.finditer(units):
            hyphenated = units[stretch.end() : stretch.end() + 1] in _LINE_HYPHENS
            segments = _segments(units, stretch, measure, hyphenated)
            if segments:
                yield segments
    finally:
        textpage.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Font:
    bold: bool
    fixed: bool


class _Measure:
    """Boxes of characters of one page, turned so that most lines run from left to right."""

    def __init__(self, textpage: Any, *, same_index: bool) -> None:
        self._textpage = textpage.raw
        self._same_index = same_index
        self._rotation = 0  # quarter turns that the text was turned by
        self._rect = pdfium.FS_RECTF()
        self._reference = ctypes.byref(self._rect)
        self._name = ctypes.create_string_buffer(128)
        self._flags = ctypes.c_int()
        self._fonts: dict[bytes, _Font] = {}

    def turn_upright(self, units: str) -> None:
        """Find out which way most lines run: on a page in landscape format that is often upwards."""
        ways: Counter[int] = Counter()
        for stretch in islice(_LINE.finditer(units), _LINES_TO_TELL_THE_WAY):
            words = stretch.group().strip()
            if len(words) < 3:
                continue
            first = self.box(units.index(words, stretch.start()))
            last = self.box(units.index(words, stretch.start()) + len(words) - 1)
            across, up = last[0] - first[0], last[1] - first[1]
            if abs(across) >= abs(up):
                ways[0 if across >= 0 else 2] += len(words)
            else:
                ways[1 if up > 0 else 3] += len(words)
        if ways:
            self._rotation = ways.most_common(1)[0][0]

    def _char(self, index: int) -> int:
        if self._same_index:
            return index
        return int(pdfium.FPDFText_GetCharIndexFromTextIndex(self._textpage, index))

    def box(self, index: int) -> _Box:
        """Left, bottom, right, top in points, y upwards; generous: from the font's ascent to its descent."""
        rect = self._rect
        if not pdfium.FPDFText_GetLooseCharBox(self._textpage, self._char(index), self._reference):
            return 0.0, 0.0, 0.0, 0.0
        if self._rotation == 0:
            return rect.left, rect.bottom, rect.right, rect.top
        if self._rotation == 1:
            return rect.bottom, -rect.right, rect.top, -rect.left
        if self._rotation == 2:
            return -rect.right, -rect.top, -rect.left, -rect.bottom
        return -rect.top, rect.left, -rect.bottom, rect.right

    def font(self, index: int) -> _Font:
        """The look of the font, by its name: weights and flags are mostly not set."""
        size = pdfium.FPDFText_GetFontInfo(
            self._textpage, self._char(index), self._name, len(self._name), ctypes.byref(self._flags)
        )
        name = self._name.value if 0 < size <= len(self._name) else b""
        if name not in self._fonts:
            folded = name.lower()
            self._fonts[name] = _Font(
                bold=any(word in folded for word in _BOLD_NAMES),
                fixed=any(word in folded for word in _FIXED_NAMES),
            )
        return self._fonts[name]


def _segments(units: str, stretch: re.Match[str], measure: _Measure, hyphenated: bool) -> Row:
    """The pieces of one line between wide gaps, from left to right."""
    segments: Row = []
    words: list[tuple[int, int]] = []
    boxes: list[_Box] = []
    for word in _WORD.finditer(units, stretch.start(), stretch.end()):
        box = measure.box(word.start())
        if words:
            first, after = words[-1]
            left, bottom, _, top = boxes[-1]
            widest_gap = _CELL_GAP * (top - bottom)
            # Asking for each box is most of the time: where the letters alone fill the way, do not ask.
            if (
                abs(box[0] - left) > widest_gap + _NARROWEST * (top - bottom) * (after - first)
                and box[0] - measure.box(after - 1)[2] > widest_gap
            ):
                segments.append(_line(units, words, boxes, measure, False))
                words, boxes = [], []
        words.append(word.span())
        boxes.append(box)
    if words:
        segments.append(_line(units, words, boxes, measure, hyphenated))
    return [segment for segment in segments if segment.text]


def _in_reading_order(word: str, start: int, measure: _Measure) -> str:
    """A word of Hebrew or Arabic letters; pdfium gives some of them as they stand from left to right."""
    if len(word) < 2 or not _RIGHT_TO_LEFT.match(word):
        return word
    if measure.box(start)[0] < measure.box(start + len(word) - 1)[0]:
        word = word[::-1]
    return unicodedata.normalize("NFKC", word)  # letters in the shape that they have in this word


def _line(
    units: str,
    words: Sequence[tuple[int, int]],
    boxes: Sequence[_Box],
    measure: _Measure,
    hyphenated: bool,
) -> Line:
    right_to_left = _RIGHT_TO_LEFT.search(units, words[0][0], words[-1][1]) is not None
    text = " ".join(
        _in_reading_order(units[first:after], first, measure) if right_to_left else units[first:after]
        for first, after in words
    )
    if not (text.isascii() and text.isprintable()):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        text = _PRIVATE.sub("", clean(text.translate(_LETTERS)))
    heights = sorted(top - bottom for _, bottom, _, top in boxes)
    first, last = boxes[0], measure.box(words[-1][1] - 1)
    first_font, last_font = measure.font(words[0][0]), measure.font(words[-1][1] - 1)
    size = max(heights[len(heights) // 2], 0.1)
    left, right = min(first[0], last[0]), max(first[2], last[2])
    if right_to_left and 2 * len(_RIGHT_TO_LEFT.findall(text)) > sum(c.isalpha() for c in text):
        left, right = -right, -left  # so that lines begin at their smaller end, as the layout expects
    return Line(
        text=" ".join(text.split()),
        left=left,
        right=right,
        bottom=first[1],
        top=first[3],
        size=size,
        bold=first_font.bold and last_font.bold,
        fixed=first_font.fixed and last_font.fixed,
        hyphenated=hyphenated,
        turned=words[-1][1] - words[0][0] > 2 and abs(first[1] - last[1]) > size,
    )


def _is_unreadable(text: str) -> bool:
    """Whether the fonts do not say which letters they draw."""
    junk = text.count("\ufffd")
    return junk > 20 and junk > _UNREADABLE_SHARE * len(text)


def _shows_something(page: Any) -> bool:
    """Whether a page without text has a picture or a drawing on it, and is not just blank."""
    lines = 0
    for index in range(min(pdfium.FPDFPage_CountObjects(page), 1_000)):
        kind = pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(page, index))
        if kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM):
            return True
        lines += kind == pdfium.FPDF_PAGEOBJ_PATH
    return lines > _LINES_OF_A_DRAWING


def _bookmarks(pdf: Any) -> Iterator[Bookmark]:
    """The outline in its order; entries that lead to no page are left out."""
    for number, entry in enumerate(pdf.get_toc()):
        if number >= _MOST_BOOKMARKS:
            return
        destination = entry.get_dest()
        page = destination.get_index() if destination is not None else None
        title = one_line(_decoded(entry.get_title))
        if page is not None and page >= 0 and title:
            yield Bookmark(page=page, level=min(entry.level + 1, 9), title=title)


def _decoded(read: Callable[[], str | None]) -> str:
    """What a function of pypdfium2 reads, "" where the file's UTF-16 is broken: it decodes strictly."""
    try:
        return read() or ""
    except UnicodeDecodeError:
        return ""


def _nothing_readable(count: int, *, pictures: list[int], unreadable: list[int]) -> DocumentError:
    if unreadable:
        message = "Its fonts do not say which letters they draw, so its text cannot be read."
    elif pictures:
        message = "No page has a text layer; it is probably a scan."
    elif count:
        message = "No page holds any text."
    else:
        return damaged()
    return DocumentError(
        "no_text",
        message,
        hint="Run it through text recognition (OCR), for example OCRmyPDF, and index the result.",
    )


def _warnings(*, pictures: list[int], unreadable: list[int], broken: list[int]) -> Iterator[str]:
    if pictures:
        yield f"No text on {_named(pictures)}: probably scanned pictures, which are not searched."
    if unreadable:
        yield f"Text on {_named(unreadable)} cannot be read: its fonts do not say which letters they draw."
    if broken:
        yield f"{_named(broken).capitalize()} could not be read: the file is damaged there."


def _named(pages: list[int]) -> str:
    """ "page 3", "pages 3 and 7", "pages 1, 2, 3 and 40 more"."""
    if len(pages) == 1:
        return f"page {pages[0]}"
    if len(pages) > _MOST_PAGES_NAMED:
        shown = pages[: _MOST_PAGES_NAMED - 1]
        return f"pages {', '.join(map(str, shown))} and {len(pages) - len(shown)} more"
    return f"pages {', '.join(map(str, pages[:-1]))} and {pages[-1]}"
