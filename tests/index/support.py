"""Small, predictable versions and stores for the tests of index/."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.changes import EmbedderIdentity, NewVersion, PutDocument
from index.documents import ChunkSpan, ParsedDocument
from index.health import health_of

DIM = 8
EMBEDDER = EmbedderIdentity(fingerprint="test-embedder", name="test", dim=DIM)


def unit(seed: int) -> NDArray[np.float32]:
    """A unit vector that depends on ``seed`` only."""
    vector = np.random.default_rng(seed).normal(size=DIM).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def version(*sentences: str) -> NewVersion:
    """A version with one chunk a sentence; the vector of a chunk follows from its text."""
    text = "\n".join(sentences)
    chunks, start = [], 0
    for sentence in sentences:
        chunks.append(ChunkSpan(start=start, end=start + len(sentence)))
        start += len(sentence) + 1
    hashes = tuple(hashlib.sha256(sentence.encode()).digest() for sentence in sentences)
    return NewVersion(
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        recipe="test",
        document=ParsedDocument(text=text),
        health=health_of(ParsedDocument(text=text)),
        language="en",
        chunks=tuple(chunks),
        text_hashes=hashes,
        vectors=np.stack([vector_of(sentence) for sentence in sentences]),
    )


def vector_of(sentence: str) -> NDArray[np.float32]:
    """The vector that :func:`version` gives to a sentence."""
    return unit(int.from_bytes(hashlib.sha256(sentence.encode()).digest()[:4], "big"))


def put(path: str, *sentences: str, collection: str = "Documents") -> PutDocument:
    """A source with one passage a sentence."""
    made = version(*sentences)
    return PutDocument(
        collection=collection,
        path=path,
        origin="folder",
        content_hash=made.content_hash,
        size=len(made.document.text),
        version=made,
    )


def files_with(folder: Path, *needles: str) -> list[str]:
    """Names of the files below ``folder`` that hold any of these words, forwards or backwards."""
    wanted = [text.encode() for needle in needles for text in (needle, needle[::-1])]
    found = []
    for path in folder.rglob("*"):
        try:
            held = path.read_bytes().lower() if path.is_file() else b""
        except FileNotFoundError:  # whoever uses the folder meanwhile has deleted it
            continue
        if any(each in held for each in wanted):
            found.append(str(path.relative_to(folder)))
    return found
