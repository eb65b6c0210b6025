"""A question beyond what the server answers at once is turned away at the door, not behind all the others.

Handled as any other it would first stand in Gradio's queue, and then share the processors with those that
were taken. Of 65 questions in one instant (two cores, the people on the same machine) the 15 that are refused
hear so after half a second (``python -m tests.bench.load``).
"""

from __future__ import annotations

from asyncio import Queue
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.queueing import Event
from gradio.server_messages import LogMessage, ProcessCompletedMessage

from index.errors import FootnoteError
from ui.render import escape_line, explain

if TYPE_CHECKING:
    from fastapi import Request
    from gradio.data_classes import PredictBodyInternal


def guard_door(
    blocks: gr.Blocks,
    handler: int,
    *,
    admit: Callable[[int], None],
    turned_away: Callable[[str, Any], None],
) -> None:
    """Let an event in only if there is room for it. Call it after ``blocks.queue``.

    There is no parameter for it: Gradio's queue has one length for all events, and answers that it is full
    with an error of its own.

    Args:
        handler: Number of the event's handler in ``blocks.fns``.
        admit: Given how many of its kind are under way already, raises what to tell whoever has sent it.
        turned_away: Told the session of an event that was not let in, and its last input.
    """
    queue = blocks._queue
    push = queue.push

    async def push_if_admitted(body: PredictBodyInternal, request: Request, username: str | None) -> Any:
        if body.fn_index == handler and body.session_hash is not None:
            under_way = sum(each.fn._id == handler for each in queue.event_ids_to_events.values())
            try:
                admit(under_way)
            except FootnoteError as exc:
                event = await _answered(blocks, body, request, username, explain(exc))
                turned_away(body.session_hash, body.data[-1] if body.data else None)
                return True, event, "success"
        return await push(body, request, username)

    queue.push = push_if_admitted  # type: ignore[method-assign]


async def _answered(
    blocks: gr.Blocks, body: PredictBodyInternal, request: Request, username: str | None, words: str
) -> str:
    """Answer an event with a warning and no change, as ``Queue.push`` does from its cache; returns its id."""
    queue, handler = blocks._queue, blocks.fns[body.fn_index or 0]
    event = Event(body.session_hash, handler, request, username)
    session = event.session_hash
    async with queue.pending_message_lock:
        if session not in queue.pending_messages_per_session:
            queue.pending_messages_per_session[session] = Queue()
        queue.pending_event_ids_session.setdefault(session, set()).add(event._id)
    queue.send_message(event, LogMessage(log=escape_line(words), level="warning", title="Warning"))
    unchanged = {"data": [gr.skip() for _ in handler.outputs], "is_generating": False, "duration": 0.0}
    queue.send_message(event, ProcessCompletedMessage(output=unchanged, success=True))
    return event._id
