"""The text layer of a PDF page: pdfium gives characters and their boxes; here they become lines."""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from types import TracebackType
from typing import Any, Self

import pypdfium2.raw as pdfium

from index.loaders.cleaning import clean
from index.loaders.layout import Line, Row, Word
from index.loaders.right_to_left import (
    RIGHT_TO_LEFT,
    Letter,
    cut_at_gaps,
    in_reading_order,
    line_runs_from_right,
    runs_from_right,
    same_line,
)

# pdfium puts one where a hyphen ended a line, and leaves the line end out.
_LINE_HYPHENS = frozenset("\ufffe\x02")
_LINE = re.compile("[^\r\n\ufffe\x02]+")
_WORD = re.compile(r"[^ \t\u00a0]+")
_CHARACTER = re.compile("[\ud800-\udbff][\udc00-\udfff]|.", re.DOTALL)
_PRIVATE = re.compile("[\ue000-\uf8ff]")
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
        # Of a page that is shown on its head pdfium gives words in reverse, and spaces where there are none.
        self._upside_down = page.get_rotation() == 180
        self._from_right = runs_from_right(self._units)
        self._measure.turn_upright(self._units, by_letters=self._upside_down)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._textpage.close()

    @property
    def characters(self) -> str:
        """Every character of the page as pdfium gives it, one a UTF-16 unit."""
        return self._units

    def rows(self) -> Iterator[Row]:
        """Lines in the order of pdfium, each cut where a wide gap parts columns or cells."""
        for row in self._rows():
            # Mirrored, what is read from right to left begins at its smaller end, as the layout expects.
            yield (
                [replace(each, left=-each.right, right=-each.left) for each in reversed(row)]
                if self._from_right
                else row
            )

    def _rows(self) -> Iterator[Row]:
        units = self._units
        letters: list[Letter] = []  # of a line that is put together by place; pdfium may make several of it
        for stretch in _LINE.finditer(units):
            hyphenated = units[stretch.end() : stretch.end() + 1] in _LINE_HYPHENS
            by_place = self._from_right or self._upside_down or RIGHT_TO_LEFT.search(stretch.group())
            if by_place or letters:
                more = self._letters(stretch.start(), stretch.end() + hyphenated)
                if letters and more and same_line(letters, more):
                    letters += more
                    continue
                if letters:
                    yield self._segments_by_place(letters)
                letters = []
                if by_place:
                    letters = more
                    continue
            if segments := _segments(units, stretch, self._measure, hyphenated):
                yield segments
        if letters:
            yield self._segments_by_place(letters)

    def _letters(self, start: int, end: int) -> list[Letter]:
        found: list[Letter] = []
        space: bool | None = None
        for match in _CHARACTER.finditer(self._units, start, end):
            text = "-" if match[0] in _LINE_HYPHENS else readable(match[0])
            if text and not text.isspace():
                index = match.start()
                left, bottom, right, top = self._measure.box(index)
                if match[0] not in _LINE_HYPHENS or left < right:  # some are not drawn
                    origin = self._measure.origin(index)
                    found.append(Letter(index, text, left, right, bottom, top, origin, space))
            if text and not self._upside_down:  # what nobody can see says nothing
                space = text.isspace()
        return found

    def _segments_by_place(self, letters: Sequence[Letter]) -> Row:
        """The pieces of a line from left to right, whatever the order of its letters."""
        size = max(_typical(letters).top - _typical(letters).bottom, 0.1)
        return [self._line_by_place(group, size) for group in cut_at_gaps(letters, _CELL_GAP * size)]

    def _line_by_place(self, letters: Sequence[Letter], size: float) -> Line:
        from_right = self._from_right or line_runs_from_right(letters)
        read = in_reading_order(letters, from_right=from_right)
        fonts = [self._measure.font(each.letter.index) for each in (read[0], read[-1])]
        typical = _typical(letters)
        return Line(
            text="".join(f" {each.text}" if each.after_space else each.text for each in read),
            left=min(each.left for each in letters),
            right=max(each.right for each in letters),
            bottom=typical.bottom,
            top=typical.top,
            size=size,
            bold=all(font.bold for font in fonts),
            fixed=all(font.fixed for font in fonts),
            turned=len(letters) > 2 and abs(read[0].letter.bottom - read[-1].letter.bottom) > size,
            words=tuple(Word(each.letter.index, each.letter.index + 1, each.text) for each in read),
        )

    def glyphs(self, line: Line) -> list[Glyph]:
        """What a line of :meth:`rows` is made of, as finely as its text agrees with the page's characters."""
        found: list[Glyph] = []
        for word in line.words:
            if word.reading:
                found.append(Glyph(text=word.reading, units=((word.first, word.after),)))
                continue
            whole = self._glyph((word.first, word.after))
            letters = [self._glyph(match.span()) for match in _CHARACTER.finditer(self._units, *word[:2])]
            # Letters that change each other have only the place of the word.
            fine = "".join(letter.text for letter in letters) == whole.text
            found += letters if fine else [whole]
        if "".join(glyph.text for glyph in found) != "".join(line.text.split()):
            spans = tuple((word.first, word.after) for word in line.words)
            found = [Glyph(text="".join(line.text.split()), units=spans)]
        if line.hyphenated:
            after = line.words[-1].after
            found.append(Glyph(text="-", units=((after, after + 1),), optional=True))
        return found

    def _glyph(self, span: tuple[int, int]) -> Glyph:
        return Glyph(text="".join(readable(self._units[slice(*span)]).split()), units=(span,))

    def boxes(self, glyph: Glyph) -> Iterator[Box]:
        """Where the characters stand, in the coordinates of the page as it is written, not as it is shown."""
        for first, after in glyph.units:
            for index in range(first, after):
                box = self._measure.box_as_written(index)
                if box is not None and box[0] < box[2] and box[1] < box[3]:
                    yield box


