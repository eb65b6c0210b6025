"""The reader's weights as they ship: what training added to MiniLM, in low rank and half precision.

The body of the reader is MiniLM plus a difference. Of each matrix of the difference only the greatest
singular values are kept (the best approximation of that rank, Eckart & Young 1936); everything small,
the heads included, is kept whole. MiniLM itself comes from the installed package, checked by SHA-256.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from index.embeddings import before_torch, computes_bfloat16, packaged_model, packaged_tokenizer
from rag.errors import ReaderError
from rag.reader.features import PairEncoder
from rag.reader.reading import WEIGHTS, NetworkReader

if TYPE_CHECKING:
    from torch import Tensor

    from rag.reader.network import ReaderNetwork

_LEFT, _RIGHT = ".left", ".right"


def load_reader(path: Path = WEIGHTS, *, threads: int | None = None) -> NetworkReader:
    """The reader with the weights of a file, those that ship by default. Takes a second; imports torch.

    Raises:
        ReaderError: The file is missing or does not fit MiniLM.
        EmbeddingError: MiniLM's package is missing or damaged.
    """
    before_torch()
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from rag.reader.network import network_from

    network = network_from(packaged_model())
    try:
        put_weights(network, load_file(str(path)))
    except (OSError, SafetensorError, KeyError, RuntimeError) as exc:
        raise ReaderError(
            f"The reader's weights cannot be used: {exc}",
            hint="Install Footnote anew, or set retrieval.read to 0.",
        ) from exc
    return NetworkReader(
        network, PairEncoder(packaged_tokenizer()), threads=threads, bfloat16=computes_bfloat16()
    )


def put_weights(network: ReaderNetwork, tensors: dict[str, Tensor]) -> None:
    """Put tensors of a file into a network that still has MiniLM's own body.

    Raises:
        KeyError: A head is missing, or a tensor is there that the network does not have. What is
            missing of the body stays MiniLM's.
        RuntimeError: A shape differs.
    """
    import torch

    state = network.state_dict()
    heads = {name for name in state if not name.startswith("body.")}
    given = {name.removesuffix(_LEFT).removesuffix(_RIGHT) for name in tensors}
    strange = (given - state.keys()) | (heads - given)
    if strange:
        raise KeyError(f"{len(strange)} names differ, the first is {min(strange)}")
    with torch.no_grad():
        for name in given:
            if name in tensors:
                state[name].copy_(tensors[name])
            else:
                state[name].add_(tensors[name + _LEFT].float() @ tensors[name + _RIGHT].float())


def compressed(trained: dict[str, Tensor], original: dict[str, Tensor], *, rank: int) -> dict[str, Tensor]:
    """What to ship of fully trained tensors.

    Args:
        trained: As training writes them, float32.
        original: The network's state before training.
        rank: Of each difference that is kept.
    """
    import torch

    kept: dict[str, Tensor] = {}
    for name, tensor in trained.items():
        if name.startswith("body.") and torch.equal(tensor, original[name]):
            continue  # a layer that was not trained
        if name.startswith("body.") and tensor.dim() == 2:
            left, values, right = torch.linalg.svd(tensor - original[name], full_matrices=False)
            # The values are divided between both sides, so that neither leaves the range of half precision.
            root = values[:rank].sqrt()
            kept[name + _LEFT] = (left[:, :rank] * root).half().contiguous()
            kept[name + _RIGHT] = (root[:, None] * right[:rank]).half().contiguous()
        else:
            kept[name] = tensor.half().contiguous()
    return kept
