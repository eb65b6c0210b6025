"""A large base is searched by codes: nearly all of the nearest are found, and what is selected always is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import faiss
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
    """A base that is searched by codes, of which each tenth vector was removed."""
    folder = tmp_path_factory.mktemp("checkpoints")
    ids = np.arange(1, COUNT + 1, dtype=np.int64) * 3
    written = write_base(folder, 1, ids, vectors, approximate_from=COUNT)
    assert written.recall is not None
    assert WANTED_RECALL <= written.recall <= 1.0
    base = read_base(folder / written.name, sha256=written.sha256, count=COUNT, dim=DIM, generation=1)
    assert base is not None
    assert base.near is not None
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
    """More than are scored exactly."""
    got = dense.search(vectors[0], len(dense))
    assert {chunk_id for chunk_id, _ in got} == set(dense.ids().tolist())


def test_what_is_nearest_is_found_when_most_of_what_is_near_was_removed(
    vectors: Vectors, tmp_path: Path
) -> None:
    """The codes know nothing of what was removed."""
    ids = np.arange(COUNT, dtype=np.int64)
    written = write_base(tmp_path, 1, ids, vectors, approximate_from=COUNT)
    base = read_base(tmp_path / written.name, sha256=written.sha256, count=COUNT, dim=DIM, generation=1)
    query = vectors[0]
    order = np.argsort(-(vectors @ query), kind="stable")
    nothing = np.empty(0, np.int64)
    for gone in (order[:5], order[:15], order[:500]):
        dense = DenseIndex(
            DIM, base=base, removed=gone, delta_ids=nothing, delta=np.empty((0, DIM), np.float32)
        )
        got = {chunk_id for chunk_id, _ in dense.search(query, 10)}
        assert len(got & set(order[len(gone) : len(gone) + 10].tolist())) >= 9


@pytest.mark.parametrize(
    ("count", "dim", "spread"),
    [(2_000, 64, 1e-6), (2_000, 63, 1.0), (12, 64, 1.0)],
    ids=["too near to each other", "an odd dimension", "fewer than codes"],
)
def test_vectors_that_codes_cannot_tell_apart_are_searched_as_they_are(
    count: int, dim: int, spread: float, tmp_path: Path
) -> None:
    chance = np.random.default_rng(5).normal(size=(count, dim))
    chance[:, 1:] *= spread
    chance[:, 0] = 1 / spread
    even = np.asarray(chance / np.linalg.norm(chance, axis=1, keepdims=True), dtype=np.float32)
    written = write_base(tmp_path, 1, np.arange(1, count + 1, dtype=np.int64), even, approximate_from=1)
    assert written.recall is None


def test_vectors_in_no_order_are_told_apart_too(tmp_path: Path) -> None:
    """Those that lie evenly in all directions: the hardest there are, and not those of texts."""
    chance = np.random.default_rng(5).normal(size=(20_000, 256))
    even = np.asarray(chance / np.linalg.norm(chance, axis=1, keepdims=True), dtype=np.float32)
    written = write_base(tmp_path, 1, np.arange(1, 20_001, dtype=np.int64), even, approximate_from=1)
    assert written.recall is not None
    assert written.recall >= WANTED_RECALL


def test_a_checkpoint_of_an_earlier_version_is_searched_as_it_is(vectors: Vectors, tmp_path: Path) -> None:
    """It holds groups around centres (IVF) where there are codes now, and says itself how many to look at."""
    ids = np.arange(1, COUNT + 1, dtype=np.int64)
    exact = faiss.IndexScalarQuantizer(DIM, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    mapped = faiss.IndexIDMap(exact)
    mapped.add_with_ids(vectors, ids)
    centres = faiss.IndexFlatIP(DIM)
    grouped = faiss.IndexIVFScalarQuantizer(
        centres, DIM, TOPICS, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    grouped.train(vectors)
    grouped.add(vectors)
    grouped.nprobe = 8
    refined = faiss.IndexRefine(grouped, exact)
    refined.k_factor = 4
    mapped.index = refined
    payload = faiss.serialize_index(mapped).tobytes()
    (tmp_path / "base-1.faiss").write_bytes(payload)
    sha256 = hashlib.sha256(payload).hexdigest()
    base = read_base(tmp_path / "base-1.faiss", sha256=sha256, count=COUNT, dim=DIM, generation=1)
    assert base is not None
    assert base.near is not None
    nothing = np.empty(0, np.int64)
    dense = DenseIndex(
        DIM, base=base, removed=ids[:1], delta_ids=nothing, delta=np.empty((0, DIM), np.float32)
    )
    got = dense.search(vectors[1], 10)
    assert len(got) == 10
    assert got[0][0] == 2
    assert got[0][1] == pytest.approx(1.0, abs=1e-3)


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
