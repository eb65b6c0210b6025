"""Finding the neighbourhood of a question without comparing it with everything, for large indexes.

The vectors are grouped around centres, eight bits a number (an inverted file, IVF-SQ8). A search compares the
question with the groups nearest to it only, and scores what it finds there exactly. How many groups that are
is found out when the index is built: as many as it takes to find what an exact search finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

# Beyond so many an exact search takes longer than a person should wait: 200,000 take 8 ms, a million 82 ms.
APPROXIMATE_FROM = 250_000

WANTED_RECALL = 0.98  # of the ten nearest, after scoring exactly
CANDIDATES = 4  # times as many are scored exactly as are asked for

_QUESTIONS = 200  # that the recall is measured with
_NEAREST = 10
_SAMPLES_A_GROUP = 40  # for finding the centres; FAISS asks for 39 at least
_ROUNDS = 8  # of k-means
_SEED = 7


Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Near:
    """An index that finds and then scores exactly, and the share of the ten nearest that it finds.

    ``parts`` are what ``index`` points to, beside the exact index; they must live as long.
    """

    index: Any  # faiss.IndexRefine
    parts: tuple[Any, ...]
    recall: float


def build_near(exact: Any, vectors: NDArray[np.float32]) -> Near | None:
    """Group the vectors, and look at as many groups a search as it takes.

    Args:
        exact: The FAISS index that scores exactly; it holds ``vectors``, in this order.
        vectors: Unit rows, (n, dim) float32.

    Returns:
        None where the vectors lie so evenly that half of the groups would have to be looked at.
    """
    count, dim = vectors.shape
    groups = max(1, int(2 * count**0.5))
    centres = faiss.IndexFlatIP(dim)
    found = faiss.IndexIVFScalarQuantizer(
        centres, dim, groups, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    found.cp.niter = _ROUNDS
    found.cp.seed = _SEED
    chosen = np.random.default_rng(_SEED)
    sample = chosen.choice(count, min(count, _SAMPLES_A_GROUP * groups), replace=False)
    found.train(vectors[np.sort(sample)])
    found.add(vectors)
    index = faiss.IndexRefine(found, exact)
    index.k_factor = CANDIDATES
    asked = chosen.choice(count, min(count, _QUESTIONS), replace=False)
    _, wanted = exact.search(vectors[asked], _NEAREST + 1)
    found.nprobe = 1
    while found.nprobe <= groups // 2:
        _, have = index.search(vectors[asked], _NEAREST + 1)
        recall = _recall(asked, wanted, have)
        if recall >= WANTED_RECALL:
            return Near(index, (found, centres), recall)
        found.nprobe *= 2
    return None


def _recall(asked: Positions, wanted: Positions, have: Positions) -> float:
    """The share of the nearest that were found, without the vectors that were asked for themselves."""
    shares = []
    for question, nearest, found in zip(asked, wanted, have, strict=True):
        others = set(nearest.tolist()) - {int(question)}
        shares.append(len(others.intersection(found.tolist())) / len(others))
    return float(np.mean(shares))
