"""Serves the real page over three small collections, with word counts for an embedding: no model loads.

python -m tests.ui.light_server DATA PORT
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import uvicorn

from index.documents import ParsedDocument
from index.ingest import ingest_documents
from index.store import Store
from rag.settings import Settings, load_settings
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import unread, with_headings
from ui.desk import Desk
from ui.indexing import Request
from ui.planning import PlanSummary
from ui.server import create_app

VOCABULARY = (
    "garden",
    "pump",
    "pressure",
    "bar",
    "cleaning",
    "cleaned",
    "water",
    "roses",
    "flower",
    "border",
)
HOSTILE_HEADING = "<img src=x onerror=window.pwned=1> cleaning of the pump"
COLLECTIONS: Mapping[str, Mapping[str, ParsedDocument]] = {
    "Letters": {
        "letter.txt": ParsedDocument(text="Dear Ann, the roses are in flower this week."),
        "border.txt": ParsedDocument(text="The border of roses is in flower too."),
    },
    "Manuals": {
        "pump.pdf": with_headings(
            ("1. Pressure of the pump", "The garden pump reaches a pressure of 47 bar."),
            (f"2.1 {HOSTILE_HEADING}", "The garden pump is cleaned with water after cleaning of the bar."),
        )
    },
    "<b>Notes</b>": {"note.txt": ParsedDocument(text="Water the roses.")},
}


class NothingToIndex:
    """Stands in for the indexing process: everything is indexed already."""

    pending = 0
    planned: PlanSummary | None = None

    def submit(self, request: Request) -> None:
        raise AssertionError("nothing is indexed here")

    def close(self) -> None:
        pass


def embedder_of(settings: Settings) -> WordCountEmbedder:
    """Another one for another name in the settings."""
    embedder = WordCountEmbedder([word for word in (*VOCABULARY, settings.embedding.model) if word])
    embedder.name = settings.embedding.model or embedder.name
    return embedder


def main(data: Path, port: int) -> None:
    embedder = WordCountEmbedder(VOCABULARY)
    with Store.open(data) as store:
        for name, documents in COLLECTIONS.items():
            ingest_documents(store, embedder, documents.items(), collection=name)
    settings = unread(load_settings({"data": data}))
    desk = Desk(settings, indexer=NothingToIndex(), load_embedder=embedder_of)
    desk.chats.set_note("samples", "removed")  # they would come with the first start
    desk.answering.load()
    desk.looking.start()  # of what starts with the page, only this one acts where nothing is indexed
    uvicorn.run(create_app(settings, desk=desk), port=port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
