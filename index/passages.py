"""From a file to the passages that are embedded: what a run stores and a plan counts."""

from __future__ import annotations

from dataclasses import dataclass

from index.chunker import ChunkLimits, split
from index.decisions import Decision
from index.documents import ChunkSpan, ParsedDocument, embedded_hash
from index.embeddings import Embedder
from index.errors import DocumentError
from index.file_bytes import hash_file, unreadable
from index.parsing import ParsedFile, Parser
from index.recognition import Recognition

READ_ATTEMPTS = 3
MAX_CHUNKS = 20_000


@dataclass(frozen=True, slots=True)
class Passages:
    """The chunks of a document, what the embedding model reads of each, and the keys of these texts."""

    chunks: tuple[ChunkSpan, ...]
    texts: tuple[str, ...]
    text_hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read and cut, on its way into the index."""

    decision: Decision
    parsed: ParsedFile
    passages: Passages


def read_file(parser: Parser, decision: Decision, recognition: Recognition | None = None) -> ParsedFile:
    """Parse a file; one that changes while it is read is read again, at most three times.

    Raises:
        DocumentError: It cannot be read, or keeps changing.
        RecognitionStopped: ``recognition`` was told to stop.
    """
    content_hash = decision.content_hash
    try:
        for _ in range(READ_ATTEMPTS):
            parsed = parser.parse(decision.file, name=decision.target.name, recognition=recognition)
            if parsed.content_hash == content_hash:
                return parsed
            content_hash = hash_file(decision.file)
            if parsed.content_hash == content_hash:
                return parsed
    except OSError as exc:
        raise unreadable(exc) from exc
    raise changed_while_reading()


def changed_while_reading() -> DocumentError:
    """The error for a file that is not the same twice in a row."""
    return DocumentError(
        "changed_while_reading",
        "The file kept changing while it was read.",
        hint="Index it again when the program that writes it is done.",
    )


def cut(document: ParsedDocument, embedder: Embedder, limits: ChunkLimits) -> Passages:
    """Split a document for an embedding model.

    Raises:
        DocumentError: It has no text, or too much.
    """
    chunks = tuple(split(document, token_spans=embedder.token_spans, limits=limits))
    if not chunks:
        raise DocumentError(
            "no_text",
            "There is no text in this file.",
            hint="If it is a scan, run text recognition on it first.",
        )
    if len(chunks) > MAX_CHUNKS:
        raise DocumentError(
            "too_large",
            f"The file makes {len(chunks):,} passages; the limit is {MAX_CHUNKS:,}.",
            hint="Split the file into smaller ones.",
        )
    texts = tuple(chunk.embedded_text(document.text) for chunk in chunks)
    return Passages(chunks, texts, tuple(embedded_hash(text) for text in texts))
