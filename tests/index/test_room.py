"""The room that a run needs: about what it really takes, and known before it begins."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from index.errors import StorageError
from index.ingest import ingest_paths
from index.plan import plan_roots
from index.room import Room, free_bytes, may_be_short, require_room_for_copies, room_needed
from index.store import Store
from index.survey import Target, named_roots, survey
from tests.fakes import WordCountEmbedder
from tests.index.test_plan import PlainParser

# As long as a vector of the built-in model, and texts of words that do not repeat each other.
WORDS = [f"word{number}" for number in range(383)]


def write_files(folder: Path, files: int, *, seed: int) -> None:
    chosen = random.Random(seed)
    folder.mkdir()
    for number in range(files):
        sentences = (" ".join(chosen.choices(WORDS, k=12)) + "." for _ in range(400))
        (folder / f"{number:03}.txt").write_text(" ".join(sentences), encoding="utf-8")


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_estimate_is_about_what_a_run_really_adds(tmp_path: Path) -> None:
    embedder, parser = WordCountEmbedder(WORDS), PlainParser()
    assert embedder.dim == 384
    with Store.open(tmp_path / "data") as store:
        for seed in (1, 2):  # into an empty index, and into one that has as much already
            folder = tmp_path / f"folder{seed}"
            write_files(folder, 60, seed=seed)
            before = size_of(store.data)
            planned = plan_roots(store, embedder, parser, named_roots([folder], "Documents"))
            report = ingest_paths(store, embedder, parser, [folder])
            assert report.passages == planned.passages
            assert report.passages > 1000
            added = size_of(store.data) - before
            assert added <= planned.room.needed <= 1.3 * added + 25_000_000


def test_what_is_known_already_needs_no_room_for_vectors(tmp_path: Path) -> None:
    known = room_needed(dim=384, passages=1000, embedded=0, text_bytes=400_000, stored=0)
    new = room_needed(dim=384, passages=1000, embedded=1000, text_bytes=400_000, stored=0)
    assert new - known == 1000 * (4096 + 500)
    assert room_needed(dim=384, passages=0, embedded=0, text_bytes=0, stored=10**6) == 0
    # A vector that fits on a page of the catalog takes no more than its numbers.
    small = room_needed(dim=128, passages=1000, embedded=1000, text_bytes=0, stored=0)
    assert small - room_needed(dim=128, passages=1000, embedded=0, text_bytes=0, stored=0) == 1000 * 1012


def test_nothing_new_needs_no_room(tmp_path: Path) -> None:
    embedder, parser, folder = WordCountEmbedder(["bird"]), PlainParser(), tmp_path / "folder"
    write_files(folder, 2, seed=1)
    with Store.open(tmp_path / "data") as store:
        ingest_paths(store, embedder, parser, [folder])
        planned = plan_roots(
            store, embedder, parser, named_roots([folder], "Documents"), free=lambda _folder: 0
        )
    assert planned.room == Room(needed=0, free=0)
    assert not planned.room.is_short


def test_a_run_that_does_not_fit_is_refused_with_both_sizes_and_what_to_do() -> None:
    Room(needed=5, free=5).require()
    with pytest.raises(StorageError, match=r"about 17\.2 GB would be added, and 300 MB are free") as caught:
        Room(needed=17_200_000_000, free=300_000_000).require()
    assert "--data" in caught.value.hint


def test_files_are_read_beforehand_only_where_they_could_fill_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write_files(folder, 2, seed=1)
    size = size_of(folder)
    with Store.open(tmp_path / "data") as store:
        roots = named_roots([folder], "Documents")
        files = survey(store, roots).files
        assert may_be_short(files, 20_000_000 + 25 * size - 1)
        assert not may_be_short(files, 20_000_000 + 25 * size)
        ingest_paths(store, WordCountEmbedder(["bird"]), PlainParser(), [folder])
        assert not may_be_short(survey(store, roots).files, 20_000_000)  # none of them is new
    gone = Target(str(folder / "gone.txt"), "Documents", "folder", None)
    assert not may_be_short([gone], 20_000_000)


def test_copies_of_uploads_have_to_fit_too(tmp_path: Path) -> None:
    write_files(tmp_path / "folder", 1, seed=1)
    file = tmp_path / "folder" / "000.txt"
    require_room_for_copies([file, tmp_path / "gone.txt"], file.stat().st_size)
    with pytest.raises(StorageError):
        require_room_for_copies([file], file.stat().st_size - 1)


def test_the_free_space_of_a_folder_that_is_not_there_is_that_of_its_disk(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0
