"""Files are read ahead of what is embedded, by a bounded amount, and a cancel does not wait for one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.batch import BATCH_PASSAGES, BATCH_SECONDS
from index.documents import ParsedDocument
from index.health import Health
from index.ingest import IngestOptions, ingest_paths, ingest_uploads
from index.parsing import ParseLimits, Parser
from index.read_ahead import MOST_FILES
from index.recognition import Recognition
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.killed import DirectParser

SECONDS = 30.0  # nothing here takes so long unless it would never end
# Each paragraph is a passage of its own: none may share one with so many words.
PASSAGE = " ".join(["Cats sleep on warm stones."] * 40)


class WatchedParser(DirectParser):
    """Says when it begins to read a file; the one named ``slow.txt`` is read once ``free`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.read_names: list[str] = []
        self.second = threading.Event()
        self.free = threading.Event()

    def read(
        self, data: bytes, name: str, recognition: Recognition | None = None
    ) -> tuple[ParsedDocument, Health]:
        self.read_names.append(name)
        if len(self.read_names) == 2:
            self.second.set()
        if name == "slow.txt":
            assert self.free.wait(SECONDS)
        return super().read(data, name, recognition)


class WaitingEmbedder(WordCountEmbedder):
    """Embeds nothing before the second file is being read, and counts the files that were read by then."""

    def __init__(self, parser: WatchedParser) -> None:
        super().__init__(("cats",))
        self._parser = parser
        self.files: list[int] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        assert self._parser.second.wait(SECONDS), "nothing was read while the first batch was embedded"
        time.sleep(0.2)  # whoever reads without bound has read much more by now
        self.files.append(len(self._parser.read_names))
        return super().encode(texts)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    return path


def write(folder: Path, name: str, passages: int) -> None:
    text = "\n\n".join(f"{name} {number}. {PASSAGE}" for number in range(passages))
    (folder / name).write_text(text, encoding="utf-8")


def test_a_file_is_read_while_the_one_before_it_is_embedded(store: Store, folder: Path) -> None:
    for number in range(4):
        write(folder, f"{number}.txt", BATCH_PASSAGES + 2)
    parser = WatchedParser()
    embedder = WaitingEmbedder(parser)
    report = ingest_paths(store, embedder, parser, [folder])
    assert [outcome.outcome for outcome in report.outcomes] == ["added"] * 4
    assert parser.read_names == ["0.txt", "1.txt", "2.txt", "3.txt"]
    assert embedder.files[0] == 2, "more than the next batch was read ahead"
    assert store.check() == []


def test_many_small_files_are_known_at_a_time_but_not_all(store: Store, folder: Path) -> None:
    for number in range(MOST_FILES + 20):
        write(folder, f"{number:03}.txt", 1)
    write(folder, "000.txt", BATCH_PASSAGES + 2)
    parser = WatchedParser()
    embedder = WaitingEmbedder(parser)
    report = ingest_paths(store, embedder, parser, [folder])
    assert 2 <= embedder.files[0] <= MOST_FILES + 1
    assert len(report.outcomes) == MOST_FILES + 20
    assert store.check() == []


def test_what_is_ready_does_not_wait_for_a_file_that_takes_long(store: Store, folder: Path) -> None:
    write(folder, "quick.txt", 1)
    write(folder, "slow.txt", 1)
    parser = WatchedParser()
    found: list[str] = []

    def look() -> bool:
        if not parser.free.is_set():
            found.extend(Path(row.path).name for row in store.documents())
            if found:
                parser.free.set()
        return False

    started = time.monotonic()
    options = IngestOptions(cancelled=look)
    ingest_paths(store, WordCountEmbedder(("cats",)), parser, [folder], options=options)
    assert found == ["quick.txt"]
    assert BATCH_SECONDS <= time.monotonic() - started < SECONDS
    assert len(store.documents()) == 2


def test_a_cancel_does_not_wait_for_the_file_that_is_read(
    store: Store, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(folder, "a.txt", 1)
    write(folder, "b.txt", 1)
    started = time.monotonic()
    options = IngestOptions(cancelled=lambda: time.monotonic() - started > 1.0)
    with Parser(ParseLimits(wall_seconds=120), loader="tests.index.files:hang") as parser:
        report = ingest_paths(store, WordCountEmbedder(("cats",)), parser, [folder], options=options)
    assert report.cancelled
    assert time.monotonic() - started < SECONDS
    assert store.documents() == []
    assert caplog.records == []  # the reader did not end by itself


def test_an_error_in_the_run_ends_the_reading_too(store: Store, folder: Path) -> None:
    class Broken(WordCountEmbedder):
        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            raise MemoryError

    for number in range(3):
        write(folder, f"{number}.txt", BATCH_PASSAGES + 2)
    before = threading.active_count()
    with pytest.raises(MemoryError):
        ingest_paths(store, Broken(("cats",)), DirectParser(), [folder])
    assert threading.active_count() == before
    assert store.documents() == []


def test_the_same_bytes_twice_in_one_upload_are_one_document(store: Store, tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(PASSAGE, encoding="utf-8")
    files = [(tmp_path / "one.txt", "one.txt"), (tmp_path / "two.txt", "two.txt")]
    ingest_uploads(store, WordCountEmbedder(("cats",)), DirectParser(), files)
    assert [row.path for row in store.documents()] == ["one.txt"]
    assert store.check() == []


def test_a_changed_file_that_vanishes_while_it_waits_keeps_what_was_read_last(
    store: Store, folder: Path
) -> None:
    class Vanishing(DirectParser):
        """The file ``b.txt`` is gone by the time that ``a.txt`` is read."""

        def read(
            self, data: bytes, name: str, recognition: Recognition | None = None
        ) -> tuple[ParsedDocument, Health]:
            (folder / "b.txt").unlink(missing_ok=True)
            return super().read(data, name, recognition)

    for name in ("a.txt", "b.txt"):
        write(folder, name, 1)
    words = WordCountEmbedder(("cats",))
    ingest_paths(store, words, DirectParser(), [folder])
    before = {row.name: row.passages for row in store.documents()}
    for name in ("a.txt", "b.txt"):
        write(folder, name, 5)
    report = ingest_paths(store, words, Vanishing(), [folder])
    assert {Path(each.path).name: each.outcome for each in report.outcomes} == {
        "a.txt": "changed",
        "b.txt": "failed",
    }
    after = {row.name: (row.state, row.passages) for row in store.documents()}
    assert after["b.txt"] == ("ready", before["b.txt"])
    assert after["a.txt"][1] > before["a.txt"]
    ingest_paths(store, words, DirectParser(), [folder])
    assert [row.name for row in store.documents()] == ["a.txt"]
    assert store.check() == []
