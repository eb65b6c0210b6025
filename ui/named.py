"""Documents by the words that a person names them with on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import SourceError
from index.scan import typed_path

if TYPE_CHECKING:
    from index.rows import DocumentRow

_LISTED = 10


def matching(
    rows: Sequence[DocumentRow], wanted: Sequence[str], *, certain: bool = False
) -> list[DocumentRow]:
    """The documents that these words name: by path, by folder, or by name.

    Args:
        rows: Of the index.
        wanted: Paths (as they are typed) or names.
        certain: Refuse a name that several documents have, since nobody is asked.

    Raises:
        SourceError: One of them names no document, or more than one when ``certain``.
    """
    found: dict[str, DocumentRow] = {}
    for each in wanted:
        path = str(typed_path(each))
        there = [row for row in rows if row.path in (each, path) or row.doc_id == each]
        there = there or [
            row for row in rows if row.origin == "folder" and Path(row.path).is_relative_to(path)
        ]
        if not there:
            there = [row for row in rows if row.name == each]
            if certain and len(there) > 1:
                places = "; ".join(sorted(row.path for row in there)[:_LISTED])
                raise SourceError(
                    f"{len(there)} documents are called {each}: {places}.",
                    hint="Name one by its path, or leave out --yes to be asked.",
                )
        if not there:
            near = get_close_matches(each, sorted({row.name for row in rows}), n=1)
            raise SourceError(
                f"No document is called {each}.",
                hint=f"Did you mean {near[0]}?" if near else "The Documents view of the page lists them all.",
            )
        found.update((row.doc_id, row) for row in there)
    return list(found.values())
