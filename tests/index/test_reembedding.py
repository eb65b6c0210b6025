"""A change of the embedding model: resumable, one commit, a way back, never two models in one index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.documents import ParsedDocument
from index.errors import EmbedderMismatchError, EmbeddingError, SourceError
from index.ingest import ingest_documents
from index.reembedding import discard_other_models, embed_anew, roll_back
from index.store import Store
from tests.fakes import WordCountEmbedder

OLD = WordCountEmbedder(["cats", "dogs"])
NEW = WordCountEmbedder(["birds", "fish", "river"])
TEXTS = {f"/{number}.txt": f"Cats and dogs and birds, number {number}." for number in range(300)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        add(opened, OLD, TEXTS)
        opened.write_checkpoint()
        yield opened


def add(store: Store, embedder: WordCountEmbedder, texts: dict[str, str]) -> None:
    ingest_documents(store, embedder, [(path, ParsedDocument(text=text)) for path, text in texts.items()])
    store.refresh()


def best(store: Store, embedder: WordCountEmbedder, query: str) -> float:
    [(_, cosine)] = store.snapshot().dense(embedder.encode_query(query), 1)
    return cosine


def test_another_model_is_refused_until_everything_is_embedded_with_it(store: Store) -> None:
    with pytest.raises(EmbedderMismatchError) as caught:
        store.require_embedder(NEW.fingerprint, NEW.name)
    assert "footnote rebuild --embedder" in caught.value.hint
    before = store.snapshot()
    told: list[tuple[int, int]] = []
    assert embed_anew(store, NEW, tell=lambda done, total: told.append((done, total)))
    assert told == [(128, 300), (256, 300), (300, 300)]
    assert store.snapshot().fingerprint == NEW.fingerprint
    assert before.fingerprint == OLD.fingerprint  # a request that runs keeps its vectors
    assert before.dense(OLD.encode_query("cats"), 1)[0][1] == pytest.approx(0.706, abs=0.01)
    assert best(store, NEW, "birds") == pytest.approx(1.0, abs=2e-3)
    assert store.check() == []
    store.require_embedder(NEW.fingerprint, NEW.name)


def test_it_goes_on_where_it_was_stopped_and_the_old_model_answers_meanwhile(store: Store) -> None:
    calls: list[int] = []

    class Counting(WordCountEmbedder):
        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            calls.append(len(texts))
            return super().encode(texts)

    counting = Counting(NEW.vocabulary)
    assert not embed_anew(store, counting, cancelled=lambda: bool(calls))
    assert best(store, OLD, "cats dogs") == pytest.approx(1.0, abs=1e-2)
    assert store.check() == []
    store.remove([store.documents()[0].doc_id])
    assert store.purge(undo_seconds=0)  # keeps what is under way
    add(store, OLD, {"/later.txt": "Fish in the river."})
    assert embed_anew(store, counting)
    assert sum(calls) == 301  # each text once, the one that was removed and the one that came included
    assert best(store, NEW, "fish river") == pytest.approx(1.0, abs=1e-2)
    assert store.check() == []


def test_the_way_back_is_one_commit(store: Store) -> None:
    embed_anew(store, NEW)
    generation = store.generation
    assert roll_back(store) == OLD.name
    assert store.generation == generation + 1
    assert store.snapshot().fingerprint == OLD.fingerprint
    assert best(store, OLD, "cats dogs") == pytest.approx(1.0, abs=1e-2)
    assert store.check() == []
    with Store.open(store.data) as fresh:
        assert best(fresh, OLD, "cats dogs") == pytest.approx(1.0, abs=1e-2)
    roll_back(store)
    assert store.snapshot().fingerprint == NEW.fingerprint


def test_the_way_back_is_refused_where_it_would_lose_documents(store: Store) -> None:
    with pytest.raises(SourceError, match="no earlier"):
        roll_back(store)
    embed_anew(store, NEW)
    add(store, NEW, {"/later.txt": "Fish in the river."})
    with pytest.raises(EmbedderMismatchError, match="1 passages were indexed since"):
        roll_back(store)
    assert embed_anew(store, OLD)
    assert best(store, OLD, "cats dogs") == pytest.approx(1.0, abs=1e-2)
    assert store.check() == []


def models(store: Store) -> dict[str, int]:
    """How many vectors are kept, by fingerprint."""
    with store.catalog.reading() as connection:
        return dict(
            connection.execute(
                "SELECT fingerprint, count(*) FROM embedders JOIN embeddings USING (embedder_id)"
                " GROUP BY fingerprint"
            ).fetchall()
        )


def test_discarding_ends_the_way_back(store: Store) -> None:
    embed_anew(store, NEW)
    discard_other_models(store)
    assert models(store) == {NEW.fingerprint: 300}
    with pytest.raises(SourceError):
        roll_back(store)
    assert store.check() == []


def test_a_purge_erases_vectors_of_every_model_and_keeps_the_way_back(store: Store) -> None:
    embed_anew(store, NEW)
    store.remove([store.documents()[0].doc_id])
    assert models(store) == {OLD.fingerprint: 300, NEW.fingerprint: 300}  # it can still be undone
    assert store.purge(undo_seconds=0)
    assert models(store) == {OLD.fingerprint: 299, NEW.fingerprint: 299}
    assert roll_back(store) == OLD.name
    assert store.check() == []


def test_one_model_is_kept_for_the_way_back(store: Store) -> None:
    embed_anew(store, NEW)
    third = WordCountEmbedder(["number"])
    embed_anew(store, third)
    assert models(store) == {NEW.fingerprint: 300, third.fingerprint: 300}
    assert store.check() == []


def test_what_was_removed_a_moment_ago_can_be_brought_back_after_the_change(store: Store) -> None:
    store.remove([row.doc_id for row in store.documents()[:3]])
    embed_anew(store, NEW)
    assert len(store.undo()) == 3
    assert store.snapshot().n_chunks == 300
    assert store.check() == []


def test_a_model_that_fails_leaves_the_old_one_answering(store: Store) -> None:
    class Broken(WordCountEmbedder):
        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return super().encode(texts) * 3

    with pytest.raises(EmbeddingError):
        embed_anew(store, Broken(NEW.vocabulary))
    assert store.snapshot().fingerprint == OLD.fingerprint
    assert store.check() == []


def test_whoever_has_the_model_before_keeps_its_last_snapshot_until_the_new_one_is_asked_with(
    store: Store,
) -> None:
    before = store.snapshot(OLD.fingerprint)
    embed_anew(store, NEW)
    assert store.snapshot().fingerprint == NEW.fingerprint
    assert store.snapshot(OLD.fingerprint) is before
    add(store, NEW, {"/later.txt": "Fish in the river."})
    assert store.snapshot(OLD.fingerprint) is before
    assert store.snapshot(NEW.fingerprint) is store.snapshot()
    assert store.snapshot(OLD.fingerprint) is store.snapshot()  # it is let go of
