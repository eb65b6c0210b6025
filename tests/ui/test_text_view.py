"""The text view marks exactly the quote, in every format, and draws the text as what it is."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from index.chunker import ChunkLimits, split
from index.documents import Heading, Locator, ParsedDocument
from index.loaders import load
from index.sentences import sentence_spans
from tests.fakes import WordCountEmbedder
from tests.index.fuzz import all_seeds, read_seed
from tests.ui.cited_pdf import add_upload, cite, island_pdf
from tests.ui.desk import desk_over
from tests.ui.every_format import CSV, NAMES, document_of
from ui.render import Highlight, escape
from ui.text_blocks import snapped
from ui.text_view import text_html

LIMITS = ChunkLimits(tokens=60, context_tokens=20, chars=400, minimum_tokens=10)


@cache
def parsed(name: str) -> ParsedDocument:
    return load(document_of(name), name)


def shown(text: str) -> str:
    """A text as the page has it: what cannot be seen is a replacement character."""
    return re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), escape(text))


def stripped(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


def view(
    document: ParsedDocument, start: int, end: int, quoted: tuple[int, int], passage: tuple[int, int]
) -> str:
    first, last = snapped(document.text, start, end)
    marks = (
        Highlight(start=passage[0], end=passage[1], tag="span", css="fn-passage"),
        Highlight(start=quoted[0], end=quoted[1], tag="mark", css="fn-mark"),
    )
    html = text_html(document, first, last, marks)
    assert stripped(html) == escape(document.text[first:last])
    return html


def marked(html: str) -> str:
    """What a browser takes to be the text of the marks."""
    return "".join(mark.text() for mark in LexborHTMLParser(html).css("mark"))


def spans_of(document: ParsedDocument) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Chunks with spans that may be cited: all of it, its sentences, two of them, words, odd pieces."""
    text = document.text
    for chunk in split(document, token_spans=WordCountEmbedder(["ferry"]).token_spans, limits=LIMITS):
        whole = (chunk.start, chunk.end)
        yield whole, whole
        sentences = [
            (chunk.start + a, chunk.start + b) for a, b in sentence_spans(text[chunk.start : chunk.end])
        ]
        for span in sentences:
            yield span, whole
        for (start, _), (_, end) in pairwise(sentences):
            yield (start, end), whole
        for word in list(re.finditer(r"\S+", text[chunk.start : chunk.end]))[::3]:
            yield (chunk.start + word.start(), chunk.start + word.end()), whole
        yield (chunk.start + (chunk.end - chunk.start) // 3, chunk.end), whole


@pytest.mark.parametrize("name", NAMES)
def test_what_is_marked_is_the_quote(name: str) -> None:
    document = parsed(name)
    spans = list(spans_of(document))
    assert len(spans) > 3
    for at, (quoted, passage) in enumerate(spans):
        for around in (0, 90, 700)[at % 3 : at % 3 + 1] if at > 20 else (0, 90, 700):
            html = view(document, passage[0] - around, passage[1] + around, quoted, passage)
            assert marked(html) == document.text[slice(*quoted)]


@pytest.mark.parametrize("name", sorted(all_seeds()))
def test_without_its_tags_the_view_is_the_text(name: str) -> None:
    document = read_seed(all_seeds()[name], name)
    text = document.text
    size = max(1, len(text) // 7)
    for start in range(0, min(len(text), 40 * size), size):
        quoted = (start, min(len(text), start + size // 2 + 1))
        html = view(document, start - 200, start + size + 200, quoted, quoted)
        assert marked(html) == shown(text[slice(*quoted)])


PIECES = (*"ab 12\n\n|-:#>*`=.\t<&", " | ", "\n\n", "\n", "- ", "| ", "a: ", "```\n", "א", "\u202e")
texts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=60).map("".join)
MEDIA_TYPES = (
    "text/plain",
    "text/markdown",
    "text/x-rst",
    "text/html",
    "text/csv",
    "text/x-source",
    "application/pdf",
)


@given(text=texts, media_type=st.sampled_from(MEDIA_TYPES), data=st.data())
@settings(max_examples=400, deadline=None)
def test_any_text_of_any_format_is_shown_in_full(text: str, media_type: str, data: st.DataObject) -> None:
    place = st.integers(0, len(text))
    start, end = sorted((data.draw(place), data.draw(place)))
    first, last = sorted((data.draw(place), data.draw(place)))
    starts = [match.end() for match in re.finditer(r"\A|\n", text) if match.end() < len(text)]
    headed = data.draw(st.lists(st.sampled_from(starts), unique=True, max_size=2)) if starts else []
    named = sorted(data.draw(st.lists(st.sampled_from(starts), unique=True))) if starts else []
    document = ParsedDocument(
        text=text,
        media_type=media_type,
        headings=tuple(
            Heading(start=at, end=max(at + 1, text.find("\n", at)), level=1, title="x")
            for at in sorted(headed)
        ),
        locators=tuple(
            Locator(at, f"row {number}" if number % 3 else "sheet <x>") for number, at in enumerate(named)
        ),
    )
    html = view(document, first, last, (start, end), (start, end))
    begin, stop = snapped(text, first, last)
    assert marked(html) == shown(text[max(start, begin) : min(end, stop)])


# -- what it looks like


def tree(name: str, start: int = 0, end: int | None = None) -> LexborHTMLParser:
    document = parsed(name)
    begin, stop = snapped(document.text, start, len(document.text) if end is None else end)
    return LexborHTMLParser(text_html(document, begin, stop))


def seen(node: LexborNode) -> str:
    """The text of an element without what is not shown."""
    for hidden in node.css(".fn-syntax"):
        hidden.decompose()
    return " ".join((node.text() or "").split())


def cells(tree: LexborHTMLParser) -> list[list[str]]:
    """The rows of all tables; the names that stand in attributes, too."""
    return [
        [
            cell.attributes.get("data-number") or cell.attributes.get("data-name") or seen(cell)
            for cell in row.css("td, th")
        ]
        for row in tree.css("tr:not(.fn-delimiter)")
    ]


def headings(tree: LexborHTMLParser) -> list[tuple[str, str]]:
    return [(node.tag or "", seen(node)) for node in tree.css("h3, h4, h5, h6")]


def test_headings_are_headings() -> None:
    assert headings(tree("a.docx")) == [("h3", "Fares"), ("h4", "On board")]
    assert headings(tree("a.html")) == [("h3", "Ferries of the island"), ("h4", "Fares")]
    assert headings(tree("a.md")) == [("h3", "Ferries of the island"), ("h4", "Fares")]
    assert headings(tree("a.rst")) == [("h3", "Ferries"), ("h4", "Fares")]
    assert headings(tree("a.eml"))[0] == ("h3", "The ferry")
    assert headings(tree("a.epub")) == [("h3", "The Whale"), ("h3", "The Ship")]
    assert "====" not in "".join(seen(node) for node in tree("a.rst").css(".fn-drawn"))


def test_tables_are_tables_under_their_names() -> None:
    assert cells(tree("a.html")) == [["Ticket", "Price"], ["Adult | single", "14.50"], ["Dog", "free"]]
    assert cells(tree("a.md")) == [["Ticket", "Price"], ["Adult", "14.50"], ["Dog \\| cat", "free"]]
    assert cells(tree("a.docx")) == [
        ["Ticket", "Class", "Price"],
        ["Adult", "second", "14.50"],
        ["Dog", "", "2.00"],
    ]
    assert cells(tree("a.pptx")) == [["Ticket", "Price"], ["Dog", "free"]]
    assert cells(tree("a.odt")) == [["a", "b"], ["", "c"]]
    assert cells(tree("a.eml")) == [["1", "Ticket", "Price"], ["2", "Adult", "14.50"], ["3", "Dog", "free"]]
    assert cells(tree("a.jsonl"))[:2] == [["", "day", "guests"], ["1", "May 1", "301"]]
    assert len(tree("a.html").css("th[scope=col]")) == 2


def test_rows_of_a_table_far_below_its_header_still_have_its_names() -> None:
    document = parsed("a.csv")
    at = document.text.index("Kind 90")
    found = tree("a.csv", at, at + 20)
    assert cells(found) == [
        ["", "Ticket", "Price", "Remark"],
        ["91", "Kind 90", "90.50", "with a dog, or 90 cats"],
    ]
    assert found.css("thead th")[0].attributes["aria-label"] == "Ticket"
    assert "Ticket" not in (found.css("thead")[0].text() or "")  # it is no text, so it cannot be marked
    sheet = parsed("a.xlsx")
    at = sheet.text.index("May 50")
    found = tree("a.xlsx", at, at + 10)
    assert cells(found) == [["", "Day", "Guests", "Remark"], ["50", "May 50", "350", "full"]]
    assert [part.attributes["data-words"] for part in found.css(".fn-piece")] == ["Sheet Trips"]


def test_a_long_markdown_table_keeps_its_names() -> None:
    text = "| Day | Guests |\n|---|---|\n" + "".join(f"| May {n} | {n} |\n" for n in range(1, 200))
    document = load(text.encode(), "a.md")
    at = document.text.index("May 150")
    html = text_html(document, *snapped(document.text, at, at + 5))
    assert cells(LexborHTMLParser(html)) == [["Day", "Guests"], ["May 150", "150"]]


def test_lines_of_code_and_rows_have_their_numbers() -> None:
    document = parsed("a.py")
    at = document.text.index("async def sail")
    lines = tree("a.py", at, at + 40).css(".fn-code-line")
    assert [(line.attributes["data-number"], line.text().rstrip()) for line in lines] == [
        ("16", "    async def sail("),
        ("17", "        self,"),
        ("18", "        to: str,"),
    ]
    assert len(tree("a.js").css(".fn-code-line")) == 6
    assert len(tree("a.xml").css(".fn-code-line")) == 4
    assert tree("a.txt").css(".fn-code-line") == []
    assert [row[0] for row in cells(tree("a.csv"))] == [str(number) for number in range(1, 121)]
    assert cells(tree("a.xlsx"))[:3] == [["1", "Ticket", "Price"], ["2", "Adult", "14.5"], ["4", "Dog", "0"]]
    assert CSV.count("\n") == 120


def test_parts_are_named() -> None:
    def parts(name: str) -> list[str]:
        return [part.attributes["data-words"] or "" for part in tree(name).css(".fn-piece")]

    assert parts("a.pptx") == ["Slide 1", "Slide 2"]
    assert parts("a.xlsx") == ["Sheet", "Sheet"]  # the heading below says which
    assert parts("a.epub") == []  # the headings say it
    assert parts("a.eml") == []
    pages = load(island_pdf(), "a.pdf")
    whole = LexborHTMLParser(text_html(pages, 0, len(pages.text)))
    # On the last page nothing begins: a paragraph ends there.
    assert [part.attributes["data-words"] for part in whole.css(".fn-piece")] == [
        "Page 1",
        "Page 2",
        "Page 3",
    ]
    mail = parsed("a.eml")
    at = mail.text.index("Ticket: Dog")
    (part,) = tree("a.eml", at, at + 5).css(".fn-piece")
    assert part.attributes["data-words"] == "Attachment a.csv"


def test_lists_quotes_and_code_are_drawn_as_such() -> None:
    found = tree("a.md")
    assert [(item.attributes["class"], seen(item)) for item in found.css("li")] == [
        ("fn-bulleted fn-deep1", "Tickets are sold on board."),
        ("fn-bulleted fn-deep1", "Children"),
        ("fn-bulleted fn-deep2", "under six travel free"),
        ("fn-numbered fn-deep1", "1. Wait on the pier."),
        ("fn-numbered fn-deep1", "2. Board when the bell rings."),
    ]
    assert [seen(quote) for quote in found.css("blockquote")] == [
        "The captain decides, and his word is final."
    ]
    assert [code.text() for code in found.css(".fn-code")] == ["\nferry --to island | tee log"]
    assert [code.text() for code in tree("a.html").css(".fn-code")] == ["09:00  pier\n  10:15  island"]
    assert [seen(quote) for quote in tree("a.eml").css("blockquote")] == [
        "Does it sail on Sundays? Or in storms?"
    ]
    assert [seen(item) for item in tree("a.docx").css("li")] == [
        "Tickets are sold on board.",
        "Dogs must be kept on a lead.",
    ]


def test_a_line_of_prose_with_a_bar_is_no_table() -> None:
    document = load(b"<p>Home | About | Contact<p>Words.", "a.html")
    assert LexborHTMLParser(text_html(document, 0, len(document.text))).css("table") == []


def test_documents_cannot_add_to_the_page() -> None:
    hostile = '"><img src=x onerror=alert(1)>'
    source = f"{hostile},b\n{hostile},2\n{hostile},3\n"
    html = text_html(load(source.encode(), "a.csv"), 0, 10_000)
    assert "<img" not in html
    document = ParsedDocument(text="a | b", locators=(Locator(0, hostile),), headings=())
    assert "<img" not in text_html(document, 0, 5)


def test_a_row_costs_what_it_holds_however_wide_its_table_is() -> None:
    text = "a | b\n" * 3_000 + " | ".join("c" * 3_000) + "\n" + "a | b\n" * 3_000
    document = ParsedDocument(text=text, media_type="text/html")
    assert len(text_html(document, 0, len(text))) < 50 * len(text)
    names = " | ".join(f"n{number}" for number in range(200))
    text = f"{names}\n" + "n0: a | n199: b\n" * 3_000
    document = ParsedDocument(text=text, media_type="text/html")
    html = text_html(document, 0, len(text))
    assert len(html) < 50 * len(text)
    assert html.count("<tr") == 3_001


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (" | ".join("x" * 4_900) + "\n", "a | b\nfoo\n"),  # more names than any table has columns
        (" | ".join(f"n{number}" for number in range(200)) + "\n", "n1: 1 | n2: 2\nfoo\n"),
        ("x" * 9_000 + " | b\n", "b: 1 | b: 2\nfoo\n"),
        (f"|{'x|' * 200_000}\n|{'-|' * 200_000}\n", "|1|2|\n"),
        (f"|{'x|' * 150}\n|{'-|' * 150}\n" + "a|b\n" * 4_000, "a|b\n|1|2|\n"),
    ],
)
def test_the_names_of_columns_are_cheap_however_often_they_are_looked_for(header: str, rows: str) -> None:
    text = header * 6 + rows * 2_000
    media_type = "text/markdown" if header.startswith("|") else "text/html"
    document = ParsedDocument(text=text, media_type=media_type)
    start = len(text) - 4_000 // len(rows) * len(rows)
    before = time.process_time()
    html = text_html(document, start, len(text))
    assert time.process_time() - before < 2
    assert len(html) < 2_000_000
    assert stripped(html) == escape(text[start:])


def test_where_names_would_cost_too_much_the_rows_show_their_own() -> None:
    names = " | ".join(f"n{number}" for number in range(200))
    text = f"{names}\n" + "n1: 1 | n2: 2\nfoo\n" * 100
    html = text_html(ParsedDocument(text=text, media_type="text/html"), 0, len(text))
    tables = html.split("<table")
    assert 'data-name="n1"' in tables[2]
    assert "data-name" not in tables[-1]
    assert "fn-syntax" not in tables[-1].partition("<tbody>")[2].partition("</td>")[0]


@pytest.mark.parametrize("media_type", ["text/markdown", "text/html", "application/pdf"])
@pytest.mark.parametrize(
    "piece", [" ", "-", "|", "| ", " | ", "a: ", "|-", "`", "> ", "#", "|\n", "a: b | \n"]
)
def test_no_text_takes_long_to_draw(media_type: str, piece: str) -> None:
    text = f"a | b\n-|-\n{piece * (60_000 // len(piece))}x|-"
    document = ParsedDocument(text=text, media_type=media_type)
    before = time.process_time()
    html = text_html(document, 0, len(text), (Highlight(start=9, end=50_000, tag="mark", css="fn-mark"),))
    assert time.process_time() - before < 3
    assert len(html) < 100 * len(text)


# -- in the pane


@pytest.mark.parametrize("name", NAMES)
def test_the_pane_marks_the_quote_in_every_format(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(document_of(name))
    with desk_over(tmp_path / "data") as desk:
        doc_id = add_upload(desk.store, path)
        text = parsed(name).text
        spans: Sequence[tuple[int, int]] = sentence_spans(text)
        quoted = [spans[0], spans[len(spans) // 2], spans[-1]]
        _, message = cite(desk.store, desk.chats, doc_id, *quoted)
        for number, (start, end) in enumerate(quoted, 1):
            assert marked(desk.pane.html(f"#cite-{message}-{number}")) == text[start:end]
            more = desk.pane.html(f"#cite-{message}-{number}", before=5_000, after=5_000)
            assert marked(more) == text[start:end]
        whole = LexborHTMLParser(desk.pane.html(f"#doc-{doc_id}"))
        assert text.startswith("".join(node.text() for node in whole.css(".fn-drawn")))
