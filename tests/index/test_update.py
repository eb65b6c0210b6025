"""Following named changes: only what is named is looked at, under the rules of a whole run."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from index.ingest import IngestOptions, IngestReport, ingest_paths
from index.parsing import Parser
from index.store import Store
from index.update import update_paths
from tests.index.test_ingest import CountingEmbedder, by_name, found


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser() as shared:
        yield shared


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def folder(tmp_path: Path, store: Store, embedder: CountingEmbedder, parser: Parser) -> Path:
    path = tmp_path / "folder"
    (path / "sub").mkdir(parents=True)
    (path / "a.txt").write_text("Cats sleep on warm stones.", encoding="utf-8")
    (path / "sub" / "b.md").write_text("# Dogs\n\nDogs guard the old gate.", encoding="utf-8")
    (path / "c.txt").write_text("Birds sing before dawn.", encoding="utf-8")
    ingest_paths(store, embedder, parser, [path])
    embedder.embedded.clear()
    return path


class Update:
    """Names changes in folders of the collection Documents."""

    def __init__(self, store: Store, embedder: CountingEmbedder, parser: Parser) -> None:
        self.parts = (store, embedder, parser)

    def __call__(self, folder: Path, *paths: Path, also: Sequence[tuple[Path, str]] = ()) -> IngestReport:
        report = update_paths(*self.parts, paths, folders=[(folder, "Documents"), *also])
        assert self.parts[0].check() == []
        return report


@pytest.fixture
def update(store: Store, embedder: CountingEmbedder, parser: Parser) -> Update:
    return Update(store, embedder, parser)


def test_only_what_is_named_is_looked_at(
    store: Store, embedder: CountingEmbedder, folder: Path, update: Update
) -> None:
    (folder / "a.txt").write_text("Fish sleep under stones.", encoding="utf-8")
    (folder / "c.txt").unlink()  # not named
    report = update(folder, folder / "a.txt")
    assert by_name(report) == {"a.txt": "changed"}
    assert embedder.embedded == ["Fish sleep under stones."]
    assert found(store, "fish") == ["Fish sleep under stones."]
    assert found(store, "birds") == ["Birds sing before dawn."]


def test_new_and_deleted_files_follow(store: Store, folder: Path, update: Update) -> None:
    (folder / "new.txt").write_text("Fish swim.", encoding="utf-8")
    (folder / "c.txt").unlink()
    report = update(folder, folder / "c.txt", folder / "new.txt", folder / "never-was.txt")
    assert by_name(report) == {"new.txt": "added", "c.txt": "removed"}
    assert found(store, "birds") == []
    assert found(store, "fish") == ["Fish swim."]


def test_a_file_that_was_saved_without_a_change_costs_nothing(
    embedder: CountingEmbedder, folder: Path, update: Update
) -> None:
    (folder / "a.txt").touch()
    assert by_name(update(folder, folder / "a.txt")) == {"a.txt": "unchanged"}
    assert embedder.embedded == []


def test_a_rename_embeds_nothing_and_keeps_the_document(
    store: Store, embedder: CountingEmbedder, folder: Path, update: Update
) -> None:
    before = store.find("Documents", str(folder / "a.txt"))
    (folder / "a.txt").rename(folder / "sub" / "z.txt")
    report = update(folder, folder / "sub" / "z.txt", folder / "a.txt")
    after = store.find("Documents", str(folder / "sub" / "z.txt"))
    assert by_name(report) == {"z.txt": "renamed"}
    assert embedder.embedded == []
    assert before is not None
    assert after is not None
    assert after.doc_id == before.doc_id


def test_a_rename_into_another_folder_and_collection_embeds_nothing(
    store: Store, embedder: CountingEmbedder, parser: Parser, folder: Path, update: Update, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.txt").write_text("Cats and fish.", encoding="utf-8")
    ingest_paths(store, embedder, parser, [other], collection="Other")
    embedder.embedded.clear()
    before = store.find("Documents", str(folder / "a.txt"))
    (folder / "a.txt").rename(other / "a.txt")
    report = update(folder, folder / "a.txt", other / "a.txt", also=[(other, "Other")])
    after = store.find("Other", str(other / "a.txt"))
    assert by_name(report) == {"a.txt": "renamed"}
    assert embedder.embedded == []
    assert before is not None
    assert after is not None
    assert after.doc_id == before.doc_id
    assert store.find("Documents", str(folder / "a.txt")) is None


@pytest.mark.parametrize("replaced", [False, True])
def test_the_last_file_of_a_folder_can_move_out_of_it(
    replaced: bool,
    store: Store,
    embedder: CountingEmbedder,
    parser: Parser,
    folder: Path,
    update: Update,
    tmp_path: Path,
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.txt").write_text("Cats and fish.", encoding="utf-8")
    (other / "y.txt").write_text("Dogs and fish.", encoding="utf-8")
    ingest_paths(store, embedder, parser, [other])
    embedder.embedded.clear()
    (other / "x.txt").rename(folder / "x.txt")
    if replaced:  # by another folder, as its disk is by the mount point
        other.rename(tmp_path / "disk")
        other.mkdir()
    else:
        (other / "y.txt").unlink()
    named = [other / "x.txt", other / "y.txt", folder / "x.txt"]
    report = update(folder, *named, also=[(other, "Documents")])
    if replaced:
        assert by_name(report) == {"x.txt": "renamed", "other": "skipped"}
        assert "its 1 indexed ones were kept" in report.outcomes[-1].reason
    else:
        assert by_name(report) == {"x.txt": "renamed", "y.txt": "removed"}
    assert embedder.embedded == []
    assert store.find("Documents", str(other / "x.txt")) is None
    assert (store.find("Documents", str(other / "y.txt")) is not None) == replaced


def test_a_folder_that_was_moved_is_followed_as_a_whole(
    store: Store, embedder: CountingEmbedder, folder: Path, update: Update
) -> None:
    (folder / "sub" / "deep").mkdir()
    (folder / "sub").rename(folder / "moved")
    report = update(folder, folder / "sub", folder / "moved")
    assert by_name(report) == {"b.md": "renamed"}
    assert embedder.embedded == []
    assert store.find("Documents", str(folder / "moved" / "b.md")) is not None


def test_a_neighbour_whose_name_begins_alike_is_left_alone(
    store: Store, embedder: CountingEmbedder, parser: Parser, folder: Path, update: Update
) -> None:
    for name in ("sub.txt", "sub-two/x.txt", "sub0"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"Fish of {name}.", encoding="utf-8")
    ingest_paths(store, embedder, parser, [folder])
    shutil.rmtree(folder / "sub")
    (folder / "sub.txt").unlink()
    assert by_name(update(folder, folder / "sub")) == {"b.md": "removed"}
    assert {row.name for row in store.documents()} == {"a.txt", "c.txt", "sub.txt", "x.txt"}


def test_hidden_private_and_unsupported_files_follow_the_rules_of_a_whole_run(
    store: Store, folder: Path, update: Update
) -> None:
    named = []
    for name in (".hidden.txt", ".git/a.txt", "node_modules/x/readme.md", "~$a.docx", ".a.txt.swp", "p.gif"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("Fish.", encoding="utf-8")
        named.append(folder / name)
    assert by_name(update(folder, *named)) == {"p.gif": "skipped"}
    assert len(store.documents()) == 3


def test_the_data_folder_is_never_indexed(store: Store, update: Update, folder: Path) -> None:
    (store.data / "notes.txt").write_text("Fish.", encoding="utf-8")
    report = update(store.data.parent, store.data / "notes.txt")
    assert report.outcomes == ()


def test_a_folder_that_is_gone_or_empty_keeps_its_documents(
    store: Store, folder: Path, update: Update, tmp_path: Path
) -> None:
    named = [folder / "a.txt", folder / "c.txt", folder / "sub"]
    folder.rename(tmp_path / "elsewhere")
    assert by_name(update(folder, *named)) == {"folder": "skipped"}
    folder.mkdir()  # what a mount point looks like without its disk
    assert by_name(update(folder, *named)) == {"folder": "skipped"}
    assert len(store.documents()) == 3


def test_a_folder_loses_its_last_document_when_it_is_the_folder_it_was(
    store: Store, folder: Path, update: Update
) -> None:
    named = [folder / "a.txt", folder / "c.txt", folder / "sub"]
    (folder / "a.txt").unlink()
    (folder / "c.txt").unlink()
    assert by_name(update(folder, *named[:2])) == {"a.txt": "removed", "c.txt": "removed"}
    shutil.rmtree(folder / "sub")
    assert by_name(update(folder, folder / "sub")) == {"b.md": "removed"}
    assert store.documents() == []


def test_a_folder_that_is_named_itself_is_looked_through(folder: Path, update: Update) -> None:
    (folder / "c.txt").unlink()
    assert by_name(update(folder, folder, folder / "a.txt")) == {
        "a.txt": "unchanged",
        "b.md": "unchanged",
        "c.txt": "removed",
    }


def test_a_folder_inside_another_one_is_read_once(folder: Path, update: Update) -> None:
    (folder / "sub" / "b.md").write_text("Fish.", encoding="utf-8")
    (folder / "c.txt").unlink()
    report = update(folder, folder / "sub" / "b.md", folder / "c.txt", also=[(folder / "sub", "Documents")])
    assert [(Path(line.path).name, line.outcome) for line in report.outcomes] == [
        ("b.md", "changed"),
        ("c.txt", "removed"),
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_follow_what_they_lead_to_and_folders_behind_links_stay_out(
    store: Store, embedder: CountingEmbedder, parser: Parser, folder: Path, update: Update
) -> None:
    (folder / "link.txt").symlink_to(folder / "a.txt")
    (folder / "way").symlink_to(folder / "sub")
    ingest_paths(store, embedder, parser, [folder])
    (folder / "a.txt").write_text("Fish sleep.", encoding="utf-8")
    report = update(folder, folder / "a.txt", folder / "way" / "b.md")
    assert by_name(report) == {"a.txt": "changed", "link.txt": "changed"}
    assert found(store, "cats") == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_looked_at_is_not_gone(store: Store, folder: Path, update: Update) -> None:
    (folder / "sub").chmod(0)
    try:
        report = update(folder, folder / "sub" / "b.md")
    finally:
        (folder / "sub").chmod(0o700)
    assert by_name(report) == {"b.md": "skipped"}
    assert len(store.documents()) == 3


def test_a_cancelled_update_keeps_everything(
    store: Store, embedder: CountingEmbedder, parser: Parser, folder: Path
) -> None:
    (folder / "c.txt").unlink()
    report = update_paths(
        store,
        embedder,
        parser,
        [folder / "c.txt", folder / "a.txt"],
        folders=[(folder, "Documents")],
        options=IngestOptions(cancelled=lambda: True),
    )
    assert report.cancelled
    assert report.outcomes == ()
    assert len(store.documents()) == 3
