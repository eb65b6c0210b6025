"""Recognised words of a page as lines, with the same questions and answers as the text layer of a PDF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median

from index.documents import RecognisedWord, pages_named
from index.loaders.layout import Line, Row, Word
from index.loaders.pdf_lines import Box, Glyph, readable
from index.loaders.right_to_left import runs_from_right

_CELL_GAP = (
    1.8  # of the line's height; recognised boxes are tighter around their letters than those of a font
)
_HYPHENS = ("-", "‐", "\u00ad")


def gave_up_on(pages: Sequence[int]) -> str:
    """What a reader should know of pages that text recognition did not finish."""
    where = pages_named(pages)
    return f"Text recognition gave up on {where}: it took too long there, or too much memory."


class RecognisedLines:
    """The lines that recognised words make. Coordinates as ``index.loaders.layout`` has them: y upwards."""

    def __init__(self, words: Sequence[RecognisedWord], height: float) -> None:
        """Take the words in the order that they are read in.

        Args:
            height: Of the page as it is shown, in points.
        """
        self._words = words
        self._texts = ["".join(readable(word.text).split()) for word in words]
        self._height = height
        self._from_right = runs_from_right(" ".join(self._texts))

    def rows(self) -> Iterator[Row]:
        """Lines in the order of reading, each cut where a wide gap parts columns or cells."""
        numbered = ((number, word) for number, word in enumerate(self._words) if self._texts[number])
        for _, group in groupby(numbered, key=lambda item: item[1].line):
            numbers = [number for number, _ in group]
            size = median(self._words[number].bottom - self._words[number].top for number in numbers)
            row: Row = []
            first = 0
            for at in range(1, len(numbers) + 1):
                ends = at == len(numbers)
                if ends or self._gap(numbers[at - 1], numbers[at]) > _CELL_GAP * size:
                    row.append(self._line(numbers[first:at], size, last=ends))
                    first = at
            yield row

    def glyphs(self, line: Line) -> list[Glyph]:
        """What a line of :meth:`rows` is made of: its words, and the hyphen that was taken off its end."""
        found = [
            Glyph(text=self._texts[word.first], units=((word.first, word.after),)) for word in line.words
        ]
        if line.hyphenated:
            last = found.pop()
            found.append(Glyph(text=last.text[:-1], units=last.units))
            found.append(Glyph(text="-", units=last.units, optional=True))
        return found

    def boxes(self, glyph: Glyph) -> Iterator[Box]:
        """Where its words stand."""
        for first, after in glyph.units:
            for word in self._words[first:after]:
                yield word.left, self._height - word.bottom, word.right, self._height - word.top

    def _gap(self, before: int, after: int) -> float:
        """Points between two words, whichever of them stands on the left."""
        one, other = self._words[before], self._words[after]
        return max(other.left - one.right, one.left - other.right)

    def _line(self, numbers: Sequence[int], size: float, *, last: bool) -> Line:
        words = [self._words[number] for number in numbers]
        text = " ".join(self._texts[number] for number in numbers)
        hyphenated = last and len(text) > 2 and text.endswith(_HYPHENS) and text[-2].isalpha()
        left, right = min(word.left for word in words), max(word.right for word in words)
        if self._from_right:  # mirrored, as the lines of a text layer are
            left, right = -right, -left
        return Line(
            text=text[:-1] if hyphenated else text,
            left=left,
            right=right,
            bottom=self._height - max(word.bottom for word in words),
            top=self._height - min(word.top for word in words),
            size=max(size, 0.1),
            hyphenated=hyphenated,
            words=tuple(Word(number, number + 1) for number in numbers),
        )
