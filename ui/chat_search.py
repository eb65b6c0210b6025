"""Finding a conversation by what was said in it, as its page would show it now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ui.chats import Chat, Chats, Message

if TYPE_CHECKING:
    from index.store import Store


class ChatSearch:
    """Looks for words in titles, questions and answers.

    Quoted sentences are read from the documents, so the words of a document that was removed are no
    longer found. What was read is remembered only as long as the index stays the same.
    """

    def __init__(self, chats: Chats, store: Store, plain_text: Callable[[Message], str]) -> None:
        """Search ``chats``.

        Args:
            plain_text: What a message says, its quotes read from ``store``.
        """
        self._chats = chats
        self._store = store
        self._plain_text = plain_text
        self._generation = -1
        self._said: dict[str, str] = {}  # message id -> its words, case folded
        self._last: tuple[tuple[str, int, int], list[Chat]] | None = None  # every beat asks the same

    def find(self, wanted: str) -> list[Chat]:
        """The conversations that hold every word of ``wanted``, also as a part of a word; last used first."""
        generation = self._store.generation
        if generation != self._generation:
            self._generation, self._said, self._last = generation, {}, None
        key = (wanted, self._chats.revision, generation)
        last = self._last
        if last is None or last[0] != key:
            words = wanted.casefold().split()
            found = [chat for chat in self._chats.chats() if self._holds(chat, words)]
            self._last = last = (key, found)
        return last[1]

    def _holds(self, chat: Chat, words: list[str]) -> bool:
        missing = [word for word in words if word not in chat.title.casefold()]
        if not missing:
            return True
        said = " ".join(self._words_of(message) for message in self._chats.messages(chat.chat_id))
        return all(word in said for word in missing)

    def _words_of(self, message: Message) -> str:
        said = self._said.get(message.message_id)
        if said is None:
            said = self._plain_text(message).casefold()
            if message.role == "user" or message.answer is not None:  # else it is still being written
                self._said[message.message_id] = said
        return said
