"""The bench over a folder of documents counts every file once and names the cause of each failure."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is asked of POSIX")
def test_every_file_is_counted_with_its_cause(tmp_path: Path) -> None:
    from tests.bench.documentation import Told, measure, table

    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"Cats sleep on warm stones.")
    (folder / "b.md").write_bytes(b"# Dogs\n\nDogs guard the old gate.")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "picture.gif").write_bytes(b"GIF89a")
    results = measure(tmp_path / "data", [folder], real=False, told=Told(minutes=5))
    assert results["states"] == {"ready": 2, "failed": 1, "skipped": 1}
    assert (results["files"], results["unaccounted"], results["violations"]) == (4, 0, [])
    assert results["problems"] == {"empty": 1}
    assert results["failed"] == [[str(folder / "empty.txt"), "empty", "The file is empty."]]
    lines = table(results, random.Random(0))
    assert lines[0].startswith("4 files under ")
    assert "        2  ready" in lines
    assert f"  {folder / 'empty.txt'}: empty The file is empty." in lines
