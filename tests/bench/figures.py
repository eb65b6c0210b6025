"""Figures that the benchmarks print: the middle and the slow end of what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median


def spread(values: Sequence[float]) -> dict[str, float]:
    """``median`` and ``p95``, in the unit of the values; both 0 without any."""
    if not values:
        return {"median": 0.0, "p95": 0.0}
    ranked = sorted(values)
    return {"median": median(ranked), "p95": ranked[int(0.95 * (len(ranked) - 1))]}
