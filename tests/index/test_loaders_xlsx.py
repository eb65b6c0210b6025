"""Excel workbooks: sheets, rows with the names of their columns, values as they are shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from io import BytesIO
from typing import Any

import pytest

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders import archive, load
from index.loaders.cell_formats import shown_number
from index.loaders.names import supported
from tests.index.files import with_part, without


def workbook(build: Callable[[Any], None]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    build(book)
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def sheet(*rows: list[Any], title: str = "Prices") -> bytes:
    def build(book: Any) -> None:
        book.active.title = title
        for row in rows:
            book.active.append(row)

    return workbook(build)


def rows(document: ParsedDocument) -> list[tuple[str, str]]:
    starts = [locator.start for locator in document.locators]
    ends = [*starts[1:], len(document.text)]
    return [
        (locator.words, document.text[start:end].strip())
        for locator, start, end in zip(document.locators, starts, ends, strict=True)
    ]


def test_each_row_is_a_line_with_the_names_of_its_columns() -> None:
    document = load(sheet(["Item", "Price"], ["Pump", 12.5], [], ["Valve", 3]), "a.xlsx")
    assert rows(document) == [
        ("sheet Prices", "Prices"),
        ("sheet Prices, row 1", "Item | Price"),
        ("sheet Prices, row 2", "Item: Pump | Price: 12.5"),
        ("sheet Prices, row 4", "Item: Valve | Price: 3"),
    ]
    assert [(h.level, h.title) for h in document.headings] == [(1, "Prices")]
    assert document.heading_path(document.text.index("Valve")) == ("Prices",)


def test_sheets_come_in_order_and_hidden_ones_are_named_so() -> None:
    def build(book: Any) -> None:
        book.active.title = "One"
        book.active.append(["a"])
        two = book.create_sheet("Two")
        two.append(["b"])
        two.sheet_state = "hidden"
        book.create_sheet("Empty")

    assert load(workbook(build), "a.xlsx").text == "One\n\na\n\nTwo (hidden sheet)\n\nb"


def test_values_read_as_they_are_shown() -> None:
    def build(book: Any) -> None:
        page = book.active
        page.append(["Kind", "Value"])
        for kind, value, code in [
            ("day", date(2024, 3, 5), "d mmmm yyyy"),
            ("moment", datetime(2024, 3, 5, 14, 30), "yyyy-mm-dd hh:mm"),
            ("clock", time(9, 5), "h:mm AM/PM"),
            ("share", 0.125, "0.0%"),
            ("money", 1234567.5, '#,##0.00 "€"'),
            ("truth", True, "General"),
            ("sum", 0.1 + 0.2, "General"),
        ]:
            page.append([kind, value])
            page.cell(page.max_row, 2).number_format = code

    text = load(workbook(build), "a.xlsx").text
    assert [line.rpartition(": ")[2] if "clock" not in line and "moment" not in line else line
            for line in text.split("\n")[3:]] == [
        "5 March 2024", "Kind: moment | Value: 2024-03-05 14:30", "Kind: clock | Value: 9:05 AM",
        "12.5%", "1,234,567.50 €", "TRUE", "0.3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        ("45356", "dd/mm/yyyy", "05/03/2024"),
        ("45356", "[$-409]dddd, mmm d", "Tuesday, Mar 5"),
        ("0", "m/d/yyyy", "12/30/1899"),
        ("1.5", "[h]:mm", "36:00"),
        ("0.0104166667", "mm:ss", "15:00"),
        ("45356.6041666667", "d.m.yyyy h:mm", "5.3.2024 14:30"),
        ("-3", "0.00;(0.00)", "(3.00)"),
        ("-3", "#,##0", "-3"),
        ("1234.5", "[$€-407] #,##0.00", "€ 1,234.50"),
        ("1.25", "0.###", "1.25"),
        ("7", "000", "007"),
        ("1500000", '0.0,,"M"', "1.5M"),
        ("-0.001", "0.0", "0.0"),
        ("5", '"five"', "5"),
        ("-1", "yyyy", "-1"),
        ("1e400", "0", "1e400"),
        ("n/a", "0", "n/a"),
        ("12345678901234567", "General", "1.23456789012e+16"),
    ],
)
def test_number_formats(value: str, code: str, shown: str) -> None:
    assert shown_number(value, code) == shown


def test_captions_above_a_header_and_tables_below_each_other() -> None:
    document = load(
        sheet(
            ["Prices of 2024"],
            ["Item", "Price"],
            ["Pump", 12],
            [],
            ["Town", "People"],
            ["Ulm", 126000],
            ["Bonn", 330000],
        ),
        "a.xlsx",
    )
    assert [text for _, text in rows(document)[1:]] == [
        "Prices of 2024",
        "Item | Price",
        "Item: Pump | Price: 12",
        "Town | People",
        "Town: Ulm | People: 126000",
        "Town: Bonn | People: 330000",
    ]


def test_what_is_merged_over_rows_is_said_in_each() -> None:
    def build(book: Any) -> None:
        page = book.active
        for row in (["Region", "Town"], ["North", "Kiel"], [None, "Bremen"], ["South", "Ulm"]):
            page.append(row)
        page.merge_cells("A2:A3")

    assert "Region: North | Town: Bremen" in load(workbook(build), "a.xlsx").text


def test_a_formula_gives_the_value_it_had() -> None:
    source = with_part(
        sheet(["Sum"], [1]),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b"<v>1</v>", b"<f>40+2</f><v>42</v>"),
    )
    assert "42" in load(source, "a.xlsm").text
    assert "40+2" not in load(source, "a.xlsm").text


def test_the_name_may_lie_about_the_format() -> None:
    assert load(sheet(["One", "Two"]), "a.docx").text == "Prices\n\nOne | Two"
    assert supported("A.XLSX")


def problem(data: bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        load(data, "a.xlsx")
    assert caught.value.hint.endswith(".")
    return caught.value.problem


def test_an_empty_workbook_has_no_text() -> None:
    assert problem(workbook(lambda book: book.create_sheet("More"))) == "no_text"


def test_a_text_named_as_a_workbook_is_refused() -> None:
    assert problem(b"Item,Price\n") == "damaged"


def test_entities_are_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>'
    for name in ("xl/worksheets/sheet1.xml", "xl/workbook.xml"):
        assert problem(with_part(sheet(["a"]), name, lambda xml: bomb + xml)) == "damaged"


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    source = sheet(*[[number, "word"] for number in range(2000)])
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 20_000)
    assert problem(source) == "too_large"


def test_too_many_cells_are_refused() -> None:
    row = b'<row><c r="XFD1" t="inlineStr"><is><t>x</t></is></c></row>'
    source = with_part(
        sheet(["a"]),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b"</sheetData>", row * 500 + b"</sheetData>"),
    )
    assert problem(source) == "too_large"


def test_a_sheet_whose_part_is_missing_is_named() -> None:
    def two_sheets(book: Any) -> None:
        book.active.append(["Pump", 12])
        book.create_sheet("Stock").append(["Seal", 3])

    document = load(without(workbook(two_sheets), "xl/worksheets/sheet2.xml"), "a.xlsx")
    assert "Pump" in document.text
    assert document.warnings == ("The sheet “Stock” is missing in the file.",)


def test_a_chart_is_found_by_its_titles_and_its_values_stand_in_the_cells() -> None:
    from openpyxl.chart import LineChart, Reference

    def build(book: Any) -> None:
        book.active.title = "Guests"
        for row in (["Month", "Adults"], ["May", 310], ["June", 290]):
            book.active.append(row)
        for where, title in (("D2", "Guests of the ferry"), ("D20", "The same again")):
            chart = LineChart()
            chart.title = title
            chart.y_axis.title = "People"
            chart.add_data(Reference(book.active, min_col=2, min_row=1, max_row=3), titles_from_data=True)
            book.active.add_chart(chart, where)

    assert rows(load(workbook(build), "a.xlsx"))[-3:] == [
        ("sheet Guests, row 3", "Month: June | Adults: 290"),
        ("sheet Guests, chart 1", "Chart: Guests of the ferry | People"),
        ("sheet Guests, chart 2", "Chart: The same again | People"),
    ]
