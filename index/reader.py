"""Reading the catalog: documents, texts, chunks and counts. Every method is one short read."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalog, decode_path, encode_path, get_meta
from index.changes import mismatch
from index.documents import PDF, Heading, Locator, ParsedDocument, RecognisedWord
from index.embedders import StoredModel, model_before, model_in_use
from index.rows import (
    CHUNKS,
    DOCUMENTS,
    LIVE_VERSION,
    ChunkRow,
    DocumentRow,
    FolderRow,
    StoreStatus,
    chunk_row,
    document_row,
    languages,
    live_chunks,
    pending_since,
    published_generation,
)
from index.scope import CollectionRow, collection_rows


class CatalogReader:
    """What can be asked of the catalog alone, without the indexes derived from it. Thread-safe."""

    def __init__(self, data: Path, catalog: Catalog) -> None:
        self.data = data
        self.catalog = catalog

    @property
    def originals(self) -> Path:
        """Where uploads are kept, each under the SHA-256 of its bytes."""
        return self.data / "originals"

    @property
    def generation(self) -> int:
        """The newest published generation."""
        with self.catalog.reading() as connection:
            return published_generation(connection)

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the embedding model in use, None while nothing is indexed."""
        with self.catalog.reading() as connection:
            return get_meta(connection, "fingerprint")

    @property
    def model(self) -> StoredModel | None:
        """The embedding model in use, None while nothing is indexed."""
        with self.catalog.reading() as connection:
            return model_in_use(connection)

    @property
    def model_before(self) -> StoredModel | None:
        """The embedding model from before the last change, while there is a way back to it."""
        with self.catalog.reading() as connection:
            return model_before(connection)

    def documents(self, collection: str | None = None) -> list[DocumentRow]:
        """Every source, by collection and path."""
        where, values = ("", ()) if collection is None else ("WHERE d.collection = ?", (collection,))
        with self.catalog.reading() as connection:
            rows = connection.execute(f"{DOCUMENTS} {where} ORDER BY d.collection, d.path", values)
            return [document_row(row) for row in rows]

    def collections(self) -> list[CollectionRow]:
        """Every collection that has a document, by name."""
        with self.catalog.reading() as connection:
            return collection_rows(connection)

    def document(self, doc_id: str) -> DocumentRow | None:
        """One source, None when it is gone."""
        with self.catalog.reading() as connection:
            row = connection.execute(f"{DOCUMENTS} WHERE d.doc_id = ?", (doc_id,)).fetchone()
            return None if row is None else document_row(row)

    def find(self, collection: str, path: str) -> DocumentRow | None:
        """The source that stands at this place, if there is one."""
        with self.catalog.reading() as connection:
            row = connection.execute(
                f"{DOCUMENTS} WHERE d.collection = ? AND d.path = ?", (collection, encode_path(path))
            ).fetchone()
            return None if row is None else document_row(row)

    def places_named(self, name: str) -> list[tuple[str, str]]:
        """Path and collection of every source whose path ends with this name, in the order of the paths."""
        wanted = encode_path(name)
        with self.catalog.reading() as connection:
            # From the index over both columns alone: a hundred thousand sources take some 20 ms.
            rows = connection.execute(
                "SELECT path, collection FROM documents WHERE substr(path, ?) = ? ORDER BY path, collection",
                (-len(wanted), wanted),
            )
            return [(decode_path(row["path"]), str(row["collection"])) for row in rows]

    def documents_under(self, collection: str, path: str) -> list[DocumentRow]:
        """The sources at this path or in the folder of this name, by path."""
        at = encode_path(path)
        first = at.rstrip(os.sep.encode()) + os.sep.encode()
        end = first[:-1] + bytes([first[-1] + 1])  # paths are compared byte by byte
        with self.catalog.reading() as connection:
            rows = connection.execute(
                f"{DOCUMENTS} WHERE d.collection = ? AND (d.path = ? OR (d.path >= ? AND d.path < ?))"
                " ORDER BY d.path",
                (collection, at, first, end),
            )
            return [document_row(row) for row in rows]

    def sources_of(self, version_id: int) -> list[DocumentRow]:
        """Every source that holds this content, by collection and path; empty once it is gone."""
        with self.catalog.reading() as connection:
            rows = connection.execute(
                f"{DOCUMENTS} WHERE d.version_id = ? ORDER BY d.collection, d.path", (version_id,)
            )
            return [document_row(row) for row in rows]

    def version_with(self, content_hash: str, recipe: str) -> int | None:
        """The stored version of this content made in this way, if there is one."""
        with self.catalog.reading() as connection:
            row = connection.execute(
                f"SELECT version_id FROM versions WHERE content_hash = ? AND recipe = ? AND {LIVE_VERSION}",
                (content_hash, recipe),
            ).fetchone()
            return None if row is None else int(row[0])

    def text(self, version_id: int) -> str | None:
        """The whole text of a version, None once it was removed."""
        with self.catalog.reading() as connection:
            row = connection.execute(
                f"SELECT text FROM versions WHERE version_id = ? AND {LIVE_VERSION}", (version_id,)
            ).fetchone()
            return None if row is None else str(row[0])

    def parsed(self, version_id: int) -> ParsedDocument | None:
        """A version as its reader gave it, None once it was removed."""
        with self.catalog.reading() as connection:
            row = connection.execute(
                f"SELECT * FROM versions WHERE version_id = ? AND {LIVE_VERSION}", (version_id,)
            ).fetchone()
            if row is None:
                return None
            locators = connection.execute(
                "SELECT start, words FROM locators WHERE version_id = ? ORDER BY start", (version_id,)
            ).fetchall()
        return ParsedDocument(
            text=row["text"],
            title=row["title"],
            media_type=row["media_type"],
            page_starts=tuple(json.loads(row["page_starts"])),
            headings=tuple(
                Heading(start=start, end=end, level=level, title=title)
                for start, end, level, title in json.loads(row["headings"])
            ),
            warnings=tuple(json.loads(row["warnings"])),
            locators=tuple(Locator(each["start"], each["words"]) for each in locators),
        )

    def recognised_words(self, version_id: int, page: int) -> tuple[RecognisedWord, ...]:
        """What text recognition read on a page of a version; () for a page that has a text of its own."""
        with self.catalog.reading() as connection:
            row = connection.execute(
                "SELECT words FROM recognised_pages WHERE version_id = ? AND page = ?", (version_id, page)
            ).fetchone()
        return () if row is None else tuple(RecognisedWord(*word) for word in json.loads(row["words"]))

    def has_unread_pages(self, version_id: int) -> bool:
        """Whether pages of a version show something that was not read, and text recognition could try."""
        with self.catalog.reading() as connection:
            # An earlier release wrote warnings only; in a PDF they are about such pages.
            row = connection.execute(
                "SELECT coalesce(h.unread_pages, v.warnings) != '[]' FROM versions v"
                " LEFT JOIN health h USING (version_id) WHERE version_id = ? AND media_type = ?",
                (version_id, PDF),
            ).fetchone()
            return row is not None and bool(row[0])

    def headings_within(self, version_id: int, start: int, end: int) -> tuple[tuple[int, int], ...]:
        """Spans ``(start, end)`` of the headings that begin inside a stretch of a version's text."""
        with self.catalog.reading() as connection:
            row = connection.execute(
                f"SELECT headings FROM versions WHERE version_id = ? AND {LIVE_VERSION}", (version_id,)
            ).fetchone()
        spans = json.loads(row["headings"]) if row is not None else []
        return tuple((first, last) for first, last, _, _ in spans if start <= first < end)

    def chunks(self, chunk_ids: Sequence[int]) -> dict[int, ChunkRow]:
        """Chunks by id; an id that was removed meanwhile is absent."""
        found: dict[int, ChunkRow] = {}
        with self.catalog.reading() as connection:
            for chunk_id in chunk_ids:
                row = connection.execute(f"{CHUNKS} WHERE c.chunk_id = ?", (chunk_id,)).fetchone()
                if row is not None:
                    found[chunk_id] = chunk_row(row)
        return found

    def chunk_ids(self, version_id: int) -> list[int]:
        """The chunks of a version, in the order of the text."""
        with self.catalog.reading() as connection:
            rows = connection.execute(
                "SELECT chunk_id FROM chunks WHERE version_id = ? AND generation > 0 ORDER BY start",
                (version_id,),
            )
            return [int(row[0]) for row in rows]

    def chunk_at(self, version_id: int, offset: int) -> ChunkRow | None:
        """The last chunk of a version that holds this character, None when there is none."""
        with self.catalog.reading() as connection:
            row = connection.execute(
                f"{CHUNKS} WHERE c.version_id = ? AND c.start <= ? AND c.end > ?"
                " ORDER BY c.start DESC LIMIT 1",
                (version_id, offset, offset),
            ).fetchone()
            return None if row is None else chunk_row(row)

    def known_vectors(
        self, text_hashes: Sequence[bytes], fingerprint: str
    ) -> dict[bytes, NDArray[np.float32]]:
        """Vectors that were computed before for these texts with this model: nothing is embedded twice."""
        found: dict[bytes, NDArray[np.float32]] = {}
        with self.catalog.reading() as connection:
            for text_hash in text_hashes:
                row = connection.execute(
                    "SELECT vector FROM embeddings JOIN embedders USING (embedder_id)"
                    " WHERE text_hash = ? AND fingerprint = ?",
                    (text_hash, fingerprint),
                ).fetchone()
                if row is not None:
                    found[text_hash] = np.frombuffer(row[0], dtype="<f4").astype(np.float32)
        return found

    def require_embedder(self, fingerprint: str, name: str) -> None:
        """Refuse an embedding model other than the one the index was built with.

        Raises:
            EmbedderMismatchError: Vectors of two models never share an index.
        """
        with self.catalog.reading() as connection:
            current = get_meta(connection, "fingerprint")
            indexed = connection.execute("SELECT 1 FROM chunks LIMIT 1").fetchone() is not None
            if indexed and current != fingerprint:
                raise mismatch(connection, name)

    def left_out(self, collection: str) -> frozenset[str]:
        """Paths of files that a person deleted from the collection, so that looking through a folder passes
        them over."""
        with self.catalog.reading() as connection:
            rows = connection.execute("SELECT path FROM left_out WHERE collection = ?", (collection,))
            return frozenset(decode_path(row["path"]) for row in rows)

    def folders(self) -> list[FolderRow]:
        """Folders that were indexed, by path."""
        with self.catalog.reading() as connection:
            rows = connection.execute("SELECT * FROM folders ORDER BY path").fetchall()
        return [
            FolderRow(
                path=decode_path(row["path"]), collection=row["collection"], indexed_at=row["indexed_at"]
            )
            for row in rows
        ]

    def status(self) -> StoreStatus:
        """Counts of what is indexed. Reads the catalog only, so it is quick and loads no vectors."""
        with self.catalog.reading() as connection:
            states = {
                row["state"]: int(row["n"])
                for row in connection.execute("SELECT state, count(*) AS n FROM documents GROUP BY state")
            }
            generation = published_generation(connection)
            base = connection.execute("SELECT * FROM checkpoints ORDER BY generation DESC LIMIT 1").fetchone()
            base_generation = base["generation"] if base else 0
            delta, removed = pending_since(connection, base_generation)
            fingerprint = get_meta(connection, "fingerprint")
            model = connection.execute(
                "SELECT name FROM embedders WHERE fingerprint = ?", (fingerprint,)
            ).fetchone()
            last = connection.execute("SELECT max(indexed_at) FROM documents").fetchone()[0]
            return StoreStatus(
                data=str(self.data),
                generation=generation,
                documents=sum(states.values()),
                ready=states.get("ready", 0),
                partial=states.get("partial", 0),
                failed=states.get("failed", 0),
                disabled=states.get("disabled", 0),
                ignored=states.get("ignored", 0),
                passages=live_chunks(connection),
                languages=languages(connection),
                fingerprint=fingerprint,
                model_name=model["name"] if model else "",
                size_bytes=_folder_bytes(self.data),
                base_vectors=base["count"] if base else 0,
                delta_vectors=delta,
                removed_vectors=removed,
                last_indexed_at=last,
                recall=base["recall"] if base else None,
            )


def _folder_bytes(data: Path) -> int:
    total = 0
    for root, _, files in os.walk(data):
        for name in files:
            try:
                total += (Path(root) / name).stat().st_size
            except FileNotFoundError:  # a merge or a checkpoint removed it while we counted
                continue
    return total
