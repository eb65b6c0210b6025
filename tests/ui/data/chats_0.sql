BEGIN TRANSACTION;
CREATE TABLE chats (
    chat_id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
);
INSERT INTO "chats" VALUES('78954ed155524217c7a45cd0e5e91a9c','Who keeps the harbour lights?',1.79582325386118078227e+09,1.79582325386150813096e+09);
INSERT INTO "chats" VALUES('56198ba29939f219d2e4a9fe4a2b8e95','What was deleted a moment ago?',1.79582325386655592921e+09,1.79582325386655592921e+09);
CREATE TABLE hidden (
    chat_id TEXT PRIMARY KEY REFERENCES chats(chat_id) ON DELETE CASCADE,
    hidden_at REAL NOT NULL            -- unix seconds; deleted for good a moment later
);
INSERT INTO "hidden" VALUES('56198ba29939f219d2e4a9fe4a2b8e95',1.79582325386695170399e+09);
CREATE TABLE messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    chat_id TEXT NOT NULL REFERENCES chats(chat_id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    answer TEXT,
    created_at REAL NOT NULL
);
INSERT INTO "messages" VALUES(1,'596a511f4f8dc47c31774d6434b23143','78954ed155524217c7a45cd0e5e91a9c','user','Who keeps the harbour lights?',NULL,1.79582325386150813096e+09);
INSERT INTO "messages" VALUES(2,'3a3a5adc9780f18766e6f9f5007ee66b','78954ed155524217c7a45cd0e5e91a9c','assistant','','{"status": "answered", "query": "Who keeps the harbour lights?", "sentences": [{"text": "The pilot keeps them.", "markers": [], "verdict": "weak", "short_answer": null, "grouped": false}], "citations": [], "passages": [], "steps": [], "considered": [], "twins": [], "confidence": 0.0, "generator": "built-in", "notice": "", "refusal": null}',1.79582325386150813096e+09);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE selections (
    chat_id TEXT PRIMARY KEY REFERENCES chats(chat_id) ON DELETE CASCADE,
    collections TEXT NOT NULL,         -- JSON; a conversation without a row searches everything
    documents TEXT NOT NULL DEFAULT '[]'  -- JSON, ids
);
INSERT INTO "selections" VALUES('78954ed155524217c7a45cd0e5e91a9c','["Letters"]','[]');
CREATE TABLE suggestions (
    message_id TEXT PRIMARY KEY REFERENCES messages(message_id) ON DELETE CASCADE,
    places TEXT NOT NULL               -- JSON, see StoredSuggestions: no words of documents
);
CREATE TABLE variants (
    question_id TEXT PRIMARY KEY REFERENCES messages(message_id) ON DELETE CASCADE,
    turn TEXT NOT NULL,                -- the question that was asked first in this place
    shown INTEGER NOT NULL             -- 1 for one of each turn; a question without a row is the only one
);
CREATE INDEX messages_by_chat ON messages(chat_id, position);
CREATE INDEX answered ON messages(position) WHERE answer IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('messages',2);
COMMIT;
PRAGMA user_version=0;
