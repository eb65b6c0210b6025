"""Questions on their way: each answer is made in a worker thread and stored, whether or not a tab watches."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.errors import BusyError, FootnoteError
from rag.answers import Answer, Delta, Done, Found, Passage, Stage, Turn
from ui.chats import Chats, Message
from ui.references import References
from ui.render import explain
from ui.selection import Selection
from ui.stored import StoredAnswer, stored
from ui.suggesting import Suggesting

if TYPE_CHECKING:
    from rag.ask import Assistant

logger = logging.getLogger(__name__)

LOADING = "Loading the language model (one time, about 5 s)"
FIRST_DOCUMENTS = "Indexing your first documents"
QUIET_SECONDS = 0.3
MAX_QUESTION_CHARS = 8000
MAX_AT_ONCE = 50  # they wait for their turn to be read, and for the language model
_HISTORY_MESSAGES = 12


class Running:
    """One answer being written: what a tab that follows it shows. ``version`` grows with every change."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.stage = ""
        self.text = ""
        self.passages: tuple[Passage, ...] = ()
        self.finished = False
        self.unsaved = ""  # why the answer could not be stored yet
        self.stop_requested = False
        self.version = 0
        self.started = time.monotonic()
        self._changed = threading.Condition()
        self._ended = threading.Event()

    def change(
        self,
        *,
        stage: str | None = None,
        more_text: str = "",
        passages: tuple[Passage, ...] | None = None,
        finished: bool = False,
    ) -> None:
        """Record progress and wake the followers."""
        with self._changed:
            self.stage = self.stage if stage is None else stage
            self.text += more_text
            self.passages = self.passages if passages is None else passages
            self.finished = self.finished or finished
            self.version += 1
            self._changed.notify_all()
        if finished:
            self._ended.set()

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to show yet: an answer that comes at once needs no word about itself."""
        return not self.text and time.monotonic() < self.started + QUIET_SECONDS

    def wait_while_quiet(self) -> None:
        """Wait until there is something to show, or the answer is complete."""
        with self._changed:
            while self.quiet and not self.finished:
                self._changed.wait(max(0.0, self.started + QUIET_SECONDS - time.monotonic()))

    def wait_for_words(self, until: float, *, begun: bool) -> None:
        """Wait until a moment, no longer than the answer is being made.

        Args:
            until: Monotonic seconds.
            begun: Whether words of it were shown already; if not, the first ones are not waited with.
        """
        if begun:
            self._ended.wait(max(0.0, until - time.monotonic()))
            return
        with self._changed:
            while not self.finished and not self.text and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    def wait(self, seen: int, timeout: float) -> int:
        """Wait until ``version`` differs from ``seen``, at most ``timeout`` seconds; returns the version."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != seen, timeout)
            return self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A question as the assistant gets it."""

    question: str
    history: list[Turn]
    selection: Selection | None
    model: str | None  # None: the one that is set


class Asking:
    """Starts, follows and stops answers; at most one runs in a conversation."""

    def __init__(
        self,
        chats: Chats,
        references: References,
        assistant: Future[Assistant],
        *,
        first_documents: Callable[[], bool] = lambda: False,
        suggest: bool = False,
    ) -> None:
        """Questions wait for what they need.

        Args:
            assistant: May still be loading.
            first_documents: True while nothing is indexed yet and the first documents are on their way,
                as on the very first start: a refusal would be wrong a moment later.
            suggest: Whether to look for what could be asked after an answer.
        """
        self._suggesting = Suggesting(chats, busy=lambda: self.busy) if suggest else None
        self._first_documents = first_documents
        self._chats = chats
        self._references = references
        self._assistant = assistant
        self._lock = threading.Lock()
        self._running: dict[str, Running] = {}
        self.model_failed = False  # whether the language model failed when it was to write last
        self._beginning: set[str] = set()  # conversations whose question is being stored

    def running(self, chat_id: str) -> Running | None:
        """The answer being written in this conversation, if there is one."""
        return self._running.get(chat_id)

    def use(self, assistant: Future[Assistant]) -> None:
        """Answer with another assistant from now on; an answer that has begun ends with the one it has."""
        self._assistant = assistant
        self.model_failed = False

    def ask(
        self,
        chat_id: str,
        question: str,
        selection: Selection | None = None,
        *,
        instead_of: str = "",
        model: str | None = None,
    ) -> Running:
        """Store the question and start answering it.

        Args:
            selection: Answer only from this; None: from everything.
            instead_of: Message id of the last question, to ask this one in its place.
            model: Another language model than the one that is set, "" for none; see ``Assistant.stream``.

        Raises:
            BusyError: this conversation or the server already answers as much as it may.
        """
        history = self._history(chat_id, before=instead_of)
        with self._lock:
            if chat_id in self._running or chat_id in self._beginning:
                raise BusyError("An answer is still being written here.", hint="Wait for it, or press Stop.")
            self._check_room()
            self._beginning.add(chat_id)
        try:
            # Not under the lock: it waits for the disk, and others ask meanwhile.
            running = Running(self._chats.add_exchange(chat_id, question, instead_of=instead_of))
            if self._suggesting is not None:
                self._suggesting.asked(running.message)
            with self._lock:
                self._running[chat_id] = running
        finally:
            with self._lock:
                self._beginning.discard(chat_id)
        asked = _Asked(question=question, history=history, selection=selection, model=model)
        threading.Thread(target=self._answer, args=(running, asked), name="answer", daemon=True).start()
        return running

    def check_room(self, coming: int = 0) -> None:
        """Nothing, unless the server answers as much as it may.

        Args:
            coming: Questions of which this one is the next, whether their answers have begun or not.

        Raises:
            BusyError: It does; another question would be refused.
        """
        with self._lock:
            self._check_room(coming)

    def _check_room(self, coming: int = 0) -> None:
        if max(coming, len(self._running) + len(self._beginning)) >= MAX_AT_ONCE:
            raise BusyError(
                f"{MAX_AT_ONCE} questions are being answered already.", hint="Ask again in a moment."
            )

    @property
    def count(self) -> int:
        """How many answers are being made, in all conversations."""
        return len(self._running)

    @property
    def busy(self) -> bool:
        """Whether an answer is being made, in any conversation."""
        return self.count > 0

    @property
    def crowded(self) -> bool:
        """Whether there are questions that have no word yet because others come before them."""
        assistant = self._assistant
        return assistant.done() and assistant.exception() is None and assistant.result().crowded

    def close(self) -> None:
        """Look for no more suggestions; answers that are being made come to their end."""
        if self._suggesting is not None:
            self._suggesting.close()

    def stop(self, chat_id: str) -> None:
        """Ask the running answer of this conversation to end; what it has so far is kept."""
        running = self.running(chat_id)
        if running is not None:
            running.stop_requested = True
            running.change(stage="Stopping")

    def plain_text(self, message: Message) -> str:
        """What a message says, its quoted sentences read from the documents as they are now."""
        if message.role == "user" or message.answer is None:
            return message.text
        places = dict(message.answer.citations)
        parts: list[str] = []
        for sentence in message.answer.sentences:
            if sentence.text is not None:
                parts.append(sentence.text)
            elif sentence.markers and sentence.markers[0] in places:
                parts.append(" ".join(self._references.locate(places[sentence.markers[0]]).quote.split()))
        return " ".join(part for part in parts if part)

    def _history(self, chat_id: str, *, before: str) -> list[Turn]:
        messages = self._chats.messages(chat_id)
        end = next((at for at, each in enumerate(messages) if each.message_id == before), len(messages))
        messages = messages[:end][-_HISTORY_MESSAGES:]
        # What a refusal says is not about the documents: "Searched" and "Found" would be taken for names.
        messages = [each for each in messages if each.answer is None or each.answer.status != "abstained"]
        turns = [Turn(role=message.role, text=self.plain_text(message)) for message in messages]
        return [turn for turn in turns if turn.text]

    def _answer(self, running: Running, asked: _Asked) -> None:
        chat_id, message_id = running.message.chat_id, running.message.message_id
        answer: StoredAnswer | None = None
        made: Answer | None = None
        assistant: Assistant | None = None
        try:
            assistant = self._wait_for_assistant(running)
            if assistant is None:
                answer = StoredAnswer(status="stopped", query=asked.question)
            else:
                made = _follow(assistant, running, asked)
                if asked.model is None:
                    self._note_model(assistant, made)
                answer = stored(made)
        except FootnoteError as exc:
            answer = StoredAnswer(status="failed", query=asked.question, notice=explain(exc))
        finally:
            # Whatever happened, the conversation must not be left waiting: an unforeseen error is
            # stored as a failure here, and then shows its traceback in the log.
            if answer is None:
                notice = (
                    "Something went wrong inside Footnote. The log in the data folder says what; ask again."
                )
                answer = StoredAnswer(status="failed", query=asked.question, notice=notice)
            try:
                self._chats.finish(message_id, answer)
            except FootnoteError as exc:
                logger.warning("an answer could not be stored yet: %s", type(exc).__name__)
                running.unsaved = explain(exc)
            finally:
                with self._lock:
                    self._running.pop(chat_id, None)
                running.change(finished=True)
        if self._suggesting is not None and assistant is not None and made is not None:
            self._suggesting.after(
                assistant, running.message, made, lambda: self._history(chat_id, before=""), asked.selection
            )

    def _note_model(self, assistant: Assistant, made: Answer) -> None:
        """Note whether the language model wrote what it was asked for; quotes then took its place."""
        asked = any(step.name == "generate" for step in made.steps)
        if asked and self._assistant.done() and self._assistant.result() is assistant:
            self.model_failed = made.generator == "built-in"

    def _wait_for_assistant(self, running: Running) -> Assistant | None:
        if not self._assistant.done():
            running.change(stage=LOADING)
        while not running.stop_requested:
            try:
                assistant = self._assistant.result(timeout=0.1)
            except TimeoutError:
                continue
            if not self._first_documents():
                return assistant
            running.change(stage=FIRST_DOCUMENTS)
            time.sleep(0.1)
        return None


def _follow(assistant: Assistant, running: Running, asked: _Asked) -> Answer:
    """Pass the events of an answer on to those who watch; returns the answer of the last one."""
    stopped: Callable[[], bool] = lambda: running.stop_requested  # noqa: E731
    started = time.perf_counter()
    events = assistant.stream(
        asked.question,
        asked.history,
        collections=None if asked.selection is None else asked.selection.collections,
        documents=None if asked.selection is None else asked.selection.documents,
        model=asked.model,
        stopped=stopped,
    )
    for event in events:
        match event:
            case Stage():
                running.change(stage=event.detail)
            case Found():
                running.change(passages=event.passages)
            case Delta():
                running.change(more_text=event.text)
            case Done():
                logger.info("answered in %.2f s: %s", time.perf_counter() - started, event.answer.status)
                return event.answer
    raise RuntimeError("the stream of an answer ended without Done")
