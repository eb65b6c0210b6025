"""The SQLite catalog: schema, connections, and the translation of SQLite's errors.

The catalog is the truth and the log. FAISS checkpoints and the lexical index are derived from it:
rows carry the generation that added them, ``removals`` remembers which ids went and when, and both
derived indexes roll forward from there (or are rebuilt) without embedding anything again.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.connections import Connections
from index.database_owner import refuse_at_sight, refuse_foreign_tables, refuse_newer
from index.errors import DamagedError, StorageError, StoreError
from index.migrating import migrate, run_statements
from index.migrations import MIGRATIONS
from index.read_only import connect_read_only, is_read_only

SCHEMA_VERSION = 8  # with a migration that leads to it, see index.migrations
FILE_NAME = "catalog.sqlite"
_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)
HIDDEN = -1  # generation of a chunk that was removed and can still be brought back

# AUTOINCREMENT: SQLite otherwise hands out a deleted top id again, and a stale vector would then
# answer as a new chunk. Paths are BLOBs because a file name need not be UTF-8.
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE embedders (
    embedder_id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    dim INTEGER NOT NULL
);

CREATE TABLE versions (
    version_id INTEGER PRIMARY KEY AUTOINCREMENT,
    content_hash TEXT NOT NULL,
    recipe TEXT NOT NULL,          -- how the bytes became chunks: format, reader and chunk limits
    title TEXT NOT NULL,
    media_type TEXT NOT NULL,
    language TEXT,                 -- Snowball code, NULL when undecided
    warnings TEXT NOT NULL,        -- JSON
    passages INTEGER NOT NULL,
    page_starts TEXT NOT NULL,     -- JSON
    headings TEXT NOT NULL,        -- JSON
    text TEXT NOT NULL,            -- last: SQLite reads a row from its beginning
    UNIQUE (content_hash, recipe)
);

-- What people call the parts of a version, where page numbers do not say it: each reaches to the next.
CREATE TABLE locators (
    version_id INTEGER NOT NULL REFERENCES versions (version_id),
    start INTEGER NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (version_id, start)
) WITHOUT ROWID;

-- How well a version's text came out of its file, see index.health (what an older release read has none).
CREATE TABLE health (
    version_id INTEGER PRIMARY KEY REFERENCES versions (version_id),
    chars INTEGER NOT NULL,
    garbled INTEGER NOT NULL,
    tables INTEGER NOT NULL,
    encrypted INTEGER NOT NULL,
    textless_pages TEXT NOT NULL,  -- JSON
    unread_pages TEXT NOT NULL     -- JSON
);

-- Words of pages that text recognition read, and where they stand: for the boxes on the page.
CREATE TABLE recognised_pages (
    version_id INTEGER NOT NULL REFERENCES versions (version_id),
    page INTEGER NOT NULL,
    words TEXT NOT NULL,           -- JSON
    PRIMARY KEY (version_id, page)
) WITHOUT ROWID;

CREATE TABLE documents (
    doc_id TEXT PRIMARY KEY,
    collection TEXT NOT NULL,
    path BLOB NOT NULL,
    origin TEXT NOT NULL,          -- 'folder' (read in place) or 'upload' (kept in originals/)
    state TEXT NOT NULL,
    problem TEXT NOT NULL,
    reason TEXT NOT NULL,
    hint TEXT NOT NULL,
    version_id INTEGER REFERENCES versions (version_id),
    content_hash TEXT,
    size INTEGER NOT NULL,
    indexed_at REAL NOT NULL,
    UNIQUE (collection, path)
) WITHOUT ROWID;
CREATE INDEX documents_version ON documents (version_id);
CREATE INDEX documents_content ON documents (content_hash);
CREATE INDEX documents_state ON documents (state, version_id);

-- Sources that were removed and can still be brought back, see index.removal.
CREATE TABLE removed_documents (
    removal INTEGER NOT NULL,      -- the generation that hid it: one for all that went together
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

-- Files that a person deleted here and that may still lie in their folder: it is looked through without them.
CREATE TABLE left_out (
    collection TEXT NOT NULL,
    path BLOB NOT NULL,
    PRIMARY KEY (collection, path)
) WITHOUT ROWID;

-- That a person disabled or ignored what stood in a place, until a document stands there again, see
-- index.disabling.
CREATE TABLE set_aside (
    place BLOB PRIMARY KEY,        -- a hash of collection and path: the name of the file is not to linger
    state TEXT NOT NULL,
    content_hash TEXT
) WITHOUT ROWID;

CREATE TABLE chunks (
    chunk_id INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id INTEGER NOT NULL REFERENCES versions (version_id),
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    page INTEGER,
    heading_path TEXT NOT NULL,    -- JSON
    context TEXT NOT NULL,
    text_hash BLOB NOT NULL,       -- of what was embedded
    generation INTEGER NOT NULL    -- that added it, or HIDDEN while no source holds its version
);
CREATE INDEX chunks_version ON chunks (version_id, start);
CREATE INDEX chunks_text ON chunks (text_hash);
CREATE INDEX chunks_generation ON chunks (generation);

-- How many chunks can answer, by the language of their text ('' where it is undecided). Triggers keep it:
-- to count them anew would take every publish longer, the more there are.
CREATE TABLE live_chunks (language TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER chunks_added AFTER INSERT ON chunks WHEN NEW.generation > 0 BEGIN
    INSERT INTO live_chunks SELECT coalesce(language, ''), 1 FROM versions WHERE version_id = NEW.version_id
        ON CONFLICT (language) DO UPDATE SET n = n + 1;
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

CREATE TABLE embeddings (
    text_hash BLOB NOT NULL,
    embedder_id INTEGER NOT NULL REFERENCES embedders (embedder_id),
    vector BLOB NOT NULL,          -- float32, little endian, unit length
    PRIMARY KEY (text_hash, embedder_id)
) WITHOUT ROWID;

CREATE TABLE removals (chunk_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
CREATE INDEX removals_generation ON removals (generation);

CREATE TABLE checkpoints (
    generation INTEGER PRIMARY KEY,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    count INTEGER NOT NULL,
    dim INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    recall REAL                    -- of the ten nearest, as measured when it was built; NULL: it is exact
);

CREATE TABLE folders (
    path BLOB NOT NULL,
    collection TEXT NOT NULL,
    indexed_at REAL NOT NULL,
    PRIMARY KEY (path, collection)
) WITHOUT ROWID;

CREATE TABLE jobs (
    job_id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    state TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_started REAL NOT NULL,
    started_at REAL NOT NULL,
    finished_at REAL,
    progress TEXT,                 -- JSON
    message TEXT NOT NULL,
    hint TEXT NOT NULL,
    outcomes TEXT NOT NULL,        -- JSON
    cancel_requested INTEGER NOT NULL
);
"""


