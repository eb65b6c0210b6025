"""Work beside the server: a process of its own, at low priority, that takes JSON and gives JSON.

What reads much, or waits for a drive that does not answer, would hold the server's requests.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from index.errors import FootnoteError

NICENESS = 10


class Beside:
    """Runs one command again and again, one at a time. Safe to close from another thread."""

    def __init__(self, command: Sequence[str]) -> None:
        """Run nothing yet."""
        self._command = list(command)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def run(self, sent: object = None) -> Any:
        """Start the process and wait for its end.

        Args:
            sent: What it is told, as JSON.

        Returns:
            What it said.

        Raises:
            OSError: It could not be started; a ChildProcessError where it ended with an error, or was closed.
            ValueError: What it said is not JSON.
        """
        with self._lock:  # so that one that has just begun is not missed by a close
            if self._closed:
                raise ChildProcessError("the server is ending")
            process = self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="ascii",
            )
        try:
            said, _ = process.communicate(json.dumps(sent))
        finally:
            with self._lock:
                self._process = None
        if process.returncode:
            raise ChildProcessError(f"exit code {process.returncode}")
        return json.loads(said)

    def close(self) -> None:
        """Break off what is running; nothing is started any more."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()


def command_of(module: str, data: Path) -> list[str]:
    """How to start a module that calls :func:`work_beside`, for a data folder."""
    return [sys.executable, "-P", "-m", module, "--data", str(data)]


def work_beside(work: Callable[[Path, Any], object], description: str) -> None:
    """The process itself: gives ``work`` the data folder and what it is told, and says what that returns."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--data", type=Path, required=True)
    data: Path = arguments.parse_args().data
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        json.dump(work(data, json.load(sys.stdin)), sys.stdout)
    except FootnoteError as exc:
        raise SystemExit(1) from exc
