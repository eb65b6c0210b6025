"""The last question asked again or edited: the earlier answer stays a variant, and nothing is lost."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rag.answers import Answer, AnswerSentence, Delta, Done, Turn
from tests.ui.desk import Tab, desk_over
from tests.ui.test_chats import plain
from ui import conversations
from ui.chats import Chats
from ui.desk import Desk
from ui.exchanges import other_way


class Echo:
    """Answers with the question, and remembers how it was asked."""

    crowded = False

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str], object, str | None]] = []

    def suggest(self, answer: object, history: object, **_: object) -> tuple[()]:
        return ()

    def stream(
        self,
        question: str,
        history: list[Turn],
        *,
        collections: object = None,
        documents: object = None,
        model: str | None = None,
        stopped: object = None,
    ) -> Iterator[Delta | Done]:
        self.asked.append((question, [turn.text for turn in history], collections, model))
        text = f"Answer {len(self.asked)} to {question}"
        sentence = AnswerSentence(text=text, verdict="supported")
        yield Delta(text=text)
        query = f"{question} of the lease"
        yield Done(answer=Answer(status="answered", question=question, query=query, sentences=(sentence,)))


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def tab(tmp_path: Path, echo: Echo) -> Iterator[Tab]:
    with desk_over(tmp_path / "data") as desk:
        yield asked_by(desk, echo)


def asked_by(desk: Desk, echo: Echo) -> Tab:
    desk.assistant.set_result(echo)  # type: ignore[arg-type]
    return Tab(desk)


def said(tab: Tab) -> list[str]:
    """The conversation as a person reads it: the questions, and the sentences of the answers."""
    questions = [plain(text).split("\n\n")[0] for text in tab.messages[::2]]
    answers = [re.findall(r"Answer \d to [\w ?]*\?", plain(text))[0] for text in tab.messages[1::2]]
    return [each for pair in zip(questions, answers, strict=True) for each in pair]


def link(tab: Tab, kind: str, at: int = -1) -> str:
    """The id in the last link of this kind."""
    return str(re.findall(rf'href="#{kind}-([0-9a-f]+)', "\n".join(tab.messages))[at])


def test_a_retry_takes_the_place_of_the_last_answer_and_keeps_it_as_a_variant(tab: Tab, echo: Echo) -> None:
    tab.ask("When?")
    tab.ask("Who?")
    tab.click("retry", message=link(tab, "retry"), how="same")
    assert said(tab) == ["When?", "Answer 1 to When?", "Who?", "Answer 3 to Who?"]
    assert echo.asked[2] == ("Who?", ["When?", "Answer 1 to When?"], None, None)
    assert "2 of 2" in plain(tab.messages[-1])

    tab.click("variant", message=link(tab, "variant"))
    assert said(tab) == ["When?", "Answer 1 to When?", "Who?", "Answer 2 to Who?"]
    assert "1 of 2" in plain(tab.messages[-1])


def test_the_earlier_question_is_not_in_the_history_of_the_edited_one(tab: Tab, echo: Echo) -> None:
    tab.ask("When?")
    tab.click("edit", message=link(tab, "edit"), draft="half a thought")
    assert tab.composer == "When?"
    assert "Editing your last question" in tab.shown["scope"]
    tab.ask("Where?")
    assert said(tab) == ["Where?", "Answer 2 to Where?"]
    assert echo.asked[1][1] == []
    assert tab.composer == "half a thought"
    assert "Editing" not in tab.shown["scope"]

    tab.ask("Why?")
    assert said(tab) == ["Where?", "Answer 2 to Where?", "Why?", "Answer 3 to Why?"]


def test_an_edit_that_is_given_up_brings_the_draft_back(tab: Tab) -> None:
    tab.ask("When?")
    tab.click("edit", message=link(tab, "edit"), draft="half a thought")
    tab.click("edit", message=link(tab, "edit"), draft="When?")
    tab.click_side("edit-cancel")
    assert tab.composer == "half a thought"
    tab.ask("Who?")
    assert said(tab) == ["When?", "Answer 1 to When?", "Who?", "Answer 2 to Who?"]


def test_what_was_searched_can_be_edited_and_asked_instead(tab: Tab) -> None:
    tab.ask("When?")
    tab.click("reuse", message=link(tab, "reuse"), draft="")
    assert tab.composer == "When? of the lease"
    tab.ask("When does the lease end?")
    assert said(tab) == ["When does the lease end?", "Answer 2 to When does the lease end?"]


def test_only_the_last_exchange_offers_it(tab: Tab, echo: Echo) -> None:
    tab.ask("When?")
    first = link(tab, "retry")
    tab.ask("Who?")
    first_question, first_answer = tab.messages[:2]
    assert "#edit-" not in first_question
    assert "#retry-" not in first_answer
    tab.click("retry", message=first, how="same")  # a link of a page that is out of date
    tab.click("retry", message=link(tab, "retry"), how="no such way")
    assert len(echo.asked) == 2


def test_a_question_need_not_be_unicode(tab: Tab) -> None:
    tab.ask("When \ud800?")
    assert said(tab) == ["When ??", "Answer 1 to When ??"]


def test_without_a_model_the_answer_is_only_asked_again(tab: Tab) -> None:
    tab.ask("When?")
    assert re.findall(r'href="#retry-[0-9a-f]+-(\w+)"', tab.messages[-1]) == ["same"]


def test_with_a_model_the_quotes_are_one_click_away(tmp_path: Path, echo: Echo) -> None:
    with desk_over(tmp_path / "data", generation={"model": "ollama:llama3.1"}) as desk:
        tab = asked_by(desk, echo)
        tab.ask("When?")
        assert "With llama3.1 via Ollama" in plain(tab.messages[-1])
        tab.click("retry", message=link(tab, "retry"), how="quotes")
        assert [model for *_, model in echo.asked] == [None, ""]


def test_another_model_is_one_click_away_and_only_this_time(tmp_path: Path, echo: Echo) -> None:
    models = {"model": "ollama:llama3.1", "others": "openai:gpt-x, ollama:qwen3"}
    with desk_over(tmp_path / "data", generation=models) as desk:
        tab = asked_by(desk, echo)
        tab.ask("When?")
        assert "With gpt-x via OpenAI" in plain(tab.messages[-1])
        for how in (other_way("ollama:qwen3"), other_way("ollama:elsewhere"), "with"):
            tab.click("retry", message=link(tab, "retry"), how=how)
        tab.ask("Who?")
        assert [model for *_, model in echo.asked] == [None, "ollama:qwen3", None]


def test_offline_no_model_elsewhere_is_offered(tmp_path: Path, echo: Echo) -> None:
    models = {"others": "openai:gpt-x, ollama:qwen3"}
    with desk_over(tmp_path / "data", generation=models, privacy={"offline": True}) as desk:
        tab = asked_by(desk, echo)
        tab.ask("When?")
        assert "With qwen3 via Ollama" in plain(tab.messages[-1])
        assert "gpt-x" not in plain(tab.messages[-1])


def test_variants_survive_a_restart_and_go_with_their_conversation(chats: Chats, tmp_path: Path) -> None:
    chat_id = chats.create("One").chat_id
    chats.add_exchange(chat_id, "One")
    question = chats.messages(chat_id)[0].message_id
    chats.add_exchange(chat_id, "Two", instead_of=question)
    chats.close()
    reopened = Chats(tmp_path / "data")
    assert [each.text for each in reopened.messages(chat_id) if each.role == "user"] == ["Two"]
    ((shown, variants),) = reopened.variants(chat_id).items()
    assert (variants.questions, variants.at) == ((question, shown), 1)
    reopened.delete(chat_id)
    reopened.close()
    with closing(sqlite3.connect(tmp_path / "data" / "chats.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM variants").fetchone() == (0,)


@pytest.fixture
def chats(tmp_path: Path) -> Iterator[Chats]:
    opened = Chats(tmp_path / "data")
    yield opened
    opened.close()


class Drip(Echo):
    """Writes for more than a second, a word at a time."""

    def stream(self, question: str, history: list[Turn], **options: Any) -> Iterator[Delta | Done]:
        for number in range(40):
            yield Delta(text=f"word{number} ")
            time.sleep(0.03)
        yield from super().stream(question, history, **options)


@pytest.mark.parametrize(("crowded", "seen_between"), [(False, True), (True, False)])
def test_an_answer_is_drawn_as_it_grows_unless_others_wait_for_a_first_word(
    crowded: bool, seen_between: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "SECONDS_IN_A_CROWD", 60.0)
    drip = Drip()
    drip.crowded = crowded
    with desk_over(tmp_path / "data") as desk:
        tab = asked_by(desk, drip)
        drawn = [
            str(update["chat"][-1]["content"])
            for update in tab.page.conversations.ask("When?", tab.view)
            if "chat" in update
        ]
    growing = [text for text in drawn if "word0" in text]
    assert growing, "the first words are shown at once"
    assert "word30" not in growing[0]
    assert any("word30" in text for text in growing) == seen_between
    assert "Answer 1 to When?" in plain(drawn[-1])
