"""Documents of a folder that is out of reach are told from those of one that is there, and from gone ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from index.catalog import get_meta, set_meta
from index.ingest import ingest_paths
from index.missing import OutOfReach, folders_out_of_reach, missing_documents
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.killed import DirectParser

WORDS = WordCountEmbedder(["cats", "dogs"])
NOW = 1_700_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path, store: Store) -> Path:
    """An indexed folder of two files, and another one beside it whose name begins alike."""
    path = tmp_path / "folder"
    for each in (path, tmp_path / "folder two"):
        each.mkdir()
        (each / "a.txt").write_text("Cats sleep.", encoding="utf-8")
    (path / "b.txt").write_text("Dogs guard.", encoding="utf-8")
    ingest_paths(store, WORDS, DirectParser(), [path, tmp_path / "folder two"])
    return path


def missing(store: Store) -> list[str]:
    rows = store.documents()
    found = missing_documents(rows, folders_out_of_reach(store, now=NOW))
    return [row.path for row in rows if row.doc_id in found]


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "a folder that may not be looked into"])
def test_a_folder_that_is_not_there_or_a_bare_mount_point_is_out_of_reach(
    store: Store, folder: Path, left: str
) -> None:
    assert missing(store) == []
    unplugged = folder.rename(folder.with_name("unplugged"))
    if left != "nothing":
        folder.mkdir()
    if left == "a folder that may not be looked into":
        if os.geteuid() == 0:
            pytest.skip("root may look into every folder")
        folder.chmod(0)
    lost = folders_out_of_reach(store, now=NOW)
    assert lost == [OutOfReach(path=str(folder), collection="Documents", since=NOW)]
    assert missing(store) == [str(folder / "a.txt"), str(folder / "b.txt")]
    assert {row.state for row in store.documents()} == {"ready"}  # nothing of it is stored
    # A minute later it is still away since then.
    assert folders_out_of_reach(store, lost, now=NOW + 60) == lost
    if left != "nothing":
        folder.chmod(0o700)
        folder.rmdir()
    unplugged.rename(folder)
    assert missing(store) == []


def test_files_that_were_deleted_are_gone_and_not_missing(store: Store, folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    assert missing(store) == []


def test_a_place_inside_the_folder_where_a_disk_was_is_out_of_reach_alone(store: Store, folder: Path) -> None:
    (folder / "disk").mkdir()
    (folder / "disk" / "c.txt").write_text("Cats and dogs.", encoding="utf-8")
    ingest_paths(store, WORDS, DirectParser(), [folder])
    with store.catalog.writing() as connection:  # as if another disk had been mounted there
        stored = get_meta(connection, "folder_places") or ""
        entry = f'"{folder}": "'
        assert entry in stored
        set_meta(connection, "folder_places", stored.replace(entry, f'"{folder / "disk"}": "1:1", {entry}'))
    assert missing(store) == []  # it is another one, and holds a document
    (folder / "disk" / "c.txt").unlink()
    assert missing(store) == [str(folder / "disk" / "c.txt")]


def test_what_does_not_answer_or_was_no_file_of_the_folder_is_not_missing(store: Store, folder: Path) -> None:
    lost = [OutOfReach(path=str(folder), collection="Documents", since=NOW)]
    (row, *_) = store.documents_under("Documents", str(folder))
    assert list(missing_documents([row], lost)) == [row.doc_id]
    others = (
        replace(row, state="disabled"),
        replace(row, state="failed", version_id=None),
        replace(row, origin="upload"),
        replace(row, collection="Other"),
    )
    assert missing_documents(others, lost) == {}


def test_a_folder_none_of_whose_documents_is_left_is_no_matter(store: Store, folder: Path) -> None:
    store.remove([row.doc_id for row in store.documents_under("Documents", str(folder))])
    folder.rename(folder.with_name("unplugged"))
    assert folders_out_of_reach(store) == []
