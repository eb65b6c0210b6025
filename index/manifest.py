"""The SHA-256 of every file of a lexical commit: tantivy itself does not notice a changed byte.

The manifest is written after each commit, under the writer lock. A commit without one that matches,
because a file was damaged or the writer was killed in between, is not used: the index is rebuilt
from the catalog, which costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from index.durable import write_durably

FILE_NAME = "manifest.json"
META = "meta.json"  # tantivy's own list of segments; replaced by each commit


def write_manifest(folder: Path, unclean: Collection[str] = ()) -> None:
    """Record the files of the commit that ``folder`` holds. Needs the writer lock; raises OSError.

    Files of a segment never change, so one that is listed already is not read again, and damage done to
    it since stays visible.

    Args:
        unclean: Ids of segments that hold removed passages; those that are gone are left out.
    """
    before = _read(folder) or {}
    files = {
        name: before[name] if name in before and name != META else _sha256(folder / name)
        for name in [META, *_segment_files(folder)]
    }
    left = sorted(set(unclean).intersection(segment["segment_id"] for segment in segments(folder)))
    content = json.dumps({"files": files, "unclean": left}, indent=0, sort_keys=True).encode()
    write_durably(folder / FILE_NAME, [content], kind="manifest")


def damage(folder: Path) -> str | None:
    """What is wrong with the files of the commit in ``folder``; None when they are what was written."""
    files = _read(folder)
    if files is None or META not in files:
        return f"{FILE_NAME} is missing or damaged"
    for name, sha256 in files.items():
        try:
            if _sha256(folder / name) != sha256:
                return f"{name} is not what was written"
        except (OSError, ValueError) as exc:
            return f"{name} cannot be read: {exc}"
    return None


def segments(folder: Path) -> list[dict[str, Any]]:
    """What tantivy says of each segment of the commit, in the order of the searcher's numbers."""
    found: list[dict[str, Any]] = json.loads((folder / META).read_bytes())["segments"]
    return found


def unclean_segments(folder: Path) -> set[str]:
    """Ids of the segments that hold removed passages. Needs the writer lock.

    Where the manifest does not tell, they are all from which anything was deleted, and that may have been a
    marker of ours.
    """
    with_deletes = {segment["segment_id"] for segment in segments(folder) if segment["deletes"]}
    try:
        manifest = json.loads((folder / FILE_NAME).read_bytes())
        if manifest["files"][META] == _sha256(folder / META):
            return with_deletes.intersection(manifest["unclean"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return with_deletes


def _segment_files(folder: Path) -> list[str]:
    """Files that the commit consists of; what a killed writer left beside them is not among them."""
    names = []
    for segment in segments(folder):
        stem = segment["segment_id"].replace("-", "")
        deletes = f"{stem}.{segment['deletes']['opstamp']}.del" if segment["deletes"] else None
        found = (file.name for file in folder.glob(f"{stem}.*"))
        names += [name for name in found if not name.endswith(".del") or name == deletes]
    return sorted(names)


def _read(folder: Path) -> dict[str, str] | None:
    try:
        files = json.loads((folder / FILE_NAME).read_bytes())["files"]
        return {str(name): str(sha256) for name, sha256 in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
