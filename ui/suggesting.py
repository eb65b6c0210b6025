"""What to ask next, found in the background: after an answer, and only while nothing is being answered."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from index.errors import FootnoteError
from rag.answers import Answer, Turn
from rag.suggestions import Span
from ui.chats import Chats, Message
from ui.references import References
from ui.selection import Selection
from ui.stored import stored_suggestions

if TYPE_CHECKING:
    from rag.ask import Assistant

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 0.05  # between two looks whether an answer is still being made
# Each is a thread and an answer with its passages, 300 kB. Where questions never cease nothing is looked for,
# and after an hour there were thousands.
MOST_WAITING = 8


class Suggesting:
    """Finds and keeps suggestions, for one answer at a time. Safe to use from any thread."""

    def __init__(self, chats: Chats, *, busy: Callable[[], bool]) -> None:
        """``busy``: whether anything is being answered, which comes first."""
        self._chats = chats
        self._busy = busy
        self._one = threading.Lock()
        self._noting = threading.Lock()
        self._newest: dict[str, str] = {}  # conversation -> the answer that was asked for last
        self._waiting: list[Message] = []  # whose suggestions are still to be found, the oldest first
        self._closing = threading.Event()

    def asked(self, message: Message) -> None:
        """A question was asked: what is being looked for after an earlier answer is given up.

        Args:
            message: The place of its answer.
        """
        with self._noting:
            self._newest[message.chat_id] = message.message_id

    def after(
        self,
        assistant: Assistant,
        message: Message,
        answer: Answer,
        history: Callable[[], Sequence[Turn]],
        selection: Selection | None,
    ) -> None:
        """Find what to ask after an answer and keep it; returns when that is done or given up.

        When too many wait for it, the one that has waited longest is given up.

        Args:
            message: Of the answer, which is stored already.
            history: The turns up to the answer; asked for when it is this answer's turn.
            selection: What the answer was made from.
        """
        try:
            if answer.status == "answered":
                self._stand_in_line(message)
                self._find(assistant, message, answer, history, selection)
        finally:
            with self._noting:
                self._leave_line(message)

    def _stand_in_line(self, message: Message) -> None:
        with self._noting:
            self._waiting.append(message)
            if len(self._waiting) > MOST_WAITING:
                self._leave_line(self._waiting[0])

    def _leave_line(self, message: Message) -> None:
        if message in self._waiting:
            self._waiting.remove(message)
        if self._newest.get(message.chat_id) == message.message_id:
            del self._newest[message.chat_id]

    def _find(
        self,
        assistant: Assistant,
        message: Message,
        answer: Answer,
        history: Callable[[], Sequence[Turn]],
        selection: Selection | None,
    ) -> None:
        while not self._one.acquire(timeout=_WAIT_SECONDS):
            if self._unwanted(message):
                return
        try:
            if self._given_up(message):
                return
            found = assistant.suggest(
                answer,
                history(),
                shown=self._shown(message),
                collections=None if selection is None else selection.collections,
                documents=None if selection is None else selection.documents,
                stopped=lambda: self._given_up(message),
            )
            if found and not self._given_up(message):
                kept = stored_suggestions(found, answer.generation)
                self._chats.keep_suggestions(message.message_id, kept)
        except FootnoteError as exc:  # the answer stands without them
            logger.warning("nothing was suggested: %s", type(exc).__name__)
        finally:
            self._one.release()

    def close(self) -> None:
        """Give up; returns when nothing is read or written here any more."""
        self._closing.set()
        with self._one:
            pass

    def _given_up(self, message: Message) -> bool:
        """Whether the suggestions are not wanted any more; waits while anything is being answered."""
        while not self._unwanted(message):
            if not self._busy():
                return False
            self._closing.wait(_WAIT_SECONDS)
        return True

    def _unwanted(self, message: Message) -> bool:
        return self._closing.is_set() or self._newest.get(message.chat_id) != message.message_id

    def _shown(self, message: Message) -> list[Span]:
        """What the conversation has cited."""
        return [
            Span(version_id=ref.version_id, start=ref.start, end=ref.end, sha256=ref.sha256)
            for each in self._chats.messages(message.chat_id)
            if each.answer is not None
            for _, ref in each.answer.citations
        ]


def suggested_questions(chats: Chats, references: References, chat_id: str) -> tuple[str, list[str]]:
    """The last answer of a conversation, and what is suggested after it: as its sources are now.

    Returns:
        Message id of the answer and questions, by position; "" for one whose heading or whose answer is
        gone from the documents.
    """
    kept = chats.suggestions(chat_id)
    if not kept:
        return "", []
    last = chats.messages(chat_id)[-1].message_id
    if last not in kept:
        return "", []
    return last, [
        references.heading(each.heading) if references.answers(each.evidence) else ""
        for each in kept[last].items
    ]
