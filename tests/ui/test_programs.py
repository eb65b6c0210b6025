"""The command lines in the Settings view run as they are written, from wherever they are typed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from ui.programs import programs_html, snippets


def shown(data: Path) -> list[str]:
    """The command lines as a person copies them from the page."""
    return [each.text() for each in LexborHTMLParser(programs_html(data)).css("code")]


def run(command: str, elsewhere: Path) -> Any:
    done = subprocess.run(command, shell=True, cwd=elsewhere, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(os.name == "nt", reason="the shell of the test is that of POSIX")
def test_each_runs_as_it_is_written(tmp_path: Path) -> None:
    data, folder = tmp_path / "it's my data & more", tmp_path / "letters"
    folder.mkdir()
    (folder / "lease.txt").write_text("Your question about the lease: it ends in March.", encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "ui").mkdir(parents=True)  # not ours
    (elsewhere / "ui" / "__init__.py").write_text("raise SystemExit('the wrong one')\n", encoding="utf-8")
    ask, search, plan = shown(data)
    program = shlex.split(ask)[: shlex.split(ask).index("ask")]
    run(shlex.join([*program, "index", str(folder), "--json", "--data", str(data)]), elsewhere)
    (folder / "new.txt").write_text("A new letter.", encoding="utf-8")

    assert run(ask, elsewhere)["status"] in ("answered", "abstained")
    assert run(ask.replace("your question", "When does the lease end?"), elsewhere)["status"] == "answered"
    assert [passage["name"] for passage in run(search, elsewhere)["passages"]] == ["lease.txt"]
    changes = {Path(each["path"]).name: each["outcome"] for each in run(plan, elsewhere)["outcomes"]}
    assert changes == {"lease.txt": "unchanged", "new.txt": "added"}


def test_without_a_script_the_interpreter_of_this_installation_is_named(tmp_path: Path) -> None:
    command = snippets(tmp_path, scripts=tmp_path)[0].command
    program = f"{shlex.quote(sys.executable)} -P -m ui"
    assert command == f"{program} ask 'your question' --json --data {shlex.quote(str(tmp_path))}"
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "__init__.py").write_text("raise SystemExit('the wrong one')\n", encoding="utf-8")
    done = subprocess.run(f"{program} --help", shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "disable" in done.stdout) == (0, True)


def test_a_hostile_name_of_the_data_folder_stays_text() -> None:
    data = Path("/tmp/<img src=x onerror=alert(1)>\n$(touch pwned)")
    assert "<img" not in programs_html(data)
    (command, *_) = shown(data)
    assert shlex.split(command)[-1] == str(data)


def test_no_option_is_broken_after_its_hyphens(tmp_path: Path) -> None:
    kept = {each.text() for each in LexborHTMLParser(programs_html(tmp_path)).css(".fn-command span")}
    assert kept == {"--json", "--data", "--plan"}
