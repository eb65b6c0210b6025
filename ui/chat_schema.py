"""The tables of ``chats.sqlite``, and how those of earlier releases become them."""

from __future__ import annotations

import sqlite3

from index.migrating import Migrations, run_statements

TABLES = """
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
CREATE INDEX IF NOT EXISTS answered ON messages(position) WHERE answer IS NOT NULL;
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
OURS = frozenset({"chats", "messages", "selections"})  # at least one of them is in every file that is ours


def _to_schema_1(connection: sqlite3.Connection) -> None:
    """The first releases gave no number, and added tables and a column as they went."""
    run_statements(connection, TABLES)
    known = {row[1] for row in connection.execute("PRAGMA table_info(selections)")}
    if "documents" not in known:
        connection.execute("ALTER TABLE selections ADD COLUMN documents TEXT NOT NULL DEFAULT '[]'")


# By the schema that it leads to. A release adds one at the end and changes none; from the second one on, what
# the first one makes is written out here, as TABLES is what today's release makes.
MIGRATIONS: Migrations = {1: _to_schema_1}
SCHEMA_VERSION = max(MIGRATIONS)
