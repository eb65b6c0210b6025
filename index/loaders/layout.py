"""Lines on pages become one text: reading order of columns, paragraphs, joined words, headings.

Pure geometry and text, with no PDF library. Coordinates are points, y upwards.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from index.documents import Heading


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A stretch of one line. ``size`` is the height of its letters with ascent and descent."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float
    bold: bool = False
    hyphenated: bool = False  # a hyphen at its end was removed
    turned: bool = False  # does not run from left to right
    in_row: bool = False  # stands beside others, as the cells of a table do


Row = list[Line]  # the stretches of one line, from left to right


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """An entry of a file's outline; the first ``page`` is 0, the highest ``level`` 1."""

    page: int
    level: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """The text of all pages; ``title`` is the largest heading on the first page, "" if there is none."""

    text: str
    page_starts: tuple[int, ...]
    headings: tuple[Heading, ...]
    title: str


@dataclass(slots=True)
class _Piece:
    """Lines that run on without a break, and the break before them."""

    text: str
    newlines: int
    lines: list[Line]
    start: int = 0
    end: int = 0


# A mark in joined text where a hyphen ended a line: whether it stays is decided over the whole document.
_BREAK = "\ufffe"
_ENDED = re.compile(r"[.!?:;。！？…।][\"'”’»)\]]*$")
_BULLET = re.compile(r"[•◦▪‣○●■□–—*·➢➤✓-]\s")
_NUMBERED = re.compile(r"\(?(?:\d{1,2}|[A-Za-z]|[ivx]{2,4})[.)]\s|\[\d{1,3}\]\s")
_DOT_LEADERS = re.compile(r"\s?(?:\.\s?){4,}")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(r"[-–—\s]*(?:page|seite|página|pagina|p\.)?\s*(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:of|/|von|de|sur)\s*\d{1,4})?[-–—\s]*", re.I)
_WORD = re.compile(r"\w+(?:-\w+)*")
_BROKEN_WORD = re.compile(rf"([\w-]*\w){_BREAK}(\w*)")


def compose(pages: Sequence[Sequence[Row]], bookmarks: Sequence[Bookmark] = ()) -> Composed:
    """Make one text of the lines of all pages."""
    raise NotImplementedError
