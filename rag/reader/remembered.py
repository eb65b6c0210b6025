"""A reader that remembers what it has read: evaluation runs again and again over the same passages."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from rag.reader.reading import Reader, Reading, SentenceReading, Text


def identity_of(weights: Path) -> str:
    """The SHA-256 of a file of weights."""
    with weights.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


class RememberingReader(Reader):
    """Gives a stored reading where the same question was read with the same text before."""

    def __init__(self, reader: Reader, file: Path, *, identity: str) -> None:
        """Open or create the memory.

        Args:
            file: A SQLite database, which several readers and processes may share.
            identity: Of the weights; readings of others are never given.
        """
        self._reader = reader
        self._identity = identity
        self._lock = threading.Lock()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._memory = sqlite3.connect(file, timeout=60, check_same_thread=False)
        with self._memory:
            self._memory.execute("PRAGMA journal_mode=WAL")
            self._memory.execute("CREATE TABLE IF NOT EXISTS readings (key BLOB PRIMARY KEY, reading TEXT)")

    def read(self, question: str, texts: Sequence[Text]) -> list[Reading]:
        keys = [self._key(question, text) for text in texts]
        with self._lock:
            known = {key: reading for key in keys if (reading := self._remembered(key)) is not None}
        missing = [at for at, key in enumerate(keys) if key not in known]
        found = self._reader.read(question, [texts[at] for at in missing])
        with self._lock, self._memory:
            for at, reading in zip(missing, found, strict=True):
                known[keys[at]] = reading
                self._memory.execute(
                    "INSERT OR REPLACE INTO readings VALUES (?, ?)", (keys[at], _written(reading))
                )
        return [known[key] for key in keys]

    def close(self) -> None:
        self._memory.close()
        self._reader.close()

    def _key(self, question: str, text: Text) -> bytes:
        described = json.dumps([self._identity, question, text.title, text.text, text.sentences])
        return hashlib.sha256(described.encode("utf-8", "surrogatepass")).digest()

    def _remembered(self, key: bytes) -> Reading | None:
        row = self._memory.execute("SELECT reading FROM readings WHERE key = ?", (key,)).fetchone()
        return None if row is None else _read_back(row[0])


def _written(reading: Reading) -> str:
    return json.dumps(
        [reading.answerable, [[each.evidence, each.span, each.span_score] for each in reading.sentences]]
    )


def _read_back(text: str) -> Reading:
    answerable, sentences = json.loads(text)
    return Reading(
        answerable=answerable,
        sentences=tuple(
            SentenceReading(
                evidence=evidence,
                span=None if span is None else (int(span[0]), int(span[1])),
                span_score=span_score,
            )
            for evidence, span, span_score in sentences
        ),
    )
