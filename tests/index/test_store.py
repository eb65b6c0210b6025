"""The store: what is published is found, what is removed is gone, and derived files can be lost."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from index.analysis import query_terms
from index.backup import write_backup
from index.catalog import FILE_NAME, SCHEMA_VERSION
from index.changes import EmbedderIdentity
from index.documents import Locator
from index.errors import (
    BusyError,
    DamagedError,
    EmbedderMismatchError,
    EmbeddingError,
    NewerDatabaseError,
    SourceError,
    StaleVersionError,
    StorageError,
)
from index.store import Store
from tests.index.support import DIM, EMBEDDER, put, vector_of, version

CATS = "Cats sleep on warm stones."
DOGS = "Dogs guard the old gate."
BIRDS = "Birds sing before sunrise."


def texts(store: Store, ids: list[int]) -> list[str]:
    rows = store.chunks(ids)
    return [rows[chunk_id].text for chunk_id in ids if chunk_id in rows]


def lexical(store: Store, query: str) -> list[str]:
    found = store.snapshot().lexical(query_terms(query, ["en"]), 10)
    return texts(store, [chunk_id for chunk_id, _ in found])


def dense(store: Store, sentence: str, k: int = 1) -> list[str]:
    found = store.snapshot().dense(vector_of(sentence), k)
    return texts(store, [chunk_id for chunk_id, _ in found])


def test_what_is_published_is_found_by_both_searches(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert store.publish(puts=[put("/a.txt", CATS, DOGS)], embedder=EMBEDDER) == 1
        assert store.refresh()
        assert dense(store, DOGS) == [DOGS]
        assert lexical(store, "sleeping cat") == [CATS]
        assert store.check() == []
        assert [(row.path, row.state, row.passages) for row in store.documents()] == [("/a.txt", "ready", 2)]


def test_an_empty_store_answers_nothing_and_is_sound(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert store.snapshot().n_chunks == 0
        assert store.snapshot().dense(vector_of(CATS), 5) == []
        assert lexical(store, "cats") == []
        assert store.check() == []
        assert store.fingerprint is None


def test_opening_without_an_index_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        Store.open(tmp_path / "nowhere", create=False)
    assert "footnote index" in caught.value.hint
    assert not (tmp_path / "nowhere").exists()


def test_requirement_11_a_removed_document_is_gone_from_search_text_and_file(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS), put("/b.txt", DOGS)], embedder=EMBEDDER)
        row = store.documents()[0]
        assert row.version_id is not None
        store.remove([row.doc_id])
        store.purge(undo_seconds=0)
        assert dense(store, CATS) == [DOGS]
        assert lexical(store, "cats") == []
        assert store.text(row.version_id) is None
        assert store.check() == []
    assert CATS.encode() not in (tmp_path / "catalog.sqlite").read_bytes()


def test_requirement_06_a_snapshot_stays_as_it_was_while_the_store_moves_on(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        before = store.snapshot()
        store.publish(puts=[put("/b.txt", DOGS)], removals=[store.documents()[0].doc_id], embedder=EMBEDDER)
        store.refresh()
        assert before.n_chunks == 1
        assert [score > 0.99 for _, score in before.dense(vector_of(CATS), 1)] == [True]
        assert before.lexical(query_terms("dogs", ["en"]), 5) == []
        assert dense(store, CATS) == [DOGS]


def test_changed_content_replaces_the_old_and_keeps_the_document_id(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS, DOGS)], embedder=EMBEDDER)
        first = store.documents()[0]
        store.publish(puts=[put("/a.txt", CATS, BIRDS)], embedder=EMBEDDER)
        store.refresh()
        second = store.documents()[0]
        assert second.doc_id == first.doc_id
        assert second.version_id != first.version_id
        assert lexical(store, "dogs") == []
        assert lexical(store, "birds") == [BIRDS]
        assert store.check() == []


def test_requirement_10_the_same_content_under_two_paths_is_stored_once(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS), put("/b.txt", CATS)], embedder=EMBEDDER)
        store.refresh()
        assert store.snapshot().n_chunks == 1
        one, two = store.documents()
        assert one.version_id == two.version_id
        assert one.version_id is not None
        assert [row.path for row in store.sources_of(one.version_id)] == ["/a.txt", "/b.txt"]
        store.remove([one.doc_id])
        assert lexical(store, "cats") == [CATS]
        assert store.check() == []


def test_an_id_is_never_used_twice(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        first = store.snapshot().dense(vector_of(CATS), 1)[0][0]
        store.remove([store.documents()[0].doc_id])
        store.purge(undo_seconds=0)
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        store.refresh()
        assert store.snapshot().dense(vector_of(CATS), 1)[0][0] > first


def test_known_vectors_need_no_embedding_and_unused_ones_are_dropped(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        made = version(CATS, DOGS)
        store.publish(puts=[put("/a.txt", CATS, DOGS)], embedder=EMBEDDER)
        known = store.known_vectors(made.text_hashes, EMBEDDER.fingerprint)
        assert np.allclose(known[made.text_hashes[1]], vector_of(DOGS))
        assert store.known_vectors(made.text_hashes, "another") == {}
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        assert list(store.known_vectors(made.text_hashes, EMBEDDER.fingerprint)) == [made.text_hashes[0]]


@pytest.mark.parametrize("lost", ["lexical", "checkpoints", "lexical/meta.json"])
def test_requirement_01_derived_files_can_be_lost_at_any_time(tmp_path: Path, lost: str) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS, DOGS, BIRDS)], embedder=EMBEDDER)
        store.write_checkpoint()
    target = tmp_path / lost
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
    with Store.open(tmp_path) as store:
        assert dense(store, BIRDS) == [BIRDS]
        assert lexical(store, "dogs") == [DOGS]
        assert [line for line in store.check() if "checkpoint" not in line] == []


def test_requirement_05_a_damaged_checkpoint_never_answers(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS, DOGS, BIRDS)], embedder=EMBEDDER)
        store.write_checkpoint()
    file = next((tmp_path / "checkpoints").iterdir())
    original = file.read_bytes()
    for position in range(0, len(original), max(1, len(original) // 40)):
        damaged = bytearray(original)
        damaged[position] ^= 0x10
        file.write_bytes(bytes(damaged))
        with Store.open(tmp_path) as store:
            assert dense(store, BIRDS) == [BIRDS]
            assert any("damaged" in line for line in store.check())


def test_base_delta_and_removed_answer_like_one_flat_index(tmp_path: Path) -> None:
    sentences = [f"Sentence number {number} about nothing." for number in range(60)]
    with Store.open(tmp_path) as store:
        for start in (0, 20, 40):
            store.publish(
                puts=[put(f"/{i}.txt", sentences[i]) for i in range(start, start + 20)], embedder=EMBEDDER
            )
            if start == 20:
                store.write_checkpoint()
        gone = [store.find("Documents", f"/{i}.txt") for i in (3, 25, 55)]
        store.remove([row.doc_id for row in gone if row is not None])
        status = store.status()
        assert (status.base_vectors, status.delta_vectors, status.removed_vectors) == (40, 19, 3)
        left = [s for i, s in enumerate(sentences) if i not in (3, 25, 55)]
        query = vector_of("a question")
        expected = sorted(left, key=lambda s: -float(vector_of(s) @ query))[:10]
        assert texts(store, [i for i, _ in store.snapshot().dense(query, 10)]) == expected
        ids = [i for i, _ in store.snapshot().dense(query, 57)]
        cosines = store.snapshot().cosines(query, ids)
        assert cosines == pytest.approx(dict(store.snapshot().dense(query, 57)), abs=1e-3)
        assert list(cosines) == ids
        some = [60, 56, 999, 1, 4, 26]  # the fourth, the 26th and the 56th are gone
        assert list(store.snapshot().cosines(query, some)) == [60, 1]
        assert [store.snapshot().is_live(each) for each in some] == [True, False, False, True, False, False]
        assert store.check() == []


def test_requirement_02_checkpoints_keep_two_and_forget_removals_nobody_needs(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for number in range(4):
            store.publish(puts=[put("/a.txt", f"Text number {number}.")], embedder=EMBEDDER)
            store.write_checkpoint()
        assert len(list((tmp_path / "checkpoints").iterdir())) == 2
        assert store.check() == []
    shutil.rmtree(tmp_path / "lexical")
    with Store.open(tmp_path) as store:
        assert lexical(store, "number 3") == ["Text number 3."]
        assert store.check() == []


def test_requirement_04_a_lexical_index_that_stayed_behind_is_rolled_forward(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS), put("/b.txt", DOGS)], embedder=EMBEDDER)
    shutil.copytree(tmp_path / "lexical", tmp_path / "old")
    with Store.open(tmp_path) as store:
        store.remove([store.documents()[0].doc_id])
        store.publish(puts=[put("/c.txt", BIRDS)], embedder=EMBEDDER)
    shutil.rmtree(tmp_path / "lexical")
    (tmp_path / "old").rename(tmp_path / "lexical")
    with Store.open(tmp_path) as store:
        assert lexical(store, "cats dogs birds") == [DOGS, BIRDS] or set(
            lexical(store, "cats dogs birds")
        ) == {
            DOGS,
            BIRDS,
        }
        assert store.check() == []


def test_another_process_sees_a_publish_after_refresh(tmp_path: Path) -> None:
    with Store.open(tmp_path) as writer, Store.open(tmp_path) as reader:
        assert reader.snapshot().generation == 0
        writer.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        assert reader.snapshot().generation == 0
        assert reader.refresh()
        assert not reader.refresh()
        assert lexical(reader, "cats") == [CATS]


def test_requirement_06_searching_while_publishing_gives_whole_generations(tmp_path: Path) -> None:
    sentences = [f"Creature number {number} walks." for number in range(30)]
    with Store.open(tmp_path) as writer, Store.open(tmp_path) as reader:
        writer.publish(puts=[put("/0.txt", sentences[0])], embedder=EMBEDDER)
        reader.refresh()
        broken: list[str] = []
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                reader.refresh()
                snapshot = reader.snapshot()
                by_words = {i for i, _ in snapshot.lexical(query_terms("creature", ["en"]), 100)}
                by_vector = {i for i, _ in snapshot.dense(vector_of(sentences[0]), 100)}
                if by_words != by_vector or len(by_vector) != snapshot.n_chunks:
                    broken.append(f"{snapshot.generation}: {by_words ^ by_vector}")

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        for number in range(1, 30):
            writer.publish(puts=[put(f"/{number}.txt", sentences[number])], embedder=EMBEDDER)
        done.set()
        for asker in askers:
            asker.join()
        assert broken == []


def test_requirement_08_vectors_of_two_models_never_share_an_index(tmp_path: Path) -> None:
    other = EmbedderIdentity(fingerprint="other", name="other model", dim=DIM)
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        with pytest.raises(EmbedderMismatchError, match="test"):
            store.require_embedder("other", "other model")
        with pytest.raises(EmbedderMismatchError):
            store.publish(puts=[put("/b.txt", DOGS)], embedder=other)
        assert [row.path for row in store.documents()] == ["/a.txt"]
        store.remove([store.documents()[0].doc_id])
        store.purge(undo_seconds=0)
        store.publish(puts=[put("/b.txt", DOGS)], embedder=other)
        assert store.check() == []


@pytest.mark.parametrize("bad", [np.nan, 0.0, 3.0])
def test_requirement_08_unusable_vectors_are_refused_and_change_nothing(tmp_path: Path, bad: float) -> None:
    good = put("/a.txt", CATS)
    made = version(CATS)
    broken = replace(good, version=replace(made, vectors=np.full((1, DIM), bad, dtype=np.float32)))
    with Store.open(tmp_path) as store:
        with pytest.raises(EmbeddingError):
            store.publish(puts=[broken], embedder=EMBEDDER)
        assert store.generation == 0


def test_a_version_that_went_meanwhile_is_reported(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, pytest.raises(StaleVersionError):
        store.publish(puts=[replace(put("/a.txt", CATS), version=99)], embedder=EMBEDDER)


def test_requirement_07_a_second_writer_gets_a_clear_message(tmp_path: Path) -> None:
    with Store.open(tmp_path, lock_seconds=0.1) as store:
        with FileLock(tmp_path / "writer.lock"), pytest.raises(BusyError) as caught:
            store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        assert "try again" in caught.value.hint.lower()
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "catalog.sqlite")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(NewerDatabaseError, match="99"):
        Store.open(tmp_path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(DamagedError, match=r"catalog\.sqlite"):
        Store.open(tmp_path)


def test_a_data_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StorageError):
        Store.open(tmp_path / "file")


def test_a_file_name_that_is_not_unicode_survives(tmp_path: Path) -> None:
    path = b"/caf\xe9 \xd7\x90.txt".decode("utf-8", "surrogateescape")
    with Store.open(tmp_path) as store:
        store.publish(puts=[put(path, CATS)], embedder=EMBEDDER)
        assert store.documents()[0].path == path
        assert store.find("Documents", path) is not None


def test_two_sources_that_swap_their_contents_keep_both(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS), put("/b.txt", DOGS)], embedder=EMBEDDER)
        a, b = store.documents()
        swapped = [
            replace(put("/a.txt", DOGS), version=b.version_id),
            replace(put("/b.txt", CATS), version=a.version_id),
        ]
        store.publish(puts=swapped)
        assert [row.version_id for row in store.documents()] == [b.version_id, a.version_id]
        assert store.check() == []


@pytest.mark.parametrize("schema", [0, 3, SCHEMA_VERSION])
def test_the_database_of_another_program_is_refused_and_left_as_it_was(tmp_path: Path, schema: int) -> None:
    path = tmp_path / FILE_NAME
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (name)")
        connection.execute(f"PRAGMA user_version={schema}")
    before = path.read_bytes()
    for refused in (Store.open, partial(write_backup, target=tmp_path.parent / f"{tmp_path.name}.zip")):
        with pytest.raises(StorageError, match="another program") as caught:
            refused(tmp_path)
        assert "--data" in caught.value.hint
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]


def test_opening_a_store_again_takes_no_locks_from_the_one_that_is_open(tmp_path: Path) -> None:
    # As every job does. Reading the file with anything but SQLite would, and another process would then
    # take itself for the last to close it, and delete the log that is in use.
    code = (
        "import sys; from pathlib import Path; from index.jobs import Jobs; "
        "jobs = Jobs(Path(sys.argv[1])); jobs.recent(); jobs.close()"
    )
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", "Cats sleep.")], embedder=EMBEDDER)
        Store.open(tmp_path).close()
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
        assert (tmp_path / f"{FILE_NAME}-wal").exists()
        store.publish(puts=[put("/b.txt", "Dogs bark.")], embedder=EMBEDDER)
        assert [row.path for row in store.documents()] == ["/a.txt", "/b.txt"]
        assert store.check() == []
    with Store.open(tmp_path) as store:
        assert [row.path for row in store.documents()] == ["/a.txt", "/b.txt"]


def test_what_is_no_folder_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a letter", encoding="utf-8")
    with pytest.raises(StorageError, match="file is not a folder") as caught:
        Store.open(tmp_path / "file")
    assert "--data" in caught.value.hint


@pytest.mark.parametrize(
    "name", ["originals/IMG_0001.jpg", "lexical/notes.txt", "checkpoints/model.pt", "a.txt"]
)
def test_a_folder_with_other_files_is_never_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(StorageError, match="already holds other files"):
        Store.open(tmp_path)
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_files_that_are_not_ours_survive_beside_ours(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for folder in ("originals", "checkpoints"):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / "mine.txt").write_text("mine", encoding="utf-8")
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        store.sweep_originals()
        store.write_checkpoint()
    assert (tmp_path / "originals" / "mine.txt").exists()
    assert (tmp_path / "checkpoints" / "mine.txt").exists()


def test_a_chunk_knows_the_part_of_the_document_that_it_begins_in(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        made = version("Pump 12", "Valve 3", "Seal 1")
        text = made.document.text
        document = replace(
            made.document,
            locators=(Locator(0, "row 2"), Locator(text.index("Seal"), "row 9")),
        )
        source = replace(put("/list.csv", "x"), version=replace(made, document=document))
        store.publish(puts=[source], embedder=EMBEDDER)
        row = store.documents()[0]
        assert row.version_id is not None
        ids = store.chunk_ids(row.version_id)
        assert [store.chunks(ids)[each].locator for each in ids] == ["row 2", "row 2", "row 9"]
        assert store.parsed(row.version_id) == document
        store.publish(removals=[row.doc_id])
        with store.catalog.reading() as connection:
            assert connection.execute("SELECT count(*) FROM locators").fetchone()[0] == 0
