"""A PDF in a data folder, and a message that cites it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from index.embeddings import Embedder
from index.ingest import ingest_paths, ingest_uploads
from index.parsing import Parser
from index.store import Store
from rag.answers import Answer, AnswerSentence, Citation
from tests.fakes import WordCountEmbedder
from tests.index.page_fixtures import MORE, STORY, flowing
from tests.ui.light_server import VOCABULARY
from tests.ui.test_chats import exchange
from ui.chats import Chats

NAME = "island.pdf"
STEPS = "Visitors may climb the 212 steps between May and September, at their own risk."


def island_pdf() -> bytes:
    """Four pages; :data:`STEPS` stands on each, and on two lines."""
    return flowing(*(f"{STORY} {MORE}" for _ in range(6)), size=13)


def add_upload(store: Store, path: Path, embedder: Embedder | None = None) -> str:
    """Index a file as an upload; returns its document's id."""
    with Parser() as parser:
        ingest_uploads(store, embedder or WordCountEmbedder(VOCABULARY), parser, [(path, path.name)])
    store.refresh()
    (row,) = [row for row in store.documents() if row.path == path.name]
    return row.doc_id


def add_file(store: Store, path: Path) -> str:
    """Index a file in its place; returns its document's id."""
    with Parser() as parser:
        ingest_paths(store, WordCountEmbedder(VOCABULARY), parser, [path], collection="Travel")
    store.refresh()
    (row,) = [row for row in store.documents() if row.path == str(path)]
    return row.doc_id


def cite(store: Store, chats: Chats, doc_id: str, *spans: tuple[int, int]) -> tuple[str, str]:
    """Write an answer with a citation of each span of a document; returns the ids of chat and message."""
    row = store.document(doc_id)
    assert row is not None
    assert row.version_id is not None
    text = store.text(row.version_id)
    assert text is not None
    citations = [
        Citation(
            marker=marker,
            doc_id=doc_id,
            version_id=row.version_id,
            collection=row.collection,
            path=row.path,
            title="",
            page=None,
            heading_path=(),
            start=start,
            end=end,
            quote=text[start:end],
            chunk_id=1,
            locator="",
        )
        for marker, (start, end) in enumerate(spans, 1)
    ]
    sentences: Sequence[AnswerSentence] = [
        AnswerSentence(text=each.quote, markers=(each.marker,), verdict="quoted") for each in citations
    ]
    answer = Answer(
        status="answered",
        question="How many steps are there?",
        query="How many steps are there?",
        sentences=tuple(sentences),
        citations=tuple(citations),
        passages=(),
        steps=(),
    )
    message = exchange(chats, answer)
    return message.chat_id, message.message_id


def places(store: Store, doc_id: str, words: str) -> list[tuple[int, int]]:
    """Every place of some words in a document."""
    row = store.document(doc_id)
    assert row is not None
    assert row.version_id is not None
    text = store.text(row.version_id) or ""
    found: list[tuple[int, int]] = []
    at = text.find(words)
    while at >= 0:
        found.append((at, at + len(words)))
        at = text.find(words, at + 1)
    return found
