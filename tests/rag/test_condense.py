from __future__ import annotations

import pytest

from rag.answers import Turn
from rag.condense import condense


def turns(*texts: str) -> list[Turn]:
    return [Turn(role="assistant" if number % 2 else "user", text=text) for number, text in enumerate(texts)]


def test_the_first_question_is_searched_as_it_is() -> None:
    assert condense("When did it end?", []).query == "When did it end?"


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "How many people live in Lyon?",
        "What did Rollo promise his men?",
        "Which warranty covers the battery of the phone?",
        "What are ETFs?",
        "Why is Egypt part of the border plan?",
    ],
)
def test_a_question_that_stands_alone_carries_nothing(question: str) -> None:
    condensed = condense(question, turns("How does the engine start?", "It starts with a key."))
    assert condensed.query == question
    assert condensed.carried == ()


@pytest.mark.parametrize(
    ("question", "carried"),
    [
        ("How long does it last?", "warranty"),
        ("And what about tablets?", "warranty"),
        ("Why?", "warranty"),
        ("Is there more on this?", "warranty"),
    ],
)
def test_a_follow_up_carries_the_topic(question: str, carried: str) -> None:
    condensed = condense(question, turns("What does the warranty cover?", "It covers the battery."))
    assert condensed.query.startswith(question)
    assert carried in condensed.carried


def test_a_pronoun_finds_the_name_in_the_last_answer() -> None:
    condensed = condense(
        "When did he die?", turns("Who was the Norse leader?", "The raiders were led by Rollo.")
    )
    assert "Rollo" in condensed.carried


def test_a_chain_of_follow_ups_keeps_the_topic() -> None:
    history = turns("Who founded Normandy?", "Rollo did.", "When was he born?", "It is not known.")
    assert "Normandy" in condense("And when did he die?", history).carried


def test_words_that_are_there_are_not_repeated() -> None:
    condensed = condense("Does this warranty end?", turns("What does the warranty of phones cover?", "Much."))
    assert "warranty" not in condensed.carried
    assert "phones" in condensed.carried


def test_other_languages_have_their_own_pronouns() -> None:
    condensed = condense(
        "Wann wurde er geboren?", turns("Wer war der König der Normannen?", "Das war Rollo.")
    )
    assert "Normannen" in condensed.carried


def test_what_is_carried_is_bounded() -> None:
    long = " ".join(f"word{number}" for number in range(500))
    assert len(condense("Why is it so?", turns(long, long)).carried) <= 12
