"""The retriever and the reranker as LangChain takes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from langchain_core.embeddings import Embeddings

from rag.answers import Passage
from rag.langchain import (
    PassageEmbeddings,
    PassageRetriever,
    ReaderCompressor,
    document_from_passage,
    passage_from_document,
)
from rag.rerank import Reranker
from rag.retrieval import HybridRetriever
from tests.fakes import OverlapReader, WordCountEmbedder
from tests.rag.corpus import VOCABULARY, indexed


def test_the_embedding_model_gives_langchain_the_same_vectors() -> None:
    embedder = WordCountEmbedder(["cat", "dog"])
    embeddings = PassageEmbeddings(embedder)
    assert isinstance(embeddings, Embeddings)
    texts = ["a cat", "a dog and a cat"]
    assert embeddings.embed_documents(texts) == embedder.encode(texts).tolist()
    assert embeddings.embed_query("a cat") == embedder.encode_query("a cat").tolist()


def test_it_is_a_langchain_retriever(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, _):
        retriever = HybridRetriever(store=store, embedder=WordCountEmbedder(VOCABULARY))
        documents = PassageRetriever(retriever=retriever).invoke("warranty")
        passages = retriever.search("warranty", k=6)
    assert [passage_from_document(document) for document in documents] == passages
    assert documents[0].metadata["source"] == "phone.txt"


def test_the_reranker_is_a_langchain_compressor(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, _):
        retriever = HybridRetriever(store=store, embedder=WordCountEmbedder(VOCABULARY))
        documents = PassageRetriever(retriever=retriever).invoke("warranty")
        reranker = Reranker(reader=OverlapReader(), passages=8)
        query = "Which river flows through Paris?"
        compressor = ReaderCompressor(reranker=reranker, store=store)
        found = compressor.compress_documents(documents[::-1], query)
        passages = [passage_from_document(document) for document in documents[::-1]]
        wanted = reranker.rank(query, passages, store.snapshot())
    assert [passage_from_document(document) for document in found] == list(wanted.passages)
    assert sorted(each.id or "" for each in found) == sorted(each.id or "" for each in documents)


def test_a_passage_survives_the_way_through_langchain() -> None:
    passage = Passage(
        chunk_id=7, doc_id="d", version_id=3, collection="Documents", path="a/b.pdf", title="B", page=2,
        heading_path=("One", "Two"), start=10, end=15, text="hello", score=0.5, cosine=-0.1, bm25=2.0,
        dense_rank=None, lexical_rank=4, locator="p. iv",
    )  # fmt: skip
    assert passage_from_document(document_from_passage(passage)) == passage


def test_asking_needs_neither_langchain_nor_torch() -> None:
    """Both take longer to import than an answer takes to find."""
    code = (
        "import sys, rag.ask, rag.evidence, rag.rerank, rag.retrieval, rag.reader.weights, index.store,"
        " index.compiled_embeddings; heavy = {'langchain_core', 'langsmith', 'torch', 'transformers'};"
        " print(sorted(heavy & sys.modules.keys()))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "[]\n"
