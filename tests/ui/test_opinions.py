"""Opinions on the page: what a click keeps, what the message shows, and what a browser may make up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from index.store import Store
from rag.answers import Answer, AnswerSentence, digest
from rag.feedback import Feedback
from rag.settings import load_settings
from tests.ui.test_chats import QUOTE, TEXT, citation, plain, put, quoted_answer
from ui.chats import Message
from ui.desk import Desk
from ui.indexing import Request
from ui.page import Page
from ui.planning import PlanSummary
from ui.stored import stored
from ui.tab import View

RENT = "The rent is due monthly."
QUESTION = "When does the clause end?"


class NoIndexer:
    """Nothing is indexed while the opinions are clicked."""

    pending = 0
    planned: PlanSummary | None = None

    def submit(self, request: Request) -> None:
        raise AssertionError("nothing is to be indexed")

    def close(self) -> None:
        """There is no process."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Store.open(tmp_path / "data") as store:
        put(store, TEXT)
    opened = Desk(load_settings({"data": tmp_path / "data"}), indexer=NoIndexer())
    yield opened
    opened.close()


def two_citations(store: Store) -> Answer:
    answer = quoted_answer(store)
    rent = AnswerSentence(text=RENT, markers=(2,), verdict="quoted")
    return replace(
        answer,
        sentences=(*answer.sentences, rent),
        citations=(*answer.citations, citation(store, RENT, marker=2)),
    )


def exchange(desk: Desk, answer: Answer, question: str = QUESTION, chat_id: str = "") -> Message:
    chat_id = chat_id or desk.chats.create(question).chat_id
    place = desk.chats.add_exchange(chat_id, question)
    desk.chats.finish(place.message_id, stored(answer))
    message = desk.chats.message(place.message_id)
    assert message is not None
    return message


def click(desk: Desk, answer: Message, verdict: str, marker: str = "0", **more: object) -> str:
    """Click as page.js reports it; the last answer of the conversation as it is shown then."""
    page = Page(desk)
    page.components.chat = "chat"
    data = {"act": "feedback", "message": answer.message_id, "verdict": verdict, "marker": marker, **more}
    *_, update = page.conversations.side_action(View(chat_id=answer.chat_id), gr.EventData(None, data))
    shown: list[dict[str, Any]] = update["chat"]
    return str(shown[-1]["content"])


def test_an_answer_offers_three_opinions(desk: Desk) -> None:
    message = exchange(desk, quoted_answer(desk.store))
    shown = click(desk, message, "no such opinion")
    assert plain(shown).endswith("HelpfulWrong citationNot in my documents")
    assert re.findall(r'href="#say-([^"]*)"', shown) == [
        f"{message.message_id}-helpful-0",
        f"{message.message_id}-wrong_citation-1",
        f"{message.message_id}-not_in_documents-0",
    ]


def test_a_refusal_offers_none(desk: Desk) -> None:
    refusal = Answer(
        status="abstained",
        question="Q",
        query="Q",
        sentences=(AnswerSentence(text="Not in your documents."),),
    )
    assert "#say-" not in click(desk, exchange(desk, refusal), "helpful")
    assert desk.feedback.entries() == []


def test_a_click_is_noted_and_the_message_says_so(desk: Desk) -> None:
    message = exchange(desk, quoted_answer(desk.store))
    shown = plain(click(desk, message, "wrong_citation", "1"))
    assert "✓ Wrong citation" in shown
    assert "Noted as a test question." in shown
    (entry,) = desk.feedback.entries()
    assert (entry.question, entry.verdict, entry.earlier) == (QUESTION, "wrong_citation", ())
    (place,) = entry.cited
    assert (place.document, place.sha256) == ("/docs/lease.txt", digest(QUOTE))
    assert TEXT[place.start : place.end] == QUOTE


