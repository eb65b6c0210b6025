"""Two runs compared: differences that can be worked out by hand, and runs that do not belong together."""

from __future__ import annotations

import json
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.errors import SourceError
from rag.comparison import (
    Comparison,
    Difference,
    area,
    bootstrap_interval,
    compare_runs,
    comparison_lines,
    randomisation_p,
)


def row(name: str, right: bool | None, **changes: Any) -> dict[str, Any]:
    why = "" if right is None else "ok" if right else "wrong_sentence"
    return {
        "id": name,
        "text": f"Question {name}?",
        "answerable": True,
        "kind": "",
        "confidence": 0.5,
        "right": right,
        "why": why,
        "milliseconds": 10.0,
        "measures": {"contains": float(bool(right))},
        **changes,
    }


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows)
    (folder / "questions.jsonl").write_text(lines, encoding="utf-8")
    return folder


def compared(tmp_path: Path, a: list[dict[str, Any]], b: list[dict[str, Any]]) -> Comparison:
    return compare_runs(written(tmp_path / "a", a), written(tmp_path / "b", b))


def measure(comparison: Comparison, name: str) -> Difference:
    (found,) = (each for each in comparison.differences if each.measure == name)
    return found


def test_a_measure_is_compared_question_by_question(tmp_path: Path) -> None:
    a = [row("q1", True), row("q2", False), row("q3", False), row("q4", True, measures={})]
    b = [row("q1", True), row("q2", True), row("q3", True), row("q4", True)]
    comparison = compared(tmp_path, a, b)
    found = measure(comparison, "contains")
    assert (found.questions, found.b) == (3, 1.0)  # q4 has none in a
    assert found.a == pytest.approx(1 / 3)
    assert found.difference == pytest.approx(2 / 3)
    assert found.low <= found.difference <= found.high
    assert measure(comparison, "right").questions == 4


def test_the_questions_that_only_one_run_got_right_are_named(tmp_path: Path) -> None:
    a = [row("q1", True), row("q2", False), row("q3", True), row("q4", None)]
    b = [row("q1", False), row("q2", True), row("q3", True), row("q4", True)]
    comparison = compared(tmp_path, a, b)
    assert (comparison.only_a, comparison.only_b) == (("q1",), ("q2",))


def test_the_ten_most_changed_questions_come_first(tmp_path: Path) -> None:
    a = [row(f"q{n}", True, measures={"F1": 1.0, "words": 9.0}) for n in range(14)]
    b = [row(f"q{n}", True, measures={"F1": 1.0 - n / 20, "words": 1.0}) for n in range(14)]
    comparison = compared(tmp_path, a, b)
    assert [change.question_id for change in comparison.changed] == [f"q{n}" for n in range(13, 3, -1)]
    assert comparison.changed[0].size == pytest.approx(
        13 / 20 / 2
    )  # of F1 and of right; length is no quality


def test_the_same_run_twice_differs_in_nothing(tmp_path: Path) -> None:
    rows = [row("q1", True), row("q2", False), row("q3", False, answerable=False, kind="off")]
    comparison = compared(tmp_path, rows, rows)
    for each in comparison.differences:
        assert (each.difference, each.low, each.high, each.p) == (0.0, 0.0, 0.0, 1.0)
    assert comparison.changed == ()
    assert measure(comparison, "auroc[off]").a == 0.5


def test_confidence_is_compared_by_the_area_under_its_curve(tmp_path: Path) -> None:
    def rows(gap: float, scale: float) -> list[dict[str, Any]]:
        good = [row(f"g{n}", True, confidence=scale * (n + gap)) for n in range(20)]
        return good + [
            row(f"b{n}", True, confidence=scale * n, answerable=False, kind="off") for n in range(20)
        ]

    found = measure(compared(tmp_path, rows(0, 1.0), rows(20, 0.01)), "auroc[off]")
    assert (found.a, found.b, found.questions) == (0.5, 1.0, 40)
    assert 0.3 < found.low <= 0.5 <= found.high < 0.7
    assert found.p < 0.01


