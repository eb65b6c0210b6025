"""Embedding models: unit vectors, an identity, exact token offsets. :mod:`rag.langchain` adapts them."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from index.compiled import processors
from index.errors import EmbeddingError
from index.making import one_at_a_time
from index.model_files import (
    DEFAULT_NAME,
    DEFAULT_SHA256,
    files_hash_of,
    model_folder,
    packaged_folder,
    packaged_model,
    packaged_tokenizer_file,
    refuse_programs,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Raise it when the way a text is prepared changes: old vectors then no longer match new ones.
PREPARATION = 2

Precision = Literal["auto", "fp32", "bf16"]

_DOCUMENT_PROMPTS = ("document", "passage", "corpus")


class Embedder(ABC):
    """An embedding model with an identity. Safe to use from several threads.

    Attributes:
        name: What a person calls the model.
        fingerprint: SHA-256 over everything that decides a vector: weights, dimension, pooling,
            normalisation, prompts, token limit and preparation. Vectors of two fingerprints are
            never compared. Device and precision are not part of it: they move a vector by less
            than 0.0001 in cosine.
        dim: Length of a vector.
        max_tokens: Content tokens that the model reads; what is longer would be cut.
        runtime: What computes the vectors, for people.
        source: What :func:`load_embedder` was given; None for a model that did not come from there.
    """

    name: str
    fingerprint: str
    dim: int
    max_tokens: int
    runtime: str = ""
    source: str | None = None

    @property
    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes of the languages that the model has learnt well; None where that is not known."""
        # In other languages documents are found by meaning far less often, see tests/quality/README.md.
        return frozenset({"en"}) if self.name == DEFAULT_NAME else None

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: (n, dim) float32, unit rows, in the order given.

        Raises:
            EmbeddingError: The model gave something that is not finite.
        """

    @abstractmethod
    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Character spans ``(start, end)`` of the model's tokens over the whole text, ascending, uncut."""

    def encode_query(self, query: str) -> NDArray[np.float32]:
        """Embed a query: (dim,) float32, of length one, to compare with rows of :meth:`encode`.

        Models that read queries and passages differently do so here; others give what :meth:`encode` gives.
        """
        return np.asarray(self.encode([query])[0], dtype=np.float32)


