"""An embedding model on the compiled runtime: the same vectors as sentence-transformers, without torch."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.compiled import (
    EMBEDDER,
    CompiledNetwork,
    forget_compiled,
    make_compiled,
    open_compiled,
    openvino,
)
from index.embeddings import Embedder, SentenceTransformerEmbedder, token_spans_of, uncut, unit_rows
from index.making import accelerator_in_sight, found_or_made

if TYPE_CHECKING:
    from tokenizers import Encoding

logger = logging.getLogger(__name__)

_STEP = 8  # tokens; texts are padded to a multiple of it

NEAREST_COSINE = 0.999  # of each probe with what sentence-transformers makes of it
_PROBES = (
    "The ferry leaves at nine and lands at the old pier, which was rebuilt in 1911.",
    "a",
    "  UPPER CASE, naïve café, 12,345.67 €; and (some) punctuation?!  ",
    "Wie hoch ist die Gebühr? Сколько стоит билет? 渡船什么时候出发？",
    "word " * 400,  # longer than any limit of tokens
)


class CompiledEmbedder(Embedder):
    """A sentence-transformers model, compiled by :func:`compile_embedder`."""

    def __init__(self, network: CompiledNetwork, *, batch_size: int) -> None:
        """``batch_size``: texts at once on each thread."""
        from tokenizers import Tokenizer

        about = network.about
        self.name = str(about["name"])
        self.fingerprint = str(about["fingerprint"])
        self.dim = int(about["dim"])
        self.max_tokens = int(about["max_tokens"])
        self.runtime = f"OpenVINO, {network.precision}"
        self._inputs: list[str] = about["inputs"]
        self._prompts: tuple[str, str] = (about["query_prompt"], about["passage_prompt"])
        self._network = network
        self._batch_size = batch_size
        tokenizer = Tokenizer.from_str(about["tokenizer"])
        self._uncut = uncut(tokenizer)
        tokenizer.no_padding()
        self._longest = int(about["tokens"])
        tokenizer.enable_truncation(self._longest)
        self._tokenizer = tokenizer
        self._pool = ThreadPoolExecutor(network.threads, thread_name_prefix="embedder")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        encodings = self._tokenizer.encode_batch([self._prompts[1] + text for text in texts])
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        # Texts of like length in one batch: less padding to compute. The longest go first, so that no
        # thread is left with one when the others are done.
        order = sorted(range(len(texts)), key=lambda position: -len(encodings[position].ids))
        size = max(1, min(self._batch_size, -(-len(texts) // self._network.threads)))
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        found = self._pool.map(
            lambda batch: self._network.run(self._columns([encodings[position] for position in batch]))[0],
            batches,
        )
        for batch, rows in zip(batches, found, strict=True):
            vectors[batch] = rows
        return unit_rows(vectors)

    def encode_query(self, query: str) -> NDArray[np.float32]:
        columns = self._columns([self._tokenizer.encode(self._prompts[0] + query)])
        return np.asarray(unit_rows(self._network.run_alone(columns)[0])[0], dtype=np.float32)

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        return token_spans_of(self._uncut, text)

    def _columns(self, encodings: Sequence[Encoding]) -> list[NDArray[np.int64]]:
        """The inputs of the network for these texts, each (texts, tokens) int64."""
        # The runtime prepares itself anew for a shape that it has not met: few shapes are met soon.
        longest = max(len(encoding.ids) for encoding in encodings)
        length = min(-(-longest // _STEP) * _STEP, self._longest)
        columns: dict[str, NDArray[np.int64]] = {
            name: np.zeros((len(encodings), length), dtype=np.int64) for name in self._inputs
        }
        for row, encoding in enumerate(encodings):
            for name, values in (
                ("input_ids", encoding.ids),
                ("attention_mask", encoding.attention_mask),
                ("token_type_ids", encoding.type_ids),
            ):
                if name in columns:
                    columns[name][row, : len(values)] = values
        return [columns[name] for name in self._inputs]


def find_embedder(
    cache: Path, identity: str, *, made_of: tuple[str, str], batch_size: int, threads: int
) -> CompiledEmbedder | None:
    """The compiled embedder. One that is not there is made, by a process that ends with its memory.

    Args:
        made_of: ``model`` and ``device`` as :func:`index.embeddings.load_embedder` takes them.

    Returns:
        None where there is none: torch is to compute, or this process is to make it.
    """
    find = partial(open_embedder, cache, identity, batch_size=batch_size, threads=threads)
    if openvino() is None or (made_of[1] != "cpu" and accelerator_in_sight()):
        return find()
    return found_or_made(find, cache, "index.compiled_embeddings", str(cache), *made_of)


def open_embedder(cache: Path, identity: str, *, batch_size: int, threads: int) -> CompiledEmbedder | None:
    """The embedder that was compiled before, None when it has to be made."""
    network = open_compiled(cache, EMBEDDER, identity, threads=threads)
    return None if network is None else CompiledEmbedder(network, batch_size=batch_size)


def compile_embedder(
    cache: Path, identity: str, reference: SentenceTransformerEmbedder, *, batch_size: int, threads: int
) -> CompiledEmbedder | None:
    """Compile a loaded model. None when that fails, or when the vectors are not the same."""
    import torch

    model = reference.model

    class Vectors(torch.nn.Module):
        """Token ids in, sentence vectors out: the model with its pooling and whatever follows."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, *columns: Any) -> Any:
            features = dict(zip(inputs, columns, strict=True))
            return self.inner(features)["sentence_embedding"]

    example = model.tokenizer(list(_PROBES[:2]), padding=True, return_tensors="pt")
    inputs = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in example]
    network = make_compiled(
        cache,
        EMBEDDER,
        identity,
        Vectors().eval(),
        [example[name] for name in inputs],
        axes=[2] * len(inputs),
        about={**reference.described(), "inputs": inputs},
        threads=threads,
    )
    if network is None:
        return None
    made = CompiledEmbedder(network, batch_size=batch_size)
    cosines = (made.encode(_PROBES) * reference.encode(_PROBES)).sum(axis=1)
    question = float(made.encode_query(_PROBES[0]) @ reference.encode_query(_PROBES[0]))
    if min(float(cosines.min()), question) < NEAREST_COSINE:
        logger.warning("the compiled embedding model gives other vectors than torch, which is used instead")
        forget_compiled(cache, EMBEDDER, identity)
        return None
    return made


def main() -> None:
    """Make the network of a model, see :func:`find_embedder`. Arguments: cache, model, device."""
    from index.embeddings import load_with_torch

    cache, model, device = sys.argv[1:]
    load_with_torch(model, device=device, compiled=Path(cache))


if __name__ == "__main__":
    main()
