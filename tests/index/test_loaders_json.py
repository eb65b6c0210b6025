"""JSON and JSON lines: names stand with their values, in the words of the file."""

from __future__ import annotations

import pytest

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders import load


def test_a_list_of_records_reads_as_rows() -> None:
    document = load(
        b'[{"item": "Pump", "price": {"eur": 12.50}}, {"item": "Valve", "tags": ["a", "b"]}]', "a.json"
    )
    assert document.text == "item: Pump | price.eur: 12.50\nitem: Valve | tags: a, b"
    assert document.locator_at(document.text.index("Valve")) == "item 2"


def test_an_object_reads_as_lines_under_its_names() -> None:
    document = load(
        b'{"name": "Footnote", "none": {},'
        b' "server": {"port": 8080, "tls": true, "hosts": [{"ip": "::1"}, 5]}}',
        "a.json",
    )
    assert (
        document.text
        == "name: Footnote\n\nserver\n\nport: 8080\n\ntls: true\n\nhosts.1.ip: ::1\n\nhosts.2: 5"
    )
    assert [(h.level, h.title) for h in document.headings] == [(1, "server")]
    assert document.heading_path(document.text.index("8080")) == ("server",)


def test_records_below_a_name_are_counted() -> None:
    document = load(b'{"users": [{"id": 1, "name": "Anna"}, {"id": 2, "name": null}]}', "a.json")
    assert document.text == "users\n\nid: 1 | name: Anna\nid: 2 | name: null"
    assert document.locator_at(document.text.index("id: 2")) == "users, item 2"


def test_a_long_text_stands_below_its_name() -> None:
    document = load('{"about": "First line.\\nSecond — line."}'.encode(), "a.json")
    assert document.text == "about\n\nFirst line.\nSecond — line."


def test_numbers_are_those_of_the_file() -> None:
    digits = "9" * 10_000
    assert load(f'{{"a": 1e400, "b": 0.10, "c": {digits}}}'.encode(), "a.json").text == (
        f"a: 1e400\n\nb: 0.10\n\nc\n\n{digits}"
    )


@pytest.mark.parametrize("source", ["{broken", "[" * 100_000, "[]", "{}", '{"a": 1, "a": 2}'])
def test_what_cannot_be_read_is_kept_as_it_is(source: str) -> None:
    assert load(source.encode(), "a.json") == ParsedDocument(text=source, media_type="application/json")


def test_json_lines_are_a_line_each_and_broken_ones_stay() -> None:
    document = load(b'{"q": "Why?", "n": 1}\n\nnot json\n"text"\n', "a.jsonl")
    assert document.text == "q: Why? | n: 1\nnot json\ntext"
    assert [locator.words for locator in document.locators] == ["line 1", "line 3", "line 4"]


def test_more_text_than_the_limit_is_refused() -> None:
    nested = '{"' + "a" * 180 + '": ' + "[" + ",".join(['{"b": [1, {"c": 2}]}'] * 200) + "]}"
    with pytest.raises(DocumentError) as caught:
        load(nested.encode(), "a.json", max_chars=1_000)
    assert caught.value.problem == "too_large"
