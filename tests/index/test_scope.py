"""A search within chosen collections finds what brute force over their passages finds."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.analysis import query_terms
from index.errors import UnknownCollectionError, UnknownDocumentError
from index.lexical import FEW_IDS, ONE_BY_ONE, LexicalDocument, LexicalIndex, Marker
from index.scope import Scope
from index.store import Store
from index.vectors import Base, DenseIndex, Vectors, read_base, write_base
from tests.index.support import DIM, EMBEDDER, put, unit, vector_of

CATS = "Cats sleep on warm stones."
DOGS = "Dogs guard the old gate."
BIRDS = "Birds sing before sunrise."
FROGS = "Frogs wait for warm rain."


def found(store: Store, scope: Scope, sentence: str, k: int = 10) -> list[str]:
    ids = [chunk_id for chunk_id, _ in store.snapshot().dense(vector_of(sentence), k, scope)]
    rows = store.chunks(ids)
    return [rows[chunk_id].text for chunk_id in ids]


def found_by_words(store: Store, scope: Scope, query: str) -> list[str]:
    ids = [chunk_id for chunk_id, _ in store.snapshot().lexical(query_terms(query, ["en"]), 10, scope)]
    rows = store.chunks(ids)
    return [rows[chunk_id].text for chunk_id in ids]


def only(*names: str) -> frozenset[str]:
    return frozenset(names)


def test_only_the_chosen_collections_are_found(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        puts = [
            put("/a.txt", CATS),
            put("/b.txt", DOGS, FROGS, collection="B"),
            put("/c", BIRDS, collection="C"),
        ]
        store.publish(puts=puts, embedder=EMBEDDER)
        scope = store.scope(only("B"))
        assert sorted(found(store, scope, CATS)) == [DOGS, FROGS]
        assert found_by_words(store, scope, "warm cats") == [FROGS]
        assert (scope.n_chunks, scope.n_documents) == (2, 1)
        both = store.scope(only("B", "C"))
        assert sorted(found(store, both, CATS)) == [BIRDS, DOGS, FROGS]
        assert (both.n_chunks, both.n_documents) == (3, 2)


def test_content_under_two_paths_belongs_to_the_collections_of_both(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS), put("/b.txt", CATS, collection="B")], embedder=EMBEDDER)
        assert found(store, store.scope(only("B")), CATS) == [CATS]
        assert found(store, store.scope(only("Documents")), CATS) == [CATS]
        a, b = store.documents()
        assert (store.scope(only("B")).holds(a), store.scope(only("B")).holds(b)) == (True, False)
        store.remove([row.doc_id for row in store.documents("B")])
        with pytest.raises(UnknownCollectionError):
            store.scope(only("B"))


def test_what_is_disabled_is_outside_every_scope(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        disabled = replace(put("/a.txt", CATS), state="disabled")
        store.publish(puts=[disabled, put("/b.txt", DOGS)], embedder=EMBEDDER)
        for scope in (store.scope(), store.scope(only("Documents"))):
            assert found(store, scope, CATS) == [DOGS]
            assert found_by_words(store, scope, "cats or dogs") == [DOGS]
            assert (scope.n_chunks, scope.n_documents) == (1, 1)
        # A copy that is not disabled keeps the content answering.
        store.publish(puts=[put("/copy.txt", CATS)], embedder=EMBEDDER)
        store.refresh()
        assert found(store, store.scope(), CATS)[0] == CATS


def test_a_scope_follows_the_index_and_an_older_snapshot_keeps_its_own(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS), put("/b.txt", DOGS, collection="B")], embedder=EMBEDDER)
        before = store.snapshot()
        assert store.scope(only("B"), before).n_chunks == 1
        store.publish(puts=[put("/c.txt", BIRDS, collection="B")], embedder=EMBEDDER)
        assert store.scope(only("B"), before).n_chunks == 1
        store.refresh()
        assert sorted(found(store, store.scope(only("B")), CATS)) == [BIRDS, DOGS]


def test_a_collection_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with pytest.raises(UnknownCollectionError) as empty:
            store.scope(only("B"))
        assert empty.value.hint == "Nothing is indexed yet."
        store.publish(puts=[put("/a.txt", CATS), put("/b.txt", DOGS, collection="B")], embedder=EMBEDDER)
        with pytest.raises(UnknownCollectionError) as unknown:
            store.scope(only("B", "b"))
        assert str(unknown.value) == "There is no collection b."
        assert unknown.value.hint == "Collections are: B, Documents."
        with pytest.raises(UnknownCollectionError):
            store.scope(frozenset())


def test_single_documents_are_chosen_beside_collections(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        puts = [
            put("/a.txt", CATS),
            put("/b.txt", DOGS),
            put("/c.txt", BIRDS, collection="B"),
            put("/d.txt", FROGS, collection="C"),
        ]
        store.publish(puts=puts, embedder=EMBEDDER)
        ids = {row.name: row.doc_id for row in store.documents()}
        one = store.scope(documents=only(ids["b.txt"]))
        assert found(store, one, CATS) == [DOGS]
        assert found_by_words(store, one, "warm cats or dogs") == [DOGS]
        assert (one.n_chunks, one.n_documents, one.names) == (1, 1, ("b.txt",))
        both = store.scope(only("C"), documents=only(ids["a.txt"], ids["c.txt"]))
        assert sorted(found(store, both, CATS)) == [BIRDS, CATS, FROGS]
        assert (both.names, both.parts) == (("C", "c.txt", "a.txt"), only("B", "Documents"))
        assert [both.holds(row) for row in store.documents()] == [True, True, True, False]
        # The same collections with other documents are another scope, also in what is remembered.
        assert found(store, store.scope(only("C")), CATS) == [FROGS]


def test_outside_is_what_was_not_chosen_and_is_not_inside_too(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        disabled = replace(put("/d.txt", FROGS), state="disabled")
        puts = [put("/a.txt", CATS), put("/b.txt", DOGS), put("/c.txt", CATS, collection="B"), disabled]
        store.publish(puts=puts, embedder=EMBEDDER)
        ids = {row.name: row.doc_id for row in store.documents()}
        outside = store.scope(documents=only(ids["a.txt"]), outside=True)
        assert found(store, outside, CATS) == [DOGS]
        assert [row.name for row in store.documents() if outside.holds(row)] == ["c.txt", "b.txt"]
        assert store.scope(outside=True).n_chunks == 0


def test_a_chosen_document_that_is_gone_is_said(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS), put("/b.txt", DOGS)], embedder=EMBEDDER)
        ids = {row.name: row.doc_id for row in store.documents()}
        store.remove([ids["a.txt"]])
        with pytest.raises(UnknownDocumentError, match="A document that was selected cannot be found"):
            store.scope(documents=only(*ids.values()))
        with pytest.raises(UnknownDocumentError, match="No document is selected"):
            store.scope(documents=frozenset())
        assert store.scope(only("Documents"), documents=frozenset()).n_chunks == 1


def test_collections_count_the_documents_that_can_answer(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        failed = replace(put("/c.txt", BIRDS), version=None, content_hash=None, state="failed")
        disabled = replace(put("/d.txt", FROGS, collection="B"), state="disabled")
        store.publish(puts=[put("/a.txt", CATS), failed, disabled], embedder=EMBEDDER)
        assert [(row.name, row.documents) for row in store.collections()] == [("B", 0), ("Documents", 1)]


# -- against brute force ---------------------------------------------------------------------------


def dense_index(tmp_path: Path, count: int) -> tuple[DenseIndex, Vectors]:
    """Two thirds of the vectors in a base (a tenth of them removed), the rest in the delta."""
    vectors = np.stack([unit(seed) for seed in range(count)])
    ids = np.arange(1, count + 1, dtype=np.int64) * 3  # ids are not positions
    cut = 2 * count // 3
    written = write_base(tmp_path, 1, ids[:cut], vectors[:cut])
    base = read_base(tmp_path / written.name, sha256=written.sha256, count=cut, dim=DIM, generation=1)
    assert isinstance(base, Base)
    removed = ids[:cut:10]
    dense = DenseIndex(DIM, base=base, removed=removed, delta_ids=ids[cut:], delta=vectors[cut:])
    return dense, vectors


@pytest.mark.parametrize("share", [0.01, 0.2, 0.9])
def test_dense_search_in_a_part_is_exact_and_full(share: float, tmp_path: Path) -> None:
    count, k = 1200, 10
    dense, vectors = dense_index(tmp_path, count)
    live = dense.ids()
    chosen = np.sort(np.random.default_rng(7).choice(live, size=int(share * len(live)), replace=False))
    selection = dense.select(np.union1d(chosen, [1, 3, 10**9]))  # none of these three is live
    assert selection.ids.tolist() == chosen.tolist()
    for seed in range(5000, 5020):
        query = unit(seed)
        cosines = vectors[chosen // 3 - 1] @ query
        best = chosen[np.argsort(-cosines)][:k]
        got = dense.search(query, k, selection)
        assert len(got) == min(k, len(chosen))
        assert {chunk_id for chunk_id, _ in got} <= set(chosen.tolist())
        # The base holds halves: near ties may swap, so the scores are compared.
        assert [score for _, score in got] == pytest.approx(
            sorted(cosines.tolist(), reverse=True)[:k], abs=2e-3
        )
        assert len({chunk_id for chunk_id, _ in got} & set(best.tolist())) >= min(k, len(chosen)) - 1


def test_nothing_selected_finds_nothing(tmp_path: Path) -> None:
    dense, _ = dense_index(tmp_path, 60)
    assert dense.search(unit(1), 5, dense.select(np.empty(0, np.int64))) == []


@pytest.mark.parametrize("size", [7, ONE_BY_ONE + 1, FEW_IDS + 1])
def test_keyword_search_in_a_part_is_exact_and_full(size: int, tmp_path: Path) -> None:
    """Few ids are a filter, many are looked for down the ranking: both find what filtering all finds."""
    generator = random.Random(3)
    count = 3 * FEW_IDS
    vocabulary = [f"w{number}" for number in range(300)]
    index = LexicalIndex.recreate(tmp_path / "lexical")
    documents = (
        LexicalDocument(chunk_id=chunk_id, text=" ".join(generator.choices(vocabulary, k=12)), language=None)
        for chunk_id in range(1, count + 1)
    )
    marker = Marker(catalog_id="x", generation=1, passages=count)
    index.write(added=documents, removed=[], marker=marker, rebuild=True)
    searcher = index.searcher()
    # The last ones: what a search finds first among equals lies outside.
    ids = np.arange(count - size + 1, count + 1, dtype=np.int64)
    for k in (5, 200):
        for _ in range(10):
            query = query_terms(" ".join(generator.choices(vocabulary, k=3)), [])
            everything = [item for item in searcher.search(query, count) if item[0] in set(ids.tolist())]
            got = searcher.search_among(query, k, ids)
            assert len(got) == min(k, len(everything))
            assert [score for _, score in got] == pytest.approx([score for _, score in everything[:k]])
            assert {chunk_id for chunk_id, _ in got} <= {chunk_id for chunk_id, _ in everything}


def test_keyword_search_among_nothing_finds_nothing(tmp_path: Path) -> None:
    index = LexicalIndex.recreate(tmp_path / "lexical")
    assert index.searcher().search_among(query_terms("cats", []), 5, np.empty(0, np.int64)) == []
