"""A restore that was killed between its steps is settled by whoever starts next."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from index.backup import read_backup, write_backup
from index.errors import BusyError
from index.exchange import settle_exchange
from index.store import Store
from index.working_folder import lock_of
from tests.index.support import EMBEDDER, put
from ui.commands.opened import settings_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one document of which there is a backup, and one more."""
    folder = tmp_path / "data"
    with Store.open(folder) as store:
        store.publish(puts=[put("/old.txt", "Cats sleep.")], embedder=EMBEDDER)
        write_backup(folder, tmp_path / "backup.zip")
        store.publish(puts=[put("/new.txt", "Dogs bark.")], embedder=EMBEDDER)
    return folder


def killed_at(point: str, data: Path) -> None:
    """Restore the backup, up to a fault point."""
    code = (
        "import os, signal, sys; from pathlib import Path; from index.backup import read_backup\n"
        "from index.faults import arm\n"
        "arm(lambda name: name == sys.argv[1] and os.kill(os.getpid(), signal.SIGKILL))\n"
        "read_backup(Path(sys.argv[2]), Path(sys.argv[3]), force=True)\n"
    )
    arguments = [point, str(data.parent / "backup.zip"), str(data)]
    ended = subprocess.run([sys.executable, "-c", code, *arguments], check=False)
    assert ended.returncode == -signal.SIGKILL


def names(data: Path) -> list[str]:
    with Store.open(data) as store:
        assert store.check() == []
        return [row.name for row in store.documents()]


@pytest.mark.parametrize(
    ("point", "found", "moved"),
    [
        ("restore.unpacked", ["new.txt", "old.txt"], False),
        ("restore.set_aside", ["new.txt", "old.txt"], False),
        ("restore.in_place", ["old.txt"], True),
        ("restore.kept", ["old.txt"], True),
    ],
)
def test_the_old_folder_or_the_new_one_is_found(
    data: Path, point: str, found: list[str], moved: bool
) -> None:
    killed_at(point, data)
    assert names(data) == found
    kept = [each for each in data.parent.iterdir() if each.name.startswith("data.before-restore-")]
    assert [names(each) for each in kept] == ([["new.txt", "old.txt"]] if moved else [])
    read_backup(data.parent / "backup.zip", data, force=True)
    assert not [each for each in data.parent.iterdir() if each.name.startswith(".")]


def test_the_settings_of_the_folder_count_in_the_very_start_that_finds_it_again(data: Path) -> None:
    (data / "settings.toml").write_text("[answer]\nstrictness = 'strict'\n", encoding="utf-8")
    killed_at("restore.set_aside", data)
    assert not data.exists()
    assert settings_of(data).answer.strictness == "strict"


def test_a_start_in_the_middle_of_a_restore_is_refused_and_disturbs_nothing(data: Path) -> None:
    killed_at("restore.set_aside", data)
    (working,) = filter(Path.is_dir, data.parent.glob(".data.restore-*"))
    with FileLock(lock_of(working)):  # it was not killed, but is at work
        with pytest.raises(BusyError, match="being restored"):
            Store.open(data)
        with pytest.raises(BusyError, match="being restored"):
            read_backup(data.parent / "backup.zip", data, force=True)
        assert not data.exists()
    assert names(data) == ["new.txt", "old.txt"]


@pytest.mark.parametrize("held", [(), ("footnote.log",)])
def test_a_folder_that_was_made_meanwhile_is_no_index(data: Path, held: tuple[str, ...]) -> None:
    killed_at("restore.set_aside", data)
    data.mkdir()
    for name in held:
        (data / name).write_text("started", encoding="utf-8")
    assert names(data) == ["new.txt", "old.txt"]
    kept = list(data.parent.glob("data.before-restore-*/*"))
    assert [each.name for each in kept] == list(held)


def test_a_folder_that_a_finished_restore_has_moved_is_not_brought_back(data: Path) -> None:
    _, kept = read_backup(data.parent / "backup.zip", data, force=True)
    assert kept is not None
    data.rename(data.with_name("elsewhere"))  # by hand
    assert not settle_exchange(data)
    assert names(data) == []


def test_two_restores_in_one_second_keep_both_folders(data: Path) -> None:
    kept = [read_backup(data.parent / "backup.zip", data, force=True)[1] for _ in range(3)]
    assert len(set(kept)) == 3
    assert all(each is not None and each.is_dir() for each in kept)
