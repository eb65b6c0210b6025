"""A question and a passage as the numbers that the reader takes, with the way back to characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CLS, SEP = 101, 102  # of BERT's uncased vocabulary, which MiniLM has
QUESTION_TOKENS = 64
TITLE_TOKENS = 32
_LENGTH_STEP = 16
_FEWEST_SENTENCES = 16  # a longer passage of the index has some more
PAIR_TOKENS = 384  # in all; a passage of the index takes at most 200 of them


@dataclass(frozen=True, slots=True)
class Pair:
    """``[CLS] question [SEP] title [SEP] text [SEP]`` as token ids.

    ``first`` is the position of the text's first token; ``offsets`` are its tokens' character spans
    in the text and ``sentence_of`` the number of the sentence each belongs to. Tokens that lie in no
    sentence have -1. A text that is too long is cut at its end.
    """

    ids: list[int]
    second: int  # position from which token types are 1
    first: int
    offsets: list[tuple[int, int]]
    sentence_of: list[int]
    sentences: int


class PairEncoder:
    """Encodes pairs with the tokenizer of the embedding model. Not safe to share between threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """``tokenizer`` must neither cut nor pad."""
        self._tokenizer = tokenizer

    def encode(self, question: str, title: str, text: str, sentences: Sequence[tuple[int, int]]) -> Pair:
        """Encode one pair.

        Args:
            title: Where the text stands: its document's title and headings; may be empty.
            sentences: Ascending character spans in ``text``.
        """
        ids = [CLS, *self._ids(question)[:QUESTION_TOKENS], SEP]
        second = len(ids)
        if title:
            ids += [*self._ids(title)[:TITLE_TOKENS], SEP]
        first = len(ids)
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        room = PAIR_TOKENS - first - 1
        offsets = list(encoded.offsets[:room])
        ids += [*encoded.ids[:room], SEP]
        return Pair(
            ids=ids,
            second=second,
            first=first,
            offsets=offsets,
            sentence_of=_sentence_of(offsets, sentences),
            sentences=len(sentences),
        )

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def _sentence_of(offsets: Sequence[tuple[int, int]], sentences: Sequence[tuple[int, int]]) -> list[int]:
    numbers: list[int] = []
    current = 0
    for start, _ in offsets:
        while current < len(sentences) and start >= sentences[current][1]:
            current += 1
        inside = current < len(sentences) and start >= sentences[current][0]
        numbers.append(current if inside else -1)
    return numbers


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs side by side, padded at the end.

    ``ids``, ``types``, ``mask`` and ``in_text`` are (n, length); ``pooling`` is (n, sentences, length):
    each row of it averages the tokens of one sentence, and is zero where there is no such sentence.
    """

    ids: NDArray[np.int64]
    types: NDArray[np.int64]
    mask: NDArray[np.bool_]
    in_text: NDArray[np.bool_]
    pooling: NDArray[np.float32]


def batch_of(pairs: Sequence[Pair]) -> Batch:
    """Put pairs into one batch, in their order; pairs of like length waste the least."""
    length = max(len(pair.ids) for pair in pairs)
    sentences = max(1, *(pair.sentences for pair in pairs)) if len(pairs) > 1 else max(1, pairs[0].sentences)
    ids = np.zeros((len(pairs), length), dtype=np.int64)
    types = np.zeros((len(pairs), length), dtype=np.int64)
    mask = np.zeros((len(pairs), length), dtype=np.bool_)
    in_text = np.zeros((len(pairs), length), dtype=np.bool_)
    pooling = np.zeros((len(pairs), sentences, length), dtype=np.float32)
    for row, pair in enumerate(pairs):
        n_tokens = len(pair.ids)
        ids[row, :n_tokens] = pair.ids
        types[row, pair.second : n_tokens] = 1
        mask[row, :n_tokens] = True
        in_text[row, pair.first : pair.first + len(pair.offsets)] = True
        for at, sentence in enumerate(pair.sentence_of, start=pair.first):
            if sentence >= 0:
                pooling[row, sentence, at] = 1.0
    totals = pooling.sum(axis=2, keepdims=True)
    np.divide(pooling, totals, out=pooling, where=totals > 0)
    return Batch(ids=ids, types=types, mask=mask, in_text=in_text, pooling=pooling)


def in_few_shapes(batch: Batch) -> Batch:
    """The same batch, padded so that batches come in few shapes: at most a hundred, not thousands.

    The compiled runtime prepares itself for each shape that it meets and keeps what it prepared, about a
    megabyte: after 1,500 different batches it held 2 GB. Length goes up to a multiple of 16, which adds 4 %
    to the work, and sentences to a power of two. Batches of one, as the reader makes them, come in some
    dozens.
    """
    sentences, length = batch.pooling.shape[1:]
    more = -length % _LENGTH_STEP
    wider = ((0, 0), (0, more))
    more_sentences = max(_FEWEST_SENTENCES, 1 << (sentences - 1).bit_length()) - sentences
    return Batch(
        ids=np.pad(batch.ids, wider),
        types=np.pad(batch.types, wider),
        mask=np.pad(batch.mask, wider),
        in_text=np.pad(batch.in_text, wider),
        pooling=np.pad(batch.pooling, ((0, 0), (0, more_sentences), (0, more))),
    )


def arrays_of(batch: Batch) -> tuple[NDArray[Any], ...]:
    """The batch as the network takes it: ids, types and mask as int64, where an answer may stand ([CLS]
    is "nowhere") as int64, and the averages of sentences as float32.
    """
    allowed = batch.in_text.astype(np.int64)
    allowed[:, 0] = 1
    return batch.ids, batch.types, batch.mask.astype(np.int64), allowed, batch.pooling
