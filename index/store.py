"""The one door to storage: the catalog, and the two indexes derived from it.

A publish is one SQLite commit under the writer lock; then the lexical index rolls forward to it.
A crash between the two loses nothing: the next process that opens the store, or publishes, rolls it
forward again. Readers take no lock; they swap to a new snapshot when both indexes stand at the
catalog's generation.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from index.analysis import QueryTerms
from index.catalog import FILE_NAME, Catalog, encode_path, get_meta, set_meta, translated
from index.changes import (
    EmbedderIdentity,
    NewVersion,
    PutDocument,
    check_vectors,
    put_document,
    register_embedder,
    remove_document,
    remove_version_if_unused,
)
from index.derived import DenseLoader, current_embedder, roll_forward, vectors_since
from index.durable import make_folder, remove_durably
from index.errors import BusyError, SourceError, StorageError
from index.faults import fault
from index.lexical import LexicalIndex, LexicalSearcher, Marker, UnreadableLexicalError
from index.locks import LOCK_SECONDS, held
from index.reader import CatalogReader
from index.rows import ChunkRow, DocumentRow, FolderRow, StoreStatus, languages, marker, published_generation
from index.scope import Scope
from index.snapshot import Snapshot
from index.vectors import write_base

__all__ = ["ChunkRow", "DocumentRow", "FolderRow", "QueryTerms", "Scope", "Snapshot", "Store", "StoreStatus"]

logger = logging.getLogger(__name__)

# A checkpoint is worth its writing when it saves more than re-reading a few vectors at start.
CHECKPOINT_MINIMUM = 2_000
CHECKPOINT_SHARE = 0.05

_KEPT_SCOPES = 8  # each is a bit a passage, and the ids of those that are inside

_ORIGINAL = re.compile(r"[0-9a-f]{64}(\.tmp)?")  # what Footnote itself writes into originals/


class Store(CatalogReader):
    """Catalog, vectors and lexical index of one data folder. Safe to use from several threads."""

    def __init__(self, data: Path, catalog: Catalog, lexical: LexicalIndex, lock_seconds: float) -> None:
        super().__init__(data, catalog)
        self._lock_seconds = lock_seconds
        self._lexical = lexical
        self._lock = FileLock(data / "writer.lock", thread_local=False)
        self._write_mutex = threading.Lock()  # FileLock is shared by this process's threads
        self._refresh_mutex = threading.Lock()
        self._dense = DenseLoader(data / "checkpoints")
        self._snapshot: Snapshot | None = None
        self._scope_mutex = threading.Lock()
        self._scopes: dict[tuple[int, int, frozenset[str] | None], Scope] = {}

    @classmethod
    def open(cls, data: Path, *, create: bool = True, lock_seconds: float = LOCK_SECONDS) -> Self:
        """Open the data folder; loads neither torch nor LangChain.

        Args:
            create: Make the folder and an empty catalog when there is none.
            lock_seconds: How long to wait for another process that writes.

        Raises:
            SourceError: There is no index here and ``create`` is False.
            NewerDatabaseError, DamagedError, StorageError: The folder cannot be used.
        """
        if not create and not (data / FILE_NAME).exists():
            raise SourceError(
                f"There is no index in {data}.", hint="Index some documents first: footnote index PATH"
            )
        with translated(data):
            make_folder(data)
            _refuse_foreign(data)
        catalog = Catalog(data)
        try:
            store = cls(data, catalog, _open_lexical(data), lock_seconds)
            store._roll_forward_if_behind()
        except BaseException:
            catalog.close()
            raise
        return store

    def close(self) -> None:
        """Close the catalog's connections."""
        self.catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- snapshots -------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The snapshot to use for one request, from search to citation."""
        if self._snapshot is None:
            self.refresh()
        assert self._snapshot is not None
        return self._snapshot

    def scope(self, collections: frozenset[str] | None = None, snapshot: Snapshot | None = None) -> Scope:
        """What of a snapshot may answer: its documents in these collections that are not disabled.

        Args:
            collections: Names; None: all of them.
            snapshot: The newest by default.

        Raises:
            UnknownCollectionError: A name is not that of a collection, or ``collections`` is empty.
        """
        snapshot = snapshot or self.snapshot()
        with self.catalog.reading() as connection:
            key = (published_generation(connection), snapshot.generation, collections)
            with self._scope_mutex:
                known = self._scopes.get(key)
            if known is not None:
                return known
            scope = snapshot.scope(connection, collections)
        with self._scope_mutex:
            self._scopes[key] = scope
            while len(self._scopes) > _KEPT_SCOPES:
                self._scopes.pop(next(iter(self._scopes)))
        return scope

    def refresh(self) -> bool:
        """Swap to the newest published generation. Cheap when there is none.

        Returns:
            Whether the snapshot changed.
        """
        with self._refresh_mutex:
            current = self._snapshot
            if current is not None and current.generation == self.generation:
                return False
            snapshot = self._load_snapshot()
            self._snapshot = snapshot
            return True

    def _load_snapshot(self) -> Snapshot:
        # The lexical commit follows the catalog's by some milliseconds; wait for the writer, and if
        # there is none any more, roll the index forward ourselves.
        deadline = time.monotonic() + self._lock_seconds
        while True:
            with self.catalog.reading() as connection:
                wanted = marker(connection)
                searcher = self._lexical_at(wanted)
                if searcher is not None:
                    return self._build_snapshot(connection, searcher, wanted.generation)
            if self._try_roll_forward():
                continue
            if time.monotonic() > deadline:
                raise BusyError(
                    "The index is being written and cannot be read yet.", hint="Try again in a moment."
                )
            time.sleep(0.02)

    def _build_snapshot(
        self, connection: sqlite3.Connection, searcher: LexicalSearcher, generation: int
    ) -> Snapshot:
        fingerprint = get_meta(connection, "fingerprint")
        return Snapshot(
            generation=generation,
            fingerprint=fingerprint,
            n_documents=int(
                connection.execute("SELECT count(*) FROM documents WHERE version_id IS NOT NULL").fetchone()[
                    0
                ]
            ),
            languages=tuple(languages(connection))[:4],
            _dense=self._dense.load(connection),
            _lexical=searcher,
        )

    # -- writing ---------------------------------------------------------------------------------

    def publish(
        self,
        *,
        puts: Sequence[PutDocument] = (),
        removals: Sequence[str] = (),
        folder: tuple[str, str] | None = None,
        embedder: EmbedderIdentity | None = None,
    ) -> int:
        """Make a set of changes visible in one commit.

        Args:
            puts: Sources to add, change, rename or mark as failed.
            removals: ``doc_id`` of sources to remove; unknown ids are ignored.
            folder: ``(path, collection)`` to remember as indexed now.
            embedder: Needed when ``puts`` holds new versions.

        Returns:
            The new generation.

        Raises:
            BusyError: Another process kept the writer lock for ten seconds.
            EmbedderMismatchError: The index holds vectors of another model.
            EmbeddingError: A vector is not finite, all zero, or of the wrong length.
            StorageError: The disk refused; nothing was changed.
        """
        for put in puts:
            if isinstance(put.version, NewVersion):
                check_vectors(put.version, embedder)
        with self._writer():
            fault("publish.locked")
            generation = self._commit(puts, removals, folder, embedder)
            fault("publish.committed")
            self._roll_forward()
            fault("publish.rolled_forward")
        return generation

    def _commit(
        self,
        puts: Sequence[PutDocument],
        removals: Sequence[str],
        folder: tuple[str, str] | None,
        embedder: EmbedderIdentity | None,
    ) -> int:
        with self.catalog.writing() as connection:
            generation = published_generation(connection) + 1
            embedder_id = register_embedder(connection, embedder)
            left = [put_document(connection, put, embedder_id, generation) for put in puts]
            fault("publish.put")
            left += [remove_document(connection, doc_id) for doc_id in removals]
            # Last: two files may have swapped their contents in this very commit.
            for version_id in filter(None, left):
                remove_version_if_unused(connection, version_id, generation)
            if folder is not None:
                connection.execute(
                    "INSERT INTO folders VALUES (?, ?, ?) ON CONFLICT (path, collection)"
                    " DO UPDATE SET indexed_at = excluded.indexed_at",
                    (encode_path(folder[0]), folder[1], time.time()),
                )
            set_meta(connection, "generation", str(generation))
            fault("publish.before_commit")
        return generation

    def remove(self, doc_ids: Sequence[str]) -> int:
        """Remove sources and, where no other source holds the same content, every byte of it.

        When this returns, no search, citation or stored original gives the text back.

        Returns:
            The new generation.
        """
        hashes = [row.content_hash for row in map(self.document, doc_ids) if row is not None]
        generation = self.publish(removals=doc_ids)
        fault("remove.published")
        self.remove_unused_originals([content_hash for content_hash in hashes if content_hash])
        fault("remove.originals_gone")
        self.refresh()
        self.catalog.truncate_log()
        fault("remove.log_emptied")
        return generation

    def remove_unused_originals(self, content_hashes: Sequence[str]) -> None:
        """Delete kept uploads that no source refers to any more."""
        with self.catalog.reading() as connection:
            unused = [
                content_hash
                for content_hash in content_hashes
                if connection.execute(
                    "SELECT 1 FROM documents WHERE content_hash = ? AND origin = 'upload'", (content_hash,)
                ).fetchone()
                is None
            ]
        with translated(self.data):
            remove_durably(self.originals / content_hash for content_hash in unused)

    def sweep_originals(self) -> None:
        """Delete kept uploads that a run left behind before it could publish them. Needs the ingest lock."""
        if self.originals.is_dir():
            with translated(self.data):
                names = [file.name for file in self.originals.iterdir() if _ORIGINAL.fullmatch(file.name)]
            self.remove_unused_originals(names)

    def write_checkpoint_if_due(self) -> bool:
        """Write a new base when delta and removals have outgrown the last one.

        Returns:
            Whether one was written.
        """
        status = self.status()
        pending = status.delta_vectors + status.removed_vectors
        if pending < max(CHECKPOINT_MINIMUM, CHECKPOINT_SHARE * status.base_vectors):
            return False
        self.write_checkpoint()
        return True

    def write_checkpoint(self) -> None:
        """Write all live vectors as a new immutable base, then commit its name.

        The one before it is kept; older ones go, and with them the removals that only they needed.
        """
        with self._writer():
            with self.catalog.reading() as connection:
                generation = published_generation(connection)
                embedder = current_embedder(connection)
                if embedder is None:
                    return
                ids, vectors = vectors_since(connection, 0, embedder)
            folder = self.data / "checkpoints"
            with translated(self.data):
                name, sha256 = write_base(folder, generation, ids, vectors)
            fault("checkpoint.before_commit")
            with self.catalog.writing() as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?)",
                    (generation, name, sha256, len(ids), embedder.dim, embedder.fingerprint),
                )
                kept = [
                    row["generation"]
                    for row in connection.execute(
                        "SELECT generation FROM checkpoints ORDER BY generation DESC LIMIT 2"
                    )
                ]
                connection.execute("DELETE FROM checkpoints WHERE generation < ?", (kept[-1],))
                connection.execute("DELETE FROM removals WHERE generation <= ?", (kept[-1],))
                set_meta(connection, "removals_since", str(kept[-1]))
                named = {row[0] for row in connection.execute("SELECT file FROM checkpoints")}
            fault("checkpoint.committed")
            with translated(self.data):
                for file in folder.glob("base-*"):
                    if file.name not in named and file.suffix in (".faiss", ".tmp"):
                        file.unlink(missing_ok=True)
            fault("checkpoint.old_gone")

    @contextmanager
    def _writer(self) -> Iterator[None]:
        with self._write_mutex, held(self._lock, self.data, seconds=self._lock_seconds):
            yield

    def _roll_forward_if_behind(self) -> None:
        with self.catalog.reading() as connection:
            wanted = marker(connection)
        if self._lexical_at(wanted) is None:
            with self._writer():
                self._roll_forward()

    def _try_roll_forward(self) -> bool:
        """Roll forward if no writer is at work; False when one is."""
        if not self._write_mutex.acquire(blocking=False):
            return False
        try:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                return False
            try:
                self._roll_forward()
            finally:
                self._lock.release()
        finally:
            self._write_mutex.release()
        return True

    def _roll_forward(self) -> None:
        """Bring the lexical index to the catalog's generation. Needs the writer lock."""
        with self.catalog.reading() as connection, translated(self.data):
            wanted = marker(connection)
            try:
                if roll_forward(self._lexical, connection, wanted):
                    return
                logger.warning("the lexical index lacks passages; it is made anew")
            except UnreadableLexicalError as exc:
                logger.warning("the lexical index is made anew: %s", exc)
            self._lexical = LexicalIndex.recreate(self.data / "lexical")
            roll_forward(self._lexical, connection, wanted)

    def _lexical_at(self, wanted: Marker) -> LexicalSearcher | None:
        """The newest state of the lexical index, None when it does not stand at ``wanted``."""
        try:
            searcher = self._lexical.searcher()
            return searcher if searcher.marker() == wanted else None
        except UnreadableLexicalError as exc:
            logger.warning("the lexical index cannot be read: %s", exc)
            return None

    # -- checking --------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """Every violated invariant as a sentence; empty when the store is sound."""
        from index.check import violations

        return violations(self)

    def lexical_ids(self) -> set[int]:
        """Chunk ids in the newest state of the lexical index (for :func:`index.check.violations`)."""
        return set(self._lexical.searcher().ids())

    def dense_ids(self) -> set[int]:
        """Chunk ids that dense search can return now (for :func:`index.check.violations`)."""
        with self.catalog.reading() as connection:
            return {int(i) for i in self._dense.load(connection).ids()}


def _refuse_foreign(data: Path) -> None:
    """A new index is made only where nothing of somebody else's can be in its way."""
    ours = ("catalog.sqlite", "chats.sqlite", "footnote.log", "settings.toml", "uploads", "lost+found")
    strangers = [
        entry.name
        for entry in data.iterdir()
        if not entry.name.startswith(ours) and entry.suffix != ".lock" and not entry.name.startswith(".")
    ]
    if strangers and not (data / FILE_NAME).exists():
        raise StorageError(
            f"{data} already holds other files ({min(strangers)!a}, for example), and no index of Footnote.",
            hint="Choose an empty folder, or one that does not exist yet, with --data or FOOTNOTE_DATA.",
        )


def _open_lexical(data: Path) -> LexicalIndex:
    folder = data / "lexical"
    try:
        return LexicalIndex(folder)
    except UnreadableLexicalError as exc:
        logger.info("lexical index cannot be opened: %s", exc)
    with held(FileLock(data / "writer.lock"), data), translated(data):
        try:
            return LexicalIndex(folder)  # a commit was going on, or another process was quicker
        except UnreadableLexicalError as exc:
            if folder.exists():
                logger.warning("the lexical index is made anew: %s", exc)
            return LexicalIndex.recreate(folder)
