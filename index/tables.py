"""The tables of a new catalog, of the schema that ``index.catalog`` names."""

from __future__ import annotations

# AUTOINCREMENT: SQLite otherwise hands out a deleted top id again, and a stale vector would then
# answer as a new chunk. Paths are BLOBs because a file name need not be UTF-8.
TABLES = """
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
