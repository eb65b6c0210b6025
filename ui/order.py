"""The events of one tab are handled in the order in which its browser sent them.

Each travels on its own and is handled in a thread of its own, and Gradio takes those that wait in an order
drawn by lot: of *New chat* and a question in the same instant, the question could come first. It was then
asked in the conversation before, and the new chat closed its answer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.tab import View

# Gradio runs it in the browser before it sends an event: the last input becomes the number of the event.
NUMBERED = "(...inputs) => [...inputs.slice(0, -1), (window.footnoteSent = (window.footnoteSent ?? 0) + 1)]"
PATIENCE_SECONDS = 5.0  # for events before one that do not come: they were lost on the way, or refused
# A browser has no more on their way: those before went to a server that was there before this one.
_ON_THEIR_WAY = 16


class Order:
    """Lets an event of a tab wait for those that were sent before it."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience = patience_seconds
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, view: View, number: object) -> Iterator[None]:
        """Run the body when it is the turn of an event; the next one's is when the body has ended.

        Args:
            view: Of the tab.
            number: Of the event, counted from 1 by the browser. Anything else waits for nothing, as does an
                event that comes when later ones have given up waiting for it.
        """
        if not isinstance(number, int) or isinstance(number, bool):
            yield
            return
        with self._changed:
            if number - view.handled <= _ON_THEIR_WAY:
                self._changed.wait_for(lambda: view.handled >= number - 1, self._patience)
        try:
            yield
        finally:
            self.passed(view, number)

    def passed(self, view: View, number: int) -> None:
        """The turn of an event is over, or it is not to be handled at all."""
        with self._changed:
            view.handled = max(view.handled, number)
            self._changed.notify_all()
