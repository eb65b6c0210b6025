"""RELIABILITY part A, number by number: what no other test says. Tests elsewhere carry numbers too."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from index import durable
from index.analysis import query_terms
from index.durable import Disk
from index.errors import StorageError
from index.ingest import ingest_paths, ingest_uploads
from index.lexical import LexicalIndex
from index.parsing import ParsedFile
from index.recognition import Recognition
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.killed import OPTIONS, VOCABULARY, DirectParser
from tests.index.kills import hash_of
from tests.index.support import EMBEDDER, put, vector_of

TESTS = Path(__file__).resolve().parents[1]
CATS = "Cats sleep on warm stones."
DOGS = "Dogs guard the old gate."
BIRDS = "Birds sing before sunrise."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "a.txt").write_text(CATS, encoding="utf-8")
    return path


def index(store: Store, folder: Path, parser: DirectParser | None = None) -> dict[str, str]:
    """Index a folder: what became of each file, by name."""
    report = ingest_paths(
        store, WordCountEmbedder(VOCABULARY), parser or DirectParser(), [folder], options=OPTIONS
    )
    return {Path(outcome.path).name: outcome.outcome for outcome in report.outcomes}


def found(store: Store, query: str) -> list[str]:
    store.refresh()
    ids = [chunk_id for chunk_id, _ in store.snapshot().lexical(query_terms(query, ["en"]), 10)]
    return [row.text for row in store.chunks(ids).values()]


# Those for one person at one machine; 29 to 31 are measured by tests/bench.
NAMED = (*range(1, 21), *range(22, 26), 27, 28, 33, 34)


@pytest.mark.parametrize("number", NAMED)
def test_every_requirement_has_a_test_that_carries_its_number(number: int) -> None:
    name = re.compile(rf"def test_requirement_{number:02}_\w+")
    assert any(name.search(file.read_text(encoding="utf-8")) for file in TESTS.rglob("test_*.py"))


def test_requirement_01_the_catalog_has_the_settings_that_the_promises_rest_on(store: Store) -> None:
    with store.catalog.reading() as connection:
        pragmas = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas.pop("busy_timeout") >= 5000
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


class WatchingDisk(Disk):
    """Notes the calls, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def write(self, path: Path, parts: Iterable[bytes]) -> None:
        self.calls.append(("write", path.name))
        super().write(path, parts)

    def sync_file(self, path: Path) -> None:
        self.calls.append(("sync", path.name))
        super().sync_file(path)

    def rename(self, old: Path, new: Path) -> None:
        self.calls.append(("rename", new.name))
        super().rename(old, new)

    def sync_folder(self, folder: Path) -> None:
        self.calls.append(("sync", folder.name))
        super().sync_folder(folder)


def test_requirement_02_a_checkpoint_is_written_aside_synced_renamed_and_only_then_named(
    store: Store,
) -> None:
    store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
    disk = WatchingDisk()
    with patch.object(durable, "disk", disk):
        store.write_checkpoint()
    assert disk.calls == [
        ("sync", "data"),  # that there is a folder checkpoints
        ("write", "base-1.faiss.tmp"),
        ("sync", "base-1.faiss.tmp"),
        ("rename", "base-1.faiss"),
        ("sync", "checkpoints"),
    ]
    with store.catalog.reading() as connection:
        row = connection.execute("SELECT * FROM checkpoints").fetchone()
    assert (row["file"], row["generation"], row["count"]) == ("base-1.faiss", 1, 1)
    assert (row["dim"], row["fingerprint"], len(row["sha256"])) == (EMBEDDER.dim, EMBEDDER.fingerprint, 64)


def test_requirement_03_check_is_clean_after_every_kind_of_change(store: Store) -> None:
    assert store.check() == []
    for step in (
        lambda: store.publish(puts=[put("/a.txt", CATS, DOGS), put("/b.txt", DOGS)], embedder=EMBEDDER),
        lambda: store.publish(puts=[put("/a.txt", CATS, BIRDS)], embedder=EMBEDDER),
        lambda: store.write_checkpoint(),
        lambda: store.publish(puts=[put("/c.txt", CATS, BIRDS)], embedder=EMBEDDER),
        lambda: store.remove([store.documents()[0].doc_id]),
        lambda: store.remove([row.doc_id for row in store.documents()]),
    ):
        step()
        assert store.check() == []


