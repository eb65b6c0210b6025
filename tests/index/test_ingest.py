"""The ingest story over real files: each change costs what it changes, and nothing fails silently."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from numpy.typing import NDArray

from index.analysis import query_terms
from index.documents import ParsedDocument
from index.errors import BusyError, EmbedderMismatchError, SourceError
from index.ingest import (
    FileOutcome,
    IngestOptions,
    IngestReport,
    Progress,
    ingest_documents,
    ingest_paths,
    ingest_uploads,
    reindex,
)
from index.parsing import ParseLimits, Parser
from index.store import Store
from tests.fakes import WordCountEmbedder

VOCABULARY = ("cats", "dogs", "birds", "fish")


class CountingEmbedder(WordCountEmbedder):
    """Remembers what it was asked to embed."""

    def __init__(self) -> None:
        super().__init__(VOCABULARY)
        self.embedded: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded += texts
        return super().encode(texts)


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser() as shared:
        yield shared


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "a.txt").write_text("Cats sleep on warm stones.", encoding="utf-8")
    (path / "b.md").write_text("# Dogs\n\nDogs guard the old gate.", encoding="utf-8")
    return path


def by_name(report: IngestReport) -> dict[str, str]:
    return {Path(outcome.path).name: outcome.outcome for outcome in report.outcomes}


def found(store: Store, query: str) -> list[str]:
    store.refresh()
    ids = [chunk_id for chunk_id, _ in store.snapshot().lexical(query_terms(query, ["en"]), 10)]
    rows = store.chunks(ids)
    return [rows[chunk_id].text for chunk_id in ids]


def test_a_folder_is_indexed_and_a_second_run_embeds_nothing(
    store: Store, parser: Parser, folder: Path
) -> None:
    embedder = CountingEmbedder()
    first = ingest_paths(store, embedder, parser, [folder])
    assert by_name(first) == {"a.txt": "added", "b.md": "added"}
    assert found(store, "cats") == ["Cats sleep on warm stones."]
    embedder.embedded.clear()
    second = ingest_paths(store, embedder, parser, [folder])
    assert by_name(second) == {"a.txt": "unchanged", "b.md": "unchanged"}
    assert embedder.embedded == []
    assert store.check() == []


def test_a_changed_file_embeds_only_its_new_passages(store: Store, parser: Parser, folder: Path) -> None:
    embedder = CountingEmbedder()
    sections = [f"# Part {number}\n\n" + f"Birds of part {number} sing. " * 30 for number in range(6)]
    (folder / "long.md").write_text("\n\n".join(sections), encoding="utf-8")
    ingest_paths(store, embedder, parser, [folder])
    embedder.embedded.clear()
    sections[3] = "# Part 3\n\n" + "Fish swim in part three. " * 30
    (folder / "long.md").write_text("\n\n".join(sections), encoding="utf-8")
    report = ingest_paths(store, embedder, parser, [folder])
    changed = next(outcome for outcome in report.outcomes if outcome.outcome == "changed")
    assert changed.embedded == len(embedder.embedded) < changed.passages
    assert all("Fish" in text or "Part" in text for text in embedder.embedded)
    assert found(store, "fish")
    assert store.check() == []


def test_a_rename_embeds_nothing_and_keeps_the_document(store: Store, parser: Parser, folder: Path) -> None:
    embedder = CountingEmbedder()
    ingest_paths(store, embedder, parser, [folder])
    before = store.find("Documents", str(folder / "a.txt"))
    embedder.embedded.clear()
    (folder / "sub").mkdir()
    (folder / "a.txt").rename(folder / "sub" / "renamed.txt")
    report = ingest_paths(store, embedder, parser, [folder])
    after = store.find("Documents", str(folder / "sub" / "renamed.txt"))
    assert by_name(report) == {"renamed.txt": "renamed", "b.md": "unchanged"}
    assert embedder.embedded == []
    assert before is not None
    assert after is not None
    assert after.doc_id == before.doc_id
    assert store.check() == []


def test_requirement_11_a_deleted_file_no_longer_answers(store: Store, parser: Parser, folder: Path) -> None:
    ingest_paths(store, CountingEmbedder(), parser, [folder])
    (folder / "a.txt").unlink()
    report = ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert by_name(report) == {"a.txt": "removed", "b.md": "unchanged"}
    assert found(store, "cats") == []
    assert store.check() == []


def test_a_folder_that_suddenly_looks_empty_deletes_nothing(
    store: Store, parser: Parser, folder: Path
) -> None:
    ingest_paths(store, CountingEmbedder(), parser, [folder])
    disk = folder.rename(folder.with_name("disk"))
    folder.mkdir()  # another folder in its place, as a mount point is one
    for _ in range(2):  # it is still another one after it was looked at
        report = ingest_paths(store, CountingEmbedder(), parser, [folder])
        assert [outcome.outcome for outcome in report.outcomes] == ["skipped"]
        assert "2 indexed ones were kept" in report.outcomes[0].reason
        assert len(store.documents()) == 2
    folder.rmdir()
    disk.rename(folder)
    (folder / "a.txt").unlink()
    (folder / "b.md").unlink()
    report = ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert by_name(report) == {"a.txt": "removed", "b.md": "removed"}
    assert store.documents() == []


def test_a_folder_that_took_the_place_of_another_loses_what_it_does_not_hold(
    store: Store, parser: Parser, folder: Path
) -> None:
    ingest_paths(store, CountingEmbedder(), parser, [folder])
    folder.rename(folder.with_name("old"))
    folder.mkdir()
    (folder / "new.txt").write_text("Birds sing.", encoding="utf-8")
    report = ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert by_name(report) == {"new.txt": "added", "a.txt": "removed", "b.md": "removed"}
    (folder / "new.txt").unlink()
    report = ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert by_name(report) == {"new.txt": "removed"}


def test_a_file_over_the_limit_takes_the_place_of_what_it_was(store: Store, folder: Path) -> None:
    with Parser(ParseLimits(file_bytes=200)) as parser:
        ingest_paths(store, CountingEmbedder(), parser, [folder])
        (folder / "a.txt").write_bytes(b"Cats are everywhere. " * 10)
        (folder / "big.txt").write_bytes(b"Cats are everywhere. " * 10)
        report = ingest_paths(store, CountingEmbedder(), parser, [folder])
        assert by_name(report) == {"a.txt": "failed", "b.md": "unchanged", "big.txt": "failed"}
        assert found(store, "cats") == []  # the old text does not answer for the new file
        generation = store.generation
        assert by_name(ingest_paths(store, CountingEmbedder(), parser, [folder])) == by_name(report)
        assert store.generation - generation <= 1  # the folder was looked through; no document changed
        assert {row.path: row.problem for row in store.documents() if row.state == "failed"} == {
            str(folder / name): "too_large" for name in ("a.txt", "big.txt")
        }
        (folder / "big.txt").write_bytes(b"Cats are here again.")
        assert by_name(ingest_paths(store, CountingEmbedder(), parser, [folder]))["big.txt"] == "changed"
        assert found(store, "cats") == ["Cats are here again."]


@pytest.mark.skipif(sys.platform == "win32", reason="it would fill the disk there")
@pytest.mark.timeout(60)
def test_a_file_over_the_limit_is_refused_unread(store: Store, folder: Path, parser: Parser) -> None:
    with (folder / "big.txt").open("wb") as file:
        file.truncate(1 << 40)  # all of it a hole; to read it takes minutes
    report = ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert by_name(report) == {"a.txt": "added", "b.md": "added", "big.txt": "failed"}


def test_an_upload_over_the_limit_is_neither_read_nor_kept(store: Store, tmp_path: Path) -> None:
    with Parser(ParseLimits(file_bytes=200)) as parser:
        big = tmp_path / "temporary"
        big.write_bytes(b"Cats are everywhere. " * 10)
        for _ in range(2):
            report = ingest_uploads(store, CountingEmbedder(), parser, [(big, "big.txt")])
            assert by_name(report) == {"big.txt": "failed"}
        assert [(row.path, row.problem, row.size) for row in store.documents()] == [
            ("big.txt", "too_large", 210)
        ]
        assert not store.originals.exists()


def test_requirement_12_one_bad_file_never_stops_the_rest(store: Store, parser: Parser, folder: Path) -> None:
    (folder / "empty.txt").write_bytes(b"")
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 20)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog")
    (folder / "z.txt").write_text("Fish swim.", encoding="utf-8")
    report = ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert by_name(report) == {
        "a.txt": "added",
        "b.md": "added",
        "binary.txt": "failed",
        "broken.pdf": "failed",
        "empty.txt": "failed",
        "z.txt": "added",
    }
    failed = [outcome for outcome in report.outcomes if outcome.outcome == "failed"]
    assert all(outcome.reason and outcome.hint for outcome in failed)
    rows = {row.name: row for row in store.documents()}
    assert rows["broken.pdf"].state == "failed"
    assert rows["broken.pdf"].hint
    again = ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert by_name(again)["broken.pdf"] == "failed"
    assert store.check() == []


def test_a_file_that_becomes_unreadable_content_stops_answering(
    store: Store, parser: Parser, folder: Path
) -> None:
    ingest_paths(store, CountingEmbedder(), parser, [folder])
    (folder / "a.txt").write_bytes(b"")
    ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert found(store, "cats") == []
    (folder / "a.txt").write_text("Cats sleep on warm stones.", encoding="utf-8")
    ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert found(store, "cats") == ["Cats sleep on warm stones."]
    assert store.check() == []


def test_a_missing_path_is_an_error_that_changes_nothing(store: Store, parser: Parser, folder: Path) -> None:
    with pytest.raises(SourceError, match="nowhere"):
        ingest_paths(store, CountingEmbedder(), parser, [folder, folder / "nowhere"])
    assert store.documents() == []


def test_uploads_are_kept_and_the_same_name_gets_a_number(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    one, two, three = (tmp_path / name for name in ("1", "2", "3"))
    one.write_text("Cats purr.", encoding="utf-8")
    two.write_text("Dogs bark.", encoding="utf-8")
    three.write_text("Cats purr.", encoding="utf-8")
    report = ingest_uploads(
        store,
        CountingEmbedder(),
        parser,
        [(one, "note.txt"), (two, "../evil/note.txt"), (three, "copy.txt")],
    )
    assert [(o.path, o.outcome) for o in report.outcomes][:2] == [
        ("note.txt", "added"),
        ("note (2).txt", "added"),
    ]
    names = {row.path for row in store.documents("Uploads")}
    assert names == {"note.txt", "note (2).txt", "copy.txt"} or names == {"note.txt", "note (2).txt"}
    one.unlink()
    again = reindex(store, CountingEmbedder(), parser, [row.doc_id for row in store.documents("Uploads")])
    assert again.count("failed") == 0
    assert store.check() == []
    store.remove([row.doc_id for row in store.documents("Uploads")])
    assert store.purge(undo_seconds=0)
    assert list(store.originals.iterdir()) == []
    assert found(store, "cats dogs") == []


def test_the_same_upload_again_is_unchanged(store: Store, parser: Parser, tmp_path: Path) -> None:
    file = tmp_path / "n"
    file.write_text("Cats purr.", encoding="utf-8")
    ingest_uploads(store, CountingEmbedder(), parser, [(file, "note.txt")])
    report = ingest_uploads(store, CountingEmbedder(), parser, [(file, "other.txt")])
    assert [(o.path, o.outcome) for o in report.outcomes] == [("note.txt", "unchanged")]


def test_a_copy_in_a_folder_costs_nothing_and_survives_its_twin(
    store: Store, parser: Parser, folder: Path
) -> None:
    embedder = CountingEmbedder()
    ingest_paths(store, embedder, parser, [folder])
    embedder.embedded.clear()
    shutil.copy(folder / "a.txt", folder / "copy.txt")
    report = ingest_paths(store, embedder, parser, [folder])
    assert by_name(report)["copy.txt"] == "added"
    assert embedder.embedded == []
    (folder / "a.txt").unlink()
    ingest_paths(store, embedder, parser, [folder])
    assert found(store, "cats") == ["Cats sleep on warm stones."]
    assert store.check() == []


def test_a_cancelled_run_keeps_what_is_finished(store: Store, parser: Parser, folder: Path) -> None:
    for number in range(40):
        (folder / f"file-{number}.txt").write_text(f"Birds number {number}. " * 400, encoding="utf-8")
    seen: list[Progress] = []

    def cancelled() -> bool:
        return any(progress.files_done >= 4 for progress in seen)

    report = ingest_paths(
        store,
        CountingEmbedder(),
        parser,
        [folder],
        options=IngestOptions(progress=seen.append, cancelled=cancelled),
    )
    assert report.cancelled
    assert 0 < len(store.documents()) < 42
    assert store.check() == []
    rest = ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert rest.count("added", "unchanged") == 42


def test_progress_only_grows_and_ends_at_the_total(store: Store, parser: Parser, folder: Path) -> None:
    seen: list[Progress] = []
    ingest_paths(store, CountingEmbedder(), parser, [folder], options=IngestOptions(progress=seen.append))
    done = [progress.files_done for progress in seen]
    assert done == sorted(done)
    assert (seen[-1].stage, seen[-1].files_done, seen[-1].files_total) == ("done", 2, 2)
    assert seen[-1].passages_done == seen[-1].passages_total == 2


def test_requirement_07_a_second_indexer_is_told_that_one_is_at_work(
    store: Store, parser: Parser, folder: Path
) -> None:
    with FileLock(store.data / "ingest.lock"), pytest.raises(BusyError, match="indexing"):
        ingest_paths(store, CountingEmbedder(), parser, [folder])


def test_another_embedding_model_is_refused_before_any_work(
    store: Store, parser: Parser, folder: Path
) -> None:
    ingest_paths(store, CountingEmbedder(), parser, [folder])
    other = WordCountEmbedder(("quite", "another"))
    with pytest.raises(EmbedderMismatchError):
        ingest_paths(store, other, parser, [folder])


def test_documents_that_are_parsed_already_are_indexed_under_their_path(store: Store) -> None:
    items = [
        ("id-1", ParsedDocument(text="Cats purr.", title="On cats")),
        ("id-2", ParsedDocument(text="Dogs bark.")),
    ]
    report = ingest_documents(store, CountingEmbedder(), items)
    assert [(o.path, o.outcome) for o in report.outcomes] == [("id-1", "added"), ("id-2", "added")]
    again = ingest_documents(store, CountingEmbedder(), items)
    assert again.count("unchanged") == 2
    assert [row.title for row in store.documents()] == ["On cats", ""]


def test_every_passage_is_the_exact_slice_of_its_document(store: Store, parser: Parser, folder: Path) -> None:
    (folder / "c.txt").write_text("Ünï 𝔘 — emoji 🐈‍⬛ and text.\r\n\r\nSecond – paragraph.", encoding="utf-8")
    ingest_paths(store, CountingEmbedder(), parser, [folder])
    for row in store.documents():
        assert row.version_id is not None
        text = store.text(row.version_id)
        assert text is not None
        rows = store.chunks(store.chunk_ids(row.version_id))
        assert [text[chunk.start : chunk.end] for chunk in rows.values()] == [
            chunk.text for chunk in rows.values()
        ]


@pytest.mark.skipif(os.name == "nt", reason="Windows file names are Unicode")
def test_requirement_13_a_file_whose_name_is_not_unicode_is_indexed_and_removed(
    store: Store, parser: Parser, folder: Path
) -> None:
    name = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    (folder / name).write_text("Fish swim at the caf\u00e9.", encoding="utf-8")
    report = ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert FileOutcome(path=str(folder / name), outcome="added", passages=1, embedded=1) in report.outcomes
    row = store.find("Documents", str(folder / name))
    assert row is not None
    store.remove([row.doc_id])
    assert found(store, "fish") == []


def test_files_that_swap_their_names_are_both_right_afterwards(
    store: Store, parser: Parser, folder: Path
) -> None:
    (folder / "c.txt").write_text("Fish swim in the pond.", encoding="utf-8")
    ingest_paths(store, CountingEmbedder(), parser, [folder])
    (folder / "a.txt").rename(folder / "x")
    (folder / "c.txt").rename(folder / "a.txt")
    (folder / "x").rename(folder / "c.txt")
    report = ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert by_name(report) == {"a.txt": "changed", "c.txt": "changed", "b.md": "unchanged"}
    assert report.embedded == 0
    row = store.find("Documents", str(folder / "a.txt"))
    assert row is not None
    assert row.version_id is not None
    assert store.text(row.version_id) == "Fish swim in the pond."
    assert store.check() == []


def test_what_may_not_be_looked_at_is_not_gone(
    store: Store, parser: Parser, folder: Path, tmp_path: Path
) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "c.txt").write_text("Fish swim in the pond.", encoding="utf-8")
    ingest_paths(store, CountingEmbedder(), parser, [folder])
    # A link out of the folder is skipped, as a folder without permission is; root may read everything.
    (folder / "sub").rename(tmp_path / "elsewhere")
    (folder / "sub").symlink_to(tmp_path / "elsewhere")
    report = ingest_paths(store, CountingEmbedder(), parser, [folder])
    assert by_name(report)["sub"] == "skipped"
    assert report.count("removed") == 0
    assert found(store, "fish") == ["Fish swim in the pond."]


def test_a_path_that_cannot_exist_is_a_clear_error(store: Store, parser: Parser) -> None:
    with pytest.raises(SourceError, match="cannot be reached"):
        ingest_paths(store, CountingEmbedder(), parser, [Path("x" * 300)])


def test_an_upload_that_cannot_be_read_leaves_the_document_of_its_name_alone(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    file = tmp_path / "n"
    file.write_text("Cats purr.", encoding="utf-8")
    ingest_uploads(store, CountingEmbedder(), parser, [(file, "note.txt")])
    report = ingest_uploads(store, CountingEmbedder(), parser, [(tmp_path / "gone", "note.txt")])
    assert [(o.path, o.outcome) for o in report.outcomes] == [("note (2).txt", "failed")]
    assert found(store, "cats") == ["Cats purr."]
    assert store.check() == []


def test_what_was_deleted_here_does_not_come_back_with_its_folder(
    store: Store, parser: Parser, folder: Path
) -> None:
    embedder = CountingEmbedder()
    ingest_paths(store, embedder, parser, [folder])
    row = store.find("Documents", str(folder / "a.txt"))
    assert row is not None

    store.remove([row.doc_id])
    store.undo()
    assert by_name(ingest_paths(store, embedder, parser, [folder]))["a.txt"] == "unchanged"

    store.remove([row.doc_id])
    store.purge(undo_seconds=0)
    report = ingest_paths(store, embedder, parser, [folder])
    assert by_name(report)["a.txt"] == "skipped"
    assert store.find("Documents", row.path) is None
    told = next(line for line in report.outcomes if line.path == row.path)
    assert (told.reason, "footnote index FILE" in told.hint) == ("You deleted it here.", True)

    assert by_name(ingest_paths(store, embedder, parser, [folder / "a.txt"])) == {"a.txt": "added"}
    assert by_name(ingest_paths(store, embedder, parser, [folder]))["a.txt"] == "unchanged"
    assert store.check() == []


def test_a_paused_run_waits_with_what_is_finished_published_and_goes_on(
    store: Store, parser: Parser, folder: Path
) -> None:
    embedder = CountingEmbedder()
    ingest_paths(store, embedder, parser, [folder])
    (folder / "a.txt").rename(folder / "aa.txt")  # finished without embedding
    (folder / "z.txt").write_text("Fish swim.", encoding="utf-8")
    seen: list[str] = []
    names: list[str] = []

    def paused() -> bool:
        return "paused" not in seen if "b.md" in names else False

    def follow(progress: Progress) -> None:
        names.append(progress.current)
        if progress.stage == "paused":
            seen.append("paused")
            seen.extend(Path(row.path).name for row in store.documents())

    report = ingest_paths(
        store, embedder, parser, [folder], options=IngestOptions(progress=follow, paused=paused)
    )
    assert seen == ["paused", "aa.txt", "b.md"]
    assert by_name(report) == {"aa.txt": "renamed", "b.md": "unchanged", "z.txt": "added"}
    assert store.check() == []


def test_a_paused_run_can_be_cancelled(store: Store, parser: Parser, folder: Path) -> None:
    stages: list[str] = []
    options = IngestOptions(
        progress=lambda progress: stages.append(progress.stage),
        paused=lambda: True,
        cancelled=lambda: "paused" in stages,
    )
    report = ingest_paths(store, CountingEmbedder(), parser, [folder], options=options)
    assert report.cancelled
    assert store.documents() == []
