"""What a person sets aside: disabled documents answer nothing, ignored ones are no trouble any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from index.analysis import query_terms
from index.check import LOST_ORIGINAL
from index.chunker import ChunkLimits
from index.decisions import Decider
from index.file_bytes import hash_file
from index.ingest import IngestOptions, ingest_paths, reindex
from index.parsing import Parser
from index.plan import plan_roots
from index.store import Store
from index.survey import Target, named_roots
from tests.fakes import WordCountEmbedder
from tests.index.support import EMBEDDER, put, vector_of

CATS = "Cats sleep on warm stones."
DOGS = "Dogs guard the old gate."
BIRDS = "Birds sing before sunrise."
WORDS = WordCountEmbedder(["cats", "dogs", "birds"])


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser() as shared:
        yield shared


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


def id_of(store: Store, name: str) -> str:
    return next(row.doc_id for row in store.documents() if row.name == name)


def states(store: Store) -> dict[str, str]:
    assert store.check() == []
    return {row.name: row.state for row in store.documents()}


def found(store: Store, query: str) -> list[str]:
    """What a question finds, by meaning or by words."""
    scope, snapshot = store.scope(), store.snapshot()
    ids = {chunk_id for chunk_id, _ in snapshot.lexical(query_terms(query, ["en"]), 10, scope)}
    if snapshot.fingerprint == EMBEDDER.fingerprint:
        ids |= {chunk_id for chunk_id, _ in snapshot.dense(vector_of(query), 10, scope)}
    return sorted(chunk.text for chunk in store.chunks(list(ids)).values())


def test_a_disabled_document_answers_nothing_until_it_is_enabled(store: Store) -> None:
    store.publish(puts=[put("/a.txt", CATS), put("/b.txt", DOGS)], embedder=EMBEDDER)
    cats, before = id_of(store, "a.txt"), store.generation
    assert store.disable([cats]) == [cats]
    assert store.generation == before + 1
    assert store.snapshot().generation == before + 1  # at once, in this process
    assert found(store, CATS) == [DOGS]
    assert states(store) == {"a.txt": "disabled", "b.txt": "ready"}
    assert store.status().disabled == 1
    assert [(row.name, row.documents) for row in store.collections()] == [("Documents", 1)]
    assert store.enable([cats]) == [cats]
    assert found(store, CATS) == sorted([CATS, DOGS])
    assert states(store) == {"a.txt": "ready", "b.txt": "ready"}


def test_what_changes_nothing_is_no_new_generation(store: Store) -> None:
    failed = replace(put("/c.pdf", CATS), version=None, state="failed", problem="damaged", reason="Damaged.")
    store.publish(puts=[put("/a.txt", CATS), failed], embedder=EMBEDDER)
    cats, broken = id_of(store, "a.txt"), id_of(store, "c.pdf")
    before = store.generation
    assert store.disable([broken, "nobody"]) == []  # there is nothing to keep from answering
    assert store.enable([cats, broken, "nobody"]) == []
    assert store.generation == before
    assert states(store) == {"a.txt": "ready", "c.pdf": "failed"}
    assert store.disable([cats, broken]) == [cats]
    assert store.disable([cats]) == []
    assert store.generation == before + 1


def test_a_document_that_was_read_in_part_comes_back_so(store: Store) -> None:
    partial = replace(put("/a.txt", CATS), state="partial", reason="Page 2 has no text.")
    store.publish(puts=[partial], embedder=EMBEDDER)
    (row,) = store.documents()
    store.disable([row.doc_id])
    assert store.documents()[0].reason == "Page 2 has no text."
    store.enable([row.doc_id])
    assert store.documents() == [row]


def test_it_stays_disabled_through_runs_changes_and_renames(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text(CATS, encoding="utf-8")
    (folder / "b.txt").write_text(DOGS, encoding="utf-8")
    ingest_paths(store, WORDS, parser, [folder])
    doc_id = id_of(store, "a.txt")
    store.disable([doc_id])
    ingest_paths(store, WORDS, parser, [folder])  # nothing has changed
    assert states(store) == {"a.txt": "disabled", "b.txt": "ready"}
    reindex(store, WORDS, parser, [doc_id])  # read again, changed or not
    assert states(store) == {"a.txt": "disabled", "b.txt": "ready"}
    (folder / "a.txt").write_text(BIRDS, encoding="utf-8")
    (changed,) = [each for each in ingest_paths(store, WORDS, parser, [folder]).outcomes if each.embedded]
    assert (changed.path, changed.outcome) == (str(folder / "a.txt"), "changed")
    assert states(store) == {"a.txt": "disabled", "b.txt": "ready"}
    store.refresh()
    assert found(store, "birds and dogs") == [DOGS]
    (folder / "a.txt").rename(folder / "z.txt")
    ingest_paths(store, WORDS, parser, [folder])
    assert id_of(store, "z.txt") == doc_id
    assert states(store) == {"b.txt": "ready", "z.txt": "disabled"}
    store.enable([doc_id])
    assert found(store, "birds and dogs") == [BIRDS, DOGS]  # as the file is by now


def test_it_stays_disabled_while_its_file_cannot_be_read(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    file = tmp_path / "a.txt"
    file.write_text(CATS, encoding="utf-8")
    ingest_paths(store, WORDS, parser, [file])
    (row,) = store.documents()
    store.disable([row.doc_id])
    file.write_bytes(b"")
    report = ingest_paths(store, WORDS, parser, [file])
    assert [each.outcome for each in report.outcomes] == ["failed"]
    (failed,) = store.documents()
    assert (failed.state, failed.version_id, failed.problem) == ("disabled", None, "empty")
    assert store.status().failed == 0
    # It is known not to be readable, and is not tried again; a plan says the same.
    assert [each.outcome for each in ingest_paths(store, WORDS, parser, [file]).outcomes] == ["unchanged"]
    plan = plan_roots(store, WORDS, parser, named_roots([file], "Documents"))
    assert [each.outcome for each in plan.outcomes] == ["unchanged"]
    file.write_text(CATS, encoding="utf-8")
    ingest_paths(store, WORDS, parser, [file])
    assert states(store) == {"a.txt": "disabled"}
    file.write_bytes(b"")
    ingest_paths(store, WORDS, parser, [file])
    store.enable([row.doc_id])  # enabled, it is what it would have been
    assert states(store) == {"a.txt": "failed"}


def test_a_removal_that_is_undone_brings_it_back_disabled(store: Store) -> None:
    store.publish(puts=[put("/a.txt", CATS), put("/b.txt", DOGS)], embedder=EMBEDDER)
    store.disable([id_of(store, "a.txt")])
    store.remove([id_of(store, "a.txt")])
    store.undo()
    assert states(store) == {"a.txt": "disabled", "b.txt": "ready"}
    assert found(store, CATS) == [DOGS]


def test_a_repair_does_not_enable(store: Store) -> None:
    upload = replace(put("note.txt", DOGS), origin="upload")
    store.publish(puts=[put("/a.txt", CATS), upload], embedder=EMBEDDER)
    original = store.originals / (upload.content_hash or "")
    store.originals.mkdir(exist_ok=True)
    original.write_text(DOGS, encoding="utf-8")
    store.disable([row.doc_id for row in store.documents()])
    original.unlink()
    with store.catalog.writing() as connection:
        connection.execute("DELETE FROM chunks WHERE chunk_id = 1")  # the one of a.txt
    assert any("disabled with 0 of 1 passages" in each for each in store.check())
    store.repair()
    assert states(store) == {"a.txt": "disabled", "note.txt": "disabled"}
    assert [row.problem for row in store.documents()] == ["unreadable", LOST_ORIGINAL]
    original.write_text(DOGS, encoding="utf-8")
    store.repair()
    store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
    assert states(store) == {"a.txt": "disabled", "note.txt": "disabled"}
    assert [row.problem for row in store.documents()] == ["", ""]


# -- ignored ---------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_ignored_until_its_content_changes(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"")
    ingest_paths(store, WORDS, parser, [file])
    (row,) = store.documents()
    before = store.generation
    assert store.ignore([row.doc_id, "nobody"]) == [row.doc_id]
    assert store.generation == before + 1
    status = store.status()
    assert (status.failed, status.ignored) == (0, 1)
    assert [each.outcome for each in ingest_paths(store, WORDS, parser, [file]).outcomes] == ["unchanged"]
    assert states(store) == {"a.txt": "ignored"}
    file.write_bytes(b" ")  # still nothing to read, but it is another file now
    assert [each.outcome for each in ingest_paths(store, WORDS, parser, [file]).outcomes] == ["failed"]
    assert states(store) == {"a.txt": "failed"}
    store.ignore([row.doc_id])
    file.write_text(CATS, encoding="utf-8")
    ingest_paths(store, WORDS, parser, [file])
    assert states(store) == {"a.txt": "ready"}
    assert store.ignore([row.doc_id]) == []  # what answers is not to be ignored
    assert store.disable([row.doc_id]) == [row.doc_id]


def test_a_retry_ends_it(store: Store, parser: Parser, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"")
    ingest_paths(store, WORDS, parser, [file])
    (row,) = store.documents()
    store.ignore([row.doc_id])
    reindex(store, WORDS, parser, [row.doc_id])
    assert states(store) == {"a.txt": "failed"}


@pytest.mark.parametrize("problem", ["timeout", "unreadable"])
def test_a_problem_that_may_pass_is_not_tried_again_either(
    store: Store, tmp_path: Path, problem: str
) -> None:
    file = tmp_path / "a.txt"
    file.write_text(CATS, encoding="utf-8")
    known = problem == "timeout"  # else its bytes could not even be had
    failed = replace(
        put(str(file), CATS),
        version=None,
        content_hash=hash_file(file) if known else None,
        state="failed",
        problem=problem,
        reason="It took too long.",
    )
    store.publish(puts=[failed])
    if not known:
        file.unlink()

    def decided(*, force: bool = False) -> str:
        decider = Decider(store, ChunkLimits(), most_bytes=1000, force=force)
        return decider.decide(file, Target(str(file), "Documents", "folder", store.documents()[0])).action

    assert decided() == ("read" if known else "fail")
    store.ignore([store.documents()[0].doc_id])
    assert decided() == "keep"
    assert decided(force=True) == ("read" if known else "fail")
    if not known:
        file.write_text(CATS, encoding="utf-8")
        assert decided() == "read"  # it is there again


def test_an_ignored_document_with_content_is_repaired(store: Store) -> None:
    store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
    with store.catalog.writing() as connection:
        connection.execute("UPDATE documents SET state = 'ignored'")
    assert store.check() != []
    store.repair()
    assert states(store) == {"a.txt": "failed"}


@pytest.mark.parametrize("case", ["another kind of text", "read again on purpose"])
def test_a_disabled_file_that_is_renamed_and_read_anew_stays_disabled(
    store: Store, parser: Parser, tmp_path: Path, case: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "cats.txt").write_text(CATS, encoding="utf-8")
    (folder / "dogs.txt").write_text(DOGS, encoding="utf-8")
    ingest_paths(store, WORDS, parser, [folder])
    doc_id = id_of(store, "cats.txt")
    store.disable([doc_id])
    options = IngestOptions(force=case == "read again on purpose")
    name = "old.txt" if options.force else "cats.md"
    (folder / "cats.txt").rename(folder / name)

    planned = plan_roots(store, WORDS, parser, named_roots([folder], "Documents"), options=options)
    report = ingest_paths(store, WORDS, parser, [folder], options=options)
    assert [(each.path, each.outcome, each.same_as) for each in planned.outcomes] == [
        (each.path, each.outcome, each.same_as) for each in report.outcomes
    ]
    assert report.count("renamed") == 1
    assert states(store) == {name: "disabled", "dogs.txt": "ready"}
    assert id_of(store, name) == doc_id
    assert found(store, "cats") == []


def test_a_disabled_file_that_is_renamed_and_cannot_be_read_any_more_stays_disabled(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "cats.txt").write_text(CATS, encoding="utf-8")
    (folder / "dogs.txt").write_text(DOGS, encoding="utf-8")
    ingest_paths(store, WORDS, parser, [folder])
    store.disable([id_of(store, "cats.txt")])
    (folder / "cats.txt").rename(folder / "cats.pdf")
    ingest_paths(store, WORDS, parser, [folder])
    assert states(store) == {"cats.pdf": "disabled", "dogs.txt": "ready"}
    (folder / "cats.pdf").rename(folder / "cats.txt")
    ingest_paths(store, WORDS, parser, [folder])
    assert states(store) == {"cats.txt": "disabled", "dogs.txt": "ready"}


def test_what_is_ignored_stays_so_under_a_new_name_unless_it_can_be_read_there(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "dogs.txt").write_text(DOGS, encoding="utf-8")
    (folder / "cats.pdf").write_text(CATS, encoding="utf-8")
    ingest_paths(store, WORDS, parser, [folder])
    store.ignore([id_of(store, "cats.pdf")])
    (folder / "cats.pdf").rename(folder / "old.pdf")
    ingest_paths(store, WORDS, parser, [folder])
    assert states(store) == {"dogs.txt": "ready", "old.pdf": "ignored"}
    (folder / "old.pdf").rename(folder / "cats.txt")
    ingest_paths(store, WORDS, parser, [folder])
    assert states(store) == {"dogs.txt": "ready", "cats.txt": "ready"}
