"""Indexing is killed at random times, over and over; the index must never notice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from index.parsing import Parser
from index.store import Store
from tests.index.kill_driver import VOCABULARY, ingest

ROOT = Path(__file__).resolve().parents[2]
FILES = 40
KILLS = 25


@pytest.mark.timeout(600)
def test_killed_at_any_time_the_index_is_sound_and_the_next_run_completes_it(tmp_path: Path) -> None:
    chance = random.Random(2)
    data, folder = tmp_path / "data", tmp_path / "folder"
    folder.mkdir()
    for number in range(FILES):
        write(folder, number, chance)
    started = time.monotonic()
    with started_driver(data, folder) as driver:
        began = time.monotonic()
        assert driver.wait() == 0, "the run that nobody kills"
        whole = time.monotonic() - began
    assert time.monotonic() - started < 60

    hits = 0
    with Parser() as parser:
        for kill in range(KILLS):
            before = indexed(data)
            touched = change(folder, chance)
            with started_driver(data, folder) as driver:
                time.sleep(chance.uniform(0, 0.9 * whole))
                hits += driver.poll() is None
                driver.kill()
                driver.wait()
            with Store.open(data) as store:
                assert store.check() == [], f"after kill {kill}"
            after = indexed(data)
            lost = {path for path in before if path not in after and Path(path) not in touched}
            assert not lost, f"kill {kill} lost documents that were indexed"

            report = ingest(data, folder, parser)
            assert report.count("failed") == 0
            assert indexed(data) == {str(path): path.read_text() for path in folder.iterdir()}
            with Store.open(data) as store:
                assert store.check() == []
    assert hits >= KILLS / 2, f"only {hits} of {KILLS} kills fell into a run"


def started_driver(data: Path, folder: Path) -> subprocess.Popen[str]:
    """An indexing process that has loaded everything and begins now."""
    command = [sys.executable, "-m", "tests.index.kill_driver", str(data), str(folder)]
    driver = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    assert driver.stdout.readline() == "ready\n"
    return driver


def indexed(data: Path) -> dict[str, str]:
    """The text of every document that is ready, by path."""
    with Store.open(data) as store:
        return {
            row.path: store.text(row.version_id) or ""
            for row in store.documents()
            if row.state == "ready" and row.version_id is not None
        }


def change(folder: Path, chance: random.Random) -> set[Path]:
    """Rewrite, delete, rename and add some files; returns the paths that are no longer what they were."""
    paths = sorted(folder.iterdir())
    rewritten, deleted, renamed = paths[::4], paths[1::13], paths[2::13]
    for path in rewritten:
        write(folder, int(path.stem.partition("-")[2]), chance)
    for path in deleted:
        path.unlink()
    for path in renamed:
        path.rename(folder / f"file-{chance.randrange(10**6):07}.txt")
    for _ in range(FILES - len(paths) + len(deleted)):
        write(folder, chance.randrange(10**6), chance)
    return {*rewritten, *deleted, *renamed}


def write(folder: Path, number: int, chance: random.Random) -> None:
    """A text file of some paragraphs whose words the embedding knows, and some that it does not."""
    words = (*VOCABULARY, "over", "under", "the", "old", "new", str(number))
    paragraphs = [
        " ".join(
            " ".join(chance.choices(words, k=12)).capitalize() + "." for _ in range(chance.randint(2, 6))
        )
        for _ in range(chance.randint(3, 15))
    ]
    (folder / f"file-{number:07}.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
