"""The page: Gradio Blocks around the chat, the documents and the evidence pane."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from index.loaders.names import SUPPORTED_EXTENSIONS
from ui.around import NEW_CHAT, Around
from ui.asking import MAX_AT_ONCE, MAX_QUESTION_CHARS
from ui.conversation import answer_with_sources
from ui.conversations import Conversations
from ui.desk import Desk
from ui.dialogs import dialogs_html
from ui.documents import Documents
from ui.documents_view import tools_html
from ui.door import guard_door
from ui.evidence_pane import CONTEXT_CHARS
from ui.export import export_chat
from ui.guard import MAX_FILE_BYTES
from ui.handlers import handled
from ui.lean_blocks import LeanBlocks, forget_closed_tabs, spare_queue
from ui.order import NUMBERED, Order
from ui.pulse import Pulse
from ui.quality import QualityPage
from ui.settings import SettingsPage
from ui.sheet import ShownAs
from ui.sidebar import head_html, top_html
from ui.tab import Components, View, number_of, text_of

TITLE = "Footnote"
# Clicks on anything with data-act become one event with its data; every element below a gr.HTML.
_ACTIONS_JS = Path(__file__).with_name("actions.js")
_TICKS_JS = Path(__file__).with_name("ticks.js")  # after actions.js
_FIELDS_JS = [Path(__file__).with_name(name) for name in ("fields.js", "unfolded.js")]  # after actions.js
_PAGE_JS = [
    Path(__file__).with_name(name)
    for name in (
        "page.js",
        "over.js",
        "focus.js",
        "say.js",
        "sheet.js",
        "about.js",
        "pulse.js",
        "appearance.js",
    )
]  # one script
_CHAT_JS = [Path(__file__).with_name(name) for name in ("chat.js", "sources.js")]  # one script
# A tab that follows an answer holds one of Gradio's threads. There are more than answers are made at once,
# so that whoever asks too much is told so at once, and clicks go on meanwhile.
_FOLLOWERS = MAX_AT_ONCE + 14
_THREADS = 2 * MAX_AT_ONCE


class Page:
    """Everything that events of the page reach: one object for each part of it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.components = Components()
        self.around = Around(desk, self.components)
        self.conversations = Conversations(desk, self.components, self.around)
        self.documents = Documents(desk, self.components, self.around)
        self.quality = QualityPage(desk, self.components, self.around, self.conversations)
        self.settings = SettingsPage(desk, self.components, self.around)
        self.pulse = Pulse(desk, self.components, self.around, self.conversations)


def _shown_as(wanted: Mapping[str, object]) -> ShownAs:
    match wanted.get("as"):
        case "both" | "text" as kind:
            return kind
    return "page"


def _server_functions(desk: Desk) -> list[Callable[[object], str]]:
    """Called from the browser without the queue."""

    def evidence(data: object) -> str:
        """The evidence pane for a link, as HTML."""
        wanted = data if isinstance(data, dict) else {}
        return desk.pane.html(
            text_of(wanted, "link", 200),
            before=number_of(wanted, "before", CONTEXT_CHARS),
            after=number_of(wanted, "after", CONTEXT_CHARS),
            shown_as=_shown_as(wanted),
        )

    def sheet(data: object) -> str:
        """A page of the document that a link leads to, as HTML."""
        wanted = data if isinstance(data, dict) else {}
        return desk.pane.sheet(text_of(wanted, "link", 200), number_of(wanted, "page", 1), desk.pages)

    def quote(data: object) -> str:
        """The words a link points at, for the clipboard."""
        return desk.pane.quote(text_of(data if isinstance(data, dict) else {}, "link", 200))

    def answer_text(data: object) -> str:
        """An answer with its sources, for the clipboard."""
        message = desk.chats.message(text_of(data if isinstance(data, dict) else {}, "message", 64))
        if message is None:
            return ""
        return answer_with_sources(message, desk.references, desk.asking.plain_text(message))

    return [evidence, sheet, quote, answer_text]


def _chat_functions(desk: Desk) -> list[Callable[[object], str]]:
    """The same for the chat."""

    def export(data: object) -> str:
        """A conversation as a file, as JSON: its name, its media type and its text; "" for none."""
        wanted = data if isinstance(data, dict) else {}
        exported = export_chat(
            desk.chats, desk.references, text_of(wanted, "chat", 64), text_of(wanted, "format", 10)
        )
        return json.dumps(asdict(exported)) if exported is not None else ""

    return [export]


