"""The one door to storage: the catalog, and the two indexes derived from it.

A publish is one SQLite commit under the writer lock; then the lexical index rolls forward to it.
A crash between the two loses nothing: the next process that opens the store, or publishes, rolls it
forward again. Readers take no lock; they swap to a new snapshot when both indexes stand at the
catalog's generation.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from index.analysis import QueryTerms
from index.catalog import FILE_NAME, Catalog, encode_path, set_meta, translated
from index.changes import (
    EmbedderIdentity,
    NewVersion,
    PutDocument,
    check_vectors,
    put_document,
    register_embedder,
    remove_document,
)
from index.checkpoints import Checkpoints
from index.data_folder import refuse_foreign, require_folder
from index.disabling import disable, enable, ignore
from index.durable import make_folder
from index.erasure import erasure_due, note_erasure
from index.errors import SourceError
from index.exchange import settle_exchange
from index.faults import fault
from index.keywords import Keywords
from index.locks import LOCK_SECONDS
from index.near import APPROXIMATE_FROM
from index.originals import remove_unused, sweep
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
    published_generation,
)
from index.scope import Scope
from index.snapshot import Snapshot
from index.snapshots import Snapshots
from index.writer import WriterLock

if TYPE_CHECKING:
    from index.repair import Repair

__all__ = ["ChunkRow", "DocumentRow", "FolderRow", "QueryTerms", "Scope", "Snapshot", "Store", "StoreStatus"]


class Store(CatalogReader):
    """Catalog, vectors and lexical index of one data folder. Safe to use from several threads."""

    def __init__(
        self, data: Path, catalog: Catalog, lock_seconds: float, approximate_from: int = APPROXIMATE_FROM
    ) -> None:
        super().__init__(data, catalog)
        self._writer = WriterLock(data, seconds=lock_seconds)
        self._keywords = Keywords(data, catalog, self._writer)
        self._checkpoints = Checkpoints(data, catalog, self._writer, approximate_from=approximate_from)
        self._snapshots = Snapshots(catalog, self._keywords, self._checkpoints, seconds=lock_seconds)

    @classmethod
    def open(
        cls,
        data: Path,
        *,
        create: bool = True,
        lock_seconds: float = LOCK_SECONDS,
        approximate_from: int = APPROXIMATE_FROM,
    ) -> Self:
        """Open the data folder; loads neither torch nor LangChain.

        Args:
            create: Make the folder and an empty catalog when there is none.
            lock_seconds: How long to wait for another process that writes.
            approximate_from: Passages from which on a checkpoint need not be searched as a whole.

        Raises:
            SourceError: There is no index here and ``create`` is False.
            NewerDatabaseError, DamagedError, StorageError: The folder cannot be used.
        """
        settle_exchange(data)
        if not create and not (data / FILE_NAME).exists():
            raise SourceError(
                f"There is no index in {data}.", hint="Index some documents first: footnote index PATH"
            )
        with translated(data):
            require_folder(data)
            make_folder(data)
            refuse_foreign(data)
        with ExitStack() as opened:
            catalog = opened.enter_context(closing(Catalog(data)))
            store = opened.enter_context(closing(cls(data, catalog, lock_seconds, approximate_from)))
            store._keywords.roll_forward_if_behind()
            opened.pop_all()
        return store

    def close(self) -> None:
        """Close the catalog's connections."""
        self._keywords.close()
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
        return self._snapshots.current(fingerprint)

    def scope(
        self,
        collections: frozenset[str] | None = None,
        snapshot: Snapshot | None = None,
        *,
        documents: frozenset[str] | None = None,
        outside: bool = False,
    ) -> Scope:
        """What of a snapshot may answer: its documents that were chosen and are not disabled.

        Args:
            collections: Names of those that are chosen whole.
            snapshot: The newest by default.
            documents: Ids of those that are chosen beside them. Both None: everything is.
            outside: Take what was not chosen instead.

        Raises:
            UnknownCollectionError: A name is not that of a collection, or ``collections`` is empty and
                no document is chosen.
            UnknownDocumentError: An id is not that of a document, or ``documents`` is empty and no
                collection is chosen.
        """
        return self._snapshots.scope(snapshot or self.snapshot(), collections, documents, outside=outside)

    def refresh(self) -> bool:
        """Swap to the newest published generation. Cheap when there is none.

        Returns:
            Whether the snapshot changed.
        """
        return self._snapshots.refresh()

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
        with self._writer.held():
            fault("publish.locked")
            generation = self._commit(puts, removals, folder, embedder)
            fault("publish.committed")
            self._keywords.roll_forward()
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
        with self._writer.held():
            with self.catalog.writing() as connection:
                generation = published_generation(connection)
                if hide(connection, doc_ids, generation + 1, time.time()):
                    generation += 1
                    set_meta(connection, "generation", str(generation))
            fault("remove.hidden")
            self._keywords.roll_forward()
        fault("remove.rolled_forward")
        self.refresh()
        return generation

    def undo(self, removal: int | None = None, *, undo_seconds: float = UNDO_SECONDS) -> list[str]:
        """Bring back what was removed together, by default what was removed last.

        Returns:
            The ids of the sources that are back; empty when it is too late, or there is nothing to undo.
        """
        back: list[str] = []
        with self._writer.held():
            with self.catalog.writing() as connection:
                open_ = [each.generation for each in removals_at(connection, time.time(), undo_seconds)]
                wanted = [each for each in open_ if removal in (None, each)][:1]
                generation = published_generation(connection) + 1
                for each in wanted:
                    back = bring_back(connection, each, generation)
                if back:
                    set_meta(connection, "generation", str(generation))
            self._keywords.roll_forward()
        self.refresh()
        return back

    def disable(self, doc_ids: Sequence[str]) -> list[str]:
        """Keep documents from answering until they are enabled, whatever becomes of their files meanwhile.

        Returns:
            The ids of those that are disabled by this, see :func:`index.disabling.disable`.
        """
        return self._set_aside(disable, doc_ids)

    def enable(self, doc_ids: Sequence[str]) -> list[str]:
        """Let disabled documents answer again, in the state that they had.

        Returns:
            The ids of those that were disabled.
        """
        return self._set_aside(enable, doc_ids)

    def ignore(self, doc_ids: Sequence[str]) -> list[str]:
        """Let documents rest that could not be read; returns the ids of those, see :mod:`index.disabling`."""
        return self._set_aside(ignore, doc_ids)

    def _set_aside(
        self, change: Callable[[sqlite3.Connection, Sequence[str]], list[str]], doc_ids: Sequence[str]
    ) -> list[str]:
        """Change the state of sources; it is a generation of its own, as what can be found changes."""
        with self._writer.held():
            with self.catalog.writing() as connection:
                changed = change(connection, doc_ids)
                if changed:
                    set_meta(connection, "generation", str(published_generation(connection) + 1))
            self._keywords.roll_forward()
        self.refresh()
        return changed

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
        with self._writer.held(), self.catalog.writing() as connection:
            erase(connection, published_generation(connection), time.time(), undo_seconds)

    # -- what is derived from the catalog ----------------------------------------------------------

    def clean_derived(self) -> None:
        """Free checkpoints and lexical index of what was removed (for :func:`index.purge.purge`)."""
        self._checkpoints.forget_removed()
        fault("purge.vectors_gone")
        self._keywords.rewrite_removed()

    def rebuild(self) -> None:
        """Make everything anew that is derived from the catalog. Nothing is embedded."""
        self.rebuild_lexical()
        self.write_checkpoint(keep=1)

    def rebuild_lexical(self) -> None:
        """Make the lexical index anew; searches go on with the old one meanwhile."""
        self._keywords.rebuild()

    def write_checkpoint(self, *, keep: int = 2) -> None:
        """Write all live vectors as a new immutable base; the newest ``keep`` are kept."""
        self._checkpoints.write(keep=keep)

    def write_checkpoint_if_due(self) -> bool:
        """Write one when the index has outgrown the last; returns whether it was written."""
        return self._checkpoints.write_if_due()

    def remove_unused_originals(self, content_hashes: Sequence[str]) -> None:
        """Delete kept uploads that no source refers to any more."""
        remove_unused(self, content_hashes)

    def sweep_originals(self) -> None:
        """Delete kept uploads that a run left behind before it could publish them. Needs the ingest lock."""
        sweep(self)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Be the only writer; afterwards the lexical index stands where the catalog does."""
        with self._writer.held():
            yield
            self._keywords.roll_forward()

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
        return self._keywords.ids()

    def dense_ids(self) -> set[int]:
        """Chunk ids that dense search can return now (for :func:`index.check.violations`)."""
        return self._checkpoints.ids()
