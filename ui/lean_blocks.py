"""Gradio's Blocks without the work that this page has no use for, which is most of what an event costs."""

from __future__ import annotations

import asyncio
import sys
from copy import copy
from datetime import datetime
from importlib.util import find_spec
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.state_holder import SessionState

_LOOK_SECONDS = 0.01
_CLOSED_SECONDS = 10.0


class LeanBlocks(gr.Blocks):
    """Blocks whose events pay only for the outputs that they change."""

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: Any, state: SessionState | None
    ) -> list[Any]:
        """What goes to the browser, one value for each output of the event, in their order.

        Gradio makes a new component for every output that a handler does not name. Most events of this page
        name one or two of eleven.
        """
        outputs = block_fn.outputs
        if not (
            isinstance(predictions, dict) and predictions and all(each in outputs for each in predictions)
        ):
            return list(await super().postprocess_data(block_fn, predictions, state))
        changed = {each: value for each, value in predictions.items() if value != gr.skip()}
        if not changed:
            return [gr.skip() for _ in outputs]
        part = copy(block_fn)
        part.outputs = [each for each in outputs if each in changed]
        values = iter(await super().postprocess_data(part, changed, state))
        return [next(values) if each in changed else gr.skip() for each in outputs]


def spare_queue(blocks: gr.Blocks) -> None:
    """Keep the queue of events from working for nobody. Call it after ``blocks.queue``.

    There are no parameters for it. Gradio keeps 10,000 past events and makes a table of all of them at the
    end of every event, for a monitoring page that is not served here: after three hours of one open tab
    each event costs tens of milliseconds. And it looks for new events a thousand times a second: 4 % of a
    core while nobody does anything.
    """
    queue = blocks._queue
    queue.ANALYTICS_MAX_EVENTS = 1
    queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize
    queue.sleep_when_free = _LOOK_SECONDS


def forget_closed_tabs(blocks: gr.Blocks) -> None:
    """Free what Gradio keeps of a tab some seconds after it was closed. Call it inside ``with blocks``.

    Gradio would keep all that the tab showed, some 3 MB, until a hundred others were opened, and its messages
    until two thousand were. A tab that was only out of touch is used again by then; one that comes back
    later loads itself again.
    """

    async def closed(request: gr.Request) -> None:
        later(str(request.session_hash))

    def later(session: str) -> None:
        asyncio.get_running_loop().call_later(_CLOSED_SECONDS, forget, session)

    def forget(session: str) -> None:
        queue, holder = blocks._queue, blocks.state_holder
        if any(event.session_hash == session for event in [*queue.event_ids_to_events.values()]):
            later(session)  # its messages have to go somewhere
            return
        used = holder.time_last_used.get(session)
        if used is None or (datetime.now() - used).total_seconds() > _CLOSED_SECONDS / 2:
            holder.session_data.pop(session, None)
            holder.time_last_used.pop(session, None)
            queue.pending_messages_per_session.pop(session, None)
            queue.pending_event_ids_session.pop(session, None)

    blocks.unload(closed)


def forgo_matplotlib() -> None:
    """Let Gradio's two imports of matplotlib around every event fail at once where there is none.

    An import that fails is not remembered: it looks through every folder of the path each time.
    """
    if "matplotlib" not in sys.modules and find_spec("matplotlib") is None:
        sys.modules["matplotlib"] = None  # type: ignore[assignment]
