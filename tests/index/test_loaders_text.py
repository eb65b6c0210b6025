"""Plain text, Markdown and reStructuredText; encodings; which loader a file gets."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders import load
from index.loaders.cleaning import clean, decode, sensible_title
from index.loaders.markdown import _without_anchor, without_markup
from index.loaders.names import SUPPORTED_EXTENSIONS, supported
from tests.index.files import docx_paragraphs, pdf


def problem(data: bytes, name: str) -> str:
    with pytest.raises(DocumentError) as caught:
        load(data, name)
    assert str(caught.value).endswith(".")
    assert caught.value.hint.endswith(".")
    return caught.value.problem


def headings(document: ParsedDocument) -> list[tuple[int, str, str]]:
    return [(h.level, h.title, document.text[h.start : h.end]) for h in document.headings]


def test_text_is_kept_as_it_stands_but_for_line_ends() -> None:
    document = load(b"One\r\ntwo\rthree\n\n  four\t5\n", "a.txt")
    assert document == ParsedDocument(text="One\ntwo\nthree\n\n  four\t5\n", media_type="text/plain")


@pytest.mark.parametrize("name", ["a.TXT", "b.log", "c.py", "e.json", "README", "x/LICENSE"])
def test_many_kinds_of_text_are_read(name: str) -> None:
    assert supported(name)
    assert load(b"a,b\n1,2\n", name).text == "a,b\n1,2\n"


def test_extensions_are_lower_case_with_a_dot() -> None:
    assert {
        ".pdf",
        ".docx",
        ".html",
        ".htm",
        ".xhtml",
        ".md",
        ".markdown",
        ".txt",
        ".rst",
    } <= SUPPORTED_EXTENSIONS
    assert all(extension == extension.lower() and extension[0] == "." for extension in SUPPORTED_EXTENSIONS)


@pytest.mark.parametrize("name", ["a.gif", "archive.zip", "noextension", ".gitignore", "a.xls"])
def test_other_names_are_not_supported(name: str) -> None:
    assert not supported(name)


@pytest.mark.parametrize("data", [b"", b" \n\t\n", "\u00a0\u2003".encode(), b"\xef\xbb\xbf", b"\xff\xfe"])
def test_a_file_without_text_is_empty(data: bytes) -> None:
    assert problem(data, "a.txt") == "empty"


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"\x7fELF\x02\x01\x01" + bytes(60),
        bytes(range(256)) * 8,
        b"MZ\x90\x00",
    ],
)
def test_a_binary_file_named_as_text_is_refused(data: bytes) -> None:
    assert problem(data, "notes.txt") == "binary"


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"plain words", "a.xyz", "unsupported"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old.doc", "unsupported"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "a.docx", "password"),
        (b"{\\rtf1 words}", "letter.txt", "unsupported"),
        (b"<html>404</html>", "report.pdf", "damaged"),
        (b"hello", "report.docx", "damaged"),
        (b"GIF89a\x01\x00", "photo.gif", "unsupported"),
        (b"\xff\xd8\xff\xe0 jfif", "photo.jpg", "damaged"),
    ],
)
def test_what_is_refused_says_why(data: bytes, name: str, expected: str) -> None:
    assert problem(data, name) == expected


def test_the_content_decides_before_the_name() -> None:
    assert load(pdf(["Hello from a page."]), "a.txt").media_type == "application/pdf"
    assert load(docx_paragraphs("Hello."), "a.txt").media_type.endswith("wordprocessingml.document")
    assert load(b"<!DOCTYPE html><p>Hello <b>you</b>", "page").text == "Hello you"
    assert load(b"<html><p>Hello <b>you</b></html>", "page.txt").text == "Hello you"


def test_source_code_that_begins_like_html_stays_source_code() -> None:
    assert load(b"<html><?php echo 1 ?></html>", "page.php").text == "<html><?php echo 1 ?></html>"


GERMAN = "Der naïve Schüler aß größere Äpfel für 3 €, während er übte."
POLISH = "Zażółć gęślą jaźń, powiedział książę, ponieważ wszyscy ludzie rodzą się wolni i równi."
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗い所で泣いていた。"
RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"),
        (GERMAN, "cp1252"),
        (GERMAN.replace("€", "Mark"), "latin-1"),
        (POLISH, "cp1250"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        ("naïve café", "latin-1"),
    ],
)
def test_common_encodings_are_told_apart(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_a_damaged_character_does_not_cost_the_others() -> None:
    data = ("ä" * 50).encode() + b"\xff" + "ö".encode()
    assert decode(data) == "ä" * 50 + "\ufffd" + "ö"


def test_what_no_reader_sees_is_not_in_the_text() -> None:
    assert (
        clean("a\x00b\ud800c\u2028d\x0ce\x1b[31mred\x1b[0m f\x08_g\ufeff\x07")
        == "a\ufffdb\ufffdc\nd\nered _g"
    )


@given(st.text(st.characters(exclude_categories=())))
def test_clean_text_always_encodes_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert "\0" not in cleaned
    assert "\r" not in cleaned
    assert clean(cleaned) == cleaned


@given(
    st.binary(), st.sampled_from(["a.txt", "a.md", "a.rst", "a.html", "a.pdf", "a.docx", "a.bin", "README"])
)
def test_any_bytes_give_a_document_or_a_document_error(data: bytes, name: str) -> None:
    with suppress(DocumentError):
        document = load(data, name)
        document.text.encode()
        assert document.text.strip()


def test_markdown_keeps_its_source_and_finds_its_headings() -> None:
    source = (
        "# Guide to *tea*\n\nText.\n\n## Brewing ##\n\n```\n# no heading\n```\n\n"
        "Green tea\n---------\n\n> ### Quoted\n\n- item\n\n  #### In a list\n\n## [Link](http://x.org)\n"
    )
    document = load(source.encode(), "a.md")
    assert document.text == source
    assert headings(document) == [
        (1, "Guide to *tea*", "Guide to *tea*"),
        (2, "Brewing", "Brewing"),
        (2, "Green tea", "Green tea"),
        (3, "Quoted", "Quoted"),
        (4, "In a list", "In a list"),
        (2, "Link", "[Link](http://x.org)"),
    ]
    assert document.title == "Guide to *tea*"


def test_front_matter_gives_the_title_and_no_headings() -> None:
    document = load(b'---\ntitle: "My notes"\ntags: [a]\n---\n\n# First\n\nText.\n', "a.md")
    assert document.title == "My notes"
    assert headings(document) == [(1, "First", "First")]


def test_restructured_text_headings_take_their_level_from_the_order_of_styles() -> None:
    source = (
        "=====\nTitle\n=====\n\nPart\n----\n\nText that is\nnot a title.\n\nSub\n~~~\n\nPart two\n--------\n"
    )
    document = load(source.encode(), "a.rst")
    assert headings(document) == [
        (1, "Title", "Title"),
        (2, "Part", "Part"),
        (3, "Sub", "Sub"),
        (2, "Part two", "Part two"),
    ]
    assert document.title == "Title"


def test_a_title_with_odd_blanks_is_as_it_stands_in_the_text() -> None:
    for name, source in {
        "a.rst": "One\u00a0two  three\n==============\n",
        "a.md": "# One\u00a0two  three\n",
    }.items():
        document = load(source.encode(), name)
        (heading,) = document.headings
        assert heading.title == document.text[heading.start : heading.end] == "One\u00a0two  three"


def test_too_much_text_is_refused() -> None:
    with pytest.raises(DocumentError) as caught:
        load(b"x" * 1001, "a.txt", max_chars=1000)
    assert caught.value.problem == "too_large"


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("Annual report 2024", "Annual report 2024"),
        ("Microsoft Word - Letter to Ann", "Letter to Ann"),
        ("Microsoft Word - report_v3.doc", ""),
        ("untitled", ""),
        ("C:\\Users\\ann\\draft.docx", ""),
        ("Document1", ""),
        ("12-345-678", ""),
        ("人工知能入門", "人工知能入門"),
        ("  Two \n lines ", "Two lines"),
    ],
)
def test_titles_that_a_program_made_up_are_dropped(raw: str, title: str) -> None:
    assert sensible_title(raw) == title


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("The **warranty** {#warranty .wide} ", "The warranty"),
        ("Terms {.a}", "Terms"),
        ("Sets {a} and `b`", "Sets {a} and b"),
        ("{#only}", ""),
        ("Open {#a", "Open {#a"),
        ("Two {#a} {b}", "Two {#a} {b}"),
    ],
)
def test_a_heading_is_seen_without_markup_and_anchor(line: str, seen: str) -> None:
    assert without_markup(line) == seen


@pytest.mark.parametrize("piece", [" ", "\t", "{", "{#", "{#}", "}"])
def test_an_anchor_is_looked_for_in_linear_time(piece: str) -> None:
    before = time.process_time()
    assert _without_anchor(piece * 400_000 + "x}")
    assert time.process_time() - before < 1.0
