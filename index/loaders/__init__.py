"""Files become text: one module a format, chosen by what the bytes are, then by the name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from index.documents import ParsedDocument, RecognisedPage, RecognisedWord
from index.errors import DocumentError
from index.loaders.cleaning import looks_binary, one_line
from index.loaders.names import (
    DOCX,
    EPUB,
    MAN_PAGE,
    MEDIA_TYPES,
    ODF,
    PPTX,
    PYTHON,
    SOURCE,
    SOURCE_NAMES,
    SUPPORTED_EXTENSIONS,
    XLSX,
    supported,
    unpacked_name,
)
from index.loaders.refusals import needs_password, too_much_text

if TYPE_CHECKING:
    from index.page_images import PageView, Picture

MAX_PAGES = 5_000
MAX_TEXT_CHARS = 20_000_000

_HTML_START = re.compile(
    rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_PDF_START = b"%PDF-"
_GZIP = b"\x1f\x8b"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")
_BINARY_KINDS = {
    "application/pdf": "a PDF", DOCX: "a Word", XLSX: "an Excel", PPTX: "a PowerPoint", EPUB: "an EPUB",
    ODF: "an OpenDocument", "image/png": "a PNG", "image/jpeg": "a JPEG", "image/tiff": "a TIFF",
    "image/webp": "a WebP", "image/bmp": "a BMP",
}  # fmt: skip
_KNOWN_BINARIES = (
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"II*\x00", "an image"),
    (b"MM\x00*", "an image"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (_GZIP, "a compressed file"),
    (b"BZh", "a compressed file"),
    (b"\xfd7zXZ\x00", "a compressed file"),
    (b"7z\xbc\xaf", "an archive"),
    (b"Rar!", "an archive"),
    (b"SQLite format 3\x00", "a database"),
    (b"ID3", "a sound recording"),
    (b"OggS", "a sound recording"),
)
_OTHER_ARCHIVES = (
    ("xl/workbook.bin", "an Excel workbook in the binary format", "Save it as .xlsx and index that."),
)


def load(
    data: bytes,
    name: str,
    *,
    max_pages: int = MAX_PAGES,
    max_chars: int = MAX_TEXT_CHARS,
    recognised: Sequence[RecognisedPage] = (),
) -> ParsedDocument:
    """Read one file.

    Args:
        data: The whole file.
        name: File name or path; decides the format only where the bytes leave it open.
        max_pages: More pages are refused, not cut off.
        max_chars: More text is refused, not cut off.
        recognised: What text recognition read on the pages that :func:`unread_pages` names.

    Raises:
        DocumentError: And nothing else, whatever the bytes are.
    """
    if not data.strip():
        raise _empty()
    document = _load_format(data, name, max_pages=max_pages, max_chars=max_chars, recognised=recognised)
    if len(document.text) > max_chars:
        raise too_much_text(max_chars)
    if not document.text.strip():
        raise DocumentError(
            "empty", "The file holds only blank space.", hint="Check that it is the right file."
        )
    return replace(document, title=one_line(document.title))


def draw(
    data: bytes,
    *,
    page: int,
    text: str,
    spans: Sequence[tuple[int, int]],
    words: Sequence[RecognisedWord] = (),
) -> PageView:
    """Draw a page of a PDF or a picture, see :func:`index.page_images.draw_page`."""
    from index.loaders.pictures import PIXELS_TO_SHOW
    from index.page_images import draw_page

    pdf, page = _as_pdf(_unpacked(data), page, most_pixels=PIXELS_TO_SHOW)
    return draw_page(pdf, page=page, text=text, spans=spans, words=words)


def unread_pages(data: bytes) -> list[int]:
    """Pages that text recognition could read: of a PDF those that are pictures, of a picture all."""
    from index.loaders import pdf, pictures

    data = _unpacked(data)
    if pictures.is_picture(data):
        return pictures.pages_of_picture(data)
    return pdf.unread_pages(data) if _PDF_START in data[:1024] else []


def picture(data: bytes, *, page: int) -> Picture:
    """A page for text recognition, see :func:`index.page_images.picture_of_page`."""
    from index.loaders.pictures import PIXELS_TO_READ
    from index.page_images import picture_of_page

    pdf, page = _as_pdf(_unpacked(data), page, most_pixels=PIXELS_TO_READ)
    return picture_of_page(pdf, page=page)


def _as_pdf(data: bytes, page: int, *, most_pixels: int) -> tuple[bytes, int]:
    """A PDF that has the page, and its number there."""
    from index.loaders.pictures import is_picture, page_as_pdf

    return (page_as_pdf(data, page, most_pixels=most_pixels), 1) if is_picture(data) else (data, page)


def _unpacked(data: bytes) -> bytes:
    if data.startswith(_GZIP):
        from index.loaders.compressed import unpack_gzip

        return unpack_gzip(data)
    return data


def _empty() -> DocumentError:
    return DocumentError("empty", "The file is empty.", hint="Check that it was saved or copied completely.")


def _load_format(
    data: bytes, name: str, *, max_pages: int, max_chars: int, recognised: Sequence[RecognisedPage]
) -> ParsedDocument:
    tried = supported(name)
    if data.startswith(_GZIP):
        name = unpacked_name(name)
        if not tried:
            raise _unsupported("This is a compressed file of a type that is not read.")
        from index.loaders.compressed import unpack_gzip

        data = unpack_gzip(data)
        if not data.strip():
            raise _empty()
    extension = PurePath(name).suffix.lower()
    # Each format's library is imported when a file needs it.
    # A PDF may begin with other bytes, but a text may also speak of "%PDF-".
    if data.startswith(_PDF_START) or (
        _PDF_START in data[:1024] and (extension == ".pdf" or looks_binary(data))
    ):
        from index.loaders.pdf import load_pdf

        return load_pdf(data, max_pages=max_pages, max_chars=max_chars, recognised=recognised)
    if data.startswith(b"PK\x03\x04"):
        return _load_archive(data, max_pages=max_pages, max_chars=max_chars)
    media_type = MEDIA_TYPES.get(extension)
    if media_type is not None and media_type.startswith("image/"):
        from index.loaders.pictures import is_picture, load_picture

        if is_picture(data):
            return load_picture(
                data, media_type=media_type, max_pages=max_pages, max_chars=max_chars, recognised=recognised
            )
    _refuse_other_binaries(data, extension)
    if media_type == "text/html" or (extension in ("", ".txt") and _HTML_START.match(data)):
        from index.loaders.html import load_html

        return load_html(data, media_type="text/html")
    if media_type is None and not tried:
        kind = one_line(extension)
        raise _unsupported(
            f"Files of the type {kind} are not read." if kind else "The type of this file is not known."
        )
    if MAN_PAGE.search(name.lower()):
        from index.loaders.man_page import is_man_page, load_man_page

        if is_man_page(data):
            return load_man_page(data, max_chars=max_chars)
    if media_type == "text/markdown":
        from index.loaders.markdown import load_markdown

        return load_markdown(data, media_type=media_type)
    if media_type == "message/rfc822":
        from index.loaders.eml import load_eml

        return load_eml(data, media_type=media_type, max_pages=max_pages, max_chars=max_chars)
    if media_type in ("text/csv", "text/tab-separated-values"):
        from index.loaders.csv_rows import load_csv

        return load_csv(data, media_type=media_type, max_chars=max_chars)
    if media_type in ("application/json", "application/jsonl"):
        from index.loaders.json_lines import load_json, load_json_lines

        read = load_json if media_type == "application/json" else load_json_lines
        return read(data, media_type=media_type, max_chars=max_chars)
    if media_type == PYTHON:
        from index.loaders.source import load_python

        return load_python(data, media_type=media_type)
    if media_type == SOURCE or PurePath(name).name.lower() in SOURCE_NAMES:
        from index.loaders.source import load_source

        return load_source(data, media_type=SOURCE)
    from index.loaders.plain import load_rst, load_text

    if media_type == "text/x-rst":
        return load_rst(data, media_type=media_type)
    return load_text(data, media_type=media_type or "text/plain")


def _load_archive(data: bytes, *, max_pages: int, max_chars: int) -> ParsedDocument:
    """A zip archive by what is in it: names of files lie, and books and Office files are all archives."""
    from index.loaders.archive import Archive

    with Archive(data) as archive:
        names = archive.names
    if any(name.startswith("word/") for name in names):
        from index.loaders.docx import load_docx

        return load_docx(data, media_type=DOCX)
    if any(name.startswith("xl/") for name in names) and "xl/workbook.bin" not in names:
        from index.loaders.xlsx import load_xlsx

        return load_xlsx(data, media_type=XLSX, max_chars=max_chars)
    if any(name.startswith("ppt/") for name in names):
        from index.loaders.pptx import load_pptx

        return load_pptx(data, media_type=PPTX, max_slides=max_pages, max_chars=max_chars)
    if "META-INF/container.xml" in names:
        from index.loaders.epub import load_epub

        return load_epub(data, media_type=EPUB, max_chars=max_chars)
    if "content.xml" in names:
        from index.loaders.odf import load_odf

        return load_odf(data, max_slides=max_pages, max_chars=max_chars)
    for mark, what, hint in _OTHER_ARCHIVES:
        if any(name.startswith(mark) for name in names):
            raise DocumentError("unsupported", f"This is {what}, which is not read yet.", hint=hint)
    if "[Content_Types].xml" not in names:
        raise DocumentError(
            "unsupported", "This is an archive of other files.", hint="Unpack it and index the folder."
        )
    from index.loaders.docx import load_docx

    return load_docx(data, media_type=DOCX)


def _refuse_other_binaries(data: bytes, extension: str) -> None:
    if data.startswith(_OLE):
        if _ENCRYPTED_OFFICE in data:
            raise needs_password()
        raise DocumentError(
            "unsupported",
            "This is a file of an old Office format, which is not read.",
            hint="Open it in LibreOffice, save it as .docx, .xlsx, .pptx or PDF, and index that.",
        )
    if data.startswith(b"{\\rtf"):
        raise DocumentError(
            "unsupported",
            "This is a Rich Text (RTF) file, which is not read.",
            hint="Open it in Word or LibreOffice, save it as .docx or PDF, and index that.",
        )
    for magic, what in _KNOWN_BINARIES:
        if data.startswith(magic):
            if extension in SUPPORTED_EXTENSIONS:
                raise DocumentError(
                    "binary",
                    f"This is {what}, although its name says {extension}.",
                    hint="Check that it is the right file.",
                )
            raise _unsupported(f"This is {what}, which holds no text to read.")
    kind = _BINARY_KINDS.get(MEDIA_TYPES.get(extension, ""))
    if kind is not None:
        raise DocumentError(
            "damaged",
            f"This is not {kind} file, although its name says so.",
            hint="Download or export it again; an error page is sometimes saved under such a name.",
        )


def _unsupported(message: str) -> DocumentError:
    return DocumentError(
        "unsupported",
        message,
        hint="Footnote reads PDF, Word (.docx), Excel (.xlsx), PowerPoint (.pptx), OpenDocument, EPUB,"
        " e-mail (.eml), HTML, Markdown, CSV and text files, and with Tesseract also pictures (PNG, JPEG,"
        " TIFF); export it as one of these.",
    )
