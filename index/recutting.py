"""What it would cost to cut all documents anew, estimated from what is stored: nothing is read for it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from index.chunker import ChunkLimits
from index.reader import CatalogReader
from index.speed import passages_a_second

_CHARS_A_TOKEN = 4.5  # of English prose; a passage ends at whichever limit comes first


@dataclass(frozen=True, slots=True, kw_only=True)
class Recutting:
    """About what a change of the limits means. ``estimate`` is (least, most) in seconds; None: unknown."""

    documents: int  # that would be read again
    passages: int  # that there are now
    expected: int  # about how many there would be, and would be embedded
    estimate: tuple[float, float] | None


def recutting(catalog: CatalogReader, before: ChunkLimits, after: ChunkLimits, max_tokens: int) -> Recutting:
    """Estimate what reading everything again with other limits would cost.

    Args:
        before: The limits that the documents were cut with.
        after: Those that they would be cut with.
        max_tokens: How much the embedding model reads.
    """
    status = catalog.status()
    documents = sum(row.version_id is not None for row in catalog.documents())
    expected = math.ceil(status.passages * _size(before, max_tokens) / _size(after, max_tokens))
    speed = passages_a_second(catalog.catalog, status.fingerprint) if status.fingerprint else None
    return Recutting(
        documents=documents,
        passages=status.passages,
        expected=expected,
        estimate=None if speed is None else (expected / speed[1], expected / speed[0]),
    )


def _size(limits: ChunkLimits, max_tokens: int) -> float:
    return min(float(limits.within(max_tokens).tokens), limits.chars / _CHARS_A_TOKEN)
