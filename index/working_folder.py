"""A temporary folder beside what is being made, which a process that is killed does not leave for ever.

Its lock stands beside it, is held before the folder is there and until it is gone, and no name is used twice:
so whoever holds the lock of a folder that he sees knows that nobody is at work in it, nor begins to be.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def working_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A folder in ``parent`` that is gone at the end; those that killed processes left there go before.

    What they hold may be the text of every document. Only this user can look into it.

    Args:
        parent: On the file system where the result is to stand, so that it can be renamed into place.
        prefix: Of its name, and of the names of those that were left; nothing else may begin so.

    Raises:
        OSError: It cannot be made.
    """
    remove_left(parent, prefix)
    folder = parent / f"{prefix}{secrets.token_hex(8)}"
    lock = lock_of(folder)
    try:
        with FileLock(lock):
            folder.mkdir(mode=0o700)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)  # what resists goes with the next one
    finally:
        _forget(folder)


def remove_left(parent: Path, prefix: str) -> None:
    """Delete the folders that killed processes left in ``parent``."""
    for folder in _folders(parent, prefix):
        with suppress(Timeout, OSError), FileLock(lock_of(folder), timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
        _forget(folder)


def is_in_use(parent: Path, prefix: str) -> bool:
    """Whether a process is making something in such a folder."""
    return any(_is_locked(folder) for folder in _folders(parent, prefix))


def lock_of(folder: Path) -> Path:
    """The file that is locked while somebody is at work in a working folder."""
    return folder.with_name(f"{folder.name}.lock")


def _folders(parent: Path, prefix: str) -> list[Path]:
    return [
        entry
        for entry in parent.iterdir()
        if entry.name.startswith(prefix) and entry.is_dir() and not entry.is_symlink()
    ]


def _is_locked(folder: Path) -> bool:
    try:
        with FileLock(lock_of(folder), timeout=0):
            return False
    except (Timeout, OSError):
        return True  # in use, or not ours
    finally:
        _forget(folder)


def _forget(folder: Path) -> None:
    """Delete the lock of a folder that is gone: nobody will ask for it again."""
    if not folder.exists():
        with suppress(OSError):
            lock_of(folder).unlink()
