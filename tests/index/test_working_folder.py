"""Working folders of several processes in one place: nobody touches another's, nor trips over it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from index.working_folder import is_in_use, lock_of, remove_left, working_folder

# Makes a folder, uses it and ends it, over and over, while others look for what was left.
AT_WORK = """
import sys, time
from pathlib import Path
from index.working_folder import is_in_use, working_folder

parent = Path(sys.argv[1])
until = time.monotonic() + 3
made = 0
while time.monotonic() < until:
    with working_folder(parent, "work-") as folder:
        (folder / "text").write_text("every document")
        assert is_in_use(parent, "work-")
        assert (folder / "text").read_text() == "every document"
    assert not folder.exists()
    made += 1
print(made)
"""


def test_processes_that_begin_and_end_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", AT_WORK, str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in running:
        said, wrong = process.communicate(timeout=60)
        assert process.returncode == 0, wrong
        assert int(said) > 0
    assert not list(tmp_path.iterdir())


def test_a_folder_is_private_and_gone_at_the_end_of_a_failure_too(tmp_path: Path) -> None:
    def broken_off() -> None:
        with working_folder(tmp_path, "work-") as folder:
            assert folder.stat().st_mode & 0o077 == 0
            (folder / "text").write_text("every document", encoding="utf-8")
            raise RuntimeError("broken off")

    with pytest.raises(RuntimeError, match="broken off"):
        broken_off()
    assert not list(tmp_path.iterdir())


def test_what_was_left_goes_and_what_is_in_use_stays(tmp_path: Path) -> None:
    left = tmp_path / "work-left"
    left.mkdir()
    (left / "text").write_text("every document", encoding="utf-8")
    assert not is_in_use(tmp_path, "work-")
    with working_folder(tmp_path, "work-") as folder:
        assert not left.exists()
        assert is_in_use(tmp_path, "work-")
        remove_left(tmp_path, "work-")
        assert folder.is_dir()
        assert lock_of(folder).exists()
    assert not is_in_use(tmp_path, "work-")
    assert not list(tmp_path.iterdir())
