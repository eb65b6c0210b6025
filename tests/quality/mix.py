"""Fits the mixes of ``rag.evidence`` and ``rag.rerank`` on what ``tests.quality.collect`` wrote.

    python -m tests.quality.mix FILE...

Prints the weights and, for each file, what they give beside what each signal alone gives. Figures of the
fitted mixes are cross-validated: every fifth of the questions is judged by a fit to the others.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize

from rag.evidence import READ_SENTENCE_MIX, mixed
from rag.reader.reading import UNREAD
from rag.rerank import RANK_MIX
from rag.scoring import auroc

Line = dict[str, Any]
Vector = NDArray[np.float64]

PASSAGE = tuple(RANK_MIX)
READ = 6  # of the passages in a file, as many as the product reads
SENTENCE = (
    *("similarity", "overlap", "context", "passage", "kind", "evidence", "span_chance", "chance"),
    *("logevidence", "span", "answerable"),
)
CONFIDENCE = (
    "cosine",
    "overlap",
    "in_passage",
    "missing_number",
    "unheard_name",
    "answerable",
    "span",
    "evidence",
)
FOLDS = 5


def softmax_fit(groups: Sequence[tuple[Vector, Vector]], *, penalty: float = 1e-3) -> Vector:
    """Weights that make the right rows of each group probable: a conditional logit (McFadden 1974).

    Args:
        groups: Features (n, d) and, for each row, 1.0 where it is right; groups with none are left out.
        penalty: Of the squared weights, for each group.
    """
    used = [(rows, right) for rows, right in groups if right.any() and not right.all()]
    size = used[0][0].shape[1]

    def loss(weights: Vector) -> tuple[float, Vector]:
        total, gradient = 0.0, np.zeros(size)
        for rows, right in used:
            scores = rows @ weights
            scores -= scores.max()
            chances = np.exp(scores)
            among = chances * right
            total -= math.log(among.sum() / chances.sum())
            gradient += rows.T @ (chances / chances.sum() - among / among.sum())
        return total / len(used) + penalty * float(weights @ weights), gradient / len(
            used
        ) + 2 * penalty * weights

    return np.asarray(minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B").x)


def logistic_fit(rows: Vector, right: Vector, weights: Vector, *, penalty: float = 1e-3) -> Vector:
    """Weights of a logistic regression; the first column is the offset, which is not penalised."""

    def loss(at: Vector) -> tuple[float, Vector]:
        logits = rows @ at
        free = at.copy()
        free[0] = 0.0
        chance = 1 / (1 + np.exp(-logits))
        each = np.logaddexp(0, logits) - right * logits
        total = float((weights * each).sum() / weights.sum()) + penalty * float(free @ free)
        return total, rows.T @ (weights * (chance - right)) / weights.sum() + 2 * penalty * free

    return np.asarray(minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x)


def signals_of(sentence: Mapping[str, Any], names: Sequence[str]) -> list[float]:
    signals = dict(sentence["signals"])
    signals["logevidence"] = math.log(max(signals.get("evidence", 0.0), 1e-4))
    return [float(signals.get(name, 0.0)) for name in names]


def passage_rows(line: Line) -> Vector:
    """The signals of ``rag.rerank.rank_signals`` for each passage that the product would read."""
    best: dict[int, float] = {}
    for sentence in line["sentences"]:
        score = mixed(READ_SENTENCE_MIX, sentence["signals"])
        best[sentence["passage"]] = max(score, best.get(sentence["passage"], score))
    rows: list[list[float]] = []
    for passage in line["passages"][:READ]:
        signals = {
            "fused": passage["fused"],
            "answerable": passage["answerable"] / 4,
            "span": max(passage["span"], UNREAD) / 10,
            "sentence": best.get(passage["chunk"], 0.0),
        }
        rows.append([signals[name] for name in PASSAGE])
    return np.array(rows)


def documents_in_order(line: Line, scores: Vector) -> list[str]:
    """The documents when the read passages are ordered by ``scores`` and the rest follows."""
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    groups = [line["passages"][at]["documents"] for at in order]
    groups += [passage["documents"] for passage in line["passages"][len(scores) :]]
    return list(dict.fromkeys(each for documents in (*groups, *line["tail"]) for each in documents))


def ndcg(line: Line, scores: Vector) -> float:
    """nDCG@10 of documents."""
    gains = [line["relevant"].get(each, 0) for each in documents_in_order(line, scores)[:10]]
    ideal = sorted(line["relevant"].values(), reverse=True)[:10]

    def total(values: Sequence[int]) -> float:
        return sum(value / math.log2(rank + 2) for rank, value in enumerate(values))

    return total(gains) / total(ideal)


def all_needed(line: Line, scores: Vector, k: int = 5) -> float:
    return float(set(line["relevant"]) <= set(documents_in_order(line, scores)[:k]))


def cross_validated(
    lines: Sequence[Line], fit: Callable[[Sequence[Line]], Vector], use: Callable[[Line, Vector], float]
) -> list[float]:
    values = [0.0] * len(lines)
    for fold in range(FOLDS):
        weights = fit([line for at, line in enumerate(lines) if at % FOLDS != fold])
        for at in range(fold, len(lines), FOLDS):
            values[at] = use(lines[at], weights)
    return values


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


# -- passages --------------------------------------------------------------------------------------


def report_passages(files: Mapping[str, Sequence[Line]]) -> None:
    """Print nDCG@10 by the fused score, by the reader alone, by fits to one set and to all, and as it is."""
    print("\nPassages: nDCG@10, and all that are needed among the first five")
    judged = {name: [line for line in lines if line["relevant"]] for name, lines in files.items()}
    judged = {name: lines for name, lines in judged.items() if lines}
    chance = fit_chance([line for lines in judged.values() for line in lines])
    print(f"  chance: slope {chance[1]:.3f} offset {chance[0]:.3f}")
    everything = [line for lines in judged.values() for line in lines]
    pooled = fit_passages(everything)
    print("  pooled mix", dict(zip(PASSAGE, pooled.round(2).tolist(), strict=True)))
    print(f"  offset for a chance: {fit_offset(everything, pooled):.2f}")
    columns = {name: np.eye(len(PASSAGE))[PASSAGE.index(name)] for name in ("fused", "answerable")}
    mixes = columns | {"as it is": np.array(list(RANK_MIX.values())), "pooled": pooled}
    for name, lines in judged.items():
        for label, mix in mixes.items():
            print(f"  {name:<18} {label:<24} {both(lines, mix)}")
        fitted = cross_validated(lines, fit_passages, lambda line, mix: ndcg(line, passage_rows(line) @ mix))
        print(f"  {name:<18} {'its own, cross-validated':<24} {mean(fitted):.4f}")
    held = cross_validated(everything, fit_passages, lambda line, mix: ndcg(line, passage_rows(line) @ mix))
    at = 0
    for name, lines in judged.items():
        print(f"  {name:<18} {'pooled, cross-validated':<24} {mean(held[at : at + len(lines)]):.4f}")
        at += len(lines)


def both(lines: Sequence[Line], mix: Vector) -> str:
    needed = mean([all_needed(line, passage_rows(line) @ mix) for line in lines])
    return f"{mean([ndcg(line, passage_rows(line) @ mix) for line in lines]):.4f} {needed:.3f}"


def fit_passages(lines: Sequence[Line]) -> Vector:
    return softmax_fit([(passage_rows(line), relevance_of(line)[:READ]) for line in lines])


def fit_offset(lines: Sequence[Line], mix: Vector) -> float:
    """What to add to the mix so that as many passages are relevant as the chances say."""
    logits = np.concatenate([passage_rows(line) @ mix for line in lines])
    right = np.concatenate([relevance_of(line)[:READ] for line in lines])
    return float(
        brentq(lambda offset: (1 / (1 + np.exp(-(logits + offset)))).sum() - right.sum(), -60.0, 60.0)
    )


def relevance_of(line: Line) -> Vector:
    return np.array([float(p["relevant"] > 0) for p in line["passages"]])


def fit_chance(lines: Sequence[Line]) -> Vector:
    rows = np.array([[1.0, p["answerable"]] for line in lines for p in line["passages"]])
    right = np.array([float(p["relevant"] > 0) for line in lines for p in line["passages"]])
    return logistic_fit(rows, right, np.ones(len(right)))


# -- sentences -------------------------------------------------------------------------------------


def target(line: Line) -> Vector:
    """1.0 for the sentences that are right: marked as evidence, or holding the answer in a right document."""
    marked = np.array([float(s["marked"] and s["right"]) for s in line["sentences"]])
    if marked.any():
        return marked
    return np.array([float(s["holds"] and s["right"]) for s in line["sentences"]])


def report_sentences(files: Mapping[str, Sequence[Line]]) -> Vector:
    """Print how often the first sentence is right, by each signal and each mix; the last mix is returned."""
    print("\nSentences: the first is marked as evidence, or holds the answer, in a right document")
    asked = {name: [line for line in lines if _scorable(line)] for name, lines in files.items()}
    asked = {name: lines for name, lines in asked.items() if lines}
    for name, lines in asked.items():
        reachable = mean([float(target(line).any()) for line in lines])
        print(f"  {name}: {len(lines)} questions, reachable {reachable:.3f}")
        for number, signal in enumerate(SENTENCE):
            print(
                f"    {signal:<24} {mean([hit(line, np.eye(len(SENTENCE))[number]) for line in lines]):.3f}"
            )
        for label, names in SUBSETS.items():
            print(f"    {label:<24} {mean(cross_validated(lines, sentence_fit(names), hit)):.3f}")
    everything = [line for lines in asked.values() for line in lines]
    for label, names in SUBSETS.items():
        mix = sentence_fit(names)(everything)
        print(f"  pooled {label}", {name: round(float(mix[SENTENCE.index(name)]), 3) for name in names})
        print("   " + "".join(f" {n} {mean([hit(x, mix) for x in lines]):.3f}" for n, lines in asked.items()))
    return mix


def _scorable(line: Line) -> bool:
    return bool(line["answerable"] is not False and line["sentences"] and line["answers"])


def sentence_fit(names: Sequence[str]) -> Callable[[Sequence[Line]], Vector]:
    """A fit to these signals only; the others get no weight."""
    columns = [SENTENCE.index(name) for name in names]

    def fit(lines: Sequence[Line]) -> Vector:
        mix = np.zeros(len(SENTENCE))
        mix[columns] = softmax_fit([(sentence_rows(line)[:, columns], target(line)) for line in lines])
        return mix

    return fit


_WORDS = ("overlap", "context", "passage", "kind")
_READ = ("evidence", "span_chance", "chance")
SUBSETS: dict[str, tuple[str, ...]] = {
    "words": _WORDS,
    "words, similarity": ("similarity", *_WORDS),
    "reader": _READ,
    "all": SENTENCE,
    "words, similarity, reader": ("similarity", *_WORDS, *_READ),
    "words, reader": (*_WORDS, *_READ),
}


def sentence_rows(line: Line) -> Vector:
    return np.array([signals_of(sentence, SENTENCE) for sentence in line["sentences"]])


def hit(line: Line, weights: Vector) -> float:
    best = int((sentence_rows(line) @ weights).argmax())
    return float(target(line)[best] > 0)


# -- confidence ------------------------------------------------------------------------------------


def report_confidence(files: Mapping[str, Sequence[Line]], sentence_mix: Vector) -> None:
    """Print how well answerable questions are told from each other kind, the two mixes, and bars.

    One mix tells questions about other things altogether (:data:`ELSEWHERE`), one those that only look
    answerable; the confidence is the product of the two chances.
    """
    print("\nConfidence: AUROC of answerable against each kind")
    tables = {name: table for name, lines in files.items() if (table := _Table.of(lines, sentence_mix))}
    if not tables:
        return
    for name, table in tables.items():
        fitted = np.zeros(len(table.rows))
        for fold in range(FOLDS):
            held = np.arange(len(table.rows)) % FOLDS == fold
            fitted[held] = confidence(table.rows[held], [fit_part(table, ~held, part) for part in PARTS])
        signals = {each: table.rows[:, 1 + CONFIDENCE.index(each)] for each in CONFIDENCE}
        for kind in table.kinds:
            parts = [f"{label} {table.auroc(values, kind):.3f}" for label, values in signals.items()]
            print(f"  {name} {kind}: {', '.join(parts)}, both mixes {table.auroc(fitted, kind):.3f}")
        print_bars(f"{name}, cross-validated", {name: table}, fitted)
    whole = _Table.joined(list(tables.values()))
    mixes = [fit_part(whole, np.ones(len(whole.rows), dtype=np.bool_), part) for part in PARTS]
    for part, mix in zip(PARTS, mixes, strict=True):
        print(f"  pooled {part}", dict(zip(("offset", *CONFIDENCE), mix.round(3).tolist(), strict=True)))
    print_bars("pooled", tables, confidence(whole.rows, mixes))


ELSEWHERE = "off_corpus"
PARTS = ("topic", "answers")


def fit_part(table: _Table, among: NDArray[np.bool_], part: str) -> Vector:
    """Fit the mix that tells answerable questions from those of one part; no weight where it has none."""
    elsewhere = table.of_kind(ELSEWHERE)
    used = among & ((table.answerable > 0) | (elsewhere if part == "topic" else ~elsewhere))
    answerable = table.answerable[used]
    if answerable.all():
        return np.asarray(20.0 * np.eye(table.rows.shape[1])[0])  # certain
    halves = np.where(answerable > 0, answerable.sum(), len(answerable) - answerable.sum())
    return logistic_fit(table.rows[used], answerable, len(answerable) / 2 / halves)


def confidence(rows: Vector, mixes: Sequence[Vector]) -> Vector:
    return np.asarray(np.prod([1 / (1 + np.exp(-(rows @ mix))) for mix in mixes], axis=0))


def print_bars(label: str, tables: Mapping[str, _Table], values: Vector) -> None:
    answerable = np.concatenate([table.answerable for table in tables.values()])
    for share in (0.01, 0.02, 0.04, 0.06, 0.08, 0.1):
        bar = float(np.quantile(values[answerable > 0], share))
        refused, at = [], 0
        for name, table in tables.items():
            its = values[at : at + len(table.rows)] < bar
            at += len(table.rows)
            refused += [
                f"{name}/{kind} {float(its[table.of_kind(kind)].mean()):.3f}"
                for kind in ("answerable", *table.kinds)
            ]
        print(f"  {label}: bar {bar:.3f} refuses {share:.0%}: {', '.join(refused)}")


@dataclass(frozen=True, slots=True)
class _Table:
    """The questions of one set: signals of the best sentence, an offset first, and what is true."""

    rows: Vector
    kind: tuple[str, ...]  # of each row; "answerable" for those that are
    answerable: Vector

    @classmethod
    def of(cls, lines: Sequence[Line], sentence_mix: Vector) -> _Table | None:
        known = [line for line in lines if line["answerable"] is not None and line["sentences"]]
        kind = tuple("answerable" if each["answerable"] else each["kind"] or "unanswerable" for each in known)
        answerable = np.array([float(each == "answerable") for each in kind])
        if not answerable.any() or answerable.all():
            return None
        return cls(np.array([[1.0, *best_signals(line, sentence_mix)] for line in known]), kind, answerable)

    @classmethod
    def joined(cls, tables: Sequence[_Table]) -> _Table:
        return cls(
            np.concatenate([table.rows for table in tables]),
            tuple(kind for table in tables for kind in table.kind),
            np.concatenate([table.answerable for table in tables]),
        )

    @property
    def kinds(self) -> list[str]:
        return sorted(set(self.kind) - {"answerable"})

    def of_kind(self, kind: str) -> NDArray[np.bool_]:
        return np.array([each == kind for each in self.kind])

    def auroc(self, values: Vector, kind: str) -> float:
        positive, negative = values[self.answerable > 0], values[self.of_kind(kind)]
        return auroc([float(v) for v in positive], [float(v) for v in negative]) or 0.0


def best_signals(line: Line, weights: Vector) -> list[float]:
    best = line["sentences"][int((sentence_rows(line) @ weights).argmax())]
    return [float(best["confidence"].get(name, 0.0)) for name in CONFIDENCE]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    given = parser.parse_args()
    files: dict[str, list[Line]] = {
        path.stem: [json.loads(line) for line in path.open(encoding="utf-8")] for path in given.files
    }
    report_passages(files)
    weights = report_sentences(files)
    report_confidence(files, weights)


if __name__ == "__main__":
    main()
