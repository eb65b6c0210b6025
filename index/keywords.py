"""The lexical index, kept where the catalog is.

A publish is a commit of the catalog; this index follows it by some milliseconds, under the same writer
lock. Whoever finds it behind rolls it forward, and whoever finds it damaged makes it anew.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path

from index.catalog import Catalog, translated
from index.derived import lexical_documents, lexical_documents_among, roll_forward
from index.lexical import LexicalIndex, LexicalSearcher, Marker, UnreadableLexicalError
from index.read_only import private_copy
from index.rows import correct_counts, marker
from index.writer import WriterLock

logger = logging.getLogger(__name__)

FOLDER = "lexical"
_REWRITTEN_AT_ONCE = 2_000  # chunks, while nothing else can be written


class Keywords:
    """The lexical index of one data folder, for one catalog.

    Where the folder cannot be written it is opened from a private copy, see ``index.read_only``.
    """

    def __init__(self, data: Path, catalog: Catalog, writer: WriterLock) -> None:
        """Open it, or make it anew where it cannot be opened; it may be behind the catalog.

        Raises:
            BusyError: It has to be made anew, and another process kept the writer lock.
            StorageError: The folder cannot be used.
        """
        self._at_end = ExitStack()
        if catalog.read_only:
            with translated(data):
                data = self._at_end.enter_context(private_copy(data / FOLDER, "keywords"))
            writer = WriterLock(data, seconds=writer.seconds)
        self._data = data
        self._catalog = catalog
        self._writer = writer
        try:
            self._index = self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove what was made to open it in a folder that cannot be written."""
        self._at_end.close()

    def _open(self) -> LexicalIndex:
        folder = self._data / FOLDER
        try:
            with translated(self._data):
                return LexicalIndex(folder)
        except UnreadableLexicalError as exc:
            logger.info("lexical index cannot be opened: %s", exc)
        with self._writer.held(), translated(self._data):
            try:
                return LexicalIndex(folder)  # a commit was going on, or another process was quicker
            except UnreadableLexicalError as exc:
                if folder.exists():
                    logger.warning("the lexical index is made anew: %s", exc)
                return LexicalIndex.recreate(folder)

    # -- reading

    def searcher_at(self, wanted: Marker) -> LexicalSearcher | None:
        """The newest state, None when it does not stand at ``wanted``."""
        try:
            searcher = self._index.searcher()
            return searcher if searcher.marker() == wanted else None
        except UnreadableLexicalError as exc:
            logger.warning("the lexical index cannot be read: %s", exc)
            return None

    def ids(self) -> set[int]:
        """Chunk ids in the newest state."""
        return set(self._index.searcher().ids())

    # -- following

    def roll_forward(self) -> None:
        """Bring the index to the catalog's generation. Needs the writer lock."""
        with translated(self._data):
            if self._rolled_forward():
                return
            with self._catalog.writing() as connection:
                if correct_counts(connection):
                    logger.warning("the catalog had miscounted its passages")
            if self._rolled_forward():
                return
            logger.warning("the lexical index lacks passages; it is made anew")
            self._index = LexicalIndex.recreate(self._data / FOLDER)
            self._rolled_forward()

    def _rolled_forward(self) -> bool:
        with self._catalog.reading() as connection:
            try:
                return roll_forward(self._index, connection, marker(connection))
            except UnreadableLexicalError as exc:
                logger.warning("the lexical index is made anew: %s", exc)
                return False

    def roll_forward_if_behind(self) -> None:
        """The same, taking the lock only when there is something to do."""
        with self._catalog.reading() as connection:
            wanted = marker(connection)
        if self.searcher_at(wanted) is None:
            with self._writer.held():
                self.roll_forward()

    def roll_forward_if_free(self) -> bool:
        """Roll forward if no writer is at work; False when one is."""
        with self._writer.held_if_free() as free:
            if free:
                self.roll_forward()
            return free

    # -- making anew

    def rewrite_removed(self) -> None:
        """Write the segments anew that hold removed chunks, some chunks at a time.

        Terms of a deleted chunk stay in its segment until that is merged, which the binding cannot ask
        for. A chunk that is added again moves to a new segment, and a segment without chunks is deleted.
        """
        with self._writer.held():
            self.roll_forward()
            beside = self._index.ids_beside_removed()
        if beside is None:
            return
        for start in range(0, max(1, len(beside)), _REWRITTEN_AT_ONCE):
            with self._writer.held(), translated(self._data):
                self.roll_forward()
                with self._catalog.reading() as connection:
                    self._index.write(
                        added=lexical_documents_among(connection, beside[start : start + _REWRITTEN_AT_ONCE]),
                        removed=[],
                        marker=marker(connection),
                        rebuild=False,
                    )

    def rebuild(self) -> None:
        """Make the index anew from the catalog; searches go on with the old one meanwhile."""
        with self._writer.held(), self._catalog.reading() as connection, translated(self._data):
            for attempt in range(2):
                try:
                    self._index.write(
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
                    self._index = LexicalIndex.recreate(self._data / FOLDER)
