"""A window of a document's text as blocks: headings, paragraphs, list items, rows, numbered lines.

The blocks are stretches of the text; together with the gaps between them they are the whole window, so that
whoever draws them can put marks at any offset. They are told from what the text says and from what its loader
noted beside it, so documents that were indexed long ago have them, too.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from index.blocks import is_list_item, is_table_row
from index.documents import ParsedDocument, has_drawn_pages
from index.loaders.names import is_source
from ui.text_tables import Headers

Kind = Literal["heading", "paragraph", "item", "row", "line", "code", "fence", "rule", "adornment", "quote"]

_MARKDOWN = "text/markdown"
_MARKED_UP = (_MARKDOWN, "text/x-rst")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_FENCE_LINES = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_RULE = re.compile(r"[ \t]*([-=*_~^\"'`+#.:])(?:[ \t]?\1){2,}[ \t]*")
_QUOTED = re.compile(r"[ \t]{0,3}>")
_INDENTED = re.compile(r"^(?: {2,}|\t)\S", re.MULTILINE)
_DEEP = re.compile(r"(?: {4}|\t)")
_PLAIN = "text/plain"
_DEEPEST = 5  # levels of lists that are told apart
_ROW = re.compile(r"(?:(?P<part>.*), )?(?:row|line|item) (?P<number>\d+)")
_HEADING_SHARE = 0.6  # of its line; less is a heading that runs into its paragraph
_WIDEST_SNAP = 2_000  # characters that a window grows by to begin and end with a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A stretch ``[start, end)`` of the text without the line end after it.

    Attributes:
        level: Of a heading, the highest is 1; of a list item, how deep it stands, the outermost is 1.
        number: What people call the row or line; "" where it has no number.
        part: What people call the part of the document that begins here, such as "slide 3"; else "".
    """

    kind: Kind
    start: int
    end: int
    level: int = 1
    number: str = ""
    part: str = ""


def snapped(text: str, start: int, end: int) -> tuple[int, int]:
    """The window, kept within the text and grown to whole lines unless these are very long."""
    start, end = min(max(start, 0), len(text)), min(max(start, end, 0), len(text))
    begin = text.rfind("\n", max(0, start - _WIDEST_SNAP), start) + 1
    if begin or start <= _WIDEST_SNAP:
        start = begin
    stop = text.find("\n", end, end + _WIDEST_SNAP)
    if stop >= 0:
        end = stop
    elif len(text) - end <= _WIDEST_SNAP:
        end = len(text)
    return start, end


def blocks_of(document: ParsedDocument, headers: Headers, start: int, end: int) -> Iterator[Block]:
    """The blocks of a window, ascending; what lies between them is white space.

    Args:
        headers: Of the document's text.
    """
    if is_source(document.media_type):
        yield from _numbered(document.text, start, end)
    else:
        yield from _Reader(document, headers).read(start, end)


def part_at(document: ParsedDocument, offset: int) -> str:
    """The part that holds this character, without the number of its row; "" where it has no name."""
    return _part(document.locator_at(offset))[0]


def _part(words: str) -> tuple[str, str]:
    """The name of a part and the number of a row in it, of which one may be missing."""
    row = _ROW.fullmatch(words)
    return (words, "") if row is None else (row["part"] or "", row["number"])


def _numbered(text: str, start: int, end: int) -> Iterator[Block]:
    number = text.count("\n", 0, start) + 1
    for line_start, line_end in _lines(text, start, end):
        if line_start == len(text) > 0:
            return  # what follows the last line end is no line
        yield Block(kind="line", start=line_start, end=line_end, number=str(number))
        number += 1


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start <= end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        yield start, stop
        start = stop + 1


