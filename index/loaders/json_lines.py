"""JSON: a list of records reads as the rows of a table, anything else as lines of ``path: value``.

Not the source as it stands: braces and quotation marks part a value from the names above it, so that a
search finds "8080" without "server" and "port". Names and values themselves are those of the file, to the
letter: numbers are never read as numbers, and what is no valid JSON is kept as the text it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from index.documents import ParsedDocument
from index.loaders.cleaning import clean, decode, one_line
from index.loaders.composing import Composition, row_line

_PATH_NAMES = 6  # the last names of a path; more make a line of names
_BLOCK_CHARS = 200  # a longer text stands on its own below its path
_HEADING_CHARS = 100


def load_json(data: bytes, *, media_type: str, max_chars: int) -> ParsedDocument:
    """One value. Of an object, what lies below each name at the top is under a heading of that name.

    Raises DocumentError ``binary`` or ``too_large``.
    """
    text = clean(decode(data))
    try:
        value = _value(text)
    except (ValueError, RecursionError):
        return ParsedDocument(text=text, media_type=media_type)
    composition = Composition(max_chars)
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        _add_records(composition, list(enumerate(value, 1)), "item")
    elif isinstance(value, dict):
        _add_object(composition, value)
    else:
        _add_lines(composition, value)
    if not composition.length:
        return ParsedDocument(text=text, media_type=media_type)
    return composition.document(media_type=media_type)


def load_json_lines(data: bytes, *, media_type: str, max_chars: int) -> ParsedDocument:
    """One value a line, each a line of text; a line that is no JSON is kept as it is.

    Raises DocumentError ``binary`` or ``too_large``.
    """
    text = clean(decode(data))
    records: list[tuple[int, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            records.append((number, _value(line)))
        except (ValueError, RecursionError):
            records.append((number, line))
    composition = Composition(max_chars)
    _add_records(composition, records, "line")
    if not composition.length:
        return ParsedDocument(text=text, media_type=media_type)
    return composition.document(media_type=media_type)


def _value(text: str) -> Any:
    # As strings: 1e400 and 0.10 stay what they are, and a number of a million digits costs nothing.
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")  # one value of them would be lost
    return found


def _add_records(composition: Composition, records: Sequence[tuple[int, Any]], word: str) -> None:
    for at, (number, record) in enumerate(records):
        pairs = list(_leaves(record))
        line = row_line([value for _, value in pairs], [_path(names) for names, _ in pairs])
        composition.begin(f"{word} {number}")
        composition.add(line, newlines=1 if at else 2)


def _add_object(composition: Composition, value: dict[str, Any]) -> None:
    for name, below in value.items():
        if not isinstance(below, dict | list):
            _add_lines(composition, {name: below})
        elif below:
            composition.add_heading(one_line(name, _HEADING_CHARS), 1)
            if isinstance(below, list) and all(isinstance(each, dict) for each in below):
                _add_records(composition, list(enumerate(below, 1)), f"{one_line(name, 40)}, item")
            else:
                _add_lines(composition, below)


def _add_lines(composition: Composition, value: Any) -> None:
    for names, text in _leaves(value):
        path = _path(names)
        text = clean(text).strip()
        if not text:
            continue
        if len(text) > _BLOCK_CHARS or "\n" in text:
            composition.add(path)
            composition.add(text)
        else:
            # A paragraph each: two of them must not be taken for one that was wrapped.
            composition.add(f"{path}: {text}" if path else text)


def _path(names: Sequence[str]) -> str:
    return one_line(".".join(names[-_PATH_NAMES:]), 200)


def _leaves(value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each value that is no object or list, with the names above it, in order.

    Lists of values are one value; the elements of other lists have their number, from 1, as a name.
    """
    stack: list[tuple[tuple[str, ...], Any]] = [((), value)]
    while stack:
        names, each = stack.pop()
        if isinstance(each, dict):
            stack += [((*names[-_PATH_NAMES:], name), below) for name, below in reversed(each.items())]
        elif isinstance(each, list) and any(isinstance(below, dict | list) for below in each):
            numbered = list(enumerate(each, 1))
            stack += [((*names[-_PATH_NAMES:], str(at)), below) for at, below in reversed(numbered)]
        elif isinstance(each, list):
            yield names, ", ".join(_written(below) for below in each)
        else:
            yield names, _written(each)


def _written(value: Any) -> str:
    """A value as JSON writes it, texts without quotation marks."""
    return value if isinstance(value, str) else json.dumps(value)
