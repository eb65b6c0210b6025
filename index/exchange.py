"""Putting a new data folder in the place of the old one; killed at any moment, one of them is there whole.

Not every file system exchanges two folders in one step, so it takes three names: the old folder is set aside
under a name that says that it may be needed, the new one takes its place, and the old one gets the name that
it keeps. Who finds a folder that is set aside gives it back its place if no index stands there, and else does
the last step.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path

from index.catalog import FILE_NAME, translated
from index.durable import disk
from index.errors import BusyError
from index.faults import fault
from index.working_folder import is_in_use, remove_left

logger = logging.getLogger(__name__)


def working_prefix(data: Path) -> str:
    """How the names of folders beside ``data`` begin in which its successor is made."""
    return f".{data.name}.restore-"


def exchange(data: Path, successor: Path) -> Path | None:
    """Put ``successor`` in the place of ``data``.

    Args:
        data: A folder that nobody uses, or nothing.
        successor: A folder whose files are durable, in a working folder beside ``data`` that is in use.

    Returns:
        Where the old folder is now; None when there was none, or an empty one.

    Raises:
        OSError: The disk refused; the old folder is in its place.
    """
    aside = _aside(data) if _is_filled(data) else None
    if aside is not None:
        disk.rename(data, aside)
        disk.sync_folder(data.parent)
    fault("restore.set_aside")
    try:
        if data.exists():
            data.rmdir()
        disk.rename(successor, data)
    except OSError:
        if aside is not None:
            disk.rename(aside, data)
        raise
    disk.sync_folder(data.parent)
    fault("restore.in_place")
    kept = None if aside is None else _keep(data, aside)
    fault("restore.kept")
    return kept


def settle_exchange(data: Path) -> bool:
    """Finish or take back an exchange that was interrupted; does nothing when there was none.

    Returns:
        Whether ``data`` is another folder than before.

    Raises:
        BusyError: It is going on.
        StorageError: The disk refused.
    """
    data = data.absolute()
    aside = _aside(data)
    if not aside.is_dir():
        return False
    with translated(data.parent):
        if is_in_use(data.parent, working_prefix(data)):
            raise BusyError(
                f"A backup is being restored to {data}.", hint="Wait until it is done and try again."
            )
        with suppress(FileNotFoundError):  # another process was quicker
            if (data / FILE_NAME).exists():
                logger.warning("the folder from before a restore is %s", _keep(data, aside))
                remove_left(data.parent, working_prefix(data))
                return False
            if _is_filled(data):  # by somebody who did not look, and made what he needs
                _keep(data, data)
            elif data.exists():
                data.rmdir()
            disk.rename(aside, data)
            disk.sync_folder(data.parent)
            logger.warning("a restore was interrupted; the folder from before is back in its place")
        remove_left(data.parent, working_prefix(data))
        return True


def _aside(data: Path) -> Path:
    return data.with_name(f".{data.name}.set-aside")


def _keep(data: Path, folder: Path) -> Path:
    """Give a folder the name that it keeps from now on, as one that was in the way of another."""
    name = f"{data.name}.before-restore-{time.strftime('%Y%m%d-%H%M%S')}"
    kept, number = data.with_name(name), 2
    while kept.exists():
        kept, number = data.with_name(f"{name}-{number}"), number + 1
    disk.rename(folder, kept)
    disk.sync_folder(data.parent)
    return kept


def _is_filled(data: Path) -> bool:
    return data.is_dir() and any(data.iterdir())
