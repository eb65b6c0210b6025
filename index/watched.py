"""Which folders are to be kept in step, as the catalog remembers it from one start to the next."""

from __future__ import annotations

import json
from dataclasses import dataclass

from index.catalog import Catalog, get_meta, set_meta

_KEY = "watched_folders"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class WatchedFolder:
    """A folder whose changes are followed, and the collection it belongs to. ``path`` is absolute."""

    path: str
    collection: str


def watched_folders(catalog: Catalog) -> list[WatchedFolder]:
    """The folders to keep in step, by path."""
    with catalog.reading() as connection:
        stored = get_meta(connection, _KEY)
    return _decoded(stored)


def set_watched(catalog: Catalog, folder: WatchedFolder, *, on: bool) -> None:
    """Remember that a folder is to be kept in step, or is not any more."""
    with catalog.writing() as connection:
        folders = set(_decoded(get_meta(connection, _KEY)))
        folders = folders | {folder} if on else folders - {folder}
        # ASCII: a path need not be UTF-8, and its undecodable bytes pass as escapes.
        rows = json.dumps([[each.path, each.collection] for each in sorted(folders)])
        set_meta(connection, _KEY, rows)


def _decoded(stored: str | None) -> list[WatchedFolder]:
    rows = json.loads(stored) if stored else []
    return sorted(WatchedFolder(path=path, collection=collection) for path, collection in rows)
