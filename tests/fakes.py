"""Small real subclasses of the public interfaces, so predictable that a person can work out every number."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.embeddings import Embedder, unit_rows
from rag.reader.reading import Reader, Reading, SentenceReading, Text


class WordCountEmbedder(Embedder):
    """One dimension for each known word, counting how often a text holds it; one more for all other words.

    Two texts with the same known words in the same proportion have cosine 1.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = tuple(word.casefold() for word in vocabulary)
        self.name = "word counts"
        self.dim = len(self.vocabulary) + 1
        self.max_tokens = 254
        self.fingerprint = hashlib.sha256(" ".join(self.vocabulary).encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            found = [word.casefold() for word in re.findall(r"\w+", text)]
            row[: self.dim - 1] = [found.count(word) for word in self.vocabulary]
            row[-1] = 0.1  # never all zero
        return unit_rows(rows) if len(texts) else rows

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]


class OverlapReader(Reader):
    """Reads by counting: a passage answers as far as it holds the words of the question.

    ``answerable`` is 8 × share − 4 of the question's words of four letters and more, so a passage with
    all of them has 4 and one with none −4. The evidence is the sentence with most of them, and the short
    answer of a sentence its last word. ``asked`` keeps what was read, in order.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Text, ...]]] = []

    def read(self, question: str, texts: Sequence[Text]) -> list[Reading]:
        self.asked.append((question, tuple(texts)))
        return [self._reading(_long_words(question), text) for text in texts]

    def _reading(self, wanted: frozenset[str], text: Text) -> Reading:
        held = [len(wanted & _long_words(text.text[start:end])) for start, end in text.sentences]
        share = len(wanted & _long_words(text.text)) / max(1, len(wanted))
        total = sum(math.exp(3 * count) for count in held)
        return Reading(
            answerable=8 * share - 4,
            sentences=tuple(
                SentenceReading(
                    evidence=math.log(math.exp(3 * count) / total),
                    span=_last_word(text.text, start, end),
                    span_score=4.0 * count - 4,
                )
                for count, (start, end) in zip(held, text.sentences, strict=True)
            ),
        )


def _long_words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in re.findall(r"\w{4,}", text))


def _last_word(text: str, start: int, end: int) -> tuple[int, int] | None:
    found = list(re.finditer(r"\w+", text[start:end]))
    return (start + found[-1].start(), start + found[-1].end()) if found else None
