"""A full disk: a clear message, nothing lost, and the next attempt succeeds once there is room."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.errors import StorageError
from index.ingest import ingest_paths
from index.parsing import Parser
from index.store import Store
from tests.fakes import WordCountEmbedder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("making a small disk needs root on Linux")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_requirement_09_a_full_disk_is_told_and_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number:03}.txt").write_text(f"Cats number {number} sleep. " * 400, encoding="utf-8")
    embedder = WordCountEmbedder([f"word{number}" for number in range(100)])
    with Parser() as parser:
        with Store.open(small_disk / "data") as store:
            with pytest.raises(StorageError, match="full") as caught:
                ingest_paths(store, embedder, parser, [folder])
            assert "Make room" in caught.value.hint
            store.refresh()
            kept = len(store.documents())
            assert 0 < kept < 300
            assert store.snapshot().n_documents == kept
        subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
        with Store.open(small_disk / "data") as store:
            assert store.check() == []
            report = ingest_paths(store, embedder, parser, [folder])
            assert (report.count("unchanged"), report.count("added")) == (kept, 300 - kept)
            assert store.check() == []