class SentenceTransformerEmbedder(Embedder):
    """Any sentence-transformers model, on the CPU or on a GPU.

    With ``passage_model`` passages are read by that copy of the model in lower precision: of
    531 paragraphs of SQuAD 2.0 bfloat16 embedded 1.5 times as many a second on a CPU with
    AVX512-BF16, and the ten nearest to 780 questions were the same to 0.995. Queries stay in
    float32: one costs little.
    """

    def __init__(
        self, model: Any, *, name: str, files_hash: str, batch_size: int, passage_model: Any | None = None
    ) -> None:
        self.model = model
        self._passage_model = model if passage_model is None else passage_model
        self._batch_size = batch_size
        self._tokenizer = uncut(model.tokenizer)
        # A fast tokenizer must not be used by two threads at once, and two forward passes share the cores.
        self._lock = threading.Lock()
        prompts = {key: text for key, text in (model.prompts or {}).items() if text}
        self._query_prompt = prompts.get("query")
        self._passage_prompt = next((prompts[key] for key in _DOCUMENT_PROMPTS if key in prompts), None)
        self.name = name
        self.dim = int(model.get_embedding_dimension())
        longest = int(model.max_seq_length or 512)
        self.max_tokens = longest - _added_tokens(model.tokenizer)
        if self._passage_prompt:
            self.max_tokens -= len(self.token_spans(self._passage_prompt))
        described = {
            "files": files_hash,
            "dimension": self.dim,
            "modules": [type(module).__name__ for module in model],
            "prompts": [self._query_prompt, self._passage_prompt],
            "tokens": longest,
            "preparation": PREPARATION,
        }
        self.fingerprint = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
        self.runtime = f"torch on {model.device.type}, {'fp32' if passage_model is None else 'bf16'}"

    def described(self) -> dict[str, object]:
        """Everything but the network itself that a vector depends on, as JSON takes it."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "dim": self.dim,
            "max_tokens": self.max_tokens,
            "tokens": int(self.model.max_seq_length or 512),
            "query_prompt": self._query_prompt or "",
            "passage_prompt": self._passage_prompt or "",
            "tokenizer": self._tokenizer.to_str(),
        }

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        # Texts of like length in one batch: less padding to compute.
        by_length = sorted(range(len(texts)), key=lambda position: len(texts[position]))
        for start in range(0, len(by_length), self._batch_size):
            batch = by_length[start : start + self._batch_size]
            vectors[batch] = self._embed(
                self._passage_model, [texts[position] for position in batch], self._passage_prompt
            )
        return unit_rows(vectors)

    def encode_query(self, query: str) -> NDArray[np.float32]:
        row = unit_rows(self._embed(self.model, [query], self._query_prompt))[0]
        return np.asarray(row, dtype=np.float32)

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        return token_spans_of(self._tokenizer, text)

    def _embed(self, model: Any, texts: list[str], prompt: str | None) -> NDArray[np.float32]:
        with self._lock:
            tensor = model.encode(
                texts,
                prompt=prompt or "",
                batch_size=len(texts),
                convert_to_tensor=True,
                show_progress_bar=False,
            )
        return np.asarray(tensor.float().cpu().numpy(), dtype=np.float32)


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length one; EmbeddingError where a row is not finite or zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise EmbeddingError(
            "The embedding model gave a vector that is not finite.",
            hint="Its files may be damaged: install Footnote anew, or check embedding.model in the settings.",
        )
    return np.ascontiguousarray(vectors / lengths, dtype=np.float32)


def load_embedder(
    model: str = "",
    *,
    device: str = "auto",
    batch_size: int = 16,
    threads: int | None = None,
    precision: Precision = "auto",
    compiled: Path | None = None,
) -> Embedder:
    """Load an embedding model. It takes seconds: call it behind the page, not before it.

    The built-in model, and any model in a folder, is loaded without a look at the network. A name on
    the hub is downloaded once, and only what :data:`MODEL_FILES` names of it.

    Args:
        model: "" for all-MiniLM-L6-v2 as installed; else a folder, or a name on the model hub.
        device: "cpu", "cuda", "mps"; "auto" (or "") takes the best there is.
        batch_size: Texts at once; 8 to 16 is fastest on a CPU.
        threads: CPU threads of this process's models; None leaves torch as it is.
        precision: For passages, if torch computes them. "auto" is bfloat16 where the CPU computes with it,
            else float32.
        compiled: Folder to keep the model compiled for the CPU in. What is there loads in a moment and
            without torch; making it takes some seconds. None: torch computes. On a GPU it always does.

    Raises:
        EmbeddingError: The model is missing, damaged, or would run a program of its own.
    """
    embedder = _load(
        model,
        device=device,
        batch_size=batch_size,
        threads=threads,
        precision=precision,
        compiled=compiled,
    )
    embedder.source = source_of(model)
    return embedder


def source_of(model: str) -> str:
    """A model as it is set, in a form that means the same from wherever a process is started."""
    folder = Path(os.path.expanduser(model))  # noqa: PTH111  Path raises for the home of nobody
    found = model and os.path.isdir(folder)  # noqa: PTH112  and for long names
    return str(folder.absolute()) if found else model


def _load(
    model: str,
    *,
    device: str,
    batch_size: int,
    threads: int | None,
    precision: Precision,
    compiled: Path | None,
) -> Embedder:
    if compiled is not None and device in ("", "auto", "cpu"):
        from index.compiled_embeddings import find_embedder

        ready = find_embedder(
            compiled,
            _files_of(model).identity,
            made_of=(model, device),
            batch_size=batch_size,
            threads=threads or processors(),
        )
        if ready is not None:
            return ready
    with one_at_a_time(compiled):
        return load_with_torch(
            model,
            device=device,
            batch_size=batch_size,
            threads=threads,
            precision=precision,
            compiled=compiled,
        )


def load_with_torch(
    model: str = "",
    *,
    device: str = "auto",
    batch_size: int = 16,
    threads: int | None = None,
    precision: Precision = "auto",
    compiled: Path | None = None,
) -> Embedder:
    """The same, made with torch whether it was compiled before or not: what is compiled is kept."""
    files = _files_of(model)
    if not model:
        packaged_model()  # its weights are what they should be
    before_torch()
    import torch
    from sentence_transformers import SentenceTransformer

    if threads is not None:
        torch.set_num_threads(threads)
    try:
        with _no_progress_bars():
            loaded = SentenceTransformer(
                str(files.folder),
                device=None if device in ("", "auto") else device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True, "dtype": torch.float32},
            )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as exc:  # what its parsers raise
        raise EmbeddingError(
            f"The embedding model {files.name} cannot be loaded: {exc}",
            hint="Check embedding.model and embedding.device in the settings.",
        ) from exc
    on_cpu = loaded.device.type == "cpu"
    if compiled is not None and on_cpu:
        from index.compiled_embeddings import compile_embedder

        reference = SentenceTransformerEmbedder(
            loaded, name=files.name, files_hash=files.files_hash, batch_size=batch_size
        )
        ready = compile_embedder(
            compiled, files.identity, reference, batch_size=batch_size, threads=threads or processors()
        )
        if ready is not None:
            return ready
    lower = precision == "bf16" or (precision == "auto" and on_cpu and computes_bfloat16())
    return SentenceTransformerEmbedder(
        loaded,
        name=files.name,
        files_hash=files.files_hash,
        batch_size=batch_size,
        passage_model=copy.deepcopy(loaded).bfloat16() if lower else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The files of a model, the hash of all of them, and the name that it is kept under once compiled."""

    folder: Path
    name: str
    files_hash: str

    @property
    def identity(self) -> str:
        return f"{self.name}|{self.files_hash}|{PREPARATION}"


