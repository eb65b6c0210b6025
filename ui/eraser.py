"""The process that erases what a command removed or replaced, once it can no longer be undone.

``python -m ui.eraser --data DIR`` waits for that moment, purges and ends. If it is killed, the server or
the next ``footnote`` command that indexes, asks or searches finishes its work.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from index.errors import BusyError, FootnoteError
from index.store import Store

logger = logging.getLogger(__name__)

ATTEMPT_SECONDS = 0.5
# An ingest may take longer than this; it starts another eraser when it ends.
PATIENCE_SECONDS = 120.0


def start_eraser(store: Store) -> None:
    """Start the process if there is anything to erase; it outlives the one that starts it."""
    if store.catalog.read_only or not store.to_erase():
        return
    command = [sys.executable, "-P", "-m", "ui.eraser", "--data", str(store.data.absolute())]
    if os.name == "nt":
        apart: dict[str, Any] = {
            "creationflags": getattr(subprocess, "DETACHED_PROCESS", 0)
            | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        }
    else:
        apart = {"start_new_session": True}
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, **apart)
    # Whoever lives longer than the eraser takes note of its end.
    threading.Thread(target=process.wait, name="wait-for-eraser", daemon=True).start()


def erase_when_due(data: Path, *, patience_seconds: float = PATIENCE_SECONDS) -> bool:
    """Purge until nothing is left to erase; returns False when that did not come about in time.

    Raises:
        FootnoteError: The data folder cannot be used (any more).
    """
    deadline = time.monotonic() + patience_seconds
    with Store.open(data, create=False) as store:
        while time.monotonic() < deadline:
            try:
                # Nobody would come back for the old text of a file that changed.
                if store.purge(patient=False):
                    return True
            except BusyError:
                logger.info("somebody else writes; the removed documents are erased later")
            time.sleep(ATTEMPT_SECONDS)
    return False


def main() -> None:
    """The process: ``python -m ui.eraser --data DIR``."""
    arguments = argparse.ArgumentParser(description="Erases removed documents; `footnote remove` starts it.")
    arguments.add_argument("--data", type=Path, required=True)
    data: Path = arguments.parse_args().data
    try:
        erase_when_due(data)
    except FootnoteError as exc:
        raise SystemExit(f"{exc} {exc.hint}") from exc


if __name__ == "__main__":
    main()
