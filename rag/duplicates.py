"""Near-identical passages count once: the best one stays and names the others' documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from index.analysis import words
from rag.answers import Passage

_RUN = 4  # words; two texts share a run only where they say the same
NEARLY_THE_SAME = 0.8  # Jaccard similarity of the sets of runs (Broder 1997)


def fold_duplicates(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """The passages without those that nearly repeat an earlier one, in the same order.

    Args:
        passages: Best first; the first of several stays, with the others as its ``twins``, and their
            documents named in ``also_in``.
    """
    kept: list[Passage] = []
    runs_of: list[frozenset[tuple[str, ...]]] = []
    for passage in passages:
        runs = _runs(passage.text)
        for at, (earlier, its_runs) in enumerate(zip(kept, runs_of, strict=True)):
            if _similarity(runs, its_runs) >= NEARLY_THE_SAME:
                # A text may repeat itself within one document; that names no other one.
                if passage.doc_id != earlier.doc_id and passage.name not in earlier.also_in:
                    kept[at] = replace(
                        earlier,
                        also_in=(*earlier.also_in, passage.name),
                        twins=(*earlier.twins, passage),
                    )
                break
        else:
            kept.append(passage)
            runs_of.append(runs)
    return tuple(kept)


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    spelled = [word for word, _, _ in words(text)]
    return frozenset(tuple(spelled[at : at + _RUN]) for at in range(max(1, len(spelled) - _RUN + 1)))


def _similarity(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    shorter, longer = sorted((len(one), len(other)))
    if not longer or shorter < NEARLY_THE_SAME * longer:  # cannot reach it
        return 0.0
    return len(one & other) / len(one | other)
