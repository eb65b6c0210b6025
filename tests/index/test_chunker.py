"""Chunks are exact spans, cover the text, stay within the limits, and keep under their headings."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.chunker import ChunkLimits, TokenSpans, split
from index.documents import ChunkSpan, Heading, ParsedDocument
from index.embeddings import packaged_token_spans
from index.headers import TableHeaders
from index.sentences import sentence_spans
from tests.fakes import WordCountEmbedder

word_spans = WordCountEmbedder([]).token_spans
SMALL = ChunkLimits(tokens=20, context_tokens=8, chars=200, minimum_tokens=5, overlap_sentences=1)


def document(
    text: str, *headings: tuple[int, str], title: str = "", pages: tuple[int, ...] = ()
) -> ParsedDocument:
    """A document whose headings are lines of its text, in order."""
    found, at = [], 0
    for level, heading in headings:
        at = text.index(heading, at)
        found.append(Heading(start=at, end=at + len(heading), level=level, title=heading))
        at += len(heading)
    return ParsedDocument(text=text, title=title, headings=tuple(found), page_starts=pages)


def cut(parsed: ParsedDocument, limits: ChunkLimits = SMALL) -> list[str]:
    return [
        parsed.text[chunk.start : chunk.end] for chunk in split(parsed, token_spans=word_spans, limits=limits)
    ]


def numbered(count: int, words: int = 4) -> str:
    return " ".join(f"Sentence {number} {'says ' * (words - 2)}so." for number in range(count))


def test_a_short_text_is_one_chunk() -> None:
    assert split(document(" One. Two.\n"), token_spans=word_spans) == [ChunkSpan(start=1, end=10)]


def test_a_blank_text_has_no_chunks() -> None:
    assert split(document(" \n\t "), token_spans=word_spans) == []


def test_parts_are_whole_sentences_of_about_equal_size_and_share_one() -> None:
    parsed = document("Aa aa aa. Be be be. Co co co. Do do do. Eh eh eh. Fa fa fa.")
    assert cut(parsed) == ["Aa aa aa. Be be be. Co co co.", "Co co co. Do do do. Eh eh eh. Fa fa fa."]


def test_overlap_can_be_turned_off_and_is_left_out_when_the_sentence_is_long() -> None:
    none = ChunkLimits(tokens=20, chars=200, minimum_tokens=5, overlap_sentences=0)
    parsed = document("Aa aa aa. Be be be. Co co co. Do do do. Eh eh eh. Fa fa fa.")
    assert cut(parsed, none) == ["Aa aa aa. Be be be. Co co co.", "Do do do. Eh eh eh. Fa fa fa."]
    long = document(" ".join(f"{word}{word.lower() * 12}." for word in ("Aa ", "Be ", "Co ")))
    assert cut(long) == [long.text[a:b] for a, b in sentence_spans(long.text)]


def test_a_chunk_stays_under_its_heading() -> None:
    parsed = document(
        "First\n\nAa aa aa aa. Be be be.\n\nSecond\n\nCc co co co. Do do do.",
        (1, "First"),
        (1, "Second"),
        title="Book",
    )
    chunks = split(parsed, token_spans=word_spans, limits=SMALL)
    assert cut(parsed) == ["First\n\nAa aa aa aa. Be be be.", "Second\n\nCc co co co. Do do do."]
    assert [chunk.heading_path for chunk in chunks] == [("First",), ("Second",)]
    assert [chunk.context for chunk in chunks] == ["Book", "Book"]


def test_a_heading_in_running_text_is_seen_without_a_blank_line() -> None:
    parsed = document(
        "the end of one section\nThe Next Part of it\nand its text, which goes on a while.",
        (1, "The Next Part of it"),
    )
    assert cut(parsed) == [
        "the end of one section",
        "The Next Part of it\nand its text, which goes on a while.",
    ]


def test_very_short_sections_are_joined() -> None:
    parsed = document("A\n\nOne.\n\nB\n\nTwo.\n\nC\n\nThree and four and five.", (2, "A"), (2, "B"), (2, "C"))
    assert cut(parsed) == ["A\n\nOne.\n\nB\n\nTwo.", "C\n\nThree and four and five."]


def test_a_heading_without_text_goes_with_what_follows() -> None:
    parsed = document("Part\n\nChapter\n\nAa aa aa aa.", (1, "Part"), (2, "Chapter"))
    assert cut(parsed) == ["Part\n\nChapter\n\nAa aa aa aa."]


def test_a_short_section_is_not_joined_to_the_next_chapter() -> None:
    parsed = document("Sub\n\nOne.\n\nChapter\n\nAa aa aa aa.", (3, "Sub"), (1, "Chapter"))
    assert cut(parsed) == ["Sub\n\nOne.", "Chapter\n\nAa aa aa aa."]


def test_later_parts_of_a_section_carry_its_headings_as_context() -> None:
    parsed = document(f"Book\n\nChapter\n\n{numbered(12)}", (1, "Book"), (2, "Chapter"), title="Book")
    chunks = split(parsed, token_spans=word_spans, limits=SMALL)
    assert chunks[0].context == ""
    assert {chunk.context for chunk in chunks[1:]} == {"Book > Chapter"}
    assert chunks[1].embedded_text(parsed.text).startswith("Book > Chapter\nSentence")


def test_later_rows_of_a_markdown_table_carry_the_names_of_its_columns_as_context() -> None:
    rows = "".join(f"| Pump {number} of the ferry | {number} pounds |\n" for number in range(8))
    header = "| Item | Price \\| cost |\n|:---|---:|\n"
    text = f"Prices of today.\n\n{header}{rows}\nEverything else is free of charge."
    parsed = ParsedDocument(text=text, media_type="text/markdown")
    limits = ChunkLimits(tokens=30, context_tokens=8, minimum_tokens=2)
    chunks = split(parsed, token_spans=word_spans, limits=limits)
    assert len(chunks) > 2
    for chunk in chunks:
        below = chunk.start > text.index("|:---") and text[chunk.start] == "|"
        assert chunk.context == (r"Item | Price \| cost" if below else "")
    assert [chunk.context for chunk in chunks].count("") < len(chunks)
    plain = split(ParsedDocument(text=text), token_spans=word_spans, limits=ChunkLimits(tokens=30))
    assert {chunk.context for chunk in plain} == {""}


def test_what_only_looks_like_a_markdown_table_names_nothing() -> None:
    def columns(text: str, words: str) -> str:
        return TableHeaders(ParsedDocument(text=text, media_type="text/markdown")).above(text.index(words))

    assert columns("a | b\n--|--\nc | d\ne | f", "e |") == "a | b"
    assert columns("a | b\n--|--\nc | d\n\ne | f", "e |") == ""
    assert columns("Title\n-----\nc | d", "c |") == ""
    assert columns("no bars\n--|--\nc | d", "c |") == ""
    assert columns("a | b\n--|--\nc | d", "a |") == ""
    assert columns("--|--\nc | d", "c |") == ""


def test_a_long_context_keeps_its_ends_and_then_its_beginning() -> None:
    title = "A Very Long Title Of A Book"
    text = f"Chapter\n\nSection one\n\n{numbered(12)}"
    parsed = document(text, (1, "Chapter"), (2, "Section one"), title=title)
    assert split(parsed, token_spans=word_spans, limits=SMALL)[-1].context == "Section one"
    parsed = document(numbered(4), title="one two three four five six seven eight nine ten eleven")
    [*_, last] = split(parsed, token_spans=word_spans, limits=SMALL)
    assert last.context
    assert "one two three four five six seven eight nine".startswith(last.context)


def test_title_is_not_repeated_where_the_text_begins_with_it() -> None:
    assert split(document("# Guide\n\nText.", title="Guide"), token_spans=word_spans)[0].context == ""
    assert split(document("Text.", title="Guide"), token_spans=word_spans)[0].context == "Guide"


def test_pages_are_those_of_the_first_character() -> None:
    text = numbered(12)
    parsed = document(text, pages=(0, text.index("Sentence 6")))
    chunks = split(parsed, token_spans=word_spans, limits=SMALL)
    assert [chunk.page for chunk in chunks] == [parsed.page_at(chunk.start) for chunk in chunks]
    assert {chunk.page for chunk in chunks} == {1, 2}


def test_a_long_sentence_is_cut_after_a_clause() -> None:
    text = "aa aa aa aa aa aa aa aa aa aa, be be be; co co co co co co co co co co co co."
    assert cut(document(text))[0] == "aa aa aa aa aa aa aa aa aa aa, be be be;"


def test_a_word_without_end_is_cut_by_the_character_limit() -> None:
    assert [len(part) for part in cut(document("x" * 450))] == [200, 200, 50]


def test_limits_are_lowered_to_the_model() -> None:
    within = ChunkLimits(tokens=4096).within(254)
    assert within.tokens + within.context_tokens <= 254
    assert ChunkLimits().within(254) == ChunkLimits()


def covers(text: str, chunks: list[ChunkSpan]) -> bool:
    inside = {offset for chunk in chunks for offset in range(chunk.start, chunk.end)}
    return all(text[offset].isspace() for offset in range(len(text)) if offset not in inside)


words = st.sampled_from(
    ["word", "Dr.", "end.", "3.14", "\n", "\n\n", "# Head\n", "- item\n", "中文字。", "한국어", "naïve", "|",
     "a | b\n", "x" * 120, "y" * 300, "multi-hyphenated", "a\x0cb", "\u200b", "\x1c", "e\u0301", "🙂", "ไทย"]
)  # fmt: skip
texts = st.one_of(
    st.text(max_size=400), st.lists(words, max_size=150).map(" ".join), st.lists(words).map("".join)
)


@st.composite
def documents(draw: st.DrawFn) -> ParsedDocument:
    text = draw(texts)
    offsets = sorted(draw(st.sets(st.integers(0, max(0, len(text) - 1)), max_size=6)))
    titles = draw(st.lists(st.text(max_size=80), min_size=6, max_size=6))
    headings = [
        Heading(
            start=start,
            end=min(start + draw(st.integers(0, 30)), end),
            level=draw(st.integers(1, 4)),
            title=title,
        )
        for start, end, title in zip(offsets, [*offsets[1:], len(text)], titles, strict=False)
    ]
    return ParsedDocument(text=text, title=draw(st.text(max_size=60)), headings=tuple(headings))


@pytest.fixture(scope="module")
def wordpiece() -> TokenSpans:
    return packaged_token_spans()


@given(parsed=documents(), overlap=st.integers(0, 3))
def test_any_document_is_covered_by_chunks_within_the_limits(
    wordpiece: TokenSpans, parsed: ParsedDocument, overlap: int
) -> None:
    limits = ChunkLimits(tokens=24, context_tokens=8, chars=150, minimum_tokens=6, overlap_sentences=overlap)
    chunks = split(parsed, token_spans=wordpiece, limits=limits)
    assert covers(parsed.text, chunks)
    assert [chunk.start for chunk in chunks] == sorted(chunk.start for chunk in chunks)
    for chunk in chunks:
        text = parsed.text[chunk.start : chunk.end]
        assert text == text.strip() != ""
        assert len(text) <= limits.chars
        assert chunk.heading_path == parsed.heading_path(chunk.start)
        assert chunk.page == parsed.page_at(chunk.start)
        assert len(wordpiece(text)) <= limits.tokens
        assert len(wordpiece(chunk.embedded_text(parsed.text))) <= limits.tokens + limits.context_tokens


@given(parsed=documents())
def test_each_character_is_tokenised_about_once(parsed: ParsedDocument) -> None:
    given_chars = 0

    def counting(text: str) -> list[tuple[int, int]]:
        nonlocal given_chars
        given_chars += len(text)
        return list(word_spans(text))

    split(parsed, token_spans=counting, limits=ChunkLimits(tokens=24, chars=150))
    contexts = 1000 * (1 + len(parsed.headings))
    assert given_chars <= 2 * len(parsed.text) + contexts


@pytest.mark.parametrize(
    "unit", ["x", "中", "x ", "x. ", "\n", "é", "# a\n", "a\x0c", "🙂", "word, ", "a|b\n-|-\n", "|-"]
)
def test_a_large_document_of_anything_is_split_in_linear_time(wordpiece: TokenSpans, unit: str) -> None:
    parsed = ParsedDocument(text=unit * (200_000 // len(unit)), title="T", media_type="text/markdown")
    started = time.process_time()
    split(parsed, token_spans=wordpiece)
    assert time.process_time() - started < 10  # a tenth of it is usual; what is quadratic needs far longer
