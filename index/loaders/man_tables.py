"""Tables of manual pages (tbl): their rows, from ``.TS`` to ``.TE``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from index.loaders.table_rows import Cell, Grid

_SEPARATOR = re.compile(r"tab[ \t]*\(([^\n])\)")
_RULE = re.compile(r"[ \t]*[_=][_= \t]*")
_SPANNED = ("\\^", "\\_", "_", "=")


class ManTable:
    """Takes the lines of one table, and says its rows once it has them all."""

    def __init__(self, said: Callable[[str], str]) -> None:
        """Start before the first line.

        Args:
            said: What a line says: without escapes, and of a request what its arguments are.
        """
        self._said = said
        self._grid = Grid()
        self._separator = "\t"
        self._first = True
        self._in_format = True
        self._format_rows = 0
        self._headers: int | None = None  # where a line below the first row says that it is one
        self._cells: list[str] = []
        self._block: list[str] | None = None  # the lines of a cell that is a text of its own

    def add(self, line: str) -> None:
        """The next line, as it stands in the file."""
        if self._block is not None:
            if not line.startswith("T}"):
                self._block.append(self._said(line))
                return
            self._cells.append(" ".join(self._block))
            self._block = None
            self._row(line[2:].removeprefix(self._separator), going_on=bool(line[2:]))
        elif self._in_format:
            stripped = line.rstrip()
            if self._first and stripped.endswith(";"):
                separator = _SEPARATOR.search(stripped)
                self._separator = separator[1] if separator else "\t"
            else:
                self._format_rows += 1
                if self._format_rows == 2 and _RULE.fullmatch(stripped.removesuffix(".")):
                    self._headers = 1
                self._in_format = not stripped.endswith(".")
            self._first = False
        elif line.startswith(".T&"):
            self._in_format = True
        elif _RULE.fullmatch(line):
            if len(self._grid.rows) == 1:
                self._headers = 1
        elif line.strip() and line[:1] not in (".", "'"):
            self._row(line, going_on=True)

    def _row(self, line: str, *, going_on: bool) -> None:
        parts = line.split(self._separator) if going_on else []
        for number, part in enumerate(parts):
            if part.strip() == "T{" and number == len(parts) - 1:
                self._block = []
                return
            self._cells.append("" if part.strip() in _SPANNED else self._said(part))
        self._grid.add([Cell(text) for text in self._cells])
        self._cells = []

    def lines(self) -> Iterator[str]:
        """Each row as a line, with the names of the columns where the first row tells them."""
        if self._block is not None or self._cells:  # the page ends in the middle of a row
            self._grid.add([Cell(text) for text in (*self._cells, " ".join(self._block or ()))])
        yield from self._grid.lines(self._grid.headers(self._headers))
