"""Footnote's parts for chains of LangChain's: embeddings, a retriever, and a compressor that reranks.

Footnote itself does without them, since LangChain takes longer to import than a question to answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.callbacks import CallbackManagerForRetrieverRun, Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from index.embeddings import Embedder
from index.store import Store
from rag.answers import Passage
from rag.rerank import Reranker
from rag.retrieval import HybridRetriever


class PassageEmbeddings(Embeddings):
    """The embedding model: rows and vectors as lists of numbers."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One unit vector for each passage, in the order given."""
        rows: list[list[float]] = self.embedder.encode(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        """A unit vector to compare with those of passages."""
        row: list[float] = self.embedder.encode_query(text).tolist()
        return row


class PassageRetriever(BaseRetriever):
    """The ``k`` best passages for a query, as documents."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    retriever: HybridRetriever
    k: int = 6

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        del run_manager  # LangChain reports the run itself
        return [document_from_passage(passage) for passage in self.retriever.search(query, k=self.k)]


class ReaderCompressor(BaseDocumentCompressor):
    """Orders what :class:`PassageRetriever` found by how well it answers."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    reranker: Reranker
    store: Store  # what the passages were found in

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """The same documents, best first."""
        del callbacks  # LangChain reports the run itself
        passages = [passage_from_document(document) for document in documents]
        ranked = self.reranker.rank(query, passages, self.store.snapshot())
        return [document_from_passage(passage) for passage in ranked.passages]


def document_from_passage(passage: Passage) -> Document:
    """A passage as LangChain knows it; every field but the text is metadata."""
    return Document(
        page_content=passage.text,
        id=str(passage.chunk_id),
        metadata={
            "doc_id": passage.doc_id,
            "version_id": passage.version_id,
            "collection": passage.collection,
            "source": passage.path,
            "title": passage.title,
            "page": passage.page,
            "locator": passage.locator,
            "heading_path": list(passage.heading_path),
            "start": passage.start,
            "end": passage.end,
            "score": passage.score,
            "fused": passage.fused,
            "reader": passage.reader,
            "also_in": list(passage.also_in),
            "cosine": passage.cosine,
            "bm25": passage.bm25,
            "dense_rank": passage.dense_rank,
            "lexical_rank": passage.lexical_rank,
            "headings": [list(span) for span in passage.headings],
        },
    )


def passage_from_document(document: Document) -> Passage:
    """The passage in a document that :func:`document_from_passage` made; others raise ``KeyError``."""
    metadata = document.metadata
    return Passage(
        chunk_id=int(document.id or 0),
        doc_id=metadata["doc_id"],
        version_id=metadata["version_id"],
        collection=metadata["collection"],
        path=metadata["source"],
        title=metadata["title"],
        page=metadata["page"],
        locator=metadata["locator"],
        heading_path=tuple(metadata["heading_path"]),
        start=metadata["start"],
        end=metadata["end"],
        text=document.page_content,
        score=metadata["score"],
        fused=metadata["fused"],
        reader=metadata["reader"],
        also_in=tuple(metadata["also_in"]),
        cosine=metadata["cosine"],
        bm25=metadata["bm25"],
        dense_rank=metadata["dense_rank"],
        lexical_rank=metadata["lexical_rank"],
        headings=tuple((start, end) for start, end in metadata["headings"]),
    )
