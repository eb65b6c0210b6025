"""What a process that reads documents cannot do, and that the barrier which holds is named."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from index.errors import FootnoteError
from index.isolation import child_environment, network_barrier
from index.parsing import ParseLimits, Parser

ROOT = Path(__file__).resolve().parents[2]
QUICK = ParseLimits(wall_seconds=20, cpu_seconds=10)


@pytest.fixture(autouse=True)
def importable_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are of Linux")
def test_requirement_15_native_code_reaches_neither_this_machine_nor_a_file(tmp_path: Path) -> None:
    if network_barrier() != "network namespace":
        pytest.skip("this kernel gives unprivileged processes no network namespace")
    target = tmp_path / "kept.txt"
    target.write_bytes(b"kept")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            listener.accept()[0].close()  # it can be reached from here
        with Parser(QUICK, loader="tests.index.files:escape_natively") as parser:
            answer = parser.parse_bytes(b"%d %s" % (port, os.fsencode(target)), "a.txt").text
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert answer == "ENETUNREACH EFBIG"
    assert target.read_bytes() == b"kept"


def test_requirement_15_without_a_namespace_the_audit_hook_is_named_and_holds() -> None:
    script = (
        "import socket\n"
        "from index import isolation\n"
        "isolation._left_the_network = lambda: False\n"
        "barrier = isolation.isolate(1 << 30)\n"
        "try:\n"
        "    socket.create_connection(('127.0.0.1', 9), timeout=1)\n"
        "except PermissionError:\n"
        "    print(barrier)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=child_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "audit hook\n"


def test_requirement_15_the_barrier_that_holds_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert network_barrier() in ("network namespace", "audit hook")
    monkeypatch.setattr(sys, "executable", str(ROOT / "no-such-python"))
    with pytest.raises(FootnoteError, match="cannot be started") as caught:
        network_barrier()
    assert caught.value.hint
