"""The text layer of a PDF page: pdfium gives characters and their boxes; here they become lines."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any, Self

import pypdfium2.raw as pdfium

from index.loaders.cleaning import clean
from index.loaders.layout import Line, Row

# pdfium puts one where a hyphen ended a line, and leaves the line end out.
_LINE_HYPHENS = frozenset("\ufffe\x02")
_LINE = re.compile("[^\r\n\ufffe\x02]+")
_WORD = re.compile(r"[^ \t\u00a0]+")
_CHARACTER = re.compile("[\ud800-\udbff][\udc00-\udfff]|.", re.DOTALL)
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_NARROWEST = 0.2  # of the line's height: no letter is narrower on average over a word
_CELL_GAP = 1.3  # of the line's height; a wider gap parts columns or cells
_LINES_TO_TELL_THE_WAY = 30
_BOLD_NAMES = (b"bold", b"black", b"heavy", b"-demi", b"cmbx", b"semibd")
_FIXED_NAMES = (b"mono", b"courier", b"cmtt", b"consol", b"typewriter", b"menlo", b"fixed", b"sftt", b"ectt")

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points, y upwards."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyph:
    """The smallest part of a line that has a place of its own: mostly a character, sometimes a word.

    ``text`` holds no white space. ``units`` are spans of the page's characters, end exclusive. What is
    ``optional`` may have been left out when the lines were made a text: the hyphen that divides a word.
    """

    text: str
    units: tuple[tuple[int, int], ...]
    optional: bool = False


class TextPage:
    """The characters of one page and the lines they make. Close it before the page."""

    def __init__(self, page: Any) -> None:
        """Read the text layer of a pypdfium2 page."""
        self._textpage = page.get_textpage()
        count = max(0, pdfium.FPDFText_CountChars(self._textpage))
        buffer = (ctypes.c_ushort * (count + 1))()
        written = pdfium.FPDFText_GetText(self._textpage, 0, count, buffer) if count else 0
        # One character a UTF-16 unit, so that positions stay those of pdfium.
        self._units = "".join(map(chr, buffer[: max(0, written - 1)]))
        self._measure = _Measure(self._textpage, same_index=len(self._units) == count)
        self._measure.turn_upright(self._units)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._textpage.close()

    def rows(self) -> Iterator[Row]:
        """Lines in the order of pdfium, each cut where a wide gap parts columns or cells."""
        units = self._units
        for stretch in _LINE.finditer(units):
            hyphenated = units[stretch.end() : stretch.end() + 1] in _LINE_HYPHENS
            segments = _segments(units, stretch, self._measure, hyphenated)
            if segments:
                yield segments

    def glyphs(self, line: Line) -> list[Glyph]:
        """What a line of :meth:`rows` is made of, as finely as its text agrees with the page's characters."""
        found: list[Glyph] = []
        for first, after in line.words:
            word = self._glyph((first, after))
            letters = [self._glyph(match.span()) for match in _CHARACTER.finditer(self._units, first, after)]
            # Letters that change each other, or stand from right to left, have only the place of the word.
            fine = "".join(letter.text for letter in letters) == word.text
            found += letters if fine else [word]
        if "".join(glyph.text for glyph in found) != "".join(line.text.split()):
            found = [Glyph(text="".join(line.text.split()), units=line.words)]
        if line.hyphenated:
            after = line.words[-1][1]
            found.append(Glyph(text="-", units=((after, after + 1),), optional=True))
        return found

    def _glyph(self, span: tuple[int, int]) -> Glyph:
        text = _readable(_in_reading_order(self._units[slice(*span)], span[0], self._measure))
        return Glyph(text="".join(text.split()), units=(span,))

    def boxes(self, glyph: Glyph) -> Iterator[Box]:
        """Where the characters stand, in the coordinates of the page as it is written, not as it is shown."""
        for first, after in glyph.units:
            for index in range(first, after):
                box = self._measure.box_as_written(index)
                if box is not None and box[0] < box[2] and box[1] < box[3]:
                    yield box


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

    def box_as_written(self, index: int) -> Box | None:
        """Generous: from the font's ascent to its descent. None for what is not drawn."""
        rect = self._rect
        if not pdfium.FPDFText_GetLooseCharBox(self._textpage, self._char(index), self._reference):
            return None
        return rect.left, rect.bottom, rect.right, rect.top

    def box(self, index: int) -> Box:
        """The same, turned with the page; zeros for what is not drawn."""
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
    boxes: list[Box] = []
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


def _readable(text: str) -> str:
    """Characters of pdfium as documents hold them: ligatures as letters, what nobody can see left out."""
    if text.isascii() and text.isprintable():
        return text
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _PRIVATE.sub("", clean(text.translate(_LETTERS)))


def _line(
    units: str,
    words: Sequence[tuple[int, int]],
    boxes: Sequence[Box],
    measure: _Measure,
    hyphenated: bool,
) -> Line:
    right_to_left = _RIGHT_TO_LEFT.search(units, words[0][0], words[-1][1]) is not None
    text = " ".join(
        _in_reading_order(units[first:after], first, measure) if right_to_left else units[first:after]
        for first, after in words
    )
    text = _readable(text)
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
        words=tuple(words),
    )
