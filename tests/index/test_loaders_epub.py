"""EPUB: chapters in the order of the spine, each a part that is called by its heading."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import pytest

from index.errors import DocumentError
from index.loaders import load
from tests.index.files import with_part

CONTAINER = (
    b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    b'<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/>'
    b"</rootfiles></container>"
)
PACKAGE = b"""<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">
<metadata><dc:title>The Sea</dc:title></metadata>
<manifest><item id="two" href="text/two%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>
<item id="out" href="../../etc/passwd.xhtml" media-type="application/xhtml+xml"/>
<item id="web" href="http://example.org/x.xhtml" media-type="application/xhtml+xml"/>
<item id="css" href="a.css" media-type="text/css"/></manifest>
<spine><itemref idref="one"/><itemref idref="two"/><itemref idref="css"/><itemref idref="web"/>
</spine></package>"""


def page(title: str, text: str) -> bytes:
    return (
        '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head>'
        f"<title>x</title></head><body><h1>{title}</h1><p>{text}</p></body></html>"
    ).encode()


def book(**changed: bytes) -> bytes:
    entries = {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": PACKAGE,
        "OEBPS/one.xhtml": page("The Whale", "It swam north."),
        "OEBPS/text/two b.xhtml": page("The Ship", "It sailed south."),
    } | changed
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_chapters_come_in_the_order_of_the_spine() -> None:
    document = load(book(), "a.epub")
    assert document.text == "The Whale\n\nIt swam north.\n\nThe Ship\n\nIt sailed south."
    assert document.title == "The Sea"
    assert document.media_type == "application/epub+zip"
    assert document.heading_path(document.text.index("sailed")) == ("The Ship",)
    assert document.locator_at(document.text.index("sailed")) == "“The Ship”"
    assert document.warnings == ()


def test_a_chapter_that_is_missing_is_a_warning() -> None:
    broken = PACKAGE.replace(b'href="one.xhtml"', b'href="gone.xhtml"')
    document = load(book(**{"OEBPS/book.opf": broken}), "a.epub")
    assert document.text == "The Ship\n\nIt sailed south."
    assert document.warnings == ("Part 1 of the book is missing in the file.",)


def problem(data: bytes, **limits: Any) -> tuple[str, str]:
    with pytest.raises(DocumentError) as caught:
        load(data, "a.epub", **limits)
    return caught.value.problem, caught.value.hint


def encrypted(algorithm: str) -> bytes:
    return (
        '<encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
        f'<enc:EncryptionMethod Algorithm="{algorithm}"/></enc:EncryptedData></encryption>'
    ).encode()


def test_a_book_with_copy_protection_is_refused_with_a_remedy() -> None:
    data = book(**{"META-INF/encryption.xml": encrypted("http://www.w3.org/2001/04/xmlenc#aes128-cbc")})
    name, hint = problem(data)
    assert name == "password"
    assert "without protection" in hint


def test_fonts_that_are_obfuscated_do_not_matter() -> None:
    data = book(**{"META-INF/encryption.xml": encrypted("http://www.idpf.org/2008/embedding")})
    assert "It swam north." in load(data, "a.epub").text


def test_what_cannot_be_read_is_refused() -> None:
    assert problem(book(**{"META-INF/container.xml": b"<container/>"}))[0] == "damaged"
    assert problem(book(**{"OEBPS/book.opf": b"<package>"}))[0] == "damaged"
    assert problem(book(), max_chars=30)[0] == "too_large"
    empty = with_part(book(), "OEBPS/one.xhtml", lambda _: b"<html><img/></html>")
    empty = with_part(empty, "OEBPS/text/two b.xhtml", lambda _: b"<html><img/></html>")
    assert problem(empty)[0] == "no_text"
