"""The network with random weights: what it says means nothing, but it must say it in the right place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from index.compiled import openvino
from index.embeddings import packaged_tokenizer
from index.sentences import sentence_spans
from rag.errors import ReaderError
from rag.reader.features import PairEncoder
from rag.reader.network import ReaderNetwork, TorchRuns
from rag.reader.reading import SHORT_ANSWER_TOKENS, UNREAD, NetworkReader, Reading, Text, best_span
from rag.reader.remembered import RememberingReader
from rag.reader.ship import averaged
from rag.reader.weights import load_reader, put_weights, shipped
from tests.fakes import OverlapReader

PARIS = "Paris is the capital of France. The river Seine flows through Paris."


def tiny_network(seed: int = 0) -> ReaderNetwork:
    torch.manual_seed(seed)
    shape = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    return ReaderNetwork(BertModel(shape, add_pooling_layer=False))


def text(passage: str, title: str = "France") -> Text:
    return Text(title, passage, tuple(sentence_spans(passage)))


@pytest.fixture
def reader() -> Iterator[NetworkReader]:
    made = NetworkReader(TorchRuns(tiny_network(), threads=2), PairEncoder(packaged_tokenizer()))
    yield made
    made.close()


def test_every_sentence_gets_a_span_inside_itself(reader: NetworkReader) -> None:
    (reading,) = reader.read("What is the capital?", [text(PARIS)])
    assert len(reading.sentences) == 2
    for (start, end), sentence in zip(sentence_spans(PARIS), reading.sentences, strict=True):
        assert sentence.span is not None
        assert start <= sentence.span[0] < sentence.span[1] <= end
    assert sum(np.exp(sentence.evidence) for sentence in reading.sentences) == pytest.approx(1.0, abs=1e-4)


def test_the_order_and_the_company_of_texts_do_not_matter(reader: NetworkReader) -> None:
    texts = [text(PARIS), text("Short."), text("Rollo led the Norse. " * 12), text(PARIS, title="")]
    together = reader.read("Who led?", texts)
    alone = [reader.read("Who led?", [each])[0] for each in texts]
    for one, other in zip(together, alone, strict=True):
        assert one.answerable == pytest.approx(other.answerable, abs=1e-4)
        assert [s.span for s in one.sentences] == [s.span for s in other.sentences]


def test_half_the_precision_says_nearly_the_same(reader: NetworkReader) -> None:
    network = tiny_network()
    network.lower_precision = True
    lower = NetworkReader(TorchRuns(network, threads=1), PairEncoder(packaged_tokenizer()))
    (whole,), (half,) = (each.read("Which river?", [text(PARIS)]) for each in (reader, lower))
    assert half.answerable == pytest.approx(whole.answerable, abs=0.05)
    assert half.span_score == pytest.approx(whole.span_score, abs=0.1)
    lower.close()


def test_a_sentence_that_was_cut_off_is_unread(reader: NetworkReader) -> None:
    (reading,) = reader.read("Why?", [text(" ".join(f"Sentence number {n} is here." for n in range(150)))])
    assert len(reading.sentences) == 150
    assert (reading.sentences[-1].span, reading.sentences[-1].span_score) == (None, UNREAD)


def test_nothing_to_read_gives_nothing(reader: NetworkReader) -> None:
    assert reader.read("Why?", []) == []
    (blank,) = reader.read("Why?", [Text("", "", ())])
    assert blank.sentences == ()
    assert blank.span_score == UNREAD


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=60))
def test_the_best_span_is_the_best_of_all(logits: list[tuple[float, float]]) -> None:
    start = np.array([each[0] for each in logits], dtype=np.float32)
    end = np.array([each[1] for each in logits], dtype=np.float32)
    first, last, score = best_span(start, end)
    every = [
        float(start[i] + end[j])
        for i in range(len(start))
        for j in range(i, min(len(end), i + SHORT_ANSWER_TOKENS))
    ]
    assert 0 <= last - first < SHORT_ANSWER_TOKENS
    assert score == pytest.approx(max(every), abs=1e-4)


def test_weights_come_back_without_the_layers_that_were_not_trained() -> None:
    original, trained = tiny_network(0), tiny_network(0)
    with torch.no_grad():
        for name, weight in trained.named_parameters():
            if not name.startswith(("body.embeddings", "body.encoder.layer.0")):
                weight.add_(0.05 * torch.randn_like(weight))
    state = {n: t for n, t in trained.state_dict().items() if not n.startswith("body.embeddings")}
    kept = shipped(state, original.state_dict())
    assert not [name for name in kept if name.startswith("body.encoder.layer.0")]
    put_weights(original, kept)
    for name, tensor in original.state_dict().items():
        torch.testing.assert_close(tensor, trained.state_dict()[name], atol=1e-3, rtol=0)


def test_several_trainings_are_averaged() -> None:
    mean = averaged([{"a": torch.tensor([1.0, 2.0])}, {"a": torch.tensor([3.0, 6.0])}])
    torch.testing.assert_close(mean["a"], torch.tensor([2.0, 4.0]))


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="names differ"):
        put_weights(tiny_network(), {"something": torch.zeros(1)})
    with pytest.raises(ReaderError, match="weights cannot be used") as caught:
        load_reader(tmp_path / "absent.safetensors")
    assert "retrieval.read" in caught.value.hint
    save_file({"something": torch.zeros(1)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(ReaderError, match="names differ"):
        load_reader(tmp_path / "other.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(ReaderError):
        load_reader(tmp_path / "damaged.safetensors")


def test_a_reading_is_remembered_with_the_weights_it_came_from(tmp_path: Path) -> None:
    inner = OverlapReader()
    first = RememberingReader(inner, tmp_path / "readings.sqlite", identity="a")
    texts = [text(PARIS), text("Rollo led.")]
    read = first.read("Which capital?", texts)
    assert first.read("Which capital?", [texts[1], text("New."), texts[0]])[::2] == read[::-1]
    first.close()
    again = RememberingReader(inner, tmp_path / "readings.sqlite", identity="a")
    assert again.read("Which capital?", texts) == read
    assert [len(asked) for _, asked in inner.asked] == [2, 1, 0]
    other = RememberingReader(inner, tmp_path / "readings.sqlite", identity="b")
    assert other.read("Which capital?", texts) == read
    assert len(inner.asked[-1][1]) == 2


def test_the_shipped_weights_hold_only_what_training_changed() -> None:
    from rag.reader.reading import WEIGHTS

    tensors = load_file(str(WEIGHTS))
    assert not any(name.startswith("body.embeddings") for name in tensors)
    assert WEIGHTS.stat().st_size < 25_000_000


@pytest.mark.model
def test_the_shipped_reader_answers() -> None:
    reader = load_reader()
    paris, other = reader.read(
        "What is the capital of France?", [text(PARIS), text("The battery lasts long.")]
    )
    assert isinstance(paris, Reading)
    assert paris.answerable > other.answerable
    best = max(paris.sentences, key=lambda sentence: sentence.span_score)
    assert best.span is not None
    assert PARIS[best.span[0] : best.span[1]] == "Paris"
    reader.close()


@pytest.mark.model
@pytest.mark.skipif(openvino() is None, reason="there is no OpenVINO here")
@pytest.mark.parametrize(
    ("eight_bits", "answerable", "span"),
    [(False, 0.1, 0.2), (True, 0.2, 0.5)],  # eight bits move a logit by 0.04 on average, 0.3 seldom
)
def test_the_compiled_reader_says_the_same_and_needs_no_torch(
    eight_bits: bool, answerable: float, span: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.reader.weights.multiplies_eight_bits", lambda: eight_bits)
    # In this process, for the one that would be started knows nothing of that.
    monkeypatch.setattr("rag.reader.weights.found_or_made", lambda find, *_: find())
    texts = [text(PARIS), text("Rollo led the Norse. " * 12), text("Short.", title="")]
    reference, made = load_reader(threads=1), load_reader(threads=2, compiled=tmp_path)
    for want, have in zip(reference.read("What is it?", texts), made.read("What is it?", texts), strict=True):
        assert have.answerable == pytest.approx(want.answerable, abs=answerable)
        for one, other in zip(want.sentences, have.sentences, strict=True):
            assert other.span_score == pytest.approx(one.span_score, abs=span)
    reference.close()
    made.close()
    code = (
        "import sys; from pathlib import Path; from rag.reader.weights import load_reader;"
        f" r = load_reader(compiled=Path({str(tmp_path)!r})); r.close(); print('torch' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "False\n"
