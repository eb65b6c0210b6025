"""Checkpoints: all vectors of one generation as a file that never changes, and when to write another.

The file is written and synced before the commit that names it, so a name always leads to a whole file.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from index.catalog import Catalog, set_meta, translated
from index.derived import DenseLoader, current_embedder, vectors_since
from index.faults import fault
from index.near import APPROXIMATE_FROM
from index.rows import pending_since, published_generation
from index.vectors import DenseIndex, write_base
from index.writer import WriterLock

# A checkpoint is worth its writing when it saves more than re-reading a few vectors at start.
MINIMUM = 2_000
SHARE = 0.05


class Checkpoints:
    """The checkpoints of one data folder, and the dense index that stands on the newest of them."""

    def __init__(
        self, data: Path, catalog: Catalog, writer: WriterLock, *, approximate_from: int = APPROXIMATE_FROM
    ) -> None:
        self._data = data
        self._folder = data / "checkpoints"
        self._catalog = catalog
        self._writer = writer
        self._approximate_from = approximate_from
        self._loader = DenseLoader(self._folder)

    def dense(self, connection: sqlite3.Connection) -> DenseIndex:
        """The dense index, as the catalog says inside this read transaction."""
        return self._loader.load(connection)

    def ids(self) -> set[int]:
        """Chunk ids that dense search can return now, from the files and the catalog alone."""
        with self._catalog.reading() as connection:
            return {int(i) for i in DenseLoader(self._folder).load(connection).ids()}

    def write_if_due(self) -> bool:
        """Write one when delta and removals have outgrown the last; returns whether it was written."""
        with self._catalog.reading() as connection:
            base = connection.execute(
                "SELECT generation, count FROM checkpoints ORDER BY generation DESC LIMIT 1"
            ).fetchone()
            since, count = (0, 0) if base is None else (base["generation"], base["count"])
            # Not status(): that counts the whole corpus.
            pending = sum(pending_since(connection, since))
        if pending < max(MINIMUM, SHARE * count):
            return False
        self.write()
        return True

    def forget_removed(self) -> None:
        """Replace checkpoints that hold vectors of removed chunks."""
        with self._catalog.reading() as connection:
            row = connection.execute(
                "SELECT 1 FROM checkpoints c, removals r WHERE r.generation > c.generation LIMIT 1"
            ).fetchone()
        if row is not None:
            self.write(keep=1)

    def write(self, *, keep: int = 2) -> None:
        """Write all live vectors as a new immutable base, then commit its name.

        The newest ``keep`` are kept; older ones go, and with them the removals that only they needed.
        """
        with self._writer.held():
            with self._catalog.reading() as connection:
                generation = published_generation(connection)
                embedder = current_embedder(connection)
                if embedder is None:
                    return
                ids, vectors = vectors_since(connection, 0, embedder)
            with translated(self._data):
                base = write_base(
                    self._folder, generation, ids, vectors, approximate_from=self._approximate_from
                )
            fault("checkpoint.before_commit")
            with self._catalog.writing() as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        generation,
                        base.name,
                        base.sha256,
                        len(ids),
                        embedder.dim,
                        embedder.fingerprint,
                        base.recall,
                    ),
                )
                named = _drop_old(connection, keep)
            fault("checkpoint.committed")
            with translated(self._data):
                for file in self._folder.glob("base-*"):
                    if file.name not in named and file.suffix in (".faiss", ".tmp"):
                        file.unlink(missing_ok=True)
            fault("checkpoint.old_gone")


def _drop_old(connection: sqlite3.Connection, keep: int) -> set[str]:
    """Forget all but the newest ``keep`` checkpoints; returns the names of their files."""
    kept = [
        row["generation"]
        for row in connection.execute(
            "SELECT generation FROM checkpoints ORDER BY generation DESC LIMIT ?", (keep,)
        )
    ]
    connection.execute("DELETE FROM checkpoints WHERE generation < ?", (kept[-1],))
    connection.execute("DELETE FROM removals WHERE generation <= ?", (kept[-1],))
    set_meta(connection, "removals_since", str(kept[-1]))
    return {row[0] for row in connection.execute("SELECT file FROM checkpoints")}
