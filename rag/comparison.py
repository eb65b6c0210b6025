"""Two runs over the same questions, compared measure by measure.

What differs is always looked at question by question, since the same question is easy or hard for both.
``p`` is from a paired randomisation test: if the runs were the same, any question's two values might as
well be exchanged (Smucker, Allan & Carterette, CIKM 2007; one is added to both counts, so that p is never
0: Phipson & Smyth, 2010). The interval is the paired bootstrap's, by percentiles (Efron & Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 13). For the area under the ROC curve the confidences are
exchanged as ranks, as two runs need not share a scale (Venkatraman & Begg, Biometrika 1996).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import SourceError
from rag.examination import QUESTIONS
from rag.scoring import LENGTHS

ROUNDS = 10_000
ROC_ROUNDS = 1_000  # each sorts all confidences
LEVEL = 0.95
MOST_CHANGED = 10
TIME = "milliseconds"
_ROUNDS_AT_ONCE = 500  # bounds the memory: rounds × distinct differences
_SEED = 20_070_611
_ROUNDING = 1e-12  # sums of the same differences in another order are as far from 0

Floats = NDArray[np.float64]
Row = Mapping[str, Any]  # a line of questions.jsonl


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One measure in both runs; ``difference`` is b - a, over the questions that have it in both."""

    measure: str
    questions: int
    a: float
    b: float
    difference: float
    low: float  # of the interval that holds the true difference with 95 % confidence
    high: float
    p: float  # in (0, 1]; small means that chance alone would hardly do it


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A question that went differently. ``size`` in (0, 1] is the mean change of its measures."""

    question_id: str
    text: str
    a: str  # why it was right or wrong in the first run, "" where nobody knows
    b: str
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs side by side."""

    a: str
    b: str
    questions: int
    differences: tuple[Difference, ...]
    only_a: tuple[str, ...]  # ids of the questions that only the first run got right
    only_b: tuple[str, ...]
    changed: tuple[Change, ...]  # the most changed first


def compare_runs(a: Path, b: Path, *, shared_only: bool = False) -> Comparison:
    """Compare the results in two folders that ``footnote eval --out`` wrote.

    Args:
        shared_only: Compare the questions that both asked in the same words, whatever their ids, and
            leave the others out: noted questions come and go, and their lines are renumbered.

    Raises:
        SourceError: One holds no results, or the runs asked different questions.
    """
    rows_a, rows_b = _read(a), _read(b)
    if shared_only:
        rows_a, rows_b = _shared(a, rows_a, b, rows_b)
    else:
        _require_same_questions(a, rows_a, b, rows_b)
    pairs = [(row, rows_b[name]) for name, row in rows_a.items()]
    differences = [
        difference for measure in _measures(pairs) if (difference := _paired(measure, pairs)) is not None
    ]
    differences += _roc_differences(pairs)
    return Comparison(
        a=str(a),
        b=str(b),
        questions=len(pairs),
        differences=tuple(differences),
        only_a=tuple(one["id"] for one, other in pairs if one["right"] and other["right"] is False),
        only_b=tuple(one["id"] for one, other in pairs if one["right"] is False and other["right"]),
        changed=_most_changed(pairs),
    )


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """The comparison as a table, then the questions that went differently."""
    yield f"A  {comparison.a}"
    yield f"B  {comparison.b}"
    yield f"{comparison.questions:,} questions; B - A with its 95 % interval"
    yield ""
    yield f"  {'measure':<34} {'n':>6} {'A':>9} {'B':>9} {'B - A':>9}  {'95 % interval':<21} {'p':>7}"
    for each in comparison.differences:
        digits = 1 if each.measure in (*LENGTHS, TIME) else 4
        interval = f"[{each.low:+.{digits}f}, {each.high:+.{digits}f}]"
        yield (
            f"  {each.measure:<34} {each.questions:>6,} {each.a:>9.{digits}f} {each.b:>9.{digits}f}"
            f" {each.difference:>+9.{digits}f}  {interval:<21} {each.p:>7.4f}"
        )
    yield ""
    yield f"Right only in A: {len(comparison.only_a):,} questions; only in B: {len(comparison.only_b):,}"
    if comparison.changed:
        yield ""
        yield "Most changed"
        for change in comparison.changed:
            text = " ".join(change.text.split())
            yield f"  {change.question_id}  {change.a or '-'} → {change.b or '-'}  {text}"


# -- reading ---------------------------------------------------------------------------------------


