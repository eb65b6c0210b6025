"""A disk on which nothing more can be written, for a while and for this process only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def disk_refuses(*, beyond: int = 0) -> Iterator[None]:
    """Every write to a file fails in the meantime, in each thread; what stands there can be read.

    Args:
        beyond: Bytes of each file that can still be written.
    """
    if sys.platform == "win32":
        pytest.skip("no limit on the size of files there")
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (beyond, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
