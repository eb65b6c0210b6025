"""Which folder on which disk it is: what was emptied loses its documents, what is out of reach keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from index.places import identity_of, known_places, remember_places, sort_lost
from index.rows import DocumentRow
from index.store import Store
from tests.index.support import EMBEDDER, put


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


class Disks:
    """Stands in for the file system: which disk each folder is on; "" for one that is not there."""

    def __init__(self, **disks: str) -> None:
        self.disks = {f"/{name.replace('_', '/')}": disk for name, disk in disks.items()}

    def __call__(self, path: str) -> str:
        disk = self.disks.get(path, "")
        return disk and f"{disk}:{path}"


@pytest.fixture
def disks() -> Disks:
    return Disks(docs="1", docs_usb="2", docs_usb_deep="2", docs_plain="1")


FILES = ("/docs/a.txt", "/docs/plain/b.txt", "/docs/usb/deep/c.txt")


def rows(store: Store, *paths: str) -> list[DocumentRow]:
    store.publish(puts=[put("/some.txt", "Some text.")], embedder=EMBEDDER)
    [row] = store.documents()
    return [replace(row, path=path) for path in paths]


def remember(store: Store, disks: Disks, files: Sequence[str]) -> None:
    remember_places(store.catalog, "/docs", "Documents", files, identify=disks)


def sorted_by(
    store: Store, disks: Disks, lost: tuple[str, ...], *, holding: str = "/nowhere"
) -> tuple[list[str], list[str]]:
    """Paths that are gone, and places whose documents are kept."""
    gone, kept = sort_lost(
        rows(store, *lost),
        "/docs",
        known_places(store.catalog, "/docs", "Documents"),
        holds=lambda place: holding.startswith(f"{place}/"),
        identify=disks,
    )
    return [row.path for row in gone], list(kept)


def test_the_folder_and_the_disks_inside_it_are_remembered(store: Store, disks: Disks) -> None:
    remember(store, disks, FILES)
    assert known_places(store.catalog, "/docs", "Documents") == {
        "/docs": "1:/docs",
        "/docs/usb": "2:/docs/usb",
    }
    assert known_places(store.catalog, "/docs", "Others") == {}


def test_what_was_deleted_from_the_folder_that_is_still_there_is_gone(store: Store, disks: Disks) -> None:
    remember(store, disks, FILES)
    assert sorted_by(store, disks, FILES) == (list(FILES), [])
    del disks.disks["/docs/plain"]  # with everything in it
    assert sorted_by(store, disks, FILES) == (list(FILES), [])


def test_a_disk_inside_the_folder_that_is_away_keeps_its_documents_only(store: Store, disks: Disks) -> None:
    remember(store, disks, FILES)
    for instead in ("1", ""):  # the empty mount point, or nothing at all
        disks.disks |= {"/docs/usb": instead, "/docs/usb/deep": ""}
        remember(store, disks, ["/docs/a.txt"])
        assert sorted_by(store, disks, FILES, holding="/docs/a.txt") == (list(FILES[:2]), ["/docs/usb"])


def test_an_unknown_folder_that_holds_nothing_keeps_its_documents(store: Store, disks: Disks) -> None:
    assert sorted_by(store, disks, FILES[:2]) == ([], ["/docs"])
    assert sorted_by(store, disks, FILES[:2], holding="/docs/new.txt") == (list(FILES[:2]), [])


def test_a_folder_that_became_another_is_known_once_it_holds_documents(store: Store, disks: Disks) -> None:
    remember(store, disks, FILES)
    disks.disks |= {"/docs": "3", "/docs/usb": "3", "/docs/usb/deep": "3"}
    remember(store, disks, [])
    assert sorted_by(store, disks, FILES[:1]) == ([], ["/docs"])
    remember(store, disks, FILES)
    assert sorted_by(store, disks, FILES) == (list(FILES), [])


def test_a_name_that_is_not_utf_8_is_remembered(store: Store, disks: Disks) -> None:
    disks.disks["/docs/\udcff"] = "4"
    remember(store, disks, ["/docs/\udcff/a.txt"])
    assert "/docs/\udcff" in known_places(store.catalog, "/docs", "Documents")


def test_a_real_folder_is_told_from_another_in_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    before = identity_of(str(folder))
    (folder / "a.txt").touch()
    (folder / "a.txt").unlink()
    assert identity_of(str(folder)) == before != ""
    folder.rename(tmp_path / "elsewhere")
    assert identity_of(str(folder)) == ""
    folder.mkdir()
    assert identity_of(str(folder)) != before
