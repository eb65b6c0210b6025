"""How long conversations are kept: those that nobody has touched for longer are deleted for good.

At the start of the server, once a day, and when the setting is changed; how many that would be is counted
beforehand.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ui.chats import Chats

logger = logging.getLogger(__name__)

DAY_SECONDS = 86_400.0
FOR_EVER = -1


class Retention:
    """Deletes conversations of one data folder when they are old enough."""

    def __init__(self, chats: Chats, *, clock: Callable[[], float] = time.time) -> None:
        """Delete nothing yet.

        Args:
            clock: Unix seconds.
        """
        self._chats = chats
        self._clock = clock
        self._done_at: float | None = None

    def would_delete(self, keep_days: int) -> int:
        """How many conversations go when ``privacy.keep_days`` is set to this."""
        if keep_days == FOR_EVER:
            return 0
        limit = self._limit(keep_days)
        return sum(chat.updated_at < limit for chat in self._chats.chats())

    def delete(self, keep_days: int) -> int:
        """Delete what is older now; returns how many conversations that were.

        Raises:
            StorageError: The disk refused; nothing was deleted.
        """
        if keep_days == FOR_EVER:
            return 0
        deleted = self._chats.delete_older(self._limit(keep_days))
        logger.info("%d conversations were older than %d days, and are deleted", deleted, keep_days)
        return deleted

    def delete_daily(self, keep_days: int) -> None:
        """:meth:`delete`, unless that was done today; the first time in any case.

        Where none are kept, one that is in use is not taken away: those of the last day stay until the next
        start.

        Raises:
            StorageError: As :meth:`delete`; then it is tried again at the next call.
        """
        now = self._clock()
        # Also when the clock was set back: it must not be waited for.
        if self._done_at is not None and 0 <= now - self._done_at < DAY_SECONDS:
            return
        self.delete(keep_days if self._done_at is None else (keep_days or 1))
        self._done_at = now

    def _limit(self, keep_days: int) -> float:
        """Before which moment a conversation has to be touched last to be deleted."""
        now = self._clock()
        return now - keep_days * DAY_SECONDS if keep_days else float("inf")
