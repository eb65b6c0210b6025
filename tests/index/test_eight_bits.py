"""Weights in eight bits: what is multiplied by tokens is rounded, and gives nearly the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import index.compiled
from index.compiled import CompiledNetwork, make_compiled
from index.eight_bits import put_in_eight_bits
from index.embeddings import multiplies_eight_bits

pytestmark = pytest.mark.skipif(index.compiled.openvino() is None, reason="there is no OpenVINO here")

WIDTH = 128


class Layers(torch.nn.Module):
    """As those of a transformer: a table of tokens, a wide layer and one back, and a small head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.table = torch.nn.Embedding(500, WIDTH)
        self.up = torch.nn.Linear(WIDTH, 4 * WIDTH)
        self.down = torch.nn.Linear(4 * WIDTH, WIDTH)
        self.head = torch.nn.Linear(WIDTH, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.down(torch.nn.functional.gelu(self.up(self.table(ids)))))
        return found


def made(cache: Path, *, eight_bits: bool) -> CompiledNetwork:
    network = make_compiled(
        cache,
        "layers",
        str(eight_bits),
        Layers().eval(),
        [torch.zeros((2, 3), dtype=torch.int64)],
        axes=[2],
        about={},
        threads=1,
        eight_bits=eight_bits,
    )
    assert network is not None
    return network


def kinds(folder: Path) -> dict[tuple[int, ...], str]:
    """The type of each kept matrix, by its shape."""
    model: Any = index.compiled._core().read_model(str(folder / "network.xml"))
    return {
        tuple(node.data.shape): node.get_element_type().get_type_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Constant" and node.data.ndim == 2 and node.data.size > WIDTH
    }


def test_the_matrices_of_the_layers_are_kept_in_eight_bits_and_all_else_as_it_was(tmp_path: Path) -> None:
    made(tmp_path, eight_bits=True)
    (folder,) = tmp_path.iterdir()
    kept = kinds(folder)
    assert kept[500, WIDTH] == "f16"
    assert kept[4 * WIDTH, WIDTH] == "i8"
    assert kept[WIDTH, 4 * WIDTH] == "i8"
    assert kept[2, WIDTH] == "f16"  # too small to be worth it
    assert sorted(each.name for each in folder.iterdir()) == ["about.json", "network.bin", "network.xml"]


def test_it_gives_nearly_what_torch_gives(tmp_path: Path) -> None:
    ids = np.random.default_rng(2).integers(500, size=(4, 60))
    with torch.inference_mode():
        wanted = Layers().eval()(torch.from_numpy(ids)).numpy()
    (found,) = made(tmp_path, eight_bits=True).run([ids])
    assert np.abs(found - wanted).mean() < 0.02 * wanted.std()
    (other,) = made(tmp_path, eight_bits=False).run([ids])
    assert np.abs(other - wanted).mean() < 0.02 * wanted.std()


def test_a_row_of_zeros_stays_one() -> None:
    from openvino import Model
    from openvino import opset13 as ops

    weights = np.zeros((WIDTH, WIDTH), np.float32)
    weights[1] = 1.0
    tokens = ops.parameter([-1, WIDTH], np.float32)
    model = Model([ops.matmul(tokens, ops.constant(weights), False, True)], [tokens])
    assert put_in_eight_bits(model) == 1
    (found,) = index.compiled._core().compile_model(model, "CPU")([np.ones((1, WIDTH), np.float32)]).values()
    np.testing.assert_allclose(found[0], [0.0, WIDTH] + [0.0] * (WIDTH - 2), rtol=1e-2)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({"avx512_vnni": True, "avx512_bf16": True}, True),
        ({"avx512_vnni": True, "amx_tile": True}, False),
        ({"avx2": True}, False),
        ({}, False),
    ],
)
def test_it_is_done_where_the_processor_gains_by_it(
    told: dict[str, bool], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told)
    assert multiplies_eight_bits() is wanted
