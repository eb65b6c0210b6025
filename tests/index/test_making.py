"""Networks are made by a process that ends, by one at a time, and only where they are not there yet."""

from __future__ import annotations

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import index.compiled
from index.making import found_or_made


@pytest.fixture(autouse=True)
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not loaded it, whatever other tests did."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)


class Archive:
    """Stands for a network: a file that ``python -m zipfile`` makes."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "made.zip"

    def find(self) -> int | None:
        """When it was made, in nanoseconds."""
        return self.file.stat().st_mtime_ns if self.file.exists() else None

    def made(self, *sources: str) -> int | None:
        return found_or_made(self.find, self.file.parent, "zipfile", "-c", str(self.file), *sources)


def test_what_is_there_is_not_made(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.file.write_bytes(b"there")
    assert archive.made(__file__) == archive.find()
    assert archive.file.read_bytes() == b"there"


def test_what_is_not_there_is_made_by_another_process(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    assert archive.made(__file__) is not None
    assert archive.file.read_bytes().startswith(b"PK")


def test_several_that_need_it_at_once_make_it_once(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: archive.made(__file__), range(4)))
    assert found == [archive.find()] * 4
    assert found[0] is not None


def test_a_process_that_fails_is_told_and_gives_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert found_or_made(Archive(tmp_path).find, tmp_path, "zipfile", "--unknown") is None
    assert "no network was made by zipfile" in caplog.text


def test_where_torch_is_loaded_no_other_process_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert Archive(tmp_path).made(__file__) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.model
@pytest.mark.skipif(index.compiled.openvino() is None, reason="there is no OpenVINO here")
@pytest.mark.parametrize(
    "load",
    [
        "from index.embeddings import load_embedder; load_embedder(device='cpu', compiled=cache)",
        "from rag.reader.weights import load_reader; load_reader(compiled=cache)",
    ],
)
def test_a_model_is_compiled_without_loading_torch_here(tmp_path: Path, load: str) -> None:
    code = (
        f"import sys; from pathlib import Path; cache = Path({str(tmp_path)!r}); {load};"
        " print('torch' in sys.modules, len(list(cache.glob('*/network.xml'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split() == ["False", "1"]
