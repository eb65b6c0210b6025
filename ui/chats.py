"""Conversations in SQLite. A message keeps references to document text, never the text itself.

What a person typed and what a language model wrote is stored. A sentence quoted from a document is not:
the message holds its place (document, version, offsets) and a hash, and is rendered through the store, so
deleting a document takes its words out of every conversation too.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ui.chat_file import ANY_CHAT, EVERY_CHAT, ChatFile
from ui.selection import Selection
from ui.stored import StoredAnswer, StoredSuggestions, answer_from_json, suggestions_from_json

TITLE_CHARS = 80
_AT_ONCE = 500  # answers that are read with one query

_CHAT = "chat_id, title, created_at, updated_at"
# By what was asked, not by when: the clock may have been set back. One that begins has no message yet.
_LAST_USED = "ifnull((SELECT max(position) FROM messages m WHERE m.chat_id = chats.chat_id), 9e15)"
_SHOWN = "chat_id NOT IN (SELECT chat_id FROM hidden)"
_MESSAGE = "message_id, chat_id, role, text, answer, created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A question (``text``), or an answer; ``answer`` is None while it is being written."""

    message_id: str
    chat_id: str
    role: Literal["user", "assistant"]
    text: str
    answer: StoredAnswer | None
    created_at: float  # unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """The questions that were asked in one place of a conversation, oldest first, at least two."""

    questions: tuple[str, ...]  # message ids
    at: int  # the position of the one that is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One conversation; times are unix seconds."""

    chat_id: str
    title: str
    created_at: float
    updated_at: float


