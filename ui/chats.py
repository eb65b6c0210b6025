"""Conversations in SQLite. A message keeps references to document text, never the text itself.

What a person typed and what a language model wrote is stored. A sentence quoted from a document is not:
the message holds its place (document, version, offsets) and a hash, and is rendered through the store, so
deleting a document takes its words out of every conversation too.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from index.errors import StorageError
from ui.selection import Selection
from ui.stored import StoredAnswer, StoredSuggestions, answer_from_json, suggestions_from_json

TITLE_CHARS = 80
_REMEMBERED = 500  # results of queries

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chats (
    chat_id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    chat_id TEXT NOT NULL REFERENCES chats(chat_id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    answer TEXT,
    created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_chat ON messages(chat_id, position);
CREATE TABLE IF NOT EXISTS selections (
    chat_id TEXT PRIMARY KEY REFERENCES chats(chat_id) ON DELETE CASCADE,
    collections TEXT NOT NULL,         -- JSON; a conversation without a row searches everything
    documents TEXT NOT NULL DEFAULT '[]'  -- JSON, ids
);
CREATE TABLE IF NOT EXISTS variants (
    question_id TEXT PRIMARY KEY REFERENCES messages(message_id) ON DELETE CASCADE,
    turn TEXT NOT NULL,                -- the question that was asked first in this place
    shown INTEGER NOT NULL             -- 1 for one of each turn; a question without a row is the only one
);
CREATE TABLE IF NOT EXISTS suggestions (
    message_id TEXT PRIMARY KEY REFERENCES messages(message_id) ON DELETE CASCADE,
    places TEXT NOT NULL               -- JSON, see StoredSuggestions: no words of documents
);
CREATE TABLE IF NOT EXISTS hidden (
    chat_id TEXT PRIMARY KEY REFERENCES chats(chat_id) ON DELETE CASCADE,
    hidden_at REAL NOT NULL            -- unix seconds; deleted for good a moment later
);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_CHAT = "chat_id, title, created_at, updated_at"
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
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []  # for reading; whoever reads takes one and puts it back
        self.revision = 0  # grows with every change
        self._memory: dict[tuple[object, ...], list[tuple[Any, ...]]] = {}  # emptied by every change
        path = self._path = data / "chats.sqlite"
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.executescript(_SCHEMA)
            self._add_columns()
        except (OSError, sqlite3.Error) as exc:
            raise StorageError(
                f"Conversations cannot be opened in {path}: {exc}.",
                hint="Check that it may be written to and the disk is not full, or use another with --data.",
            ) from exc

    def close(self) -> None:
        """Close the file; the object is not used afterwards."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()
            self._db.close()

    def _add_columns(self) -> None:
        """Bring the file of an earlier release up to this one."""
        known = {row[1] for row in self._db.execute("PRAGMA table_info(selections)")}
        if "documents" not in known:
            self._db.execute("ALTER TABLE selections ADD COLUMN documents TEXT NOT NULL DEFAULT '[]'")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with self._db:
                    self._db.execute("BEGIN IMMEDIATE")
                    yield self._db
                self.revision += 1
                self._memory = {}
            except sqlite3.Error as exc:
                raise StorageError(
                    f"The conversation cannot be saved: {exc}.", hint="Free some disk space, then ask again."
                ) from exc

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        # Not on the connection that writes: many tabs would stand in line for it, and for each commit.
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            self._idle.append(connection)

    def _remembered(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The same, but read once until something changes: every tab asks for the same once a second.

        With many tabs it is the waiting for the one connection, and for the interpreter after it, that costs.
        """
        memory, key = self._memory, (sql, *values)
        rows = memory.get(key)
        if rows is None:
            rows = self._rows(sql, *values)
            if len(memory) < _REMEMBERED:
                memory[key] = rows  # if something has changed meanwhile, nobody asks this one any more
        return rows

    def create(self, question: str) -> Chat:
        """Begin a conversation; its title is the beginning of the first question."""
        title = " ".join(question.split())
        if len(title) > TITLE_CHARS:
            title = title[: TITLE_CHARS - 1].rstrip() + "…"
        now = time.time()
        chat = Chat(chat_id=secrets.token_hex(16), title=title or "New chat", created_at=now, updated_at=now)
        with self._transaction() as db:
            db.execute("INSERT INTO chats VALUES (?, ?, ?, ?)", (chat.chat_id, chat.title, now, now))
        return chat

    def chats(self, limit: int = 200) -> list[Chat]:
        """The conversations, the one used last first."""
        rows = self._remembered(
            f"SELECT {_CHAT} FROM chats WHERE {_SHOWN} ORDER BY updated_at DESC, rowid DESC LIMIT ?",
            limit,
        )
        return [Chat(chat_id=r[0], title=r[1], created_at=r[2], updated_at=r[3]) for r in rows]

    def chat(self, chat_id: str) -> Chat | None:
        """One conversation, or None when there is none of this id."""
        rows = self._remembered(f"SELECT {_CHAT} FROM chats WHERE chat_id = ? AND {_SHOWN}", chat_id)
        return (
            Chat(chat_id=rows[0][0], title=rows[0][1], created_at=rows[0][2], updated_at=rows[0][3])
            if rows
            else None
        )

    def rename(self, chat_id: str, title: str) -> None:
        """Give a conversation another title; a blank one is ignored."""
        title = " ".join(title.split())[:TITLE_CHARS]
        if title:
            with self._transaction() as db:
                db.execute("UPDATE chats SET title = ? WHERE chat_id = ?", (title, chat_id))

    def selection(self, chat_id: str) -> Selection | None:
        """What a conversation searches; None: everything."""
        rows = self._remembered("SELECT collections, documents FROM selections WHERE chat_id = ?", chat_id)
        if not rows:
            return None
        collections, documents = (frozenset[str](json.loads(each)) for each in rows[0])
        return Selection(collections=collections, documents=documents)

    def select(self, chat_id: str, selection: Selection | None) -> None:
        """Make a conversation search this from now on; None: everything."""
        with self._transaction() as db:
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
        return int(self._remembered("SELECT count(*) FROM chats")[0][0])

    def answered(self) -> tuple[int, int]:
        """How many answers there are, and the position of the newest: as long as both stay, so do they."""
        number, newest = self._remembered(
            "SELECT count(*), max(position) FROM messages WHERE answer IS NOT NULL"
        )[0]
        return int(number), int(newest or 0)

    def cited_documents(self) -> Iterator[frozenset[str]]:
        """The ids of the documents that each answer cites, oldest first."""
        for (answer,) in self._rows("SELECT answer FROM messages WHERE answer IS NOT NULL ORDER BY position"):
            yield frozenset(place["doc_id"] for _, place in json.loads(answer)["citations"])

    def delete_all(self) -> int:
        """Remove every conversation, as ``delete`` does; returns how many there were."""
        with self._transaction() as db:
            number = db.execute("DELETE FROM chats").rowcount
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return number

    def delete(self, chat_id: str) -> None:
        """Remove a conversation and its messages, also from the file's free pages and the log."""
        self._delete("chat_id = ?", chat_id)

    def _delete(self, which: str, value: object) -> None:
        with self._transaction() as db:
            deleted = db.execute(f"DELETE FROM chats WHERE {which}", (value,)).rowcount
        if deleted:
            with self._lock:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def hide(self, chat_id: str) -> None:
        """Delete a conversation so that it can be brought back, until :meth:`erase_hidden`."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO hidden SELECT chat_id, ? FROM chats WHERE chat_id = ?",
                (time.time(), chat_id),
            )

    def hidden_title(self, chat_id: str) -> str | None:
        """The title of a conversation that can still be brought back; None for any other."""
        rows = self._remembered(
            "SELECT title FROM chats JOIN hidden USING (chat_id) WHERE chat_id = ?", chat_id
        )
        return str(rows[0][0]) if rows else None

    def restore(self, chat_id: str) -> None:
        """Bring back a conversation that was hidden."""
        with self._transaction() as db:
            db.execute("DELETE FROM hidden WHERE chat_id = ?", (chat_id,))

    def erase_hidden(self, *, older_than: float) -> None:
        """Delete for good what was hidden before ``older_than`` (unix seconds)."""
        if self._rows("SELECT 1 FROM hidden WHERE hidden_at <= ? LIMIT 1", older_than):
            self._delete("chat_id IN (SELECT chat_id FROM hidden WHERE hidden_at <= ?)", older_than)

    def add_exchange(self, chat_id: str, question: str, *, instead_of: str = "") -> Message:
        """Store a question and an empty place for its answer; returns that place.

        Args:
            instead_of: Message id of the last question, which then makes way for this one. It stays a
                variant, with its answer: nothing is lost.
        """
        now = time.time()
        question_id, answer_id = secrets.token_hex(16), secrets.token_hex(16)
        with self._transaction() as db:
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
        """Fill in the answer. If the conversation was deleted meanwhile, nothing is stored."""
        with self._transaction() as db:
            db.execute(
                "UPDATE messages SET answer = ? WHERE message_id = ?",
                (json.dumps(asdict(answer), ensure_ascii=True), message_id),
            )

    def keep_suggestions(self, message_id: str, suggestions: StoredSuggestions) -> None:
        """Keep what could be asked after an answer. If that was deleted meanwhile, nothing is stored."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO suggestions SELECT message_id, ? FROM messages WHERE message_id = ?",
                (json.dumps(asdict(suggestions), ensure_ascii=True), message_id),
            )

    def suggestions(self, chat_id: str) -> dict[str, StoredSuggestions]:
        """What could be asked after each answer of a conversation, by message id of the answer."""
        rows = self._remembered(
            "SELECT message_id, places FROM suggestions JOIN messages USING (message_id) WHERE chat_id = ?",
            chat_id,
        )
        return {message_id: suggestions_from_json(places) for message_id, places in rows}

    def messages(self, chat_id: str) -> list[Message]:
        """The messages of a conversation that are shown, oldest first: of variants only the chosen one."""
        rows = self._remembered(
            f"SELECT {_MESSAGE}, shown FROM messages LEFT JOIN variants ON question_id = message_id"
            " WHERE chat_id = ? ORDER BY position",
            chat_id,
        )
        messages: list[Message] = []
        shown = True
        for *row, chosen in rows:
            message = _message(tuple(row))
            if message.role == "user":  # its answer follows it
                shown = chosen != 0
            if shown:
                messages.append(message)
        return messages

    def variants(self, chat_id: str) -> dict[str, Variants]:
        """Where a question of the conversation was asked again or edited, by the question that is shown."""
        rows = self._remembered(
            "SELECT turn, question_id, shown FROM variants JOIN messages ON question_id = message_id"
            " WHERE chat_id = ? ORDER BY position",
            chat_id,
        )
        turns: dict[str, list[tuple[str, int]]] = {}
        for turn, question_id, shown in rows:
            turns.setdefault(turn, []).append((question_id, shown))
        found: dict[str, Variants] = {}
        for asked in turns.values():
            at = next((at for at, (_, shown) in enumerate(asked) if shown), len(asked) - 1)
            found[asked[at][0]] = Variants(questions=tuple(each for each, _ in asked), at=at)
        return found

    def show_variant(self, question_id: str) -> None:
        """Show this question and its answer in place of what was asked there before or after."""
        with self._transaction() as db:
            db.execute(
                "UPDATE variants SET shown = question_id = ?"
                " WHERE turn = (SELECT turn FROM variants WHERE question_id = ?)",
                (question_id, question_id),
            )

    def message(self, message_id: str) -> Message | None:
        """One message, or None when there is none of this id."""
        rows = self._rows(
            f"SELECT {_MESSAGE} FROM messages WHERE message_id = ? AND {_SHOWN}",
            message_id,
        )
        return _message(rows[0]) if rows else None

    def note(self, name: str) -> str | None:
        """A small fact the page keeps across restarts, such as "the samples were offered"."""
        rows = self._rows("SELECT value FROM notes WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def set_note(self, name: str, value: str) -> None:
        """Keep a small fact across restarts."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO notes VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
                (name, value),
            )


def _message(row: tuple[Any, ...]) -> Message:
    return Message(
        message_id=row[0],
        chat_id=row[1],
        role=row[2],
        text=row[3],
        answer=answer_from_json(row[4]) if row[4] else None,
        created_at=row[5],
    )
