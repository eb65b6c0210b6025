"""Valid files, changed at random: a loader gives a document or a DocumentError, never anything else."""

from __future__ import annotations

import gzip
import random
import zipfile
from datetime import date
from email.message import EmailMessage
from io import BytesIO
from typing import Any

import pytest

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders import load
from tests.index.files import docx, pdf
from tests.index.test_loaders_compressed import MDOC, PAGE
from tests.index.test_loaders_epub import book
from tests.index.test_loaders_odf import SHEET, SLIDES, TEXT, odf
from tests.index.test_loaders_pptx import slides, two_slides
from tests.index.test_loaders_xlsx import sheet

ROUNDS = 150


def word_file() -> bytes:
    def build(document: Any) -> None:
        document.add_heading("Title", 0)
        document.add_heading("Part", 1)
        document.add_paragraph("item", style="List Number")
        document.add_table(rows=2, cols=2).cell(0, 0).text = "cell"

    return docx(build)


def mail_file() -> bytes:
    mail = EmailMessage()
    mail["Subject"], mail["From"] = "Größe", "Anna <anna@example.org>"
    mail.set_content("Plain words.")
    mail.add_alternative("<p>Marked words.</p>", subtype="html")
    mail.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="a.csv")
    return bytes(mail)


def unpacked(archive: bytes) -> bytes:
    """The same entries without compression, so that changes reach the XML."""
    buffer = BytesIO()
    with zipfile.ZipFile(BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return buffer.getvalue()


def seeds() -> dict[str, bytes]:
    word = word_file()
    return {
        "a.pdf": pdf(["# Title", "Some words."], ["More words."], title="T", outline=[("Title", 0, 0)]),
        "a.docx": word,
        "b.docx": unpacked(word),
        "a.xlsx": unpacked(sheet(["Item", "Day"], ["Pump", date(2024, 3, 5)], [], ["Seal", 0.5])),
        "a.pptx": unpacked(slides(two_slides)),
        "a.epub": book(),
        "a.odt": odf("text", TEXT),
        "a.ods": odf("spreadsheet", SHEET),
        "a.odp": odf("presentation", SLIDES),
        "a.eml": mail_file(),
        "a.json": b'{"a": {"b": [1, "two", {"c": null}]}, "d": [{"e": "f"}, {"e": "g\\n"}]}',
        "a.jsonl": b'{"a": 1, "b": [2]}\n["c", {"d": 3}]\n"e"\n',
        "a.8": MDOC,
        "a.1.gz": gzip.compress(PAGE),
        "a.html": b"<!DOCTYPE html><title>T</title><h1>A</h1><table><tr><td>b<td>c</table><ul><li>d</ul>",
        "a.md": b"---\ntitle: T\n---\n# A *b*\n\ntext\n\nc\n===\n\n> ## d\n\n```\n# e\n```\n",
        "a.rst": b"=====\nTitle\n=====\n\nPart\n----\n\ntext\n",
        "a.txt": "wörds, ".encode() * 30,
        "a.csv": b'Item;Price\nPump;12\n"Valve\nsmall";"3,50"\n\nSeal;1\n',
        "b.txt": ("wörds, " * 30).encode("utf-16"),
    }


def changed(data: bytes, rng: random.Random) -> bytes:
    result = bytearray(data)
    position = rng.randrange(len(result))
    way = rng.randrange(5)
    if way == 0:
        del result[position:]
    elif way == 1:
        del result[position : position + rng.randrange(1, 60)]
    elif way == 2:
        piece = result[position : position + rng.randrange(1, 200)]
        target = rng.randrange(len(result))
        result[target:target] = piece
    else:
        for _ in range(rng.choice((1, 3, 30))):
            result[rng.randrange(len(result))] = rng.randrange(256)
    return bytes(result)


def check(document: ParsedDocument) -> None:
    for text in (document.text, document.title, *document.warnings):
        text.encode()
        assert "\0" not in text
    assert document.text.strip()
    assert list(document.page_starts) == sorted(document.page_starts)
    if document.page_starts:
        assert document.page_starts[0] == 0
        assert document.page_starts[-1] <= len(document.text)
    places = [locator.start for locator in document.locators]
    assert places == sorted(set(places))
    for locator in document.locators:
        assert locator.words.strip()
        assert 0 <= locator.start < len(document.text)
        locator.words.encode()
    starts = [heading.start for heading in document.headings]
    assert starts == sorted(set(starts))
    for heading in document.headings:
        assert heading.title
        assert heading.title in document.text[heading.start : heading.end]
        assert heading.level >= 1


@pytest.mark.parametrize("name", list(seeds()))
def test_damaged_files_never_surprise(name: str) -> None:
    original = seeds()[name]
    check(load(original, name))
    for number in range(ROUNDS):
        data = changed(original, random.Random(f"{name} {number}"))
        try:
            document = load(data, name)
        except DocumentError:
            continue
        check(document)
