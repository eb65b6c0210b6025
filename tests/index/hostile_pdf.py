"""PDF files that a person would not make: cut, looping, lying, locked, and with things that act."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping

from tests.index.files import pdf

WORDS = b"BT /F1 12 Tf 72 700 Td (Hostile words on a page of paper.) Tj ET"
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def written_pdf(
    objects: Mapping[int, bytes], *, root: int = 1, trailer: bytes = b"", xref: bytes | None = None
) -> bytes:
    """A file of these objects, with a right cross-reference table unless another is given."""
    body = b"%PDF-1.7\n"
    offsets: dict[int, int] = {}
    for number, value in objects.items():
        offsets[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, value)
    size = max(objects) + 1
    rows = b"".join(
        b"%010d 00000 n \n" % offsets[number] if number in offsets else b"0000000000 65535 f \n"
        for number in range(size)
    )
    table = b"xref\n0 %d\n%s" % (size, rows) if xref is None else xref
    end = b"trailer\n<< /Size %d /Root %d 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        root,
        trailer,
        len(body),
    )
    return body + table + end


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object that says its length."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def one_page(
    *,
    content: bytes = stream(WORDS),
    page: bytes = b"",
    box: bytes = b"[0 0 595 842]",
    catalog: bytes = b"",
    pages: bytes = b"/Kids [3 0 R] /Count 1",
    font: bytes = _FONT,
    more: Mapping[int, bytes] | None = None,
    trailer: bytes = b"",
) -> bytes:
    """A file of one page with a line of text, of which any part can be another."""
    return written_pdf(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
            2: b"<< /Type /Pages %s >>" % pages,
            3: b"<< /Type /Page /Parent 2 0 R /MediaBox %s /Contents 4 0 R "
            b"/Resources << /Font << /F1 5 0 R >> >> %s >>" % (box, page),
            4: content,
            5: font,
            **(more or {}),
        },
        trailer=trailer,
    )


def hostile_pdfs(url: str) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Name, expected state (see ``hostile_files``) and maker of each file."""
    address = url.encode()
    yield "truncated.pdf", "failed damaged", lambda: pdf(["some text"] * 5)[:400]
    yield "only a header.pdf", "failed damaged", lambda: b"%PDF-1.7\n"
    yield "garbage before the header.pdf", "ready", lambda: b"garbage \x00\x01" * 40 + one_page()
    yield "garbage after the end.pdf", "ready", lambda: one_page() + b"\x00\xff garbage" * 5000
    yield "no pages.pdf", "failed damaged|failed no_text", lambda: one_page(pages=b"/Kids [] /Count 0")
    yield (
        "no page tree.pdf",
        "failed damaged|failed no_text",
        lambda: written_pdf({1: b"<< /Type /Catalog >>"}),
    )
    yield (
        "kids that are their parents.pdf",
        "failed no_text|failed damaged",
        lambda: one_page(pages=b"/Kids [2 0 R] /Count 1"),
    )
    yield (
        "two page trees in a loop.pdf",
        "failed no_text|failed damaged",
        lambda: one_page(
            pages=b"/Kids [6 0 R] /Count 1",
            more={6: b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R] /Count 1 >>"},
        ),
    )
    yield "a deep page tree.pdf", "ready|failed no_text|failed damaged", lambda: written_pdf(_deep_tree(3000))
    yield (
        "a billion pages claimed.pdf",
        "failed too_large|ready|partial",
        lambda: one_page(pages=b"/Kids [3 0 R] /Count 1000000000"),
    )
    yield "minus one page.pdf", "failed|ready", lambda: one_page(pages=b"/Kids [3 0 R] /Count -1")
    yield "a page of a light year.pdf", "ready|failed", lambda: one_page(box=b"[0 0 1e30 1e30]")
    yield "a page of no size.pdf", "ready|failed", lambda: one_page(box=b"[0 0 0 0]")
    yield "an xref that leads to itself.pdf", "ready|failed damaged", lambda: _looping_xref()
    yield (
        "an xref that lies.pdf",
        "ready|failed damaged",
        lambda: written_pdf(_plain_objects(), xref=b"xref\n0 99999999\n0000000000 65535 f \n"),
    )
    yield "a reference to itself.pdf", "failed no_text|failed damaged", lambda: one_page(content=b"4 0 R")
    yield (
        "a form that draws itself.pdf",
        "ready|failed crashed|failed timeout|failed too_large",
        lambda: one_page(
            content=stream(WORDS + b" /X Do"),
            page=b"/Resources << /Font << /F1 5 0 R >> /XObject << /X 6 0 R >> >>",
            more={
                6: stream(
                    b"/X Do " * 50,
                    b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>",
                )
            },
        ),
    )
    yield "needs a password.pdf", "failed password", lambda: pdf(["secret words"], password="x")
    yield "only the owner has a password.pdf", "ready", _owner_only
    yield (
        "scripts.pdf",
        "ready",
        lambda: one_page(
            catalog=b"/OpenAction 6 0 R /Names << /JavaScript << /Names [(a) 6 0 R] >> >>",
            more={6: b"<< /S /JavaScript /JS (app.launchURL\\('%s'\\); while\\(1\\);) >>" % address},
        ),
    )
    yield (
        "starts a program.pdf",
        "ready",
        lambda: one_page(catalog=b"/OpenAction << /S /Launch /F (/bin/sh) /Win << /F (cmd.exe) >> >>"),
    )
    yield (
        "calls home.pdf",
        "ready",
        lambda: one_page(
            catalog=b"/OpenAction << /S /URI /URI (%s) >>" % address,
            page=b"/Annots [<< /Type /Annot /Subtype /Link "
            b"/Rect [0 0 9 9] /A << /S /SubmitForm /F (%s) >> >>]" % address,
        ),
    )
    yield (
        "a file in a file.pdf",
        "ready",
        lambda: one_page(
            catalog=b"/Names << /EmbeddedFiles << /Names [(../../evil.txt) 6 0 R] >> >>",
            more={
                6: b"<< /Type /Filespec /F (../../evil.txt) /EF << /F 7 0 R >> >>",
                7: stream(b"embedded", b"/Type /EmbeddedFile"),
            },
        ),
    )
    yield (
        "content in another file.pdf",
        "failed no_text|failed damaged",
        lambda: one_page(content=b"<< /Length 0 /F (/etc/passwd) >>\nstream\n\nendstream"),
    )
    yield (
        "a stream that is no deflate.pdf",
        "failed no_text|failed damaged",
        lambda: one_page(content=stream(b"\x01\x02nonsense" * 50, b"/Filter /FlateDecode")),
    )
    yield (
        "a flate bomb.pdf",
        "failed no_text|failed too_large",
        lambda: one_page(content=stream(_bomb(1), b"/Filter /FlateDecode")),
    )
    yield (
        "a bomb of bombs.pdf",
        "failed no_text|failed too_large",
        lambda: one_page(
            content=stream(_bomb(2), b"/Filter [/FlateDecode /FlateDecode /ASCIIHexDecode /LZWDecode]")
        ),
    )
    yield (
        "a length that lies.pdf",
        "ready|failed|partial",
        lambda: one_page(content=b"<< /Length 2000000000 >>\nstream\n%s\nendstream" % WORDS),
    )
    yield "only a picture.pdf", "failed no_text", _only_a_picture
    yield "a picture of a gigapixel.pdf", "failed no_text", lambda: _only_a_picture(side=40_000)
    yield (
        "letters without names.pdf",
        "failed no_text|ready|partial",
        lambda: one_page(
            content=stream(b"BT /F1 12 Tf 72 700 Td <%s> Tj ET" % (b"00010002000300040005" * 40)),
            font=b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H "
            b"/DescendantFonts [6 0 R] >>",
            more={
                6: b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /CIDSystemInfo "
                b"<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
            },
        ),
    )
    yield (
        "an outline in a loop.pdf",
        "ready",
        lambda: one_page(
            catalog=b"/Outlines 6 0 R",
            more={
                6: b"<< /Type /Outlines /First 7 0 R /Last 7 0 R /Count 1 >>",
                7: b"<< /Title (Again) /Parent 6 0 R /Next 7 0 R /First 7 0 R /Dest [3 0 R /Fit] >>",
            },
        ),
    )
    yield "brackets without end.pdf", "ready|failed damaged", lambda: one_page(catalog=b"/X " + b"[" * 50_000)
    yield (
        "dictionaries without end.pdf",
        "ready|failed damaged",
        lambda: one_page(catalog=b"/X " + b"<< /A " * 50_000),
    )
    yield (
        "a sentence of a megabyte.pdf",
        "ready|partial",
        lambda: one_page(content=stream(b"BT /F1 1 Tf 1 1 Td (%s) Tj ET" % (b"word " * 40_000))),
    )


