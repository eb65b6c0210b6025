"""Rows of text as rows of a table: which stretch of a line belongs to which column.

The loaders write a row as one line, ``Item: Pump | Price: 12`` under a line that names the columns; Markdown
keeps its own ``| Pump | 12 |``. Nothing is changed here, a line is only parted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

_BORDER = " | "
_PIPE = re.compile(r"(?<!\\)\|")
_DELIMITERS = re.compile(r"[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+")
_NAME = re.compile(r"([^:|\n]{1,80}): ")
_LINES_ABOVE = 6  # captions and the header, which a loader looks for among the first rows
_MOST_COLUMNS = 200
_MOST_LINES_UP = 5_000
_LONGEST_HEADER = 20_000  # characters
_ROWS_TRIED = 3  # of those at the end of a table, when the names of its columns are looked for


Role = Literal["header", "delimiter", "caption", "data"]


@dataclass(frozen=True, slots=True)
class Cell:
    """Offsets of a cell in its text: before ``value`` stands its name, after ``value_end`` the border."""

    column: int
    start: int
    value: int
    value_end: int
    end: int


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table, its cells from left to right; a caption has one, which takes the whole width."""

    cells: Sequence[Cell]
    role: Role


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that stand one below the other. ``names`` of the columns are those of a header that is not one of
    the rows, () where there is none, or where it is a row."""

    rows: Sequence[Row]
    names: tuple[str, ...]
    columns: int


class Headers:
    """The lines of one text that name the columns of the rows below them.

    A window holds many rows, and each asks for the same few lines, which may be very long: what was read is
    remembered. For one drawing at a time, as it holds the text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._part = (0, -1)  # the last that was looked for: from after a blank line to a row in it
        self._names: dict[int, tuple[str, ...]] = {}  # by where a line begins
        self._tops: dict[int, int] = {}  # by where a row of Markdown begins
        self._markdown: dict[int, tuple[str, ...] | None] = {}  # by where the first row begins

    def above(self, start: int, end: int) -> tuple[int, tuple[str, ...]] | None:
        """The line above a row that names its columns, as its start and the names; None where there is none.

        It is one of the first lines of the table, which a blank line parts from what stands before it.
        """
        at = self._part_start(start)
        found = None
        for _ in range(_LINES_ABOVE):
            stop = self.text.find("\n", at, start)
            if stop < 0 or stop - at > _LONGEST_HEADER:
                break
            if at not in self._names:
                self._names[at] = self._names_in(at, stop)
            names = self._names[at]
            if names and _fit(self.text, start, end, names):
                found = at, names
            at = stop + 1
        return found

    def top_of_bars(self, start: int) -> int:
        """Where the first of the lines with bars begins that this line is the last of, or one of the last."""
        at = start
        for _ in range(_MOST_LINES_UP):
            if at in self._tops:
                at = self._tops[at]
                break
            above = self.text.rfind("\n", 0, max(0, at - 1)) + 1
            if at == 0 or self.text.find("|", above, at) < 0:
                break
            at = above
        self._tops[start] = at
        return at

    def of_markdown(self, top: int) -> tuple[str, ...] | None:
        """The names in the first line of a table, where one below it says that it is a header; else None.

        They are () where there are too many of them to stand above rows again.
        """
        if top not in self._markdown:
            self._markdown[top] = self._read_markdown(top)
        return self._markdown[top]

    def _part_start(self, start: int) -> int:
        top, known = self._part
        if not top <= start <= known:
            # From the row that was looked for last, if that stands further up: not through a whole book.
            since = known - 1 if 0 < known < start else 0
            blank = self.text.rfind("\n\n", since, start)
            top = blank + 2 if blank >= 0 else top if since else 0
            self._part = top, start
        return top

    def _names_in(self, at: int, stop: int) -> tuple[str, ...]:
        if self.text.count(_BORDER, at, stop) >= _MOST_COLUMNS:
            return ()
        return tuple(self.text[cell.value : cell.value_end].strip() for cell in cells_of(self.text, at, stop))

    def _read_markdown(self, top: int) -> tuple[str, ...] | None:
        text = self.text
        stop = text.find("\n", top)
        below = text.find("\n", stop + 1)
        if stop < 0 or not is_delimiter_row(text[stop + 1 : below if below >= 0 else len(text)]):
            return None
        if stop - top > _LONGEST_HEADER or text.count("|", top, stop) > _MOST_COLUMNS:
            return ()
        return tuple(text[cell.value : cell.value_end].strip() for cell in markdown_cells(text, top, stop))


def read_table(headers: Headers, lines: Sequence[tuple[int, int]], *, markdown: bool) -> Table:
    """Lines of a text as a table; its header may stand further up in the text.

    Args:
        headers: Of the text.
        lines: Start and end of each, at least one.
        markdown: Whether bars part the cells as Markdown has it.
    """
    rows, names = _markdown_rows(headers, lines) if markdown else _named_rows(headers, lines)
    columns = max(len(names), *(cell.column + 1 for row in rows for cell in row.cells))
    return Table(rows, names, columns)


