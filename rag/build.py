"""Picks the concrete parts: the only file that knows which embedder, retriever and answerer are in use."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.chunker import ChunkLimits
    from index.embedders import StoredModel
    from index.embeddings import Embedder
    from index.errors import EmbeddingError
    from index.recognition import Recogniser
    from index.store import Store
    from rag.ask import Assistant
    from rag.reader.reading import Reader
    from rag.settings import Settings, Strictness

logger = logging.getLogger(__name__)

# Confidence below which there is no answer. Share of SQuAD 2's answerable, off-corpus and adversarial
# questions that are refused, read by readers that had not seen the article (``python -m
# tests.quality.folds``): strict 18, 99 and 57 %, balanced 10, 97 and 44 %, open 3, 91 and 25 %.
BARS: dict[Strictness, float] = {"strict": 0.42, "balanced": 0.26, "open": 0.08}


def build_embedder(settings: Settings) -> Embedder:
    """Load the embedding model of the settings (seconds: it imports torch).

    Raises:
        EmbeddingError: The model is missing or damaged, or would be fetched while ``privacy.offline`` is on.
    """
    from index.embeddings import load_embedder
    from index.errors import EmbeddingError
    from rag.offline import embedding_model_refusal

    message, hint = (
        embedding_model_refusal(settings.embedding.model) if settings.privacy.offline else ("", "")
    )
    if message:
        raise EmbeddingError(message, hint=hint)
    return load_embedder(
        settings.embedding.model,
        device=settings.embedding.device,
        batch_size=settings.embedding.batch_size,
        compiled=compiled_networks(settings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Which embedding model is to answer.

    ``wanted`` is the fingerprint of the one that the settings name, None when it cannot be loaded, for
    which ``problem`` is the reason. ``name`` is what to call it.
    """

    embedder: Embedder
    wanted: str | None
    name: str
    problem: EmbeddingError | None = None


def choose_embedder(
    settings: Settings,
    store: Store,
    loaded: Embedder | None = None,
    *,
    load: Callable[[Settings], Embedder] = build_embedder,
) -> ModelChoice:
    """The embedding model of the settings, or that of the index, while it is another one and can be loaded.

    Args:
        loaded: One that is loaded already.
        load: Loads the embedding model of some settings.

    Raises:
        EmbeddingError: Neither of them can be loaded.
    """
    from index.embeddings import source_of
    from index.errors import EmbeddingError

    index, source = store.model, source_of(settings.embedding.model)
    wanted: Embedder | None = None
    problem: EmbeddingError | None = None
    try:
        wanted = loaded if loaded is not None and loaded.source == source else load(settings)
    except EmbeddingError as exc:
        if index is None:
            raise
        problem = exc
    if wanted is not None and (index is None or wanted.fingerprint == index.fingerprint):
        return ModelChoice(embedder=wanted, wanted=wanted.fingerprint, name=wanted.name)
    answering = loaded
    if index is not None and (loaded is None or loaded.fingerprint != index.fingerprint):
        answering = None if index.source == source else _load_again(settings, index, load)
    answering = answering or wanted  # with which questions are refused, and what to do is said
    if answering is None:
        assert problem is not None
        raise problem
    return ModelChoice(
        embedder=answering,
        wanted=None if wanted is None else wanted.fingerprint,
        name=source if wanted is None else wanted.name,
        problem=problem,
    )


def _load_again(
    settings: Settings, model: StoredModel, load: Callable[[Settings], Embedder]
) -> Embedder | None:
    """The model that the index was made with; None when it is not there any more."""
    from index.errors import EmbeddingError

    if model.source is None:
        return None
    embedding = settings.embedding.model_copy(update={"model": model.source})
    try:
        embedder = load(settings.model_copy(update={"embedding": embedding}))
    except EmbeddingError as exc:
        logger.warning("the model of the index cannot be loaded: %s", exc)
        return None
    return embedder if embedder.fingerprint == model.fingerprint else None


def build_reader(settings: Settings) -> Reader:
    """Load the reader that ships.

    Raises:
        ReaderError: Its weights are missing or damaged.
        EmbeddingError: The package of the embedding model is.
    """
    from rag.reader.weights import load_reader

    return load_reader(compiled=compiled_networks(settings))


def compiled_networks(settings: Settings) -> Path | None:
    """Where networks are kept that are compiled for the CPU; None: torch is to run them."""
    if settings.embedding.runtime == "torch":
        return None
    return Path(settings.embedding.compiled) if settings.embedding.compiled else settings.data / "compiled"


def runtime_in_use(settings: Settings) -> str:
    """What runs the embedding model here, for people; a look that loads nothing."""
    from index.compiled import EMBEDDER, is_compiled

    cache = compiled_networks(settings)
    return "OpenVINO" if cache is not None and is_compiled(cache, EMBEDDER) else "torch"


def chunk_limits(settings: Settings) -> ChunkLimits:
    """How documents are cut, from the settings."""
    from index.chunker import ChunkLimits

    return ChunkLimits(
        tokens=settings.index.chunk_tokens,
        chars=settings.index.chunk_chars,
        overlap_sentences=settings.index.overlap_sentences,
    )


def build_recogniser(settings: Settings) -> Recogniser | None:
    """What reads pages that are pictures; None where Tesseract is not installed, or is not wanted.

    Raises:
        FootnoteError: The settings name a language that is not installed with it.
    """
    from index.recognition import find_recogniser

    return find_recogniser(settings.loaders.ocr_languages) if settings.loaders.ocr == "auto" else None


def build_assistant(
    settings: Settings, store: Store, embedder: Embedder | None = None, reader: Reader | None = None
) -> Assistant:
    """Assemble what answers questions over ``store``.

    No language model is loaded here: a configured one is loaded at the first question that needs it.

    Args:
        embedder: One that is loaded already, to share it with an ingest in the same process.
        reader: One that is loaded already; by default the one that ships, if the settings ask for it.

    Raises:
        EmbeddingError: The embedding model is missing or damaged.
        ReaderError: The reader's weights are missing or damaged.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="load-reader") as pool:  # beside the embedding model
        read = settings.retrieval.read > 0 and reader is None
        loading = pool.submit(build_reader, settings) if read else None
        embedder = embedder or build_embedder(settings)
        embedder.encode_query("first")  # prepares it for single questions, while the reader is loaded
        from index.compiled import processors
        from rag.ask import Assistant
        from rag.citations import CitationResolver
        from rag.evidence import EvidenceSelector
        from rag.llm import LanguageModel
        from rag.rerank import Reranker
        from rag.retrieval import HybridRetriever

        reader = reader if loading is None else loading.result()

    def model_of(name: str) -> LanguageModel:
        return LanguageModel(settings.generation.with_model(name), offline=settings.privacy.offline)

    return Assistant(
        store=store,
        retriever=HybridRetriever(
            store=store,
            embedder=embedder,
            candidates=settings.retrieval.candidates,
            dense_weight=settings.retrieval.dense_weight,
        ),
        reranker=Reranker(reader=reader, passages=settings.retrieval.read),
        selector=EvidenceSelector(embedder),
        resolver=CitationResolver(embedder),
        passages=settings.retrieval.passages,
        bar=BARS[settings.answer.strictness],
        sure=BARS["balanced"],
        at_once=processors() + 1,  # one looks something up on the disk meanwhile
        model=model_of(settings.generation.model) if settings.generation.model else None,
        others={name: model_of(name) for name in settings.generation.other_models},
    )
