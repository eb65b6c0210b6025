"""Six ways to write an index that loses data. The harnesses have to catch every one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import faiss
import numpy as np

from index import durable
from index.checkpoints import Checkpoints
from index.durable import Kind, make_folder, write_durably
from index.faults import fault
from index.keywords import Keywords
from index.lexical import LexicalSearcher
from index.vectors import Base, Ids, Vectors, WrittenBase

HALF = "variant.half"  # the fault point in the middle of a write


@contextmanager
def pointer_before_rename() -> Iterator[None]:
    """The catalog names a checkpoint that is written only afterwards."""
    waiting: list[tuple[Path, bytes]] = []
    write = Checkpoints.write

    def promised(
        folder: Path, generation: int, ids: Ids, vectors: Vectors, *, approximate_from: int
    ) -> WrittenBase:
        make_folder(folder)
        payload = _payload(ids, vectors)
        waiting.append((folder / f"base-{generation}.faiss", payload))
        name = f"base-{generation}.faiss"
        return WrittenBase(name=name, sha256=hashlib.sha256(payload).hexdigest())

    def write_late(checkpoints: Checkpoints, *, keep: int = 2) -> None:
        write(checkpoints, keep=keep)
        for path, payload in waiting:
            write_durably(path, [payload], kind="checkpoint")
        waiting.clear()

    with patch("index.checkpoints.write_base", promised), patch.object(Checkpoints, "write", write_late):
        yield


@contextmanager
def overwrite_in_place() -> Iterator[None]:
    """There is one checkpoint file, which is opened for writing again and again."""

    def overwrite(
        folder: Path, generation: int, ids: Ids, vectors: Vectors, *, approximate_from: int
    ) -> WrittenBase:
        make_folder(folder)
        payload = _payload(ids, vectors)
        with (folder / "base-0.faiss").open("wb") as file:
            file.write(payload[: len(payload) // 2])
            file.flush()
            fault(HALF)
            file.write(payload[len(payload) // 2 :])
        return WrittenBase(name="base-0.faiss", sha256=hashlib.sha256(payload).hexdigest())

    with patch("index.checkpoints.write_base", overwrite):
        yield


@contextmanager
def no_fsync() -> Iterator[None]:
    """Files are written and renamed as they should be, and nothing is synced."""

    def careless(path: Path, parts: Iterable[bytes], *, kind: Kind) -> None:
        temporary = path.with_name(f"{path.name}.tmp")
        durable.disk.write(temporary, parts)
        durable.disk.rename(temporary, path)

    with (
        patch("index.vectors.write_durably", careless),
        patch("index.manifest.write_durably", careless),
        patch("index.ingest.write_durably", careless),
    ):
        yield


@contextmanager
def no_sha256_check() -> Iterator[None]:
    """A checkpoint is loaded whatever its bytes are."""

    def trust(path: Path, *, sha256: str, count: int, dim: int, generation: int) -> Base | None:
        try:
            owner = faiss.deserialize_index(np.frombuffer(path.read_bytes(), dtype=np.uint8))
        except (OSError, RuntimeError):
            return None
        mapped = faiss.downcast_index(owner)
        ids = faiss.vector_to_array(mapped.id_map).astype(np.int64)
        index = faiss.downcast_index(mapped.index)
        return Base(owner=owner, index=index, near=None, sha256=sha256, ids=ids, generation=generation)

    with patch("index.derived.read_base", trust):
        yield


@contextmanager
def lexical_not_rolled_forward() -> Iterator[None]:
    """Nobody looks whether the lexical index stands where the catalog does."""

    def whatever(keywords: Keywords, wanted: object) -> LexicalSearcher:
        return keywords._index.searcher()

    def leave(keywords: Keywords) -> None:
        pass

    with (
        patch.object(Keywords, "searcher_at", whatever),
        patch.object(Keywords, "roll_forward_if_behind", leave),
    ):
        yield


@contextmanager
def exchange_not_settled() -> Iterator[None]:
    """Nobody looks whether a folder was set aside by a restore that was killed."""
    with patch("index.store.settle_exchange", lambda _data: False):
        yield


VARIANTS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "": nullcontext,
    "pointer before rename": pointer_before_rename,
    "overwrite in place": overwrite_in_place,
    "no fsync": no_fsync,
    "no SHA-256 check": no_sha256_check,
    "lexical index not rolled forward": lexical_not_rolled_forward,
    "exchange not settled": exchange_not_settled,
}


def _payload(ids: Ids, vectors: Vectors) -> bytes:
    quantizer = faiss.IndexScalarQuantizer(
        vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    mapped = faiss.IndexIDMap(quantizer)
    mapped.add_with_ids(vectors, ids)
    return bytes(faiss.serialize_index(mapped).tobytes())
