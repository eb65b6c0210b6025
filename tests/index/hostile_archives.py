"""Office files and books that a person would not make: bombs, lies, odd names, XML that expands or asks."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from itertools import pairwise
from typing import Literal

Kind = Literal["docx", "pptx", "xlsx", "epub"]
KINDS: tuple[Kind, ...] = ("docx", "pptx", "xlsx", "epub")

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"
_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

# The part that holds the text, and where the text stands in it.
TEXT_PART: dict[Kind, str] = {
    "docx": "word/document.xml",
    "pptx": "ppt/slides/slide1.xml",
    "xlsx": "xl/worksheets/sheet1.xml",
    "epub": "OEBPS/one.xhtml",
}
_TEXT_XML: dict[Kind, str] = {
    "docx": f'<w:document xmlns:w="{_WORD}"><w:body><w:p><w:r><w:t>%s</w:t></w:r></w:p></w:body>'
    "</w:document>",
    "pptx": f'<p:sld xmlns:p="{_SLIDES}" xmlns:a="{_DRAWING}"><p:cSld><p:spTree><p:sp><p:txBody><a:p><a:r>'
    "<a:t>%s</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>",
    "xlsx": f'<worksheet xmlns="{_SHEETS}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>%s</t></is>'
    "</c></row></sheetData></worksheet>",
    "epub": '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>T</title></head><body><p>%s</p></body>'
    "</html>",
}


def text_part(kind: Kind, text: str = "Hostile words in a file.", doctype: str = "") -> bytes:
    """The XML of the part with the text; ``text`` may hold XML."""
    return (f'<?xml version="1.0" encoding="UTF-8"?>{doctype}' + _TEXT_XML[kind] % text).encode()


def parts(kind: Kind) -> dict[str, bytes]:
    """The fewest entries that make a file of this kind."""
    if kind == "epub":
        return {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
            b'version="1.0"><rootfiles><rootfile full-path="OEBPS/book.opf" '
            b'media-type="application/oebps-package+xml"/></rootfiles></container>',
            "OEBPS/book.opf": b'<package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
            b'unique-identifier="i"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
            b'<dc:identifier id="i">x</dc:identifier><dc:title>T</dc:title><dc:language>en</dc:language>'
            b'</metadata><manifest><item id="one" href="one.xhtml" media-type="application/xhtml+xml"/>'
            b'</manifest><spine><itemref idref="one"/></spine></package>',
            TEXT_PART[kind]: text_part(kind),
        }
    main, more = {
        "docx": ("word/document.xml", {}),
        "pptx": (
            "ppt/presentation.xml",
            {
                "ppt/presentation.xml": f'<p:presentation xmlns:p="{_SLIDES}" xmlns:r="{_OFFICE}">'
                '<p:sldIdLst><p:sldId id="256" r:id="rId1"/></p:sldIdLst></p:presentation>',
                "ppt/_rels/presentation.xml.rels": _relations(("slide", "slides/slide1.xml")),
            },
        ),
        "xlsx": (
            "xl/workbook.xml",
            {
                "xl/workbook.xml": f'<workbook xmlns="{_SHEETS}" xmlns:r="{_OFFICE}"><sheets>'
                '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>',
                "xl/_rels/workbook.xml.rels": _relations(("worksheet", "worksheets/sheet1.xml")),
            },
        ),
    }[kind]
    types = {
        "docx": "wordprocessingml.document.main",
        "pptx": "presentationml.presentation.main",
        "xlsx": "spreadsheetml.sheet.main",
    }[kind]
    prefix = "application/vnd.openxmlformats-officedocument."
    content_types = (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/{main}" ContentType="{prefix}{types}+xml"/>'
    )
    if kind == "pptx":
        slide = f"{prefix}presentationml.slide+xml"
        content_types += f'<Override PartName="/ppt/slides/slide1.xml" ContentType="{slide}"/>'
    if kind == "xlsx":
        sheet = f"{prefix}spreadsheetml.worksheet+xml"
        content_types += f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{sheet}"/>'
    return {
        "[Content_Types].xml": f"{content_types}</Types>".encode(),
        "_rels/.rels": _relations(("officeDocument", main)).encode(),
        **{name: text.encode() for name, text in more.items()},
        TEXT_PART[kind]: text_part(kind),
    }


def _relations(*relations: tuple[str, str]) -> str:
    rows = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(relations, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'


def packed(entries: Mapping[str, bytes], *more: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    """A zip archive of these entries, and of ``more``, whose names may repeat."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (*entries.items(), *more):
            if isinstance(name, str):  # the date decides about the bytes
                name = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
                name.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(name, data)
    return buffer.getvalue()


def container(kind: Kind, **changed: bytes) -> bytes:
    """A file of this kind; ``text`` is the part that holds its text."""
    entries = parts(kind)
    if "text" in changed:
        entries[TEXT_PART[kind]] = changed["text"]
    return packed(entries)


# Wrong in XML, but chapters are read as a browser reads pages: it has an answer to each, and expands nothing.
_READ_AS_HTML = (
    "a billion laughs",
    "a file of the system",
    "a parameter entity",
    "a DTD from the network",
    "nested a hundred thousand deep",
    "a tag that does not end",
    "an encoding that does not exist",
)


