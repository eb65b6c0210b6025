"""What happens in the chat: opening a conversation, asking, following an answer as it grows, opinions."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr

from index.errors import FootnoteError
from rag.answers import digest
from ui.around import Around
from ui.asking import MAX_QUESTION_CHARS, Running
from ui.chats import Message
from ui.conversation import answer_markdown, question_markdown, rewording, running_markdown
from ui.desk import Desk
from ui.exchanges import RETRIES, Again, other_way
from ui.opinions import asked, feedback_on, noted
from ui.parts import Shown
from ui.render import explain
from ui.selection import Selection
from ui.sources import source_key
from ui.suggesting import suggested_questions
from ui.tab import Components, Update, View, event_data, number_of, text_of, unicode, warn

logger = logging.getLogger(__name__)

# Between two updates of an answer that grows, more while many are made: each costs the server milliseconds,
# and 25 answers that are shown ten times a second would leave it none for the next question.
YIELD_SECONDS = 0.1
SECONDS_AN_ANSWER = 0.02
SECONDS_IN_A_CROWD = 1.5  # while somebody waits for a first word

CHATS_A_CLICK = 100  # more in the sidebar


class Conversations:
    """Handlers of the chat and the sidebar."""

    def __init__(self, desk: Desk, components: Components, around: Around) -> None:
        self.desk = desk
        self.components = components
        self.around = around

    def open_page(self, view: View, request: gr.Request) -> Iterator[Update]:
        """A tab was opened or reloaded: show the conversation its address names, and follow its answer."""
        wanted = str(dict(request.query_params).get("chat", ""))
        view.chat_id = wanted if self.desk.chats.chat(wanted) is not None else ""
        view.shown = Shown()
        view.session = request.session_hash or ""
        self.around.tabs.open(view)
        yield from self._show_chat(view)

    def side_action(self, view: View, event: gr.EventData) -> Iterator[Update]:
        """A click in the sidebar or on the chip of the composer, or an opinion on an answer.

        Another conversation, a new one, a new title, a deletion, or another selection of sources.
        An opinion is clicked in the chat, which has no event of its own: page.js sends it here.
        """
        data = event_data(event)
        chat_id = text_of(data, "chat", 64)
        match text_of(data, "act", 20):
            case "open" if self.desk.chats.chat(chat_id) is not None:
                view.chat_id = chat_id
                yield from self._show_chat(view, box=_draft_after_edit(view))
            case "new":
                view.chat_id, view.selection = "", None
                yield from self._show_chat(view, box=_draft_after_edit(view))
            case "edit-cancel":
                yield from self._show_chat(view, box=_draft_after_edit(view))
            case "rename":
                self.desk.chats.rename(chat_id, text_of(data, "value", 200))
                yield self.around.changes(view) or {self.components.side: gr.skip()}
            case "delete":
                self.desk.asking.stop(chat_id)
                self.desk.chats.hide(chat_id)
                view.hidden = chat_id
                if view.chat_id == chat_id:
                    view.chat_id, view.selection = "", None
                    yield from self._show_chat(view, box=_draft_after_edit(view))
                else:
                    yield self.around.changes(view) or {self.components.side: gr.skip()}
            case "undelete" if view.hidden:
                self.desk.chats.restore(view.hidden)
                view.hidden = ""
                yield self.around.changes(view) or {self.components.side: gr.skip()}
            case "review":
                if self.desk.indexer.planned is None and not self.desk.is_indexing():
                    self.desk.check_folders()
                yield self.around.changes(view) or {self.components.side: gr.skip()}
            case "older":
                view.listed += CHATS_A_CLICK
                yield self.around.changes(view) or {self.components.side: gr.skip()}
            case "find":
                view.wanted = text_of(data, "value", 200)
                yield self.around.changes(view) or {self.components.side: gr.skip()}
            case "scope" | "scope-only" | "scope-all" | "file" | "file-only":
                self._choose(view, data)
                yield self.around.changes(view) or {self.components.side: gr.skip()}
            case "fold":
                view.looking.unfolded ^= self._collections_named(data)
                yield self.around.changes(view) or {self.components.side: gr.skip()}
            case "files":
                view.looking.wanted = text_of(data, "value", 200)
                yield self.around.changes(view) or {self.components.side: gr.skip()}
            case "feedback":
                self._take_feedback(data)
                yield from self._show_chat(view)
            case "show":  # pulse.js, when the tab shows another conversation than it should
                yield from self._show_chat(view)

    def _choose(self, view: View, data: Mapping[str, Any]) -> None:
        """Change what the conversation searches, as a click says."""
        sources, selection = self.desk.overview().sources, self.around.selection(view)
        names, key = self._collections_named(data), text_of(data, "key", 64)
        on = text_of(data, "on", 1) == "1"
        match text_of(data, "act", 20):
            case "scope":
                for name in names:
                    selection = sources.with_collection(selection, name, on=on)
            case "scope-only" if names:
                selection = sources.present(Selection(collections=frozenset(names)))
            case "file":
                selection = sources.with_document(selection, key, on=on)
            case "file-only" if sources.document(key) is not None:
                selection = sources.present(Selection(documents=frozenset({key})))
            case "scope-all":
                selection = None
        self._select(view, selection)

    def _collections_named(self, data: Mapping[str, Any]) -> set[str]:
        key = text_of(data, "key", 64)
        return {name for name in self.desk.overview().sources.collections if source_key(name) == key}

    def _select(self, view: View, selection: Selection | None) -> None:
        view.selection = selection
        if view.chat_id:
            self.desk.chats.select(view.chat_id, selection)

    def _take_feedback(self, data: Mapping[str, Any]) -> None:
        """Note what the person says of an answer, or take it back if it was noted already."""
        message = self.desk.chats.message(text_of(data, "message", 64))
        if message is None:
            return
        messages = self.desk.chats.messages(message.chat_id)
        marker = text_of(data, "marker", 6)
        feedback = feedback_on(
            messages,
            message.message_id,
            text_of(data, "verdict", 40),
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
            warn(explain(exc))

    def ask(self, question: str | None, view: View) -> Iterator[Update]:
        """A question was sent: store it, start the answer, and show it as it grows; None asks nothing."""
        last = self._last_question(view)
        edited = view.editing if last is not None and last.message_id == view.editing else ""
        yield from self._ask(question or "", view, clear_box=True, instead_of=edited)

    def chat_action(self, view: View, event: gr.EventData) -> Iterator[Update]:
        """A click in the conversation: a way on from a refusal, or the last exchange once more."""
        data = event_data(event)
        message = self.desk.chats.message(text_of(data, "message", 64))
        if message is None or message.chat_id != view.chat_id or self._busy(view):
            yield {self.components.box: gr.skip()}
            return
        match text_of(data, "act", 20):
            case "again":
                self._select(view, None)
                yield from self._ask(self._question_of(message).text, view)
            case "try":
                question = rewording(message, number_of(data, "number", 0), self.desk.references)
                yield from self._ask(question, view)
            case "next":
                last, questions = suggested_questions(self.desk.chats, self.desk.references, view.chat_id)
                number = text_of(data, "number", 2)
                at = int(number) if number.isascii() and number.isdigit() else len(questions)
                question = questions[at] if last == message.message_id and at < len(questions) else ""
                yield from self._ask(question, view)
            case "retry":
                yield from self._retry(message, text_of(data, "how", 20), view)
            case "edit" if message.role == "user":
                yield from self._edit(message, message.text, text_of(data, "draft", MAX_QUESTION_CHARS), view)
            case "reuse" if message.answer is not None:
                draft = text_of(data, "draft", MAX_QUESTION_CHARS)
                yield from self._edit(self._question_of(message), message.answer.query, draft, view)
            case "variant":
                self.desk.chats.show_variant(message.message_id)
                yield from self._show_chat(view)

    def _retry(self, answer: Message, how: str, view: View) -> Iterator[Update]:
        question = self._question_of(answer)
        last = self._last_question(view)
        others = {other_way(name): name for name in self.desk.other_models}
        known = how in RETRIES or how in others
        if not known or last is None or question.message_id != last.message_id:
            yield {self.components.box: gr.skip()}
            return
        model = "" if how == "quotes" else others.get(how)
        if how == "wider":
            self._select(view, None)
        yield from self._ask(question.text, view, instead_of=question.message_id, model=model)

    def _edit(self, question: Message, text: str, draft: str, view: View) -> Iterator[Update]:
        """Put a text into the composer; sent, it replaces the question if that is still the last."""
        if not view.editing and not view.draft:  # of two clicks in turn the second finds no draft
            view.draft = draft
        last = self._last_question(view)
        if last is not None and last.message_id == question.message_id:
            view.editing = question.message_id
        yield self.around.changes(view) | {self.components.box: _box(None, value=text)}

    def _last_question(self, view: View) -> Message | None:
        messages = self.desk.chats.messages(view.chat_id) if view.chat_id else []
        return next((each for each in reversed(messages) if each.role == "user"), None)

    def _question_of(self, answer: Message) -> Message:
        """The question before an answer; the answer itself where there is none."""
        asked = answer
        for message in self.desk.chats.messages(answer.chat_id):
            if message.message_id == answer.message_id:
                break
            if message.role == "user":
                asked = message
        return asked

    def _busy(self, view: View) -> bool:
        return self.desk.asking.running(view.chat_id) is not None

    def _ask(
        self,
        question: str,
        view: View,
        *,
        clear_box: bool = False,
        instead_of: str = "",
        model: str | None = None,
    ) -> Iterator[Update]:
        question = unicode(question.strip()[:MAX_QUESTION_CHARS])
        if not question or self._busy(view):
            yield {self.components.box: gr.skip()}
            return
        try:
            self.desk.asking.check_room()  # a question that is refused begins no conversation
            if self.desk.chats.chat(view.chat_id) is None:
                view.chat_id = self.desk.chats.create(question).chat_id
                if view.selection is not None:
                    self._select(view, view.selection)
            self.desk.asking.ask(
                view.chat_id,
                question,
                self.around.selection(view),
                instead_of=instead_of,
                model=model,
            )
        except FootnoteError as exc:
            warn(explain(exc))
            yield {self.components.box: gr.skip()}
            return
        draft = _draft_after_edit(view)
        yield from self._show_chat(view, box=draft or "" if clear_box else draft)

    def ask_example(self, view: View, event: gr.EventData) -> Iterator[Update]:
        """A click in the empty state: an example question, the samples, or a question about them."""
        data = event_data(event)
        match text_of(data, "act", 20):
            case "ask":
                yield from self.ask(text_of(data, "text", MAX_QUESTION_CHARS), view)
            case "try":
                if not self.desk.is_indexing():
                    self.desk.indexer.submit({"kind": "samples"})  # which the answer waits for
                yield from self.ask(text_of(data, "text", MAX_QUESTION_CHARS), view)
            case "samples":
                self.desk.indexer.submit({"kind": "samples"})
                yield self.around.changes(view) or {self.components.side: gr.skip()}

    def stop(self, view: View) -> None:
        """Stop was pressed: the follower of the answer shows what it has."""
        self.desk.asking.stop(view.chat_id)

    def _show_chat(self, view: View, *, box: str | None = None) -> Iterator[Update]:
        """Show the conversation, and follow its answer.

        Args:
            box: What to put into the composer; None leaves what stands there.
        """
        view.turn += 1
        turn = view.turn
        running = self.desk.asking.running(view.chat_id)
        finished = self._drawn(view, running)
        update = self.around.changes(view) | self._chat_and_box(finished + _live(running), _box(running))
        if box is not None:
            update[self.components.box] = _box(running, value=box)
        yield update
        if running is not None:
            yield from self._follow(view, turn, running, finished)

    def _follow(
        self, view: View, turn: int, running: Running, finished: list[dict[str, str]]
    ) -> Iterator[Update]:
        """Show an answer as it grows, its first words at once, until it ends or the tab turns away."""
        running.wait_while_quiet()
        seen, shown_at, begun = -1, 0.0, False
        while not running.finished:
            version = running.wait(seen, timeout=0.25)
            if view.turn != turn:
                return
            if version == seen:
                continue
            pause = max(YIELD_SECONDS, SECONDS_AN_ANSWER * self.desk.asking.count)
            if self.desk.asking.crowded:
                pause = max(pause, SECONDS_IN_A_CROWD)
            running.wait_for_words(shown_at + pause, begun=begun)
            if view.turn != turn:  # it waited; the tab shows another conversation by now
                return
            seen, shown_at, begun = running.version, time.monotonic(), bool(running.text)
            if not running.finished:
                yield {self.components.chat: finished + _live(running)} | self.around.strip(view)
        if view.turn == turn:
            if running.unsaved:
                warn(running.unsaved)
            whole = self._drawn(view, None)
            yield self.around.changes(view) | self._chat_and_box(whole, _box(None))

    def outdated(self, view: View) -> bool:
        """Whether the index has changed so that the answers on the screen would read otherwise now.

        A removed document takes its words out of every answer, also out of those that are looked at.
        """
        generation = self.desk.store.generation
        if view.answers_of == generation or self.desk.asking.running(view.chat_id) is not None:
            return False
        if _fingerprint(self._finished_messages(view, None)) != view.answers:
            return True
        view.answers_of = generation
        return False

    def _chat_and_box(self, messages: list[dict[str, str]], box: Any) -> Update:
        return {self.components.chat: messages, self.components.box: box}

    def _drawn(self, view: View, running: Running | None) -> list[dict[str, str]]:
        """The finished messages, which the tab shows from now on."""
        generation = (
            self.desk.store.generation
        )  # looked at first: a change that comes meanwhile is not missed
        messages = self._finished_messages(view, running)
        if running is None:
            view.answers, view.answers_of = _fingerprint(messages), generation
        return messages

    def _finished_messages(self, view: View, running: Running | None) -> list[dict[str, str]]:
        shown: list[dict[str, str]] = []
        messages = self.desk.chats.messages(view.chat_id) if view.chat_id else []
        try:
            feedback = self.desk.feedback.entries()
        except FootnoteError as exc:  # said when something is to be noted; the answers are shown anyway
            logger.warning("the feedback could not be read: %s", type(exc).__name__)
            feedback = []
        variants = self.desk.chats.variants(view.chat_id) if messages else {}
        model = self.desk.model_name if self.desk.settings.generation.model else ""
        again = Again(
            model=model,
            others=tuple(self.desk.other_models),
            narrowed=self.around.selection(view) is not None,
        )
        question, asked_as = "", None
        for at, message in enumerate(messages):
            if message.role == "user":
                question, asked_as = message.text, variants.get(message.message_id)
                last = running is None and at >= len(messages) - 2
                content = question_markdown(question, edit=message.message_id if last else "")
                shown.append({"role": "user", "content": content})
            elif running is None or message.message_id != running.message.message_id:
                content = answer_markdown(
                    message,
                    question,
                    self.desk.references,
                    noted(feedback, *asked(messages, at)),
                    again=again if running is None and at == len(messages) - 1 else None,
                    variants=asked_as,
                )
                shown.append({"role": "assistant", "content": content})
        return shown


def _fingerprint(messages: list[dict[str, str]]) -> str:
    return digest("\0".join(message["content"] for message in messages))


def _draft_after_edit(view: View) -> str | None:
    """End an edit; returns what stood in the composer before, None if that was not taken away."""
    draft = view.draft if view.editing or view.draft else None
    view.editing = view.draft = ""
    return draft


def _live(running: Running | None) -> list[dict[str, str]]:
    return [] if running is None else [{"role": "assistant", "content": running_markdown(running)}]


def _box(running: Running | None, **changes: object) -> Any:
    busy = running is not None and not running.finished
    return gr.update(submit_btn=False if busy else "Send", stop_btn="Stop" if busy else False) | changes
