"""A data folder that cannot be written is asked, searched and checked as any other, and never changed."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from index.analysis import query_terms
from index.backup import read_backup, write_backup
from index.catalog import FILE_NAME, SCHEMA_VERSION
from index.errors import StorageError
from index.ingest import ingest_paths
from index.jobs import Jobs
from index.parsing import Parser
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.support import EMBEDDER, put, vector_of
from tests.read_only import read_only, read_only_view

CATS = "Cats sleep on warm stones."
DOGS = "Dogs guard the old gate."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    with Store.open(folder) as store:
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        store.write_checkpoint()
        store.publish(puts=[put("/b.txt", DOGS)], embedder=EMBEDDER)
    Jobs(folder).close()
    return folder


@contextmanager
def unchanged(data: Path) -> Iterator[None]:
    """The folder is read-only, and holds what it held, to the byte and to the name."""
    before = contents(data)
    with read_only(data):
        yield
    assert contents(data) == before


def contents(data: Path) -> dict[str, bytes]:
    return {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def found(store: Store) -> dict[str, str]:
    """What is found by words and by meaning, and read in its document."""
    snapshot = store.snapshot()
    result = {}
    for query in (CATS, DOGS):
        [(by_words, _)] = snapshot.lexical(query_terms(query, ["en"]), 1)
        [(by_meaning, _)] = snapshot.dense(vector_of(query), 1)
        assert by_words == by_meaning
        chunk = store.chunks([by_words])[by_words]
        text = store.text(chunk.version_id)
        assert text is not None
        result[query] = text[chunk.start : chunk.end]
    return result


def test_it_is_asked_and_checked(data: Path) -> None:
    with unchanged(data), Store.open(data, create=False) as store:
        assert found(store) == {CATS: CATS, DOGS: DOGS}
        assert [row.name for row in store.documents()] == ["a.txt", "b.txt"]
        assert store.status().passages == 2
        assert store.check() == []
        assert not store.refresh()
        assert Jobs(data).recent() == []


def test_what_is_made_to_read_it_goes_with_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = data.parent / "temporary"
    beside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(beside))
    with unchanged(data):
        with Store.open(data, create=False) as store:
            assert found(store) == {CATS: CATS, DOGS: DOGS}
            assert len([each for each in beside.iterdir() if each.is_dir()]) == 1
        assert list(beside.iterdir()) == []


@pytest.mark.parametrize("state", ["missing", "damaged", "behind"])
def test_indexes_that_are_derived_are_made_anew_elsewhere(data: Path, state: str) -> None:
    if state == "missing":
        shutil.rmtree(data / "lexical")
        shutil.rmtree(data / "checkpoints")
    elif state == "damaged":
        for path in (*(data / "lexical").glob("*.term"), *(data / "checkpoints").iterdir()):
            path.write_bytes(path.read_bytes()[:-1] + b"?")
    else:
        old = data.parent / "old"
        shutil.copytree(data / "lexical", old)
        with Store.open(data) as store:
            store.publish(puts=[put("/c.txt", "Birds sing.")], embedder=EMBEDDER)
        shutil.rmtree(data / "lexical")
        old.rename(data / "lexical")
    with unchanged(data), Store.open(data, create=False) as store:
        assert found(store) == {CATS: CATS, DOGS: DOGS}


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.publish(puts=[put("/c.txt", "Birds sing.")], embedder=EMBEDDER),
        lambda store: store.remove([store.documents()[0].doc_id]),
        lambda store: store.disable([store.documents()[0].doc_id]),
        lambda store: store.undo(),
        lambda store: store.rebuild(),
        lambda store: store.write_checkpoint(),
        lambda store: store.repair(),
    ],
    ids=["publish", "remove", "disable", "undo", "rebuild", "checkpoint", "repair"],
)
def test_what_would_change_it_says_why_it_cannot(data: Path, change: Callable[[Store], object]) -> None:
    with unchanged(data), Store.open(data, create=False) as store:
        with pytest.raises(StorageError) as caught:
            change(store)
        assert str(caught.value) == f"{data} is read-only: it can be asked, but not changed."
        assert "permissions" in caught.value.hint
        assert found(store) == {CATS: CATS, DOGS: DOGS}


def test_indexing_says_why_it_cannot(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "c.txt"
    file.write_text("Birds sing.", encoding="utf-8")
    with unchanged(data), Store.open(data, create=False) as store, Parser() as parser:
        with pytest.raises(StorageError) as caught:
            ingest_paths(store, WordCountEmbedder(["birds"]), parser, [file])
        assert str(caught.value) == f"{data} is read-only: it can be asked, but not changed."
        with pytest.raises(StorageError, match="read-only"):
            Jobs(data).start("index", "c.txt")


def test_it_can_be_backed_up(data: Path, tmp_path: Path) -> None:
    with unchanged(data):
        write_backup(data, tmp_path / "backup.zip")
    read_backup(tmp_path / "backup.zip", tmp_path / "restored")
    with Store.open(tmp_path / "restored") as store:
        assert found(store) == {CATS: CATS, DOGS: DOGS}


def test_what_another_process_commits_is_seen(data: Path, tmp_path: Path) -> None:
    view = tmp_path / "view"
    with Store.open(data) as writer, read_only_view(data, view), Store.open(view, create=False) as reader:
        assert found(reader) == {CATS: CATS, DOGS: DOGS}
        writer.remove([row.doc_id for row in writer.documents() if row.name == "a.txt"])
        assert reader.refresh()
        assert [row.name for row in reader.documents()] == ["b.txt"]
        assert reader.snapshot().lexical(query_terms("cats", ["en"]), 5) == []
        assert reader.check() == []


def test_a_folder_as_a_killed_process_left_it_is_asked(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with closing(sqlite3.connect(data / FILE_NAME, isolation_level=None)) as connection:
        connection.execute("UPDATE documents SET state = 'disabled'")
        shutil.copytree(data, copy)
    with unchanged(copy), Store.open(copy, create=False) as store:
        assert [row.state for row in store.documents()] == ["disabled", "disabled"]
        assert store.check() == []


def test_changes_that_wait_in_a_log_are_not_overlooked(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with closing(sqlite3.connect(data / FILE_NAME, isolation_level=None)) as connection:
        connection.execute("UPDATE documents SET state = 'disabled'")
        shutil.copytree(data, copy, ignore=shutil.ignore_patterns("*-shm"))
    with unchanged(copy), pytest.raises(StorageError, match="without being closed") as caught:
        Store.open(copy, create=False)
    assert "Copy the folder" in caught.value.hint
    with Store.open(copy) as store:  # as the hint says
        assert [row.state for row in store.documents()] == ["disabled", "disabled"]


def test_the_catalog_of_an_earlier_release_has_to_be_copied_first(data: Path) -> None:
    with closing(sqlite3.connect(data / FILE_NAME)) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION - 1}")
    with unchanged(data), pytest.raises(StorageError, match="earlier release") as caught:
        Store.open(data, create=False)
    assert "Copy the folder" in caught.value.hint


def test_a_folder_without_an_index_is_not_made_one(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with unchanged(empty), pytest.raises(StorageError) as caught:
        Store.open(empty)
    assert str(empty) in str(caught.value)
