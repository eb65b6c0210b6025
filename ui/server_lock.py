"""The lock by which one server at a time has a data folder, and whether somebody holds it."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

_NAME = "server.lock"


def server_lock(data: Path) -> FileLock:
    """The lock of a data folder, which is not taken yet."""
    return FileLock(data / _NAME)


def is_served(data: Path) -> bool:
    """Whether a server has this data folder. Where none ever had, no lock file is made."""
    if not (data / _NAME).exists():
        return False
    lock = server_lock(data)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # it may not be written here, and a server writes
        return False
    lock.release()
    return False
