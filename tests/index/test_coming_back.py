"""What was set aside and whose file is gone for a run is set aside again when the file comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from index.ingest import ingest_paths
from index.parsing import Parser
from index.store import Store
from index.update import update_paths
from tests.fakes import WordCountEmbedder

CATS = "Cats sleep on warm stones."
DOGS = "Dogs guard the old gate."
BIRDS = "Birds sing before sunrise."
WORDS = WordCountEmbedder(["cats", "dogs", "birds"])
NAME = "quokkazephyr.txt"


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser() as shared:
        yield shared


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    (path / NAME).write_text(CATS, encoding="utf-8")
    (path / "dogs.txt").write_text(DOGS, encoding="utf-8")
    return path


def states(store: Store) -> dict[str, str]:
    assert store.check() == []
    return {row.name: row.state for row in store.documents()}


def id_of(store: Store, name: str) -> str:
    return next(row.doc_id for row in store.documents() if row.name == name)


def marks(store: Store) -> int:
    with store.catalog.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM set_aside").fetchone()[0])


@pytest.mark.parametrize("content", [CATS, BIRDS], ids=["as it was", "changed meanwhile"])
@pytest.mark.parametrize("how", ["runs", "watching"])
def test_a_disabled_file_that_comes_back_is_disabled(
    store: Store, parser: Parser, folder: Path, how: str, content: str
) -> None:
    def follow() -> None:
        if how == "runs":
            ingest_paths(store, WORDS, parser, [folder])
        else:
            update_paths(store, WORDS, parser, [folder / NAME], folders=[(folder, "Documents")])

    ingest_paths(store, WORDS, parser, [folder])
    store.disable([id_of(store, NAME)])
    (folder / NAME).unlink()
    follow()
    assert states(store) == {"dogs.txt": "ready"}
    (folder / NAME).write_text(content, encoding="utf-8")
    follow()
    assert states(store) == {"dogs.txt": "ready", NAME: "disabled"}
    assert marks(store) == 0  # what is known of a document stands in its row alone
    store.enable([id_of(store, NAME)])
    (folder / NAME).unlink()
    follow()
    (folder / NAME).write_text(content, encoding="utf-8")
    follow()
    assert states(store) == {"dogs.txt": "ready", NAME: "ready"}


def test_it_is_disabled_in_its_own_place_only(store: Store, parser: Parser, folder: Path) -> None:
    ingest_paths(store, WORDS, parser, [folder])
    ingest_paths(store, WORDS, parser, [folder], collection="Other")
    store.disable([row.doc_id for row in store.documents("Other") if row.name == NAME])
    text = (folder / NAME).read_text(encoding="utf-8")
    (folder / NAME).unlink()
    for collection in ("Documents", "Other"):
        ingest_paths(store, WORDS, parser, [folder], collection=collection)
    (folder / NAME).write_text(text, encoding="utf-8")
    (folder / "copy.txt").write_text(text, encoding="utf-8")
    for collection in ("Documents", "Other"):
        ingest_paths(store, WORDS, parser, [folder], collection=collection)
    assert store.check() == []
    assert {(row.collection, row.name) for row in store.documents() if row.state == "disabled"} == {
        ("Other", NAME)
    }


def test_a_file_that_is_renamed_into_the_place_is_disabled(
    store: Store, parser: Parser, folder: Path
) -> None:
    """As an editor saves: the new text under another name first, while the old file is gone."""
    ingest_paths(store, WORDS, parser, [folder])
    store.disable([id_of(store, NAME)])
    (folder / NAME).unlink()
    (folder / "new.txt").write_text(BIRDS, encoding="utf-8")
    ingest_paths(store, WORDS, parser, [folder])
    (folder / "new.txt").rename(folder / NAME)
    ingest_paths(store, WORDS, parser, [folder])
    assert states(store) == {"dogs.txt": "ready", NAME: "disabled"}


@pytest.mark.parametrize(("content", "state"), [(b"", "ignored"), (b" ", "failed"), (CATS.encode(), "ready")])
def test_what_is_ignored_is_so_again_while_it_is_the_same(
    store: Store, parser: Parser, folder: Path, content: bytes, state: str
) -> None:
    (folder / NAME).write_bytes(b"")
    ingest_paths(store, WORDS, parser, [folder])
    store.ignore([id_of(store, NAME)])
    (folder / NAME).unlink()
    ingest_paths(store, WORDS, parser, [folder])
    (folder / NAME).write_bytes(content)
    ingest_paths(store, WORDS, parser, [folder])
    assert states(store) == {"dogs.txt": "ready", NAME: state}
    assert marks(store) == 0


def test_what_a_person_deletes_takes_its_mark_along(store: Store, parser: Parser, folder: Path) -> None:
    ingest_paths(store, WORDS, parser, [folder])
    store.disable([id_of(store, NAME)])
    store.remove([id_of(store, NAME)])
    assert marks(store) == 0
    store.undo()
    assert states(store) == {"dogs.txt": "ready", NAME: "disabled"}
    store.remove([id_of(store, NAME)])
    assert store.purge(undo_seconds=0)
    ingest_paths(store, WORDS, parser, [folder / NAME])  # wanted again by name
    assert states(store) == {"dogs.txt": "ready", NAME: "ready"}


def test_no_name_lingers_of_a_disabled_file_that_is_gone(store: Store, parser: Parser, folder: Path) -> None:
    ingest_paths(store, WORDS, parser, [folder])
    store.disable([id_of(store, NAME)])
    assert held(store, b"quokkazephyr")
    (folder / NAME).unlink()
    ingest_paths(store, WORDS, parser, [folder])
    assert store.purge(patient=False)
    assert marks(store) == 1
    assert not held(store, b"quokkazephyr")
    assert not held(store, CATS.encode())


def held(store: Store, text: bytes) -> bool:
    files = [path for path in store.data.rglob("*") if path.is_file()]
    return any(text in path.read_bytes() for path in files)
