"""Hebrew and Arabic in PDFs are read in their order, and every word of them has a box of its own."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from random import Random
from typing import Any

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.loaders import draw, load
from index.loaders.right_to_left import Letter, in_reading_order, runs_from_right
from tests.index.page_boxes import words_in
from tests.index.page_fixtures import (
    ARABIC,
    DEJAVU,
    HEBREW,
    HEBREW_LINES,
    MIXED_ARABIC,
    MIXED_HEBREW,
    MORE,
    POINTED,
    drawn,
    hebrew_turned_round,
    turned,
)
from tests.index.page_producers import CHROMIUM, fpdf, fpdf_font, printed_by_chromium

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
needs_dejavu = pytest.mark.skipif(DEJAVU is None, reason="the font DejaVu is not installed")


def page(*paragraphs: str, width: int = 600) -> bytes:
    """Paragraphs from right to left, as Chromium prints them."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return printed_by_chromium(f'<html dir=rtl><body style="font-size:14pt;width:{width}px">{body}')


@needs_chromium
@pytest.mark.parametrize("angle", [0, 90, 270])
def test_paragraphs_read_as_they_were_written(angle: int) -> None:
    data = page(HEBREW, ARABIC, MIXED_HEBREW, MIXED_ARABIC, width=400)
    text = load(turned(data, angle), "a.pdf").text
    assert " ".join(text.split()) == " ".join((HEBREW, ARABIC, MIXED_HEBREW, MIXED_ARABIC))


@needs_chromium
def test_a_paragraph_that_wraps_is_one() -> None:
    document = load(page(MIXED_HEBREW, MIXED_ARABIC, width=400), "a.pdf")
    assert document.text.split("\n\n") == [MIXED_HEBREW, MIXED_ARABIC]


@needs_chromium
def test_vowel_signs_follow_their_letters() -> None:
    text = load(page(POINTED), "a.pdf").text
    assert unicodedata.normalize("NFC", text) == unicodedata.normalize("NFC", POINTED)


@needs_chromium
def test_cells_and_columns_are_read_from_the_right() -> None:
    rows = (("תאריך", "מחיר", "הערות"), ("12.5.2024", "14.50", "שתי ספינות"))
    cells = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
    table = load(page(f"<table cellpadding=12>{cells}</table>"), "a.pdf").text
    assert table.replace(" | ", " ").split() == [
        word for row in rows for cell in row for word in cell.split()
    ]
    columns = printed_by_chromium(
        f'<html dir=rtl><body style="font:10pt sans-serif;columns:2"><p>{HEBREW * 4}</p><p>{MIXED_HEBREW}</p>'
    )
    text = " ".join(load(columns, "a.pdf").text.split())
    assert text == f"{HEBREW * 4} {MIXED_HEBREW}"


@needs_chromium
def test_words_of_another_direction_stand_where_they_belong() -> None:
    line = "The Hebrew word שלום (peace) and the Arabic word سلام are 2 words."
    text = load(printed_by_chromium(f"<p>{line}<p>{MORE}"), "a.pdf").text
    assert text.startswith(line)


@needs_dejavu
def test_lines_that_were_turned_round_before_they_were_drawn_are_turned_back() -> None:
    text = " ".join(HEBREW_LINES)
    by_fpdf2 = fpdf(fpdf_font("\n".join(line[::-1] for line in HEBREW_LINES), DEJAVU)) if DEJAVU else b""
    for data in (drawn(hebrew_turned_round), by_fpdf2):
        assert " ".join(load(data, "a.pdf").text.split()) == text


@needs_dejavu
@pytest.mark.parametrize("angle", [0, 90, 180, 270])
@pytest.mark.parametrize("shown", [0, 90, 180, 270])
def test_turned_lines_read_like_upright_ones(angle: int, shown: int) -> None:
    def draw(paper: Any) -> None:
        paper.translate(300, 400)
        paper.rotate(angle)
        paper.translate(-300, -740)
        hebrew_turned_round(paper)

    text = load(turned(drawn(draw), shown), "a.pdf").text
    assert " ".join(text.split()) == " ".join(HEBREW_LINES)


