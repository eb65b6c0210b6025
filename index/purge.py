"""Erasing what was removed: after a purge, no byte of its text is in the data folder.

The rows go first, in one commit that also notes that the files derived from them are to be cleaned. The
note goes last, so a purge that was interrupted is done again, by whoever purges next. In between:

- kept uploads that no source refers to are deleted;
- checkpoints that hold vectors of removed passages are replaced by one that does not;
- segments of the lexical index that hold removed passages are written anew, some passages at a time;
- copies of the catalog that a migration put aside go, and so do the vectors kept for a rollback;
- the write-ahead log is emptied. SQLite itself overwrites what is deleted (``secure_delete``), its free
  pages included.

What stays are names: jobs list the files they were about, and conversations name their sources.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from filelock import FileLock

from index.catalog import translated
from index.errors import BusyError
from index.faults import fault
from index.locks import held
from index.migrations import remove_backups
from index.reembedding import discard_other_models
from index.removal import clear_erase_due, erase_due, removals_at

if TYPE_CHECKING:
    from index.store import Store

logger = logging.getLogger(__name__)


def purge(store: Store, *, undo_seconds: float) -> bool:
    """Erase what was removed ``undo_seconds`` ago and earlier, and finish a purge that was interrupted.

    Returns:
        Whether nothing is left to erase. False: removals can still be undone, or an ingest is running
        (its uploads are not referred to yet), or somebody reads; try again later.

    Raises:
        BusyError: Another process kept the writer lock for ten seconds.
        StorageError: The disk refused; what is left is erased by the next purge.
    """
    store.erase_removed(undo_seconds=undo_seconds)
    fault("purge.rows_erased")
    with store.catalog.reading() as connection:
        mark = erase_due(connection)
        waiting = bool(removals_at(connection, time.time(), undo_seconds))
    if mark is None:
        return not waiting
    try:
        with held(FileLock(store.data / "ingest.lock"), store.data, seconds=0):
            store.sweep_originals()
    except BusyError:
        return False
    fault("purge.originals_gone")
    started = time.monotonic()
    discard_other_models(store, unfinished=False)
    store.forget_removed_vectors()
    fault("purge.vectors_gone")
    store.rewrite_lexical()
    fault("purge.terms_gone")
    with translated(store.data):
        remove_backups(store.catalog.path)
    if not store.catalog.truncate_log():
        return False
    fault("purge.log_emptied")
    with store.catalog.writing() as connection:
        clear_erase_due(connection, mark)
    logger.info("removed documents are erased, after %.1f s", time.monotonic() - started)
    return not waiting
