"""What the reader learns from, and in which order: rows with the negatives made for them, in batches."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.reader import negatives
from rag.reader.rows import Row, read_rows

# A row, and for some a second one of the same question or passage that does not answer.
Unit = tuple[Row, ...]

_POOL = 40  # batches whose rows are sorted by length together


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides what comes out, written beside the weights."""

    files: tuple[str, ...]
    take: tuple[int, ...]  # rows of each file; 0 takes all
    folds: tuple[int, ...]  # of rows that carry one; other rows are always taken
    start: str  # weights to go on from; "" is MiniLM
    epochs: float
    rate: float
    batch_pairs: int
    window_chars: int
    mined_share: float
    exchanged_share: float
    frozen_layers: int  # of the body, counted from below
    dropout: float
    seed: int


def batches_of(recipe: Recipe) -> list[list[Unit]]:
    """All batches of about ``batch_pairs`` rows of like length, in the order of training.

    Every epoch has its own negatives. Inside a batch, units ascend by length.
    """
    rng = random.Random(recipe.seed)
    sources = list(_sources(recipe))
    batches: list[list[Unit]] = []
    for turn in range(math.ceil(recipe.epochs)):
        units = [unit for rows in sources for unit in _with_negatives(_taken(rows, rng), recipe, rng)]
        rng.shuffle(units)
        units = units[: round(min(1.0, recipe.epochs - turn) * len(units))]
        batches += _batched(units, recipe, rng)
    return batches


def _sources(recipe: Recipe) -> Iterator[tuple[list[Row], int]]:
    for name, take in zip(recipe.files, recipe.take, strict=True):
        yield [row for row in read_rows(Path(name)) if row.fold is None or row.fold in recipe.folds], take


def _taken(source: tuple[list[Row], int], rng: random.Random) -> list[Row]:
    rows, take = source
    return rng.sample(rows, min(take or len(rows), len(rows)))


def _with_negatives(rows: Sequence[Row], recipe: Recipe, rng: random.Random) -> list[Unit]:
    answerable = [row for row in rows if row.answers]
    # Questions on a passage without a title ("What brand is it?") are answered by half of the others.
    titled = [row for row in answerable if row.title]
    partners: dict[int, Row] = {}
    chosen = [row for row in titled if rng.random() < recipe.mined_share]
    for row, other in zip(chosen, negatives.mined(chosen, titled, rng) if chosen else (), strict=True):
        if other is not None:
            partners[id(row)] = other
    rest = [row for row in answerable if id(row) not in partners and rng.random() < recipe.exchanged_share]
    for row, other in zip(rest, negatives.exchanged(rest, rng), strict=True):
        if other is not None:
            partners[id(row)] = other
    return [(row, partners[id(row)]) if id(row) in partners else (row,) for row in rows]


def _batched(units: Sequence[Unit], recipe: Recipe, rng: random.Random) -> Iterator[list[Unit]]:
    def length(unit: Unit) -> int:
        return max(min(len(row.text), recipe.window_chars) + len(row.question) for row in unit)

    for start in range(0, len(units), _POOL * recipe.batch_pairs):
        pool = sorted(units[start : start + _POOL * recipe.batch_pairs], key=length)
        batch: list[Unit] = []
        made: list[list[Unit]] = []
        for unit in pool:
            batch.append(unit)
            if sum(len(each) for each in batch) >= recipe.batch_pairs:
                made.append(batch)
                batch = []
        if batch:
            made.append(batch)
        rng.shuffle(made)
        yield from made


def share_of(batch: Sequence[Unit], rank: int, processes: int) -> list[Unit]:
    """The units of a batch for one of several processes, chosen so that all get as much to read.

    Every so-manieth unit, there and back (0 1 1 0 0 1 ...), as units lie in the order of their length.
    """
    there_and_back = [*range(processes), *reversed(range(processes))]
    return [unit for at, unit in enumerate(batch) if there_and_back[at % len(there_and_back)] == rank]
