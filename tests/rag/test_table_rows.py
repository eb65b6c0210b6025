"""Which row of a table is asked for, and which of its cells answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.blocks import is_table_row
from rag.asked import asked
from rag.evidence import EvidenceSentence
from rag.table_rows import OTHER_ROW, arranged, cells
from tests.fakes import WordCountEmbedder
from tests.rag.test_composition import passage, scored

EMBEDDER = WordCountEmbedder(["price", "stock"])
POOL = """Opening hours of the pool

| Day | Opens | Closes | Lanes |
|---|:--:|---|---|
| Monday | 07:00 | 20:00 | 4 |
| Tuesday | 09:00 | 21:30 | 6 |
| Sunday | closed | closed | 0 |

A day ticket costs 6.50 euros."""
BOATS = """Article: Canoe | Model: Otter | Price (EUR): 1450 | In stock: 7

Article: Kayak | Model: Falcon | Price (EUR): 890 | In stock: 12"""


def rows(text: str, scores: dict[str, float], question: str) -> list[EvidenceSentence]:
    words = [word.strip("?.,").casefold() for word in question.split()]
    return scored(passage(text), scores, wanted=" ".join(word for word in words if len(word) > 3))


def marked(sentence: EvidenceSentence) -> str:
    assert sentence.short_answer is not None
    return sentence.text[slice(*sentence.short_answer)]


def first(text: str, scores: dict[str, float], question: str, span: str = "") -> EvidenceSentence:
    """The best sentence of a text; ``span`` is what the reader has marked in each that holds it."""
    found = []
    for row in rows(text, scores, question):
        at = row.text.find(span) if span else -1
        found.append(replace(row, short_answer=(at, at + len(span)) if at >= 0 else None))
    return arranged(question, asked(question), found, EMBEDDER)[0]


@pytest.mark.parametrize(
    ("question", "row", "cell"),
    [
        ("When does the pool close on Tuesday?", "| Tuesday", "21:30"),
        ("When does the pool open on Monday?", "| Monday", "07:00"),
        ("How many lanes are there on Tuesday?", "| Tuesday", "6"),
    ],
)
def test_the_row_that_the_question_names_answers_with_the_cell_that_it_asks_for(
    question: str, row: str, cell: str
) -> None:
    # As the reader sees it: another row is better, and the answer lies across two cells.
    scores = {"| Monday": 2.0, "| Tuesday": 1.5, "| Sunday": 1.0, "A day ticket": 0.5}
    best = first(POOL, scores, question, span="20:00 | 4")
    assert best.text.startswith(row)
    assert marked(best) == cell
    assert best.score == pytest.approx(2.0)


def test_rows_of_something_else_are_too_far_behind_to_be_shown() -> None:
    question = "When does the pool close on Tuesday?"
    scores = {"| Monday": 2.0, "| Tuesday": 1.5, "| Sunday": 1.9, "A day ticket": 0.5}
    found = arranged(question, asked(question), rows(POOL, scores, question), EMBEDDER)
    others = [each.score for each in found if each.text.startswith(("| Monday", "| Sunday"))]
    assert max(others) <= OTHER_ROW * 2.0


def test_rows_that_hold_as_much_of_the_question_keep_their_order() -> None:
    question = "What is in stock?"
    found = arranged(
        question,
        asked(question),
        rows(BOATS, {"Article: Canoe": 1.0, "Article: Kayak": 2.0}, question),
        EMBEDDER,
    )
    assert [each.score for each in found] == [2.0, 1.0]


@pytest.mark.parametrize(
    ("question", "span", "cell"),
    [
        ("What is the price of the Otter?", "Price (EUR): 1450", "1450"),
        ("How many of the Otter are in stock?", "Otter", "7"),
        ("Which canoe has the price 1450?", "Otter", "Otter"),  # the column that it names, it knows
        ("Which canoe has the price 1450?", "Otter | Price", "Otter"),
    ],
)
def test_a_short_answer_is_the_value_of_one_cell(question: str, span: str, cell: str) -> None:
    assert marked(first(BOATS, {"Article: Canoe": 1.0}, question, span)) == cell


def test_without_names_of_columns_the_reader_decides_about_the_cell() -> None:
    text = "| Anna Berg | Sales | 52,000 |\n\n| Carl Dahl | Research | 61,500 |"
    best = first(text, {"| Anna": 2.0, "| Carl": 1.0}, "What does Carl Dahl earn?", span="| 61,500 |")
    assert marked(best) == "61,500"


def test_a_yes_or_no_and_plain_text_stay_as_they_are() -> None:
    plain = rows(POOL, {"A day ticket": 0.5}, "What does a day ticket cost?")
    plain = [replace(each, short_answer=(19, 23)) for each in plain]
    question = "What does a day ticket cost?"
    assert list(arranged(question, asked(question), plain, EMBEDDER)) == plain
    best = first(POOL, {"| Sunday": 1.0}, "Is the pool open on Sunday?", span="closed")
    assert marked(best) == "closed"


def test_cells_know_their_names() -> None:
    row = "Article: Canoe | Model:  Otter | Note: see: below | plain | "
    assert [(each.name, row[slice(*each.value)]) for each in cells(row)] == [
        ("Article", "Canoe"),
        ("Model", "Otter"),
        ("Note", "see: below"),
        ("", "plain"),
    ]
    row = "| a || c |"
    assert [row[slice(*each.value)] for each in cells(row)] == ["a", "", "c"]


@given(st.lists(st.text("ab :1", max_size=6), min_size=1, max_size=6), st.booleans())
def test_every_cell_lies_in_its_row_in_order(parts: list[str], bars: bool) -> None:
    row = " | ".join(parts)
    row = f"| {row} |" if bars else row
    if not is_table_row(row):
        return
    found = cells(row)
    assert len(found) <= len(parts)
    end = 0
    for cell in found:
        assert end <= cell.value[0] <= cell.value[1] <= len(row)
        assert "|" not in row[slice(*cell.value)]
        end = cell.value[1]
