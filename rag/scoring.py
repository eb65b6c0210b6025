"""Scores of an evaluation: how good the retrieval, the answers and the refusals are."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import fmean

from index.errors import FootnoteError
from rag.answers import Turn

MEASURES = ("nDCG@10", "RR@10", "R@1", "R@5", "R@10", "R@100", "Success@1", "Success@4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of a set and what a right reaction to it is."""

    question_id: str
    text: str
    history: tuple[Turn, ...] = ()
    answers: tuple[str, ...] = ()  # any of them is right
    answerable: bool | None = None  # None: not known, so answers to it are not scored
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the pipeline made of one question. Of ``quotes``, ``verbatim`` stand in the cited text."""

    question: Question
    answer: str  # without marks
    refused: bool
    confidence: float
    cited: tuple[tuple[str, str], ...] = ()  # document id, quote
    verbatim: int = 0
    failed: bool = False  # an error, not a decision; it counts as refused and is reported


def require_measures() -> None:
    """Fail before the long work, not after it, when what scores a run is not installed.

    Raises:
        FootnoteError: It is not.
    """
    if find_spec("ir_measures") is None:
        raise FootnoteError(
            "Measuring needs the package ir-measures.", hint="Install it: pip install 'footnote[eval]'"
        )


def retrieval_scores(
    relevance: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Mapping[str, float]],
    asked: Sequence[str],
) -> dict[str, float | int]:
    """Means over the asked questions that have a relevant document; one with no result scores 0."""
    import ir_measures

    judged = {question: dict(relevance[question]) for question in asked if question in relevance}
    if not judged:
        return {"questions": 0}
    # Without the empty ones, which some of the engines behind ir_measures refuse.
    found = {question: dict(run[question]) for question in judged if run.get(question)}
    totals = dict.fromkeys(MEASURES, 0.0)
    measures = [ir_measures.parse_measure(name) for name in MEASURES]
    for value in ir_measures.iter_calc(measures, judged, found):
        totals[str(value.measure)] += value.value
    return {"questions": len(judged)} | {name: total / len(judged) for name, total in totals.items()}


def answer_scores(outcomes: Sequence[Outcome]) -> dict[str, float | int | None]:
    """Scores of the answers; every share is in [0, 1] and None where there is nothing to score.

    ``contains``: a right answer stands in the given one (a refusal does not hold it). ``refused[...]``:
    share refused, of the answerable questions (low is good) and of each kind that is not (high is
    good). ``auroc[...]``: how well ``confidence`` tells answerable questions from that kind; 0.5 is
    chance. ``verbatim``: share of quotes that stand word for word in the cited text.
    """
    scored = [outcome for outcome in outcomes if outcome.question.answerable is not None]
    answerable = [outcome for outcome in scored if outcome.question.answerable]
    others: dict[str, list[Outcome]] = {}
    for outcome in scored:
        if not outcome.question.answerable:
            others.setdefault(outcome.question.kind or "unanswerable", []).append(outcome)
    with_gold = [outcome for outcome in answerable if outcome.question.answers]
    quotes = sum(len(outcome.cited) for outcome in outcomes)
    scores: dict[str, float | int | None] = {
        "questions": len(scored),
        "contains": _mean([_holds_answer(outcome) for outcome in with_gold]),
        "refused[answerable]": _mean([outcome.refused for outcome in answerable]),
    }
    for kind, group in sorted(others.items()):
        scores[f"refused[{kind}]"] = _mean([outcome.refused for outcome in group])
    for kind, group in sorted(others.items()):
        scores[f"auroc[{kind}]"] = auroc(
            [outcome.confidence for outcome in answerable], [outcome.confidence for outcome in group]
        )
    scores["failed"] = sum(outcome.failed for outcome in outcomes)
    scores["quotes"] = quotes
    scores["verbatim"] = sum(outcome.verbatim for outcome in outcomes) / quotes if quotes else None
    return scores


def _mean(values: Sequence[bool]) -> float | None:
    return fmean(values) if values else None


def _holds_answer(outcome: Outcome) -> bool:
    text = f" {normalised(outcome.answer)} "
    golds = (normalised(gold) for gold in outcome.question.answers)
    return not outcome.refused and any(gold and f" {gold} " in text for gold in golds)


def normalised(text: str) -> str:
    """Lower case without punctuation and articles: the form in which SQuAD compares answers."""
    bare = text.lower().translate(str.maketrans("", "", string.punctuation))
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", bare).split())


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float | None:
    """Chance that a positive scores higher than a negative; a tie counts half. None if one side is empty."""
    if not positives or not negatives:
        return None
    up, down = Counter(positives), Counter(negatives)
    below, wins = 0, 0.0
    for value in sorted(up.keys() | down.keys()):
        wins += up[value] * (below + down[value] / 2)
        below += down[value]
    return wins / (len(positives) * len(negatives))