def _files_of(model: str) -> _Files:
    folder = model_folder(model) if model else packaged_folder()
    refuse_programs(folder)
    # The weights of the built-in model are checked when they are read; a compiled network needs them no more.
    files_hash = files_hash_of(folder, {} if model else DEFAULT_SHA256)
    return _Files(folder=folder, name=Path(model).name if model else DEFAULT_NAME, files_hash=files_hash)


def before_torch() -> None:
    """To call before torch is imported first: its compiler, which transformers imports too, asks the system
    for the user's name and makes a folder. One that exists is left alone.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", tempfile.gettempdir())


def packaged_token_spans() -> Callable[[str], list[tuple[int, int]]]:
    """``token_spans`` of the built-in model, without loading torch."""
    tokenizer = packaged_tokenizer()
    return lambda text: token_spans_of(tokenizer, text)


def packaged_tokenizer() -> Tokenizer:
    """The built-in model's tokenizer, which neither cuts nor pads, without loading torch."""
    from tokenizers import Tokenizer

    return uncut(Tokenizer.from_file(str(packaged_tokenizer_file())))


def computes_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16; where it is emulated, it is slower than float32."""
    import torch

    told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # not in older releases of torch
    return any(told.get(name, False) for name in ("avx512_bf16", "amx_bf16", "amx_tile", "bf16"))


def multiplies_eight_bits() -> bool:
    """Whether this CPU multiplies whole numbers of eight bits faster than it does bfloat16.

    It has an instruction for that (AVX-512 VNNI), and no matrix units: those do either in no time.
    """
    import torch

    told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return told.get("avx512_vnni", False) and not told.get("amx_tile", False)


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _added_tokens(tokenizer: Any) -> int:
    """Special tokens around a text, such as [CLS] and [SEP]."""
    return int(_backend(tokenizer).num_special_tokens_to_add(False))


def _backend(tokenizer: Any) -> Tokenizer:
    """The fast tokenizer inside a model's tokenizer."""
    from tokenizers import Tokenizer

    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not isinstance(backend, Tokenizer):
        raise EmbeddingError(
            "The embedding model's tokenizer gives no character offsets.",
            hint="Choose a model with a tokenizer.json.",
        )
    return backend


def uncut(tokenizer: Any) -> Tokenizer:
    """A copy of a fast tokenizer, or of the one inside a model's, that never cuts or pads: offsets must
    cover the whole text.
    """
    from tokenizers import Tokenizer

    copied = Tokenizer.from_str(_backend(tokenizer).to_str())
    copied.no_truncation()
    copied.no_padding()
    return copied


def token_spans_of(tokenizer: Tokenizer, text: str) -> list[tuple[int, int]]:
    """Character spans of the tokens of a text, without those that the model adds."""
    return list(tokenizer.encode(text, add_special_tokens=False).offsets)
