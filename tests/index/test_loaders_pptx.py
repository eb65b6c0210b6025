"""PowerPoint: slides in order under their titles, tables, groups, notes, and which slide a word is on."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from index.errors import DocumentError
from index.loaders import load
from index.loaders.names import supported
from tests.index.files import with_part, without


def slides(build: Callable[[Any], None]) -> bytes:
    import pptx

    presentation = pptx.Presentation()
    build(presentation)
    buffer = BytesIO()
    presentation.save(buffer)
    return buffer.getvalue()


def add(presentation: Any, title: str, *paragraphs: str) -> Any:
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = title
    slide.placeholders[1].text = "\n".join(paragraphs)
    return slide


def two_slides(presentation: Any) -> None:
    presentation.core_properties.title = "The river plan"
    first = add(presentation, "Why now", "The dam is old.", "Repairs cost more each year.")
    first.notes_slide.notes_text_frame.text = "Mention the flood of 2013."
    add(presentation, "What it costs", "Four million.")


def test_slides_come_in_order_with_title_text_and_notes() -> None:
    document = load(slides(two_slides), "a.pptx")
    assert document.text == (
        "Why now\n\n- The dam is old.\n- Repairs cost more each year."
        "\n\nNotes\n\nMention the flood of 2013.\n\n"
        "What it costs\n\nFour million."
    )
    assert document.title == "The river plan"
    assert [(h.level, h.title) for h in document.headings] == [
        (1, "Why now"),
        (2, "Notes"),
        (1, "What it costs"),
    ]
    assert document.locator_at(document.text.index("flood")) == "slide 1"
    assert document.locator_at(document.text.index("Four")) == "slide 2"
    assert document.page_at(document.text.index("Four")) == 2


def test_a_table_repeats_its_header() -> None:
    def build(presentation: Any) -> None:
        slide = presentation.slides.add_slide(presentation.slide_layouts[5])
        slide.shapes.title.text = "Costs"
        table = slide.shapes.add_table(3, 2, 0, 0, 9_000_000, 3_000_000).table
        for at, text in enumerate(["Part", "Euro", "Pump", "12", "Valve", ""]):
            table.cell(at // 2, at % 2).text = text

    assert load(slides(build), "a.pptx").text == "Costs\n\nPart | Euro\nPart: Pump | Euro: 12\nPart: Valve"


def test_merged_cells_keep_their_columns() -> None:
    def build(presentation: Any) -> None:
        slide = presentation.slides.add_slide(presentation.slide_layouts[6])
        table = slide.shapes.add_table(3, 3, 0, 0, 9_000_000, 3_000_000).table
        for at, text in enumerate(["Month", "Ship", "Guests", "May", "Ann", "310", "", "none", ""]):
            table.cell(at // 3, at % 3).text = text
        table.cell(1, 0).merge(table.cell(2, 0))
        table.cell(2, 1).merge(table.cell(2, 2))

    assert load(slides(build), "a.pptx").text == (
        "Slide 1\n\nMonth | Ship | Guests\nMonth: May | Ship: Ann | Guests: 310\nMonth: May | Ship: none"
    )


def test_a_chart_has_its_titles_and_the_numbers_it_draws() -> None:
    def build(presentation: Any) -> None:
        data: Any = CategoryChartData()  # type: ignore[no-untyped-call]
        data.categories = ["May", "June", "July"]
        data.add_series("Adults", (310, 290.5, None))
        data.add_series("Children", (25, 31, 40))
        slide = presentation.slides.add_slide(presentation.slide_layouts[5])
        slide.shapes.title.text = "Guests"
        chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 9_000_000, 3_000_000, data).chart
        chart.has_title = True
        chart.chart_title.text_frame.text = "Guests of the ferry"
        chart.value_axis.has_title = True
        chart.value_axis.axis_title.text_frame.text = "People"

    assert load(slides(build), "a.pptx").text == (
        "Guests\n\nGuests of the ferry\n\nPeople\n\nCategory | Adults | Children\n"
        "Category: May | Adults: 310 | Children: 25\nCategory: June | Adults: 290.5 | Children: 31\n"
        "Category: July | Children: 40"
    )


def test_text_of_groups_is_read_and_slide_numbers_are_not() -> None:
    def build(presentation: Any) -> None:
        slide = presentation.slides.add_slide(presentation.slide_layouts[6])
        group = slide.shapes.add_group_shape()
        group.shapes.add_textbox(0, 0, 9, 9).text_frame.text = "In a group"

    number = (
        b'<p:sp><p:nvSpPr><p:cNvPr id="9" name="n"/><p:cNvSpPr/><p:nvPr><p:ph type="sldNum"/></p:nvPr>'
        b"</p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p><a:r><a:t>77</a:t></a:r></a:p></p:txBody></p:sp>"
    )
    source = with_part(
        slides(build),
        "ppt/slides/slide1.xml",
        lambda xml: xml.replace(b"</p:spTree>", number + b"</p:spTree>"),
    )
    assert load(source, "a.pptx").text == "Slide 1\n\nIn a group"


def test_a_slide_without_text_is_counted_and_a_hidden_one_is_named_so() -> None:
    def build(presentation: Any) -> None:
        presentation.slides.add_slide(presentation.slide_layouts[6])
        add(presentation, "Spare", "Kept for questions.")._element.set("show", "0")
        presentation.slides.add_slide(presentation.slide_layouts[6])

    document = load(slides(build), "a.pptx")
    assert document.text == "Spare (hidden slide)\n\nKept for questions."
    assert document.locator_at(0) == "slide 2"
    assert document.page_starts == (0, 0, len(document.text))


def problem(data: bytes, **limits: Any) -> str:
    with pytest.raises(DocumentError) as caught:
        load(data, "a.pptx", **limits)
    assert caught.value.hint.endswith(".")
    return caught.value.problem


def test_what_cannot_be_read_is_refused() -> None:
    assert problem(
        slides(lambda presentation: presentation.slides.add_slide(presentation.slide_layouts[6]))
    ) == ("no_text")
    assert problem(slides(two_slides), max_pages=1) == "too_large"
    assert problem(slides(two_slides), max_chars=20) == "too_large"
    assert problem(slides(two_slides)[:2000]) == "damaged"
    assert problem(b"Slides") == "damaged"


def test_deep_groups_are_refused() -> None:
    deep = b"<p:grpSp>" * 500 + b"</p:grpSp>" * 500
    source = with_part(
        slides(two_slides),
        "ppt/slides/slide1.xml",
        lambda xml: xml.replace(b"</p:spTree>", deep + b"</p:spTree>"),
    )
    assert problem(source) == "damaged"
    assert supported("a.PPTX")


def test_a_slide_whose_part_is_missing_is_named() -> None:
    document = load(without(slides(two_slides), "ppt/slides/slide2.xml"), "a.pptx")
    assert document.text.startswith("Why now")
    assert document.warnings == ("Slide 2 is missing in the file.",)
