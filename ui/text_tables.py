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


def read_table(text: str, lines: Sequence[tuple[int, int]], *, markdown: bool) -> Table:
    """Lines of a text as a table; its header may stand further up in the text.

    Args:
        lines: Start and end of each, at least one.
        markdown: Whether bars part the cells as Markdown has it.
    """
    rows, names = _markdown_rows(text, lines) if markdown else _named_rows(text, lines)
    columns = max(len(names), *(cell.column + 1 for row in rows for cell in row.cells))
    return Table(rows, names, columns)


def _named_rows(text: str, lines: Sequence[tuple[int, int]]) -> tuple[list[Row], tuple[str, ...]]:
    above = next(filter(None, (names_above(text, *line) for line in lines[: -_ROWS_TRIED - 1 : -1])), None)
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


def _markdown_rows(text: str, lines: Sequence[tuple[int, int]]) -> tuple[list[Row], tuple[str, ...]]:
    top = _top_of_bars(text, lines[0][0])
    first, second = [*text[top : lines[-1][1]].split("\n", 2), ""][:2]
    has_header = is_delimiter_row(second)
    header = top if has_header else -1
    rows: list[Row] = []
    for start, end in lines:
        if has_header and is_delimiter_row(text[start:end]):
            rows.append(Row((Cell(0, start, end, end, end),), "delimiter"))
        else:
            rows.append(Row(markdown_cells(text, start, end), "header" if start == header else "data"))
    if not has_header or header >= lines[0][0]:
        return rows, ()
    return rows, tuple(
        text[cell.value : cell.value_end].strip() for cell in markdown_cells(text, top, top + len(first))
    )


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


def _top_of_bars(text: str, start: int) -> int:
    """Where the first of the lines with bars begins that this line is the last of, or one of the last."""
    for _ in range(_MOST_LINES_UP):
        above = text.rfind("\n", 0, max(0, start - 1)) + 1
        if start == 0 or "|" not in text[above:start]:
            break
        start = above
    return start


def is_delimiter_row(line: str) -> bool:
    """Whether a line is the one that Markdown has below the header of a table."""
    return "-" in line and "|" in line and _DELIMITERS.fullmatch(line) is not None


def names_above(text: str, start: int, end: int) -> tuple[int, tuple[str, ...]] | None:
    """The line above a row that names its columns, as its start and the names; None where there is none.

    It is one of the first lines of the table, which a blank line parts from what stands before it.
    """
    blank = text.rfind("\n\n", 0, start)
    at = blank + 2 if blank >= 0 else 0
    found = None
    for _ in range(_LINES_ABOVE):
        stop = text.find("\n", at, start)
        if stop < 0 or stop - at > _LONGEST_HEADER:
            break
        names = tuple(text[cell.value : cell.value_end].strip() for cell in cells_of(text, at, stop))
        if len(names) <= _MOST_COLUMNS and _fit(text, start, end, names):
            found = at, names
        at = stop + 1
    return found


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
