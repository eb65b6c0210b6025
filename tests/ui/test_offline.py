"""The default reaches no other machine and writes nowhere but its data folder, child processes included.

The flow of ``offline_flow`` runs in a network namespace that has only the loopback device (so it
works without a network) and under strace (so that even a failed attempt to reach out is seen).
Where only one of the two can be used, the other's half of the proof is left out; CI needs strace.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)  # strace makes the start of four Python processes slower

ROOT = Path(__file__).parents[2]
DOCUMENT = "The lighthouse of Vell was built in 1874. It stands on the northern cape and is painted red."
QUESTION = "When was the lighthouse of Vell built?"

# Calls that talk to a network, and calls that make, change or remove something in the file system.
# The question mark is for calls that some processors do not have.
CALLS = (
    "connect,bind,sendto,sendmsg,?sendmmsg,"
    "?open,openat,?openat2,?creat,?mkdir,mkdirat,?mknod,mknodat,?rename,?renameat,renameat2,?link,linkat,"
    "?symlink,symlinkat,?unlink,unlinkat,?rmdir,truncate,?chmod,fchmodat,?chown,?lchown,fchownat,?utimes,utimensat"
)
# -ff: one log a thread, so that no call is torn in two; -y: the path behind each file descriptor.
STRACE = (
    "strace",
    "-ff",
    "--seccomp-bpf",
    "-qq",
    "-y",
    "-s",
    "4096",
    "-e",
    f"trace={CALLS}",
    "-e",
    "signal=none",
)
UNSHARE = ("unshare", "--map-root-user", "--net")
# A new namespace has its loopback device switched off. SIOCSIFFLAGS with IFF_UP switches it on.
WITH_LOOPBACK = (
    sys.executable,
    "-c",
    "import fcntl, os, socket, struct, sys\n"
    "with socket.socket() as s: fcntl.ioctl(s, 0x8914, struct.pack('16sh', b'lo', 1))\n"
    "os.execvp(sys.argv[1], sys.argv[1:])",
)

# Written to by design, and nothing stays there: devices, and the kernel's view of the process itself.
HARMLESS = ("/dev/null", "/dev/tty", "/proc/self/", "/proc/thread-self/")
# joblib, imported by sentence-transformers, tries whether named semaphores work; they live in memory.
SEMAPHORES = "/dev/shm/sem."


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the flow: what it printed, its folders, and the calls that strace saw."""

    result: dict[str, Any]
    home: Path
    data: Path
    temporary: Path
    working: Path
    calls: tuple[str, ...]  # empty without strace


def usable(*command: str) -> bool:
    try:
        return subprocess.run([*command, "true"], capture_output=True, timeout=30).returncode == 0
    except (FileNotFoundError, PermissionError, subprocess.TimeoutExpired):
        return False


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    top = tmp_path_factory.mktemp("offline")
    folders = {name: top / name for name in ("home", "data", "temporary", "working", "documents", "calls")}
    for folder in folders.values():
        folder.mkdir()
    document = folders["documents"] / "lighthouse.txt"
    document.write_text(DOCUMENT, encoding="utf-8")

    traced = usable(*STRACE, "-o", str(top / "probe"))
    alone = usable(*UNSHARE, *WITH_LOOPBACK)
    if not traced and os.environ.get("CI"):
        pytest.fail("strace cannot be used here, and CI must not go without this proof")
    if not traced and not alone:
        pytest.skip("neither strace nor a network namespace can be used on this machine")

    command = [
        sys.executable,
        str(ROOT / "tests/ui/offline_flow.py"),
        str(folders["data"]),
        str(document),
        QUESTION,
    ]
    if traced:
        command = [*STRACE, "-o", str(folders["calls"] / "call"), *command]
    if alone:
        command = [*UNSHARE, *WITH_LOOPBACK, *command]
    done = subprocess.run(
        command,
        cwd=folders["working"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folders["home"]),
            "TMPDIR": str(folders["temporary"]),
            "PYTHONPATH": str(ROOT),
            # The interpreter's own cache of compiled modules belongs to the installation.
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    calls = tuple(
        line
        for log in sorted(folders["calls"].iterdir())
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
    )
    assert bool(calls) == traced
    return Run(
        result=json.loads(done.stdout),
        home=folders["home"],
        data=folders["data"],
        temporary=folders["temporary"],
        working=folders["working"],
        calls=calls,
    )


def addresses(calls: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each call that names a network address, with the address: ``connect``, ``127.0.0.1:80``."""
    for line in calls:
        name = line.partition("(")[0]
        for family, rest in re.findall(r"sa_family=(AF_\w+)([^}]*)", line):
            port = re.search(r"htons\((\d+)\)", rest)
            host = re.search(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"', rest)
            path = re.search(r'sun_path=(@?"[^"]*")', rest)
            if path:
                yield name, f"unix:{path[1]}"
            elif host:
                yield name, f"{host[1] or host[2]}:{port[1] if port else ''}"
            else:
                yield name, family


def written(run: Run) -> Iterator[tuple[str, str]]:
    """Each call that made, changed or removed something in the file system, with the path."""
    for line in run.calls:
        name = line.partition("(")[0]
        if re.search(r"\) += -1 ", line) or "sa_family" in line:
            continue  # it failed: nothing was written
        if name in ("open", "openat", "openat2", "creat"):
            path = re.search(r"\) += \d+<([^>]*)>", line)
            if path and (name == "creat" or re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)", line)):
                yield name, path[1]
        elif name not in ("connect", "bind", "sendto", "sendmsg", "sendmmsg"):
            for folder, path_in_it in re.findall(r'(?:<([^>]*)>, )?"([^"]*)"', line):
                yield name, os.path.normpath(Path(folder or run.working) / path_in_it)


def test_first_day_works_without_a_network(run: Run) -> None:
    assert run.result["answer"]["status"] == "answered"
    assert run.result["answer"]["citations"][0]["quote"] == "The lighthouse of Vell was built in 1874."
    assert run.result["documents"] == 5
    assert run.result["html"] > 1000
    assert run.result["assets"] >= 1
    assert run.result["exit_code"] in (0, 130)


def test_no_process_reaches_for_another_machine(run: Run) -> None:
    if not run.calls:
        pytest.skip("strace cannot be used on this machine")
    elsewhere = {
        (call, address)
        for call, address in addresses(run.calls)
        if not re.fullmatch(r"(127\.0\.0\.1|::1):(?!53$)\d*|AF_NETLINK|AF_UNSPEC", address)
    }
    assert elsewhere == set()
    assert any(
        call == "connect" and address.startswith("127.0.0.1:") for call, address in addresses(run.calls)
    )


def test_no_file_is_written_outside_the_data_folder(run: Run) -> None:
    if not run.calls:
        pytest.skip("strace cannot be used on this machine")
    outside = {
        (call, path)
        for call, path in written(run)
        if not Path(path).is_relative_to(run.data)
        and not Path(path).is_relative_to(run.temporary)
        and not path.startswith((*HARMLESS, SEMAPHORES))
    }
    assert outside == set()
    assert [path for _, path in written(run) if path.startswith(SEMAPHORES) and Path(path).exists()] == []
    assert any(Path(path).is_relative_to(run.data) for _, path in written(run))


def test_nothing_stays_behind_in_the_home_temporary_or_working_folder(run: Run) -> None:
    assert [*run.home.rglob("*"), *run.temporary.rglob("*"), *run.working.rglob("*")] == []
