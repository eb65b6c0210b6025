"""The runs over noted questions that are kept in the data folder, for the page and the command line.

A run is a folder as ``rag.examination`` writes it, without the words of documents: deleting a document has
to take its words out of here too, so they never come in.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from index.catalog import translated
from index.errors import SourceError
from rag.examination import QUESTIONS, SUMMARY

logger = logging.getLogger(__name__)

FOLDER = "runs"
_HALF = "."  # begins the name of a run that has not come to its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """``good`` of ``of`` questions."""

    good: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run found. ``scores`` by their names in ``summary.json``, those that any question has."""

    name: str
    folder: Path
    time: float  # unix seconds, of its end
    questions: int
    scores: Mapping[str, Score]
    model: str  # that answered, as in the settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question that went wrong. ``why`` is one word, see ``rag.scoring.judge``."""

    question_id: str
    text: str
    query: str  # what was searched: a question that leans on earlier ones stands alone here
    why: str


@contextmanager
def new_run(data: Path) -> Iterator[Path]:
    """A folder for the results of a run; it counts as a run once the block has come to its end.

    Raises:
        StorageError: The data folder cannot be written.
    """
    runs = data / FOLDER
    # No colon: Windows allows none in a name.
    stamp = time.strftime("%Y-%m-%d %H.%M.%S")
    with translated(data):
        runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = next(
            each
            for each in (stamp, *(f"{stamp} {number}" for number in range(2, 1000)))
            if not (runs / each).exists() and not (runs / f"{_HALF}{each}").exists()
        )
        half = runs / f"{_HALF}{name}"
        half.mkdir(mode=0o700)
    try:
        yield half
        with translated(data):
            half.rename(runs / name)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def stored_runs(data: Path) -> list[Run]:
    """The runs of a data folder, the newest first; what cannot be read is left out."""
    folder = data / FOLDER
    if not folder.is_dir():
        return []
    found = []
    for each in folder.iterdir():
        if each.is_dir() and not each.name.startswith(_HALF):
            try:
                found.append(_run(each))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
                logger.warning("a run could not be read: %s", type(exc).__name__)
    return sorted(found, key=lambda run: (-run.time, run.name))


def run_folder(data: Path, name: str) -> Path:
    """The folder of the run that is called so, or else the path itself."""
    inside = data / FOLDER / name
    return (
        inside if name not in ("", ".", "..") and Path(name).name == name and inside.is_dir() else Path(name)
    )


def failing_cases(run: Run) -> list[Case]:
    """The questions of a run that went wrong, in order.

    Raises:
        SourceError: The results cannot be read.
    """
    path = run.folder / QUESTIONS
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        return [
            Case(
                question_id=str(row["id"]),
                text=str(row["text"]),
                query=str(row["query"] or row["text"]),
                why=str(row["why"]),
            )
            for row in rows
            if row["right"] is False
        ]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SourceError(f"{path} cannot be read: {exc}.", hint="Run the questions again.") from exc


def _run(folder: Path) -> Run:
    path = folder / SUMMARY
    summary = json.loads(path.read_text(encoding="utf-8"))
    return Run(
        name=folder.name,
        folder=folder,
        time=path.stat().st_mtime,
        questions=int(summary["questions"]),
        scores={
            str(name): Score(good=int(score["good"]), of=int(score["of"]))
            for name, score in summary["scores"].items()
            if score["of"]
        },
        model=str(summary["settings"]["generation"]["model"]),
    )
