"""Excel workbooks: each sheet under a heading, each row a line with the names of its columns, then charts.

The XML is walked here, and not with openpyxl, so that everything unpacked is counted: a workbook of
50 MB may hold gigabytes. A formula gives the value that was last computed; one that never was, nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import islice
from xml.etree.ElementTree import Element, ParseError, iterparse

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders.archive import Archive
from index.loaders.cell_formats import built_in_format, shown_number
from index.loaders.charts import chart_titles
from index.loaders.cleaning import one_line, sensible_title
from index.loaders.composing import Composition
from index.loaders.csv_rows import add_table
from index.loaders.refusals import damaged
from index.loaders.table_rows import heads_values, width
from index.loaders.xml_parts import (
    attribute,
    child,
    children,
    has_doctype,
    local,
    part,
    related_ids,
    related_of_kind,
    related_parts,
)

_MAX_COLUMNS = 16_384  # as Excel has
_MAX_ROW = 1_048_576
_MAX_CELLS = 3_000_000
_MAX_MERGED = 10_000
_MERGED = re.compile(
    rb'<(?:\w{1,20}:)?mergeCell\s[^<>]{0,100}?ref="([A-Z]{1,3})([0-9]{1,7}):[A-Z]{1,3}([0-9]{1,7})"'
)
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_MAX_CHARTS = 200  # of a sheet
_BLANK_GAP = 1  # empty rows part one table of a sheet from the next


def load_xlsx(data: bytes, *, media_type: str, max_chars: int) -> ParsedDocument:
    """Sheets in their order, hidden ones named as such; rows count as in Excel.

    Raises DocumentError ``damaged``, ``password``, ``too_large`` or ``no_text``.
    """
    composition = Composition(max_chars)
    warnings: list[str] = []
    with Archive(data) as archive:
        name = related_parts(archive, "").get("officeDocument", "xl/workbook.xml")
        workbook = part(archive, name)
        if workbook is None:
            raise damaged()
        related = related_parts(archive, name)
        reader = _Reader(
            strings=_shared_strings(archive, related.get("sharedStrings")),
            formats=_cell_formats(part(archive, related.get("styles"), required=False)),
            epoch_1904=attribute(child(workbook, "workbookPr"), "date1904") in ("1", "true"),
        )
        parts_by_id = related_ids(archive, name)
        for sheet in children(child(workbook, "sheets")):
            source_name = parts_by_id.get(attribute(sheet, "id") or "", "")
            source = archive.read(source_name)
            title = one_line(attribute(sheet, "name") or "", 100)
            if source is None:
                warnings.append(f"The sheet “{title}” is missing in the file.")
                continue
            if not title:
                continue
            hidden = attribute(sheet, "state") in ("hidden", "veryHidden")
            charts = _chart_titles(archive, source_name)
            _add_sheet(composition, title, reader.rows(source), charts, hidden=hidden)
        properties = part(archive, "docProps/core.xml", required=False)
    if not composition.length and warnings:
        raise damaged()
    if not composition.length:
        raise DocumentError(
            "no_text",
            "The workbook holds no values, perhaps only charts or pictures.",
            hint="Export it as PDF and index that.",
        )
    named = child(properties, "title")
    return composition.document(
        media_type=media_type,
        title=sensible_title("" if named is None else named.text or ""),
        warnings=warnings,
    )


def _chart_titles(archive: Archive, sheet: str) -> list[list[str]]:
    """The titles of each chart on a sheet, and of its axes. What it draws stands in cells of the workbook."""
    names = [
        name
        for drawing in related_of_kind(archive, sheet, "drawing")[:1]  # a sheet has no more
        for name in related_of_kind(archive, drawing, "chart")[:_MAX_CHARTS]
    ]
    titles = (list(chart_titles(part(archive, name, required=False))) for name in names)
    return list(filter(None, titles))


def _add_sheet(
    composition: Composition,
    title: str,
    rows: Iterator[tuple[int, Sequence[str]]],
    charts: Sequence[Sequence[str]],
    *,
    hidden: bool,
) -> None:
    tables: list[list[tuple[int, Sequence[str]]]] = []
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if not tables or number - tables[-1][-1][0] > _BLANK_GAP:
            tables.append([])
        tables[-1].append((number, cells))
    if not tables and not charts:
        return
    composition.begin(f"sheet {title}")
    composition.add_heading(f"{title} (hidden sheet)" if hidden else title, 1)
    for table in _rejoined(tables):
        add_table(composition, table, name=f"sheet {title}")
    for number, titles in enumerate(charts, 1):
        composition.begin(f"sheet {title}, chart {number}")
        composition.add("Chart: " + " | ".join(titles))


def _rejoined(
    tables: Sequence[list[tuple[int, Sequence[str]]]],
) -> Iterator[list[tuple[int, Sequence[str]]]]:
    """Tables as people see them: rows after a gap go on with the table above when they have no header.

    One cell alone after a gap is a caption, or a note below: what follows it is a table of its own.
    """
    current: list[tuple[int, Sequence[str]]] = []
    for rows in tables:
        first = rows[0][1]
        rest = [cells for _, cells in rows[1:50]]
        begins = width(first) < 2 or (bool(rest) and heads_values(first, rest))
        if begins and current:
            yield current
            current = []
        current += rows
    if current:
        yield current


class _Reader:
    def __init__(self, *, strings: Sequence[str], formats: Sequence[str], epoch_1904: bool) -> None:
        self._strings = strings
        self._formats = formats
        self._epoch_1904 = epoch_1904
        self._cells_left = _MAX_CELLS

    def rows(self, source: bytes) -> Iterator[tuple[int, Sequence[str]]]:
        """Number, from 1, and cells of each row; what is merged over rows is said in each of them."""
        number = 0
        merged = _merged_rows(source)
        filling: dict[int, tuple[int, str]] = {}  # column → last row and text of the area it is in
        for row in _elements(source, "row"):
            given = attribute(row, "r") or ""
            number = int(given) if given.isascii() and given.isdigit() and len(given) < 8 else number + 1
            if number > _MAX_ROW:
                raise damaged()
            cells: list[str] = []
            for cell in row:
                if local(cell) != "c":
                    continue
                column = _column(attribute(cell, "r"), len(cells))
                text = self._text(cell)
                if not text:
                    continue
                self._cells_left -= 1 + column - len(cells)
                if self._cells_left < 0:
                    raise DocumentError(
                        "too_large",
                        f"The workbook has more than {_MAX_CELLS:,} cells.",
                        hint="Save the sheets you need as files of their own and index those.",
                    )
                cells += [""] * (column - len(cells))
                cells[column:] = [text]
                if (last := merged.get((number, column))) is not None:
                    filling[column] = (last, text)
            if any(cells):
                for column, (last, text) in filling.items():
                    if number <= last and column < len(cells) and not cells[column]:
                        cells[column] = text
            yield number, cells

    def _text(self, cell: Element) -> str:
        kind = attribute(cell, "t") or "n"
        if kind == "inlineStr":
            return _rich_text(child(cell, "is"))
        value = child(cell, "v")
        text = "" if value is None else value.text or ""
        if kind == "s":
            at = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
            return self._strings[at] if 0 <= at < len(self._strings) else ""
        if kind == "b":
            return {"0": "FALSE", "1": "TRUE"}.get(text, text)
        if kind in ("str", "e"):
            return text
        if kind == "d":  # ISO 8601
            return text.replace("T", " ").removesuffix(" 00:00:00")
        style = attribute(cell, "s") or ""
        at = int(style) if style.isascii() and style.isdigit() and len(style) < 8 else 0
        code = self._formats[at] if at < len(self._formats) else "General"
        return shown_number(text.strip(), code, epoch_1904=self._epoch_1904)


def _merged_rows(source: bytes) -> dict[tuple[int, int], int]:
    """The last row of each area that is merged over rows, by the row and column it begins at.

    They are written after the cells, so they are looked for before these are read.
    """
    found: dict[tuple[int, int], int] = {}
    for match in islice(_MERGED.finditer(source), _MAX_MERGED):
        column, first, last = match[1].decode(), int(match[2]), int(match[3])
        if last > first:
            found[first, _column(f"{column}{first}", 0)] = last
    return found


def _elements(source: bytes, name: str) -> Iterator[Element]:
    """Each element of that name, read one at a time: a sheet as a tree needs ten times its size."""
    if has_doctype(source):
        raise damaged()
    try:
        parents: list[Element] = []
        for event, element in iterparse(BytesIO(source), events=("start", "end")):
            if event == "start":
                parents.append(element)
                continue
            parents.pop()
            if local(element) == name:
                yield element
                if parents:
                    parents[-1].clear()
    except (ParseError, ValueError, LookupError, UnicodeError) as exc:
        raise damaged() from exc


def _shared_strings(archive: Archive, name: str | None) -> list[str]:
    source = archive.read(name) if name else None
    return [] if source is None else [_rich_text(item) for item in _elements(source, "si")]


def _rich_text(item: Element | None) -> str:
    """The text of its runs; not the phonetic guide that Japanese files have beside it."""
    pieces: list[str] = []
    for element in children(item):
        if local(element) == "t":
            pieces.append(element.text or "")
        elif local(element) == "r":
            text = child(element, "t")
            pieces.append("" if text is None else text.text or "")
    return "".join(pieces)


def _cell_formats(styles: Element | None) -> list[str]:
    """The format code of each cell style."""
    own: dict[str, str] = {}
    codes: list[str] = []
    for element in children(styles):
        if local(element) == "numFmts":
            for each in element:
                own[attribute(each, "numFmtId") or ""] = attribute(each, "formatCode") or "General"
        elif local(element) == "cellXfs":
            for each in element:
                given = attribute(each, "numFmtId") or "0"
                known = int(given) if given.isascii() and given.isdigit() and len(given) < 8 else 0
                codes.append(own.get(given) or built_in_format(known))
    return codes


def _column(reference: str | None, following: int) -> int:
    """The column of a cell, from 0; one without a reference follows the one before it."""
    match = _REFERENCE.fullmatch(reference or "")
    if match is None:
        return following
    column = 0
    for letter in match[1]:
        column = 26 * column + ord(letter) - ord("A") + 1
    # Cells that go back would be lost or change others: they are taken as they come.
    return max(following, column - 1) if column <= _MAX_COLUMNS else following
