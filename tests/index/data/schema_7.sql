BEGIN TRANSACTION;
CREATE TABLE checkpoints (
    generation INTEGER PRIMARY KEY,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    count INTEGER NOT NULL,
    dim INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    recall REAL                    -- of the ten nearest, as measured when it was built; NULL: it is exact
);
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
INSERT INTO "chunks" VALUES(1,1,0,26,NULL,'[]','',X'770A4E2E1C646BF00C85545B766DF5D1869E3903C43931C7541F62289912B84F',1);
INSERT INTO "chunks" VALUES(2,1,27,51,NULL,'[]','',X'13E6BC12E1C3841B4C9F7713345B3840BDE7F45B0DD902D92053B46CC7780AD5',1);
INSERT INTO "chunks" VALUES(3,2,0,26,NULL,'[]','',X'152C9D030F4FD65D681799793A5AA2BA7E7E55EC61923A990FBACCE4A5A042FD',1);
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
INSERT INTO "documents" VALUES('6daadb5b5e74430580df3e6963f6ddf9','Documents',X'2F612E747874','folder','ready','','','',1,'d14a418956eb5c27eff569c9debde13253d5f7b1529ada8b7596a7bd6511c1cf',51,1.79582218649352526665e+09);
INSERT INTO "documents" VALUES('ad1a68336ee540019214395d230c8e61','Documents',X'2F62726F6B656E2E706466','folder','failed','damaged','It is damaged.','Repair it.',NULL,'770a4e2e1c646bf00c85545b766df5d1869e3903c43931c7541f62289912b84f',26,1.79582218651147222524e+09);
INSERT INTO "documents" VALUES('d98099123ea747ff828cdf65ef2420c0','Documents',X'2F622E747874','folder','ready','','','',2,'152c9d030f4fd65d681799793a5aa2ba7e7e55ec61923a990fbacce4a5a042fd',26,1.79582218649363660814e+09);
CREATE TABLE embedders (
    embedder_id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    dim INTEGER NOT NULL
);
INSERT INTO "embedders" VALUES(1,'test-embedder','test',8);
CREATE TABLE embeddings (
    text_hash BLOB NOT NULL,
    embedder_id INTEGER NOT NULL REFERENCES embedders (embedder_id),
    vector BLOB NOT NULL,          -- float32, little endian, unit length
    PRIMARY KEY (text_hash, embedder_id)
) WITHOUT ROWID;
INSERT INTO "embeddings" VALUES(X'13E6BC12E1C3841B4C9F7713345B3840BDE7F45B0DD902D92053B46CC7780AD5',1,X'24A8D4BD498196BE4C9AD6BE3659093F794F133FD3CA2F3E7E18F2BC57D18EBE');
INSERT INTO "embeddings" VALUES(X'152C9D030F4FD65D681799793A5AA2BA7E7E55EC61923A990FBACCE4A5A042FD',1,X'D8DE06BFCDA10BBE92A733BD4C5A103B16431EBF62FB5F3EEBD0E93EC2DB80BE');
INSERT INTO "embeddings" VALUES(X'770A4E2E1C646BF00C85545B766DF5D1869E3903C43931C7541F62289912B84F',1,X'9183DC3C6F6F57BE5F5E30BDA812A03E309A133FA9679BBEF3F8A8BEB640113F');
CREATE TABLE folders (
    path BLOB NOT NULL,
    collection TEXT NOT NULL,
    indexed_at REAL NOT NULL,
    PRIMARY KEY (path, collection)
) WITHOUT ROWID;
INSERT INTO "folders" VALUES(X'2F','Documents',1.79582218649371743203e+09);
CREATE TABLE health (
    version_id INTEGER PRIMARY KEY REFERENCES versions (version_id),
    chars INTEGER NOT NULL,
    garbled INTEGER NOT NULL,
    tables INTEGER NOT NULL,
    encrypted INTEGER NOT NULL,
    textless_pages TEXT NOT NULL,  -- JSON
    unread_pages TEXT NOT NULL     -- JSON
);
INSERT INTO "health" VALUES(1,42,0,0,0,'[]','[]');
INSERT INTO "health" VALUES(2,23,0,0,0,'[]','[]');
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
CREATE TABLE left_out (
    collection TEXT NOT NULL,
    path BLOB NOT NULL,
    PRIMARY KEY (collection, path)
) WITHOUT ROWID;
CREATE TABLE live_chunks (language TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "live_chunks" VALUES('en',3);
CREATE TABLE locators (
    version_id INTEGER NOT NULL REFERENCES versions (version_id),
    start INTEGER NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (version_id, start)
) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('catalog_id','40e9cdb7ebf0410380616cce2899dc76');
INSERT INTO "meta" VALUES('erase_due','1');
INSERT INTO "meta" VALUES('erase_since','0.0');
INSERT INTO "meta" VALUES('fingerprint','test-embedder');
INSERT INTO "meta" VALUES('generation','2');
INSERT INTO "meta" VALUES('removals_since','0');
CREATE TABLE recognised_pages (
    version_id INTEGER NOT NULL REFERENCES versions (version_id),
    page INTEGER NOT NULL,
    words TEXT NOT NULL,           -- JSON
    PRIMARY KEY (version_id, page)
) WITHOUT ROWID;
CREATE TABLE removals (chunk_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
INSERT INTO "removals" VALUES(4,2);
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
INSERT INTO "versions" VALUES(1,'d14a418956eb5c27eff569c9debde13253d5f7b1529ada8b7596a7bd6511c1cf','test','','text/plain','en','[]',2,'[]','[]','Cats sleep on warm stones.
Dogs guard the old gate.');
INSERT INTO "versions" VALUES(2,'152c9d030f4fd65d681799793a5aa2ba7e7e55ec61923a990fbacce4a5a042fd','test','','text/plain','en','[]',1,'[]','[]','Birds sing before sunrise.');
CREATE INDEX documents_version ON documents (version_id);
CREATE INDEX documents_content ON documents (content_hash);
CREATE INDEX documents_state ON documents (state, version_id);
CREATE INDEX removed_documents_version ON removed_documents (version_id);
CREATE INDEX chunks_version ON chunks (version_id, start);
CREATE INDEX chunks_text ON chunks (text_hash);
CREATE INDEX chunks_generation ON chunks (generation);
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
CREATE INDEX removals_generation ON removals (generation);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('versions',3);
INSERT INTO "sqlite_sequence" VALUES('chunks',4);
COMMIT;
PRAGMA user_version=7;