def test_another_click_takes_it_back(desk: Desk) -> None:
    message = exchange(desk, quoted_answer(desk.store))
    click(desk, message, "helpful")
    click(desk, message, "not_in_documents")
    shown = plain(click(desk, message, "helpful"))
    assert [entry.verdict for entry in desk.feedback.entries()] == ["not_in_documents"]
    assert "✓ Helpful" not in shown
    assert "✓ Not in my documents" in shown


def test_of_several_citations_the_wrong_one_is_chosen(desk: Desk) -> None:
    message = exchange(desk, two_citations(desk.store))
    shown = click(desk, message, "wrong_citation", "2")
    assert f'href="#say-{message.message_id}-wrong_citation-1">1</a>' in shown
    assert f'href="#say-{message.message_id}-wrong_citation-2">✓ 2</a>' in shown
    click(desk, message, "wrong_citation", "1")
    click(desk, message, "wrong_citation", "2")
    (entry,) = desk.feedback.entries()
    assert [place.sha256 for place in entry.cited] == [digest(QUOTE)]


def test_a_question_that_leans_on_others_keeps_what_was_typed_before(desk: Desk) -> None:
    first = exchange(desk, quoted_answer(desk.store))
    leaning = replace(quoted_answer(desk.store), query="And then? zebrafish clause")
    second = exchange(desk, leaning, "And then?", first.chat_id)
    click(desk, second, "not_in_documents")
    click(desk, first, "not_in_documents")
    assert [(entry.question, entry.earlier) for entry in desk.feedback.entries()] == [
        ("And then?", (QUESTION,)),
        (QUESTION, ()),
    ]


def test_no_word_of_a_deleted_document_survives_in_the_feedback(desk: Desk) -> None:
    message = exchange(desk, two_citations(desk.store))
    for verdict, marker in (("helpful", "0"), ("wrong_citation", "1"), ("not_in_documents", "0")):
        click(desk, message, verdict, marker)
    desk.store.remove([row.doc_id for row in desk.store.documents()])
    held = desk.feedback.path.read_text(encoding="utf-8")
    assert "zebrafish" not in held
    assert "monthly" not in held
    # A citation of a document that is gone can still be called wrong, by the name it had.
    click(desk, message, "wrong_citation", "2")
    wrong = desk.feedback.entries()[1]
    assert [place.document for place in wrong.cited] == ["/docs/lease.txt", "lease.txt"]


@pytest.mark.parametrize(
    ("verdict", "marker", "more"),
    [
        ("helpful", "0", {"message": "0" * 32}),
        ("helpful", "0", {"message": 7}),
        ("", "1", {}),
        ("wrong_citation", "9", {}),
        ("wrong_citation", "x", {}),
        ("wrong_citation", "²", {}),
    ],
)
def test_what_a_browser_makes_up_is_ignored(
    desk: Desk, verdict: str, marker: str, more: dict[str, object]
) -> None:
    message = exchange(desk, quoted_answer(desk.store))
    click(desk, message, verdict, marker, **more)
    assert not desk.feedback.path.exists()


def test_an_opinion_on_a_question_cannot_be_had(desk: Desk) -> None:
    message = exchange(desk, quoted_answer(desk.store))
    question = desk.chats.messages(message.chat_id)[0]
    click(desk, question, "helpful")
    assert not desk.feedback.path.exists()


def test_a_damaged_file_is_left_alone_and_the_answers_are_shown(desk: Desk) -> None:
    message = exchange(desk, quoted_answer(desk.store))
    desk.feedback.path.write_text("{", encoding="utf-8")
    with pytest.warns(UserWarning, match="line 1"):  # without a browser, Gradio's warnings are Python's
        shown = click(desk, message, "helpful")
    assert QUOTE in plain(shown)
    assert desk.feedback.path.read_text(encoding="utf-8") == "{"


def test_what_was_said_is_shown_wherever_the_question_is_asked_again(desk: Desk) -> None:
    desk.feedback.add(Feedback(question=f" {QUESTION.upper()} ", verdict="helpful"))
    message = exchange(desk, quoted_answer(desk.store))
    assert "✓ Helpful" in plain(click(desk, message, "no such opinion"))
