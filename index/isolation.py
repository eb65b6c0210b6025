"""What a process that opens untrusted files gives up: the network, writing, other processes, memory.

``python -m index.isolation`` prints which barrier keeps a process like that off the network here.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from typing import Any, Literal, cast

from index.errors import FootnoteError

NetworkBarrier = Literal["network namespace", "audit hook"]
"""A namespace holds for native code too; an audit hook stops what goes through Python, on every system."""

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_NO_NEW_PRIVS = 38
_PROBE_SECONDS = 60.0

_REFUSED_EVENTS = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system")
_REFUSED_CHANGES = frozenset(
    f"os.{call}"
    for call in (
        *("remove", "rename", "rmdir", "mkdir", "link", "symlink", "chmod", "chown", "truncate", "utime"),
        *("setxattr", "removexattr", "kill", "killpg", "startfile"),
    )
)


def isolate(memory_bytes: int) -> NetworkBarrier:
    """Give it all up, for good; for a process with one thread, before it reads anything.

    Args:
        memory_bytes: Address space that the process may have (Linux; macOS does not enforce it, Windows
            has no such limit).

    Returns:
        What keeps the process off the network.
    """
    barrier: NetworkBarrier = "network namespace" if _left_the_network() else "audit hook"
    _limit_process(memory_bytes)
    sys.addaudithook(_refuse)
    return barrier


def confine(memory_bytes: int, *, cpu_seconds: int) -> None:
    """Give up what stays given up when this process becomes another program, see ``index.confined``.

    Off the network on Linux where a namespace can be had; no written files, and limits on memory and
    processor time, where the system has them.
    """
    _left_the_network()
    _limit_process(memory_bytes)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))


def network_barrier() -> NetworkBarrier:
    """Which barrier holds on this machine, found by a process (tens of milliseconds) that puts it up.

    Raises:
        FootnoteError: The process could not be started, so no document could be read either.
    """
    command = [sys.executable, "-B", "-P", "-m", "index.isolation"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # a file could not be written to
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            timeout=_PROBE_SECONDS,
            check=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise FootnoteError(
            f"The process that reads documents cannot be started: {exc}",
            hint="Install Footnote again; nothing that is indexed is lost.",
        ) from exc
    return cast(NetworkBarrier, done.stdout.strip())


def child_environment() -> dict[str, str]:
    """Variables for a process that reads documents."""
    environment = dict(os.environ)
    # The child finds the same modules as this process, however that was started, and -P keeps the
    # current folder out of it: a file there must not pass for a module.
    environment["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
    # Where a format's library imports numpy, no pool of threads: they may not be started.
    environment["OPENBLAS_NUM_THREADS"] = environment["OMP_NUM_THREADS"] = "1"
    return environment


def _left_the_network() -> bool:
    """Move into a network namespace of our own, which has no way out, not even to this machine."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  # set-uid programs give nothing back
    # Root needs no namespace of users, and in one it could not read what belongs to others any more.
    return any(libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def _limit_process(memory_bytes: int) -> None:
    """Memory, written files, processes and core dumps; not on Windows."""
    if sys.platform == "win32":
        return
    import resource

    for kind, limit in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),  # pipes are not counted
        (resource.RLIMIT_NPROC, 0),  # threads count too; root is not held by it
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.setrlimit(kind, (limit, limit))
        except (ValueError, OSError):
            print(f"limit {kind} is not available here", file=sys.stderr)  # noqa: T201


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: no network, no new processes, nothing written."""
    if event == "open":
        _, mode, flags = args
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        if (isinstance(mode, str) and set(mode) & set("wax+")) or writes:
            raise PermissionError("a document reader does not write files")
    elif event in _REFUSED_CHANGES or event.startswith(_REFUSED_EVENTS):
        raise PermissionError(f"a document reader does not do this: {event}")


if __name__ == "__main__":
    print(isolate(1 << 30))  # noqa: T201
