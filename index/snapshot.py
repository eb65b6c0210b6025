"""What is served: one immutable generation of the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.analysis import QueryTerms
from index.lexical import LexicalSearcher
from index.scope import Scope, build_scope
from index.vectors import DenseIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One generation: dense and lexical search over exactly the same live chunks.

    A request takes one snapshot and keeps it from search to citation. ``languages`` are Snowball
    codes, the most frequent first, at most four. ``fingerprint`` is None while nothing is indexed.
    """

    generation: int
    fingerprint: str | None
    n_documents: int
    languages: tuple[str, ...]
    _dense: DenseIndex
    _lexical: LexicalSearcher

    @property
    def n_chunks(self) -> int:
        """Live chunks."""
        return len(self._dense)

    def dense(
        self, query: NDArray[np.float32], k: int, scope: Scope | None = None
    ) -> list[tuple[int, float]]:
        """The ``k`` nearest chunks to a unit vector (dim,), as ``(chunk_id, cosine)``, best first.

        Args:
            scope: Of this snapshot (:meth:`index.store.Store.scope`); None: every live chunk.
        """
        selection = None if scope is None else scope.selection
        return self._dense.search(query, k, selection) if self.n_chunks else []

    def lexical(self, query: QueryTerms, k: int, scope: Scope | None = None) -> list[tuple[int, float]]:
        """The ``k`` best chunks by BM25 as ``(chunk_id, score)``, best first; scores are positive.

        The scores are those of the whole index whatever the ``scope``: how rare a word is does not
        depend on what is selected.
        """
        if scope is None or scope.selection is None:
            found = self._lexical.search(query, k)
            live = self._dense.live([chunk_id for chunk_id, _ in found])
            return [item for item, lives in zip(found, live, strict=True) if lives]
        return self._lexical.search_among(query, k, scope.selection.ids)

    def scope(
        self,
        connection: sqlite3.Connection,
        collections: frozenset[str] | None,
        documents: frozenset[str] | None,
        *,
        outside: bool,
    ) -> Scope:
        """What of this snapshot was chosen, or was not, as the catalog says now."""
        return build_scope(
            connection,
            self._dense,
            collections=collections,
            documents=documents,
            outside=outside,
            n_documents=self.n_documents,
        )

    def cosines(self, query: NDArray[np.float32], chunk_ids: Sequence[int]) -> dict[int, float]:
        """The cosine of each live chunk with ``query``; others are absent."""
        return self._dense.cosines(query, chunk_ids)

    def bm25(self, query: QueryTerms, chunk_ids: Sequence[int]) -> dict[int, float]:
        """The BM25 score of each chunk, 0.0 where no term matches."""
        return self._lexical.scores(query, chunk_ids)

    def document_frequency(self, stem: str) -> int:
        """Chunks that hold this stem."""
        return self._lexical.document_frequency(stem)

    def is_live(self, chunk_id: int) -> bool:
        """Whether the chunk belongs to this generation."""
        return chunk_id in self._dense
