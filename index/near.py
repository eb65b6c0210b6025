"""Finding the nearest without comparing a question with every number of every vector, for large indexes.

Beside the exact vectors stand short codes of them: a product quantizer [1] replaces each pair of numbers by
the nearest of 16 pairs, four bits, in an order in which a processor compares 32 codes at a time (FAISS's
"fast scan" [2]). A search goes through all codes, which is nine times as fast as going through the vectors,
and scores the best of what it finds exactly. How many that are is found out when the index is built: as many
as it takes to find what an exact search finds.

[1] Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", IEEE TPAMI 33 (2011).
[2] André, Kermarrec, Le Scouarnec, "Cache locality is not enough", PVLDB 9 (2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

# An exact search of so many takes 2 ms (one thread, 384 dimensions) and 35 to 80 ms of a million, where
# this one takes 4. Below, there is nothing to gain.
APPROXIMATE_FROM = 50_000

WANTED_RECALL = 0.99  # of the ten nearest, after scoring exactly
CANDIDATES = (8, 16, 32)  # so many times as many are scored exactly as are asked for: the fewest that do

_PAIR = 2  # numbers that one code stands for
_BITS = 4
_QUESTIONS = 200  # that the recall is measured with
_NEAREST = 10
_SAMPLES = 20_000  # for finding the pairs that codes stand for
_SEED = 7


Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Near:
    """An index that finds and then scores exactly, and the share of the ten nearest that it finds.

    ``codes`` is what ``index`` points to, beside the exact index; it must live as long.
    """

    index: Any  # faiss.IndexRefine
    codes: Any
    recall: float


def build_near(exact: Any, vectors: NDArray[np.float32]) -> Near | None:
    """Make codes of the vectors, and score as many candidates a search as it takes.

    Args:
        exact: The FAISS index that scores exactly; it holds ``vectors``, in this order.
        vectors: Unit rows, (n, dim) float32.

    Returns:
        None where codes do not tell the vectors apart well enough, or cannot be made: of an odd ``dim``, or
        of fewer vectors than there are codes.
    """
    count, dim = vectors.shape
    if dim % _PAIR or count < 2**_BITS:
        return None
    codes = faiss.IndexPQFastScan(dim, dim // _PAIR, _BITS, faiss.METRIC_INNER_PRODUCT)
    codes.pq.cp.seed = _SEED
    chosen = np.random.default_rng(_SEED)
    codes.train(vectors[np.sort(chosen.choice(count, min(count, _SAMPLES), replace=False))])
    codes.add(vectors)
    index = faiss.IndexRefine(codes, exact)
    asked = chosen.choice(count, min(count, _QUESTIONS), replace=False)
    _, wanted = exact.search(vectors[asked], _NEAREST + 1)
    for factor in CANDIDATES:
        index.k_factor = factor
        _, have = index.search(vectors[asked], _NEAREST + 1)
        recall = _recall(asked, wanted, have)
        if recall >= WANTED_RECALL:
            return Near(index, codes, recall)
    return None


def _recall(asked: Positions, wanted: Positions, have: Positions) -> float:
    """The share of the nearest that were found, without the vectors that were asked for themselves."""
    shares = []
    for question, nearest, found in zip(asked, wanted, have, strict=True):
        others = set(nearest.tolist()) - {int(question)}
        shares.append(len(others.intersection(found.tolist())) / len(others))
    return float(np.mean(shares))
