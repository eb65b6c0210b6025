"""A run tells which files it has at hand, a few at a time, and how far each of them is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from index.at_hand import MOST_LISTED, FilesAtHand
from index.batch import BATCH_PASSAGES
from index.ingest import IngestOptions, ingest_paths
from index.report import Progress
from index.store import Store
from index.survey import Target
from tests.fakes import WordCountEmbedder
from tests.index.killed import DirectParser
from tests.index.test_read_ahead import WatchedParser, write

WORDS = WordCountEmbedder(("cats",))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    return path


class Told:
    """What a run told, step by step."""

    def __init__(self) -> None:
        self.steps: list[Progress] = []

    def __call__(self, progress: Progress) -> None:
        self.steps.append(progress)

    def of(self, name: str) -> list[tuple[str, int, int]]:
        """What was said of one file, each thing once."""
        said = [
            (file.stage, file.passages_done, file.passages_total)
            for step in self.steps
            for file in step.files
            if Path(file.path).name == name
        ]
        return list(dict.fromkeys(said))


def test_a_long_file_is_read_and_then_embedded_part_by_part(store: Store, folder: Path) -> None:
    sentences = (f"Cats {number} sleep on warm stones." for number in range(60 * BATCH_PASSAGES))
    (folder / "a.txt").write_text(" ".join(sentences), encoding="utf-8")
    told = Told()
    ingest_paths(store, WORDS, DirectParser(), [folder], options=IngestOptions(progress=told))
    (row,) = store.documents()
    parts = range(0, row.passages, BATCH_PASSAGES)
    assert len(parts) > 2
    assert told.of("a.txt")[-len(parts) :] == [("embedding", done, row.passages) for done in parts]
    assert {(file.path, file.collection) for step in told.steps for file in step.files} == {
        (row.path, row.collection)
    }
    assert told.steps[-1].stage == "done"
    assert told.steps[-1].files == ()


def test_what_is_read_slowly_is_said_to_be_read_and_the_next_to_be_queued(store: Store, folder: Path) -> None:
    parser, told = WatchedParser(), Told()
    for name in ("a.txt", "slow.txt", "z.txt"):
        write(folder, name, 1)
    wanted = [("a.txt", "embedding"), ("slow.txt", "reading"), ("z.txt", "queued")]

    def look(progress: Progress) -> None:
        told(progress)
        if [(Path(file.path).name, file.stage) for file in progress.files] == wanted:
            parser.free.set()  # else the parser waits for it until it gives up

    ingest_paths(store, WORDS, parser, [folder], options=IngestOptions(progress=look))
    assert parser.free.is_set()
    assert told.of("z.txt")[0] == ("queued", 0, 0)
    assert len(store.documents()) == 3


def test_however_many_files_wait_a_few_are_named_and_the_rest_counted(store: Store, folder: Path) -> None:
    number = 3 * MOST_LISTED
    for each in range(number):
        write(folder, f"{each:03}.txt", 1)
    told = Told()
    ingest_paths(store, WORDS, DirectParser(), [folder], options=IngestOptions(progress=told))
    begun = [step for step in told.steps if step.files]
    assert max(len(step.files) for step in begun) == MOST_LISTED
    assert all(
        step.files_done + len(step.files) + step.files_waiting == step.files_total == number for step in begun
    )


def test_a_file_that_fails_or_is_unchanged_does_not_stay_at_hand(store: Store, folder: Path) -> None:
    write(folder, "same.txt", 1)
    ingest_paths(store, WORDS, DirectParser(), [folder])
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7")
    write(folder, "z.txt", 1)
    told = Told()
    ingest_paths(store, WORDS, DirectParser(), [folder], options=IngestOptions(progress=told))
    assert told.of("same.txt") == []
    assert told.of("z.txt")
    embedding = [step for step in told.steps if step.stage == "embedding"]
    assert [[Path(file.path).name for file in step.files] for step in embedding] == [["z.txt"]]
    assert {row.name: row.state for row in store.documents()} == {
        "same.txt": "ready",
        "bad.pdf": "failed",
        "z.txt": "ready",
    }


def test_passages_whose_text_is_known_count_as_embedded(store: Store, folder: Path) -> None:
    write(folder, "a.txt", 3)
    ingest_paths(store, WORDS, DirectParser(), [folder])
    text = (folder / "a.txt").read_text(encoding="utf-8")
    (folder / "b.txt").write_text(f"{text}\n\nDogs guard the gate.", encoding="utf-8")
    told = Told()
    report = ingest_paths(store, WORDS, DirectParser(), [folder], options=IngestOptions(progress=told))
    added = next(outcome for outcome in report.outcomes if outcome.outcome == "added")
    assert 0 < added.embedded < added.passages
    assert told.of("b.txt")[-1] == ("embedding", added.passages - added.embedded, added.passages)


def test_the_file_that_takes_time_is_not_hidden_by_those_that_wait_with_it() -> None:
    files = FilesAtHand()
    for number in range(MOST_LISTED):
        files.note(Target(f"/{number}.txt", "A", "folder", None), "embedding")  # of which nothing is left
    files.note(Target("/long.txt", "A", "folder", None), "embedding", passages=340)
    files.note(Target("/next.txt", "A", "folder", None), "queued")
    files.note(Target("/read.txt", "A", "folder", None), "reading")
    listed = [file.path for file in files.listed()]
    assert listed[0] == "/long.txt"
    assert listed[-2:] == ["/read.txt", "/next.txt"]
    assert len(listed) <= MOST_LISTED


def test_however_many_are_at_one_stage_few_are_listed() -> None:
    files = FilesAtHand()
    for number in range(2 * MOST_LISTED):
        files.note(Target(f"/{number}.txt", "A", "folder", None), "reading")
    assert [file.path for file in files.listed()] == [f"/{number}.txt" for number in range(MOST_LISTED)]
