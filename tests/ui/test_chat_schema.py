"""Conversations of earlier releases are migrated; those of later ones are refused and left as they were."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from index.errors import DamagedError, NewerDatabaseError, StorageError
from index.migrating import backup_path
from tests.full_disk import disk_refuses
from tests.ui.chat_fixture import ANSWER, HIDDEN, QUESTION
from ui.chat_schema import MIGRATIONS, SCHEMA_VERSION
from ui.chats import Chats
from ui.selection import Selection

DUMPS = Path(__file__).with_name("data")
OLD = sorted(DUMPS.glob("chats_*.sql"))
# What the first releases lacked: they had no number that would tell.
OLDER = (
    "DROP TABLE hidden",
    "DROP TABLE variants",
    "DROP TABLE suggestions",
    "DROP TABLE notes",
    "DROP INDEX answered",
    "ALTER TABLE selections DROP COLUMN documents",
)


def write_chats(data: Path, dump: Path, *changes: str) -> Path:
    data.mkdir()
    path = data / "chats.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(dump.read_text(encoding="utf-8"))
        for change in changes:
            db.execute(change)
        db.commit()
    return path


def tables(path: Path) -> dict[str, object]:
    with closing(sqlite3.connect(path)) as db:
        names = db.execute("SELECT name, type FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        found = {name: db.execute(f"PRAGMA {kind}_xinfo({name})").fetchall() for name, kind in names}
        return {**found, "version": db.execute("PRAGMA user_version").fetchone()[0]}


def bytes_of(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in data.iterdir())


def test_every_earlier_schema_has_a_fixture_and_a_migration() -> None:
    assert [path.name for path in OLD] == [f"chats_{number}.sql" for number in range(SCHEMA_VERSION)]
    assert sorted(MIGRATIONS) == list(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("changes", [(), OLDER], ids=["the last", "the first"])
@pytest.mark.parametrize("dump", OLD, ids=lambda path: path.stem)
def test_conversations_of_an_earlier_release_are_there(
    tmp_path: Path, dump: Path, changes: tuple[str, ...]
) -> None:
    if changes and dump.stem != "chats_0":
        pytest.skip("no release was so")
    path = write_chats(tmp_path / "old", dump, *changes)
    chats = Chats(tmp_path / "old")
    chat = next(chat for chat in chats.chats() if chat.title == QUESTION)
    question, answer = chats.messages(chat.chat_id)
    assert question.text == QUESTION
    assert answer.answer is not None
    assert [sentence.text for sentence in answer.answer.sentences] == [ANSWER]
    assert chats.selection(chat.chat_id) == Selection(collections=frozenset({"Letters"}))
    chats.close()
    Chats(tmp_path / "new").close()
    assert tables(path) == tables(tmp_path / "new" / "chats.sqlite")
    assert backup_path(path, 0).exists()


def test_the_copy_from_before_goes_with_the_first_that_is_deleted(tmp_path: Path) -> None:
    write_chats(tmp_path / "data", OLD[-1])
    chats = Chats(tmp_path / "data")
    assert HIDDEN.encode() in backup_path(tmp_path / "data" / "chats.sqlite", SCHEMA_VERSION - 1).read_bytes()
    chats.erase_hidden(undo_seconds=0)
    chats.close()
    assert HIDDEN.encode() not in bytes_of(tmp_path / "data")
    assert QUESTION.encode() in bytes_of(tmp_path / "data")


@pytest.mark.parametrize("kept", ["closed", "with a log"])
def test_conversations_of_a_later_release_are_refused_and_left_as_they_were(
    tmp_path: Path, kept: str
) -> None:
    written, data = tmp_path / "written", tmp_path / "data"
    Chats(written).close()
    with closing(sqlite3.connect(written / "chats.sqlite", isolation_level=None)) as db:
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
        if kept == "with a log":  # as its process left it when it was killed
            shutil.copytree(written, data, ignore=shutil.ignore_patterns("*-shm"))
    if kept == "closed":
        shutil.copytree(written, data)
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    with pytest.raises(NewerDatabaseError, match="later release") as caught:
        Chats(data)
    assert "Update Footnote" in caught.value.hint
    assert str(data / "chats.sqlite") in str(caught.value)
    held = {path.name: path.read_bytes() for path in data.iterdir() if not path.name.endswith("-shm")}
    assert {name: content for name, content in held.items() if content or name in before} == before


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION])
def test_the_database_of_another_program_is_left_alone(tmp_path: Path, version: int) -> None:
    path = tmp_path / "chats.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE rooms (name)")
        db.execute(f"PRAGMA user_version={version}")
        db.commit()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="another program"):
        Chats(tmp_path)
    assert path.read_bytes() == before


def test_conversations_that_contradict_themselves_are_left_as_they_were(tmp_path: Path) -> None:
    path = write_chats(tmp_path / "data", OLD[0], "DELETE FROM chats")
    with closing(sqlite3.connect(path)) as db:
        before = list(db.iterdump())
    with pytest.raises(DamagedError, match="left as it is") as caught:
        Chats(tmp_path / "data")
    assert "backup" in caught.value.hint
    with closing(sqlite3.connect(path)) as db:
        assert list(db.iterdump()) == before
        assert db.execute("PRAGMA user_version").fetchone()[0] == 0


def test_a_full_disk_leaves_conversations_of_an_earlier_release_as_they_were(tmp_path: Path) -> None:
    path = write_chats(tmp_path / "data", OLD[0])
    before = path.read_bytes()
    with disk_refuses(), pytest.raises(StorageError, match="Conversations cannot be opened"):
        Chats(tmp_path / "data")
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.tmp"))
    chats = Chats(tmp_path / "data")
    assert [chat.title for chat in chats.chats()] == [QUESTION]
    chats.close()
