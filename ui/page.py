"""The page: Gradio Blocks around the chat, the documents and the evidence pane."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from index.errors import FootnoteError
from index.loaders import SUPPORTED_EXTENSIONS
from ui.asking import MAX_QUESTION_CHARS, Running
from ui.chats import Message
from ui.conversation import (
    answer_markdown,
    answer_with_sources,
    question_markdown,
    rewording,
    running_markdown,
)
from ui.desk import Desk
from ui.documents_view import SAMPLES, state_html, table_html, tools_html
from ui.evidence_pane import CONTEXT_CHARS
from ui.folders_view import folder_key, folders_html
from ui.job_control import JobAction
from ui.opinions import asked, feedback_on, noted
from ui.parts import Doubt, Shown
from ui.render import explain
from ui.sidebar import OUTDATED, STALE, scope_html, sidebar_html, source_key, top_html, welcome_html

logger = logging.getLogger(__name__)

TITLE = "Footnote"
NEW_CHAT = "New chat"
YIELD_SECONDS = 1 / 15
OPENING_SECONDS = 15  # a page that is older has had its first event
# Clicks on anything with data-act become one event with its data; every element below a gr.HTML.
_ACTIONS_JS = Path(__file__).with_name("actions.js")
_PAGE_JS = Path(__file__).with_name("page.js")
_TICK_JS = Path(__file__).with_name("tick.js")

Update = dict[Any, Any]  # Gradio component -> its new value


@dataclass(slots=True)
class View:
    """What one open tab looks at. Gradio keeps one copy for each session."""

    chat_id: str = ""
    filter: str = ""
    notice: str = ""
    removal: int = 0  # what this tab removed last, see ``Store.remove``
    selection: frozenset[str] | None = None  # of a conversation that has not begun; None: everything
    turn: int = 0  # grows when the tab turns to something else; whoever follows for an older turn stops
    opened: bool = False  # False in a tab that was open before this server started
    shown: Shown = field(default_factory=Shown)
    doubt: Doubt = field(default_factory=Doubt)


class Page:
    """Handlers of the page. What comes from the browser is checked here, in every one of them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.chat: Any = None
        self.box: Any = None
        self.scope: Any = None
        self.side: Any = None
        self.top: Any = None
        self.hello: Any = None
        self.state: Any = None
        self.table: Any = None

    # -- conversations

    def open_page(self, view: View, request: gr.Request) -> Iterator[Update]:
        """A tab was opened or reloaded: show the conversation its address names, and follow its answer."""
        wanted = str(dict(request.query_params).get("chat", ""))
        view.chat_id = wanted if self.desk.chats.chat(wanted) is not None else ""
        view.shown = Shown()
        view.opened = True
        yield from self._show_chat(view)

    def side_action(self, view: View, event: gr.EventData) -> Iterator[Update]:
        """A click in the sidebar or on the chip of the composer, or an opinion on an answer.

        Another conversation, a new one, a new title, a deletion, or another selection of collections.
        An opinion is clicked in the chat, which has no event of its own: page.js sends it here.
        """
        data = _event(event)
        chat_id = _text(data, "chat", 64)
        match _text(data, "act", 20):
            case "open" if self.desk.chats.chat(chat_id) is not None:
                view.chat_id = chat_id
                yield from self._show_chat(view)
            case "new":
                view.chat_id, view.selection = "", None
                yield from self._show_chat(view)
            case "rename":
                self.desk.chats.rename(chat_id, _text(data, "value", 200))
                yield self._parts(view)
            case "delete":
                self.desk.asking.stop(chat_id)
                self.desk.chats.delete(chat_id)
                if view.chat_id == chat_id:
                    view.chat_id, view.selection = "", None
                    yield from self._show_chat(view)
                else:
                    yield self._parts(view)
            case "scope" | "scope-only" | "scope-all":
                self._choose(view, data)
                yield self._parts(view) or {self.side: gr.skip()}
            case "feedback":
                self._take_feedback(data)
                yield from self._show_chat(view)
            case "show":  # page.js, when the tab shows another conversation than it should
                yield from self._show_chat(view)

    def _choose(self, view: View, data: Mapping[str, Any]) -> None:
        """Change what the conversation searches, as a click says."""
        names = {row.name for row in self.desk.overview().collections}
        named = {name for name in names if source_key(name) == _text(data, "key", 64)}
        chosen = set(self._selection(view) or names)
        match _text(data, "act", 20):
            case "scope" if _text(data, "on", 1) == "1":
                chosen |= named
            case "scope":
                chosen -= named
            case "scope-only":
                chosen = named
            case "scope-all":
                chosen = names
        if chosen:
            self._select(view, None if chosen == names else frozenset(chosen))

    def _selection(self, view: View) -> frozenset[str] | None:
        """What the conversation searches; None: everything. A collection that is gone no longer counts."""
        stored = self.desk.chats.selection(view.chat_id) if view.chat_id else view.selection
        names = {row.name for row in self.desk.overview().collections}
        chosen = names if stored is None else names & stored
        return None if not chosen or chosen == names else frozenset(chosen)

    def _select(self, view: View, collections: frozenset[str] | None) -> None:
        view.selection = collections
        if view.chat_id:
            self.desk.chats.select(view.chat_id, collections)

    def _take_feedback(self, data: Mapping[str, Any]) -> None:
        """Note what the person says of an answer, or take it back if it was noted already."""
        message = self.desk.chats.message(_text(data, "message", 64))
        if message is None:
            return
        messages = self.desk.chats.messages(message.chat_id)
        marker = _text(data, "marker", 6)
        feedback = feedback_on(
            messages,
            message.message_id,
            _text(data, "verdict", 40),
            int(marker) if marker.isascii() and marker.isdigit() else 0,
            self.desk.references,
        )
        if feedback is None:
            return
        try:
            said = noted(self.desk.feedback.entries(), feedback.question, feedback.earlier)
            about = {place.sha256 for place in feedback.cited}
            repeated = said.get(feedback.verdict)
            if repeated is not None and (feedback.verdict != "wrong_citation" or about <= repeated):
                self.desk.feedback.withdraw(feedback)
            else:
                self.desk.feedback.add(feedback)
        except FootnoteError as exc:
            gr.Warning(explain(exc))

    def ask(self, question: str, view: View) -> Iterator[Update]:
        """A question was sent: store it, start the answer, and show it as it grows."""
        yield from self._ask(question, view, clear_box=True)

    def chat_action(self, view: View, event: gr.EventData) -> Iterator[Update]:
        """A click in a refusal: ask the same question of everything, or one of the rewordings."""
        data = _event(event)
        message = self.desk.chats.message(_text(data, "message", 64))
        question = ""
        if message is not None and message.chat_id == view.chat_id and not self._busy(view):
            match _text(data, "act", 20):
                case "again":
                    question = self._question_of(message)
                    self._select(view, None)
                case "try":
                    question = rewording(message, _number(data, "number", 0), self.desk.references)
        yield from self._ask(question, view, clear_box=False)

    def _question_of(self, answer: Message) -> str:
        asked = ""
        for message in self.desk.chats.messages(answer.chat_id):
            if message.message_id == answer.message_id:
                break
            if message.role == "user":
                asked = message.text
        return asked

    def _busy(self, view: View) -> bool:
        return self.desk.asking.running(view.chat_id) is not None

    def _ask(self, question: str, view: View, *, clear_box: bool) -> Iterator[Update]:
        question = question.strip()[:MAX_QUESTION_CHARS]
        if not question or self._busy(view):
            yield {self.box: gr.skip()}
            return
        try:
            if self.desk.chats.chat(view.chat_id) is None:
                view.chat_id = self.desk.chats.create(question).chat_id
                self._select(view, view.selection)
            self.desk.asking.ask(view.chat_id, question, self._selection(view))
        except FootnoteError as exc:
            gr.Warning(explain(exc))
            yield {self.box: gr.skip()}
            return
        yield from self._show_chat(view, clear_box=clear_box)

    def ask_example(self, view: View, event: gr.EventData) -> Iterator[Update]:
        """A click in the empty state: an example question, or the samples."""
        data = _event(event)
        match _text(data, "act", 20):
            case "ask":
                yield from self.ask(_text(data, "text", MAX_QUESTION_CHARS), view)
            case "samples":
                self.desk.indexer.submit({"kind": "samples"})
                yield self._parts(view)

    def stop(self, view: View) -> None:
        """Stop was pressed: the follower of the answer shows what it has."""
        self.desk.asking.stop(view.chat_id)

    def _show_chat(self, view: View, *, clear_box: bool = False) -> Iterator[Update]:
        view.turn += 1
        turn = view.turn
        running = self.desk.asking.running(view.chat_id)
        finished = self._finished_messages(view, running)
        update = self._parts(view) | {self.chat: finished + _live(running), self.box: _box(running)}
        if clear_box:
            update[self.box] = _box(running, value="")
        yield update
        if running is not None:
            yield from self._follow(view, turn, running, finished)

    def _follow(
        self, view: View, turn: int, running: Running, finished: list[dict[str, str]]
    ) -> Iterator[Update]:
        """Show an answer as it grows, at most fifteen times a second, until it ends or the tab turns away."""
        seen, shown_at = -1, 0.0
        while not running.finished:
            version = running.wait(seen, timeout=0.25)
            if view.turn != turn:
                return
            if version == seen:
                continue
            time.sleep(max(0.0, shown_at + YIELD_SECONDS - time.monotonic()))
            seen, shown_at = running.version, time.monotonic()
            if not running.finished:
                yield {self.chat: finished + _live(running)}
        if view.turn == turn:
            yield self._parts(view) | {self.chat: self._finished_messages(view, None), self.box: _box(None)}

    def _finished_messages(self, view: View, running: Running | None) -> list[dict[str, str]]:
        shown: list[dict[str, str]] = []
        question = ""
        messages = self.desk.chats.messages(view.chat_id) if view.chat_id else []
        try:
            feedback = self.desk.feedback.entries()
        except FootnoteError as exc:  # said when something is to be noted; the answers are shown anyway
            logger.warning("the feedback could not be read: %s", type(exc).__name__)
            feedback = []
        for at, message in enumerate(messages):
            if message.role == "user":
                question = message.text
                shown.append({"role": "user", "content": question_markdown(question)})
            elif running is None or message.message_id != running.message.message_id:
                said = noted(feedback, *asked(messages, at))
                content = answer_markdown(message, question, self.desk.references, said)
                shown.append({"role": "assistant", "content": content})
        return shown

    # -- the parts around the chat

    def _parts(self, view: View) -> Update:
        """Those parts of the page whose HTML is not what this tab shows already."""
        desk = self.desk
        chat = desk.chats.chat(view.chat_id) if view.chat_id else None
        overview, (current, last) = desk.overview(), desk.latest_jobs()
        selection = self._selection(view)
        status, rows = overview.status, overview.rows
        hello = ""
        if chat is None:
            samples = any(row.collection == SAMPLES for row in rows)
            busy = current is not None or desk.indexer.pending > 0
            hello = welcome_html(
                overview.questions, documents=status.passages, samples=samples, indexing=busy
            )
        html = {
            "side": sidebar_html(
                desk.chats.chats(),
                view.chat_id,
                status,
                current,
                desk.model_name,
                desk.model_problem,
                collections=overview.collections,
                selection=selection,
            ),
            "scope": scope_html(selection),
            "top": top_html(chat.title if chat is not None else NEW_CHAT, view.chat_id),
            "hello": hello,
            "state": state_html(
                rows,
                status,
                current,
                last,
                notice=view.notice,
                plan=desk.indexer.planned,
                removed=self._undoable(view),
            )
            + folders_html(desk.folders(), time.time()),
            "table": table_html(rows, wanted=view.filter, indexing=current is not None),
        }
        components = {
            "side": self.side,
            "scope": self.scope,
            "top": self.top,
            "hello": self.hello,
            "state": self.state,
            "table": self.table,
        }
        return {components[name]: text for name, text in view.shown.changes(html).items()}

    def _undoable(self, view: View) -> int:
        """How many documents this tab removed and can still bring back."""
        if not view.removal:
            return 0
        documents = {each.generation: each.documents for each in self.desk.store.removals()}
        if view.removal not in documents:
            view.removal = 0
        return documents.get(view.removal, 0)

    def tick(self, view: View, report: object) -> Update:
        """Once a second: show what has changed behind the page, and what the tab should show but does not.

        Args:
            view: The tab.
            report: What the tab shows, see tick.js; anything else is taken as "nothing".
        """
        seen = report if isinstance(report, dict) else {}
        if not view.opened:
            # A young page opens itself in a moment. An old one outlived its server, and loads itself again.
            old = _number(seen, "seconds", 0) > OPENING_SECONDS
            return {self.top: STALE} if old else {self.side: gr.skip()}
        parts = seen.get("parts")
        view.shown.correct(parts if isinstance(parts, dict) else {})
        update = self._parts(view)
        shown = f"{_text(seen, 'chat', 64)} {_number(seen, 'messages', 0)} {seen.get('writing') is True}"
        if view.doubt.due(shown, self._conversation(view)):
            # The chat is no output of the tick: Gradio would mark it as busy once a second.
            update[self.top] = view.shown.html["top"] + OUTDATED
        return update or {self.side: gr.skip()}

    def _conversation(self, view: View) -> str:
        """How the conversation of this tab should look: which, how long, and whether it is being written."""
        messages = self.desk.chats.messages(view.chat_id) if view.chat_id else []
        return f"{view.chat_id} {len(messages)} {self._busy(view)}"

    # -- documents

    def documents_action(self, view: View, event: gr.EventData) -> Update:
        """A click or an entry in the Documents view."""
        data = _event(event)
        view.notice = ""
        try:
            self._carry_out(view, data)
        except FootnoteError as exc:
            view.notice = explain(exc)
        return self._parts(view) or {self.side: gr.skip()}

    def _carry_out(self, view: View, data: Mapping[str, Any]) -> None:
        desk = self.desk
        doc_id = _text(data, "doc", 64)
        match _text(data, "act", 20):
            case "filter":
                view.filter = _text(data, "value", 200)
            case "upload":
                files = self._uploaded(data)
                if files:
                    desk.indexer.submit({"kind": "uploads", "files": files})
            case "folder":
                self._submit_folder(view, "paths", _text(data, "value", 4096).strip())
            case "plan":
                self._submit_folder(view, "plan", _text(data, "value", 4096).strip())
            case "plan-all" if desk.store.folders():
                desk.indexer.planned = None
                desk.indexer.submit({"kind": "plan", "paths": [], "label": "all folders"})
            case "apply" if desk.indexer.planned is not None:
                request, desk.indexer.planned = desk.indexer.planned.request, None
                desk.indexer.submit(request)
            case "discard":
                desk.indexer.planned = None
            case "reindex" if desk.store.document(doc_id) is not None:
                desk.indexer.submit({"kind": "reindex", "doc_ids": [doc_id]})
            case "reindex-all" | "plan-all":
                if desk.store.folders():
                    desk.indexer.submit({"kind": "paths", "paths": [], "label": "All folders"})
                else:
                    view.notice = "No folder was added yet, so nothing can have changed. Add a folder first."
            case "remove" if desk.store.document(doc_id) is not None:
                view.removal = desk.store.remove([doc_id])
            case "samples":
                desk.indexer.submit({"kind": "samples"})
            case "remove-samples":
                view.removal = desk.remove_samples()
            case "undo":
                if not desk.store.undo(view.removal):
                    view.notice = "It was too late to bring them back. Add the files again."
            case "watch":
                for line in desk.folders():
                    if folder_key(line.folder) == _text(data, "key", 64):
                        turn = desk.watcher.turn_on if _text(data, "on", 1) == "1" else desk.watcher.turn_off
                        turn(line.folder)
            case "cancel" | "pause" | "resume" as act:
                number = _text(data, "job", 12)
                if number.isascii() and number.isdigit():
                    desk.control_job(int(number), JobAction(act))

    def _submit_folder(self, view: View, kind: str, path: str) -> None:
        """Index a folder that was typed, or make the plan for it."""
        if not path:
            view.notice = "Type the path of a folder on this computer."
        elif not Path(path).expanduser().exists():
            view.notice = f"There is no folder {path} on this computer. Check the path and try again."
        else:
            if kind == "plan":
                self.desk.indexer.planned = None
            absolute = str(Path(path).expanduser().absolute())
            self.desk.indexer.submit({"kind": kind, "paths": [absolute]})

    def _uploaded(self, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Uploads as (temporary path, shown name); a path that is not one of our uploads is left out."""
        folder = self.desk.uploads.resolve()
        files: list[tuple[str, str]] = []
        sent = data.get("files")
        for entry in sent[:1000] if isinstance(sent, list) else []:
            if not isinstance(entry, dict):
                continue
            path = Path(_text(entry, "path", 4096)).resolve()
            name = _text(entry, "name", 255).replace("\\", "/").rsplit("/", 1)[-1].strip()
            if name and path.is_file() and path.is_relative_to(folder):
                files.append((str(path), name))
        return files

    # -- the evidence pane; called from the browser without the queue

    def evidence(self, data: object) -> str:
        """The evidence pane for a link, as HTML."""
        wanted = data if isinstance(data, dict) else {}
        return self.desk.pane.html(
            _text(wanted, "link", 200),
            before=_number(wanted, "before", CONTEXT_CHARS),
            after=_number(wanted, "after", CONTEXT_CHARS),
        )

    def quote(self, data: object) -> str:
        """The words a link points at, for the clipboard."""
        return self.desk.pane.quote(_text(data if isinstance(data, dict) else {}, "link", 200))

    def answer_text(self, data: object) -> str:
        """An answer with its sources, for the clipboard."""
        message = self.desk.chats.message(_text(data if isinstance(data, dict) else {}, "message", 64))
        return "" if message is None else self._with_sources(message)

    def _with_sources(self, message: Message) -> str:
        text = self.desk.asking.plain_text(message)
        return answer_with_sources(message, self.desk.references, text)


def _live(running: Running | None) -> list[dict[str, str]]:
    return [] if running is None else [{"role": "assistant", "content": running_markdown(running)}]


def _box(running: Running | None, **changes: object) -> Any:
    busy = running is not None and not running.finished
    return gr.update(submit_btn=False if busy else "Send", stop_btn="Stop" if busy else False) | changes


def _event(event: gr.EventData) -> dict[str, Any]:
    data = event._data
    return data if isinstance(data, dict) else {}


def _text(data: Mapping[str, Any], name: str, longest: int) -> str:
    value = data.get(name)
    return value[:longest] if isinstance(value, str) else ""


def _number(data: Mapping[str, Any], name: str, default: int) -> int:
    value = data.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _server_functions(page: Page) -> list[Callable[[object], str]]:
    # Gradio marks the functions it may call, and a method cannot be marked.
    def evidence(data: object) -> str:
        return page.evidence(data)

    def quote(data: object) -> str:
        return page.quote(data)

    def answer_text(data: object) -> str:
        return page.answer_text(data)

    return [evidence, quote, answer_text]


def build_page(desk: Desk) -> gr.Blocks:
    """Lay the page out and connect its parts."""
    page = Page(desk)
    actions = _ACTIONS_JS.read_text(encoding="utf-8")
    formats = ",".join(sorted(SUPPORTED_EXTENSIONS))
    with gr.Blocks(
        title=TITLE, fill_width=True, analytics_enabled=False, delete_cache=(3600, 6 * 3600)
    ) as blocks:
        view = gr.State(View())
        with gr.Row(elem_id="fn-shell"):
            with gr.Column(elem_id="fn-side", min_width=0):
                page.side = gr.HTML("", js_on_load=actions, elem_id="fn-side-html")
            with gr.Column(elem_id="fn-main", min_width=0):
                page.top = gr.HTML(top_html(NEW_CHAT, ""), js_on_load=None, elem_id="fn-top-html")
                with gr.Column(elem_id="fn-chat-view", min_width=0):
                    page.hello = gr.HTML("", js_on_load=actions, elem_id="fn-hello-html")
                    page.chat = gr.Chatbot(
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
                    with gr.Column(elem_id="fn-composer", min_width=0):
                        page.box = gr.Textbox(
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
                        page.scope = gr.HTML("", js_on_load=actions, elem_id="fn-scope-html")
                with gr.Column(elem_id="fn-docs-view", min_width=0):
                    tools = gr.HTML(tools_html(formats), js_on_load=actions, elem_id="fn-tools-html")
                    page.state = gr.HTML("", js_on_load=actions, elem_id="fn-state-html")
                    page.table = gr.HTML("", js_on_load=actions, elem_id="fn-table-html")
            with gr.Column(elem_id="fn-evidence", min_width=0):
                evidence = gr.HTML(
                    "",
                    js_on_load=_PAGE_JS.read_text(encoding="utf-8"),
                    server_functions=_server_functions(page),
                    elem_id="fn-evidence-html",
                )
        report = gr.JSON(visible=False)  # filled by tick.js
        timer = gr.Timer(1.0)

        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": True}
        around = [page.side, page.scope, page.top, page.hello, page.state, page.table]
        everything = [*around, page.chat, page.box]

        def on(
            event: Callable[..., Any],
            handler: Callable[..., Any],
            inputs: list[Any],
            outputs: list[Any],
            js: str | None = None,
        ) -> None:
            event(handler, inputs, outputs, js=js, concurrency_limit=32, **quiet)

        on(blocks.load, page.open_page, [view], everything)
        on(page.box.submit, page.ask, [page.box, view], everything)
        on(page.box.stop, page.stop, [view], [])
        on(page.side.act, page.side_action, [view], everything)
        on(page.scope.act, page.side_action, [view], everything)
        on(evidence.act, page.chat_action, [view], everything)
        on(page.hello.act, page.ask_example, [view], everything)
        for part in (tools, page.state, page.table):
            on(part.act, page.documents_action, [view], around)
        on(timer.tick, page.tick, [view, report], around, js=_TICK_JS.read_text(encoding="utf-8"))
    blocks.queue(max_size=256, default_concurrency_limit=32, api_open=False)
    page_blocks: gr.Blocks = blocks
    return page_blocks
