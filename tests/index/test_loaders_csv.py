"""CSV and TSV: one line a record, with its column's names, and the row that people count."""

from __future__ import annotations

import pytest

from index.chunker import ChunkLimits, split
from index.documents import ParsedDocument
from index.loaders import load


def rows(document: ParsedDocument) -> list[tuple[str, str]]:
    """Where each line stands and what it says."""
    starts = [locator.start for locator in document.locators]
    ends = [*starts[1:], len(document.text)]
    return [
        (locator.words, document.text[start:end].strip())
        for locator, start, end in zip(document.locators, starts, ends, strict=True)
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_record_is_a_line_with_the_names_of_its_columns(delimiter: str) -> None:
    source = "Item,Price,Stock\nPump,12.50,4\nValve,3,0\n".replace(",", delimiter)
    document = load(source.encode(), "parts.csv")
    assert rows(document) == [
        ("row 1", "Item | Price | Stock"),
        ("row 2", "Item: Pump | Price: 12.50 | Stock: 4"),
        ("row 3", "Item: Valve | Price: 3 | Stock: 0"),
    ]
    assert document.locator_at(document.text.index("Valve")) == "row 3"
    assert document.media_type == "text/csv"


def test_a_quoted_value_may_hold_line_ends_and_delimiters() -> None:
    document = load(b'Name,Note\n"Anna","first, then\nsecond"\n\nBen,"said ""no"""\n', "a.csv")
    assert rows(document) == [
        ("row 1", "Name | Note"),
        ("row 2", "Name: Anna | Note: first, then second"),
        ("row 4", 'Name: Ben | Note: said "no"'),
    ]


def test_decimal_commas_do_not_pass_for_delimiters() -> None:
    document = load(b"Artikel;Preis\nPumpe;12,50\nVentil;3,20\n", "a.csv")
    assert rows(document)[1] == ("row 2", "Artikel: Pumpe | Preis: 12,50")


def test_a_first_row_of_values_is_no_header() -> None:
    assert load(b"2024-01-05,12\n2024-01-06,14\n", "a.csv").text == "2024-01-05 | 12\n2024-01-06 | 14"


def test_values_beyond_the_header_and_empty_ones() -> None:
    document = load(b"a,b,c\n1,,3,4\n,,\n5\n", "a.csv")
    assert rows(document)[1:] == [("row 2", "a: 1 | c: 3 | 4"), ("row 4", "a: 5")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding: str) -> None:
    source = "Größe;Straße\n" + "".join(f"{n};Königsallee {n}\n" for n in range(20))
    assert rows(load(source.encode(encoding), "a.csv"))[1] == ("row 2", "Größe: 0 | Straße: Königsallee 0")


def test_a_line_names_the_delimiter() -> None:
    assert load(b"sep=;\r\nName;Note\r\nA;b, c\r\n", "a.csv").text == "Name | Note\nName: A | Note: b, c"


def test_a_quotation_mark_that_is_never_closed_swallows_nothing() -> None:
    source = "Name,Note\n" + 'Anna,"open\n' + "".join(f"Ben{n},x\n" for n in range(500))
    found = rows(load(source.encode(), "a.csv"))
    assert len(found) == 502
    assert found[-1] == ("row 502", "Name: Ben499 | Note: x")


def test_a_list_without_columns_is_kept_as_it_is() -> None:
    text = "Tea with milk\nCoffee black\n"
    assert load(text.encode(), "a.csv") == ParsedDocument(text=text, media_type="text/csv")


def test_rows_stay_whole_in_chunks_and_chunks_name_their_first_row() -> None:
    source = "City,Sight\n" + "".join(f"Town {n},The tower. It is tall and old.\n" for n in range(60))
    document = load(source.encode(), "a.csv")

    def words(text: str) -> list[tuple[int, int]]:
        import re

        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]

    chunks = split(document, token_spans=words, limits=ChunkLimits(tokens=80))
    assert len(chunks) > 5
    lines = set(document.text.split("\n"))
    for chunk in chunks:
        assert set(document.text[chunk.start : chunk.end].split("\n")) <= lines
    held = {line for chunk in chunks for line in document.text[chunk.start : chunk.end].split("\n")}
    assert held == lines


@pytest.mark.parametrize("unit", ["1", "1x,", '"', "a@", ",", '""', "1,\n", ";;", "\n", "1." * 9 + ","])
def test_hostile_records_take_linear_time(unit: str) -> None:
    load(b"Item,Price\n" + unit.encode() * (500_000 // len(unit)), "a.csv")
