"""How many files in folders are not as they were indexed; only those that leave doubt are read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.file_bytes import hash_file
from index.reader import CatalogReader
from index.rows import DocumentRow
from index.survey import Root, Target, survey

Stamp = tuple[int, int, int]  # size, and the times of the last change of content and of the file, in ns

# A file is read some moments before it counts as indexed, and disks have clocks of their own.
_DOUBT_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """What a look found. ``changed`` counts files that are new, changed, or gone; one that moved counts once.

    ``same`` are files that were read and proved to be as they are indexed, by path: the next look need not
    read them again while their stamp is the same.
    """

    changed: int
    same: dict[str, Stamp]


def count_outdated(catalog: CatalogReader, roots: Sequence[Root], same: Mapping[str, Stamp]) -> Outdated:
    """Look through folders that were indexed; nothing is parsed, embedded or written.

    What cannot be looked at counts as nothing, as does what may lie on a disk that is not connected (see
    ``index.places``), or a change that an index run would make although no file has changed.

    Args:
        roots: Remembered folders.
        same: From the look before.
    """
    found = survey(catalog, roots)
    proved: dict[str, Stamp] = {}
    changed = 0
    new: list[tuple[Target, Stamp]] = []
    for target in found.files:
        stamp = _stamp(target.path)
        if stamp is None:
            continue
        if target.known is None:
            new.append((target, stamp))
        elif _doubtful(target.known, stamp):
            if same.get(target.path) == stamp or _hash(target.path) in (None, target.known.content_hash):
                proved[target.path] = stamp
            else:
                changed += 1
    moved = _moved(new, found.gone)
    return Outdated(changed=changed + len(new) + len(found.gone) - moved, same=proved)


def _stamp(path: str) -> Stamp | None:
    try:
        status = os.stat(path)  # noqa: PTH116  a Path for every file of a large tree costs more than this
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _doubtful(known: DocumentRow, stamp: Stamp) -> bool:
    """Whether a file may hold something else than what was indexed.

    Its own time of change counts too: a file that is moved over another one keeps the time of its content.
    """
    size, *times = stamp
    newer = max(times) / 1e9 > known.indexed_at - _DOUBT_SECONDS
    if known.problem == "too_large":
        return size != known.size
    return newer or (known.content_hash is not None and size != known.size)


def _hash(path: str) -> str | None:
    try:
        return hash_file(Path(path))
    except OSError:
        return None


def _moved(new: Sequence[tuple[Target, Stamp]], gone: Sequence[DocumentRow]) -> int:
    """How many of the new files are documents that are gone from where they were."""
    leaving: dict[str, int] = {}
    for row in gone:
        if row.content_hash is not None:
            leaving[row.content_hash] = leaving.get(row.content_hash, 0) + 1
    sizes = {row.size for row in gone}
    moved = 0
    for target, (size, _, _) in new:
        content_hash = _hash(target.path) if size in sizes else None
        if content_hash is not None and leaving.get(content_hash, 0):
            leaving[content_hash] -= 1
            moved += 1
    return moved
