"""A small indexed corpus for the tests of rag: a real store, a predictable embedding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from index.documents import Heading, ParsedDocument
from index.ingest import ingest_documents
from index.store import Store
from rag.ask import Assistant
from rag.build import build_assistant
from rag.reader.reading import Reader
from rag.settings import Settings
from tests.fakes import WordCountEmbedder

# Every sentence of the corpus holds one of these words, so that none is near a question about other things.
VOCABULARY = (
    *("paris", "capital", "france", "lyon", "river", "seine"),
    *("rollo", "norse", "leader", "fealty"),
    *("warranty", "months", "battery"),
)

FRANCE = "Paris is the capital of France. The river Seine flows through Paris. Lyon is a large city too."
NORMANS = "Rollo was the leader of the Norse raiders. He swore fealty to Charles III in 911."
PHONE = "The warranty of the phone lasts 24 months. The battery is covered for 12 months only."
CORPUS = {"france.txt": FRANCE, "normans.txt": NORMANS, "phone.txt": PHONE}


def unread(settings: Settings) -> Settings:
    """The settings with the reader switched off."""
    return settings.model_copy(update={"retrieval": settings.retrieval.model_copy(update={"read": 0})})


def with_headings(*sections: tuple[str, str]) -> ParsedDocument:
    """A document of headings, each with the text under it."""
    text, headings = "", []
    for title, body in sections:
        headings.append(Heading(start=len(text), end=len(text) + len(title), level=1, title=title))
        text += f"{title}\n\n{body}\n\n"
    return ParsedDocument(text=text.rstrip(), headings=tuple(headings))


@contextmanager
def indexed(
    data: Path,
    texts: Mapping[str, str | ParsedDocument] = CORPUS,
    settings: Settings | None = None,
    reader: Reader | None = None,
) -> Iterator[tuple[Store, Assistant]]:
    """Index ``texts`` (by name) and give the store and an assistant over it, without a reader by default."""
    embedder = WordCountEmbedder(VOCABULARY)
    with Store.open(data) as store:
        items = [
            (name, text if isinstance(text, ParsedDocument) else ParsedDocument(text=text))
            for name, text in texts.items()
        ]
        ingest_documents(store, embedder, items)
        store.refresh()
        settings = settings or Settings(data=data)
        if reader is None:
            settings = unread(settings)
        assistant = build_assistant(settings, store, embedder, reader)
        try:
            yield store, assistant
        finally:
            assistant.close()
