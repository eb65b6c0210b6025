"""A file of the data folder that may not be used, such as one made by another user, is named."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from index.backup import write_backup
from index.errors import DamagedError, StorageError
from index.store import Store
from tests.index.support import EMBEDDER, put


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    if os.name == "nt":
        pytest.skip("permissions are others there")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    if os.access(closed, os.R_OK):
        pytest.skip("permissions do not bind this user")
    folder = tmp_path / "data"
    with Store.open(folder) as store:
        store.publish(puts=[put("/a.txt", "Cats sleep.")], embedder=EMBEDDER)
    yield folder
    for each in (closed, folder, folder / "lexical"):
        each.chmod(0o700)


def test_a_lexical_index_of_another_user_is_named(data: Path) -> None:
    (data / "lexical").chmod(0o000)
    with pytest.raises(StorageError) as caught:
        Store.open(data)
    assert f"{data / 'lexical' / 'meta.json'}: Permission denied" in str(caught.value)
    assert "correct the permissions" in caught.value.hint


def test_a_lock_of_another_user_is_named(data: Path) -> None:
    (data / "writer.lock").chmod(0o400)
    with Store.open(data) as store, pytest.raises(StorageError) as caught:
        store.publish(puts=[put("/b.txt", "Dogs bark.")], embedder=EMBEDDER)
    assert f"{data / 'writer.lock'}: Permission denied" in str(caught.value)


def test_a_database_of_another_user_is_named_by_a_backup(data: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / "chats.sqlite")) as db:
        db.execute("CREATE TABLE chats (chat_id)")
    (data / "chats.sqlite").chmod(0o000)
    with pytest.raises(StorageError) as caught:
        write_backup(data, tmp_path / "backup.zip")
    assert str(data / "chats.sqlite") in str(caught.value)


@pytest.mark.parametrize("name", ["catalog.sqlite", "chats.sqlite"])
def test_a_damaged_database_is_named_by_a_backup(tmp_path: Path, name: str) -> None:
    data = tmp_path / "data"
    Store.open(data).close()
    (data / name).write_bytes(b"no database at all" * 1000)
    with pytest.raises(DamagedError) as caught:
        write_backup(data, tmp_path / "backup.zip")
    assert str(data / name) in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["data"]
