"""The line above the composer: passages while an answer is made, then what to ask next."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from selectolax.lexbor import LexborHTMLParser

from index.ingest import ingest_documents
from index.store import Store
from rag.answers import Answer, Passage
from rag.ask import Assistant
from rag.build import build_assistant
from rag.suggestions import Suggestion
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import VOCABULARY, unread, with_headings
from tests.ui.desk import Tab, desk_over
from tests.ui.payloads import HOSTILE
from tests.ui.test_chats import passage, quoted_answer
from tests.ui.test_chats import store as lease_store
from ui.chats import Chats, Message
from ui.desk import Desk
from ui.strip import found_html, next_html
from ui.suggesting import MOST_WAITING, Suggesting

__all__ = ["lease_store"]

HANDBOOK = with_headings(
    ("3.1 Warranty in months", "The warranty lasts 24 months."),
    ("3.2 Battery", "The battery is covered too."),
)
WARRANTY = "How many months does the warranty last?"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    embedder = WordCountEmbedder(VOCABULARY)
    with Store.open(tmp_path / "data") as store:
        ingest_documents(store, embedder, [("/docs/handbook.md", HANDBOOK)])
    return tmp_path / "data"


def answering(desk: Desk) -> Tab:
    settings = unread(desk.settings)
    desk.assistant.set_result(build_assistant(settings, desk.store, WordCountEmbedder(VOCABULARY)))
    return Tab(desk)


def offered(tab: Tab) -> list[str]:
    """The buttons above the composer, as the next beat shows them."""
    tab.shown |= tab.page.around.changes(tab.view)
    strip = LexborHTMLParser(tab.shown.get("strip", ""))
    return [node.text() for node in strip.css("button.fn-next")]


def soon(look: Callable[[], Any]) -> Any:
    """What a look gives once it gives something; the last after twenty seconds."""
    deadline = time.monotonic() + 20
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return seen


def test_a_suggestion_comes_after_the_answer_stays_and_is_asked_by_a_click(data: Path) -> None:
    with desk_over(data) as desk:
        tab = answering(desk)
        tab.ask(WARRANTY)
        assert soon(lambda: offered(tab)) == ["Battery"]
        chat_id = tab.view.chat_id
    # Kept without a word of the document.
    held = b"".join(path.read_bytes() for path in data.glob("chats.sqlite*"))
    assert b"3.2" not in held
    assert b"Battery" not in held
    with desk_over(data) as desk:
        tab = answering(desk)
        tab.view.chat_id = chat_id
        assert offered(tab) == ["Battery"]
        (message,) = re.findall(r'data-message="([0-9a-f]+)"', tab.shown["strip"])
        tab.click("next", message=message, number="7")
        assert len(desk.chats.messages(chat_id)) == 2
        tab.click("next", message=message, number="0")
        *_, question, answer = desk.chats.messages(chat_id)
        assert question.text == "Battery"
        assert answer.answer is not None
        assert (answer.answer.status, len(answer.answer.citations)) == ("answered", 1)
        # It came after the answer before; that is not the last any more.
        tab.click("next", message=message, number="0")
        assert len(desk.chats.messages(chat_id)) == 4


def test_a_suggestion_goes_with_its_document(data: Path) -> None:
    with desk_over(data) as desk:
        tab = answering(desk)
        tab.ask(WARRANTY)
        assert soon(lambda: offered(tab)) == ["Battery"]
        desk.store.remove([row.doc_id for row in desk.store.documents()])
        assert offered(tab) == []
        assert tab.shown["strip"] == ""


def test_a_refusal_has_no_suggestions(data: Path) -> None:
    with desk_over(data) as desk:
        tab = answering(desk)
        tab.ask("Which elephants migrate?")
        desk.asking.close()
        assert desk.chats.suggestions(tab.view.chat_id) == {}


# -- in the background -------------------------------------------------------------------------------


class Slow:
    """Looks until it is told to stop; ``polls`` counts how often it asked."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.polls = 0
        self.let_go = threading.Event()

    def suggest(self, answer: Answer, history: object, **given: Any) -> tuple[Suggestion, ...]:
        self.began.set()
        while not self.let_go.is_set() and not given["stopped"]():
            self.polls += 1
            time.sleep(0.005)
        return ()