def test_a_run_is_compared_by_rank_so_that_another_scale_is_no_difference(tmp_path: Path) -> None:
    def rows(scale: float) -> list[dict[str, Any]]:
        return [row(f"q{n}", True, confidence=scale * n, answerable=n % 3 > 0, kind="off") for n in range(30)]

    found = measure(compared(tmp_path, rows(1.0), rows(0.001)), "auroc[off]")
    assert (found.difference, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("b", "message"),
    [
        ([row("q1", True)], r"1 only in \S+a \(q2\)"),
        ([row("q1", True), row("q2", True), row("q3", True)], r"1 only in \S+b \(q3\)"),
        ([row("q1", True), row("q2", True, text="Another?")], r"1 with the same id but other words \(q2\)"),
    ],
)
def test_runs_over_different_questions_are_refused(
    tmp_path: Path, b: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        compared(tmp_path, [row("q1", True), row("q2", True)], b)
    assert "--limit" in caught.value.hint


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    a = written(tmp_path / "a", [row("q1", True)])
    with pytest.raises(SourceError, match=r"holds no questions\.jsonl"):
        compare_runs(a, tmp_path)


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "q1"}', '"id text right why measures"'])
def test_a_damaged_file_is_refused(tmp_path: Path, line: str) -> None:
    a = written(tmp_path / "a", [row("q1", True)])
    (a / "questions.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(SourceError, match="not in the expected form"):
        compare_runs(a, a)


def test_a_question_may_hold_any_line_separator(tmp_path: Path) -> None:
    rows = [row("q1", True, text="One\u2028two\u0085three?")]
    assert compared(tmp_path, rows, rows).questions == 1


def test_the_table_names_both_runs_and_every_measure(tmp_path: Path) -> None:
    comparison = compared(tmp_path, [row("q1", False)], [row("q1", True)])
    lines = list(comparison_lines(comparison))
    assert lines[:2] == [f"A  {tmp_path / 'a'}", f"B  {tmp_path / 'b'}"]
    (contains,) = (line for line in lines if line.startswith("  contains"))
    assert contains.split() == [
        "contains",
        "1",
        "0.0000",
        "1.0000",
        "+1.0000",
        "[+1.0000,",
        "+1.0000]",
        "1.0000",
    ]
    assert "Right only in A: 0 questions; only in B: 1" in lines
    assert lines[-1] == "  q1  wrong_sentence → ok  Question q1?"


# -- the tests themselves, against what can be worked out


def test_the_randomisation_test_agrees_with_the_sign_test_on_equal_differences() -> None:
    # 9 wins and 1 loss of the same size: two-sided binomial probability of 9 or more of 10.
    exact = 2 * (comb(10, 9) + comb(10, 10)) / 2**10
    p = randomisation_p(np.array([1.0] * 9 + [-1.0] + [0.0] * 50))
    assert p == pytest.approx(exact, abs=0.005)


def test_a_clear_difference_has_a_small_p_that_is_never_zero() -> None:
    assert 0 < randomisation_p(np.full(200, 0.1)) < 0.001
    assert randomisation_p(np.zeros(5)) == 1.0


def test_the_interval_agrees_with_the_normal_one_on_many_questions() -> None:
    differences = np.random.default_rng(1).normal(0.2, 1.0, size=2000)
    low, high = bootstrap_interval(differences)
    half = 1.96 * differences.std() / np.sqrt(len(differences))
    assert low == pytest.approx(differences.mean() - half, abs=0.005)
    assert high == pytest.approx(differences.mean() + half, abs=0.005)


def test_the_same_differences_always_give_the_same_numbers() -> None:
    differences = np.random.default_rng(2).normal(size=100)
    assert bootstrap_interval(differences) == bootstrap_interval(differences[::-1])
    assert randomisation_p(differences) == randomisation_p(differences[::-1])


def test_ties_count_half_in_the_area() -> None:
    assert area(np.array([1.0, 2.0]), np.array([1.0, 0.0])) == pytest.approx((0.5 + 1 + 1 + 1) / 4)