def hostile_archives(url: str) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Name, expected state (see ``hostile_files``) and maker of each file, all of them for each kind."""
    for kind in KINDS:
        for name, expected, make in _of_kind(kind, url):
            if kind == "epub" and name in _READ_AS_HTML:
                expected = "ready"
            yield f"{name}.{kind}", expected, make
    yield (
        "an archive of archives.docx",
        "failed unsupported|failed damaged",
        lambda: packed({f"{n}.zip": packed({"a.txt": b"text"}) for n in range(5)}),
    )
    yield "not an archive.docx", "failed damaged", lambda: b"<html>404 Not Found</html>"
    yield "an empty archive.docx", "failed damaged|failed unsupported", lambda: packed({})


def _of_kind(kind: Kind, url: str) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    part = TEXT_PART[kind]

    def text(words: str, doctype: str = "") -> bytes:
        return container(kind, text=text_part(kind, words, doctype))

    yield "nothing wrong", "ready", lambda: container(kind)
    yield "a flat bomb", "failed too_large", lambda: text("bomb " * 8_000_000)
    yield "a nested bomb", "ready", lambda: packed(parts(kind), (f"{part}.zip", _nested_bomb()))
    yield "a size that lies", "failed damaged|failed too_large", lambda: _lying_size(text("words " * 10_000))
    yield "entries that overlap", "failed damaged|ready", lambda: _overlapping(container(kind))
    yield "a name from the root", "failed too_large", lambda: packed(parts(kind), ("/etc/evil.txt", b"x"))
    yield "a name from above", "failed too_large", lambda: packed(parts(kind), ("../../evil.txt", b"x"))
    yield (
        "a name from above in Windows",
        "failed too_large",
        lambda: packed(parts(kind), ("..\\evil.txt", b"x")),
    )
    yield "a link", "failed too_large", lambda: packed(parts(kind), (_link(f"{part}.link"), b"/etc/passwd"))
    yield (
        "the text is a link",
        "failed too_large",
        lambda: packed({n: d for n, d in parts(kind).items() if n != part}, (_link(part), b"/etc/passwd")),
    )
    yield "the text twice", "ready", lambda: _quietly_twice(kind)
    yield "a flag that it is encrypted", "failed password", lambda: _flagged(container(kind))
    yield (
        "ten thousand parts",
        "failed too_large",
        lambda: packed(parts(kind), *((f"extra/{n}.xml", b"") for n in range(10_000))),
    )
    yield (
        "no text part",
        "failed damaged|failed unsupported",
        lambda: packed({n: d for n, d in parts(kind).items() if n != part}),
    )
    yield "cut in the directory", "failed damaged", lambda: container(kind)[:-30]
    yield "cut in the middle", "failed damaged", lambda: container(kind)[:300]
    yield "a billion laughs", "failed damaged", lambda: text("&z;", _laughs())
    yield (
        "a file of the system",
        "failed damaged",
        lambda: text("&x;", '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    )
    yield (
        "a parameter entity",
        "failed damaged",
        lambda: text("words", f'<!DOCTYPE x [<!ENTITY % p SYSTEM "{url}p"> %p;]>'),
    )
    yield (
        "a DTD from the network",
        "failed damaged",
        lambda: text("words", f'<!DOCTYPE x SYSTEM "{url}x.dtd">'),
    )
    yield (
        "nested a hundred thousand deep",
        "failed damaged|failed no_text",
        lambda: text("<x>" * 100_000 + "words" + "</x>" * 100_000),
    )
    yield (
        "two hundred thousand attributes",
        "ready|failed no_text",
        lambda: text("<x " + " ".join(f'a{n}="1"' for n in range(200_000)) + ">words</x> more words"),
    )
    yield "a tag that does not end", "failed damaged", lambda: text("words <x")
    yield (
        "an encoding that does not exist",
        "failed damaged",
        lambda: container(kind, text=text_part(kind).replace(b"UTF-8", b"utf-evil")),
    )


def _nested_bomb() -> bytes:
    data = bytes(10 << 20)
    for level in range(4):
        data = packed({f"{level}-{n}.zip": data for n in range(4)})
    return data


def _lying_size(archive: bytes) -> bytes:
    """Every size that the directory and the entries declare is 10 bytes."""
    data = bytearray(archive)
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        position = data.find(mark)
        while position >= 0:
            struct.pack_into("<I", data, position + at, 10)
            position = data.find(mark, position + 4)
    return bytes(data)


def _overlapping(archive: bytes) -> bytes:
    """All entries of the directory point to the bytes of the last one."""
    data = bytearray(archive)
    last = data.rfind(b"PK\x03\x04")
    position = data.find(b"PK\x01\x02")
    while position >= 0:
        struct.pack_into("<I", data, position + 42, last)
        position = data.find(b"PK\x01\x02", position + 4)
    return bytes(data)


def _flagged(archive: bytes) -> bytes:
    data = bytearray(archive)
    for mark, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        position = data.find(mark)
        while position >= 0:
            data[position + at] |= 1
            position = data.find(mark, position + 4)
    return bytes(data)


def _link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return info


def _quietly_twice(kind: Kind) -> bytes:
    """Two parts of one name: renamed after packing, as packing warns of it."""
    part = TEXT_PART[kind]
    other = part[:-1] + "_"
    return packed(parts(kind), (other, text_part(kind, "The second text."))).replace(
        other.encode(), part.encode()
    )


def _laughs() -> str:
    names = "abcdefghijz"
    entities = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise(names)
    )
    return f"<!DOCTYPE x [{entities}]>"
