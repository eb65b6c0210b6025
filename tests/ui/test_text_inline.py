"""Marks inside Markdown are drawn in the text view and not read; text and quote stay as they are."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest

from index.documents import ParsedDocument
from index.loaders import load
from tests.ui.test_text_view import marked, stripped, view
from ui.render import escape
from ui.text_view import text_html


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("The **last *ferry* ** leaves.", "The **last <i>ferry</i> ** leaves."),
        ("The **last *ferry*** leaves __soon__.", "The <b>last <i>ferry</i></b> leaves <b>soon</b>."),
        ('See [the *map*](https://x.example/a_(b) "Map"), ![a pier](p.png).', "See the <i>map</i>, a pier."),
        ("Run `a * b * c` or ``d`` now.", "Run <code>a * b * c</code> or <code>d</code> now."),
        ("2 * 3 * 4 and snake_case_name and \\*stars\\*", "2 * 3 * 4 and snake_case_name and \\*stars\\*"),
        ("**a\nb** and ~~c~~ <https://x.example>", "<b>a\nb</b> and <s>c</s> https://x.example"),
        ("**open, [words] and `tick", "**open, [words] and `tick"),
        ("- *item* one\n- two", "<i>item</i> onetwo"),
        ("| **a** | b |\n|---|---|\n| `c` | d |", " <b>a</b>  b  <code>c</code>  d "),
        ("> *said*", "<i>said</i>"),
        ("```\n**code**\n```", "```**code**```"),
        ("[<script>](javascript:alert(1))", "<script>"),
    ],
)
def test_marks_inside_markdown_are_drawn_and_not_read(source: str, read: str) -> None:
    document = load(source.encode(), "a.md")
    html = text_html(document, 0, len(document.text))
    assert stripped(html) == escape(document.text)
    seen = re.sub(r'<span class="fn-syntax">[^<]*</span>', "", html)
    assert unescape(re.sub(r"<(?!/?(?:b|i|s|code)>)[^>]*>", "", seen)) == read


def test_a_quote_that_begins_and_ends_inside_marks_is_marked_to_the_letter() -> None:
    document = load(b"The **last ferry** of the [old pier](https://x.example/p) leaves.", "a.md")
    quote = "ferry** of the [old"
    at = document.text.index(quote)
    html = view(document, 0, len(document.text), (at, at + len(quote)), (0, len(document.text)))
    assert marked(html) == quote


@pytest.mark.parametrize(
    "unit", ["**a ", "*", "_", "`", "[a](", "[", "~~a", "**a**", "<https://", "(", "**a*"]
)
def test_marks_of_markdown_are_found_in_linear_time(unit: str) -> None:
    document = ParsedDocument(text=unit * (200_000 // len(unit)), media_type="text/markdown")
    started = time.process_time()
    text_html(document, 0, len(document.text))
    assert time.process_time() - started < 10
