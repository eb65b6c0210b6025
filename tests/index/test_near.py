"""A large base is searched in part: nearly all of the nearest are found, and what is selected always is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.near import WANTED_RECALL
from index.store import Store
from index.vectors import DenseIndex, read_base, write_base
from tests.index.support import EMBEDDER, put

DIM = 24
COUNT = 6_000
TOPICS = 40

Vectors = NDArray[np.float32]


def vectors_by_topic(count: int, seed: int, topics: int = TOPICS) -> Vectors:
    """Unit vectors around a few directions, as those of texts are."""
    directions = np.random.default_rng(1).normal(size=(topics, DIM))
    chance = np.random.default_rng(seed)
    found = directions[chance.integers(topics, size=count)] + 0.4 * chance.normal(size=(count, DIM))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return vectors_by_topic(COUNT, seed=2)


@pytest.fixture(scope="module")
def dense(vectors: Vectors, tmp_path_factory: pytest.TempPathFactory) -> DenseIndex:
    """A base that is searched in part, of which each tenth vector was removed."""
    folder = tmp_path_factory.mktemp("checkpoints")
    ids = np.arange(1, COUNT + 1, dtype=np.int64) * 3
    written = write_base(folder, 1, ids, vectors, approximate_from=COUNT)
    assert written.recall is not None
    assert WANTED_RECALL <= written.recall <= 1.0
    base = read_base(folder / written.name, sha256=written.sha256, count=COUNT, dim=DIM, generation=1)
    assert base is not None
    assert base.near is not None
    assert 0 < base.groups < 2 * COUNT**0.5 / 2
    nothing = np.empty(0, np.int64)
    return DenseIndex(
        DIM, base=base, removed=ids[::10], delta_ids=nothing, delta=np.empty((0, DIM), np.float32)
    )


def test_nearly_all_of_the_nearest_are_found_with_their_exact_scores(
    dense: DenseIndex, vectors: Vectors
) -> None:
    live = dense.ids()
    found = 0
    for query in vectors_by_topic(100, seed=3):
        cosines = vectors[live // 3 - 1] @ query
        nearest = live[np.argsort(-cosines, kind="stable")[:10]]
        got = dense.search(query, 10)
        found += len(set(nearest.tolist()) & {chunk_id for chunk_id, _ in got})
        assert len(got) == 10
        assert {chunk_id for chunk_id, _ in got} <= set(live.tolist())
        exact = dense.cosines(query, [chunk_id for chunk_id, _ in got])
        assert [score for _, score in got] == pytest.approx(list(exact.values()), abs=1e-4)
        assert [score for _, score in got] == sorted((score for _, score in got), reverse=True)
    assert found / 1000 >= WANTED_RECALL


def test_what_is_selected_is_found_wherever_it_lies(dense: DenseIndex, vectors: Vectors) -> None:
    chosen = np.sort(np.random.default_rng(4).choice(dense.ids(), size=15, replace=False))
    got = dense.search(vectors[0], 15, dense.select(chosen))
    assert {chunk_id for chunk_id, _ in got} == set(chosen.tolist())


def test_as_many_are_found_as_are_asked_for(dense: DenseIndex, vectors: Vectors) -> None:
    """More than lie in the groups that are looked at."""
    got = dense.search(vectors[0], len(dense))
    assert {chunk_id for chunk_id, _ in got} == set(dense.ids().tolist())


def test_vectors_without_neighbourhoods_are_searched_as_a_whole(tmp_path: Path) -> None:
    chance = np.random.default_rng(5).normal(size=(2_000, 256))
    even = np.asarray(chance / np.linalg.norm(chance, axis=1, keepdims=True), dtype=np.float32)
    written = write_base(tmp_path, 1, np.arange(1, 2_001, dtype=np.int64), even, approximate_from=1)
    assert written.recall is None


def test_the_status_says_what_is_found_and_a_restart_keeps_it(tmp_path: Path) -> None:
    sentences = [f"Sentence {number} of many." for number in range(300)]
    with Store.open(tmp_path, approximate_from=300) as store:
        store.publish(puts=[put("/a.txt", *sentences[:299])], embedder=EMBEDDER)
        store.write_checkpoint()
        assert store.status().recall is None
        store.publish(puts=[put("/b.txt", sentences[299])], embedder=EMBEDDER)
        store.write_checkpoint()
        recall = store.status().recall
        assert recall is not None
        assert recall >= WANTED_RECALL
        assert store.check() == []
    with Store.open(tmp_path) as store:
        assert store.status().recall == recall
        assert store.snapshot().n_chunks == 300
