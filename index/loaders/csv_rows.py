"""CSV and TSV files: one line a record, with the column's name before each value."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from index.documents import ParsedDocument
from index.loaders.cleaning import clean, decode
from index.loaders.composing import Composition, row_line
from index.loaders.table_rows import is_header, width

_DELIMITERS = ",;\t|"
_SAMPLE_CHARS = 65_536
_SAMPLE_RECORDS = 50
_MAX_RECORD_LINES = 200  # a quoted value with more line ends is a quotation mark that was never closed
_MAX_CAPTIONS = 5  # rows above a header
_SEPARATOR_LINE = re.compile(r"sep=([,;|\t])\n", re.IGNORECASE)


def load_csv(data: bytes, *, media_type: str, max_chars: int) -> ParsedDocument:
    """Delimiter and header are told from the records; what is no table is kept as the text it is.

    Rows are counted as spreadsheets do: the header is row 1, and a record is one row however many lines
    its quoted values have.

    Raises DocumentError ``binary`` or ``too_large``.
    """
    text = clean(decode(data))
    named = _SEPARATOR_LINE.match(text)
    body = text[named.end() :] if named else text
    delimiter = named[1] if named else _delimiter(body)
    if delimiter is None:
        return ParsedDocument(text=text, media_type=media_type)
    try:
        records = list(_records(body, delimiter))
    except csv.Error:  # a value over the limit of the csv module
        return ParsedDocument(text=text, media_type=media_type)
    composition = Composition(max_chars)
    add_table(composition, list(enumerate(records, 1)), name="")
    return composition.document(media_type=media_type)


def add_table(composition: Composition, rows: Sequence[tuple[int, Sequence[str]]], *, name: str) -> None:
    """Append the rows of a table, each after the names of its columns where the first row has these.

    Args:
        rows: Number for people and cells of each row; empty rows may be left out, or not.
        name: Of the table, put before the number of a row in its locator; "" for the only one.
    """
    filled = [(number, cells) for number, cells in rows if any(cell.strip() for cell in cells)]
    header_at = _header_at([cells for _, cells in filled[:_SAMPLE_RECORDS]])
    header: Sequence[str] = ()
    for at, (number, cells) in enumerate(filled):
        composition.begin(f"{name}, row {number}" if name else f"row {number}")
        composition.add(row_line(cells, header), newlines=1 if at else 2)
        if at == header_at:
            header = [" ".join(clean(cell).split()) for cell in cells]


def _header_at(rows: Sequence[Sequence[str]]) -> int | None:
    """Which row names the columns; a table may begin with captions, which are narrower."""
    for at in range(min(_MAX_CAPTIONS, len(rows) - 1)):
        if is_header(rows[at], rows[at + 1 :]):
            return at
        if width(rows[at]) >= max(map(width, rows)):
            break
    return None


def _delimiter(text: str) -> str | None:
    """The delimiter that gives the most records the same number of values; None where none parts anything."""
    sample = text[:_SAMPLE_CHARS]
    if len(text) > _SAMPLE_CHARS:
        sample = sample[: sample.rfind("\n") + 1] or sample
    best: tuple[float, int, str] | None = None
    for delimiter in _DELIMITERS:
        try:
            records = [row for row in islice(_records(sample, delimiter), _SAMPLE_RECORDS) if row]
        except csv.Error:
            continue
        if not records:
            continue
        values, same = Counter(map(len, records)).most_common(1)[0]
        found = (same / len(records), values, delimiter)
        if values > 1 and (best is None or found[:2] > best[:2]):
            best = found
    if best is not None:
        return best[2]
    # One column is a table, too, where a value is quoted; else it is a list, and the text as it is.
    return "," if sample.lstrip().startswith('"') else None


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    options: dict[str, Any] = {"delimiter": delimiter, "skipinitialspace": delimiter != "\t"}
    reader = csv.reader(_lines(text), **options)
    before = 0
    for record in reader:
        if reader.line_num - before > _MAX_RECORD_LINES:
            yield from csv.reader(_lines(text, before), quoting=csv.QUOTE_NONE, **options)
            return
        before = reader.line_num
        yield record


def _lines(text: str, skipped: int = 0) -> Iterator[str]:
    return islice((line + "\n" for line in text.split("\n")), skipped, None)
