"""Documents of the same content, told in words: they are stored once, and each is listed under its path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ui.render import count

if TYPE_CHECKING:
    from index.rows import DocumentRow


def copies_named(rows: Iterable[DocumentRow]) -> Mapping[str, str]:
    """What to say of each document that has copies, by its id: ``same content as a.md and 2 other files``.

    Args:
        rows: All documents; the copies of one that is left out are not known.
    """
    by_version: dict[int, list[DocumentRow]] = {}
    for row in rows:
        if row.version_id is not None:
            by_version.setdefault(row.version_id, []).append(row)
    return {row.doc_id: _words(row, same) for same in by_version.values() if len(same) > 1 for row in same}


def _words(row: DocumentRow, same: Iterable[DocumentRow]) -> str:
    first, *others = (each for each in same if each.doc_id != row.doc_id)
    # Of a copy with the same name only the path, or the collection, tells which file it is.
    name = first.name if first.name != row.name else first.path
    if first.path == row.path:
        name = f"{first.name} in {first.collection}"
    rest = f" and {count(len(others), 'other file')}" if others else ""
    return f"same content as {name}{rest}"
