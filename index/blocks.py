"""Which line breaks part a text, and which only wrap it.

A paragraph that was wrapped to a page's width is read as one; headings, list items, table rows, lines of
code and lines that ended on purpose stand alone. Linear in the length of the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

_HEADING = regex.compile(r"[ \t]{0,3}#{1,6}(?:[ \t]|$)")
_RULE = regex.compile(r"[ \t]*+(?:={3,}+|-{3,}+|_{3,}+|\*{3,}+|~{3,}+|(?:[-*_]\s++){2,}+[-*_])\s*+$")
_FENCE = regex.compile(r"[ \t]*+(?:```|~~~)")
_QUOTED = regex.compile(r"[ \t]{0,3}>")
_ITEM = regex.compile(
    r"""[ \t]*+(?:
        [-*+•‣◦▪▸·●○■□–—][ \t]
      | \(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})\)[ \t]
      | \d{1,3}\.(?:\d{1,3}\.?)*+[ \t]
      | \[[ xX]\][ \t]
    )""",
    regex.VERBOSE,
)
_BULLET = regex.compile(r"[ \t]*+[-*+•‣◦▪▸·●○■□–—][ \t]++")
_FIRST_LETTER = regex.compile(r"[\s\"'“‘«„‹(\[{*_>]*+(.)")

# No one wraps text this wide: the breaks between longer lines were typed.
_WIDEST_WRAPPED = 200
# Nor, as a rule, this narrow: the lines of an address, a verse or a list of names. Scripts without capital
# letters say less about it, and Chinese fits more into a line.
_NARROWEST_WRAPPED = 40
_NARROWEST_WRAPPED_CASELESS = 16
# A line this much shorter than the longest of its paragraph did not wrap, it ended.
_SHORT_LINE = 0.6
# Of the lines of wrapped prose, more than this share begin in lower case; records and logs do not.
_RECORD_LINES = 8
_RECORD_SHARE = 0.15
_GOES_ON = ",;-–—(/&"
_FINAL = ".!?…؟۔।॥。！？"


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of text that no sentence crosses; ``whole`` blocks hold no sentence boundary at all."""

    start: int
    end: int
    whole: bool = False


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a text, ascending; white space at either end of a block may belong to it."""
    paragraph: list[tuple[int, int]] = []
    fenced = False
    at = 0
    for line in text.splitlines(keepends=True):
        start, at = at, at + len(line)
        end = start + len(line.rstrip())
        if end == start:
            yield from _paragraph(text, paragraph)
            paragraph = []
            continue
        fence = _FENCE.match(text, start, end) is not None
        alone = (
            fenced
            or fence
            or is_table_row(line)
            or _HEADING.match(text, start, end) is not None
            or _RULE.match(text, start, end) is not None
        )
        fenced ^= fence
        if alone:
            yield from _paragraph(text, paragraph)
            paragraph = []
            yield Block(start, end, whole=True)
            continue
        if paragraph and (
            _ITEM.match(text, start, end) is not None
            or (_QUOTED.match(text, start, end) is None) != (_QUOTED.match(text, *paragraph[-1]) is None)
        ):
            yield from _paragraph(text, paragraph)
            paragraph = []
        paragraph.append((start, end))
    yield from _paragraph(text, paragraph)


def is_list_item(line: str) -> bool:
    """Whether a line begins with a bullet, a number or a letter of a list."""
    return _ITEM.match(line) is not None


def without_frame(line: str) -> tuple[int, int]:
    """Where the words of a list item or a table row begin and end in its line, end exclusive.

    Outside are the bullet of the item, and the bars at both ends of the row; a number or a letter is inside.
    """
    bullet = _BULLET.match(line)
    if bullet is not None:
        return bullet.end(), len(line)
    if not line.lstrip().startswith("|"):
        return 0, len(line)
    inside = line.rstrip().removesuffix("|").rstrip()
    start = len(line) - len(line.lstrip().removeprefix("|").lstrip())
    return start, max(start, len(inside))


def is_table_row(line: str) -> bool:
    """Whether a line is a row of a table: cells parted by bars."""
    return " | " in line or line.lstrip().startswith("|")


def _paragraph(text: str, lines: Sequence[tuple[int, int]]) -> Iterator[Block]:
    if not lines:
        return
    start = lines[0][0]
    longest = max(end - begin for begin, end in lines)
    openings = [_opening(text, *line) for line in lines]
    lower = sum(opening.islower() for opening in openings[1:])
    upper = sum(opening.isupper() or not opening.isalpha() for opening in openings[1:])
    typed = (
        longest > _WIDEST_WRAPPED
        or (longest < (_NARROWEST_WRAPPED if upper else _NARROWEST_WRAPPED_CASELESS) and not lower)
        or (len(lines) >= _RECORD_LINES and upper > lower and lower < _RECORD_SHARE * len(lines))
    )
    for ((begin, end), (following, _)), opening in zip(pairwise(lines), openings[1:], strict=True):
        last = text[end - 1]
        # After a final mark the rules for sentences decide: "Dr." may stand at the end of a line.
        if longest <= _WIDEST_WRAPPED and (opening.islower() or last in _GOES_ON or last in _FINAL):
            continue
        if typed or end - begin < _SHORT_LINE * longest:
            yield Block(start, end)
            start = following
    yield Block(start, lines[-1][1])


def _opening(text: str, start: int, end: int) -> str:
    """The first character of a line that is no bracket, quotation mark or emphasis."""
    found = _FIRST_LETTER.match(text, start, end)
    return "" if found is None else str(found[1])
