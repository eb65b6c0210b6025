"""Replacing a small file of the data folder in one step."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from index.catalog import translated


def replace_private_file(path: Path, parts: Iterable[str]) -> None:
    """Write a file that only its owner may read; a crash leaves the old one or the new one.

    Where a link stands, the file that it leads to is written: a person who keeps it elsewhere finds it there.

    Raises:
        StorageError: The file cannot be written.
    """
    path = Path(os.path.realpath(path))
    folder = path.parent
    temporary = folder / f"{path.name}.tmp"
    with translated(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)  # of a process that was killed; its mode may be another
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
