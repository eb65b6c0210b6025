"""RELIABILITY 4: a power cut, after which the disk lacks what was not synced, loses nothing either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from index import durable
from index.durable import Disk
from index.store import Store
from tests.index.forked import quick_folder
from tests.index.replay import LOSSES, RecordingDisk, record, violations
from tests.index.variants import no_fsync


@pytest.fixture
def root() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.mark.timeout(600)
def test_requirement_04_a_power_cut_at_any_point_loses_nothing(root: Path) -> None:
    moments = record(root)
    assert {"checkpoint.renamed", "checkpoint.committed", "original.renamed", "manifest.renamed"} <= {
        moment.name for moment in moments
    }
    disks, found = violations(root, moments)
    assert found == []
    assert disks > 50


@pytest.mark.timeout(600)
def test_requirement_04_the_variant_without_fsync_is_caught(root: Path) -> None:
    with no_fsync():
        moments = record(root)
    after = [moment for moment in moments if moment.name in ("checkpoint.committed", "ingest.published")]
    _, found = violations(root, after)
    assert any("checkpoint base-" in line for line in found)
    assert any("original" in line for line in found)


def test_the_replay_knows_what_a_disk_may_lose(tmp_path: Path) -> None:
    disk = RecordingDisk(tmp_path)
    with patch.object(durable, "disk", disk):
        durable.make_folder(tmp_path / "originals")
        durable.write_durably(tmp_path / "originals" / "a", [b"whole"], kind="original")
        disk.write(tmp_path / "originals" / "b.tmp", [b"content"])
        disk.rename(tmp_path / "originals" / "b.tmp", tmp_path / "originals" / "b")
        disk.mark("here")
    (moment,) = disk.moments
    assert moment.disks == {
        LOSSES[0]: {"originals/a": b"whole"},
        LOSSES[1]: {"originals/a": b"whole", "originals/b": b""},
        LOSSES[2]: {"originals/a": b"whole", "originals/b": b"con"},
        LOSSES[3]: {"originals/a": b"whole", "originals/b": b"content"},
    }


def test_sqlite_syncs_every_commit(tmp_path: Path) -> None:
    """The replay takes the catalog as durable at each commit; this is what that rests on."""
    with Store.open(tmp_path) as store, store.catalog.reading() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL


def test_without_a_test_the_disk_is_the_real_one() -> None:
    assert type(durable.disk) is Disk