def _read(folder: Path) -> dict[str, Row]:
    """The questions of a run by id, in order."""
    path = folder / QUESTIONS
    rows: dict[str, Row] = {}
    try:
        # Only line feeds end a line of JSON; a question may hold what else splitlines() takes for one.
        for number, line in enumerate(path.read_text(encoding="utf-8").rstrip("\n").split("\n"), start=1):
            row = json.loads(line)
            if not {"id", "text", "right", "why", "measures"} <= row.keys():
                raise ValueError(f"line {number} lacks a field")
            rows[row["id"]] = row
    except FileNotFoundError as exc:
        raise SourceError(
            f"{folder} holds no {QUESTIONS}.", hint=f"Make it: footnote eval SET --out {folder}"
        ) from exc
    except (OSError, ValueError, TypeError, AttributeError) as exc:
        raise SourceError(
            f"{path} is not in the expected form: {exc}", hint="Run that evaluation again."
        ) from exc
    return rows


def _require_same_questions(a: Path, rows_a: Mapping[str, Row], b: Path, rows_b: Mapping[str, Row]) -> None:
    both = rows_a.keys() & rows_b.keys()
    other_words = [name for name in rows_a if name in both and rows_a[name]["text"] != rows_b[name]["text"]]
    problems = [
        f"{len(names):,} {what} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for names, what in (
            ([name for name in rows_a if name not in both], f"only in {a}"),
            ([name for name in rows_b if name not in both], f"only in {b}"),
            (other_words, "with the same id but other words"),
        )
        if names
    ]
    if problems:
        raise SourceError(
            f"The two runs asked different questions: {'; '.join(problems)}.",
            hint="Compare runs over the same set, with the same --limit.",
        )


def _shared(
    a: Path, rows_a: Mapping[str, Row], b: Path, rows_b: Mapping[str, Row]
) -> tuple[dict[str, Row], dict[str, Row]]:
    """The questions of both runs by words and kind, under the ids of the second run."""
    of_a = {(row["text"], row.get("kind")): row for row in rows_a.values()}
    pairs = [(of_a[key], row) for row in rows_b.values() if (key := (row["text"], row.get("kind"))) in of_a]
    if not pairs:
        raise SourceError(
            f"{a} and {b} have no question in common.", hint="Run both with the same questions."
        )
    return {row["id"]: {**one, "id": row["id"]} for one, row in pairs}, {row["id"]: row for _, row in pairs}


# -- one measure -----------------------------------------------------------------------------------


def _measures(pairs: Sequence[tuple[Row, Row]]) -> list[str]:
    names = dict.fromkeys(name for one, _ in pairs for name in one["measures"])
    return ["right", *(name for name in names if name != "right"), TIME]


def _value(row: Row, measure: str) -> float | None:
    value = row.get(measure) if measure in ("right", TIME) else row["measures"].get(measure)
    return None if value is None else float(value)


def _paired(measure: str, pairs: Sequence[tuple[Row, Row]]) -> Difference | None:
    """The difference in one measure; None when no question has it in both runs."""
    values = [(_value(one, measure), _value(other, measure)) for one, other in pairs]
    known = np.array([pair for pair in values if None not in pair], dtype=np.float64)
    if not len(known):
        return None
    differences = known[:, 1] - known[:, 0]
    low, high = bootstrap_interval(differences)
    return Difference(
        measure=measure,
        questions=len(known),
        a=float(known[:, 0].mean()),
        b=float(known[:, 1].mean()),
        difference=float(differences.mean()),
        low=low,
        high=high,
        p=randomisation_p(differences),
    )


def randomisation_p(differences: Floats) -> float:
    """How likely a mean at least as far from 0 is, if every difference might as well have the other sign.

    Args:
        differences: ``(n,)``, one for each question.

    Returns:
        In (0, 1]; the same for the same differences, whatever their order.
    """
    # Questions with the same difference are exchanged together: how many of them change sign is binomial.
    sizes, counts = np.unique(np.abs(differences), return_counts=True)
    sizes, counts = sizes[sizes > 0], counts[sizes > 0]
    bar = abs(float(differences.sum())) - _ROUNDING * len(differences)
    random = np.random.default_rng(_SEED)
    as_far = 0
    for rounds in _rounds(ROUNDS):
        kept = random.binomial(counts, 0.5, size=(rounds, len(counts)))
        as_far += int(np.count_nonzero(np.abs((2 * kept - counts) @ sizes) >= bar))
    return (as_far + 1) / (ROUNDS + 1)


