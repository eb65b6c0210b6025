"""Tables of all formats as lines of text: one a row, with the names of its columns before the values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from index.loaders.cleaning import clean
from index.loaders.composing import row_line

HEADER_CHARS = 100
_SAMPLE_ROWS = 50
_TELLING_WIDTH = 3  # two columns are as often names and values: the first row is then no header
_MOST_COLUMNS = 1_000
_NUMERIC = re.compile(r"[-+(\d.,:/ %€$£¥)]+")  # with a digit in it: a number, a date, a time, an amount
_ADDRESS = re.compile(r"https?://\S*|\S{1,100}@\S{1,100}")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as the file has it; a merged one is several columns wide or rows high."""

    text: str
    columns: int = 1
    rows: int = 1


@dataclass(slots=True)
class Grid:
    """Rows of a table, put together one by one: each value in its column, however cells are merged.

    What is merged over rows is said in each of them; what is merged over columns stands in the first, but
    as a name it is that of all its columns.
    """

    rows: list[list[str]] = field(default_factory=list)
    _names: list[list[str]] = field(default_factory=list)
    _hanging: dict[int, tuple[int, str, bool]] = field(
        default_factory=dict
    )  # column → rows left, text, first

    def add(self, cells: Sequence[Cell]) -> None:
        """Append a row."""
        row: list[str] = []
        names: list[str] = []
        waiting = list(reversed(cells))
        hanging, self._hanging = self._hanging, {}
        while waiting or any(column >= len(row) for column in hanging):
            at = len(row)
            if at in hanging:
                left, text, first = hanging[at]
                row.append(text if first else "")
                names.append(text)
                if left > 1:
                    self._hanging[at] = (left - 1, text, first)
                continue
            if not waiting:
                row.append("")
                names.append("")
                continue
            cell = waiting.pop()
            for offset in range(min(max(cell.columns, 1), _MOST_COLUMNS - at)):
                if at + offset in hanging:
                    break
                row.append("" if offset else cell.text)
                names.append(cell.text)
                if cell.rows > 1:
                    self._hanging[at + offset] = (cell.rows - 1, cell.text, not offset)
            if at >= _MOST_COLUMNS:
                row[-1:] = [" ".join(filter(None, (row[-1], cell.text)))]
        self.rows.append(row)
        self._names.append(names)

    def headers(self, said: int | None) -> int:
        """How many of the first rows name the columns, as the file says it, or from what stands in them."""
        if said is not None:
            return said
        rows = self.rows[:_SAMPLE_ROWS]
        telling = len(rows) > 1 and width(rows[0]) >= _TELLING_WIDTH and heads_values(rows[0], rows[1:])
        return int(telling)

    def lines(self, headers: int) -> Iterator[str]:
        """Each row that is not blank as a line, the first ones being headers."""
        names = self.names(headers)
        for at, row in enumerate(self.rows):
            line = row_line(row, names if at >= headers else ())
            if line.strip(" |"):
                yield line

    def names(self, headers: int) -> list[str]:
        """The names of the columns from the first rows; [] when they name fewer than two, or are all rows."""
        if not 0 < headers < len(self.rows):
            return []
        width = max(map(len, self._names[:headers]))
        names: list[str] = []
        for column in range(width):
            said = [row[column] for row in self._names[:headers] if column < len(row)]
            parts = dict.fromkeys(" ".join(clean(text).split()) for text in said)
            names.append(" ".join(filter(None, parts)))
        usable = sum(map(bool, names)) > 1 and all(len(name) <= HEADER_CHARS for name in names)
        return names if usable else []


def width(cells: Sequence[str]) -> int:
    """How many cells of a row are not blank."""
    return sum(bool(cell.strip()) for cell in cells)


def heads_values(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a row is a header for certain: it names a column that holds numbers, dates or addresses."""
    return is_header(first, rows) and any(
        name.strip() and 2 * sum(len(row) > at and _is_value(row[at].strip()) for row in rows) > len(rows)
        for at, name in enumerate(first)
    )


def is_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a row names the columns of those below it: short, different words for most of the values.

    A number, date or address is a value and no name.
    """
    names = [cell.strip() for cell in first]
    while names and not names[-1]:
        names.pop()
    widest = max(map(width, rows), default=0)
    filled = [name for name in names if name]
    return (
        len(filled) >= max(1, min(2, widest))
        and 2 * len(filled) >= widest
        and len(set(filled)) == len(filled)
        and all(len(name) <= HEADER_CHARS and not _is_value(name) for name in filled)
    )


def _is_value(cell: str) -> bool:
    if _NUMERIC.fullmatch(cell):
        return any(map(str.isdigit, cell))
    return _ADDRESS.fullmatch(cell) is not None
