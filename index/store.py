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
from typing import TYPE_CHECKING, Self

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
)
from index.derived import (
    DenseLoader,
    current_embedder,
    lexical_documents,
    lexical_documents_among,
    roll_forward,
    vectors_since,
)
from index.durable import make_folder, remove_durably
from index.erasure import erasure_due, note_erasure
from index.errors import BusyError, SourceError, StorageError
from index.faults import fault
from index.lexical import LexicalIndex, LexicalSearcher, Marker, UnreadableLexicalError
from index.locks import LOCK_SECONDS, held
from index.reader import CatalogReader
from index.removal import (
    UNDO_SECONDS,
    Removal,
    bring_back,
    erase,
    hide,
    release_version,
    removals_at,
)
from index.rows import (
    ChunkRow,
    DocumentRow,
    FolderRow,
    StoreStatus,
    languages,
    marker,
    pending_since,
    published_generation,
)
from index.scope import Scope
from index.snapshot import Snapshot
from index.vectors import write_base

if TYPE_CHECKING:
    from index.repair import Repair

__all__ = ["ChunkRow", "DocumentRow", "FolderRow", "QueryTerms", "Scope", "Snapshot", "Store", "StoreStatus"]

logger = logging.getLogger(__name__)

# A checkpoint is worth its writing when it saves more than re-reading a few vectors at start.
CHECKPOINT_MINIMUM = 2_000
CHECKPOINT_SHARE = 0.05

