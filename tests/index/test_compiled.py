"""The compiled runtime: the same numbers as torch, without torch, and never from damaged files."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import LifoQueue

import numpy as np
import pytest
import torch

import index.compiled
from index.compiled import EMBEDDER, CompiledNetwork, is_compiled, make_compiled, open_compiled
from index.compiled_embeddings import CompiledEmbedder, compile_embedder
from index.embeddings import Embedder, SentenceTransformerEmbedder, load_embedder

pytestmark = pytest.mark.skipif(index.compiled.openvino() is None, reason="there is no OpenVINO here")

TEXTS = [
    "The ferry leaves at nine.",
    "It was rebuilt in 1911, after the storm of the year before, by the town itself. " * 4,
    "Fähre",
    "渡船什么时候出发",
    "x " * 600,
]


class Doubled(torch.nn.Module):
    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((3, 3), factor))

    def forward(self, numbers: torch.Tensor, more: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return numbers @ self.weight, numbers.sum(dim=1) + more


def made(cache: Path, identity: str = "one", factor: float = 2.0) -> CompiledNetwork:
    network = make_compiled(
        cache,
        "doubled",
        identity,
        Doubled(factor).eval(),
        [torch.ones(2, 3), torch.ones(2)],
        axes=[2, 1],
        about={"note": "kept"},
        threads=2,
    )
    assert network is not None
    return network


def test_a_compiled_network_gives_what_torch_gives_for_other_shapes(tmp_path: Path) -> None:
    numbers, more = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32), np.zeros(5, np.float32)
    product, total = made(tmp_path).run([numbers, more])
    np.testing.assert_allclose(product, numbers @ np.full((3, 3), 2.0, np.float32), rtol=1e-2)
    np.testing.assert_allclose(total, numbers.sum(axis=1), rtol=1e-2, atol=1e-2)


def test_a_run_that_is_waited_for_gives_the_same_as_one_of_many(tmp_path: Path) -> None:
    inputs = [np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32), np.zeros(5, np.float32)]
    network = made(tmp_path)
    with ThreadPoolExecutor(4) as pool:  # the second way is prepared once, whoever is first
        found = [each.result() for each in [pool.submit(network.run_alone, inputs) for _ in range(8)]]
    for alone in found:
        for one, other in zip(alone, network.run(inputs), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-2, atol=1e-2)


def test_it_is_kept_for_the_same_weights_only(tmp_path: Path) -> None:
    assert open_compiled(tmp_path, "doubled", "one", threads=1) is None
    assert not is_compiled(tmp_path, "doubled")
    made(tmp_path)
    assert is_compiled(tmp_path, "doubled")
    again = open_compiled(tmp_path, "doubled", "one", threads=1)
    assert again is not None
    assert again.about == {"note": "kept"}
    assert open_compiled(tmp_path, "doubled", "two", threads=1) is None
    assert open_compiled(tmp_path, "halved", "one", threads=1) is None


@pytest.mark.parametrize("file", ["network.xml", "network.bin", "about.json"])
def test_a_damaged_one_is_never_run_but_made_anew(
    tmp_path: Path, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    made(tmp_path)
    (damaged,) = tmp_path.glob(f"doubled-*/{file}")
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 4
    damaged.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        if file != "about.json" or open_compiled(tmp_path, "doubled", "one", threads=1) is None:
            assert open_compiled(tmp_path, "doubled", "one", threads=1) is None
            assert "made anew" in caplog.text
    network = made(tmp_path)
    assert network.run([np.ones((1, 3), np.float32), np.zeros(1, np.float32)])[0][0, 0] == 6.0
    assert open_compiled(tmp_path, "doubled", "one", threads=1) is not None


def test_old_ones_go(tmp_path: Path) -> None:
    for number in range(6):
        made(tmp_path, identity=str(number))
    assert len(list(tmp_path.iterdir())) == 4


def test_what_cannot_be_compiled_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Impossible(torch.nn.Module):
        def forward(self, numbers: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("not today")

    network = make_compiled(
        tmp_path, "bad", "one", Impossible(), [torch.ones(2)], axes=[1], about={}, threads=1
    )
    assert network is None
    assert list(tmp_path.iterdir()) == []
    assert "torch is used instead" in caplog.text


def test_without_openvino_torch_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index.compiled, "openvino", lambda: None)
    assert open_compiled(tmp_path, "doubled", "one", threads=1) is None
    assert make_compiled(tmp_path, "doubled", "one", Doubled(), [], axes=[], about={}, threads=1) is None


# -- the embedding model ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="module")
def embedder(cache: Path) -> Embedder:
    return load_embedder(device="cpu", compiled=cache)


@pytest.mark.model
def test_vectors_identity_and_tokens_are_those_of_the_reference(minilm: Embedder, embedder: Embedder) -> None:
    assert isinstance(embedder, CompiledEmbedder)
    assert (embedder.fingerprint, embedder.dim, embedder.max_tokens, embedder.name) == (
        minilm.fingerprint,
        minilm.dim,
        minilm.max_tokens,
        minilm.name,
    )
    cosines = (embedder.encode(TEXTS) * minilm.encode(TEXTS)).sum(axis=1)
    assert cosines.min() > 0.999
    assert embedder.encode_query(TEXTS[0]) @ minilm.encode_query(TEXTS[0]) > 0.999
    assert embedder.token_spans(TEXTS[1]) == minilm.token_spans(TEXTS[1])
    assert embedder.encode([]).shape == (0, embedder.dim)


@pytest.mark.model
def test_company_and_order_do_not_change_a_vector(embedder: Embedder) -> None:
    many = [f"{text} {number}" for number, text in enumerate(TEXTS * 12)]
    together = embedder.encode(many)
    for position in (0, 7, 33, 59):
        assert together[position] @ embedder.encode([many[position]])[0] > 0.9999


@pytest.mark.model
def test_a_second_start_needs_no_torch(cache: Path, embedder: Embedder) -> None:
    code = (
        "import sys; from pathlib import Path; from index.embeddings import load_embedder;"
        f" e = load_embedder(compiled=Path({str(cache)!r}));"
        " v = e.encode_query('a'); print(e.runtime, round(float(v @ v), 3), 'torch' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["OpenVINO,", embedder.runtime.split()[1], "1.0", "False"]


@pytest.mark.model
def test_a_model_that_comes_out_different_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, minilm: Embedder
) -> None:
    assert isinstance(minilm, SentenceTransformerEmbedder)
    encode = CompiledEmbedder.encode
    monkeypatch.setattr(CompiledEmbedder, "encode", lambda self, texts: encode(self, texts)[::-1])
    assert compile_embedder(tmp_path, "one", minilm, batch_size=4, threads=1) is None
    assert "other vectors" in caplog.text
    assert not is_compiled(tmp_path, EMBEDDER)


def test_compiling_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), list(root.filters))
    made(tmp_path)
    assert (root.level, list(root.handlers), list(root.filters)) == before


class Watching:
    """An inference request that notes how many of its kind run at once."""

    def __init__(self, running: list[int], seen: list[int]) -> None:
        self.running, self.seen = running, seen

    def infer(self, inputs: object, share_inputs: bool) -> list[np.ndarray]:
        self.running.append(1)
        self.seen.append(len(self.running))
        time.sleep(0.1)
        self.running.pop()
        return [np.zeros(1), np.zeros(1)]


def test_the_first_run_of_a_process_goes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two first runs at once wait for each other for ever, about one time in ten. Later ones may overlap.
    network = made(tmp_path)
    monkeypatch.setattr(index.compiled, "_has_run", threading.Event())
    running: list[int] = []
    seen: list[int] = []
    network._many._requests = LifoQueue()
    for _ in range(3):
        network._many._requests.put(Watching(running, seen))

    def run_three() -> list[int]:
        seen.clear()
        with ThreadPoolExecutor(3) as pool:
            for each in [pool.submit(network.run, []) for _ in range(3)]:
                each.result()
        return list(seen)

    assert run_three()[:2] == [1, 1]
    assert max(run_three()) == 3
