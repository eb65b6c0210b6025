"""PDF: ``pdf_lines`` makes lines of the characters on a page, ``layout`` paragraphs of the lines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from index.documents import Locator, Noticed, ParsedDocument, RecognisedPage, page_words, pages_named
from index.errors import DocumentError
from index.loaders.cleaning import one_line, sensible_title
from index.loaders.layout import Bookmark, Row, compose
from index.loaders.pdf_lines import TextPage, private_chars
from index.loaders.recognised import RecognisedLines, gave_up_on
from index.loaders.refusals import RECOGNISE, damaged, needs_password, too_much_text

_LOCK = threading.Lock()  # pdfium is not thread-safe, not even over different documents
_MEDIA_TYPE = "application/pdf"
_LINES_OF_A_DRAWING = 100
_MOST_BOOKMARKS = 20_000
_LABEL_CHARS = 20
_UNREADABLE_SHARE = 0.4


def load_pdf(
    data: bytes, *, max_pages: int, max_chars: int, recognised: Sequence[RecognisedPage] = ()
) -> ParsedDocument:
    """Read the text layer; paragraphs are made from where the lines stand.

    Args:
        recognised: What was recognised on the pages that :func:`unread_pages` names.

    Raises:
        DocumentError: ``password``, ``damaged``, ``unsupported``, ``too_large``; ``no_text`` when no page
            has text, ``no_words`` when none was recognised either. Some pages without text are a warning.
    """
    with open_pdf(data) as pdf:
        return _load(pdf, max_pages=max_pages, max_chars=max_chars, recognised=recognised)


def unread_pages(data: bytes) -> list[int]:
    """The pages that show something and have no text that could be read; the first is 1.

    Raises:
        DocumentError: As :func:`load_pdf`, but ``no_text``.
    """
    with open_pdf(data) as pdf:
        seen = [_seen(pdf, index) for index in range(len(pdf))]
        return [number for number, page in enumerate(seen, 1) if page.picture or page.unreadable]


@contextmanager
def open_pdf(data: bytes) -> Iterator[Any]:
    """A pypdfium2 document; while it is open, no other thread uses pdfium.

    Raises:
        DocumentError: ``password``, ``damaged`` or ``unsupported``.
    """
    with _LOCK:
        try:
            pdf = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as exc:
            raise _open_error(exc, encrypted=b"/Encrypt" in data) from exc
        try:
            if pdf.get_formtype() != pdfium.FORMTYPE_NONE:
                pdf.init_forms()
            yield pdf
        finally:
            pdf.close()


def _open_error(exc: pypdfium2.PdfiumError, *, encrypted: bool) -> DocumentError:
    if not encrypted:
        # For a file that has no pages, pdfium's code is that of whichever file it refused before.
        return damaged()
    if exc.err_code == pdfium.FPDF_ERR_PASSWORD:
        return needs_password()
    if exc.err_code == pdfium.FPDF_ERR_SECURITY:
        return DocumentError(
            "unsupported",
            "The PDF is encrypted in a way that is not supported.",
            hint="Open it in a PDF viewer, print it to a new PDF, and index that.",
        )
    return damaged()


@dataclass(slots=True)
class _Seen:
    """A page: its lines, what could not be read of it (in characters), and why it has no lines."""

    rows: list[Row] = field(default_factory=list)
    lost_chars: int = 0
    picture: bool = False
    unreadable: bool = False
    broken: bool = False
    gave_up: bool = False  # text recognition


def _seen(pdf: Any, index: int) -> _Seen:
    seen = _Seen()
    try:
        page = open_page(pdf, index)
        try:
            with TextPage(page) as text_page:
                seen.rows = list(text_page.rows())
                seen.lost_chars = private_chars(text_page.characters)
            seen.picture = not seen.rows and _shows_something(page)
        finally:
            page.close()
    except pypdfium2.PdfiumError:
        seen.broken = True
    text = "".join(line.text for row in seen.rows for line in row)
    if is_unreadable(text):
        seen.lost_chars += text.count("\ufffd")
        seen.unreadable = True
        seen.rows = []
    return seen


def _load(
    pdf: Any, *, max_pages: int, max_chars: int, recognised: Sequence[RecognisedPage]
) -> ParsedDocument:
    count = len(pdf)
    if count > max_pages:
        raise DocumentError(
            "too_large",
            f"It has {count:,} pages; the limit is {max_pages:,}.",
            hint="Split the file into smaller ones and index those.",
        )
    looked_at = {each.page: each for each in recognised}
    pages: list[_Seen] = []
    chars = 0
    for index in range(count):
        seen = _seen(pdf, index)
        page = looked_at.get(index + 1)
        if page is not None and not seen.rows:
            seen = _Seen(broken=seen.broken, gave_up=page.gave_up and not seen.broken)
            if page.words:
                seen.rows = list(RecognisedLines(page.words, pdf.get_page_size(index)[1]).rows())
        chars += sum(len(line.text) for row in seen.rows for line in row)
        if chars > max_chars:
            raise too_much_text(max_chars)
        pages.append(seen)
    pictures, unreadable, broken, given_up = (
        [number for number, seen in enumerate(pages, 1) if getattr(seen, why)]
        for why in ("picture", "unreadable", "broken", "gave_up")
    )
    if not any(seen.rows for seen in pages):
        raise _nothing_readable(count, pictures=pictures, unreadable=unreadable, looked_at=bool(looked_at))
    composed = compose([seen.rows for seen in pages], list(_bookmarks(pdf)))
    title = sensible_title(_decoded(partial(pdf.get_metadata_value, "Title"))) or one_line(composed.title)
    return ParsedDocument(
        text=composed.text,
        title=title,
        media_type=_MEDIA_TYPE,
        page_starts=composed.page_starts,
        headings=composed.headings,
        warnings=tuple(_warnings(pictures=pictures, unreadable=unreadable, broken=broken, given_up=given_up)),
        locators=_page_labels(pdf, composed.page_starts),
        noticed=Noticed(
            encrypted=pdfium.FPDF_GetSecurityHandlerRevision(pdf) >= 0,
            lost_chars=sum(seen.lost_chars for seen in pages),
            unread_pages=tuple(sorted((*pictures, *unreadable))),
            tables=composed.tables,
        ),
        recognised=tuple(recognised),
    )


def _page_labels(pdf: Any, page_starts: Sequence[int]) -> tuple[Locator, ...]:
    """What the pages are called in print, where that is not just their number: "p. iv"."""
    labels = [
        one_line(_decoded(partial(pdf.get_page_label, index)), _LABEL_CHARS)
        for index in range(len(page_starts))
    ]
    if all(label in ("", str(number)) for number, label in enumerate(labels, 1)):
        return ()
    # Pages without text begin where the next one does: one name a place.
    words = {
        start: page_words(number) if not label else f"p. {label}"
        for number, (start, label) in enumerate(zip(page_starts, labels, strict=True), 1)
    }
    return tuple(Locator(start, each) for start, each in sorted(words.items()))


def open_page(pdf: Any, index: int) -> Any:
    """A page of an open document, the first is 0, with what was typed into its form as part of it.

    Raises:
        pypdfium2.PdfiumError: The page is damaged.
    """
    page = pdf[index]
    if pdf.formenv is not None and pdfium.FPDFPage_GetAnnotCount(page) > 0:
        # What was typed into a form is drawn over the page; flattening makes it part of the text. It takes
        # a page that inherits its size from the whole document for one of 8.5 by 11 inches.
        page.set_cropbox(*page.get_bbox())
        pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
        page.close()
        page = pdf[index]
    return page


def is_unreadable(text: str) -> bool:
    """Whether the fonts do not say which letters they draw."""
    junk = text.count("\ufffd")
    return junk > 20 and junk > _UNREADABLE_SHARE * len(text)


def _shows_something(page: Any) -> bool:
    """Whether a page without text has a picture or a drawing on it, and is not just blank."""
    lines = 0
    for index in range(min(pdfium.FPDFPage_CountObjects(page), 1_000)):
        kind = pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(page, index))
        if kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM):
            return True
        lines += kind == pdfium.FPDF_PAGEOBJ_PATH
    return lines > _LINES_OF_A_DRAWING


def _bookmarks(pdf: Any) -> Iterator[Bookmark]:
    """The outline in its order; entries that lead to no page are left out."""
    for number, entry in enumerate(pdf.get_toc()):
        if number >= _MOST_BOOKMARKS:
            return
        destination = entry.get_dest()
        page = destination.get_index() if destination is not None else None
        title = one_line(_decoded(entry.get_title))
        if page is not None and page >= 0 and title:
            yield Bookmark(page=page, level=min(entry.level + 1, 9), title=title)


def _decoded(read: Callable[[], str | None]) -> str:
    """What a function of pypdfium2 reads, "" where the file's UTF-16 is broken: it decodes strictly."""
    try:
        return read() or ""
    except UnicodeDecodeError:
        return ""


def _nothing_readable(
    count: int, *, pictures: list[int], unreadable: list[int], looked_at: bool
) -> DocumentError:
    if looked_at:
        return DocumentError(
            "no_words",
            "No page has a text layer, and text recognition (OCR) found no words on their pictures.",
            hint="Scan it again, upright and with 300 dots to the inch, and index that.",
        )
    if unreadable:
        message = "Its fonts do not say which letters they draw, so its text cannot be read."
    elif pictures:
        message = "No page has a text layer; it is probably a scan."
    elif count:
        message = "No page holds any text."
    else:
        return damaged()
    return DocumentError(
        "no_text",
        message,
        hint=RECOGNISE,
    )


def _warnings(
    *, pictures: list[int], unreadable: list[int], broken: list[int], given_up: list[int]
) -> Iterator[str]:
    if pictures:
        where = pages_named(pictures)
        yield f"No text on {where}: probably scanned pictures, which are not searched."
    if unreadable:
        where = pages_named(unreadable)
        yield f"Text on {where} cannot be read: its fonts do not say which letters they draw."
    if broken:
        yield f"{pages_named(broken).capitalize()} could not be read: the file is damaged there."
    if given_up:
        yield gave_up_on(given_up)
