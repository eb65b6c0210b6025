"""The embedding models whose vectors the index keeps: the one that answers, and the one before it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from index.catalog import get_meta, set_meta
from index.model_files import DEFAULT_NAME

PREVIOUS = "previous_fingerprint"
_SOURCES = "embedder_sources"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """A model whose vectors are stored. ``source`` is what ``load_embedder`` takes to load it again, None
    when that is not known."""

    fingerprint: str
    name: str
    source: str | None


def model_in_use(connection: sqlite3.Connection) -> StoredModel | None:
    """The model that answers, None while nothing is indexed, when any other may take its place."""
    indexed = connection.execute("SELECT 1 FROM chunks LIMIT 1").fetchone() is not None
    return _stored(connection, get_meta(connection, "fingerprint")) if indexed else None


def model_before(connection: sqlite3.Connection) -> StoredModel | None:
    """The model that answered before the last change, while its vectors are kept."""
    return _stored(connection, get_meta(connection, PREVIOUS))


def note_source(connection: sqlite3.Connection, fingerprint: str, source: str | None) -> None:
    """Note how a model is loaded again."""
    known = _sources(connection)
    if source is not None and known.get(fingerprint) != source:
        set_meta(connection, _SOURCES, json.dumps({**known, fingerprint: source}))


def _stored(connection: sqlite3.Connection, fingerprint: str | None) -> StoredModel | None:
    row = connection.execute("SELECT name FROM embedders WHERE fingerprint = ?", (fingerprint,)).fetchone()
    if fingerprint is None or row is None:
        return None
    # Before sources were noted, there was a name; that of the built-in model says how to load it.
    source = _sources(connection).get(fingerprint, "" if row["name"] == DEFAULT_NAME else None)
    return StoredModel(fingerprint=fingerprint, name=str(row["name"]), source=source)


def _sources(connection: sqlite3.Connection) -> dict[str, str]:
    stored: dict[str, str] = json.loads(get_meta(connection, _SOURCES) or "{}")
    return stored