def bootstrap_interval(differences: Floats) -> tuple[float, float]:
    """The 95 % interval of the mean, from the questions drawn again and again with replacement.

    Args:
        differences: ``(n,)``, one for each question, n >= 1.
    """
    values, counts = np.unique(differences, return_counts=True)
    total = len(differences)
    random = np.random.default_rng(_SEED)
    means = np.concatenate(
        [random.multinomial(total, counts / total, size=n) @ values / total for n in _rounds(ROUNDS)]
    )
    return _middle(means)


def _rounds(total: int) -> Iterator[int]:
    return (min(_ROUNDS_AT_ONCE, total - done) for done in range(0, total, _ROUNDS_AT_ONCE))


def _middle(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


# -- the area under the ROC curve ------------------------------------------------------------------


def _roc_differences(pairs: Sequence[tuple[Row, Row]]) -> Iterator[Difference]:
    """How well confidence tells answerable questions from each kind of the others, in both runs."""
    answerable: list[tuple[float, float]] = []
    others: dict[str, list[tuple[float, float]]] = {}
    for one, other in pairs:
        a, b, known = one.get("confidence"), other.get("confidence"), one.get("answerable")
        if a is None or b is None or known is None:
            continue
        group = answerable if known else others.setdefault(one.get("kind") or "unanswerable", [])
        group.append((float(a), float(b)))
    for kind, group in sorted(others.items()):
        if answerable:
            yield _roc_difference(f"auroc[{kind}]", np.array(answerable), np.array(group))


def _roc_difference(measure: str, positives: Floats, negatives: Floats) -> Difference:
    """Compare two curves.

    Args:
        measure: Its name.
        positives: ``(n, 2)``, confidence of each answerable question in both runs.
        negatives: ``(m, 2)``, of each of the others.
    """
    random = np.random.default_rng(_SEED)
    n, m = len(positives), len(negatives)
    a, b = (area(positives[:, run], negatives[:, run]) for run in (0, 1))
    drawn = np.empty(ROC_ROUNDS)
    for at in range(ROC_ROUNDS):
        up, down = positives[random.integers(n, size=n)], negatives[random.integers(m, size=m)]
        drawn[at] = area(up[:, 1], down[:, 1]) - area(up[:, 0], down[:, 0])
    low, high = _middle(drawn)

    everything = np.concatenate([positives, negatives])
    ranks = np.column_stack([_ranks(everything[:, run]) for run in (0, 1)])
    as_far = 0
    for _ in range(ROC_ROUNDS):
        swapped = np.where(random.random(n + m)[:, None] < 0.5, ranks, ranks[:, ::-1])
        one, other = (area(swapped[:n, run], swapped[n:, run]) for run in (0, 1))
        as_far += abs(other - one) >= abs(b - a) - _ROUNDING
    return Difference(
        measure=measure,
        questions=n + m,
        a=a,
        b=b,
        difference=b - a,
        low=low,
        high=high,
        p=(as_far + 1) / (ROC_ROUNDS + 1),
    )


def area(positives: Floats, negatives: Floats) -> float:
    """Chance that a positive is higher than a negative, a tie counting half."""
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    not_above = np.searchsorted(ordered, positives, side="right")
    return float((below + not_above).mean() / 2 / len(negatives))


def _ranks(values: Floats) -> Floats:
    """The rank of each value, equal ones sharing the middle of theirs."""
    ordered = np.sort(values)
    first = np.searchsorted(ordered, values, side="left")
    last = np.searchsorted(ordered, values, side="right")
    return np.asarray((first + last + 1) / 2, dtype=np.float64)


# -- single questions ------------------------------------------------------------------------------


def _most_changed(pairs: Sequence[tuple[Row, Row]]) -> tuple[Change, ...]:
    changes = [
        Change(question_id=one["id"], text=one["text"], a=one["why"], b=other["why"], size=size)
        for one, other in pairs
        if (size := _change(one, other)) > 0
    ]
    return tuple(sorted(changes, key=lambda change: -change.size)[:MOST_CHANGED])


def _change(one: Row, other: Row) -> float:
    """The mean absolute difference of the measures in [0, 1] that either run has; a missing one counts 0."""
    names = [name for name in {**one["measures"], **other["measures"]} if name not in LENGTHS]
    sizes = [abs((_value(one, name) or 0.0) - (_value(other, name) or 0.0)) for name in sorted(names)]
    if one["right"] is not None and other["right"] is not None:
        sizes.append(abs(float(one["right"]) - float(other["right"])))
    return sum(sizes) / len(sizes) if sizes else 0.0
