"""A temporary folder beside what is being made, which a process that is killed does not leave for ever."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_LOCK = "in-use.lock"


@contextmanager
def working_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A folder in ``parent`` that is gone at the end; those that killed processes left there go before.

    What they hold may be the text of every document.

    Args:
        parent: On the file system where the result is to stand, so that it can be renamed into place.
        prefix: Of its name, and of the names of those that were left; nothing else may begin so.

    Raises:
        OSError: It cannot be made.
    """
    remove_left(parent, prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as name:
        folder = Path(name)
        with FileLock(folder / _LOCK):
            yield folder


def remove_left(parent: Path, prefix: str) -> None:
    """Delete the folders that killed processes left in ``parent``."""
    for folder in _folders(parent, prefix):
        if _is_free(folder):
            shutil.rmtree(folder, ignore_errors=True)


def is_in_use(parent: Path, prefix: str) -> bool:
    """Whether a process is making something in such a folder."""
    return any(not _is_free(folder) for folder in _folders(parent, prefix))


def _folders(parent: Path, prefix: str) -> list[Path]:
    return [
        entry
        for entry in parent.iterdir()
        if entry.name.startswith(prefix) and entry.is_dir() and not entry.is_symlink()
    ]


def _is_free(folder: Path) -> bool:
    try:
        if not (folder / _LOCK).exists():
            return False  # it has only just been made
        with FileLock(folder / _LOCK, timeout=0):
            return True
    except (Timeout, OSError):
        return False  # in use, or not ours
