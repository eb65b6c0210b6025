"""A process beside the server: what it is told and says, how it ends, and that a close leaves none behind."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from ui.beside import Beside


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_it_is_told_json_and_says_json() -> None:
    beside = Beside(python("import json, sys; print(json.dumps([json.load(sys.stdin), 2]))"))
    assert beside.run({"a": "é"}) == [{"a": "é"}, 2]
    assert beside.run() == [None, 2]


@pytest.mark.parametrize(
    ("code", "error"),
    [("import sys; sys.stdin.read(); sys.exit(3)", ChildProcessError), ("input(); print('no')", ValueError)],
)
def test_what_fails_says_so(code: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        Beside(python(code)).run()


def test_a_close_ends_what_runs_and_keeps_the_next_from_starting(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    beside = Beside(python(f"import time; open({str(begun)!r}, 'w').close(); time.sleep(600)"))
    failed: list[BaseException] = []

    def run() -> None:
        try:
            beside.run()
        except OSError as exc:
            failed.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    beside.close()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert isinstance(failed[0], ChildProcessError)
    with pytest.raises(ChildProcessError, match="ending"):
        beside.run()
