"""The retriever: dense and lexical candidates of one snapshot, fused, as passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.analysis import QueryTerms, detect_language, query_terms
from index.embeddings import Embedder
from index.errors import EmbedderMismatchError
from index.scope import Scope
from index.snapshot import Snapshot
from index.store import ChunkRow, DocumentRow, Store
from rag.answers import Passage
from rag.asked import states
from rag.condense import Context
from rag.fusion import fuse
from rag.linked import BEHIND, linked_chunks

# More for a claim: its words are those of whoever makes it, and nothing is read afterwards to put them right.
# nDCG@10 of the 807 claims of SciFact: 0.735 with a weight of 0.4, 0.741 with 0.6, 0.742 with 0.65 and 0.7.
# Names and codes leave the language of a claim open; every fifth of these is such a one.
CLAIMED_DENSE_WEIGHT = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridRetriever:
    """Searches the store by meaning and by keywords. Safe to use from several threads."""

    store: Store
    embedder: Embedder
    candidates: int = 100  # taken from each of the two sides
    dense_weight: float = 0.4
    links: bool = True  # whether to look up what the query and the best passages name

    def search(
        self,
        query: str,
        *,
        k: int,
        snapshot: Snapshot | None = None,
        scope: Scope | None = None,
        context: Context | None = None,
    ) -> list[Passage]:
        """The ``k`` best passages for ``query``, best first; fewer when there are fewer.

        Args:
            snapshot: The generation to search, the newest by default. Passages of it that were
                removed meanwhile are left out.
            scope: Of that snapshot, to search nothing else; by default everything that is not disabled.
                A passage names a source inside it.
            context: Words of earlier turns. They are keywords only: ``query`` alone is embedded, because
                a text of both means neither.

        Raises:
            EmbedderMismatchError: The index was built with another embedding model.
            EmbeddingError: The embedding model failed.
        """
        snapshot = snapshot or self.store.snapshot(self.embedder.fingerprint)
        scope = scope or self.store.scope(None, snapshot)
        if not scope.n_chunks or k < 1:
            return []
        if snapshot.fingerprint != self.embedder.fingerprint:
            raise EmbedderMismatchError(
                f"The index was built with another embedding model than {self.embedder.name}.",
                hint="Re-index in the Documents view, or run `footnote rebuild --embedder`; or set"
                " embedding.model back.",
            )
        vector = self.embedder.encode_query(query)
        terms = query_terms(query, snapshot.languages)
        if context is not None:
            earlier = query_terms(context.text, snapshot.languages)
            terms = replace(terms, context=earlier, context_weight=context.weight)
        wanted = max(self.candidates, k)
        dense = snapshot.dense(vector, wanted, scope)
        lexical = snapshot.lexical(terms, wanted, scope)
        # Each side scores what only the other one found: a missing score is not a score of zero.
        union = list(dict.fromkeys([chunk_id for chunk_id, _ in dense + lexical]))
        cosines, keywords = dict(dense), dict(lexical)
        cosines |= snapshot.cosines(vector, [chunk_id for chunk_id in union if chunk_id not in cosines])
        keywords |= snapshot.bm25(terms, [chunk_id for chunk_id in union if chunk_id not in keywords])
        fused = fuse(cosines, keywords, dense_weight=self._dense_weight(query))
        dense_ranks = {chunk_id: rank for rank, (chunk_id, _) in enumerate(dense, 1)}
        lexical_ranks = {chunk_id: rank for rank, (chunk_id, _) in enumerate(lexical, 1)}

        passages: list[Passage] = []
        sources: dict[int, DocumentRow | None] = {}
        ranked = sorted(fused, key=lambda chunk_id: (-fused[chunk_id], chunk_id))
        while ranked and len(passages) < k:
            batch, ranked = ranked[:k], ranked[k:]
            chunks = self.store.chunks(batch)
            for chunk_id in batch:
                chunk = chunks.get(chunk_id)
                if chunk is None:  # removed after the snapshot was taken
                    continue
                if chunk.version_id not in sources:
                    sources[chunk.version_id] = _first_source(self.store.sources_of(chunk.version_id), scope)
                source = sources[chunk.version_id]
                if source is not None:
                    passages.append(
                        _passage(
                            chunk,
                            source,
                            score=fused[chunk_id],
                            cosine=cosines[chunk_id],
                            bm25=keywords.get(chunk_id, 0.0),
                            dense_rank=dense_ranks.get(chunk_id),
                            lexical_rank=lexical_ranks.get(chunk_id),
                            headings=self.store.headings_within(chunk.version_id, chunk.start, chunk.end),
                        )
                    )
        if self.links and len(passages) > BEHIND:
            passages = self._with_linked(query, passages, vector, terms, snapshot, scope)
        return passages[:k]

    def _dense_weight(self, query: str) -> float:
        claims = detect_language(query) in (None, "en") and states(query)
        return min(1.0, self.dense_weight + CLAIMED_DENSE_WEIGHT) if claims else self.dense_weight

    def _with_linked(
        self,
        query: str,
        passages: Sequence[Passage],
        vector: NDArray[np.float32],
        terms: QueryTerms,
        snapshot: Snapshot,
        scope: Scope,
    ) -> list[Passage]:
        """The passages with those about what the best of them name, right behind these."""
        linked = linked_chunks(query, passages, self.store, snapshot, scope)
        ids = [chunk.chunk_id for chunk, _ in linked]
        cosines, keywords = snapshot.cosines(vector, ids), snapshot.bm25(terms, ids)
        known = {passage.chunk_id: passage for passage in passages}
        # They stand where they are put and not where the query alone would, so they share that score.
        score = passages[BEHIND - 1].score
        moved: list[Passage] = []
        for chunk, source in linked:
            passage = known.get(chunk.chunk_id) or _passage(
                chunk,
                source,
                score=score,
                cosine=cosines.get(chunk.chunk_id, 0.0),
                bm25=keywords.get(chunk.chunk_id, 0.0),
                dense_rank=None,
                lexical_rank=None,
                headings=self.store.headings_within(chunk.version_id, chunk.start, chunk.end),
            )
            moved.append(replace(passage, score=score, fused=score))
        first = [passage for passage in passages[:BEHIND] if passage.chunk_id not in ids]
        rest = [passage for passage in passages[BEHIND:] if passage.chunk_id not in ids]
        return [*first, *moved, *rest]


def _first_source(sources: Sequence[DocumentRow], scope: Scope) -> DocumentRow | None:
    """The source to name for content that may lie under several paths: one that may answer."""
    return next((source for source in sources if scope.holds(source)), None)


def _passage(
    chunk: ChunkRow,
    source: DocumentRow,
    *,
    score: float,
    cosine: float,
    bm25: float,
    dense_rank: int | None,
    lexical_rank: int | None,
    headings: tuple[tuple[int, int], ...],
) -> Passage:
    return Passage(
        chunk_id=chunk.chunk_id,
        doc_id=source.doc_id,
        version_id=chunk.version_id,
        collection=source.collection,
        path=source.path,
        title=source.title,
        page=chunk.page,
        locator=chunk.locator,
        heading_path=chunk.heading_path,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        score=score,
        fused=score,
        cosine=cosine,
        bm25=bm25,
        dense_rank=dense_rank,
        lexical_rank=lexical_rank,
        headings=headings,
    )