def test_requirement_07_a_lock_vanishes_with_its_holder(store: Store, tmp_path: Path) -> None:
    holder = (
        "import sys, time; from filelock import FileLock\n"
        "FileLock(sys.argv[1]).acquire(); print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", holder, str(store.data / "writer.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.wait()
        began = time.monotonic()
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        assert time.monotonic() - began < 5
    assert (store.data / "writer.lock").exists()  # a file left behind is no lock


class FailingDisk(Disk):
    """Refuses one kind of call for files of one kind."""

    def __init__(self, call: str, ending: str, number: int) -> None:
        self._call, self._ending, self._number = call, ending, number

    def _refuse(self, call: str, path: Path) -> None:
        if call == self._call and path.name.endswith(self._ending):
            raise OSError(self._number, os.strerror(self._number), str(path))

    def write(self, path: Path, parts: Iterable[bytes]) -> None:
        if self._call == "write" and path.name.endswith(self._ending):
            path.write_bytes(b"as much as there was room for")
        self._refuse("write", path)
        super().write(path, parts)

    def sync_file(self, path: Path) -> None:
        self._refuse("sync", path)
        super().sync_file(path)

    def rename(self, old: Path, new: Path) -> None:
        self._refuse("rename", old)
        super().rename(old, new)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("call", ["write", "sync", "rename"])
@pytest.mark.parametrize("kind", ["checkpoint", "manifest", "original"])
def test_requirement_09_a_disk_that_refuses_a_file_costs_nothing_but_this_attempt(
    store: Store, tmp_path: Path, kind: str, call: str, number: int
) -> None:
    parser, embedder = DirectParser(), WordCountEmbedder(VOCABULARY)
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(CATS, encoding="utf-8")
    second.write_text(DOGS, encoding="utf-8")
    ingest_uploads(store, embedder, parser, [(first, "first.txt")], options=OPTIONS)
    assert found(store, "cats") == [CATS]

    def attempt() -> None:
        ingest_uploads(store, embedder, parser, [(second, "second.txt")], options=OPTIONS)
        store.write_checkpoint()

    names = {"checkpoint": ".faiss", "manifest": "manifest.json", "original": hash_of(second)}
    disk = FailingDisk(call, f"{names[kind]}.tmp", number)
    with patch.object(durable, "disk", disk), pytest.raises(StorageError) as caught:
        attempt()
    assert "Make room or correct the permissions" in caught.value.hint
    assert list(store.data.rglob("*.tmp")) == []
    assert found(store, "cats") == [CATS]
    attempt()
    assert found(store, "dogs") == [DOGS]
    assert store.check() == []
    with Store.open(store.data) as again:
        assert sorted(found(again, "cats dogs")) == [CATS, DOGS]
        assert again.check() == []


@pytest.mark.parametrize(
    ("pragma", "undo", "complaint"),
    [
        ("max_page_count = 1", "max_page_count = 1000000", "full"),
        ("query_only = ON", "query_only = OFF", "read-only"),
    ],
)
def test_requirement_09_a_catalog_that_cannot_be_written_stays_as_it_was(
    store: Store, pragma: str, undo: str, complaint: str
) -> None:
    store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
    big = put("/b.txt", *(f"Sentence number {number} about dogs." for number in range(400)))
    with store.catalog.reading() as connection:  # the one connection that is idle afterwards
        connection.execute(f"PRAGMA {pragma}").fetchall()
    with pytest.raises(StorageError, match=complaint) as caught:
        store.publish(puts=[big], embedder=EMBEDDER)
    assert caught.value.hint
    with store.catalog.reading() as connection:
        connection.execute(f"PRAGMA {undo}").fetchall()
    assert found(store, "cats dogs") == [CATS]
    store.publish(puts=[big], embedder=EMBEDDER)
    assert store.check() == []


def test_requirement_09_a_lexical_index_that_cannot_be_written_follows_later(store: Store) -> None:
    store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
    before = store.snapshot()
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with patch.object(LexicalIndex, "write", side_effect=full):
        with pytest.raises(StorageError):
            store.publish(puts=[put("/b.txt", DOGS)], embedder=EMBEDDER)
        with pytest.raises(StorageError):  # whoever follows the index tries again later
            store.refresh()
        assert store.snapshot() is before
    assert found(store, "dogs") == [DOGS]
    assert store.check() == []


def test_requirement_10_content_decides_and_not_the_time_of_a_file(store: Store, folder: Path) -> None:
    file = folder / "a.txt"
    index(store, folder)
    status = file.stat()
    file.write_text(CATS.replace("warm", "cold"), encoding="utf-8")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert index(store, folder) == {"a.txt": "changed"}
    assert found(store, "cats") == ["Cats sleep on cold stones."]


@pytest.mark.parametrize("seconds", [0, 2**31 - 1, 2**33])
def test_requirement_10_a_time_in_the_past_or_future_changes_nothing(
    store: Store, folder: Path, seconds: int
) -> None:
    index(store, folder)
    os.utime(folder / "a.txt", (seconds, seconds))
    assert index(store, folder) == {"a.txt": "unchanged"}


def test_requirement_10_a_system_clock_that_goes_backwards_does_not_matter(
    store: Store, folder: Path
) -> None:
    index(store, folder)
    with patch("time.time", return_value=1.0):
        (folder / "a.txt").write_text(DOGS, encoding="utf-8")
        assert index(store, folder) == {"a.txt": "changed"}
        store.write_checkpoint()
        assert found(store, "dogs cats") == [DOGS]
    (folder / "b.txt").write_text(BIRDS, encoding="utf-8")
    assert index(store, folder) == {"a.txt": "unchanged", "b.txt": "added"}
    assert store.check() == []
    with Store.open(store.data) as again:
        assert found(again, "birds") == [BIRDS]


class ChangingParser(DirectParser):
    """The file is written again right after it was read, as many times as there are texts left."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__()
        self._texts = texts

    def parse(
        self, path: Path, *, name: str | None = None, recognition: Recognition | None = None
    ) -> ParsedFile:
        if self._texts:  # between the hash that was taken and the bytes that are read
            path.write_text(self._texts.pop(), encoding="utf-8")
        parsed = super().parse(path, name=name, recognition=recognition)
        if self._texts:
            path.write_text(self._texts.pop(), encoding="utf-8")
        return parsed


def test_requirement_10_a_file_that_changes_while_it_is_read_is_read_again(
    store: Store, folder: Path
) -> None:
    assert index(store, folder, ChangingParser([DOGS, BIRDS])) == {"a.txt": "added"}
    assert found(store, "dogs birds cats") == [DOGS]
    assert store.documents()[0].content_hash == hash_of(folder / "a.txt")


def test_requirement_10_a_file_that_keeps_changing_fails_with_a_reason(store: Store, folder: Path) -> None:
    texts = [f"Text number {number}." for number in range(20)]
    assert index(store, folder, ChangingParser(texts)) == {"a.txt": "failed"}
    assert [(row.state, row.problem) for row in store.documents()] == [("failed", "changed_while_reading")]
    assert index(store, folder) == {"a.txt": "changed"}


def test_requirement_10_an_upload_that_changes_while_it_is_copied_is_copied_again(
    store: Store, tmp_path: Path
) -> None:
    upload = tmp_path / "upload"
    upload.write_text(CATS, encoding="utf-8")

    class Changing(Disk):
        changes = 1

        def write(self, path: Path, parts: Iterable[bytes]) -> None:
            if path.parent.name == "originals" and self.changes:
                self.changes -= 1
                upload.write_text(f"{DOGS} {self.changes}", encoding="utf-8")
            super().write(path, parts)

    for changes, outcome in ((1, "added"), (3, "failed")):
        disk = Changing()
        disk.changes = changes
        with patch.object(durable, "disk", disk):
            report = ingest_uploads(
                store, WordCountEmbedder(VOCABULARY), DirectParser(), [(upload, "note.txt")], options=OPTIONS
            )
        assert [line.outcome for line in report.outcomes] == [outcome]
        upload.write_text(CATS, encoding="utf-8")
    assert found(store, "dogs cats") == [f"{DOGS} 0"]
    assert list(store.data.rglob("*.tmp")) == []


def test_requirement_10_a_kept_original_that_was_damaged_is_kept_anew(store: Store, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_text(CATS, encoding="utf-8")
    tools = (store, WordCountEmbedder(VOCABULARY), DirectParser())
    ingest_uploads(*tools, [(upload, "note.txt")], options=OPTIONS)
    (kept,) = store.originals.iterdir()
    kept.write_bytes(b"damaged")
    ingest_uploads(*tools, [(upload, "note.txt")], options=OPTIONS)
    assert kept.read_text(encoding="utf-8") == CATS


ODD_NAMES = (
    "\u202etxt.gpj.txt",  # shown from right to left
    "שלום עולם.txt",
    "-rf.txt",
    "emoji 🐈‍⬛.txt",
    "e\u0301 and \u00e9.txt",
    "x" * 251 + ".txt",
)
POSIX_NAMES = ("line\nbreak.txt", "quo\"te's.txt", "back\\slash.txt", os.fsdecode(b"caf\xe9.txt"))


@pytest.mark.parametrize(
    "name",
    [
        *ODD_NAMES,
        *(
            pytest.param(
                name, marks=pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="not a name there")
            )
            for name in POSIX_NAMES
        ),
    ],
    ids=ascii,
)
def test_requirement_13_an_odd_name_is_indexed_found_again_and_removed(
    store: Store, folder: Path, name: str
) -> None:
    (folder / name).write_text(DOGS, encoding="utf-8")
    assert index(store, folder)[name] == "added"
    assert index(store, folder)[name] == "unchanged"
    row = store.find("Documents", str(folder / name))
    assert row is not None
    assert row.path == str(folder / name)
    assert found(store, "dogs") == [DOGS]
    (folder / name).unlink()
    assert index(store, folder)[name] == "removed"
    assert found(store, "dogs") == []
    assert store.check() == []


def test_requirement_14_a_copy_made_by_sqlite_while_writing_gives_the_same_answers(
    store: Store, tmp_path: Path
) -> None:
    """The catalog alone is everything: what is derived from it is made again."""
    store.publish(puts=[put("/a.txt", CATS, DOGS), put("/b.txt", BIRDS)], embedder=EMBEDDER)
    store.write_checkpoint()
    store.publish(puts=[put("/c.txt", "Fish swim in the pond.")], embedder=EMBEDDER)
    copy = tmp_path / "copy"
    copy.mkdir()
    target = sqlite3.connect(copy / "catalog.sqlite")
    with store.catalog.reading() as connection:
        connection.backup(target)
    target.close()
    store.refresh()
    with Store.open(copy) as restored:
        for query in ("cats", "fish", "the old gate"):
            assert found(restored, query) == found(store, query) != []
        wanted = [chunk_id for chunk_id, _ in store.snapshot().dense(vector_of(DOGS), 4)]
        assert [chunk_id for chunk_id, _ in restored.snapshot().dense(vector_of(DOGS), 4)] == wanted
        assert [line for line in restored.check() if "checkpoint" not in line] == []


def test_requirement_21_the_id_of_a_document_is_128_random_bits(store: Store) -> None:
    store.publish(puts=[put(f"/{number}.txt", CATS) for number in range(100)], embedder=EMBEDDER)
    ids = [int(row.doc_id, 16) for row in store.documents()]
    ones, zeros = 0, 0
    for each in ids:
        ones, zeros = ones | each, zeros | ~each
    assert ones == (1 << 128) - 1  # each bit is set in one of them, and not set in another
    assert zeros & ones == ones
