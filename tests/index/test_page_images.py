"""Boxes on a page hold the words that they are for, whoever made the file, however the page is shown."""

from __future__ import annotations

import gzip
import io
import os
import re
from typing import Any

import pypdfium2
import pytest
from PIL import Image, ImageChops

from index.errors import DocumentError
from index.loaders import draw, load
from index.page_images import PageView
from index.parsing import ParseLimits, Parser
from index.sentences import sentence_spans
from tests.index.files import pdf
from tests.index.page_boxes import drawn, letters, words_in, words_in_boxes
from tests.index.page_fixtures import STORY, Maker, cropped, turned, wrapped
from tests.index.page_producers import (
    CHROMIUM,
    GROFF,
    PRINTED,
    askew,
    every_pdf,
    form_that_inherits_its_size,
    printed_by_chromium,
)

FILES = every_pdf()


@pytest.mark.skipif(None in (CHROMIUM, GROFF) and not os.environ.get("CI"), reason="a producer is missing")
def test_no_producer_is_missing() -> None:
    assert {producer for producer, _, _ in FILES} == {"reportlab", "fpdf2", "hand", "Chromium", "groff"}
    assert len(FILES) >= 60


@pytest.mark.parametrize(
    ("producer", "name", "make"), FILES, ids=lambda it: it if isinstance(it, str) else ""
)
def test_the_boxes_of_every_sentence_hold_its_words(producer: str, name: str, make: Maker) -> None:
    data = make()
    document = load(data, "a.pdf")
    spans = sentence_spans(document.text)
    assert spans
    for span, read in words_in_boxes(data, document, spans):
        assert read is not None, "the page was not read again, or there are no boxes"
        assert letters(read) == letters(document.text[slice(*span)])


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("name", ["article", "columns", "table", "right to left with numbers and names"])
def test_a_page_that_is_shown_on_its_head_reads_as_upright_and_each_word_has_its_box(name: str) -> None:
    upright = printed_by_chromium(PRINTED[name])
    data = turned(upright, 180)
    document = load(data, "a.pdf")
    assert document.text == load(upright, "a.pdf").text
    with pypdfium2.PdfDocument(data) as source:
        opened = source[0]
        for word in list(re.finditer(r"\S+", document.text))[:60]:
            view = drawn(data, document, 1, *word.span())
            read = "".join(words_in(opened, view, box) for box in view.boxes)
            assert sorted(letters(read)) == sorted(letters(word[0]))  # pdfium may read a word from its end
        opened.close()


def test_a_box_is_as_high_as_its_line_and_ends_with_its_words() -> None:
    data = pdf(["Short words. And more of them."])
    document = load(data, "a.pdf")
    (box,) = drawn(data, document, 1, 0, len("Short words.")).boxes
    assert box.left == pytest.approx(72, abs=1)
    assert box.width == pytest.approx(62, abs=3)  # of Helvetica in 11 points
    assert 10 < box.height < 16
    assert box.top < 842 - 780 < box.top + box.height  # the line stands on its baseline
    assert drawn(data, document, 1, 0, 0).boxes == ()


def red_words(paper: Any, number: int) -> None:
    paper.setFont("Helvetica", 11)
    for row, line in enumerate(wrapped(STORY)):
        paper.setFillColorRGB(1, 0, 0) if row in (1, 2) else paper.setFillColorRGB(0, 0, 0)
        paper.drawString(72, 740 - 14 * row, line)


@pytest.mark.parametrize("crop", [None, (50, 600, 560, 800)], ids=["whole", "cropped"])
@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_the_boxes_cover_the_ink_of_their_words_on_the_picture(
    angle: int, crop: tuple[float, float, float, float] | None
) -> None:
    data = pdf([], draw=red_words)
    data = turned(cropped(data, *crop) if crop else data, angle)
    document = load(data, "a.pdf")
    red = " ".join(wrapped(STORY)[1:3])
    start = document.text.index(red)
    view = drawn(data, document, 1, start, start + len(red))
    assert len(view.boxes) == 2
    assert_red_ink_is_inside(view)


def test_a_form_keeps_the_size_that_it_inherits() -> None:
    data = form_that_inherits_its_size()
    text = load(data, "a.pdf").text
    assert text.splitlines() == ["Fill in the name of the guest.", "", "Ann Example comes on Friday."]
    view = draw(data, page=1, text=text, spans=[(0, 4)])
    assert (view.width, view.height) == (420, 900)
    (box,) = view.boxes
    assert box.top < 900 - 860 < box.top + box.height


