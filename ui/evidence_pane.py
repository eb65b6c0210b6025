"""The evidence pane: the cited words on their page, and marked in the text around them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from index.documents import ParsedDocument, has_drawn_pages
from index.errors import FootnoteError
from index.missing import OutOfReach, missing_documents
from index.originals import original_path
from rag.headings import unmarked_title
from ui.chats import Chats, Message
from ui.claim import claim_html, shared_words
from ui.document_routes import original_address
from ui.health import health_facts, missing_words
from ui.page_images import PageImages, no_page
from ui.pane_footer import PaneFooter
from ui.pane_links import Reference, neighbours, place_of
from ui.references import Located, References
from ui.render import Highlight, button, clock, escape, escape_line, place
from ui.sheet import ShownAs, problem_html, sheet_html, views_html, waiting_html
from ui.stored import SpanRef
from ui.text_blocks import snapped
from ui.text_view import text_html

if TYPE_CHECKING:
    from index.rows import DocumentRow
    from index.store import Store

CONTEXT_CHARS = 700
MORE_CHARS = 2500
_MAX_CONTEXT_CHARS = 60_000
_BADGES = {
    "current": "Current",
    "moved": "Moved",
    "missing": "Not reachable",
    "disabled": "Disabled",
    "changed": "Changed",
    "removed": "Removed",
}
_STATES = {
    "moved": "These words now stand at another place than when the answer was written.",
    "disabled": "The document is disabled: nothing is answered from it until you enable it in Documents.",
    "changed": "The document has changed since: the words that were cited are no longer in it.",
    "removed": "The document was removed, and its text with it.",
}


class EvidencePane:
    """Builds the pane for one reference at a time."""

    def __init__(
        self,
        store: Store,
        chats: Chats,
        references: References,
        out_of_reach: Callable[[], Sequence[OutOfReach]] = lambda: (),
    ) -> None:
        """Build nothing yet.

        Args:
            out_of_reach: The indexed folders that are not there now, as far as is known.
        """
        self._out_of_reach = out_of_reach
        self._store = store
        self._chats = chats
        self._references = references
        self._footer = PaneFooter(store, references)

    def html(
        self,
        link: str,
        before: int = CONTEXT_CHARS,
        after: int = CONTEXT_CHARS,
        shown_as: ShownAs = "page",
    ) -> str:
        """The pane for a link; "" for a link that leads nowhere.

        Args:
            link: As in ``Reference.parse``.
            before: Characters of context to show before the passage.
            after: Characters of context to show after it.
            shown_as: How to show what has pages at hand; everything else is text.
        """
        reference = Reference.parse(link)
        if reference is None:
            return ""
        before, after = (min(max(value, 0), _MAX_CONTEXT_CHARS) for value in (before, after))
        if reference.kind == "doc":
            return self._document(reference, after, shown_as)
        message = self._chats.message(reference.target)
        ref = place_of(message, reference)
        found = self._found(reference)
        if found is None:
            return ""
        parsed = self._references.parsed(found.version_id) if found.version_id is not None else None
        collection = ref.collection if ref is not None else ""  # where the document is gone
        marker = reference.number if reference.kind == "cite" else 0
        return self._pane(
            reference,
            name=self._name(found, ref),
            badge=found.state,
            meta=self._meta(found.document, collection, found.version_id, found.start),
            claim=claim_html(message, marker, found, self._store.snapshot().languages),
            body=self._text(found, before, after, query=_query(message)),
            foot=self._footer.html(
                found,
                ref,
                message.answer if message is not None else None,
                reference.target,
                marker=marker,
            ),
            document=found.document,
            page=parsed.page_at(found.start) if parsed is not None else None,
            links=neighbours(message, reference),
            number=str(marker or ""),
            copyable=bool(found.quote),
            before=before,
            after=after,
            shown_as=shown_as,
        )

    def sheet(self, link: str, page: int, pages: PageImages) -> str:
        """A page of the document that a link leads to, as HTML; what hinders it, in words, when it cannot be.

        Args:
            link: As in ``Reference.parse``.
            page: The first is 1.
            pages: Draws it.
        """
        reference = Reference.parse(link)
        found = self._found(reference) if reference is not None else None
        if found is None or found.document is None or found.version_id is None:
            return problem_html(no_page(), page, 0)
        parsed = self._references.parsed(found.version_id)
        home = (parsed.page_at(found.start) if parsed is not None else None) or 1
        try:
            view = pages.view(found.document, page, ((found.start, found.end),) if found.quote else ())
        except FootnoteError as exc:
            return problem_html(exc, page, found.document.pages)
        return sheet_html(
            found.document, page, view, quote=found.quote, home=home, read=_page_text(parsed, found, page)
        )

    def _found(self, reference: Reference) -> Located | None:
        """Where a reference leads; the beginning of a document that is not cited."""
        if reference.kind == "doc":
            document = self._store.document(reference.target)
            if document is None:
                return None
            return Located(state="current", document=document, version_id=document.version_id)
        if reference.kind == "part":
            return self._passage(reference)
        ref = place_of(self._chats.message(reference.target), reference)
        return self._references.locate(ref) if ref is not None else None

    def _passage(self, reference: Reference) -> Located | None:
        """A passage of a document; None once the document has changed or is gone."""
        document = self._store.document(reference.target)
        chunk = self._store.chunks([reference.number]).get(reference.number)
        if document is None or chunk is None or chunk.version_id != document.version_id:
            return None
        return Located(
            state="current",
            document=document,
            version_id=chunk.version_id,
            start=chunk.start,
            end=chunk.end,
            quote=chunk.text,
            page=chunk.page,
            locator=chunk.locator,
        )

    def quote(self, link: str) -> str:
        """The cited words and their place, for the clipboard; "" when they are gone."""
        reference = Reference.parse(link)
        if reference is None or reference.kind == "doc":
            return ""
        found = self._found(reference)
        if found is None or found.document is None or not found.quote:
            return ""
        where = place(self._references.name_apart(found.document), found.locator)
        return f"“{' '.join(found.quote.split())}” ({where})"

    def _document(self, reference: Reference, after: int, shown_as: ShownAs) -> str:
        document = self._store.document(reference.target)
        if document is None or document.version_id is None:
            return ""
        parsed = self._references.parsed(document.version_id)
        if parsed is None:
            return ""
        first, last = snapped(parsed.text, 0, MORE_CHARS + after)
        more = _more("after", after) if last < len(parsed.text) else ""
        body = f'<div class="fn-text">{text_html(parsed, first, last)}{more}</div>'
        return self._pane(
            reference,
            name=self._references.name_apart(document),
            badge="" if document.answers else "disabled",
            meta=[
                *self._meta(document, document.collection, document.version_id, None),
                *health_facts(document),
            ],
            claim="",
            body=body,
            foot="",
            document=document,
            page=1,
            links=("", ""),
            number="",
            copyable=False,
            before=0,
            after=after,
            shown_as=shown_as,
        )

    def _meta(
        self, document: DocumentRow | None, collection: str, version_id: int | None, offset: int | None
    ) -> list[str]:
        parts = [document.collection if document is not None else collection]
        parsed = self._references.parsed(version_id) if version_id is not None else None
        if parsed is not None and offset is not None:
            page = parsed.page_at(offset)
            if parsed.locators and (words := parsed.locator_at(offset)):
                parts.append(words)
            if page is not None and has_drawn_pages(parsed.media_type):
                parts.append(f"page {page} of {len(parsed.page_starts)}")
            path = parsed.heading_path(offset)
            if path:
                parts.append(" › ".join(unmarked_title(each, parsed.media_type) for each in path))
        if document is not None and document.version_id is not None:
            parts.append(f"indexed {clock(document.indexed_at)}")
        return parts

    def _text(self, found: Located, before: int, after: int, *, query: str) -> str:
        """The words around a place, the passage tinted, the place marked, and bold in it what was asked."""
        parsed = self._references.parsed(found.version_id) if found.version_id is not None else None
        if parsed is None or found.version_id is None:
            return f'<div class="fn-text fn-empty">{escape_line(_STATES[found.state])}</div>'
        text = parsed.text
        chunk = self._store.chunk_at(found.version_id, found.start)
        start = min(found.start, chunk.start) if chunk is not None else found.start
        end = max(found.end, chunk.end) if chunk is not None else found.end
        first = _border(text, start - before, start, forward=True)
        last = _border(text, end, end + after, forward=False)
        first, last = snapped(text, first, last)
        marks = [
            Highlight(start=start, end=end, tag="span", css="fn-passage"),
            Highlight(start=found.start, end=found.end, tag="mark", css="fn-mark"),
        ]
        marks += (
            replace(each, start=found.start + each.start, end=found.start + each.end)
            for each in shared_words(found.quote, query, self._store.snapshot().languages)
        )
        note = (
            f'<p class="fn-state">{escape_line(_STATES[found.state])}</p>' if found.state in _STATES else ""
        )
        earlier = _more("before", before) if first > 0 else ""
        later = _more("after", after) if last < len(text) else ""
        shown = text_html(parsed, first, last, marks)
        return f'{note}<div class="fn-text">{earlier}{shown}{later}</div>'

    def _not_reachable(self, document: DocumentRow | None) -> str:
        """A word on a document whose folder is out of reach; "" for any other."""
        rows = [document] if document is not None else []
        return "".join(
            f'<p class="fn-state">{escape_line(f"Not reachable. {missing_words(place, time.time())}")}</p>'
            for place in missing_documents(rows, self._out_of_reach()).values()
        )

    def _name(self, found: Located, ref: SpanRef | None) -> str:
        if found.document is not None:
            return self._references.name_apart(found.document)
        return ref.name if ref is not None else ""

    def _pane(
        self,
        reference: Reference,
        *,
        name: str,
        badge: str,
        meta: Sequence[str],
        claim: str,
        body: str,
        foot: str,
        document: DocumentRow | None,
        page: int | None,
        links: tuple[str, str],
        number: str,
        copyable: bool,
        before: int,
        after: int,
        shown_as: ShownAs,
    ) -> str:
        link = f"{reference.kind}-{reference.target}" + (f"-{reference.number}" if reference.number else "")
        mark = f'<span class="fn-no">{number}</span>' if number else ""
        lost = self._not_reachable(document)
        if lost and badge in ("", "current"):
            badge = "missing"  # the words are as they were read; whether the file still says so is not known
        shown_badge = f'<span class="fn-badge fn-{badge}">{_BADGES[badge]}</span>' if badge else ""
        steps = ""
        if any(links):
            steps = _step(links[0], "‹", "Previous citation", "[") + _step(
                links[1], "›", "Next citation", "]"
            )
        at_hand = document is not None and original_path(self._store, document) is not None
        original = ""
        if document is not None and at_hand:
            original = (
                f'<a class="fn-quiet fn-original" href="{original_address(document)}" target="_blank" '
                'rel="noopener">Open original</a>'
            )
        drawable = document is not None and at_hand and page is not None and document.has_pages
        if document is not None and page is not None and drawable:
            text = f'<div class="fn-as-text">{views_html("text")}{body}</div>'
            body = text + waiting_html(page, document.pages)
        copy = button("Copy quote", "fn-quiet", {"pane": "copy"}) if copyable else ""
        back = button("‹ Back", "fn-quiet fn-back", {"pane": "close"})
        close = (
            '<button type="button" class="fn-quiet fn-x" data-pane="close" aria-label="Close" '
            'title="Close (Esc)">✕</button>'
        )
        facts = " · ".join(f"<bdi>{escape_line(part)}</bdi>" for part in meta)
        return (
            f'<section class="fn-pane" data-as="{shown_as if drawable else "text"}" data-link="#{link}" '
            f'data-before="{before}" data-after="{after}" aria-label="Evidence">'
            f'<header><div class="fn-row">{back}{mark}<h2 tabindex="-1"><bdi>{escape_line(name)}</bdi></h2>'
            f'{shown_badge}<span class="fn-tools">{steps}{original}{copy}{close}</span></div>'
            f'<p class="fn-meta">{facts}</p></header>'
            f'<div class="fn-scroll" tabindex="0">{claim}{lost}{body}</div>{foot}</section>'
        )


def _page_text(parsed: ParsedDocument | None, found: Located, page: int) -> str:
    """What was read of a page, as HTML with the cited words marked; "" when that is nothing."""
    if parsed is None:
        return ""
    first, last = parsed.page_span(page)
    if not parsed.text[first:last].strip():
        return ""
    # No <mark>: that is where the text alone is scrolled to, and the page has its boxes.
    marks = [Highlight(start=found.start, end=found.end, tag="span", css="fn-mark")]
    return text_html(parsed, first, last, marks if found.quote else ())


def _query(message: Message | None) -> str:
    """What was searched for an answer; "" for none."""
    return message.answer.query if message is not None and message.answer is not None else ""


def _step(link: str, sign: str, label: str, key: str) -> str:
    state = f'data-pane="go" data-to="{link}"' if link else "disabled"
    return (
        f'<button type="button" class="fn-quiet fn-step" {state} aria-label="{label}" '
        f'title="{label} ({escape(key)})">{sign}</button>'
    )


def _more(side: str, now: int) -> str:
    return button("Show more", "fn-more-text", {"pane": side, "chars": str(now + MORE_CHARS)})


def _border(text: str, start: int, end: int, *, forward: bool) -> int:
    """A place near the outer end of a window of context where a paragraph, line or word begins or ends."""
    start, end = max(start, 0), min(end, len(text))
    if (forward and start == 0) or (not forward and end == len(text)):
        return start if forward else end
    for gap in ("\n\n", "\n", " "):
        at = text.find(gap, start, end) if forward else text.rfind(gap, start, end)
        if at >= 0:
            return at + len(gap) if forward else at
    return start if forward else end