class Quick:
    """Finds nothing at once; ``looked`` are the questions whose answers it was asked about."""

    def __init__(self) -> None:
        self.looked: set[str] = set()

    def suggest(self, answer: Answer, history: object, **given: Any) -> tuple[Suggestion, ...]:
        self.looked.add(answer.question)
        return ()


@pytest.fixture
def chats(tmp_path: Path) -> Iterator[Chats]:
    opened = Chats(tmp_path / "chats")
    yield opened
    opened.close()


def after(
    suggesting: Suggesting, assistant: Slow | Quick, message: Message, answer: Answer
) -> threading.Thread:
    given = (cast(Assistant, assistant), message, answer, list, None)
    thread = threading.Thread(target=suggesting.after, args=given)
    thread.start()
    return thread


def test_a_new_question_gives_up_what_is_being_looked_for(lease_store: Store, chats: Chats) -> None:
    suggesting, slow = Suggesting(chats, busy=lambda: False), Slow()
    chat = chats.create("Q")
    first = chats.add_exchange(chat.chat_id, "Q")
    suggesting.asked(first)
    thread = after(suggesting, slow, first, quoted_answer(lease_store))
    assert slow.began.wait(10)
    second = chats.add_exchange(chat.chat_id, "Q 2")
    suggesting.asked(second)
    thread.join(10)
    assert not thread.is_alive()
    assert chats.suggestions(chat.chat_id) == {}
    # The one that was given up has not taken the newer one's place, and what has ended is not kept.
    assert suggesting._newest == {chat.chat_id: second.message_id}
    slow.let_go.set()
    after(suggesting, slow, second, quoted_answer(lease_store)).join(10)
    assert suggesting._newest == {}


def test_nothing_is_looked_for_while_something_is_answered(lease_store: Store, chats: Chats) -> None:
    busy = threading.Event()
    busy.set()
    suggesting, slow = Suggesting(chats, busy=busy.is_set), Slow()
    message = chats.add_exchange(chats.create("Q").chat_id, "Q")
    suggesting.asked(message)
    thread = after(suggesting, slow, message, quoted_answer(lease_store))
    assert not slow.began.wait(0.3)
    busy.clear()
    assert slow.began.wait(10)
    busy.set()  # it waits between two looks, too
    time.sleep(0.1)
    polls = slow.polls
    time.sleep(0.2)
    assert slow.polls == polls
    suggesting.close()
    thread.join(10)
    assert not thread.is_alive()


# -- how it looks ------------------------------------------------------------------------------------


def test_few_wait_where_questions_never_cease(lease_store: Store, chats: Chats) -> None:
    busy = threading.Event()
    busy.set()
    suggesting, quick = Suggesting(chats, busy=busy.is_set), Quick()
    waiting = []
    for number in range(3 * MOST_WAITING):
        message = chats.add_exchange(chats.create("Q").chat_id, "Q")
        suggesting.asked(message)
        answer = replace(quoted_answer(lease_store), question=str(number))
        waiting.append(after(suggesting, quick, message, answer))

    def alive() -> list[threading.Thread]:
        return [each for each in waiting if each.is_alive()]

    assert soon(lambda: len(alive()) == MOST_WAITING)
    assert waiting[-1] in alive()
    busy.clear()
    assert soon(lambda: not alive())
    assert len(quick.looked) == MOST_WAITING
    assert quick.looked.isdisjoint({"0", "1", "2", "3"})


def test_the_passages_found_are_links_to_their_words(lease_store: Store) -> None:
    found = passage(lease_store)
    (link,) = LexborHTMLParser(found_html([found])).css("a")
    assert link.attributes["href"] == f"#part-{found.doc_id}-{found.chunk_id}"
    assert link.attributes["title"] == "The rent is due monthly."
    assert link.text() == "lease.txt"
    assert found_html([]) == next_html("ab", []) == next_html("ab", [""]) == ""


def tags(markup: str) -> list[str]:
    return re.findall(r"</?[^\s>]*", markup)


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_adds_no_element_to_the_line(payload: str, lease_store: Store) -> None:
    def line(text: str) -> list[str]:
        each = passage(lease_store)
        values = {name: getattr(each, name) for name in each.__dataclass_fields__}
        hostile = Passage(**{**values, "text": text, "path": f"/{text}x", "locator": text})
        return tags(found_html([hostile]) + next_html("ab", [text]))

    assert line(payload) == line("plain")