def without_names(table: Table, *, markdown: bool) -> Table:
    """The table without names above it: they then stand in its cells, where the text has them."""
    rows = table.rows
    if not markdown:
        rows = [
            replace(row, cells=[replace(cell, value=cell.start) for cell in row.cells]) for row in table.rows
        ]
    return Table(rows, (), table.columns)


def _named_rows(headers: Headers, lines: Sequence[tuple[int, int]]) -> tuple[list[Row], tuple[str, ...]]:
    text = headers.text
    above = next(filter(None, (headers.above(*line) for line in lines[: -_ROWS_TRIED - 1 : -1])), None)
    header, names = above if above is not None else (-1, _names_within(text, lines))
    rows: list[Row] = []
    for start, end in lines:
        if start == header:
            rows.append(Row(cells_of(text, start, end), "header"))
            continue
        named = start > header and _fit(text, start, end, names)
        cells = cells_of(text, start, end, names if named else ())
        rows.append(Row(cells, "caption" if len(cells) == 1 and not named else "data"))
    return rows, () if header >= lines[0][0] else names


def _markdown_rows(headers: Headers, lines: Sequence[tuple[int, int]]) -> tuple[list[Row], tuple[str, ...]]:
    text = headers.text
    header = headers.top_of_bars(lines[0][0])
    names = headers.of_markdown(header)
    rows: list[Row] = []
    for start, end in lines:
        if names is not None and is_delimiter_row(text[start:end]):
            rows.append(Row((Cell(0, start, end, end, end),), "delimiter"))
        else:
            first = names is not None and start == header
            rows.append(Row(markdown_cells(text, start, end), "header" if first else "data"))
    return rows, names if names is not None and header < lines[0][0] else ()


def cells_of(text: str, start: int, end: int, names: Sequence[str] = ()) -> list[Cell]:
    """The cells of a line; together they are the whole line.

    Args:
        names: Of the columns, as the line has them before its values; "" for one without a name.
            A stretch that no name fits belongs to the cell before it.
    """
    edges = [(start, start), *_borders(text, start, end), (end, end)]
    found: list[Cell] = []
    for (_, begin), (stop, after) in pairwise(edges):
        column, value = _column(text, begin, stop, names, found[-1].column if found else -1)
        if column is not None:
            found.append(Cell(column, begin, value, stop, after))
        elif found:
            found[-1] = replace(found[-1], value_end=stop, end=after)
        else:
            found.append(Cell(0, begin, value, stop, after))
    return found


def markdown_cells(text: str, start: int, end: int) -> list[Cell]:
    """The cells of a row as Markdown writes it, the bars on the outside being optional."""
    pipes = [match.start() for match in _PIPE.finditer(text, start, end)]
    inner_start, inner_end = start, end
    if pipes and not text[start : pipes[0]].strip():
        inner_start = pipes.pop(0) + 1
    if pipes and not text[pipes[-1] + 1 : end].strip():
        inner_end = pipes.pop()
    begins = [inner_start, *(pipe + 1 for pipe in pipes)]
    ends = [*pipes, inner_end]
    borders = [*begins[1:], end]
    return [
        Cell(at, begin if at else start, begin, stop, after)
        for at, (begin, stop, after) in enumerate(zip(begins, ends, borders, strict=True))
    ]


def is_delimiter_row(line: str) -> bool:
    """Whether a line is the one that Markdown has below the header of a table."""
    return "-" in line and "|" in line and _DELIMITERS.fullmatch(line) is not None


def _names_within(text: str, rows: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """The names that all of these rows have before their values; () where they differ."""
    first = cells_of(text, *rows[0])
    matches = [_NAME.match(text, cell.start, cell.value_end) for cell in first]
    names = tuple(match[1] for match in matches if match is not None)
    if len(names) < len(first) or len(set(names)) < len(names) or len(rows) < 2:
        return ()
    return names if all(_fit(text, start, end, names) for start, end in rows) else ()


def _borders(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    if text.startswith(_BORDER.lstrip(), start, end):  # the first cell is empty
        yield start, start + 2
        start += 2
    while (at := text.find(_BORDER, start, end)) >= 0:
        yield at, at + len(_BORDER)
        start = at + len(_BORDER)


def _column(text: str, start: int, end: int, names: Sequence[str], last: int) -> tuple[int | None, int]:
    """The column that a stretch belongs to, after the ``last`` one, and where its value begins."""
    if not names:
        return last + 1, start
    unnamed = None
    for column in range(last + 1, len(names)):
        name = names[column]
        if name and text.startswith(f"{name}: ", start, end):
            return column, start + len(name) + 2
        if not name and unnamed is None:
            unnamed = column
    if unnamed is None and last + 1 >= len(names):
        unnamed = last + 1
    return unnamed, start


def _fit(text: str, start: int, end: int, names: Sequence[str]) -> bool:
    """Whether the row has these names before its values, at least one, and no more stretches without."""
    cells = cells_of(text, start, end, names)
    named = sum(
        cell.value > cell.start and bool(names[cell.column]) for cell in cells if cell.column < len(names)
    )
    return named > 0 and 2 * named >= len(cells)