class _Reader:
    """Reads one document; lines are gathered until one comes that belongs to another block."""

    def __init__(self, document: ParsedDocument, headers: Headers) -> None:
        self._document = document
        self._headers = headers
        self._text = document.text
        self._media_type = document.media_type
        self._marked_up = document.media_type in _MARKED_UP
        # Their lines are as their author, or a page, broke them.
        self._without_tables = document.media_type == _PLAIN or has_drawn_pages(document.media_type)
        self._heading_ends = [heading.end for heading in document.headings]
        self._row_numbers: dict[int, str] = {}  # by where a row begins

    def read(self, start: int, end: int) -> Iterator[Block]:
        lines = list(_lines(self._text, start, end))
        locators = self._document.locators
        first, after = (bisect_left(locators, at, key=lambda it: it.start) for at in (start, end + 1))
        self._row_numbers = {it.start: _part(it.words)[1] for it in locators[first:after]}
        kinds = self._kinds(lines)
        part = ""
        first = 0
        while first < len(lines):
            kind = kinds[first]
            last = first + 1
            while last < len(lines) and self._goes_on(kind, kinds[last]):
                last += 1
            begin, stop = lines[first][0], lines[last - 1][1]
            if kind.name:
                now = part_at(self._document, begin)
                yield Block(
                    kind="code" if kind.name == "paragraph" and self._is_code(begin, stop) else kind.name,
                    start=begin,
                    end=stop,
                    level=kind.level,
                    number=kind.number,
                    part=now if now != part else "",
                )
                part = now
            first = last

    def _kinds(self, lines: Sequence[tuple[int, int]]) -> list[_LineKind]:
        fenced = self._marked_up and len(_FENCE_LINES.findall(self._text, 0, lines[0][0])) % 2 == 1
        kinds: list[_LineKind] = []
        for first, last in lines:
            fence = self._marked_up and _FENCE.match(self._text, first, last) is not None
            kinds.append(
                _LineKind("fence") if fence else _LineKind("code") if fenced else self._kind(first, last)
            )
            fenced ^= fence
        for at, kind in enumerate(kinds):
            if kind.name == "row" and not kind.number and self._stands_alone(*lines[at]):
                kinds[at] = _LineKind("paragraph")
            elif (
                kind.name == "paragraph"
                and at
                and kinds[at - 1].name == "row"
                and self._has_names(*lines[at])
            ):
                kinds[at] = _LineKind("row")  # all its cells but one are empty
        return [
            _LineKind("adornment")
            if kind.name == "rule" and any(each.name == "heading" for each in _beside(kinds, at))
            else kind
            for at, kind in enumerate(kinds)
        ]

    def _kind(self, first: int, last: int) -> _LineKind:
        line = self._text[first:last]
        if not line.strip():
            return _LineKind("")
        at = bisect_right(self._heading_ends, first)
        if at < len(self._heading_ends):
            heading = self._document.headings[at]
            shared = min(last, heading.end) - max(first, heading.start)
            if shared >= _HEADING_SHARE * len(line.strip("# \t")):
                return _LineKind("heading", level=heading.level, heading=at)
        if self._row_numbers.get(first):
            return _LineKind("row", number=self._row_numbers[first])
        if is_table_row(line) and not self._without_tables:
            return _LineKind("row")
        if self._marked_up and _RULE.fullmatch(line):
            return _LineKind("rule")
        if not has_drawn_pages(self._media_type) and _QUOTED.match(line):
            return _LineKind("quote")
        if is_list_item(line):
            indent = len(line) - len(line.lstrip())
            return _LineKind("item", level=1 + min(_DEEPEST, indent // 2))
        return _LineKind("paragraph")

    def _stands_alone(self, start: int, end: int) -> bool:
        """Whether no other row stands above or below a line with bars: then they are no borders of cells."""
        above = self._text[self._text.rfind("\n", 0, max(0, start - 1)) + 1 : start]
        below_end = self._text.find("\n", end + 1)
        below_end = below_end if below_end >= 0 else len(self._text)
        bars = is_table_row(above) or is_table_row(self._text[end + 1 : below_end])
        return not bars and not self._has_names(start, end) and not self._has_names(end + 1, below_end)

    def _has_names(self, start: int, end: int) -> bool:
        return not self._without_tables and self._headers.above(start, end) is not None

    def _goes_on(self, kind: _LineKind, after: _LineKind) -> bool:
        """Whether a line of a kind belongs to the block of the line before it."""
        if after.name == "paragraph":
            return kind.name in ("paragraph", "item")
        if after.name == "heading":
            return kind.name == "heading" and kind.heading == after.heading
        return kind.name == after.name and kind.name in ("code", "quote")

    def _is_code(self, start: int, end: int) -> bool:
        """Whether a paragraph is set in columns: its lines are indented, or they are code in Markdown."""
        if self._media_type == _MARKDOWN:
            return all(_DEEP.match(self._text, *line) for line in _lines(self._text, start, end))
        if self._without_tables or self._marked_up:
            return False
        return "\n" in self._text[start:end] and _INDENTED.search(self._text, start, end) is not None


@dataclass(frozen=True, slots=True)
class _LineKind:
    name: Kind | Literal[""]  # "": blank
    level: int = 1
    number: str = ""
    heading: int = -1  # which heading of the document


def _beside(kinds: Sequence[_LineKind], at: int) -> list[_LineKind]:
    return [kinds[each] for each in (at - 1, at + 1) if 0 <= each < len(kinds)]
