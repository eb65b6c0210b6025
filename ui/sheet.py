"""A page of a PDF in the evidence pane: the picture, yellow boxes over it, and the way to other pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from index.errors import FootnoteError, SourceError
from ui.document_routes import image_address
from ui.render import button, escape_line, explain

if TYPE_CHECKING:
    from index.page_images import PageView
    from index.rows import DocumentRow

ShownAs = Literal["page", "both", "text"]
"""The picture of a page, the picture beside the text that was read of the page, or the text alone."""

_DESCRIBED_CHARS = 200


def views_html(shown_as: ShownAs) -> str:
    """The switch between the page, its text, and both; which one is pressed follows the pane."""
    buttons = "".join(
        f'<button type="button" data-pane="show" data-as="{kind}" '
        f'aria-pressed="{"true" if kind == shown_as else "false"}">{label}</button>'
        for kind, label in (("page", "Page"), ("both", "Side by side"), ("text", "Text"))
    )
    return f'<div class="fn-views" role="group" aria-label="Show as">{buttons}</div>'


def waiting_html(page: int, pages: int) -> str:
    """A blank sheet of the usual shape, until the page comes."""
    return (
        f'<div class="fn-sheet" data-page="{page}" data-waiting="1">{_bar(page, pages, page)}'
        '<div class="fn-desk"><div class="fn-leaf" style="aspect-ratio:1/1.414"></div></div></div>'
    )


def sheet_html(document: DocumentRow, page: int, view: PageView, *, quote: str, home: int, read: str) -> str:
    """The page and what belongs to it.

    Args:
        document: Whose page it is.
        page: The first is 1.
        view: The page, with boxes.
        quote: The words in the boxes, "" when none were asked for.
        home: The page that the quote begins on.
        read: HTML of what was read of the page, "" when that is nothing.
    """
    what = f"Page {page} of {document.name}"
    if quote and view.boxes:
        words = " ".join(quote.split())
        shown = words if len(words) <= _DESCRIBED_CHARS else words[:_DESCRIBED_CHARS].rsplit(" ", 1)[0] + " …"
        what += f", marked: “{shown}”"
    boxes = "".join(
        f'<span class="fn-box" style="left:{100 * box.left / view.width:.3f}%;'
        f"top:{100 * box.top / view.height:.3f}%;width:{100 * box.width / view.width:.3f}%;"
        f'height:{100 * box.height / view.height:.3f}%"></span>'
        for box in view.boxes
    )
    note = ""
    if not view.matched:
        note = _note("This page reads otherwise than when it was indexed, so nothing is marked on it.")
    elif quote and not view.boxes and page == home:
        note = _note("The place of these words on the page is not known.")
    return (
        f"{_bar(page, document.pages, home if quote else page)}{note}"
        '<div class="fn-beside"><div class="fn-desk">'
        f'<div class="fn-leaf" style="aspect-ratio:{view.width:.2f}/{view.height:.2f}">'
        f'<img src="{image_address(document, page)}" alt="{escape_line(what)}" draggable="false">{boxes}'
        f"</div></div>{_read(page, read)}</div>"
    )


def _read(page: int, html: str) -> str:
    label = f'role="region" aria-label="What was read of page {page}"'
    if not html:
        return f'<div class="fn-read fn-empty" {label}>No text was read on this page.</div>'
    return f'<div class="fn-text fn-flow fn-read" dir="auto" {label}>{html}</div>'


def problem_html(error: FootnoteError, page: int, pages: int) -> str:
    """What stands in place of a page that cannot be drawn."""
    why = "" if isinstance(error, SourceError) else "This page cannot be drawn. "
    show_text = button("Show the text", "fn-btn", {"pane": "show", "as": "text"})
    bar = _bar(page, pages, page) if pages else views_html("page")
    said = f"<p>{why}{escape_line(explain(error))}</p>"
    return f'{bar}<div class="fn-undrawn" role="alert">{said}{show_text}</div>'


def _bar(page: int, pages: int, home: int) -> str:
    back = (
        button(f"Back to page {home}", "fn-quiet fn-home", {"pane": "page", "page": str(home)})
        if page != home
        else ""
    )
    return (
        f'<div class="fn-sheet-bar">{views_html("page")}'
        f'<span class="fn-turns">{_turn(page - 1, pages, "‹", "Previous page")}'
        f'<span aria-live="polite">page {page} of {pages}</span>'
        f"{_turn(page + 1, pages, '›', 'Next page')}</span>{back}"
        f'<span class="fn-zoom">{_zoom("out", "−", "Smaller")}{_zoom("fit", "Fit", "Fit to the width")}'
        f"{_zoom('in', '+', 'Larger')}</span></div>"
    )


def _turn(page: int, pages: int, sign: str, label: str) -> str:
    state = f'data-pane="page" data-page="{page}"' if 1 <= page <= pages else "disabled"
    return f'<button type="button" class="fn-quiet fn-turn" {state} aria-label="{label}">{sign}</button>'


def _zoom(way: str, sign: str, label: str) -> str:
    return (
        f'<button type="button" class="fn-quiet" data-pane="zoom" data-zoom="{way}" '
        f'aria-label="{label}" title="{label}">{sign}</button>'
    )


def _note(text: str) -> str:
    return f'<p class="fn-state">{escape_line(text)}</p>'
