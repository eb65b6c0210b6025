"""Units as tensors: what the network is given, and what it should say."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor
from torch.utils.data import Dataset

from index.embeddings import packaged_tokenizer
from rag.reader.features import Pair, PairEncoder, arrays_of, batch_of
from rag.reader.network import NEVER, ReaderNetwork
from rag.reader.rows import Row, window
from rag.reader.units import Recipe, Unit

_UNTITLED_SHARE = 0.25  # of titled rows are read without: many documents have no title


class Lesson(NamedTuple):
    """One batch: the five inputs of the network (see ``arrays_of``), and what is right for each row.

    ``start``, ``end`` (n, length) and ``evidence`` (n, sentences) are 0 where the right choice may lie
    and ``NEVER`` elsewhere. ``answerable``, ``evident`` (is a sentence marked?), ``weight`` and
    ``rival`` (does the row before belong to the same unit?) are (n,).
    """

    ids: Tensor
    types: Tensor
    mask: Tensor
    allowed: Tensor
    pooling: Tensor
    start: Tensor
    end: Tensor
    evidence: Tensor
    answerable: Tensor
    evident: Tensor
    weight: Tensor
    rival: Tensor


class Lessons(Dataset[Lesson]):
    """The lessons of batches, made when they are asked for; a worker process can do it."""

    def __init__(self, batches: Sequence[Sequence[Unit]], recipe: Recipe) -> None:
        """Empty batches are not allowed."""
        self._batches = batches
        self._recipe = recipe
        self._encoder: PairEncoder | None = None

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> Lesson:
        if self._encoder is None:
            self._encoder = PairEncoder(packaged_tokenizer())
        rng = random.Random(self._recipe.seed * 1_000_003 + number)
        units = self._batches[number]
        rows = [window(_titled(row, rng), self._recipe.window_chars, rng) for unit in units for row in unit]
        pairs = [self._encoder.encode(row.question, row.title, row.text, row.sentences) for row in rows]
        return lesson_of(rows, pairs, [at > 0 for unit in units for at in range(len(unit))])


def _titled(row: Row, rng: random.Random) -> Row:
    return replace(row, title="") if row.title and rng.random() < _UNTITLED_SHARE else row


def lesson_of(rows: Sequence[Row], pairs: Sequence[Pair], rival: Sequence[bool]) -> Lesson:
    """Put rows and their encoded pairs into one lesson; see :class:`Lesson` for ``rival``."""
    inputs = arrays_of(batch_of(pairs))
    length, sentences = inputs[0].shape[1], inputs[4].shape[1]
    start = np.full((len(rows), length), NEVER, dtype=np.float32)
    end = np.full((len(rows), length), NEVER, dtype=np.float32)
    evidence = np.full((len(rows), sentences), NEVER, dtype=np.float32)
    answerable = np.zeros(len(rows), dtype=np.float32)
    for at, (row, pair) in enumerate(zip(rows, pairs, strict=True)):
        for first, last in _token_spans(row, pair):
            start[at, first] = end[at, last] = 0.0
        if row.answers and start[at].max() == 0.0:
            answerable[at] = 1.0
            for number in _evidence_numbers(row, pair):
                evidence[at, number] = 0.0
        else:
            start[at, 0] = end[at, 0] = 0.0
    made = (
        start,
        end,
        evidence,
        answerable,
        (evidence.max(axis=1) == 0.0).astype(np.float32),
        np.array([row.weight for row in rows], dtype=np.float32),
        np.array(rival, dtype=np.float32),
    )
    return Lesson(*(torch.from_numpy(array) for array in (*inputs, *made)))


def _token_spans(row: Row, pair: Pair) -> list[tuple[int, int]]:
    """The answers as positions of their first and last token, without those that were cut off."""
    found: list[tuple[int, int]] = []
    for start, end in row.answers:
        inside = [at for at, (first, last) in enumerate(pair.offsets) if first < end and last > start]
        if inside and pair.offsets[inside[-1]][1] >= end:
            found.append((pair.first + inside[0], pair.first + inside[-1]))
    return found


def _evidence_numbers(row: Row, pair: Pair) -> set[int]:
    return {
        number
        for number, (start, end) in enumerate(row.sentences)
        if any(start < last and first < end for first, last in row.evidence) and number in pair.sentence_of
    }


def loss_of(network: ReaderNetwork, lesson: Lesson) -> Tensor:
    """The loss per row: span + evidence + answerable + rank of a positive over its own negative."""
    answerable, evidence, start, end = network(*lesson[:5])
    span = -(_marginal(start, lesson.start) + _marginal(end, lesson.end)) / 2
    marked = -_marginal(evidence, lesson.evidence) * lesson.evident
    decision = F.binary_cross_entropy_with_logits(answerable, lesson.answerable, reduction="none")
    over = F.softplus(answerable[1:] - answerable[:-1]) * lesson.rival[1:]
    total: Tensor = ((span + 0.7 * decision) * lesson.weight + marked).sum() + 0.5 * over.sum()
    return total / len(answerable)


def _marginal(logits: Tensor, allowed: Tensor) -> Tensor:
    """Log probability (n,) that one of the allowed positions is chosen."""
    return torch.logsumexp(logits + allowed, dim=1) - torch.logsumexp(logits, dim=1)
