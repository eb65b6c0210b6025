"""After a repair the store is sound: derived files are made anew, documents with lost parts are named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from index.analysis import query_terms
from index.store import Store
from tests.index.support import EMBEDDER, put, vector_of

CATS = "Cats sleep on warm stones."
DOGS = "Dogs guard the old gate."
BIRDS = "Birds sing before sunrise."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        opened.publish(puts=[put("/a.txt", CATS, DOGS), put("/b.txt", BIRDS)], embedder=EMBEDDER)
        opened.write_checkpoint()
        yield opened


@pytest.mark.parametrize(
    ("statement", "again"),
    [
        ("DELETE FROM embeddings", ["/a.txt", "/b.txt"]),
        ("UPDATE embeddings SET vector = x'0000'", ["/a.txt", "/b.txt"]),
        ("UPDATE chunks SET end = 10000 WHERE chunk_id = 1", ["/a.txt"]),
        ("UPDATE versions SET passages = 7 WHERE version_id = 2", ["/b.txt"]),
        ("DELETE FROM chunks WHERE chunk_id = 1", ["/a.txt"]),
        ("UPDATE documents SET state = 'odd'", []),
        ("UPDATE documents SET state = 'failed'", []),
        ("UPDATE documents SET version_id = NULL, state = 'failed'", []),
        ("UPDATE documents SET origin = 'upload'", []),
        ("INSERT INTO embeddings VALUES (x'00', 1, x'00')", []),
        ("UPDATE live_chunks SET n = n + 1", []),
    ],
)
def test_a_broken_catalog_is_sound_after_a_repair(store: Store, statement: str, again: list[str]) -> None:
    paths = {row.doc_id: row.path for row in store.documents()}
    with store.catalog.writing() as connection:
        connection.execute(statement)
    assert store.check() != []
    repaired = store.repair()
    assert repaired.left == ()
    assert repaired.done != ()
    assert sorted(paths[doc_id] for doc_id in repaired.again) == again
    assert store.check() == []
    # Indexed again, everything is as it was, under the same ids of documents.
    store.publish(puts=[put("/a.txt", CATS, DOGS), put("/b.txt", BIRDS)], embedder=EMBEDDER)
    store.refresh()
    assert {row.doc_id: row.path for row in store.documents()} == paths
    found = [chunk_id for chunk_id, _ in store.snapshot().dense(vector_of(CATS), 1)]
    assert store.chunks(found)[found[0]].text == CATS
    assert store.check() == []


@pytest.mark.parametrize("lost", ["checkpoints", "lexical"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_broken_derived_files_are_made_anew(tmp_path: Path, store: Store, lost: str, damage: str) -> None:
    if damage == "missing":
        shutil.rmtree(tmp_path / lost)
    else:
        for file in (tmp_path / lost).iterdir():
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with Store.open(tmp_path) as opened:
        repaired = opened.repair()
        assert (repaired.left, repaired.again) == ((), ())
        assert opened.check() == []
        ids = [chunk_id for chunk_id, _ in opened.snapshot().lexical(query_terms("dogs", ["en"]), 5)]
        assert [opened.chunks(ids)[chunk_id].text for chunk_id in ids] == [DOGS]


def test_a_lexical_index_that_lost_chunks_is_found_and_built_anew(store: Store) -> None:
    with store.catalog.writing() as connection:
        connection.execute("UPDATE chunks SET chunk_id = 99 WHERE chunk_id = 3")
    assert any("lexical index" in line for line in store.check())
    repaired = store.repair()
    assert "The lexical index was built anew." in repaired.done
    assert repaired.left == ()


def test_a_lost_upload_still_answers_and_is_named(store: Store) -> None:
    store.publish(puts=[replace(put("up.txt", CATS), origin="upload")], embedder=EMBEDDER)
    assert any("original" in line for line in store.check())
    repaired = store.repair()
    assert repaired.left == ()
    [row] = [row for row in store.documents() if row.path == "up.txt"]
    assert (row.state, row.reason) == ("partial", "The uploaded file is lost; its text is still there.")
    assert row.version_id is not None
    assert store.text(row.version_id) == CATS


def test_a_sound_store_needs_no_repair(store: Store) -> None:
    generation = store.generation
    repaired = store.repair()
    assert (repaired.done, repaired.again, repaired.left) == ((), (), ())
    assert store.generation == generation


def test_a_rebuild_gives_the_same_answers(store: Store) -> None:
    query = vector_of("a question")
    before = store.snapshot().dense(query, 5), store.snapshot().lexical(query_terms("cats", ["en"]), 5)
    store.rebuild()
    with Store.open(store.data) as again:
        after = again.snapshot().dense(query, 5), again.snapshot().lexical(query_terms("cats", ["en"]), 5)
        assert dict(after[0]) == pytest.approx(dict(before[0]), abs=2e-3)
        assert after[1] == before[1]
        assert again.check() == []
