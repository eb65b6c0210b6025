"""Telling a folder that was emptied from one whose disk is not connected: which folder on which disk it is.

Both look the same: there is a folder, and it holds nothing. So while an indexed folder holds documents it is
remembered by device and inode, and so is every folder below it where another disk begins. What is lost from
one of these places is gone if the place is still the same, or holds other documents; else it may be out of
reach.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from index.catalog import Catalog, get_meta, set_meta
from index.rows import DocumentRow

_KEY = "folder_places"

Places = Mapping[str, str]  # absolute path of a folder -> which one it is, see identity_of()


def identity_of(path: str) -> str:
    """Which folder on which disk a path leads to; "" when it cannot be looked at."""
    try:
        status = os.stat(path)  # noqa: PTH116  a Path for every folder of a large tree costs more than this
    except OSError:
        return ""
    return f"{status.st_dev}:{status.st_ino}"


def known_places(catalog: Catalog, root: str, collection: str) -> Places:
    """What is remembered of an indexed folder."""
    with catalog.reading() as connection:
        stored = get_meta(connection, _KEY)
    return _decoded(stored).get((root, collection), {})


def remember_places(
    catalog: Catalog,
    root: str,
    collection: str,
    files: Iterable[str],
    *,
    identify: Callable[[str], str] = identity_of,
) -> None:
    """Remember the places of an indexed folder that hold these files; what is known of others stays."""
    known = known_places(catalog, root, collection)
    now = {**known, **_places_of(root, files, known, identify)}
    if now == known:
        return
    with catalog.writing() as connection:
        stored = _decoded(get_meta(connection, _KEY)) | {(root, collection): now}
        # ASCII: a path need not be UTF-8, and its undecodable bytes pass as escapes.
        rows = [[*folder, dict(places)] for folder, places in sorted(stored.items())]
        set_meta(connection, _KEY, json.dumps(rows))


def sort_lost(
    lost: Iterable[DocumentRow],
    root: str,
    places: Places,
    *,
    holds: Callable[[str], bool],
    identify: Callable[[str], str] = identity_of,
) -> tuple[list[DocumentRow], dict[str, list[DocumentRow]]]:
    """Which of the documents that are lost from a folder are gone, and which are kept, by their place.

    Args:
        places: As they are remembered.
        holds: Whether there is a document at or below a path now.
    """
    by_place: dict[str, list[DocumentRow]] = {}
    for row in lost:
        within = (str(parent) for parent in Path(row.path).parents)
        place = next((parent for parent in within if parent in places or parent == root), root)
        by_place.setdefault(place, []).append(row)
    gone: list[DocumentRow] = []
    kept: dict[str, list[DocumentRow]] = {}
    for place, rows in by_place.items():
        if identify(place) == places.get(place) or holds(place):
            gone += rows
        else:
            kept[place] = rows
    return gone, kept


def _places_of(
    root: str, files: Iterable[str], known: Places, identify: Callable[[str], str]
) -> dict[str, str]:
    identities = {folder: identify(folder) for folder in _folders_of(root, files)}
    devices = {folder: identity.partition(":")[0] for folder, identity in identities.items()}
    return {
        folder: identity
        for folder, identity in identities.items()
        if identity
        and (folder == root or folder in known or devices[folder] != devices[os.path.dirname(folder)])  # noqa: PTH120
    }


def _folders_of(root: str, files: Iterable[str]) -> set[str]:
    """The folders that these files lie in, and those between them and the root, which is one of them."""
    folders: set[str] = set()
    for file in files:
        folder = os.path.dirname(file)  # noqa: PTH120
        while folder not in folders and Path(folder).is_relative_to(root):
            folders.add(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120
    return folders


def _decoded(stored: str | None) -> dict[tuple[str, str], Places]:
    rows: Sequence[tuple[str, str, dict[str, str]]] = json.loads(stored) if stored else []
    return {(root, collection): places for root, collection, places in rows}