def _plain_objects() -> dict[int, bytes]:
    return {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        4: stream(WORDS),
        5: _FONT,
    }


def _deep_tree(depth: int) -> dict[int, bytes]:
    objects = _plain_objects()
    objects[2] = b"<< /Type /Pages /Kids [6 0 R] /Count 1 >>"
    for number in range(6, 6 + depth):
        following = number + 1 if number < 5 + depth else 3
        objects[number] = b"<< /Type /Pages /Parent %d 0 R /Kids [%d 0 R] /Count 1 >>" % (
            number - 1 if number > 6 else 2,
            following,
        )
    return objects


def _looping_xref() -> bytes:
    plain = one_page()
    at = plain.rindex(b"xref\n0 ")
    return plain.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % at)


def _owner_only() -> bytes:
    from io import BytesIO

    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen import canvas

    buffer = BytesIO()
    lock = StandardEncryption("", ownerPassword="owner", canCopy=0, canPrint=0)
    paper = canvas.Canvas(buffer, encrypt=lock, invariant=True)
    paper.drawString(72, 700, "Words that only the owner may change.")
    paper.save()
    return buffer.getvalue()


def _bomb(times: int) -> bytes:
    """60 MB of blanks, deflated."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(60)) + packer.flush()
    for _ in range(times - 1):
        data = zlib.compress(data, 9)
    return data


def _only_a_picture(side: int = 8) -> bytes:
    samples = zlib.compress(bytes(side * side)) if side < 100 else zlib.compress(bytes(1000))
    return one_page(
        content=stream(b"q 500 0 0 500 50 50 cm /I Do Q"),
        page=b"/Resources << /XObject << /I 6 0 R >> >>",
        more={
            6: stream(
                samples,
                b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray "
                b"/BitsPerComponent 8 /Filter /FlateDecode" % (side, side),
            )
        },
    )
