from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.asked import Asked, Kind, asked, is_negated

QUESTIONS: dict[Kind, tuple[str, ...]] = {
    "list": (
        "List the parties that take part",
        "list formats",
        "Could you please list all formats?",
        "Give me a list of the commands",
        "Name three rivers",
        "Name the members of the board",
        "Can you tell me the aims?",
        "What are the aims of the border initiative?",
        "what were the most common causes of delay?",
        "Which formats can be read?",
        "Which commands are there?",
        "Which countries border France?",
        "In which regions are most jobs found?",
        "Who are the members of the board?",
        "What kinds of fish live there?",
        "I bought a phone. What are the terms of the warranty?",
        "Which formats can't be read?",
        "Was sind die Ziele der Initiative?",
        "Welche Parteien nehmen teil?",
        "In welchen Sportarten sind Kenianer aktiv?",
        "Nenne alle Parteien",
        "Quels sont les objectifs du plan ?",
        "Citez les pays membres",
        "¿Cuáles son los objetivos?",
        "¿Qué países limitan con Francia?",
    ),
    "compare": (
        "Compare the border plan with a ground invasion",
        "Compare the two plans",
        "What is the difference between Stop and Send?",
        "difference between twisted pair wire and coaxial cable",
        "Is there any difference between tea and coffee?",
        "How does version 6.15.0 differ from 6.14.0?",
        "How do buying and renting compare?",
        "Buying vs renting a home.",
        "Was ist der Unterschied zwischen Miete und Kauf?",
        "Vergleiche Miete mit Kauf",
        "Quelle est la différence entre une marque et une citation ?",
        "¿Cuál es la diferencia entre comprar y alquilar?",
    ),
    "summary": (
        "What is the border plan about?",
        "What is this all about?",
        "what was the book wealth of nations about",
        "Summarise the briefing note",
        "And can you summarize it?",
        "Give me a short overview of the plan",
        "Tell me about re-indexing",
        "What are the main points of the report?",
        "What do my documents say about Gaza?",
        "Worum geht es in dem Bericht?",
        "Fasse den Bericht zusammen",
        "Kannst du mir den Bericht zusammenfassen?",
        "De quoi parle ce document ?",
        "Résumez le rapport",
        "¿De qué trata el documento?",
    ),
    "yes_no": (
        "Is Egypt part of the plan?",
        "Isn't Egypt part of the plan?",
        "Can Footnote read PDFs?",
        "May I delete a document?",
        "Was Rollo a Norse leader?",
        "Was the name correct?",
        "Is there a list of formats?",
        "So does it need a key?",
        "Ist Ägypten Teil des Plans?",
        "Est-ce que l'Égypte participe ?",
        "¿Es Egipto parte del plan?",
    ),
    "fact": (
        "What is the capital of France?",
        "Who takes part?",
        "What are the odds?",
        "What are the opening hours?",
        "What are the hairs on ctenophores called?",
        "Who were the Normans?",
        "Which team wins the Super Bowl?",
        "Which class is the largest?",
        "What does the compare button do?",
        "What is the list price of the phone?",
        "List price?",
        "Name of the author?",
        "Name the capital of France",
        "Name the president of Honduras",
        "What is the summary judgment?",
        "What is Netanyahu worried about?",
        "What is so special about it?",
        "What is the time difference between Paris and Rome?",
        "How big is the difference between the plans and the budget?",
        "Who won Brown versus Board of Education?",
        "May 2024 report",
        "Was ist der Grenzplan?",
        "Was kostet Holz?",
        "Welche Sprache spricht man in Wien?",
        "Nenne die Hauptstadt von Frankreich",
        "Do you know who leads?",
        "border",
        "?",
        "",
    ),
}


@pytest.mark.parametrize(
    ("question", "kind"),
    [(question, kind) for kind, questions in QUESTIONS.items() for question in questions],
)
def test_the_kind_of_answer_is_told_from_the_wording(question: str, kind: Kind) -> None:
    assert asked(question).kind == kind


@pytest.mark.parametrize(
    ("question", "one", "two"),
    [
        ("Compare the border plan with a ground invasion", {"border", "plan"}, {"ground", "invasion"}),
        ("Compare the border plan and the peace plan", {"border"}, {"peace"}),
        ("Compare the right to vote with the right to work", {"vote"}, {"work"}),
        ("What is the difference between Stop and Send?", {"stop"}, {"send"}),
        ("How does it differ from a ground invasion?", set(), {"ground", "invasion"}),
        ("How do buying and renting compare?", {"buying"}, {"renting"}),
        ("Was ist der Unterschied zwischen Miete und Kauf?", {"miete"}, {"kauf"}),
    ],
)
def test_the_two_things_compared_are_told_apart(question: str, one: set[str], two: set[str]) -> None:
    assert asked(question).compared == (frozenset(one), frozenset(two))


def test_what_is_not_named_twice_is_not_told_apart() -> None:
    assert asked("Compare the two plans").compared is None
    assert asked("Who leads?").compared is None


def test_years_and_numbered_things_bind_the_answer() -> None:
    found = asked("What did article 12 of the law say in 2019 about 30 days?")
    assert found.years == {"2019"}
    assert found.numbered == {("article", "12"), ("about", "30")}


@pytest.mark.parametrize(
    ("question", "negated"),
    [
        ("Which files are not read?", True),
        ("Which formats can't be read?", True),
        ("Everything except PDF?", True),
        ("Welche Dateien werden nicht gelesen?", True),
        ("Quels fichiers ne sont pas lus ?", True),
        ("¿Qué archivos no se pueden leer?", True),
        ("Isn't Egypt part of the plan?", False),
        ("What is original sin?", False),
        ("What is a knot?", False),
    ],
)
def test_a_denial_in_the_question_is_noticed(question: str, negated: bool) -> None:
    assert asked(question).negated is negated


def test_a_denial_is_one_of_its_language() -> None:
    assert is_negated("Such files are never touched.", "en")
    assert not is_negated("Such files are never touched.", "de")
    assert not is_negated("Such files are never touched.", "xx")


def test_names_are_what_has_a_capital_where_no_sentence_begins() -> None:
    assert asked("Who told Rollo? Was Charles III there in 911?").names == {"rollo", "charles", "iii", "911"}


@given(st.text(max_size=400))
def test_any_text_asks_for_something(question: str) -> None:
    assert isinstance(asked(question), Asked)
    assert asked(question) == asked(question)


@pytest.mark.parametrize(
    "piece",
    ["what is ", "compare a and ", "difference between a ", "list the most ", "e ", "fass ", "in which a "],
)
def test_a_long_question_takes_no_longer_than_its_beginning(piece: str) -> None:
    started = time.perf_counter()
    asked(piece * 100_000)
    assert time.perf_counter() - started < 5
