"""The pulse of an open tab: once a second it says what it shows, and is told what to do about it.

It goes past Gradio. An event that fills the nine parts of the page costs the browser a tenth of a core when
it comes every second, whether or not it brings anything; this is one small request to a route of our own, and
the event follows only when the tab lacks something.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

import gradio as gr

from index.errors import FootnoteError
from ui.around import Around
from ui.conversations import Conversations
from ui.desk import Desk
from ui.guard import PULSE
from ui.render import explain
from ui.tab import Components, Update, View, event_data, number_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import FastAPI, Request, Response

logger = logging.getLogger(__name__)

CALM_SECONDS = 5.0  # between two drawings of a sidebar alone, and two comparisons in a crowd
CROWD = 4  # answers being made; those who ask are served first then
OPENING_SECONDS = 15  # a page that is older has had its first event


class Pulse:
    """Compares what a tab shows with what it should show."""

    def __init__(
        self, desk: Desk, components: Components, around: Around, conversations: Conversations
    ) -> None:
        self.desk = desk
        self.components = components
        self.around = around
        self.conversations = conversations

    def serve(self, app: FastAPI, heard: Callable[[str], object]) -> None:
        """Answer the tabs under ``PULSE``; everything in front of the page guards it, too.

        Through Gradio's own route for such calls one costs the server more than twice as much.

        Args:
            app: Before Gradio is mounted in it.
            heard: Called with the session of each tab that reports: Gradio forgets those that it has not
                heard of for longest.
        """
        from fastapi.concurrency import run_in_threadpool
        from fastapi.responses import Response as Answer

        async def answer(request: Request) -> Response:
            try:
                report = json.loads(await request.body())
            except (ValueError, RecursionError):
                report = None
            told = await run_in_threadpool(self.beat, report)
            if (view := self._view(report)) is not None and view.session:
                heard(view.session)
            return Answer(told, media_type="application/json", headers={"cache-control": "no-store"})

        app.add_route(PULSE, answer, methods=["POST"])

    def _view(self, report: object) -> View | None:
        return self.around.tabs.find(text_of(report, "tab", 64)) if isinstance(report, dict) else None

    def beat(self, report: object) -> str:
        """What the tab should do, as JSON for pulse.js.

        Args:
            report: What the tab shows, see pulse.js; anything else is taken as a tab that shows nothing.

        Returns:
            ``do`` holds "load" (the page once more), "draw" (ask for the parts that are not as they should
            be) and "show" (ask for the conversation once more); ``generation`` is that of the index, 0
            where that is not known.
        """
        try:
            wishes, generation = self._wishes(report if isinstance(report, dict) else {})
        except FootnoteError as exc:  # a disk that cannot be read; a word on the page each second is too many
            logger.warning("the page could not be brought up to date: %s", explain(exc))
            wishes, generation = [], 0
        return json.dumps({"do": wishes, "generation": generation})

    def _wishes(self, seen: dict[str, Any]) -> tuple[list[str], int]:
        view = self._view(seen)
        if view is None:
            # A young page opens itself in a moment. An old one outlived its server, and loads itself again.
            old = number_of(seen, "seconds", 0) > OPENING_SECONDS
            return ["load"] if old else [], 0
        wishes: list[str] = []
        if self._should_draw(view, _parts(seen)):
            wishes.append("draw")
        looks = (seen.get("writing") is True, seen.get("stop") is True)
        shown = f"{text_of(seen, 'chat', 64)} {number_of(seen, 'messages', 0)} {looks}"
        doubtful = view.doubt.due(shown, self._conversation(view))
        if doubtful or self.conversations.outdated(view):
            wishes.append("show")
        return wishes, self.desk.store.generation

    def draw(self, view: View, event: gr.EventData) -> Update:
        """The tab asks for what it lacks, with the same report."""
        view.drawn = time.monotonic()
        view.shown.correct(_parts(event_data(event)))
        return self.around.changes(view) or {self.components.side: gr.skip()}

    def _should_draw(self, view: View, seen: Mapping[str, object]) -> bool:
        """Whether the tab lacks a part that cannot wait.

        A sidebar can: every question of anybody changes the list in all tabs. With 25 tabs, each question had
        the others draw theirs five times, a sixth of what it cost the server. And while many are answered,
        all can: looking for what 65 tabs lack was a fifth of the interpreter's time.
        """
        now = time.monotonic()
        crowd = self.desk.asking.count >= CROWD
        if crowd and now < view.compared_at + CALM_SECONDS:
            return False
        view.compared_at = now
        lacking = view.shown.lacking(self.around.html(view), seen)
        return bool(lacking) and not (lacking == {"side"} and (crowd or now < view.drawn + CALM_SECONDS))

    def _conversation(self, view: View) -> str:
        """How the conversation should look: which, how long, and if it is written and can be stopped."""
        messages = self.desk.chats.messages(view.chat_id) if view.chat_id else []
        running = self.desk.asking.running(view.chat_id) is not None
        return f"{view.chat_id} {len(messages)} {(running, running)}"


def _parts(report: Mapping[str, object]) -> Mapping[str, object]:
    parts = report.get("parts")
    return parts if isinstance(parts, dict) else {}