def private_chars(characters: str) -> int:
    """How many characters :meth:`TextPage.rows` leaves out because only their font knows what they mean."""
    return len(_PRIVATE.findall(characters.translate(_LETTERS)))


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

    def turn_upright(self, units: str, *, by_letters: bool) -> None:
        """Find out which way most lines run: on a page in landscape format that is often upwards.

        Args:
            by_letters: Ask the letters, and not which end of a line comes first.
        """
        ways: Counter[int] = Counter()
        for stretch in islice(_LINE.finditer(units), _LINES_TO_TELL_THE_WAY):
            words = stretch.group().strip()
            if len(words) < 3:
                continue
            at = units.index(words, stretch.start())
            if by_letters or RIGHT_TO_LEFT.search(words):  # which of its ends comes first says nothing
                angle = pdfium.FPDFText_GetCharAngle(self._textpage, self._char(at))
                ways[-round(angle / (math.pi / 2)) % 4] += len(words)  # it counts clockwise
                continue
            first = self.box(at)
            last = self.box(at + len(words) - 1)
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

    def origin(self, index: int) -> float:
        """Where the pen was along the line, on the page turned as for :meth:`box`."""
        x, y = ctypes.c_double(), ctypes.c_double()
        if not pdfium.FPDFText_GetCharOrigin(self._textpage, self._char(index), x, y):
            return math.inf
        return (x.value, y.value, -x.value, -y.value)[self._rotation]

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


def _typical(letters: Sequence[Letter]) -> Letter:
    """One whose box is as high as its font: joined letters have that of their ink."""
    return sorted(letters, key=lambda each: each.top - each.bottom)[9 * (len(letters) - 1) // 10]


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


def readable(text: str) -> str:
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
    text = readable(" ".join(units[first:after] for first, after in words))
    heights = sorted(top - bottom for _, bottom, _, top in boxes)
    first, last = boxes[0], measure.box(words[-1][1] - 1)
    first_font, last_font = measure.font(words[0][0]), measure.font(words[-1][1] - 1)
    size = max(heights[len(heights) // 2], 0.1)
    left, right = min(first[0], last[0]), max(first[2], last[2])
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
        words=tuple(Word(*word) for word in words),
    )
