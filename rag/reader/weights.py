"""The reader's weights as they ship: the layers that training changed and the heads, in half precision.

The rest of the body is MiniLM from the installed package, checked by SHA-256.
"""

from __future__ import annotations

import hashlib
import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index.compiled import (
    CompiledNetwork,
    forget_compiled,
    make_compiled,
    open_compiled,
    openvino,
    processors,
)
from index.embeddings import before_torch, computes_bfloat16, multiplies_eight_bits, packaged_tokenizer
from index.making import found_or_made, one_at_a_time
from index.model_files import DEFAULT_SHA256, packaged_model
from index.sentences import sentence_spans
from rag.errors import ReaderError
from rag.reader.features import PairEncoder, arrays_of, batch_of
from rag.reader.reading import WEIGHTS, NetworkReader

if TYPE_CHECKING:
    from torch import Tensor

    from rag.reader.network import ReaderNetwork

logger = logging.getLogger(__name__)

_NAME = "reader"  # of the compiled network
_PREPARATION = 2  # raise it when a network that was compiled from the same weights must be made anew
# How far a logit may be from torch's; they lie between -15 and 15.
_TOLERANCE = {"f32": 0.05, "bf16": 0.5}
# To trace the network with, and to compare: of different lengths, so that something is padded.
_QUESTION = "Where does the ferry land?"
_PASSAGES = (
    ("Timetable", "The ferry leaves at nine. It lands at the old pier, which was rebuilt in 1911."),
    ("", "Nothing is said here."),
)


def load_reader(
    path: Path = WEIGHTS, *, threads: int | None = None, compiled: Path | None = None
) -> NetworkReader:
    """The reader with the weights of a file, those that ship by default.

    Args:
        threads: Texts are shared out among so many; the number of processors by default.
        compiled: Folder to keep the network compiled in. What is there loads in a moment and without
            torch; making it takes some seconds. None: torch runs it.

    Raises:
        ReaderError: The file is missing or does not fit MiniLM.
        EmbeddingError: MiniLM's package is missing or damaged.
    """
    threads = threads or processors()
    encoder = PairEncoder(packaged_tokenizer())
    identity = _identity(path)
    if compiled is not None and openvino() is not None:
        find = partial(open_compiled, compiled, _NAME, identity, threads=threads)
        ready = found_or_made(find, compiled, "rag.reader.weights", str(compiled), str(path))
        if ready is not None:
            return NetworkReader(ready, encoder)
    with one_at_a_time(compiled):
        return _load_with_torch(path, encoder, compiled, identity, threads)


def check_weights(path: Path = WEIGHTS) -> None:
    """Look at the shipped weights without loading a network: that they are there, and are a whole file.

    Raises:
        ReaderError: They are not.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as tensors:
            tensors.keys()
    except (OSError, SafetensorError) as exc:
        raise _unusable(exc) from exc


def _load_with_torch(
    path: Path, encoder: PairEncoder, compiled: Path | None, identity: str, threads: int
) -> NetworkReader:
    network = _network(path, packaged_model())
    if compiled is not None:
        ready = _compile(network, encoder, compiled, identity, threads)
        if ready is not None:
            return NetworkReader(ready, encoder)
    from rag.reader.network import TorchRuns

    network.lower_precision = computes_bfloat16()
    return NetworkReader(TorchRuns(network, threads=threads), encoder)


def _identity(path: Path) -> str:
    try:
        weights = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as exc:
        raise _unusable(exc) from exc
    return f"{weights}{DEFAULT_SHA256['model.safetensors']}|{_PREPARATION}"


def _network(path: Path, minilm: Path) -> ReaderNetwork:
    before_torch()
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from rag.reader.network import network_from

    network = network_from(minilm)
    try:
        put_weights(network, load_file(str(path)))
    except (OSError, SafetensorError, KeyError, RuntimeError) as exc:
        raise _unusable(exc) from exc
    return network.eval()


def _unusable(exc: Exception) -> ReaderError:
    return ReaderError(
        f"The reader's weights cannot be used: {exc}",
        hint="Install Footnote anew, or set retrieval.read to 0.",
    )


def _compile(
    network: ReaderNetwork, encoder: PairEncoder, cache: Path, identity: str, threads: int
) -> CompiledNetwork | None:
    """Compile the network; None when that fails or when it does not say what torch says."""
    import torch

    from rag.reader.network import TorchRuns

    pairs = [encoder.encode(_QUESTION, title, text, sentence_spans(text)) for title, text in _PASSAGES]
    inputs = arrays_of(batch_of(pairs))
    ready = make_compiled(
        cache,
        _NAME,
        identity,
        network,
        [torch.from_numpy(array) for array in inputs],
        axes=[array.ndim for array in inputs],
        about={},
        threads=threads,
        eight_bits=multiplies_eight_bits(),
    )
    if ready is None:
        return None
    reference = TorchRuns(network, threads=1)
    for batch in (inputs, arrays_of(batch_of(pairs[:1]))):
        for want, have in zip(reference.run(batch), ready.run(batch), strict=True):
            if want.shape != have.shape or np.abs(want - have).max() > _TOLERANCE[ready.precision]:
                logger.warning("the compiled reader says something else than torch, which is used instead")
                forget_compiled(cache, _NAME, identity)
                return None
    return ready


def put_weights(network: ReaderNetwork, tensors: dict[str, Tensor]) -> None:
    """Put tensors of a file into a network that still has MiniLM's own body.

    Raises:
        KeyError: A head is missing, or a tensor is there that the network does not have. What is
            missing of the body stays MiniLM's.
        RuntimeError: A shape differs.
    """
    state = network.state_dict()
    heads = {name for name in state if not name.startswith("body.")}
    strange = (tensors.keys() - state.keys()) | (heads - tensors.keys())
    if strange:
        raise KeyError(f"{len(strange)} names differ, the first is {min(strange)}")
    for name, tensor in tensors.items():
        state[name].copy_(tensor)


def shipped(trained: dict[str, Tensor], original: dict[str, Tensor]) -> dict[str, Tensor]:
    """What to ship of fully trained tensors: those that training changed.

    Args:
        trained: As training writes them, float32.
        original: The network's state before training.
    """
    import torch

    return {
        name: tensor.half().contiguous()
        for name, tensor in trained.items()
        if not name.startswith("body.") or not torch.equal(tensor, original[name])
    }


def main() -> None:
    """Make the network, see :func:`load_reader`. Arguments: the cache, and the file of the weights."""
    cache, path = map(Path, sys.argv[1:])
    _load_with_torch(path, PairEncoder(packaged_tokenizer()), cache, _identity(path), threads=1)


if __name__ == "__main__":
    main()
