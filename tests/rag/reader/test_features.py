from __future__ import annotations

import numpy as np
import pytest

from index.embeddings import packaged_tokenizer
from index.sentences import sentence_spans
from rag.reader.features import (
    CLS,
    PAIR_TOKENS,
    QUESTION_TOKENS,
    SEP,
    Pair,
    PairEncoder,
    batch_of,
    in_few_shapes,
)

TEXT = "Rollo led the Norse. He swore fealty in 911."


@pytest.fixture(scope="module")
def encoder() -> PairEncoder:
    return PairEncoder(packaged_tokenizer())


def encoded(encoder: PairEncoder, text: str = TEXT, title: str = "Normans", question: str = "Who?") -> Pair:
    return encoder.encode(question, title, text, sentence_spans(text))


def test_every_token_of_the_text_leads_back_to_its_characters(encoder: PairEncoder) -> None:
    pair = encoded(encoder)
    assert [TEXT[start:end] for start, end in pair.offsets[:4]] == ["Roll", "o", "led", "the"]
    assert len(pair.ids) == pair.first + len(pair.offsets) + 1
    assert (pair.ids[0], pair.ids[pair.second - 1], pair.ids[pair.first - 1], pair.ids[-1]) == (
        CLS,
        SEP,
        SEP,
        SEP,
    )


def test_every_token_knows_its_sentence(encoder: PairEncoder) -> None:
    pair = encoded(encoder)
    numbers = {
        TEXT[start:end]: number for (start, end), number in zip(pair.offsets, pair.sentence_of, strict=True)
    }
    assert (numbers["Norse"], numbers["fe"] if "fe" in numbers else numbers["He"], numbers["911"]) == (
        0,
        1,
        1,
    )
    assert pair.sentences == 2


def test_without_a_title_the_text_follows_the_question(encoder: PairEncoder) -> None:
    pair = encoded(encoder, title="")
    assert pair.first == pair.second


def test_what_is_too_long_is_cut_and_its_sentences_have_no_tokens(encoder: PairEncoder) -> None:
    text = " ".join(f"This is sentence number {number}." for number in range(200))
    pair = encoded(encoder, text=text, question="why " * 300)
    assert len(pair.ids) == PAIR_TOKENS
    assert pair.second == QUESTION_TOKENS + 2
    assert pair.sentences == 200
    assert max(pair.sentence_of) < 100


def test_a_batch_averages_each_sentence_over_its_own_tokens(encoder: PairEncoder) -> None:
    long, short = encoded(encoder), encoded(encoder, text="Short.", title="")
    batch = batch_of([long, short])
    assert batch.ids.shape == (2, len(long.ids))
    assert batch.mask.sum(axis=1).tolist() == [len(long.ids), len(short.ids)]
    assert batch.in_text.sum(axis=1).tolist() == [len(long.offsets), len(short.offsets)]
    np.testing.assert_allclose(batch.pooling.sum(axis=2), [[1, 1], [1, 0]])
    assert batch.types[1].tolist()[: short.second + 1] == [0] * short.second + [1]


def test_batches_come_in_few_shapes_and_say_the_same(encoder: PairEncoder) -> None:
    shapes = set()
    for words in range(1, 150):
        text = " ".join(["word"] * words) + "." + " One more." * (words // 10)
        batch = batch_of([encoded(encoder, text=text)])
        padded = in_few_shapes(batch)
        shapes.add(padded.pooling.shape)
        rows, sentences, length = batch.pooling.shape
        np.testing.assert_array_equal(padded.ids[:, :length], batch.ids)
        np.testing.assert_array_equal(padded.types[:, :length], batch.types)
        np.testing.assert_array_equal(padded.pooling[:, :sentences, :length], batch.pooling)
        assert padded.mask.sum() == batch.mask.sum() == rows * length
        assert padded.in_text.sum() == batch.in_text.sum()
        assert padded.pooling.sum() == pytest.approx(batch.pooling.sum())
    assert len(shapes) <= 15
