"""Erasing what was removed, or what a file held before it changed: no byte of it stays in the data folder.

The rows go first, in one commit that also notes that the files derived from them are to be cleaned; vectors
of every model go with their passage. The note goes last, so a purge that was interrupted is done again, by
whoever purges next. In between:

- kept uploads that no source refers to are deleted;
- checkpoints that hold vectors of removed passages are replaced by one that does not;
- segments of the lexical index that hold removed passages are written anew, some passages at a time;
- copies of the catalog that a migration put aside go;
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
from index.erasure import erasure_due, note_erased
from index.errors import BusyError
from index.faults import fault
from index.locks import held
from index.migrating import remove_backups
from index.removal import removals_at

if TYPE_CHECKING:
    from index.store import Store

logger = logging.getLogger(__name__)


def purge(store: Store, *, undo_seconds: float, patient: bool = True) -> bool:
    """Erase what was removed ``undo_seconds`` ago and earlier, and finish a purge that was interrupted.

    Args:
        patient: Whether the old text of changed files may wait, see ``index.erasure``.

    Returns:
        Whether nothing is left to erase. False: removals can still be undone, changes may wait, an ingest
        is running (its uploads are not referred to yet), or somebody reads; try again later.

    Raises:
        BusyError: Another process kept the writer lock for ten seconds.
        StorageError: The disk refused; what is left is erased by the next purge.
    """
    store.erase_removed(undo_seconds=undo_seconds)
    fault("purge.rows_erased")
    began = time.time()
    with store.catalog.reading() as connection:
        due = erasure_due(connection)
        waiting = bool(removals_at(connection, began, undo_seconds))
    if due is None:
        return not waiting
    if patient and not due.is_time(began):
        return False
    try:
        with held(FileLock(store.data / "ingest.lock"), store.data, seconds=0):
            store.sweep_originals()
    except BusyError:
        return False
    fault("purge.originals_gone")
    started = time.monotonic()
    store.clean_derived()
    fault("purge.terms_gone")
    with translated(store.data):
        remove_backups(store.catalog.path)
    if not store.catalog.truncate_log():
        return False
    fault("purge.log_emptied")
    seconds = time.monotonic() - started
    with store.catalog.writing() as connection:
        note_erased(connection, due, began=began, seconds=seconds)
    logger.info("what was removed is erased, after %.1f s", seconds)
    return not waiting