def test_words_that_stand_askew_get_several_boxes() -> None:
    data = askew()
    document = load(data, "a.pdf")
    view = drawn(data, document, 1, 0, len(document.text))
    assert_red_ink_is_inside(view)
    covered = sum(box.width * box.height for box in view.boxes)
    width = max(box.left + box.width for box in view.boxes) - min(box.left for box in view.boxes)
    height = max(box.top + box.height for box in view.boxes) - min(box.top for box in view.boxes)
    assert covered < 0.6 * width * height


def assert_red_ink_is_inside(view: PageView) -> None:
    picture = Image.open(io.BytesIO(view.image)).convert("RGB")
    assert picture.width / picture.height == pytest.approx(view.width / view.height, abs=0.01)
    scale = picture.width / view.width
    red, green, _ = picture.split()
    ink = ImageChops.subtract(red, green).point(lambda value: 255 * (value > 60))
    assert ink.histogram()[255] > 500
    for box in view.boxes:
        left, top = round(scale * (box.left - 1)), round(scale * (box.top - 1))
        right, bottom = (
            round(scale * (box.left + box.width + 1)),
            round(scale * (box.top + box.height + 1)),
        )
        ink.paste(0, (left, top, right, bottom))
    assert ink.getbbox() is None


def test_a_page_that_reads_otherwise_gets_no_boxes() -> None:
    data = pdf(wrapped(STORY))
    view = draw(data, page=1, text="The ferry to the mainland leaves at ten.", spans=[(0, 9)])
    assert (view.matched, view.boxes) == (False, ())
    assert view.image.startswith(b"\x89PNG")


def test_a_page_without_text_is_drawn() -> None:
    view = draw(pdf(wrapped(STORY), []), page=2, text="", spans=[])
    assert (view.matched, view.boxes) == (True, ())


@pytest.mark.parametrize("page", [0, 2])
def test_a_page_that_is_not_there_is_refused(page: int) -> None:
    with pytest.raises(DocumentError, match=f"Page {page} cannot be drawn"):
        draw(pdf(wrapped(STORY)), page=page, text="", spans=[])


def test_a_very_large_page_makes_no_larger_picture() -> None:
    data = pdf([], draw=lambda paper, _: paper.setPageSize((14_000, 9_000)))
    view = draw(data, page=1, text="", spans=[])
    picture = Image.open(io.BytesIO(view.image))
    assert (view.width, view.height) == (14_000, 9_000)
    assert picture.width * picture.height <= 3_100_000


def test_of_repeated_words_those_of_the_span_get_the_box() -> None:
    data = pdf(["Twice the same. Twice the same.", "", "Twice the same."])
    document = load(data, "a.pdf")
    boxes = [
        drawn(data, document, 1, start, start + len("Twice the same.")).boxes
        for start in (0, 16, document.text.rindex("Twice"))
    ]
    assert [len(found) for found in boxes] == [1, 1, 1]
    first, second, third = (found[0] for found in boxes)
    assert first.left + first.width < second.left
    assert first.top == pytest.approx(second.top)
    assert third.top > first.top + first.height


def test_a_page_is_drawn_in_the_child_and_says_what_is_wrong_with_a_file() -> None:
    data = pdf(wrapped(STORY))
    document = load(data, "a.pdf")
    with Parser() as parser:
        view = parser.draw_page(data, page=1, text=document.text, spans=[(0, 94)])
        assert view == drawn(data, document, 1, 0, 94)
        with pytest.raises(DocumentError) as caught:
            parser.draw_page(data[:200], page=1, text="")
        assert caught.value.problem == "damaged"
        assert parser.parse_bytes(data, "a.pdf") == document


def test_a_page_of_a_compressed_pdf_is_drawn() -> None:
    data = pdf(["Words."])
    assert draw(gzip.compress(data), page=1, text="Words.", spans=[(0, 6)]).boxes


def test_drawing_that_does_not_end_is_stopped_and_the_next_page_is_drawn() -> None:
    limits = ParseLimits(wall_seconds=1)
    data = pdf(["Words."])
    with Parser(limits, drawer="tests.index.files:draw_slowly") as parser:
        for _ in range(2):
            with pytest.raises(DocumentError) as caught:
                parser.draw_page(data, page=1, text="slow")
            assert caught.value.problem == "timeout"
    with Parser(drawer="tests.index.files:draw_slowly") as parser:
        assert parser.draw_page(data, page=1, text="Words.").matched