@contextmanager
def translated(data: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into our errors, at this one border."""
    try:
        yield
    except sqlite3.DatabaseError as exc:
        error = _translate(exc, data)
        if error is None:
            raise
        raise error from exc
    except UnicodeDecodeError as exc:  # SQLite's own words, which name what is damaged by its damaged name
        raise _damaged(exc, data) from exc
    except OSError as exc:
        if exc.errno in _REFUSED and is_read_only(data / FILE_NAME):
            raise _read_only(data) from exc
        # The file, where it is known: one that was made as another user may be all that is in the way.
        place = os.fsdecode(exc.filename) if isinstance(exc.filename, (str, bytes)) else data
        raise StorageError(
            f"{place}: {exc.strerror or exc}",
            hint="Make room or correct the permissions, then try again. What was indexed before is safe.",
        ) from exc


def _damaged(exc: Exception, data: Path) -> DamagedError:
    return DamagedError(
        f"{data / FILE_NAME} is damaged: {exc}",
        hint="Restore the data folder from a backup, or move it away and index your documents again.",
    )


def _translate(exc: sqlite3.DatabaseError, data: Path) -> StoreError | None:
    name = getattr(exc, "sqlite_errorname", "") or ""
    # Damage inside a row shows only when its text is decoded, damage of a table's name when it is asked for.
    words = ("decode to UTF-8", "no such table", "no such column")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or any(each in str(exc) for each in words):
        return _damaged(exc, data)
    if name.startswith("SQLITE_FULL"):
        return StorageError(
            f"The disk that holds {data} is full.",
            hint="Make room and run the same command again. What was indexed before is safe.",
        )
    if name.startswith("SQLITE_READONLY") or "readonly" in str(exc):
        return _read_only(data)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StorageError(
            f"{data / FILE_NAME} is locked by another program.",
            hint="Close the program that holds it and try again.",
        )
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return StorageError(
            f"{data / FILE_NAME} cannot be read or written: {exc}",
            hint="Check free space and permissions there, or choose another data folder with --data.",
        )
    return None  # a mistake of ours, such as a broken constraint: show it as it is


def _read_only(data: Path) -> StorageError:
    return StorageError(
        f"{data} is read-only: it can be asked, but not changed.",
        hint="Correct the permissions, or choose another data folder with --data.",
    )


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode with the settings that the promises rest on."""
    connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        # On macOS a plain fsync leaves the drive's own memory unwritten; elsewhere this changes nothing.
        connection.execute("PRAGMA fullfsync=ON")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
    except BaseException:
        connection.close()
        raise
    return connection


class Catalog:
    """A small pool of connections to one catalog file; safe to use from several threads."""

    def __init__(self, data: Path) -> None:
        """Open the catalog in ``data`` and create it when it is not there.

        Raises:
            NewerDatabaseError: A later release wrote it. (What an earlier one wrote is migrated.)
            StorageError, DamagedError: It cannot be opened, or is another program's.
        """
        self.data = data
        self.path = data / FILE_NAME
        self.read_only = is_read_only(self.path)
        self._connections = Connections(self._connect)
        with translated(data):
            refuse_at_sight(self.path, SCHEMA_VERSION)
        try:
            with self.reading() as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                refuse_newer(self.path, version, SCHEMA_VERSION)
                refuse_foreign_tables(self.path, connection)
        except StoreError:
            self.close()
            raise
        if version == 0:
            self._create()
        elif version < SCHEMA_VERSION and self.read_only:
            self.close()
            raise StorageError(
                f"{self.path} was written by an earlier release and has to be brought up to date, but {data}"
                " is read-only.",
                hint="Copy the folder to where it can be written, and name the copy with --data.",
            )
        elif version < SCHEMA_VERSION:
            self._migrate()

    def _migrate(self) -> None:
        self.close()  # connections that were opened before it remember the old tables
        self._connections = Connections(self._connect)
        with translated(self.data):
            migrate(self.path, MIGRATIONS)

    def _create(self) -> None:
        with self.writing() as connection:
            # Another process may have created it between our look and our lock.
            if connection.execute("PRAGMA user_version").fetchone()[0]:
                return
            run_statements(connection, _SCHEMA)
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                [("catalog_id", uuid.uuid4().hex), ("generation", "0"), ("removals_since", "0")],
            )
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection inside one read transaction: everything read belongs to one commit."""
        with self._borrowed() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside one write transaction, committed at the end, rolled back on any error."""
        with self._borrowed() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    def truncate_log(self) -> bool:
        """Empty the write-ahead log, so that deleted text does not linger in it.

        Returns:
            False when a reader was in the middle of a transaction for ten seconds, and keeps its part.
        """
        with self._borrowed() as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy

    def _connect(self) -> sqlite3.Connection:
        if self.read_only:
            connection = connect_read_only(self.path)
            connection.row_factory = sqlite3.Row
            return connection
        return connect(self.path)

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        with translated(self.data), self._connections.borrowed() as connection:
            yield connection

    def close(self) -> None:
        """Close every idle connection; a borrowed one closes when it is given back."""
        self._connections.close()


def encode_path(path: str) -> bytes:
    """The bytes of a file name as the catalog keeps them; undecodable bytes survive."""
    return os.fsencode(path)


def decode_path(path: bytes) -> str:
    """The inverse of :func:`encode_path`."""
    return os.fsdecode(path)


def get_meta(connection: sqlite3.Connection, key: str) -> str | None:
    """One value of the ``meta`` table, None when it is not set."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Set one value of the ``meta`` table."""
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
    )
