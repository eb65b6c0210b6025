"""Runs in the data folder: whole or not there, the newest first, and without the words of documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from index.errors import SourceError
from rag.comparison import compare_runs
from rag.examination import QUESTIONS, Options
from rag.feedback import Feedback, FeedbackFile
from rag.own_evaluation import run_own_questions
from rag.runs import FOLDER, Score, failing_cases, new_run, run_folder, stored_runs
from rag.settings import Settings
from tests.rag.corpus import indexed

ASTEROID = "Which asteroid did Galileo weigh?"
CAPITAL = "What is the capital of France?"


def noted(data: Path, *entries: Feedback) -> Path:
    file = FeedbackFile(data)
    for entry in entries:
        file.add(entry)
    return file.path


def measured(data: Path, *entries: Feedback) -> None:
    with indexed(data) as (store, assistant), new_run(data) as out:
        path = noted(data, *entries)
        options = Options(words=False)
        run_own_questions(
            path, out, settings=Settings(data=data), store=store, assistant=assistant, options=options
        )


def test_a_run_is_kept_with_its_scores_and_what_went_wrong(tmp_path: Path) -> None:
    measured(
        tmp_path,
        Feedback(question=ASTEROID, verdict="not_in_documents"),
        Feedback(question=CAPITAL, verdict="not_in_documents"),
    )
    (run,) = stored_runs(tmp_path)
    assert run.questions == 2
    assert run.scores["feedback: not in documents"] == Score(good=1, of=2)
    (case,) = failing_cases(run)
    assert (case.text, case.query, case.why) == (CAPITAL, CAPITAL, "wrongly_answered")
    assert run_folder(tmp_path, run.name) == run.folder
    assert run_folder(tmp_path, "../elsewhere") == Path("../elsewhere")


def test_no_word_of_a_document_is_kept(tmp_path: Path) -> None:
    measured(tmp_path, Feedback(question=CAPITAL, verdict="helpful"))
    (run,) = stored_runs(tmp_path)
    held = b"".join(path.read_bytes() for path in run.folder.iterdir())
    assert b"Paris" not in held
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "questions.jsonl",
        "run.trec",
        "summary.json",
    ]


def test_a_run_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def break_off() -> None:
        with new_run(tmp_path) as out:
            (out / "run.trec").write_text("half", encoding="utf-8")
            assert stored_runs(tmp_path) == []
            raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        break_off()
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_two_runs_of_the_same_second_have_two_names_and_a_damaged_one_is_left_out(tmp_path: Path) -> None:
    for _ in range(2):
        measured(tmp_path, Feedback(question=CAPITAL, verdict="helpful"))
    first, second = stored_runs(tmp_path)
    assert first.name != second.name
    (first.folder / "summary.json").write_text("{", encoding="utf-8")
    assert stored_runs(tmp_path) == [second]
    (second.folder / QUESTIONS).write_text("[]\n", encoding="utf-8")
    with pytest.raises(SourceError, match="cannot be read"):
        failing_cases(second)


def run_of(folder: Path, *rows: tuple[str, str, bool]) -> Path:
    folder.mkdir()
    lines: list[dict[str, object]] = [
        {"id": name, "text": text, "right": right, "why": "ok" if right else "not_found", "measures": {}}
        for name, text, right in rows
    ]
    (folder / QUESTIONS).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def test_runs_are_compared_over_the_questions_that_both_asked(tmp_path: Path) -> None:
    a = run_of(tmp_path / "a", ("line-1", "Gone?", True), ("line-2", "Kept?", False))
    b = run_of(tmp_path / "b", ("line-1", "Kept?", True), ("line-2", "New?", True))
    with pytest.raises(SourceError, match="different questions"):
        compare_runs(a, b)
    comparison = compare_runs(a, b, shared_only=True)
    assert comparison.questions == 1
    assert comparison.only_b == ("line-1",)
    assert [(change.text, change.a, change.b) for change in comparison.changed] == [
        ("Kept?", "not_found", "ok")
    ]
    with pytest.raises(SourceError, match="no question in common"):
        compare_runs(a, run_of(tmp_path / "c", ("line-1", "Other?", True)), shared_only=True)