class Chats:
    """All conversations of one data folder, in ``chats.sqlite``; safe to use from any thread."""

    def __init__(self, data: Path) -> None:
        """Open or create the file.

        Raises:
            StorageError: the folder cannot be written, or the file is not a database.
        """
        self._file = ChatFile(data)
        self._unsaved: dict[str, tuple[str, str]] = {}  # answers that the disk refused, by message id

    @property
    def revision(self) -> int:
        """Grows with every change."""
        return self._file.revision

    def close(self) -> None:
        """Close the file; the object is not used afterwards."""
        self._file.close()

    @contextmanager
    def _changing(self, chat_id: str = ANY_CHAT) -> Iterator[sqlite3.Connection]:
        """A transaction; answers that could not be stored before go with it.

        Args:
            chat_id: The only conversation that changes otherwise.
        """
        about = {chat_id}
        with self._file.changing(about) as db:
            waiting = dict(self._unsaved)
            db.executemany(
                "UPDATE messages SET answer = ? WHERE message_id = ?",
                [(answer, message_id) for message_id, (_, answer) in waiting.items()],
            )
            about |= {chat for chat, _ in waiting.values()}
            yield db
        for message_id in waiting:
            self._unsaved.pop(message_id, None)

    def create(self, question: str) -> Chat:
        """Begin a conversation; its title is the beginning of the first question."""
        title = " ".join(question.split())
        if len(title) > TITLE_CHARS:
            title = title[: TITLE_CHARS - 1].rstrip() + "…"
        now = time.time()
        chat = Chat(chat_id=secrets.token_hex(16), title=title or "New chat", created_at=now, updated_at=now)
        with self._changing() as db:
            db.execute("INSERT INTO chats VALUES (?, ?, ?, ?)", (chat.chat_id, chat.title, now, now))
        return chat

    def chats(self, limit: int = -1) -> Sequence[Chat]:
        """The conversations, the one used last first; at most ``limit``, all of them when it is negative."""
        sql = f"SELECT {_CHAT} FROM chats WHERE {_SHOWN} ORDER BY {_LAST_USED} DESC, rowid DESC LIMIT ?"
        return self._file.remembered(EVERY_CHAT, sql, limit, read=_chats_of)

    def chat(self, chat_id: str) -> Chat | None:
        """One conversation, or None when there is none of this id."""
        sql = f"SELECT {_CHAT} FROM chats WHERE chat_id = ? AND {_SHOWN}"
        return next(iter(self._file.remembered(chat_id, sql, chat_id, read=_chats_of)), None)

    def rename(self, chat_id: str, title: str) -> None:
        """Give a conversation another title; a blank one is ignored."""
        title = " ".join(title.split())[:TITLE_CHARS]
        if title:
            with self._changing(chat_id) as db:
                db.execute("UPDATE chats SET title = ? WHERE chat_id = ?", (title, chat_id))

    def selection(self, chat_id: str) -> Selection | None:
        """What a conversation searches; None: everything."""
        sql = "SELECT collections, documents FROM selections WHERE chat_id = ?"
        return self._file.remembered(chat_id, sql, chat_id, read=_selection_of)

    def select(self, chat_id: str, selection: Selection | None) -> None:
        """Make a conversation search this from now on; None: everything."""
        with self._changing(chat_id) as db:
            db.execute("DELETE FROM selections WHERE chat_id = ?", (chat_id,))
            if selection is not None:
                # Nothing happens if the conversation was deleted meanwhile.
                db.execute(
                    "INSERT INTO selections SELECT chat_id, ?, ? FROM chats WHERE chat_id = ?",
                    (
                        json.dumps(sorted(selection.collections)),
                        json.dumps(sorted(selection.documents)),
                        chat_id,
                    ),
                )

    def count(self) -> int:
        """How many conversations there are."""
        return self._file.remembered(EVERY_CHAT, "SELECT count(*) FROM chats", read=_number_of)

    def answered(self) -> frozenset[int]:
        """The positions of all answers; the same object as long as nothing changes."""
        sql = "SELECT position FROM messages WHERE answer IS NOT NULL"
        return self._file.remembered(EVERY_CHAT, sql, read=_positions_of)

    @property
    def deletions(self) -> int:
        """Grows whenever answers are deleted."""
        return self._file.deletions

    def cited_documents(self, positions: Iterable[int]) -> Iterator[tuple[int, frozenset[str]]]:
        """The ids of the documents that each of these answers cites; an answer that is gone is left out."""
        wanted = sorted(positions)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT position, answer FROM messages WHERE position IN ({marks}) AND answer IS NOT NULL"
            for position, answer in self._file.rows(sql, *some):
                # One copy of each id, however many answers cite the document: they are kept together.
                ids = (sys.intern(place["doc_id"]) for _, place in json.loads(answer)["citations"])
                yield position, frozenset(ids)

    def delete_older(self, before: float) -> int:
        """Remove those last touched before a moment (unix seconds), as ``delete`` does; returns how many."""
        return self._file.delete("DELETE FROM chats WHERE updated_at < ?", before)

    def delete_all(self) -> int:
        """Remove every conversation, as ``delete`` does; returns how many there were."""
        return self._file.delete("DELETE FROM chats")

    def delete(self, chat_id: str) -> None:
        """Remove a conversation and its messages, also from the file's free pages and the log."""
        self._file.delete("DELETE FROM chats WHERE chat_id = ?", chat_id)

    def hide(self, chat_id: str) -> None:
        """Delete a conversation so that it can be brought back, until :meth:`erase_hidden`."""
        with self._changing(chat_id) as db:
            db.execute(
                "INSERT OR IGNORE INTO hidden SELECT chat_id, ? FROM chats WHERE chat_id = ?",
                (time.time(), chat_id),
            )

    def hidden_title(self, chat_id: str) -> str | None:
        """The title of a conversation that can still be brought back; None for any other."""
        sql = "SELECT title FROM chats JOIN hidden USING (chat_id) WHERE chat_id = ?"
        return self._file.remembered(chat_id, sql, chat_id, read=_first_of)

    def restore(self, chat_id: str) -> None:
        """Bring back a conversation that was hidden."""
        with self._changing(chat_id) as db:
            db.execute("DELETE FROM hidden WHERE chat_id = ?", (chat_id,))

    def erase_hidden(self, *, undo_seconds: float, now: float | None = None) -> None:
        """Delete for good what was hidden ``undo_seconds`` ago and earlier; finish earlier deletions.

        Args:
            now: Unix seconds; the present when None.
        """
        moment = time.time() if now is None else now
        # Also when the clock was set back: what was deleted must not wait for it to catch up.
        over = "NOT (hidden_at <= ?1 AND ?1 < hidden_at + ?2)"
        if self._file.rows(f"SELECT 1 FROM hidden WHERE {over} LIMIT 1", moment, undo_seconds):
            self._file.delete(
                f"DELETE FROM chats WHERE chat_id IN (SELECT chat_id FROM hidden WHERE {over})",
                moment,
                undo_seconds,
            )
        self._file.empty_log()

    def add_exchange(self, chat_id: str, question: str, *, instead_of: str = "") -> Message:
        """Store a question and an empty place for its answer; returns that place.

        Args:
            instead_of: Message id of the last question, which then makes way for this one. It stays a
                variant, with its answer: nothing is lost.
        """
        now = time.time()
        question_id, answer_id = secrets.token_hex(16), secrets.token_hex(16)
        with self._changing(chat_id) as db:
            insert = f"INSERT INTO messages ({_MESSAGE}) VALUES (?, ?, ?, ?, ?, ?)"
            db.execute(insert, (question_id, chat_id, "user", question, None, now))
            db.execute(insert, (answer_id, chat_id, "assistant", "", None, now))
            if instead_of:
                known = db.execute("SELECT turn FROM variants WHERE question_id = ?", (instead_of,))
                turn = next((row[0] for row in known), instead_of)
                db.execute("INSERT OR IGNORE INTO variants VALUES (?, ?, 0)", (instead_of, turn))
                db.execute("UPDATE variants SET shown = 0 WHERE turn = ?", (turn,))
                db.execute("INSERT INTO variants VALUES (?, ?, 1)", (question_id, turn))
            db.execute("UPDATE chats SET updated_at = ? WHERE chat_id = ?", (now, chat_id))
        return Message(
            message_id=answer_id, chat_id=chat_id, role="assistant", text="", answer=None, created_at=now
        )

    def finish(self, message_id: str, answer: StoredAnswer) -> None:
        """Fill in the answer. If the conversation was deleted meanwhile, nothing is stored.

        Raises:
            StorageError: The disk refused. The answer is shown all the same, and stored with the next change
                that can be, or by :meth:`save_unsaved`, as long as this process lives.
        """
        stored = json.dumps(asdict(answer), ensure_ascii=True)
        self._unsaved[message_id] = ANY_CHAT, stored  # a disk that refuses may not be read either
        self._unsaved[message_id] = self._chat_of(message_id), stored
        self.save_unsaved()

    def save_unsaved(self) -> None:
        """Store the answers that could not be stored before.

        Raises:
            StorageError: The disk still refuses.
        """
        if self._unsaved:
            with self._changing(EVERY_CHAT):
                pass

    def keep_suggestions(self, message_id: str, suggestions: StoredSuggestions) -> None:
        """Keep what could be asked after an answer. If that was deleted meanwhile, nothing is stored."""
        with self._changing(self._chat_of(message_id)) as db:
            db.execute(
                "INSERT OR REPLACE INTO suggestions SELECT message_id, ? FROM messages WHERE message_id = ?",
                (json.dumps(asdict(suggestions), ensure_ascii=True), message_id),
            )

    def suggestions(self, chat_id: str) -> Mapping[str, StoredSuggestions]:
        """What could be asked after each answer of a conversation, by message id of the answer."""
        sql = "SELECT message_id, places FROM suggestions JOIN messages USING (message_id) WHERE chat_id = ?"
        return self._file.remembered(chat_id, sql, chat_id, read=_suggestions_of)

    def messages(self, chat_id: str) -> Sequence[Message]:
        """The messages of a conversation that are shown, oldest first: of variants only the chosen one."""
        sql = (
            f"SELECT {_MESSAGE}, shown FROM messages LEFT JOIN variants ON question_id = message_id"
            " WHERE chat_id = ? ORDER BY position"
        )
        messages = self._file.remembered(chat_id, sql, chat_id, read=_messages_of)
        return [self._as_known(message) for message in messages] if self._unsaved else messages

    def _chat_of(self, message_id: str) -> str:
        """Id of the conversation of a message; "" for one that is gone."""
        return (
            _first_of(self._file.rows("SELECT chat_id FROM messages WHERE message_id = ?", message_id)) or ""
        )

    def variants(self, chat_id: str) -> Mapping[str, Variants]:
        """Where a question of the conversation was asked again or edited, by the question that is shown."""
        sql = (
            "SELECT turn, question_id, shown FROM variants JOIN messages ON question_id = message_id"
            " WHERE chat_id = ? ORDER BY position"
        )
        return self._file.remembered(chat_id, sql, chat_id, read=_variants_of)

    def show_variant(self, question_id: str) -> None:
        """Show this question and its answer in place of what was asked there before or after."""
        with self._changing() as db:
            db.execute(
                "UPDATE variants SET shown = question_id = ?"
                " WHERE turn = (SELECT turn FROM variants WHERE question_id = ?)",
                (question_id, question_id),
            )

    def message(self, message_id: str) -> Message | None:
        """One message, or None when there is none of this id."""
        rows = self._file.rows(
            f"SELECT {_MESSAGE} FROM messages WHERE message_id = ? AND {_SHOWN}",
            message_id,
        )
        return self._as_known(_message(rows[0])) if rows else None

    def _as_known(self, message: Message) -> Message:
        """A message with its answer also where that could not be stored."""
        _, answer = self._unsaved.get(message.message_id, ("", ""))
        return replace(message, answer=answer_from_json(answer)) if answer else message

    def note(self, name: str) -> str | None:
        """A small fact the page keeps across restarts, such as "the samples were offered"."""
        rows = self._file.rows("SELECT value FROM notes WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def set_note(self, name: str, value: str) -> None:
        """Keep a small fact across restarts."""
        with self._changing() as db:
            db.execute(
                "INSERT INTO notes VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
                (name, value),
            )


_Rows = list[tuple[Any, ...]]


def _number_of(rows: _Rows) -> int:
    return int(rows[0][0])


def _first_of(rows: _Rows) -> str | None:
    return str(rows[0][0]) if rows else None


def _positions_of(rows: _Rows) -> frozenset[int]:
    return frozenset(row[0] for row in rows)


def _chats_of(rows: _Rows) -> Sequence[Chat]:
    return [Chat(chat_id=r[0], title=r[1], created_at=r[2], updated_at=r[3]) for r in rows]


def _selection_of(rows: _Rows) -> Selection | None:
    if not rows:
        return None
    collections, documents = (frozenset[str](json.loads(each)) for each in rows[0])
    return Selection(collections=collections, documents=documents)


def _suggestions_of(rows: _Rows) -> Mapping[str, StoredSuggestions]:
    return {message_id: suggestions_from_json(places) for message_id, places in rows}


def _messages_of(rows: _Rows) -> Sequence[Message]:
    messages: list[Message] = []
    shown = True
    for *row, chosen in rows:
        message = _message(tuple(row))
        if message.role == "user":  # its answer follows it
            shown = chosen != 0
        if shown:
            messages.append(message)
    return messages


def _variants_of(rows: _Rows) -> Mapping[str, Variants]:
    turns: dict[str, list[tuple[str, int]]] = {}
    for turn, question_id, shown in rows:
        turns.setdefault(turn, []).append((question_id, shown))
    found: dict[str, Variants] = {}
    for asked in turns.values():
        at = next((at for at, (_, shown) in enumerate(asked) if shown), len(asked) - 1)
        found[asked[at][0]] = Variants(questions=tuple(each for each, _ in asked), at=at)
    return found


def _message(row: tuple[Any, ...]) -> Message:
    return Message(
        message_id=row[0],
        chat_id=row[1],
        role=row[2],
        text=row[3],
        answer=answer_from_json(row[4]) if row[4] else None,
        created_at=row[5],
    )