_REWRITTEN_AT_ONCE = 2_000  # chunks, while nothing else can be written

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
        self._earlier: Snapshot | None = None  # the last of the embedding model before
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

    def snapshot(self, fingerprint: str | None = None) -> Snapshot:
        """The snapshot to use for one request, from search to citation.

        Args:
            fingerprint: Of the embedding model that is to search it. When the index has moved on to another
                model, whoever still has the one before goes on with the last snapshot of that one.
        """
        if self._snapshot is None:
            self.refresh()
        snapshot, earlier = self._snapshot, self._earlier
        assert snapshot is not None
        if fingerprint is None or earlier is None:
            return snapshot
        if snapshot.fingerprint == fingerprint:
            self._earlier = None  # the model of this one has come
            return snapshot
        return earlier if earlier.fingerprint == fingerprint else snapshot

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
            if current is not None and current.fingerprint not in (None, snapshot.fingerprint):
                self._earlier = current
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
            gone = [release_version(connection, each, generation) for each in left if each is not None]
            if removals:
                note_erasure(connection)
            elif any(gone):
                note_erasure(connection, since=time.time())
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
        """Remove sources. When this returns, no search, citation or page gives their text back.

        It can be undone for ten seconds; then :meth:`purge` erases every byte that no other source holds.

        Returns:
            The new generation, which names the removal; the present one when no id was known.
        """
        with self._writer():
            with self.catalog.writing() as connection:
                generation = published_generation(connection)
                if hide(connection, doc_ids, generation + 1, time.time()):
                    generation += 1
                    set_meta(connection, "generation", str(generation))
            fault("remove.hidden")
            self._roll_forward()
        fault("remove.rolled_forward")
        self.refresh()
        return generation

    def undo(self, removal: int | None = None, *, undo_seconds: float = UNDO_SECONDS) -> list[str]:
        """Bring back what was removed together, by default what was removed last.

        Returns:
            The ids of the sources that are back; empty when it is too late, or there is nothing to undo.
        """
        back: list[str] = []
        with self._writer():
            with self.catalog.writing() as connection:
                open_ = [each.generation for each in removals_at(connection, time.time(), undo_seconds)]
                wanted = [each for each in open_ if removal in (None, each)][:1]
                generation = published_generation(connection) + 1
                for each in wanted:
                    back = bring_back(connection, each, generation)
                if back:
                    set_meta(connection, "generation", str(generation))
            self._roll_forward()
        self.refresh()
        return back

    def removals(self, *, undo_seconds: float = UNDO_SECONDS) -> list[Removal]:
        """What can still be undone, the newest first."""
        with self.catalog.reading() as connection:
            return removals_at(connection, time.time(), undo_seconds)

    def purge(self, *, undo_seconds: float = UNDO_SECONDS, patient: bool = True) -> bool:
        """Erase what can no longer be undone, see :func:`index.purge.purge`; cheap when there is nothing."""
        from index.purge import purge

        return purge(self, undo_seconds=undo_seconds, patient=patient)

    def to_erase(self) -> bool:
        """Whether :meth:`purge` has anything to do, now or once it can no longer be undone."""
        with self.catalog.reading() as connection:
            waiting = connection.execute("SELECT 1 FROM removed_documents LIMIT 1").fetchone()
            return waiting is not None or erasure_due(connection) is not None

    def erase_removed(self, *, undo_seconds: float) -> None:
        """Delete the rows of what can no longer be undone (for :func:`index.purge.purge`)."""
        with self.catalog.reading() as connection:
            if connection.execute("SELECT 1 FROM removed_documents LIMIT 1").fetchone() is None:
                return
        with self._writer(), self.catalog.writing() as connection:
            erase(connection, published_generation(connection), time.time(), undo_seconds)

    def forget_removed_vectors(self) -> None:
        """Replace checkpoints that hold vectors of removed chunks (for :func:`index.purge.purge`)."""
        with self.catalog.reading() as connection:
            row = connection.execute(
                "SELECT 1 FROM checkpoints c, removals r WHERE r.generation > c.generation LIMIT 1"
            ).fetchone()
        if row is not None:
            self.write_checkpoint(keep=1)

    def rewrite_lexical(self) -> None:
        """Write the segments of the lexical index anew that hold removed chunks, some chunks at a time.

        Terms of a deleted chunk stay in its segment until that is merged, which the binding cannot ask
        for. A chunk that is added again moves to a new segment, and a segment without chunks is deleted.
        """
        with self._writer():
            self._roll_forward()
            beside = self._lexical.ids_beside_removed()
        if beside is None:
            return
        for start in range(0, max(1, len(beside)), _REWRITTEN_AT_ONCE):
            with self._writer(), translated(self.data):
                self._roll_forward()
                with self.catalog.reading() as connection:
                    self._lexical.write(
                        added=lexical_documents_among(connection, beside[start : start + _REWRITTEN_AT_ONCE]),
                        removed=[],
                        marker=marker(connection),
                        rebuild=False,
                    )

    def rebuild_lexical(self) -> None:
        """Make the lexical index anew from the catalog; searches go on with the old one meanwhile."""
        with self._writer(), self.catalog.reading() as connection, translated(self.data):
            for attempt in range(2):
                try:
                    self._lexical.write(
                        added=lexical_documents(connection, 0),
                        removed=[],
                        marker=marker(connection),
                        rebuild=True,
                    )
                    break
                except OSError:
                    if attempt:
                        raise
                    # Its own files may be what is broken.
                    self._lexical = LexicalIndex.recreate(self.data / "lexical")

    def rebuild(self) -> None:
        """Make everything anew that is derived from the catalog. Nothing is embedded."""
        self.rebuild_lexical()
        self.write_checkpoint(keep=1)

    def remove_unused_originals(self, content_hashes: Sequence[str]) -> None:
        """Delete kept uploads that no source refers to any more."""
        with self.catalog.reading() as connection:
            unused = [
                content_hash
                for content_hash in content_hashes
                if connection.execute(
                    "SELECT 1 FROM documents WHERE content_hash = ?1 AND origin = 'upload' UNION ALL"
                    " SELECT 1 FROM removed_documents WHERE content_hash = ?1 AND origin = 'upload'",
                    (content_hash,),
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
        with self.catalog.reading() as connection:
            base = connection.execute(
                "SELECT generation, count FROM checkpoints ORDER BY generation DESC LIMIT 1"
            ).fetchone()
            since, count = (0, 0) if base is None else (base["generation"], base["count"])
            # Not status(): that counts the whole corpus.
            pending = sum(pending_since(connection, since))
        if pending < max(CHECKPOINT_MINIMUM, CHECKPOINT_SHARE * count):
            return False
        self.write_checkpoint()
        return True

    def write_checkpoint(self, *, keep: int = 2) -> None:
        """Write all live vectors as a new immutable base, then commit its name.

        The newest ``keep`` are kept; older ones go, and with them the removals that only they needed.
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
                        "SELECT generation FROM checkpoints ORDER BY generation DESC LIMIT ?", (keep,)
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
    def exclusive(self) -> Iterator[None]:
        """Be the only writer; afterwards the lexical index stands where the catalog does."""
        with self._writer():
            yield
            self._roll_forward()

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

    def repair(self) -> Repair:
        """Rebuild what is derived and broken, and set aside what is missing in the catalog itself."""
        from index.repair import repair

        return repair(self)

    def lexical_ids(self) -> set[int]:
        """Chunk ids in the newest state of the lexical index (for :func:`index.check.violations`)."""
        return set(self._lexical.searcher().ids())

    def dense_ids(self) -> set[int]:
        """Chunk ids that dense search can return now (for :func:`index.check.violations`)."""
        with self.catalog.reading() as connection:
            # From the files and the catalog alone, not from what was loaded before.
            return {int(i) for i in DenseLoader(self.data / "checkpoints").load(connection).ids()}


def _refuse_foreign(data: Path) -> None:
    """A new index is made only where nothing of somebody else's can be in its way."""
    ours = (
        "catalog.sqlite",
        "chats.sqlite",
        "compiled",
        "feedback.jsonl",
        "footnote.log",
        "runs",
        "settings.toml",
        "uploads",
        "lost+found",
    )
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
