"""Which indexed folders are out of reach now: their documents go on answering, but cannot be read again.

Nothing of it is stored. A run over such a folder keeps its documents by the same rule, see ``index.places``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.places import identity_of, known_places
from index.reader import CatalogReader
from index.rows import DocumentRow
from index.scan import holds_documents


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfReach:
    """A folder that was indexed, or a place in it where another disk began, and is not there now.

    ``path`` is absolute; ``since`` (Unix seconds) is when that was noticed.
    """

    path: str
    collection: str
    since: float


def folders_out_of_reach(
    catalog: CatalogReader, known: Iterable[OutOfReach] = (), *, now: float | None = None
) -> list[OutOfReach]:
    """Look at every folder that was indexed and holds documents. No tree is walked, unless a folder is
    another one than it was; then only to its first document.

    Args:
        known: From the look before: what is still out of reach is so since then.
        now: Unix seconds; the present when None.
    """
    moment = time.time() if now is None else now
    since = {(each.path, each.collection): each.since for each in known}
    return [
        OutOfReach(path=path, collection=collection, since=since.get((path, collection), moment))
        for path, collection in sorted(set(_lost_places(catalog)))
        if catalog.documents_under(collection, path)
    ]


def missing_documents(rows: Iterable[DocumentRow], lost: Sequence[OutOfReach]) -> dict[str, OutOfReach]:
    """The documents that answer although they are out of reach, by ``doc_id``, and the place of each."""
    if not lost:
        return {}
    # The outermost place says most: where a disk is gone, all that was below it is.
    outermost = sorted(lost, key=lambda each: len(each.path))
    found: dict[str, OutOfReach] = {}
    for row in rows:
        if row.answers and row.origin == "folder":
            place = next((each for each in outermost if _is_in(row, each)), None)
            if place is not None:
                found[row.doc_id] = place
    return found


def _is_in(row: DocumentRow, place: OutOfReach) -> bool:
    return row.collection == place.collection and row.path.startswith(place.path.rstrip(os.sep) + os.sep)


def _lost_places(catalog: CatalogReader) -> Iterator[tuple[str, str]]:
    for folder in catalog.folders():
        places = known_places(catalog.catalog, folder.path, folder.collection)
        for place in {folder.path, *places}:
            if _is_lost(place, places.get(place, ""), catalog.data):
                yield place, folder.collection


def _is_lost(place: str, identity: str, data: Path) -> bool:
    try:
        with os.scandir(place) as entries:
            next(entries, None)
    except OSError:  # it is not there, or may not be looked into
        return True
    return identity_of(place) != identity and not holds_documents(place, exclude=[data])
