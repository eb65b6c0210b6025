"""What is read of the conversations is read once, until that very conversation changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ui.chat_file import ANY_CHAT, EVERY_CHAT, ChatFile


@pytest.fixture
def file(tmp_path: Path) -> Iterator[ChatFile]:
    opened = ChatFile(tmp_path)
    for chat_id in ("one", "two"):
        with opened.changing() as db:
            db.execute("INSERT INTO chats VALUES (?, ?, 0, 0)", (chat_id, chat_id))
    yield opened
    opened.close()


class Titles:
    """Reads titles and counts how often it did."""

    def __init__(self, file: ChatFile) -> None:
        self.file = file
        self.times = 0

    def read(self, rows: list[tuple[Any, ...]]) -> list[str]:
        self.times += 1
        return [row[0] for row in rows]

    def of(self, chat_id: str) -> list[str]:
        sql = "SELECT title FROM chats WHERE chat_id = ?"
        return self.file.remembered(chat_id, sql, chat_id, read=self.read)

    def all(self) -> list[str]:
        return self.file.remembered(EVERY_CHAT, "SELECT title FROM chats ORDER BY title", read=self.read)


def rename(file: ChatFile, chat_id: str, title: str, *, about: set[str]) -> None:
    with file.changing(about) as db:
        db.execute("UPDATE chats SET title = ? WHERE chat_id = ?", (title, chat_id))


def test_what_did_not_change_is_not_read_again(file: ChatFile) -> None:
    titles = Titles(file)
    for _ in range(3):
        assert (titles.of("one"), titles.of("two"), titles.all()) == (["one"], ["two"], ["one", "two"])
    assert titles.times == 3
    rename(file, "one", "1", about={"one"})
    assert (titles.of("one"), titles.of("two"), titles.all()) == (["1"], ["two"], ["1", "two"])
    assert titles.times == 5  # the other conversation was not read again


def test_a_change_that_may_be_about_any_conversation_forgets_all(file: ChatFile) -> None:
    titles = Titles(file)
    titles.of("one")
    titles.of("two")
    revision = file.revision
    rename(file, "two", "2", about={ANY_CHAT})
    assert file.revision == revision + 1
    assert (titles.of("one"), titles.of("two")) == (["one"], ["2"])
    assert titles.times == 4


def test_what_is_read_while_something_changes_is_not_kept(file: ChatFile) -> None:
    slow = Titles(file)

    def read(rows: list[tuple[Any, ...]]) -> list[str]:
        found = slow.read(rows)
        if slow.times == 1:
            rename(file, "one", "1", about={"one"})  # after the rows were fetched
        return found

    def of_one() -> list[str]:
        return file.remembered("one", "SELECT title FROM chats WHERE chat_id = 'one'", read=read)

    assert of_one() == ["one"]
    assert of_one() == ["1"]


def test_a_change_that_fails_leaves_everything_as_it_was(file: ChatFile) -> None:
    titles = Titles(file)
    titles.of("one")

    def fail() -> None:
        with file.changing({"one"}) as db:
            db.execute("UPDATE chats SET title = 'x'")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert titles.of("one") == ["one"]
    assert Titles(file).all() == ["one", "two"]


def test_memory_holds_only_so_many_conversations(file: ChatFile) -> None:
    titles = Titles(file)
    for number in range(1000):
        titles.of(str(number))
    assert len(file._memory) <= 200
    assert titles.of("one") == ["one"]
