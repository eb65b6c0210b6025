"""Changed files are counted as an index run would find them, and hardly a file is read for it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from index.ingest import ingest_paths
from index.outdated import Outdated, Stamp, count_outdated
from index.parsing import Parser
from index.store import Store
from index.survey import remembered_roots
from tests.fakes import WordCountEmbedder

WORDS = WordCountEmbedder(["cats", "dogs", "birds"])


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser() as shared:
        yield shared


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path, store: Store, parser: Parser) -> Path:
    """An indexed folder of three files, which were written an hour before."""
    path = tmp_path / "folder"
    path.mkdir()
    for name, text in (("a.txt", "Cats sleep."), ("b.txt", "Dogs guard."), ("empty.txt", "")):
        (path / name).write_text(text, encoding="utf-8")
    ingest_paths(store, WORDS, parser, [path])
    indexed_ago(store, 3600)
    return path


def indexed_ago(store: Store, seconds: float) -> None:
    """Set the moment of indexing: later than it was would hide changes, earlier leaves doubt about all."""
    with store.catalog.writing() as connection:
        connection.execute("UPDATE documents SET indexed_at = ?", (time.time() - seconds,))


def looked(store: Store, same: Mapping[str, Stamp] | None = None) -> Outdated:
    return count_outdated(store, remembered_roots(store), same or {})


def test_what_is_as_it_was_is_no_change_and_is_read_once(store: Store, folder: Path) -> None:
    first = looked(store)  # all files are younger than the moment of indexing
    assert first.changed == 0
    assert sorted(map(os.path.basename, first.same)) == ["a.txt", "b.txt", "empty.txt"]
    indexed_ago(store, -120)  # as if they had not been touched since
    assert looked(store) == Outdated(changed=0, same={})
    indexed_ago(store, 3600)
    # What was proved before is believed: other bytes with the stamp of then are not looked at.
    told = {str(folder / "a.txt"): first.same[str(folder / "a.txt")]}
    with store.catalog.writing() as connection:
        connection.execute("UPDATE documents SET content_hash = 'other'")
    assert looked(store, told).changed == 2


def test_new_changed_and_gone_files_are_counted(store: Store, folder: Path) -> None:
    (folder / "a.txt").write_text("Cats sleep on warm stones.", encoding="utf-8")
    assert looked(store).changed == 1
    (folder / "new.txt").write_text("Birds sing.", encoding="utf-8")
    assert looked(store).changed == 2
    (folder / "b.txt").unlink()
    assert looked(store).changed == 3
    (folder / "picture.xyz").write_bytes(b"x")  # of a type that is not read
    (folder / ".hidden.txt").write_text("x", encoding="utf-8")
    assert looked(store).changed == 3


def test_a_file_of_the_same_size_and_of_an_old_time_is_found(store: Store, folder: Path) -> None:
    other = folder.parent / "other.txt"
    other.write_text("Cats sleeP.", encoding="utf-8")
    os.utime(other, (1e9, 1e9))
    other.replace(folder / "a.txt")
    assert looked(store).changed == 1


def test_a_touched_file_is_no_change(store: Store, folder: Path) -> None:
    (folder / "a.txt").touch()
    assert looked(store).changed == 0


def test_a_file_that_moved_counts_once(store: Store, folder: Path) -> None:
    (folder / "a.txt").rename(folder / "z.txt")
    assert looked(store).changed == 1
    shutil.copy(folder / "z.txt", folder / "zz.txt")  # and this is a new one
    assert looked(store).changed == 2


def test_what_was_indexed_since_is_no_change(store: Store, folder: Path, parser: Parser) -> None:
    (folder / "a.txt").write_text("Birds sing.", encoding="utf-8")
    (folder / "b.txt").unlink()
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7")
    ingest_paths(store, WORDS, parser, [folder])
    assert looked(store).changed == 0


def test_a_deleted_document_stays_deleted(store: Store, folder: Path) -> None:
    store.remove([row.doc_id for row in store.documents() if row.name == "a.txt"])
    assert (folder / "a.txt").exists()
    assert looked(store).changed == 0


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
def test_a_disk_that_is_away_tells_nothing(store: Store, folder: Path, left: str) -> None:
    folder.rename(folder.parent / "unplugged")
    if left == "an empty folder":  # as a mount point is
        folder.mkdir()
    assert looked(store).changed == 0


def test_files_that_could_not_be_read_change_when_they_do(store: Store, folder: Path) -> None:
    with store.catalog.writing() as connection:  # its bytes could not be had; or were too many
        connection.execute("UPDATE documents SET state = 'failed', version_id = NULL, content_hash = NULL")
        connection.execute("UPDATE documents SET size = 0, problem = 'unreadable'")
    indexed_ago(store, -120)
    assert looked(store).changed == 0
    indexed_ago(store, 3600)
    assert looked(store).changed == 3
    with store.catalog.writing() as connection:
        connection.execute("UPDATE documents SET problem = 'too_large', size = 11")
    assert looked(store).changed == 1  # the empty one
