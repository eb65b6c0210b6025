"""What the catalog's rows look like to the rest of the house, and how they are read."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Literal

from index.catalog import decode_path, get_meta
from index.documents import embedded_hash, embedded_text, has_drawn_pages, last_part, page_words
from index.errors import DamagedError
from index.health import Health
from index.lexical import Marker

# Not stored: what a job does with a file now (``index.at_hand``), and that it is missing (``index.missing``).
DocumentState = Literal["ready", "partial", "failed", "disabled", "ignored"]
Origin = Literal["folder", "upload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """A source: collection + path, and the version of its content that is indexed.

    ``path`` is absolute for a file of a folder, the shown name for an upload; undecodable bytes are
    surrogate escapes. ``problem``, ``reason`` and ``hint`` are "" unless ``failed``, ``ignored`` or
    ``partial``, or ``disabled`` and else one of these.
    ``language`` is an ISO 639-1 code, None where it is undecided; ``health`` is None for a failed document
    and for one that an older release has read. The text of ``recognised_pages`` comes from text recognition.
    """

    doc_id: str
    collection: str
    path: str
    origin: Origin
    state: DocumentState
    problem: str
    reason: str
    hint: str
    version_id: int | None
    content_hash: str | None
    size: int
    pages: int
    passages: int
    title: str
    media_type: str
    indexed_at: float
    language: str | None = None
    health: Health | None = None
    recognised_pages: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the path."""
        return last_part(self.path)

    @property
    def answers(self) -> bool:
        """Whether a question may be answered from it: it was read, and is not disabled."""
        return self.version_id is not None and self.state != "disabled"

    @property
    def has_pages(self) -> bool:
        """Whether its pages can be drawn."""
        return has_drawn_pages(self.media_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRow:
    """A chunk as it is stored; ``text`` is the slice ``[start:end]`` of its version's text."""

    chunk_id: int
    version_id: int
    start: int
    end: int
    page: int | None
    locator: str  # of its first character, in words for people; "" where there is none
    heading_path: tuple[str, ...]
    context: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRow:
    """A folder that was indexed, so that "check for changes" knows where to look."""

    path: str
    collection: str
    indexed_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatus:
    """Counts for people: ``footnote status`` and the page's summary line.

    ``recall`` is the share of the ten nearest passages that the search by meaning finds in a base too large
    to be compared as a whole, as measured when it was built; None: it compares with all.
    """

    data: str
    generation: int
    documents: int
    ready: int
    partial: int
    failed: int
    disabled: int
    ignored: int
    passages: int
    languages: dict[str, int]
    fingerprint: str | None
    model_name: str
    size_bytes: int
    base_vectors: int
    delta_vectors: int
    removed_vectors: int
    last_indexed_at: float | None
    recall: float | None = None


DOCUMENTS = """
    SELECT d.*, v.title, v.media_type, v.passages, v.language, json_array_length(v.page_starts) AS pages,
        h.chars, h.garbled, h.tables, h.encrypted, h.textless_pages, h.unread_pages,
        (SELECT json_group_array(page) FROM recognised_pages r
            WHERE r.version_id = d.version_id AND r.words != '[]') AS recognised_pages
    FROM documents d LEFT JOIN versions v USING (version_id) LEFT JOIN health h USING (version_id)
"""
CHUNKS = """
    SELECT c.*, substr(v.text, c.start + 1, c.end - c.start) AS text,
        (SELECT words FROM locators l WHERE l.version_id = c.version_id AND l.start <= c.start
            ORDER BY l.start DESC LIMIT 1) AS locator
    FROM chunks c JOIN versions v ON v.version_id = c.version_id AND c.generation > 0
"""
# A version that no source stands at was removed, and waits to be erased or brought back.
LIVE_VERSION = "EXISTS (SELECT 1 FROM documents d WHERE d.version_id = versions.version_id)"


def document_row(row: sqlite3.Row) -> DocumentRow:
    return DocumentRow(
        doc_id=row["doc_id"],
        collection=row["collection"],
        path=decode_path(row["path"]),
        origin=row["origin"],
        state=row["state"],
        problem=row["problem"],
        reason=row["reason"],
        hint=row["hint"],
        version_id=row["version_id"],
        content_hash=row["content_hash"],
        size=row["size"],
        pages=row["pages"] or 0,
        passages=row["passages"] or 0,
        title=row["title"] or "",
        media_type=row["media_type"] or "",
        indexed_at=row["indexed_at"],
        language=row["language"],
        health=None if row["chars"] is None else _health(row),
        recognised_pages=tuple(json.loads(row["recognised_pages"])),
    )


def _health(row: sqlite3.Row) -> Health:
    return Health(
        chars=row["chars"],
        garbled=row["garbled"],
        tables=row["tables"],
        encrypted=bool(row["encrypted"]),
        textless_pages=tuple(json.loads(row["textless_pages"])),
        unread_pages=tuple(json.loads(row["unread_pages"])),
    )


def chunk_row(row: sqlite3.Row) -> ChunkRow:
    """A chunk, if it is what was stored.

    Raises:
        DamagedError: Its text, context or offsets changed: SQLite keeps no checksums and would not notice.
    """
    if not is_unchanged(row):
        raise DamagedError(
            f"The catalog is damaged: passage {row['chunk_id']} is not what was stored.",
            hint="Restore the data folder from a backup, or move it away and index your documents again.",
        )
    return ChunkRow(
        chunk_id=row["chunk_id"],
        version_id=row["version_id"],
        start=row["start"],
        end=row["end"],
        page=row["page"],
        locator=row["locator"] or page_words(row["page"]),
        heading_path=tuple(json.loads(row["heading_path"])),
        context=row["context"],
        text=row["text"],
    )


def is_unchanged(row: sqlite3.Row) -> bool:
    """Whether a row of ``CHUNKS`` still holds the words that were embedded."""
    return bool(embedded_hash(embedded_text(row["context"], row["text"])) == row["text_hash"])


def published_generation(connection: sqlite3.Connection) -> int:
    return int(get_meta(connection, "generation") or 0)


def marker(connection: sqlite3.Connection) -> Marker:
    """Where the lexical index has to stand to match the catalog."""
    return Marker(
        catalog_id=get_meta(connection, "catalog_id") or "",
        generation=published_generation(connection),
        passages=live_chunks(connection),
    )


def live_chunks(connection: sqlite3.Connection) -> int:
    """How many chunks can answer, as the catalog keeps count of them."""
    return int(connection.execute("SELECT coalesce(sum(n), 0) FROM live_chunks").fetchone()[0])


def counted_chunks(connection: sqlite3.Connection) -> dict[str, int]:
    """Live chunks by language, '' where it is undecided, counted one by one."""
    rows = connection.execute(
        "SELECT coalesce(language, '') AS language, count(*) AS n FROM chunks"
        " JOIN versions USING (version_id) WHERE generation > 0 GROUP BY 1"
    )
    return {row["language"]: int(row["n"]) for row in rows}


def kept_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """The same, as the catalog keeps count of it."""
    rows = connection.execute("SELECT language, n FROM live_chunks WHERE n != 0")
    return {row["language"]: int(row["n"]) for row in rows}


def correct_counts(connection: sqlite3.Connection) -> bool:
    """Count the live chunks anew; returns whether the catalog had miscounted."""
    counted = counted_chunks(connection)
    if counted == kept_counts(connection):
        return False
    connection.execute("DELETE FROM live_chunks")
    connection.executemany("INSERT INTO live_chunks VALUES (?, ?)", counted.items())
    return True


def languages(connection: sqlite3.Connection) -> dict[str, int]:
    """Live chunks by Snowball code, the most frequent first."""
    found = {language: n for language, n in kept_counts(connection).items() if language}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def pending_since(connection: sqlite3.Connection, generation: int) -> tuple[int, int]:
    """Chunks that were added and that were removed after a generation."""
    added, removed = (
        int(
            connection.execute(
                f"SELECT count(*) FROM {table} WHERE generation > ?", (generation,)
            ).fetchone()[0]
        )
        for table in ("chunks", "removals")
    )
    return added, removed
