"""A folder that cannot be written, as it is when the disk it lies on is mounted so."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing in the folder can be changed in the meantime, by this process or any other."""
    if sys.platform == "win32":
        pytest.skip("permissions are others there")
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    try:
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        with _mounted(folder, folder) if os.access(folder, os.W_OK) else nullcontext():
            yield  # permissions do not bind everybody
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@contextmanager
def read_only_view(folder: Path, view: Path) -> Iterator[None]:
    """The folder can be read at ``view`` too, and changed only where it is."""
    view.mkdir()
    with _mounted(folder, view):
        yield


@contextmanager
def _mounted(folder: Path, view: Path) -> Iterator[None]:
    if not _done("mount", "--bind", str(folder), str(view)):
        pytest.skip("nothing can be mounted here")
    try:
        if not _done("mount", "-o", "remount,ro,bind", str(view)):
            pytest.skip("nothing can be mounted read-only here")
        yield
    finally:
        assert _done("umount", "--lazy", str(view))


def _done(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False
