"""The bytes of a file that somebody may be writing: their hash, reading them whole, and what can fail."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path

from index.errors import DocumentError

_READ_ATTEMPTS = 3


def hash_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unreadable(exc: OSError) -> DocumentError:
    """The error for a file whose bytes cannot be had."""
    return DocumentError(
        "unreadable",
        f"The file cannot be read: {exc.strerror or exc}.",
        hint="Check that it exists and that you may read it, then index it again.",
    )


def read_stable(path: Path, limit: int) -> bytes:
    """The bytes of a file that did not change while they were read.

    Args:
        limit: In bytes; a larger file is refused.

    Raises:
        DocumentError: ``unreadable``, ``too_large`` or ``changed_while_reading``.
    """
    try:
        for attempt in range(_READ_ATTEMPTS):
            if attempt:
                time.sleep(0.1)
            if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe is to wait for its writer
                raise DocumentError(
                    "unreadable", "It is not a regular file.", hint="Name a file that holds a document."
                )
            with path.open("rb") as file:
                before = os.fstat(file.fileno())
                if before.st_size > limit:
                    raise too_large(before.st_size, limit)
                data = file.read(limit + 1)
                after = os.fstat(file.fileno())
            if len(data) == before.st_size and _mark(before) == _mark(after):
                return data
    except FileNotFoundError as exc:
        raise DocumentError(
            "unreadable", "The file is not there any more.", hint="Index its folder again."
        ) from exc
    except PermissionError as exc:
        raise DocumentError(
            "unreadable",
            "You do not have permission to read the file.",
            hint="Correct its permissions and index it again.",
        ) from exc
    except OSError as exc:
        raise DocumentError(
            "unreadable",
            f"The file cannot be read: {exc.strerror or exc}.",
            hint="Check the disk it is on and index it again.",
        ) from exc
    raise DocumentError(
        "changed_while_reading",
        "The file kept changing while it was read.",
        hint="Close the program that writes it and index it again.",
    )


def _mark(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def too_large(size: int, limit: int) -> DocumentError:
    """The error for a file of ``size`` bytes where ``limit`` are allowed."""
    return DocumentError(
        "too_large",
        f"The file has {size / (1 << 20):,.1f} MB; the limit is {limit / (1 << 20):,.0f} MB.",
        hint="Split the file into smaller ones and index those.",
    )
