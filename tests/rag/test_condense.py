from __future__ import annotations

import pytest

from rag.answers import Turn
from rag.condense import LEANING, STANDING, Context, condense


def turns(*texts: str) -> list[Turn]:
    return [Turn(role="assistant" if number % 2 else "user", text=text) for number, text in enumerate(texts)]


def test_the_first_question_is_searched_as_it_is() -> None:
    condensed = condense("When did it end?", [])
    assert (condensed.query, condensed.context) == ("When did it end?", None)


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "How many people live in Lyon?",
        "What did Rollo promise his men?",
        "Which warranty covers the battery of the phone?",
        "What are ETFs?",
        "Why is Egypt part of the border plan?",
        "Do common stocks and preferred stocks differ in the share they represent?",
    ],
)
def test_a_question_that_stands_alone_is_read_as_it_is_with_little_beside_it(question: str) -> None:
    condensed = condense(question, turns("How does the engine start?", "It starts with a key."))
    assert condensed.query == question
    assert condensed.carried == ()
    assert condensed.context == Context(text="engine start", weight=STANDING)
    assert condensed.reason.startswith("stands alone")
    assert condensed.reason.endswith("engine start")


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
    assert condensed.context == Context(text=" ".join(condensed.carried), weight=LEANING)


@pytest.mark.parametrize(
    ("question", "alone"),
    [
        ("When is the bonfire?", True),
        ("What is the price?", True),
        ("Which is more important?", False),
        ("any awards", False),
        ("How much?", False),
    ],
)
def test_a_short_question_is_read_as_it_is_and_found_with_the_words_before_it(
    question: str, *, alone: bool
) -> None:
    condensed = condense(question, turns("What does the warranty cover?", "It covers the battery."))
    assert (condensed.query == question) is alone
    assert condensed.context == Context(text="warranty cover", weight=LEANING)


@pytest.mark.parametrize(
    ("question", "leans"),
    [
        ("How do I install it on Windows?", True),  # what stands behind a pronoun does not explain it
        ("Compare it with the older one.", True),  # the first word has a capital whatever it is
        ("Can I extend this?", True),
        ("What did Rollo promise his men?", False),
        ("Where can people report a scam that has affected them?", False),
    ],
)
def test_a_pronoun_leans_on_earlier_turns_unless_something_before_it_explains_it(
    question: str, leans: bool
) -> None:
    condensed = condense(question, turns("What does the warranty cover?", "It covers the battery."))
    assert bool(condensed.carried) is leans


def test_a_pronoun_finds_the_name_in_the_last_answer() -> None:
    condensed = condense(
        "When did he die?", turns("Who was the Norse leader?", "The raiders were led by Rollo.")
    )
    assert "Rollo" in condensed.carried


def test_a_chain_of_follow_ups_keeps_the_topic() -> None:
    history = turns("Who founded Normandy?", "Rollo did.", "When was he born?", "It is not known.")
    assert condense("And when did he die?", history).carried == ("born", "founded", "Normandy")


def test_the_newest_words_come_first_and_the_oldest_question_is_forgotten() -> None:
    history = turns("Oldest engine?", "Key.", "Second wheel?", "No.", "Third brake?", "No.", "Newest horn?")
    history.append(Turn(role="assistant", text="The horn comes from Bosch."))
    assert condense("Why is it so?", history).carried == (
        *("Newest", "horn", "Bosch"),
        *("Third", "brake", "Second", "wheel"),
    )


def test_an_answer_that_is_not_the_last_turn_gives_no_names() -> None:
    history = [*turns("Who was the leader?", "Rollo."), Turn(role="user", text="Which raiders followed?")]
    assert "Rollo" not in condense("And when did he die?", history).carried


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
    condensed = condense("Why is it so?", turns(long, long))
    assert condensed.carried == tuple(f"word{number}" for number in range(10))


def test_a_language_without_spaces_is_searched_beside_earlier_words() -> None:
    condensed = condense("电池的价格是多少？", turns("手机的保修期有多长？", "二十四个月。"))
    assert condensed.query == "电池的价格是多少？"
    assert condensed.context is not None
    assert "保修" in condensed.context.text.split()


@pytest.mark.parametrize("question", ["", "   ", "???", "\U0001f642", "the of and"])
def test_a_question_of_no_words_takes_those_of_the_turn_before(question: str) -> None:
    assert "warranty" in condense(question, turns("What does the warranty cover?", "Much.")).carried


def test_turns_of_no_words_add_nothing() -> None:
    condensed = condense("Why is it so?", turns("???", "!!!"))
    assert (condensed.query, condensed.context, condensed.reason) == (
        "Why is it so?",
        None,
        "nothing to add",
    )
