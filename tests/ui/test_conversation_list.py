"""The list of conversations: found by what was said, deleted with a way back, and older files still open."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from index.store import Store
from tests.ui.desk import Tab, desk_over
from tests.ui.test_chats import QUOTE, TEXT, put, quoted_answer
from ui.asking import MAX_AT_ONCE
from ui.chats import Chats
from ui.desk import Desk
from ui.stored import stored
from ui.tab import CHATS_LISTED

# What the first release wrote: its tables, and an answer with the fields it knew.
_FIRST_RELEASE = """
CREATE TABLE chats (
    chat_id TEXT PRIMARY KEY, title TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE TABLE messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    chat_id TEXT NOT NULL REFERENCES chats(chat_id) ON DELETE CASCADE,
    role TEXT NOT NULL, text TEXT NOT NULL, answer TEXT, created_at REAL NOT NULL
);
INSERT INTO chats VALUES ('aa', 'Old', 1, 1);
INSERT INTO messages VALUES (1, 'b1', 'aa', 'user', 'When?', NULL, 1);
"""
_FIRST_ANSWER = {
    "status": "answered",
    "query": "When?",
    "sentences": [{"text": "In March.", "markers": [], "verdict": "weak", "short_answer": None}],
    "citations": [],
    "passages": [],
    "steps": [{"name": "retrieve", "detail": "3 passages", "milliseconds": 1.0}],
    "confidence": 0.5,
    "generator": "ollama:llama3.1",
    "notice": "",
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Store.open(tmp_path / "data") as store:
        put(store, TEXT)
    with desk_over(tmp_path / "data") as opened:
        yield opened


def conversation(desk: Desk, question: str, *, answered: bool = False) -> str:
    chat_id = desk.chats.create(question).chat_id
    place = desk.chats.add_exchange(chat_id, question)
    if answered:
        desk.chats.finish(place.message_id, stored(quoted_answer(desk.store)))
    return chat_id


def found(desk: Desk, wanted: str) -> list[str]:
    return [chat.title for chat in desk.chat_search.find(wanted)]


def test_a_conversation_is_found_by_title_question_and_answer(desk: Desk) -> None:
    lease = conversation(desk, "When does it end?", answered=True)
    conversation(desk, "What is due?")
    desk.chats.rename(lease, "Flat in Ghent")
    assert found(desk, "GHENT") == ["Flat in Ghent"]
    assert found(desk, "when does") == ["Flat in Ghent"]
    assert found(desk, "zebrafish ghent") == ["Flat in Ghent"]
    assert found(desk, "due") == ["What is due?"]
    assert found(desk, "zebrafish due") == []
    assert found(desk, "") == ["What is due?", "Flat in Ghent"]


def test_the_words_of_a_deleted_document_are_no_longer_found(desk: Desk) -> None:
    conversation(desk, "When does it end?", answered=True)
    assert found(desk, "zebrafish") == ["When does it end?"]
    removal = desk.store.remove([row.doc_id for row in desk.store.documents()])
    desk.store.refresh()
    assert found(desk, "zebrafish") == []
    desk.store.undo(removal)
    desk.store.refresh()
    assert found(desk, "zebrafish") == ["When does it end?"]


def test_what_was_said_since_is_found_too(desk: Desk) -> None:
    chat_id = conversation(desk, "What is due?")
    assert found(desk, "invoice") == []
    desk.chats.add_exchange(chat_id, "And the invoice?")
    assert found(desk, "invoice") == ["What is due?"]


def test_a_search_without_a_find_offers_to_clear_it(desk: Desk) -> None:
    conversation(desk, "What is due?")
    tab = Tab(desk)
    tab.click_side("find", value="<b>giraffe</b>")
    assert "Nothing was said of" in tab.shown["side"]
    assert "<b>giraffe" not in tab.shown["side"]
    assert 'data-find="clear"' in tab.shown["side"]
    tab.click_side("find", value="")
    assert "What is due?" in tab.shown["side"].replace("&#63;", "?")


def test_a_deleted_conversation_comes_back_with_undo(desk: Desk) -> None:
    chat_id = conversation(desk, "When does it end?", answered=True)
    tab = Tab(desk)
    tab.click_side("open", chat=chat_id)
    tab.click_side("delete", chat=chat_id)
    assert tab.view.chat_id == ""
    assert desk.chats.chats() == []
    assert desk.chats.chat(chat_id) is None
    assert found(desk, "end") == []
    assert "Undo" in tab.shown["side"]

    tab.click_side("undelete")
    assert [chat.chat_id for chat in desk.chats.chats()] == [chat_id]
    assert "Undo" not in tab.shown["side"]
    tab.click_side("open", chat=chat_id)
    assert QUOTE.split()[1] in tab.messages[1]


def test_a_message_of_a_deleted_conversation_is_not_shown(desk: Desk) -> None:
    chat_id = conversation(desk, "When does it end?", answered=True)
    answer = desk.chats.messages(chat_id)[1].message_id
    desk.chats.hide(chat_id)
    assert desk.chats.message(answer) is None
    assert desk.pane.html(f"#cite-{answer}-1") == ""


def test_after_the_time_to_undo_it_is_erased(desk: Desk, tmp_path: Path) -> None:
    chat_id = conversation(desk, "Where is the pomegranate?")
    desk.chats.hide(chat_id)
    desk.chats.erase_hidden(undo_seconds=10)
    assert desk.chats.hidden_title(chat_id) == "Where is the pomegranate?"
    desk.chats.erase_hidden(undo_seconds=0)
    assert desk.chats.hidden_title(chat_id) is None
    desk.chats.restore(chat_id)
    assert desk.chats.chats() == []
    held = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("chats.sqlite*"))
    assert b"pomegranate" not in held


def test_a_clock_that_was_set_back_delays_no_erasure(desk: Desk) -> None:
    chat_id = conversation(desk, "Where is the pomegranate?")
    desk.chats.hide(chat_id)
    desk.chats.erase_hidden(undo_seconds=10, now=time.time() - 3600)
    assert desk.chats.hidden_title(chat_id) is None


def test_what_was_deleted_leaves_the_log_once_nobody_reads(desk: Desk, tmp_path: Path) -> None:
    chat_id = conversation(desk, "Where is the pomegranate?")

    def held() -> bool:
        files = (tmp_path / "data").glob("chats.sqlite*")
        return any(b"pomegranate" in path.read_bytes() for path in files)

    with closing(sqlite3.connect(tmp_path / "data" / "chats.sqlite", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM chats").fetchall()
        desk.chats.delete(chat_id)
        assert held()
        reader.execute("ROLLBACK")
    desk.chats.erase_hidden(undo_seconds=10)  # as it is called once a second
    assert not held()


def test_conversations_of_the_first_release_open_and_go_on(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "chats.sqlite")) as db:
        db.executescript(_FIRST_RELEASE)
        row = (2, "b2", "aa", "assistant", "", json.dumps(_FIRST_ANSWER), 1)
        db.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        db.commit()
    chats = Chats(tmp_path)
    question, answer = chats.messages("aa")
    assert answer.answer is not None
    assert [sentence.text for sentence in answer.answer.sentences] == ["In March."]
    assert chats.variants("aa") == {}
    chats.add_exchange("aa", "Where?", instead_of=question.message_id)
    assert [each.text for each in chats.messages("aa")] == ["Where?", ""]
    chats.hide("aa")
    chats.restore("aa")
    assert [chat.title for chat in chats.chats()] == ["Old"]
    chats.close()


def test_whoever_asks_too_much_is_refused_at_once_and_no_conversation_begins(tmp_path: Path) -> None:
    with desk_over(tmp_path) as desk:  # its assistant never comes, so no answer ends
        running = [desk.asking.ask(desk.chats.create("Q").chat_id, "Q") for _ in range(MAX_AT_ONCE)]
        tab = Tab(desk)
        with pytest.warns(UserWarning, match="being answered already"):  # a message on the page
            tab.ask("One more?")
        assert len(desk.chats.chats()) == MAX_AT_ONCE
        assert tab.view.chat_id == ""
        for each in running:
            desk.asking.stop(each.message.chat_id)
        for each in running:
            while not each.finished:
                each.wait(each.version, 0.1)


def test_what_the_list_shows_is_read_anew_after_every_change(tmp_path: Path) -> None:
    with desk_over(tmp_path) as desk:
        chat = desk.chats.create("First")
        assert [each.title for each in desk.chats.chats()] == ["First"]
        desk.chats.rename(chat.chat_id, "Renamed")
        assert [each.title for each in desk.chats.chats()] == ["Renamed"]
        desk.chats.create("Second")
        assert desk.chats.count() == 2


@pytest.mark.parametrize("act", ["rename", "undelete", "delete"])
def test_a_click_that_changes_nothing_is_no_mistake(desk: Desk, act: str) -> None:
    chat_id = conversation(desk, "When does the lease end?")
    tab = Tab(desk)
    tab.click_side("open", chat=chat_id)
    tab.view.hidden = "0" * 32 if act == "undelete" else ""
    tab.click_side(act, chat="0" * 32 if act == "delete" else chat_id, value="When does the lease end?")
    tab.click_side(act, chat="0" * 32 if act == "delete" else chat_id, value="When does the lease end?")
    assert [chat.chat_id for chat in desk.chats.chats()] == [chat_id]


def test_the_list_begins_with_the_newest_and_grows_with_a_click(desk: Desk) -> None:
    for number in range(CHATS_LISTED + 2):
        desk.chats.create(f"Chat {number:03}")
    tab = Tab(desk)
    tab.click_side("show")
    shown = re.findall(r"Chat \d{3}(?=</bdi>)", tab.shown["side"])
    assert shown == [f"Chat {number:03}" for number in range(CHATS_LISTED + 1, 1, -1)]
    assert 'data-act="older"' in tab.shown["side"]
    tab.click_side("find", value="chat 000")
    assert "Chat 000</bdi>" in tab.shown["side"]
    assert 'data-act="older"' not in tab.shown["side"]
    tab.click_side("find", value="")
    tab.click_side("older")
    assert "Chat 000</bdi>" in tab.shown["side"]
    assert 'data-act="older"' not in tab.shown["side"]


def test_exactly_as_many_as_are_listed_leave_no_older_ones(desk: Desk) -> None:
    for number in range(CHATS_LISTED):
        desk.chats.create(f"Chat {number:03}")
    tab = Tab(desk)
    tab.click_side("show")
    assert "Chat 000</bdi>" in tab.shown["side"]
    assert 'data-act="older"' not in tab.shown["side"]
