"""Reading passages for a question: what the network says, in characters and sentences."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.reader.features import Pair, PairEncoder, arrays_of, batch_of, in_few_shapes

WEIGHTS = Path(__file__).with_name("weights.safetensors")
SHORT_ANSWER_TOKENS = 24  # the longest; nineteen of twenty answers of the training data have at most 12


@dataclass(frozen=True, slots=True)
class Text:
    """What is read: a passage, where it stands, and its sentences as ascending character spans."""

    title: str
    text: str
    sentences: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class SentenceReading:
    """One sentence: ``evidence`` is its log probability among the sentences of its passage.

    ``span`` are character offsets into the passage of the best short answer inside the sentence, None
    where it has no tokens; ``span_score`` is its logit over that of "no answer here".
    """

    evidence: float
    span: tuple[int, int] | None
    span_score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One passage: ``answerable`` is the logit that it answers the question; uncalibrated."""

    answerable: float
    sentences: tuple[SentenceReading, ...]

    @property
    def span_score(self) -> float:
        """The best of its sentences."""
        return max((sentence.span_score for sentence in self.sentences), default=UNREAD)


UNREAD = -20.0  # stands for minus infinity where a sentence was cut off


class Reader(ABC):
    """Reads passages for a question. Safe to use from several threads."""

    @abstractmethod
    def read(self, question: str, texts: Sequence[Text]) -> list[Reading]:
        """One reading for each text, in order, with one entry for each of its sentences."""

    def close(self) -> None:  # noqa: B027 - most readers hold nothing
        """Let go of threads and files."""


class Runs(Protocol):
    """A network that is ready to run on ``threads`` threads at once."""

    threads: int

    def prepare_thread(self) -> None:
        """Called once in each thread that is going to run it."""

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """The logits for ``arrays_of`` a batch: answerable, evidence, start, end."""


class NetworkReader(Reader):
    """The trained network, as torch or as the compiled runtime runs it."""

    def __init__(self, network: Runs, encoder: PairEncoder) -> None:
        """Take ready parts (``load_reader`` makes them)."""
        self._network = network
        self._encoder = encoder
        self._encoding = threading.Lock()
        # One core for each thread: for matrices as small as these that reads a third more in a second than
        # all cores on one text after the other.
        self._pool = ThreadPoolExecutor(
            network.threads, thread_name_prefix="reader", initializer=network.prepare_thread
        )

    def read(self, question: str, texts: Sequence[Text]) -> list[Reading]:
        if not texts:
            return []
        with self._encoding:
            pairs = [self._encoder.encode(question, text.title, text.text, text.sentences) for text in texts]
        # Each by itself: a batch would be padded to its longest, and is not read faster by the token.
        return list(self._pool.map(self._read, pairs))

    def _read(self, pair: Pair) -> Reading:
        outputs = self._network.run(arrays_of(in_few_shapes(batch_of([pair]))))
        answerable, evidence, start, end = (output[0] for output in outputs)
        # log softmax; the greatest logit is taken off first so that nothing overflows
        evidence -= evidence.max()
        evidence -= np.log(np.exp(evidence).sum())
        return Reading(answerable=float(answerable), sentences=_sentence_readings(pair, evidence, start, end))

    def close(self) -> None:
        self._pool.shutdown(wait=False)


def _sentence_readings(
    pair: Pair, evidence: NDArray[np.float32], start: NDArray[np.float32], end: NDArray[np.float32]
) -> tuple[SentenceReading, ...]:
    nothing = float(start[0] + end[0])
    numbers = np.asarray(pair.sentence_of)
    found: list[SentenceReading] = []
    for sentence in range(pair.sentences):
        inside = np.flatnonzero(numbers == sentence)
        if not len(inside):
            found.append(SentenceReading(evidence=UNREAD, span=None, span_score=UNREAD))
            continue
        first, last, score = best_span(start[pair.first + inside], end[pair.first + inside])
        span = (pair.offsets[inside[first]][0], pair.offsets[inside[last]][1])
        found.append(
            SentenceReading(evidence=float(evidence[sentence]), span=span, span_score=score - nothing)
        )
    return tuple(found)


def best_span(start: NDArray[np.float32], end: NDArray[np.float32]) -> tuple[int, int, float]:
    """The first and last position, at most ``SHORT_ANSWER_TOKENS`` apart, with the greatest sum of logits.

    Args:
        start, end: (n,) logits, n >= 1.
    """
    scores = start[:, None] + end[None, :]
    distance = np.arange(len(end))[None, :] - np.arange(len(start))[:, None]
    scores = np.where((distance >= 0) & (distance < SHORT_ANSWER_TOKENS), scores, -np.inf)
    first, last = np.unravel_index(int(scores.argmax()), scores.shape)
    return int(first), int(last), float(scores[first, last])
