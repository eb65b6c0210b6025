"""How fast a run goes, and how long it will still take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 20.0  # long enough to even out batches, short enough to notice a change
_FIRST_SECONDS = 2.0  # before that, every guess would be wild
_FIRST_SHARE = 0.02


class Pace:
    """The speed of the last seconds. While a run is paused its clock stands still."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._paused_at: float | None = None
        self._paused = 0.0
        self._marks: deque[tuple[float, int, float]] = deque([(0.0, 0, 0.0)])  # seconds, passages, share

    @property
    def seconds(self) -> float:
        """Since the run began, pauses left out."""
        now = self._clock() if self._paused_at is None else self._paused_at
        return now - self._started - self._paused

    def pause(self) -> None:
        """Stop the clock."""
        if self._paused_at is None:
            self._paused_at = self._clock()

    def resume(self) -> None:
        """Let the clock go on."""
        if self._paused_at is not None:
            self._paused += self._clock() - self._paused_at
            self._paused_at = None

    def mark(self, passages: int, share: float) -> tuple[float, float | None]:
        """Note how far the run is.

        Args:
            passages: Done so far.
            share: Of all the work, in [0, 1].

        Returns:
            Passages a second, and the seconds left; None while they cannot be told.
        """
        now = self.seconds
        self._marks.append((now, passages, share))
        while len(self._marks) > 2 and self._marks[1][0] <= now - WINDOW_SECONDS:
            self._marks.popleft()
        then, passages_then, share_then = self._marks[0]
        elapsed, advance = now - then, share - share_then
        rate = max(0, passages - passages_then) / elapsed if elapsed > 0 else 0.0
        known = now >= _FIRST_SECONDS and share >= _FIRST_SHARE and advance > 0
        return rate, (1 - share) * elapsed / advance if known else None
