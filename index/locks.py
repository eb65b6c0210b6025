"""Operating system locks with our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from index.catalog import translated
from index.errors import BusyError

LOCK_SECONDS = 10.0


@contextmanager
def held(
    lock: FileLock,
    data: Path,
    *,
    seconds: float = LOCK_SECONDS,
    message: str = "Another process is writing to the index.",
    hint: str = "Wait until it is done and try again.",
) -> Iterator[None]:
    """Hold an operating system lock; it vanishes with its holder, however that ends.

    Raises:
        BusyError: Another process held it for ``seconds``.
    """
    with translated(data):
        try:
            lock.acquire(timeout=seconds)
        except Timeout as exc:  # it is an OSError, so it must not reach the translation
            raise BusyError(message, hint=hint) from exc
    try:
        yield
    finally:
        lock.release()
