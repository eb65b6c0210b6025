"""The wheel holds everything that Footnote needs: it is built, unpacked elsewhere, and used there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("index", "rag", "ui", "seeds", "pyproject.toml", "README.md", "LICENSE", "NOTICE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, as a build leaves folders behind in its source."""
    source = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, source)
    out = tmp_path_factory.mktemp("wheel")
    # torch brings a setuptools that is new enough, so nothing has to be fetched.
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(out),
            str(source),
        ],
        check=True,
        capture_output=True,
    )
    (built,) = out.glob("footnote-*.whl")
    return built


def test_wheel_holds_every_file_of_the_packages_and_no_test(wheel: Path) -> None:
    packages = [ROOT / name for name in ("index", "rag", "ui", "seeds")]
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in packages
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = {name.split(".dist-info/")[1] for name in archive.namelist() if ".dist-info/" in name}
    assert packed == expected
    assert {"licenses/LICENSE", "licenses/NOTICE", "entry_points.txt"} <= metadata


@pytest.mark.model
def test_wheel_answers_the_first_question_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    installed, working, data = (tmp_path / name for name in ("installed", "working", "data"))
    working.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)

    def footnote(*arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "ui", *arguments, "--json", "--data", str(data)],
            cwd=working,
            env={**os.environ, "PYTHONPATH": str(installed)},
            check=True,
            capture_output=True,
            text=True,
        )
        return json.loads(done.stdout)

    report = footnote("index", "--samples")
    assert {outcome["outcome"] for outcome in report["outcomes"]} == {"added"}
    answer = footnote("ask", "What does the United States propose instead of a ground invasion of Rafah?")
    first = answer["citations"][0]
    assert answer["status"] == "answered"
    assert (Path(first["path"]).name, first["page"]) == ("border-plan.pdf", 2)
    assert " ".join(first["quote"].split()).startswith(
        "Instead of a ground invasion of Rafah, the United States proposes a joint security initiative"
    )