def _script(files: Sequence[Path]) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def build_page(page: Page) -> gr.Blocks:
    """Lay the page out and connect its parts."""
    desk, parts = page.desk, page.components
    actions = _ACTIONS_JS.read_text(encoding="utf-8")
    fields = "".join(path.read_text(encoding="utf-8") for path in _FIELDS_JS)
    ticks = _TICKS_JS.read_text(encoding="utf-8")
    formats = ",".join(sorted(SUPPORTED_EXTENSIONS))
    with LeanBlocks(
        title=TITLE, fill_width=True, analytics_enabled=False, delete_cache=(3600, 6 * 3600)
    ) as blocks:
        view = gr.State(View())
        number, order = gr.JSON(visible=False), Order()
        with gr.Row(elem_id="fn-shell"):
            with gr.Column(elem_id="fn-side", min_width=0):
                head = gr.HTML(head_html(), js_on_load=actions, elem_id="fn-head-html")
                parts.side = gr.HTML("", js_on_load=actions, elem_id="fn-side-html")
            with gr.Column(elem_id="fn-main", min_width=0):
                parts.top = gr.HTML(top_html(NEW_CHAT, "", ""), js_on_load=None, elem_id="fn-top-html")
                with gr.Column(elem_id="fn-chat-view", min_width=0):
                    parts.hello = gr.HTML("", js_on_load=actions, elem_id="fn-hello-html")
                    parts.chat = gr.Chatbot(
                        elem_id="fn-chat",
                        label="Conversation",
                        show_label=False,
                        container=False,
                        layout="panel",
                        buttons=[],
                        feedback_options=None,
                        latex_delimiters=[],
                        allow_tags=False,
                        group_consecutive_messages=False,
                        height="100%",
                    )
                    parts.strip = gr.HTML("", js_on_load=actions, elem_id="fn-strip-html")
                    with gr.Column(elem_id="fn-composer", min_width=0):
                        parts.box = gr.Textbox(
                            elem_id="fn-box",
                            label="Your question",
                            show_label=False,
                            container=False,
                            placeholder="Ask your documents…",
                            lines=1,
                            max_lines=8,
                            max_length=MAX_QUESTION_CHARS,
                            submit_btn="Send",
                            stop_btn=False,
                            autofocus=True,
                        )
                        parts.scope = gr.HTML("", js_on_load=actions, elem_id="fn-scope-html")
                parts.dialogs = gr.HTML(
                    dialogs_html(),
                    js_on_load=_script(_CHAT_JS),
                    server_functions=_chat_functions(desk),
                    elem_id="fn-dialogs-html",
                )
                with gr.Column(elem_id="fn-docs-view", elem_classes="fn-view", min_width=0):
                    tools = gr.HTML(
                        tools_html(formats, MAX_FILE_BYTES),
                        js_on_load=actions,
                        elem_id="fn-tools-html",
                    )
                    parts.state = gr.HTML("", js_on_load=actions, elem_id="fn-state-html")
                    parts.table = gr.HTML("", js_on_load=actions + ticks, elem_id="fn-table-html")
                with gr.Column(elem_id="fn-quality-view", elem_classes="fn-view", min_width=0):
                    parts.quality = gr.HTML("", js_on_load=actions + fields, elem_id="fn-quality-html")
                with gr.Column(elem_id="fn-settings-view", elem_classes="fn-view", min_width=0):
                    parts.settings = gr.HTML("", js_on_load=actions + fields, elem_id="fn-settings-html")
            with gr.Column(elem_id="fn-evidence", min_width=0):
                evidence = gr.HTML(
                    "",
                    js_on_load=_script(_PAGE_JS),
                    server_functions=_server_functions(desk),
                    elem_id="fn-evidence-html",
                )

        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": True}
        # Otherwise what a person does is dropped while the event before it is not done: for a whole answer,
        # if that was a click on the conversation in which one is being written.
        at_once = {"trigger_mode": "multiple", "concurrency_limit": _FOLLOWERS}
        around = [parts.side, parts.scope, parts.strip, parts.top, parts.hello, parts.state, parts.table]
        around += [parts.quality, parts.settings]
        everything = [*around, parts.chat, parts.box]

        def on(
            event: Callable[..., Any],
            handler: Callable[..., Any],
            inputs: list[Any],
            outputs: list[Any],
        ) -> int:
            run = handled(handler, outputs, order)
            event(run, [*inputs, number], outputs, js=NUMBERED, **quiet, **at_once)
            return int(next(each for each, known in blocks.fns.items() if known.fn is run))

        on(blocks.load, page.conversations.open_page, [view], everything)
        ask = on(parts.box.submit, page.conversations.ask, [parts.box, view], everything)
        on(parts.box.stop, page.conversations.stop, [view], [])
        on(head.act, page.conversations.side_action, [view], everything)
        on(parts.side.act, page.conversations.side_action, [view], everything)
        on(parts.scope.act, page.conversations.side_action, [view], everything)
        on(parts.strip.act, page.conversations.chat_action, [view], everything)
        on(evidence.act, page.conversations.chat_action, [view], everything)
        on(parts.dialogs.act, page.conversations.chat_action, [view], everything)
        on(parts.hello.act, page.conversations.ask_example, [view], everything)
        for part in (tools, parts.state, parts.table):
            on(part.act, page.documents.action, [view], around)
        on(parts.quality.act, page.quality.action, [view], everything)
        on(parts.settings.act, page.settings.action, [view], everything)
        on(evidence.draw, page.pulse.draw, [view], around)
        forget_closed_tabs(blocks)
    blocks.max_threads = _THREADS  # only ``launch`` has a parameter for it
    blocks.queue(max_size=256, default_concurrency_limit=_FOLLOWERS, api_open=False)
    spare_queue(blocks)

    def turned_away(session: str, number: Any) -> None:
        state = blocks.state_holder.session_data.get(session)
        if state is not None and isinstance(number, int):
            order.passed(state[view._id], number)

    guard_door(blocks, ask, admit=desk.asking.check_room, turned_away=turned_away)
    page_blocks: gr.Blocks = blocks
    return page_blocks
