"""Removing: hidden at once and everywhere, undone for a while, then erased to the last byte."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from index.analysis import query_terms
from index.erasure import CHANGE_SECONDS, Erasure, erasure_due, note_erased
from index.migrating import backup_path
from index.store import Store
from tests.index.support import EMBEDDER, files_with, put, vector_of

ROOT = Path(__file__).resolve().parents[2]
CATS = "Cats sleep on warm stones."
DOGS = "Dogs guard the old gate."
CANARY = "The quokkazephyrs nibble at dawn."
CANARY_STEM = "quokkazephyr"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        opened.publish(puts=[put("/a.txt", CATS, CANARY), put("/b.txt", DOGS)], embedder=EMBEDDER)
        opened.refresh()
        yield opened


def doc_id(store: Store, path: str) -> str:
    row = store.find("Documents", path)
    assert row is not None
    return row.doc_id


def lexical(store: Store, query: str) -> list[str]:
    found = store.snapshot().lexical(query_terms(query, ["en"]), 10)
    chunks = store.chunks([chunk_id for chunk_id, _ in found])
    return [chunks[chunk_id].text for chunk_id, _ in found if chunk_id in chunks]


def dense(store: Store, k: int = 10) -> set[str]:
    found = store.snapshot().dense(vector_of("anything"), k)
    return {chunk.text for chunk in store.chunks([chunk_id for chunk_id, _ in found]).values()}


def test_a_removed_document_is_hidden_from_everything_that_reads(store: Store) -> None:
    row = store.find("Documents", "/a.txt")
    assert row is not None
    assert row.version_id is not None
    chunk_ids = store.chunk_ids(row.version_id)
    store.remove([row.doc_id])
    assert [each.path for each in store.documents()] == ["/b.txt"]
    assert store.document(row.doc_id) is None
    assert store.find("Documents", "/a.txt") is None
    assert store.sources_of(row.version_id) == []
    assert store.text(row.version_id) is None
    assert store.parsed(row.version_id) is None
    assert store.headings_within(row.version_id, 0, 100) == ()
    assert store.version_with(row.content_hash or "", "test") is None
    assert store.chunks(chunk_ids) == {}
    assert store.chunk_ids(row.version_id) == []
    assert store.chunk_at(row.version_id, 0) is None
    assert lexical(store, "quokkazephyr cats") == []
    assert dense(store) == {DOGS}
    status = store.status()
    assert (status.documents, status.passages, status.languages) == (1, 1, {"en": 1})
    assert [(each.name, each.documents) for each in store.collections()] == [("Documents", 1)]
    assert store.scope().n_chunks == 1
    assert store.check() == []


def test_an_older_snapshot_gives_no_text_of_what_was_removed(store: Store) -> None:
    before = store.snapshot()
    store.remove([doc_id(store, "/a.txt")])
    found = [chunk_id for chunk_id, _ in before.dense(vector_of(CATS), 5)]
    assert len(found) == 3  # a request keeps its generation
    assert {chunk.text for chunk in store.chunks(found).values()} == {DOGS}


def test_undo_brings_everything_back_under_the_same_ids(store: Store) -> None:
    before = store.find("Documents", "/a.txt")
    assert before is not None
    assert before.version_id is not None
    chunk_ids = store.chunk_ids(before.version_id)
    removal = store.remove([before.doc_id])
    [pending] = store.removals()
    assert (pending.generation, pending.documents) == (removal, 1)
    assert 0 < pending.seconds_left <= 10
    assert store.undo() == [before.doc_id]
    assert store.find("Documents", "/a.txt") == before
    assert store.chunk_ids(before.version_id) == chunk_ids
    assert dense(store) == {CATS, CANARY, DOGS}
    assert lexical(store, "quokkazephyr") == [CANARY]
    assert store.removals() == []
    assert store.check() == []
    assert store.undo() == []


def test_undo_also_works_over_a_checkpoint_and_many_times(store: Store) -> None:
    store.write_checkpoint()
    for _ in range(3):
        store.remove([doc_id(store, "/a.txt")])
        assert dense(store) == {DOGS}
        assert store.check() == []
        store.undo()
        assert dense(store) == {CATS, CANARY, DOGS}
        assert store.check() == []
        store.write_checkpoint()
        assert store.check() == []


def test_each_removal_is_undone_by_itself(store: Store) -> None:
    first = store.remove([doc_id(store, "/a.txt")])
    store.remove([doc_id(store, "/b.txt")])
    assert len(store.undo(first)) == 1
    assert [row.path for row in store.documents()] == ["/a.txt"]
    assert store.undo(first) == []
    assert len(store.undo()) == 1
    assert [row.path for row in store.documents()] == ["/a.txt", "/b.txt"]


def test_undo_comes_too_late_after_its_time(store: Store) -> None:
    store.remove([doc_id(store, "/a.txt")])
    assert store.undo(undo_seconds=0) == []
    assert [row.path for row in store.documents()] == ["/b.txt"]


def test_content_that_another_source_holds_stays(store: Store) -> None:
    store.publish(puts=[put("/copy.txt", CATS, CANARY)], embedder=EMBEDDER)
    store.remove([doc_id(store, "/a.txt")])
    assert lexical(store, "quokkazephyr") == [CANARY]
    assert store.purge(undo_seconds=0)
    assert lexical(store, "quokkazephyr") == [CANARY]
    assert store.check() == []


def test_a_file_that_is_indexed_again_before_the_purge_survives_it(store: Store) -> None:
    store.remove([doc_id(store, "/a.txt")])
    store.publish(puts=[put("/a.txt", CATS, CANARY)], embedder=EMBEDDER)
    store.refresh()
    assert dense(store) == {CATS, CANARY, DOGS}
    assert store.check() == []
    assert store.undo() == []  # its place is taken by itself
    store.purge(undo_seconds=0)
    assert lexical(store, "quokkazephyr") == [CANARY]
    assert store.check() == []


def test_content_that_leaves_by_an_ingest_can_still_be_undone(store: Store) -> None:
    store.publish(puts=[put("/copy.txt", CATS, CANARY)], embedder=EMBEDDER)
    store.remove([doc_id(store, "/a.txt")])
    store.publish(removals=[doc_id(store, "/copy.txt")])
    assert lexical(store, "quokkazephyr") == []
    assert store.check() == []
    store.undo()
    assert lexical(store, "quokkazephyr") == [CANARY]
    assert store.check() == []


def test_after_a_purge_no_byte_of_the_text_is_left(store: Store, tmp_path: Path) -> None:
    original = f"{CANARY}\nIt was an upload.".encode()
    sha256 = hashlib.sha256(original).hexdigest()
    store.originals.mkdir()
    (store.originals / sha256).write_bytes(original)
    uploaded = replace(put("u.txt", CANARY, "It was an upload."), origin="upload", content_hash=sha256)
    store.publish(puts=[uploaded], embedder=EMBEDDER)
    backup_path(store.catalog.path, 1).write_bytes(CANARY.encode())
    store.write_checkpoint()
    assert files_with(tmp_path, CANARY_STEM)
    store.remove([doc_id(store, "/a.txt"), doc_id(store, "u.txt")])
    assert (store.originals / sha256).exists()  # it can still be undone
    assert not store.purge()
    assert store.purge(undo_seconds=0)
    assert files_with(tmp_path, CANARY_STEM) == []
    store.publish(puts=[put("/c.txt", "Something else.")], embedder=EMBEDDER)
    store.refresh()
    assert store.snapshot().document_frequency(CANARY_STEM) == 0  # counts terms of deleted chunks too
    assert dense(store) == {DOGS, "Something else."}
    assert store.check() == []
    connection = sqlite3.connect(tmp_path / "catalog.sqlite")
    assert connection.execute("SELECT count(*) FROM embeddings").fetchone()[0] == 2
    connection.close()


def test_a_purge_leaves_segments_alone_that_hold_nothing_removed(store: Store, tmp_path: Path) -> None:
    old = {name for name in segment_files(tmp_path) if name.endswith(".term")}
    store.publish(puts=[put("/c.txt", CANARY, "It was a canary.")], embedder=EMBEDDER)
    new = {name for name in segment_files(tmp_path) if name.endswith(".term")} - old
    store.remove([doc_id(store, "/c.txt")])
    assert store.purge(undo_seconds=0)
    left = segment_files(tmp_path)
    assert old <= left  # though a marker was deleted from it
    assert not new & left
    assert store.check() == []


def test_however_segments_were_merged_meanwhile_a_purge_leaves_no_byte(store: Store, tmp_path: Path) -> None:
    """Small segments are merged in the background after every few commits."""
    generator = random.Random(5)
    words = [f"{CANARY_STEM}{''.join(generator.choices('bcdfgklmnprstvz', k=6))}" for _ in range(30)]
    for number, word in enumerate(words):
        puts = [put(f"/{number}-{part}.txt", f"The {word} of part {part}.", CATS) for part in range(3)]
        store.publish(puts=puts, embedder=EMBEDDER)
        if number > 3 and generator.random() < 0.7:
            gone = [f"/{generator.randrange(number)}-{part}.txt" for part in range(3)]
            rows = [row for path in gone if (row := store.find("Documents", path)) is not None]
            store.remove([row.doc_id for row in rows])
    store.remove([row.doc_id for row in store.documents() if row.path.startswith(tuple("/123"))])
    there = {row.path.partition("-")[0][1:] for row in store.documents() if "-" in row.path}
    gone_words = [word for number, word in enumerate(words) if str(number) not in there]
    assert len(gone_words) > 10
    assert files_with(tmp_path, *gone_words)
    assert store.purge(undo_seconds=0)
    assert files_with(tmp_path, *gone_words) == []
    assert store.check() == []


def test_everything_can_be_removed(store: Store, tmp_path: Path) -> None:
    store.write_checkpoint()
    store.remove([row.doc_id for row in store.documents()])
    assert store.purge(undo_seconds=0)
    assert files_with(tmp_path, CANARY_STEM, "gate") == []
    assert store.check() == []
    assert store.snapshot().n_chunks == 0
    store.publish(puts=[put("/c.txt", CATS)], embedder=EMBEDDER)
    store.refresh()
    assert dense(store) == {CATS}
    assert store.check() == []


def test_a_purge_waits_for_an_ingest_and_hides_meanwhile(store: Store, tmp_path: Path) -> None:
    store.remove([doc_id(store, "/a.txt")])
    with FileLock(tmp_path / "ingest.lock"):
        assert not store.purge(undo_seconds=0)
        assert store.undo() == []
        assert b"quokkazephyr" not in (tmp_path / "catalog.sqlite").read_bytes()
    assert store.purge(undo_seconds=0)
    assert files_with(tmp_path, CANARY_STEM) == []


def test_files_that_vanished_from_a_folder_are_erased_by_the_next_purge(store: Store, tmp_path: Path) -> None:
    store.publish(removals=[doc_id(store, "/a.txt")])
    assert store.purge()
    assert files_with(tmp_path, CANARY_STEM) == []
    assert store.check() == []


def test_after_the_purge_of_a_change_no_byte_of_the_old_version_is_left(store: Store, tmp_path: Path) -> None:
    store.write_checkpoint()
    store.publish(puts=[put("/a.txt", CATS, "Something else.")], embedder=EMBEDDER)
    assert not store.purge()  # it waits a little: more changes may follow
    assert files_with(tmp_path, CANARY_STEM)
    assert store.purge(patient=False)
    assert files_with(tmp_path, CANARY_STEM) == []
    store.refresh()
    assert lexical(store, "cats") == [CATS]
    assert dense(store) == {CATS, DOGS, "Something else."}
    assert store.snapshot().document_frequency(CANARY_STEM) == 0
    assert store.check() == []


def test_a_version_that_another_source_holds_leaves_nothing_to_erase(store: Store) -> None:
    store.publish(puts=[put("/copy.txt", CATS, CANARY)], embedder=EMBEDDER)
    store.publish(puts=[put("/a.txt", "Something else.")], embedder=EMBEDDER)
    assert not store.to_erase()
    store.refresh()
    assert lexical(store, "quokkazephyr") == [CANARY]


def test_changes_are_erased_together_after_a_while_and_a_deletion_takes_them_along(store: Store) -> None:
    store.publish(puts=[put("/b.txt", "Something else.")], embedder=EMBEDDER)
    first = due(store)
    store.publish(puts=[put("/b.txt", "Something else again.")], embedder=EMBEDDER)
    second = due(store)
    assert second.mark > first.mark
    assert second.since == first.since
    assert not second.is_time(second.since + CHANGE_SECONDS - 1)
    assert second.is_time(second.since + CHANGE_SECONDS)
    assert second.is_time(second.since - 1)  # the clock was set back
    assert not store.purge(undo_seconds=0)
    store.remove([doc_id(store, "/a.txt")])
    assert store.purge(undo_seconds=0)
    assert not store.to_erase()


def test_where_erasing_takes_long_changes_wait_longer(store: Store) -> None:
    store.publish(puts=[put("/b.txt", "Something else.")], embedder=EMBEDDER)
    began = due(store)
    store.publish(puts=[put("/b.txt", "Changed while it was erased.")], embedder=EMBEDDER)
    with store.catalog.writing() as connection:
        note_erased(connection, began, began=began.since + 100, seconds=30)
    left = due(store)
    assert left.since == began.since + 100
    assert not left.is_time(left.since + 599)
    assert left.is_time(left.since + 600)
    with store.catalog.writing() as connection:
        note_erased(connection, left, began=left.since, seconds=0.1)
    assert not store.to_erase()


def due(store: Store) -> Erasure:
    with store.catalog.reading() as connection:
        found = erasure_due(connection)
    assert found is not None
    return found


def test_many_documents_are_removed_in_one_commit(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        puts = [put(f"/{number}.txt", f"Sentence number {number} of many.") for number in range(1_000)]
        store.publish(puts=[*puts, put("/kept.txt", CATS)], embedder=EMBEDDER)
        before = store.generation
        gone = [row.doc_id for row in store.documents() if row.path != "/kept.txt"]
        assert store.remove(gone) == before + 1
        assert [row.path for row in store.documents()] == ["/kept.txt"]
        assert dense(store, 20) == {CATS}
        assert lexical(store, "sentence") == []
        assert len(store.undo()) == 1_000
        assert store.snapshot().n_chunks == 1_001
        store.remove(gone)
        assert store.purge(undo_seconds=0)
        assert store.check() == []
        assert store.snapshot().n_chunks == 1


_PURGE = """
import sys
from pathlib import Path
from index.store import Store
store = Store.open(Path(sys.argv[1]))
print("ready", flush=True)
store.purge(undo_seconds=0)
print("done", flush=True)
"""


# The same, which stops when its files are begun and nothing is committed.
_PURGE_UP_TO_A_COMMIT = f"""
import time
from index.faults import arm
arm(lambda point: time.sleep(600) if point == "lexical.before_commit" else None)
{_PURGE}
"""


def segment_files(data: Path) -> set[str]:
    """What is in the lexical index, without locks and lists."""
    return {path.name for path in (data / "lexical").iterdir() if not path.name.startswith(".")}


def test_what_a_killed_writer_left_is_cleared_by_a_process_that_was_there_before(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        puts = [put(f"/{n}.txt", *(f"Line {line} of file {n}." for line in range(10))) for n in range(100)]
        store.publish(puts=puts, embedder=EMBEDDER)
        store.remove([row.doc_id for row in store.documents() if row.path.endswith("7.txt")])
        before = segment_files(tmp_path)
        command = [sys.executable, "-c", _PURGE_UP_TO_A_COMMIT, str(tmp_path)]
        with subprocess.Popen(command, cwd=ROOT) as purger:
            while purger.poll() is None and segment_files(tmp_path) == before:
                time.sleep(0.01)
            purger.kill()
        meta = (tmp_path / "lexical" / "meta.json").read_text(encoding="utf-8").replace("-", "")
        left = {name for name in segment_files(tmp_path) - before if name.partition(".")[0] not in meta}
        assert left
        assert store.purge(undo_seconds=0)
        assert not left & segment_files(tmp_path)
        assert store.check() == []


def test_a_purge_that_was_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for start in range(0, 300, 60):
            puts = [
                put(f"/{n}.txt", *(f"Line {line} of file {n}." for line in range(10)), f"quokkazephyr {n}.")
                for n in range(start, start + 60)
            ]
            store.publish(puts=puts, embedder=EMBEDDER)
        store.write_checkpoint()
        store.remove([row.doc_id for row in store.documents() if row.path.endswith("7.txt")])
        for wait in (0.0, 0.005, 0.02, 0.05, 0.1, 0.2):
            command = [sys.executable, "-c", _PURGE, str(tmp_path)]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as purger:
                assert purger.stdout is not None
                assert purger.stdout.readline() == "ready\n"
                time.sleep(wait)
                purger.kill()
            assert store.check() == []
        assert store.purge(undo_seconds=0)
        store.refresh()
        assert store.check() == []
        assert store.snapshot().n_chunks == 270 * 11
        assert files_with(tmp_path, "quokkazephyr 7.", "quokkazephyr 297.") == []


def test_searching_while_removing_undoing_and_purging_gives_whole_generations(tmp_path: Path) -> None:
    sentences = [f"Creature number {number} walks." for number in range(20)]
    with Store.open(tmp_path) as writer, Store.open(tmp_path) as reader:
        writer.publish(puts=[put(f"/{n}.txt", text) for n, text in enumerate(sentences)], embedder=EMBEDDER)
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

        asker = threading.Thread(target=ask)
        asker.start()
        for number in range(10):
            writer.remove([doc_id(writer, f"/{number}.txt"), doc_id(writer, f"/{number + 10}.txt")])
            if number % 2:
                writer.undo()
            else:
                writer.purge(undo_seconds=0)
        done.set()
        asker.join()
        assert broken == []
        assert writer.check() == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_snapshot_that_moved_on_is_that_of_a_fresh_start(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with Store.open(tmp_path) as store:
        for step in range(40):
            rows = store.documents()
            some = [row.doc_id for row in chance.sample(rows, min(len(rows), chance.randint(1, 3)))]
            match chance.randrange(7):
                case 0 | 1 | 2:
                    path = f"/{chance.randrange(8)}.txt"
                    store.publish(
                        puts=[put(path, *(f"Text {chance.randrange(30)}." for _ in range(2)))],
                        embedder=EMBEDDER,
                    )
                case 3:
                    store.remove(some)
                case 4:
                    store.undo()
                case 5:
                    store.purge(undo_seconds=0)
                case _:
                    store.write_checkpoint()
            if step % 3 == 0:
                store.refresh()
                moved = store.snapshot()
                with Store.open(tmp_path) as fresh:
                    anew = fresh.snapshot()
                    query = vector_of("a question")
                    # Half precision in a checkpoint, which only one of them may stand on.
                    assert dict(moved.dense(query, 99)) == pytest.approx(
                        dict(anew.dense(query, 99)), abs=2e-3
                    )
                    assert moved.cosines(query, range(1, 200)) == pytest.approx(
                        anew.cosines(query, range(1, 200)), abs=2e-3
                    )
                assert store.check() == []
