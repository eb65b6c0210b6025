"""The files that documents were read from: still what was indexed or not, and how long they are kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from index.catalog import translated
from index.durable import remove_durably
from index.errors import SourceError
from index.file_bytes import read_stable
from index.reader import CatalogReader
from index.rows import DocumentRow

MAX_BYTES = 50 << 20

_KEPT = re.compile(r"[0-9a-f]{64}(\.tmp)?")  # what Footnote itself writes into originals/


def original_path(catalog: CatalogReader, document: DocumentRow) -> Path | None:
    """Where the bytes of a document are; None when they are not at hand, by name and size.

    Whether they are what was indexed, only :func:`read_original` knows.
    """
    if document.version_id is None or document.content_hash is None:
        return None
    kept = document.origin == "upload"
    path = catalog.originals / document.content_hash if kept else Path(document.path)
    try:
        return path if path.is_file() and path.stat().st_size == document.size else None
    except (OSError, ValueError):  # a path from another system may hold what this one does not allow
        return None


def read_original(catalog: CatalogReader, document: DocumentRow, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes that a document's text was read from.

    Raises:
        SourceError: They are gone, or others stand in their place.
        DocumentError: They cannot be read.
    """
    path = original_path(catalog, document)
    data = None if path is None else read_stable(path, max_bytes)
    if data is None or hashlib.sha256(data).hexdigest() != document.content_hash:
        raise SourceError(
            "The file is gone, or it changed since it was indexed.",
            hint="Check for changes under Documents; what was indexed of it can be read as text.",
        )
    return data


def remove_unused(catalog: CatalogReader, content_hashes: Sequence[str]) -> None:
    """Delete kept uploads that no source refers to any more, hidden ones included."""
    with catalog.catalog.reading() as connection:
        unused = [
            content_hash
            for content_hash in content_hashes
            if connection.execute(
                "SELECT 1 FROM documents WHERE content_hash = ?1 AND origin = 'upload' UNION ALL"
                " SELECT 1 FROM removed_documents WHERE content_hash = ?1 AND origin = 'upload'",
                (content_hash,),
            ).fetchone()
            is None
        ]
    with translated(catalog.data):
        remove_durably(catalog.originals / content_hash for content_hash in unused)


def sweep(catalog: CatalogReader) -> None:
    """Delete kept uploads that a run left behind before it could publish them. Needs the ingest lock."""
    if catalog.originals.is_dir():
        with translated(catalog.data):
            names = [file.name for file in catalog.originals.iterdir() if _KEPT.fullmatch(file.name)]
        remove_unused(catalog, names)
