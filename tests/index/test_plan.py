"""A plan says what the run then does, file by file, and changes nothing."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.documents import Heading, ParsedDocument
from index.errors import DocumentError, EmbedderMismatchError, SourceError
from index.health import Health, health_of
from index.ingest import IngestOptions, ingest_roots
from index.parsing import Parser
from index.plan import Plan, catalog_of, plan_roots
from index.recognition import Recognition
from index.report import FileOutcome, IngestReport, Progress
from index.speed import passages_a_second, record_speed
from index.store import Store
from index.survey import named_roots, remembered_roots
from tests.fakes import WordCountEmbedder

SECTIONS = [f"# Part {number}\n\n" + f"Birds of part {number} sing. " * 40 for number in range(6)]


class PlainParser(Parser):
    """Reads text in this process, so that hundreds of runs take no child.

    Lines that begin with ``# `` are headings; what begins with ``%broken`` cannot be read.
    """

    def read(
        self, data: bytes, name: str, recognition: Recognition | None = None
    ) -> tuple[ParsedDocument, Health]:
        text = data.decode()
        if text.startswith("%broken"):
            raise DocumentError("damaged", "The file is damaged.", hint="Save it again.")
        headings = tuple(
            Heading(start=match.start(), end=match.end(), level=1, title=match[1])
            for match in re.finditer("^# (.*)$", text, re.MULTILINE)
        )
        document = ParsedDocument(text=text, headings=headings)
        return document, health_of(document)


class Unused(WordCountEmbedder):
    """An embedding that a plan must not ask for a vector."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise AssertionError("a plan embeds nothing")


EMBEDDER, UNUSED, PARSER = (WordCountEmbedder(["birds"]), Unused(["birds"]), PlainParser())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    write(path / "a.txt", "Cats sleep on warm stones.")
    write(path / "b.txt", "Dogs guard the old gate.")
    return path


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def run(store: Store, *paths: Path) -> IngestReport:
    return ingest_roots(store, EMBEDDER, PARSER, named_roots(paths, "Documents"))


def plan(store: Store, *paths: Path, options: IngestOptions | None = None) -> Plan:
    return plan_roots(store, UNUSED, PARSER, named_roots(paths, "Documents"), options=options)


def outcomes(report: IngestReport) -> dict[str, FileOutcome]:
    """By the name of the file; every file has one outcome."""
    by_name = {Path(outcome.path).name: outcome for outcome in report.outcomes}
    assert len(by_name) == len(report.outcomes)
    return by_name


def kinds(report: IngestReport) -> dict[str, str]:
    return {name: outcome.outcome for name, outcome in outcomes(report).items()}


