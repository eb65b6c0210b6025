"""A warm process that forks: every task runs in a child of its own, which may be killed, crash or hang.

Importing everything takes seconds, forking milliseconds; that is what makes hundreds of kills affordable.
A task is a function ``task(say, **arguments)``; ``say`` sends a small value to the parent at once.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
CAN_FORK = hasattr(os, "fork")
LINE_BYTES = 4096  # what a pipe takes in one piece, even from a process that is killed the moment after

Say = Callable[[Any], None]


class Forker:
    """The warm process, seen from the tests. One task at a time."""

    def __init__(self, *modules: str) -> None:
        """Start it and import these modules there."""
        # Threads do not survive a fork, so no library may start any before it.
        environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTHONPATH=str(ROOT))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.index.forked", *modules],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._lines: SimpleQueue[Any] = SimpleQueue()
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self._next(120)[1] == "ready"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._thread.join()

    def start(self, task: str, **arguments: Any) -> Task:
        """Run ``module:function`` in a new child; the task has begun when this returns."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([task, arguments]).encode() + b"\n")
        self._process.stdin.flush()
        return Task(self._next, self._next(60)[1])

    def run(self, task: str, *, seconds: float = 60.0, **arguments: Any) -> Ended:
        """Run ``module:function`` to its end in a new child, or kill it after ``seconds``."""
        return self.start(task, **arguments).wait(seconds)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(json.loads(line))
        self._lines.put(["gone", None])

    def _next(self, seconds: float) -> Any:
        message = self._lines.get(timeout=seconds)
        assert message[0] != "gone", "the warm process has ended"
        return message


class Ended:
    """How a task ended: what it said, its exit status (negative: the signal), whether it had to be killed."""

    def __init__(self, said: list[Any], status: int, hung: bool) -> None:
        self.said = said
        self.status = status
        self.hung = hung


class Task:
    """A task that runs."""

    def __init__(self, receive: Callable[[float], Any], pid: int) -> None:
        self._receive = receive
        self._pid = pid
        self._said: list[Any] = []
        self._status: int | None = None

    def wait(self, seconds: float, *, then_kill: bool = False) -> Ended:
        """Wait for the end; after ``seconds`` kill the task. ``then_kill``: that is meant, not a hang."""
        hung = False
        try:
            self._listen(seconds)
        except Empty:
            hung = not then_kill
            with suppress(ProcessLookupError):  # it ended in this very moment
                os.kill(self._pid, signal.SIGKILL)
            self._listen(60)
        assert self._status is not None
        return Ended(self._said, self._status, hung)

    def _listen(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._status is None:
            kind, value = self._receive(max(0.0, deadline - time.monotonic()))
            if kind == "ended":
                self._status = value
            else:
                self._said.append(value)


# -- in the warm process -----------------------------------------------------------------------------


def _send(kind: str, value: Any) -> None:
    line = json.dumps([kind, value]).encode() + b"\n"
    assert len(line) <= LINE_BYTES, "too much for one line"
    os.write(1, line)


def _serve() -> None:
    for line in sys.stdin:
        task, arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _work(task, arguments)
        _, status = os.waitpid(pid, 0)
        _send("ended", os.waitstatus_to_exitcode(status))


def _work(task: str, arguments: dict[str, Any]) -> None:
    """Carry out a task and end this process."""
    code = 1
    try:
        _send("began", os.getpid())
        module, _, name = task.partition(":")
        getattr(importlib.import_module(module), name)(lambda value: _send("said", value), **arguments)
        code = 0
    except BaseException:  # noqa: BLE001  a panic of Rust code is no Exception; the status tells the parent
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A temporary folder, in memory where there is such a place: a killed process needs no disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)


if __name__ == "__main__":
    logging.disable()  # hundreds of crashes leave thousands of expected warnings
    for name in sys.argv[1:]:
        importlib.import_module(name)
    _send("ready", "ready")
    _serve()
