"""The command line over a data folder that cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.read_only import read_only
from ui.cli import app

LEASE = "# Lease\n\nThe lease of the boathouse ends on 1 March 2027. The rent is 420 crowns a month.\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("read-only")
    (folder / "lease.md").write_text(LEASE, encoding="utf-8")
    data = folder / "data"
    done = CliRunner().invoke(app, ["index", str(folder / "lease.md"), "--data", str(data)])
    assert done.exit_code == 0, done.output
    return data


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["ask", "When does the lease of the boathouse end?"], "1 March 2027"),
        (["search", "rent"], "lease.md"),
        (["status"], "1 ready"),
        (["list"], "lease.md"),
        (["check"], "The index is sound."),
        (["jobs"], "lease.md"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_only_reads_works(data: Path, command: list[str], said: str) -> None:
    with read_only(data):
        done = CliRunner().invoke(app, [*command, "--data", str(data)])
    assert done.exit_code == 0, done.output
    assert said in done.stdout


@pytest.mark.parametrize(
    "command",
    [["disable", "lease.md"], ["remove", "lease.md", "--yes"], ["rebuild"], ["serve", "--no-browser"]],
)
def test_what_writes_says_that_it_cannot(data: Path, command: list[str]) -> None:
    with read_only(data):
        done = CliRunner().invoke(app, [*command, "--data", str(data)])
    assert done.exit_code == 1
    assert str(data) in done.stderr
    assert "Next: " in done.stderr


def test_for_a_program_it_is_an_error_with_a_name(data: Path) -> None:
    with read_only(data):
        done = CliRunner().invoke(app, ["disable", "lease.md", "--json", "--data", str(data)])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"] == "StorageError"