def files_of(folder: Path) -> dict[str, str]:
    """Every file of a data folder and a hash of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", ".lock"))
    }


def test_new_files_are_planned_with_all_their_passages(store: Store, folder: Path) -> None:
    planned = plan(store, folder)
    assert kinds(planned) == {"a.txt": "added", "b.txt": "added"}
    assert (planned.passages, planned.embedded) == (2, 2)
    assert planned.estimate is None  # nothing was measured yet
    assert run(store, folder).outcomes == planned.outcomes


def test_what_is_as_it_was_costs_nothing(store: Store, folder: Path) -> None:
    run(store, folder)
    planned = plan(store, folder)
    assert kinds(planned) == {"a.txt": "unchanged", "b.txt": "unchanged"}
    assert (planned.embedded, planned.estimate) == (0, (planned.seconds, planned.seconds))


def test_a_file_that_changed_in_one_section_embeds_only_that(store: Store, folder: Path) -> None:
    write(folder / "long.txt", "\n\n".join(SECTIONS))
    run(store, folder)
    write(folder / "long.txt", "\n\n".join([*SECTIONS[:3], "# New\n\n" + "Fish swim. " * 60, *SECTIONS[4:]]))
    planned = plan(store, folder)
    changed = outcomes(planned)["long.txt"]
    assert changed.outcome == "changed"
    assert 0 < changed.embedded < changed.passages
    assert run(store, folder).outcomes == planned.outcomes


def test_a_renamed_file_names_where_it_was_and_embeds_nothing(store: Store, folder: Path) -> None:
    run(store, folder)
    (folder / "a.txt").rename(folder / "z.txt")
    planned = plan(store, folder)
    assert outcomes(planned)["z.txt"] == FileOutcome(
        path=str(folder / "z.txt"), outcome="renamed", passages=1, same_as=str(folder / "a.txt")
    )
    assert planned.embedded == 0
    assert kinds(planned) == {"b.txt": "unchanged", "z.txt": "renamed"}
    assert sorted(run(store, folder).outcomes, key=str) == sorted(planned.outcomes, key=str)


def test_a_folder_that_moved_with_two_equal_files_is_two_renames(store: Store, folder: Path) -> None:
    for name in ("one.txt", "two.txt"):
        write(folder / name, "Birds sing.")
    run(store, folder)
    (folder / "sub").mkdir()
    for name in ("one.txt", "two.txt"):
        (folder / name).rename(folder / "sub" / name)
    planned = plan(store, folder)
    assert (planned.count("renamed"), planned.count("removed"), planned.embedded) == (2, 0, 0)
    assert kinds(run(store, folder)) == kinds(planned)
    assert store.check() == []


def test_a_file_that_moved_to_another_folder_is_a_rename(store: Store, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write(other / "c.txt", "Birds sing.")
    run(store, folder, other)
    (folder / "a.txt").rename(other / "a.txt")
    roots = remembered_roots(store)
    planned = plan_roots(store, UNUSED, PARSER, roots)
    assert kinds(planned) == {"a.txt": "renamed", "b.txt": "unchanged", "c.txt": "unchanged"}
    report = ingest_roots(store, EMBEDDER, PARSER, roots)
    assert kinds(report) == kinds(planned)
    assert report.embedded == 0


def test_a_copy_names_the_file_it_is_a_copy_of(store: Store, folder: Path) -> None:
    run(store, folder)
    shutil.copy(folder / "a.txt", folder / "copy.txt")
    write(folder / "new-1.txt", "Birds sing.")
    write(folder / "new-2.txt", "Birds sing.")
    planned = outcomes(plan(store, folder))
    assert (planned["copy.txt"].same_as, planned["copy.txt"].embedded) == (str(folder / "a.txt"), 0)
    assert (planned["new-1.txt"].same_as, planned["new-1.txt"].embedded) == ("", 1)
    assert (planned["new-2.txt"].same_as, planned["new-2.txt"].embedded) == (str(folder / "new-1.txt"), 0)
    assert outcomes(run(store, folder)) == planned


def test_what_is_gone_is_planned_as_removed(store: Store, folder: Path) -> None:
    run(store, folder)
    (folder / "a.txt").unlink()
    planned = plan(store, folder)
    assert kinds(planned) == {"a.txt": "removed", "b.txt": "unchanged"}
    assert len(store.documents()) == 2
    assert sorted(run(store, folder).outcomes, key=str) == sorted(planned.outcomes, key=str)


def test_what_is_skipped_or_would_fail_says_why(store: Store, folder: Path) -> None:
    write(folder / "broken.txt", "%broken")
    write(folder / "blank.txt", " \n ")
    write(folder / "song.mp3", "la")
    planned = outcomes(plan(store, folder))
    assert planned["song.mp3"].outcome == "skipped"
    assert planned["song.mp3"].reason == "Files of the type .mp3 are not read."
    assert (planned["broken.txt"].outcome, planned["broken.txt"].hint) == ("failed", "Save it again.")
    assert (planned["blank.txt"].outcome, planned["blank.txt"].reason) == (
        "failed",
        "There is no text in this file.",
    )
    assert outcomes(run(store, folder)) == planned
    assert outcomes(plan(store, folder))["broken.txt"] == planned["broken.txt"]


def test_an_empty_or_absent_folder_removes_nothing_and_says_so(store: Store, folder: Path) -> None:
    run(store, folder)
    folder.rename(folder.with_name("disk"))
    for words in ("The folder is not there; its documents were kept.", "holds no documents any more"):
        planned = plan_roots(store, UNUSED, PARSER, remembered_roots(store))
        assert kinds(planned) == {"folder": "skipped"}
        assert words in planned.outcomes[0].reason
        assert ingest_roots(store, EMBEDDER, PARSER, remembered_roots(store)).outcomes == planned.outcomes
        assert len(store.documents()) == 2
        folder.mkdir(exist_ok=True)


def test_an_emptied_folder_removes_its_last_document(store: Store, folder: Path) -> None:
    run(store, folder)
    (folder / "a.txt").unlink()
    run(store, folder)
    (folder / "b.txt").unlink()
    planned = plan_roots(store, UNUSED, PARSER, remembered_roots(store))
    assert kinds(planned) == {"b.txt": "removed"}
    assert kinds(ingest_roots(store, EMBEDDER, PARSER, remembered_roots(store))) == kinds(planned)
    assert store.documents() == []


def test_an_empty_folder_inside_another_one_keeps_its_documents_too(store: Store, folder: Path) -> None:
    (folder / "disk").mkdir()
    write(folder / "disk" / "c.txt", "Birds sing.")
    run(store, folder, folder / "disk")
    (folder / "disk").rename(folder.with_name("disk"))
    (folder / "disk").mkdir()
    (folder / "a.txt").unlink()
    planned = plan_roots(store, UNUSED, PARSER, remembered_roots(store))
    assert kinds(planned) == {"a.txt": "removed", "b.txt": "unchanged", "disk": "skipped"}
    assert kinds(ingest_roots(store, EMBEDDER, PARSER, remembered_roots(store))) == kinds(planned)


def test_a_plan_for_no_folder_asks_for_one_and_a_missing_path_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No folder was indexed before"):
        remembered_roots(store)
    with pytest.raises(SourceError, match="nowhere"):
        plan(store, tmp_path / "nowhere")


def test_a_plan_writes_nothing_and_needs_no_lock(store: Store, folder: Path) -> None:
    run(store, folder)
    write(folder / "c.txt", "Birds sing.")
    (folder / "a.txt").unlink()
    store.catalog.truncate_log()
    before, generation = files_of(store.data), store.generation
    with FileLock(store.data / "ingest.lock"), FileLock(store.data / "writer.lock"):
        assert plan(store, folder).count("added", "removed") == 2
    assert (files_of(store.data), store.generation) == (before, generation)


def test_a_plan_for_a_data_folder_that_is_not_there_makes_none(folder: Path, tmp_path: Path) -> None:
    with catalog_of(tmp_path / "none") as catalog:
        planned = plan_roots(catalog, UNUSED, PARSER, named_roots([folder], "Documents"))
    assert kinds(planned) == {"a.txt": "added", "b.txt": "added"}
    assert not (tmp_path / "none").exists()


def test_a_plan_with_another_model_is_refused_as_the_run_is(store: Store, folder: Path) -> None:
    run(store, folder)
    with pytest.raises(EmbedderMismatchError):
        plan_roots(store, WordCountEmbedder(["fish"]), PARSER, named_roots([folder], "Documents"))


def test_reading_everything_again_is_planned_too(store: Store, folder: Path) -> None:
    run(store, folder)
    options = IngestOptions(force=True)
    planned = plan(store, folder, options=options)
    assert kinds(planned) == {"a.txt": "changed", "b.txt": "changed"}
    assert planned.embedded == 0
    report = ingest_roots(store, EMBEDDER, PARSER, named_roots([folder], "Documents"), options=options)
    assert report.outcomes == planned.outcomes


def test_a_plan_that_is_cancelled_says_so(store: Store, folder: Path) -> None:
    seen: list[Progress] = []
    options = IngestOptions(progress=seen.append, cancelled=lambda: len(seen) > 2)
    planned = plan(store, folder, options=options)
    assert planned.cancelled
    assert len(planned.outcomes) < 2


def test_the_time_is_the_range_that_the_last_runs_had(store: Store, folder: Path) -> None:
    record_speed(store.catalog, EMBEDDER.fingerprint, passages=200, seconds=2.0)
    record_speed(store.catalog, EMBEDDER.fingerprint, passages=100, seconds=4.0)
    planned = plan(store, folder)
    assert planned.estimate is not None
    assert [seconds - planned.seconds for seconds in planned.estimate] == pytest.approx([0.02, 0.08])


def test_a_short_run_does_not_push_out_a_long_one(store: Store) -> None:
    record_speed(store.catalog, "f", passages=1, seconds=1.0)
    assert passages_a_second(store.catalog, "f") == (1.0, 1.0)
    for _ in range(9):
        record_speed(store.catalog, "f", passages=100, seconds=1.0)
        record_speed(store.catalog, "f", passages=1, seconds=1.0)
    assert passages_a_second(store.catalog, "f") == (100.0, 100.0)
    assert passages_a_second(store.catalog, "another model") is None


def test_a_run_notes_how_fast_it_was(store: Store, folder: Path) -> None:
    run(store, folder)
    measured = passages_a_second(store.catalog, EMBEDDER.fingerprint)
    assert measured is not None
    assert measured[0] == measured[1] > 0


NAMES = ("a.txt", "b.txt", "c.md", "d.txt", "e.gif")
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(("write", "edit", "break", "copy", "move", "swap", "delete", "index")),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
    ),
    min_size=1,
    max_size=14,
)


def change(folder: Path, number: int, kind: str, name: str, other: str) -> None:
    """One thing that a person does to a folder. Every text is new, unless it is a copy or a move."""
    one, two = folder / name, folder / other
    match kind:
        case "write":
            write(one, "\n\n".join(f"# {number}.{part}\n\n" + f"Birds {number}. " * 60 for part in range(3)))
        case "break":
            write(one, f"%broken {number}")
        case "edit" if one.exists():
            write(one, one.read_text("utf-8") + f"\n\n# Added {number}\n\n" + f"Fish {number}. " * 60)
        case "copy" if one.exists() and one != two:
            shutil.copyfile(one, two)
        case "move" if one.exists():
            one.replace(two)
        case "swap" if one.exists() and two.exists() and one != two:
            one.rename(folder / "x")
            two.rename(one)
            (folder / "x").rename(two)
        case "delete":
            one.unlink(missing_ok=True)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
def test_the_run_reports_what_was_planned(
    operations: list[tuple[str, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("property")
    folder = base / "folder"
    folder.mkdir()
    write(folder / "kept.txt", "Dogs guard the old gate.")
    with Store.open(base / "data") as store:
        run(store, folder)
        for number, (kind, name, other) in enumerate([*operations, ("index", "", "")]):
            if kind != "index":
                change(folder, number, kind, name, other)
                continue
            planned, generation = plan(store, folder), store.generation
            assert store.generation == generation
            assert outcomes(run(store, folder)) == outcomes(planned)
            assert plan(store, folder).count("added", "changed", "renamed", "removed") == 0
        assert store.check() == []
    shutil.rmtree(base)
