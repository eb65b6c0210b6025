"""Where torch is loaded to make something of a model: in a process that ends, and one at a time.

To compile a network takes a gigabyte of memory and some seconds, once. A process that goes on to serve or
to index would keep most of it, so another one does it, and its memory goes when it ends.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

logger = logging.getLogger(__name__)

Made = TypeVar("Made")

_LOCK = "making.lock"
_SECONDS = 600.0  # for a slow machine; then this process makes it

_alone = threading.Lock()


def found_or_made(find: Callable[[], Made | None], cache: Path, module: str, *arguments: str) -> Made | None:
    """What ``find`` finds; if it is not there, after ``python -m module arguments`` has made it.

    That is not tried where torch is loaded already: its memory is taken then, and the time to load it spent.

    Args:
        find: Opens the network.
        cache: Folder of compiled networks that it is made in.

    Returns:
        None where it is not there and could not be made.
    """
    found = find()
    if found is not None or "torch" in sys.modules:
        return found
    with one_at_a_time(cache):
        found = find()  # somebody else may have made it while this one waited
        if found is not None:
            return found
        _run(module, *arguments)
        return find()


def _run(module: str, *arguments: str) -> None:
    # The child finds the same modules as this process, however that was started.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        logger.warning("no network could be made by %s: %s", module, exc)
        return
    if done.returncode:
        logger.warning("no network was made by %s, which ended with %d", module, done.returncode)


@contextmanager
def one_at_a_time(cache: Path | None) -> Iterator[None]:
    """Be the only one that loads torch to make something: in this process, and of those that share a cache.

    Args:
        cache: Folder of compiled networks; None where none is to be made.
    """
    with ExitStack() as stack:
        stack.enter_context(_alone)  # torch and transformers are not made to be imported by two threads
        if cache is not None:
            try:
                cache.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.enter_context(FileLock(cache / _LOCK))
            except OSError as exc:  # then nothing can be kept there either
                logger.info("%s cannot be locked: %s", cache, exc)
        yield


def accelerator_in_sight() -> bool:
    """Whether this machine may have a GPU that torch computes on; a look that loads nothing."""
    devices = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # of NVIDIA, of AMD, and of Windows below Linux
    return sys.platform != "linux" or any(Path(device).exists() for device in devices)
