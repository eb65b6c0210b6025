"""The steps that bring the catalog of an earlier release to today's schema, see ``index.migrating``."""

from __future__ import annotations

import sqlite3

from index.migrating import Migrations, run_statements


def _to_schema_2(connection: sqlite3.Connection) -> None:
    """Deleting can be undone; and a version's text comes last, so that the rest is read without it.

    SQLite reads a row from its beginning: with the text in the middle, a count of languages or a list of
    documents read the text of the whole corpus.
    """
    run_statements(
        connection,
        """
        CREATE TABLE versions_2 (
            version_id INTEGER PRIMARY KEY AUTOINCREMENT,
            content_hash TEXT NOT NULL,
            recipe TEXT NOT NULL,
            title TEXT NOT NULL,
            media_type TEXT NOT NULL,
            language TEXT,
            warnings TEXT NOT NULL,
            passages INTEGER NOT NULL,
            page_starts TEXT NOT NULL,
            headings TEXT NOT NULL,
            text TEXT NOT NULL,
            UNIQUE (content_hash, recipe)
        );
        INSERT INTO versions_2 (version_id, content_hash, recipe, title, media_type, language, warnings,
            passages, page_starts, headings, text)
            SELECT version_id, content_hash, recipe, title, media_type, language, warnings, passages,
                page_starts, headings, text FROM versions ORDER BY version_id;
        """,
    )
    # The highest id ever given, which may belong to a row that is gone: it must not be given again.
    connection.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, coalesce("
        "(SELECT seq FROM sqlite_sequence WHERE name = 'versions'), 0)) WHERE name = 'versions_2'"
    )
    connection.execute(
        "INSERT INTO sqlite_sequence (name, seq) SELECT 'versions_2', seq FROM sqlite_sequence"
        " WHERE name = 'versions' AND NOT EXISTS"
        " (SELECT 1 FROM sqlite_sequence WHERE name = 'versions_2')"
    )
    run_statements(
        connection,
        """
        DROP TABLE versions;
        ALTER TABLE versions_2 RENAME TO versions;
        CREATE INDEX versions_language ON versions (language, passages);
        CREATE INDEX documents_state ON documents (state, version_id);
        CREATE TABLE removed_documents (
            removal INTEGER NOT NULL,
            removed_at REAL NOT NULL,
            doc_id TEXT PRIMARY KEY,
            collection TEXT NOT NULL,
            path BLOB NOT NULL,
            origin TEXT NOT NULL,
            state TEXT NOT NULL,
            problem TEXT NOT NULL,
            reason TEXT NOT NULL,
            hint TEXT NOT NULL,
            version_id INTEGER REFERENCES versions (version_id),
            content_hash TEXT,
            size INTEGER NOT NULL,
            indexed_at REAL NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX removed_documents_version ON removed_documents (version_id);
        CREATE TABLE left_out (collection TEXT NOT NULL, path BLOB NOT NULL, PRIMARY KEY (collection, path))
            WITHOUT ROWID;
        """,
    )


def _to_schema_3(connection: sqlite3.Connection) -> None:
    """Parts of documents have names beside page numbers: slides, rows of a sheet, attachments.

    And more formats are read: what was refused for its format counts as unreadable, which is tried again.
    """
    connection.execute(
        "UPDATE documents SET problem = 'unreadable' WHERE state = 'failed' AND problem = 'unsupported'"
    )
    run_statements(
        connection,
        """
        CREATE TABLE locators (
            version_id INTEGER NOT NULL REFERENCES versions (version_id),
            start INTEGER NOT NULL,
            words TEXT NOT NULL,
            PRIMARY KEY (version_id, start)
        ) WITHOUT ROWID;
        """,
    )


def _to_schema_4(connection: sqlite3.Connection) -> None:
    """How well a document could be read is kept beside it.

    What was read before has none until it is read again: a start should not wait for a whole corpus.
    """
    run_statements(
        connection,
        """
        CREATE TABLE health (
            version_id INTEGER PRIMARY KEY REFERENCES versions (version_id),
            chars INTEGER NOT NULL,
            garbled INTEGER NOT NULL,
            tables INTEGER NOT NULL,
            encrypted INTEGER NOT NULL,
            textless_pages TEXT NOT NULL,
            unread_pages TEXT NOT NULL
        );
        """,
    )


def _to_schema_5(connection: sqlite3.Connection) -> None:
    """Pages that are pictures are read by text recognition, where it is installed."""
    run_statements(
        connection,
        """
        CREATE TABLE recognised_pages (
            version_id INTEGER NOT NULL REFERENCES versions (version_id),
            page INTEGER NOT NULL,
            words TEXT NOT NULL,
            PRIMARY KEY (version_id, page)
        ) WITHOUT ROWID;
        """,
    )


def _to_schema_6(connection: sqlite3.Connection) -> None:
    """The chunks that can answer are counted as they come and go, and not anew at each publish.

    And a checkpoint may be searched in part, and knows what is found so.
    """
    run_statements(
        connection,
        """
        ALTER TABLE checkpoints ADD COLUMN recall REAL;
        DROP INDEX versions_language;
        CREATE TABLE live_chunks (language TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
        INSERT INTO live_chunks SELECT coalesce(language, ''), count(*) FROM chunks
            JOIN versions USING (version_id) WHERE generation > 0 GROUP BY 1;
        CREATE TRIGGER chunks_added AFTER INSERT ON chunks WHEN NEW.generation > 0 BEGIN
            INSERT INTO live_chunks SELECT coalesce(language, ''), 1 FROM versions
                WHERE version_id = NEW.version_id ON CONFLICT (language) DO UPDATE SET n = n + 1;
        END;
        CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks WHEN OLD.generation > 0 BEGIN
            UPDATE live_chunks SET n = n - 1 WHERE language =
                (SELECT coalesce(language, '') FROM versions WHERE version_id = OLD.version_id);
        END;
        CREATE TRIGGER chunks_hidden AFTER UPDATE OF generation ON chunks
            WHEN OLD.generation > 0 AND NEW.generation <= 0 BEGIN
            UPDATE live_chunks SET n = n - 1 WHERE language =
                (SELECT coalesce(language, '') FROM versions WHERE version_id = OLD.version_id);
        END;
        CREATE TRIGGER chunks_shown AFTER UPDATE OF generation ON chunks
            WHEN OLD.generation <= 0 AND NEW.generation > 0 BEGIN
            UPDATE live_chunks SET n = n + 1 WHERE language =
                (SELECT coalesce(language, '') FROM versions WHERE version_id = NEW.version_id);
        END;
        """,
    )


def _to_schema_7(connection: sqlite3.Connection) -> None:
    """A document that cannot be read may be ignored: a state that earlier releases do not know.

    No table changes. The number keeps those releases from opening what they would take for damage.
    """


def _to_schema_8(connection: sqlite3.Connection) -> None:
    """What was disabled or ignored is so again when its file comes back."""
    connection.execute(
        "CREATE TABLE set_aside (place BLOB PRIMARY KEY, state TEXT NOT NULL, content_hash TEXT)"
        " WITHOUT ROWID"
    )


# By the schema that it leads to. A release adds one at the end and changes none.
MIGRATIONS: Migrations = {
    2: _to_schema_2,
    3: _to_schema_3,
    4: _to_schema_4,
    5: _to_schema_5,
    6: _to_schema_6,
    7: _to_schema_7,
    8: _to_schema_8,
}
