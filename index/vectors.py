"""Dense search over an immutable set of vectors: a FAISS base, a small delta, and what was removed.

Nothing here is ever changed after construction. Adding to a FAISS index while another thread
searches it crashes the process, so a publish makes a new :class:`DenseIndex` and swaps it in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index.durable import make_folder, write_durably
from index.near import APPROXIMATE_FROM, build_near

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Vectors of a checkpoint: half-precision, exact inner product, addressed by position.

    ``ids`` is ascending, (n,) int64; row ``i`` of ``index`` is the vector of chunk ``ids[i]``. ``near``, in a
    large base, finds nearly all of the nearest in less time (``index.near``). ``owner`` is the loaded FAISS
    object that these are parts of; it must live as long.
    """

    owner: Any
    index: Any
    near: Any | None
    sha256: str
    ids: Ids
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Some live ids of one :class:`DenseIndex`: what a search is restricted to.

    ``ids`` is ascending, (n,) int64. The bitmaps go by position, eight to a byte, lowest bit first.
    """

    ids: Ids
    base: NDArray[np.uint8]
    delta: NDArray[np.uint8]


class DenseIndex:
    """Base + delta − removed, as one searchable whole."""

    def __init__(self, dim: int, *, base: Base | None, removed: Ids, delta_ids: Ids, delta: Vectors) -> None:
        """Put the parts together.

        Args:
            dim: Length of every vector.
            base: A checkpoint, or None.
            removed: Ids in ``base`` that are gone, any order.
            delta_ids: Ids added since the base, ascending, (m,) int64.
            delta: Their unit vectors, (m, dim) float32.
        """
        self.dim = dim
        self._base = base
        self._removed = removed
        self._keep: NDArray[np.bool_] | None = None
        if base is not None and len(removed):
            keep = np.ones(len(base.ids), dtype=bool)
            places = _places(base.ids, removed)
            keep[places[places >= 0]] = False
            self._keep = keep
        self._delta_ids = delta_ids
        self._delta = delta
        self._flat = faiss.IndexFlatIP(dim)
        if len(delta_ids):
            self._flat.add(delta)

    def moved_on(self, *, removed: Ids, added_ids: Ids, added: Vectors) -> DenseIndex:
        """The index after some ids went and others came: what a publish changes, and no more, is read.

        Args:
            removed: Ids that are gone, any order.
            added_ids: Ids that came, ascending; one that is in ``removed`` too was brought back.
            added: Their unit vectors, (m, dim) float32.
        """
        stays = ~np.isin(self._delta_ids, np.concatenate([removed, added_ids]))
        ids = np.concatenate([self._delta_ids[stays], added_ids])
        vectors = np.concatenate([self._delta[stays], added])
        if len(ids) > 1 and (np.diff(ids) < 0).any():
            order = np.argsort(ids)
            ids, vectors = ids[order], vectors[order]
        gone = np.concatenate([self._removed, removed])
        return DenseIndex(self.dim, base=self._base, removed=gone, delta_ids=ids, delta=vectors)

    @property
    def base(self) -> Base | None:
        """The checkpoint that it stands on."""
        return self._base

    @property
    def base_count(self) -> int:
        """Vectors in the base, removed ones included."""
        return 0 if self._base is None else len(self._base.ids)

    @property
    def removed_count(self) -> int:
        """Vectors of the base that are hidden."""
        return 0 if self._keep is None else int((~self._keep).sum())

    @property
    def delta_count(self) -> int:
        """Vectors added since the base."""
        return len(self._delta_ids)

    def ids(self) -> Ids:
        """Every live id, ascending."""
        if self._base is None:
            return self._delta_ids
        base_ids = self._base.ids if self._keep is None else self._base.ids[self._keep]
        return np.union1d(base_ids, self._delta_ids)

    def __len__(self) -> int:
        return self.base_count - self.removed_count + self.delta_count

    def __contains__(self, chunk_id: int) -> bool:
        return bool(self.live([chunk_id])[0])

    def select(self, ids: Ids) -> Selection:
        """Restrict searches to those of ``ids`` (ascending) that are live."""
        base_ids = np.empty(0, np.int64) if self._base is None else self._base.ids
        in_base = np.isin(base_ids, ids, assume_unique=True)
        if self._keep is not None:
            in_base &= self._keep
        in_delta = np.isin(self._delta_ids, ids, assume_unique=True)
        return Selection(
            ids=np.union1d(base_ids[in_base], self._delta_ids[in_delta]),
            base=np.packbits(in_base, bitorder="little"),
            delta=np.packbits(in_delta, bitorder="little"),
        )

    def search(self, query: Vectors, k: int, selection: Selection | None = None) -> list[tuple[int, float]]:
        """The ``k`` nearest live ids as ``(id, cosine)``, best first; ties by smaller id.

        Args:
            query: Unit vector, (dim,) float32.
            selection: Of this index: nothing else is found, and ``k`` of it are as long as it has so many.
        """
        # More threads make one query slower when several people ask at once, and the setting binds
        # only the calling thread.
        faiss.omp_set_num_threads(1)
        matrix = np.ascontiguousarray(query.reshape(1, -1), dtype=np.float32)
        found: list[tuple[int, float]] = []
        if self._base is not None and len(self._base.ids):
            scores, positions = self._search_base(self._base, matrix, selection, min(k, len(self._base.ids)))
            found += [
                (int(self._base.ids[position]), float(score))
                for score, position in zip(scores[0], positions[0], strict=True)
                if position >= 0
            ]
        if len(self._delta_ids):
            parameters = _only(None if selection is None else selection.delta)
            scores, positions = self._flat.search(matrix, min(k, len(self._delta_ids)), params=parameters)
            found += [
                (int(self._delta_ids[position]), float(score))
                for score, position in zip(scores[0], positions[0], strict=True)
                if position >= 0
            ]
        return sorted(found, key=lambda item: (-item[1], item[0]))[:k]

    def _search_base(
        self, base: Base, matrix: Vectors, selection: Selection | None, k: int
    ) -> tuple[Vectors, Ids]:
        """Scores and positions of the ``k`` nearest; position -1 where there are not so many."""
        if selection is None and (nearest := self._near(base, matrix, k)) is not None:
            return nearest
        bitmap = None if selection is None else selection.base
        if bitmap is None and self._keep is not None:
            bitmap = np.packbits(self._keep, bitorder="little")
        found: tuple[Vectors, Ids] = base.index.search(matrix, k, params=_only(bitmap))
        return found

    def _near(self, base: Base, matrix: Vectors, k: int) -> tuple[Vectors, Ids] | None:
        """The same by comparing with codes; None where that finds fewer than ``k``, or is no quicker."""
        # It cannot skip what was removed, so that is left out afterwards; there is little of it, or a new
        # checkpoint would have been written.
        wanted = k if self._keep is None else k + min(k, self.removed_count)
        if base.near is None or wanted * base.near.k_factor > len(base.ids) // 2:
            return None
        scores, positions = base.near.search(matrix, wanted)
        there = positions[0] >= 0
        if self._keep is not None:
            there &= self._keep[positions[0]]
        if np.count_nonzero(there) < k:
            return None
        return scores[:, there][:, :k], positions[:, there][:, :k]

    def cosines(self, query: Vectors, chunk_ids: Sequence[int]) -> dict[int, float]:
        """The cosine of each live id with ``query``, in the order given; ids that are not live are absent."""
        ids = np.asarray(chunk_ids, dtype=np.int64)
        in_delta, in_base = self._places(ids)
        found = np.empty(len(ids), dtype=np.float32)
        # einsum stays in this thread; a product of matrices would wake the others, see search().
        found[in_delta >= 0] = np.einsum("ij,j->i", self._delta[in_delta[in_delta >= 0]], query)
        if self._base is not None and (in_base >= 0).any():
            vectors = self._base.index.reconstruct_batch(in_base[in_base >= 0])
            found[in_base >= 0] = np.einsum("ij,j->i", vectors, query)
        live = (in_delta >= 0) | (in_base >= 0)
        return dict(zip(ids[live].tolist(), found[live].tolist(), strict=True))

    def live(self, chunk_ids: Sequence[int]) -> NDArray[np.bool_]:
        """Which of these ids are live, (n,) bool."""
        in_delta, in_base = self._places(np.asarray(chunk_ids, dtype=np.int64))
        found: NDArray[np.bool_] = (in_delta >= 0) | (in_base >= 0)
        return found

    def _places(self, ids: Ids) -> tuple[Ids, Ids]:
        """The positions of ids in the delta and in the base, -1 where they are not there, or hidden."""
        in_delta = _places(self._delta_ids, ids)
        if self._base is None:
            return in_delta, np.full(len(ids), -1, dtype=np.int64)
        in_base = _places(self._base.ids, ids)
        in_base[in_delta >= 0] = -1
        if self._keep is not None:
            there = in_base[in_base >= 0]
            in_base[in_base >= 0] = np.where(self._keep[there], there, -1)
        return in_delta, in_base


def _only(bitmap: NDArray[np.uint8] | None) -> Any | None:
    """Search parameters that skip the positions whose bit is not set."""
    return None if bitmap is None else faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bitmap))


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBase:
    """A checkpoint that was written: file name, SHA-256 of its content, and the share of the ten nearest that
    a search of it finds; None where it is exact.
    """

    name: str
    sha256: str
    recall: float | None = None


def write_base(
    folder: Path, generation: int, ids: Ids, vectors: Vectors, *, approximate_from: int = APPROXIMATE_FROM
) -> WrittenBase:
    """Write a checkpoint, whole and durable when this returns. The caller then commits its name.

    Args:
        ids: Ascending, (n,) int64.
        vectors: Unit rows, (n, dim) float32.
        approximate_from: From so many vectors on, a search need not compare with all of them.
    """
    make_folder(folder)
    exact = faiss.IndexScalarQuantizer(
        vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    mapped = faiss.IndexIDMap(exact)
    mapped.add_with_ids(vectors, ids)
    near = build_near(exact, vectors) if len(ids) >= max(1, approximate_from) else None
    if near is not None:
        mapped.index = near.index  # which holds the exact one
    name = f"base-{generation}.faiss"
    payload = faiss.serialize_index(mapped).tobytes()
    write_durably(folder / name, [payload], kind="checkpoint")
    return WrittenBase(
        name=name,
        sha256=hashlib.sha256(payload).hexdigest(),
        recall=None if near is None else near.recall,
    )


def read_base(path: Path, *, sha256: str, count: int, dim: int, generation: int) -> Base | None:
    """Load a checkpoint, or None when it is missing or not byte for byte what was written.

    The check comes first: a flipped bit can load without complaint and answer wrongly.
    """
    try:
        payload = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(payload).hexdigest() != sha256:
        return None
    owner = faiss.deserialize_index(np.frombuffer(payload, dtype=np.uint8))
    # The object that owns the memory must stay referenced: the two below only look into it.
    mapped = faiss.downcast_index(owner)
    ids = faiss.vector_to_array(mapped.id_map).astype(np.int64)
    index, near = faiss.downcast_index(mapped.index), None
    if isinstance(index, faiss.IndexRefine):
        near, index = index, faiss.downcast_index(index.refine_index)
    if index.ntotal != count or index.d != dim or len(ids) != count:
        return None
    return Base(owner=owner, index=index, near=near, sha256=sha256, ids=ids, generation=generation)


def _places(ids: Ids, wanted: Ids) -> Ids:
    """The position of each wanted id in ``ids`` (ascending), -1 where it is not there."""
    places = np.searchsorted(ids, wanted).astype(np.int64)
    if not len(ids):
        return np.full(len(wanted), -1, dtype=np.int64)
    places[ids[np.minimum(places, len(ids) - 1)] != wanted] = -1
    return places
