"""Looking under folders before anything is decided: which files there are, and which are gone or left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

from index.errors import SourceError
from index.outcomes import deleted_here, looks_empty, out_of_reach
from index.places import known_places, sort_lost
from index.reader import CatalogReader
from index.report import FileOutcome
from index.rows import DocumentRow, Origin
from index.scan import FoundFile, scan


@dataclass(frozen=True, slots=True)
class Target:
    """Where a file's content goes: a source that exists (``known``) or a new one."""

    path: str
    collection: str
    origin: Origin
    known: DocumentRow | None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePath(self.path).name


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A file or folder to look into, by its absolute path. One that is ``remembered`` may be out of reach."""

    path: Path
    collection: str
    remembered: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that was looked into, and the paths of the documents that it holds."""

    root: Root
    holds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was found under some roots: files in order, sources whose file is gone, and what was left out.

    ``away`` are sources whose file may only be out of reach: they stay unless they are found elsewhere.
    """

    files: tuple[Target, ...]
    gone: tuple[DocumentRow, ...]
    skipped: tuple[FileOutcome, ...]
    folders: tuple[Folder, ...] = ()  # that were looked into as a whole
    away: tuple[DocumentRow, ...] = ()


def named_roots(paths: Sequence[Path], collection: str) -> list[Root]:
    """The roots that a person named.

    Raises:
        SourceError: One does not exist or cannot be reached.
    """
    for path in paths:
        _require(path)
    # Not resolve(): a person finds the document again under the path that they typed.
    return [Root(path=Path(os.path.abspath(path)), collection=collection) for path in paths]  # noqa: PTH100


def remembered_roots(catalog: CatalogReader) -> list[Root]:
    """Every folder that was indexed before, by collection and path.

    Raises:
        SourceError: There is none.
    """
    folders = sorted(catalog.folders(), key=lambda folder: (folder.collection, folder.path))
    if not folders:
        raise SourceError("No folder was indexed before.", hint="Name one: footnote index PATH")
    return [Root(path=Path(row.path), collection=row.collection, remembered=True) for row in folders]


def survey(catalog: CatalogReader, roots: Sequence[Root]) -> Survey:
    """Look under every root.

    What could not be looked at is not gone, and neither is what may be on a disk that is not connected,
    see ``index.places``.

    Raises:
        SourceError: A root that was named may not be read.
    """
    files: dict[tuple[str, str], Target] = {}
    skipped: dict[str, FileOutcome] = {}
    folders: dict[tuple[str, str], tuple[Root, list[str]]] = {}  # and the documents that it holds
    unseen: set[str] = set()
    known = {
        collection: {row.path: row for row in catalog.documents(collection) if row.origin == "folder"}
        for collection in {root.collection for root in roots}
    }
    left_out = {collection: catalog.left_out(collection) for collection in known}
    for root in roots:
        try:
            items = scan(root.path, exclude=[catalog.data])
        except SourceError as exc:
            if not root.remembered:
                raise
            skipped[str(root.path)] = out_of_reach(root.path, exc)
            unseen.add(str(root.path))
            continue
        seen: list[str] = []
        for item in items:
            path = str(item.path)
            if path in left_out[root.collection] and path != str(root.path):
                seen.append(path)
                skipped[path] = deleted_here(path)
            elif isinstance(item, FoundFile):
                seen.append(path)
                target = Target(path, root.collection, "folder", known[root.collection].get(path))
                files.setdefault((root.collection, path), target)
            else:
                unseen.add(path)
                skipped[path] = FileOutcome(path=path, outcome="skipped", reason=item.reason)
        if root.path.is_dir():
            folders[root.collection, str(root.path)] = (root, seen)

    gone: dict[str, DocumentRow] = {}
    for root, seen in folders.values():
        lost = [
            row
            for path, row in known[root.collection].items()
            if (root.collection, path) not in files
            and _is_within(path, {str(root.path)})
            and not _is_within(path, unseen)
        ]
        places = known_places(catalog.catalog, str(root.path), root.collection)
        left, kept = sort_lost(
            lost,
            str(root.path),
            places,
            holds=partial(_any_within, seen),
        )
        gone |= {row.doc_id: row for row in left}
        for place, rows in kept.items():
            skipped[place] = looks_empty(Path(place), len(rows))
            unseen.add(place)
    return Survey(
        files=tuple(files.values()),
        gone=tuple(row for row in gone.values() if not _is_within(row.path, unseen)),
        skipped=tuple(skipped.values()),
        folders=tuple(Folder(root, tuple(seen)) for root, seen in folders.values()),
    )


def _require(path: Path) -> None:
    try:
        path.stat()
    except FileNotFoundError as exc:
        raise SourceError(f"{path} does not exist.", hint="Check the spelling; nothing was changed.") from exc
    except OSError as exc:
        raise SourceError(
            f"{path} cannot be reached: {exc.strerror or exc}.",
            hint="Check the path and its permissions; nothing was changed.",
        ) from exc


def _any_within(paths: Sequence[str], place: str) -> bool:
    return any(_is_within(path, {place}) for path in paths)


def _is_within(path: str, places: set[str]) -> bool:
    """Whether a path is one of the places or below one."""
    return path in places or any(str(parent) in places for parent in Path(path).parents)
