"""What is still to be erased from the files derived from the catalog, and from when on.

The commit that takes text out of the catalog leaves a note; ``index.purge`` cleans the derived files and
takes the note away. What a person deleted is erased at once. The old text of a file that changed waits a
little, and the longer, the longer erasing takes: a file that is saved every few seconds must not have the
whole index written anew each time.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from index.catalog import get_meta, set_meta

CHANGE_SECONDS = 60.0  # the first change of several waits so long, and the others go with it
SHARE = 0.05  # of the time, at most, that erasing takes while files keep changing

_DUE, _SINCE, _TOOK = "erase_due", "erase_since", "erase_seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What a purge has to do.

    ``mark`` grows with every commit that leaves something behind. ``since`` is the unix time of the first
    of them, 0 when it is to be erased at once; ``wait`` is how many seconds after that it is to begin.
    """

    mark: int
    since: float
    wait: float

    def is_time(self, now: float) -> bool:
        """Whether to begin; also when the clock was set back."""
        return not self.since <= now < self.since + self.wait


def erasure_due(connection: sqlite3.Connection) -> Erasure | None:
    """What is to be erased; None while the derived files are clean."""
    mark = get_meta(connection, _DUE)
    if mark is None:
        return None
    took = float(get_meta(connection, _TOOK) or 0)
    return Erasure(
        mark=int(mark),
        since=float(get_meta(connection, _SINCE) or 0),
        wait=max(CHANGE_SECONDS, took / SHARE),
    )


def note_erasure(connection: sqlite3.Connection, *, since: float = 0.0) -> None:
    """Note, in the commit that takes text out of the catalog, that derived files are to be cleaned.

    Args:
        since: Unix time, for what may wait a little; 0: it may not.
    """
    known = erasure_due(connection)
    set_meta(connection, _DUE, str(1 if known is None else known.mark + 1))
    set_meta(connection, _SINCE, repr(since if known is None else min(known.since, since)))


def note_erased(connection: sqlite3.Connection, done: Erasure, *, began: float, seconds: float) -> None:
    """The derived files are clean of everything that was to be erased when ``done`` was read.

    Args:
        began: Unix time of that moment. What was noted since waits from then on.
        seconds: What it took.
    """
    set_meta(connection, _TOOK, repr(seconds))
    known = erasure_due(connection)
    if known is not None and known.mark != done.mark:
        if known.since == done.since > 0:
            set_meta(connection, _SINCE, repr(began))
        return
    forget_erasure(connection)


def forget_erasure(connection: sqlite3.Connection) -> None:
    """Take the note away, for a catalog that has no derived files."""
    connection.execute("DELETE FROM meta WHERE key IN (?, ?)", (_DUE, _SINCE))
