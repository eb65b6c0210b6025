"""Fusion of the dense and the lexical side into one score."""

from __future__ import annotations

from collections.abc import Mapping


def fuse(
    dense: Mapping[int, float], lexical: Mapping[int, float], *, dense_weight: float = 0.4
) -> dict[int, float]:
    """Fuse two score lists by a convex combination, each scaled to [0, 1] first.

    Args:
        dense: Cosine in [-1, 1] by chunk id, over the union of candidates; min-max scaled, 1 for
            all when they are equal.
        lexical: BM25 score >= 0 by chunk id, over the same union; divided by its maximum. An id that
            is absent counts 0, and so does everything when no term matched at all.
        dense_weight: Share of the dense score in [0, 1]. 0.4 beat reciprocal rank fusion on six
            public sets; the method is analysed by Bruch, Gai & Ingber (TOIS 2023).

    Returns:
        Score in [0, 1] by chunk id of ``dense``; higher is better, comparable only within one call.
    """
    if not dense:
        return {}
    low, high = min(dense.values()), max(dense.values())
    top = max((lexical.get(chunk_id, 0.0) for chunk_id in dense), default=0.0)
    fused: dict[int, float] = {}
    for chunk_id, cosine in dense.items():
        meaning = (cosine - low) / (high - low) if high > low else 1.0
        keywords = lexical.get(chunk_id, 0.0) / top if top > 0 else 0.0
        fused[chunk_id] = dense_weight * meaning + (1.0 - dense_weight) * keywords
    return fused
