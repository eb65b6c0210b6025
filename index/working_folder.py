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
    for entry in parent.iterdir():
        if entry.name.startswith(prefix) and entry.is_dir() and not entry.is_symlink():
            _remove_if_left(entry)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as name:
        folder = Path(name)
        with FileLock(folder / _LOCK):
            yield folder


def _remove_if_left(folder: Path) -> None:
    if not (folder / _LOCK).exists():
        return  # it has only just been made
    try:
        with FileLock(folder / _LOCK, timeout=0):
            pass
    except (Timeout, OSError):
        return  # in use, or not ours
    shutil.rmtree(folder, ignore_errors=True)