@needs_chromium
@pytest.mark.parametrize("angle", [0, 90])
def test_every_word_has_a_box_of_its_own(angle: int) -> None:
    data = turned(page(HEBREW, ARABIC, MIXED_HEBREW, MIXED_ARABIC, width=400), angle)
    text = load(data, "a.pdf").text
    with pypdfium2.PdfDocument(data) as source:
        opened = source[0]
        start = 0
        for word in text.split():
            start = text.index(word, start)
            view = draw(data, page=1, text=text, spans=[(start, start + len(word))])
            (box,) = view.boxes
            # What pdfium reads in the box is in an order of its own, and it may turn brackets round.
            assert letters(words_in(opened, view, box)) == letters(word)
            start += len(word)
        opened.close()


@needs_chromium
@pytest.mark.parametrize("angle", [0, 90])
def test_boxes_leave_out_what_stands_between_the_words(angle: int) -> None:
    line = "הקובץ נשמר בשם Report Final. Another אחד."
    data = turned(page(line), angle)
    text = load(data, "a.pdf").text
    assert text == line  # most letters of the page are Latin, but those at the ends of the line are not
    end = text.index("Report") + len("Report")  # shown at the far end of the Latin words
    view = draw(data, page=1, text=text, spans=[(0, end)])
    with pypdfium2.PdfDocument(data) as source:
        opened = source[0]
        read = [letters(words_in(opened, view, box)) for box in view.boxes]
        opened.close()
    assert sorted(read) == sorted([letters("הקובץ נשמר בשם"), letters("Report")])


def letters(text: str) -> list[str]:
    return sorted(each for each in unicodedata.normalize("NFKC", text) if each.isalnum())


# -- the order alone


def standing(shown: str) -> list[Letter]:
    """Letters as a line shows them from left to right, each 5 points wide."""
    return [
        Letter(at, letter, 5.0 * at, 5.0 * at + 5, 0, 10, 5.0 * at, after_space=shown[at - 1 : at] == " ")
        for at, letter in enumerate(shown)
        if letter != " "
    ]


def read(letters: Sequence[Letter], *, from_right: bool = True) -> str:
    found = in_reading_order(letters, from_right=from_right)
    return "".join(f" {each.text}" if each.after_space else each.text for each in found)


@pytest.mark.parametrize(
    ("shown", "meant"),
    [
        ("רבד", "דבר"),
        (".14.50 ריחמ", "מחיר 14.50."),
        ("02-03 ,20%-כ", None),
        ("50% ריחמ", "מחיר 50%"),
        ("Figure 3 ןלהל", "להלן Figure 3"),
        ("(רבד) 7", "7 (דבר)"),
        ("٢٠٢٤ ماع", "عام ٢٠٢٤"),
        ("%50 مصخ", "خصم 50%"),
        ("file.txt ץבוק", "קובץ file.txt"),
    ],
)
def test_a_line_from_the_right_is_read_from_the_right(shown: str, meant: str | None) -> None:
    if meant is None:
        assert sorted(read(standing(shown))) == sorted(shown)
    else:
        assert read(standing(shown)) == meant


def test_words_from_the_right_in_a_line_from_the_left() -> None:
    assert read(standing("the word םולש is old"), from_right=False) == "the word שלום is old"
    assert read(standing("see םולש רבד (a)"), from_right=False) == "see דבר שלום (a)"


def test_brackets_turn_to_the_words_that_they_hold() -> None:
    for shown in ("(רבד) בוט", ")רבד( בוט"):
        assert read(standing(shown)) == "טוב (דבר)"


def test_the_order_that_pdfium_gives_does_not_matter() -> None:
    shown = standing("14.50 ריחמ")
    assert read(shown[::-1]) == read(shown) == "מחיר 14.50"


def test_signs_without_letters_are_kept() -> None:
    assert sorted(read(standing("\u0301\u05b8"))) == ["\u0301", "\u05b8"]
    assert read([]) == ""


@given(st.text(st.sampled_from("אבג ابت ab 12.,()-%\u05b8\u064e"), max_size=40), st.booleans(), st.randoms())
def test_every_letter_is_read_once(shown: str, from_right: bool, random: Random) -> None:
    letters = standing(shown)
    random.shuffle(letters)
    found = in_reading_order(letters, from_right=from_right)
    assert sorted(each.letter.index for each in found) == sorted(each.index for each in letters)


def test_most_letters_say_which_way_a_text_runs() -> None:
    assert runs_from_right("הספר של Ann")
    assert not runs_from_right("The word שלום")
    assert not runs_from_right("12")
