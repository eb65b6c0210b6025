"""Writing a file so that a crash or a power cut leaves the old one or the new one, whole.

``name.tmp`` → write → fsync → rename → fsync of the folder. Without the first fsync the name may come
to stand for an empty file, without the second it may not be there at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from index.faults import fault

Kind = Literal["checkpoint", "manifest", "original"]


class Disk:
    """The calls that a durable write is made of. Tests put another in its place, to record or break them."""

    def write(self, path: Path, parts: Iterable[bytes]) -> None:
        """Write a whole file; it is not durable yet."""
        with path.open("wb") as file:
            for part in parts:
                file.write(part)

    def sync_file(self, path: Path) -> None:
        """Make the content of a file durable."""
        with path.open("r+b") as file:  # Windows flushes only what may be written
            _sync(file.fileno())

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name in its folder, in place of the file that has it."""
        old.replace(new)

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder durable: new ones, changed ones, and that others are gone."""
        if os.name == "nt":  # a folder cannot be opened there, and NTFS logs the rename itself
            return
        handle = os.open(folder, os.O_RDONLY)
        try:
            _sync(handle)
        finally:
            os.close(handle)

    def make_folder(self, folder: Path) -> None:
        """Make a folder that only its owner may enter, and those above it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def remove(self, path: Path) -> None:
        """Remove a file if it is there."""
        path.unlink(missing_ok=True)


disk = Disk()


def write_durably(path: Path, parts: Iterable[bytes], *, kind: Kind) -> None:
    """Write a file under a temporary name and give it its own when it is whole. Its folder must exist.

    Args:
        kind: What it is, which names the fault points.

    Raises:
        OSError: The disk refused; the temporary file is gone, what ``path`` was before is untouched.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    fault(f"{kind}.begun")
    try:
        disk.write(temporary, parts)
        fault(f"{kind}.written")
        disk.sync_file(temporary)
        fault(f"{kind}.synced")
        disk.rename(temporary, path)
    except BaseException:
        disk.remove(temporary)
        raise
    fault(f"{kind}.renamed")
    disk.sync_folder(path.parent)
    fault(f"{kind}.durable")


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, and see that its name lasts; one that is there is left."""
    if not folder.is_dir():
        disk.make_folder(folder)
        disk.sync_folder(folder.parent)


def remove_durably(paths: Iterable[Path]) -> None:
    """Remove files of one folder, those that are there, so that a power cut does not bring them back."""
    folders = set()
    for path in paths:
        if path.exists():
            disk.remove(path)
            folders.add(path.parent)
    for folder in folders:
        disk.sync_folder(folder)


def _sync(handle: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        # fsync alone stops at the drive's own memory there. Not every file system knows the other.
        with suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)
