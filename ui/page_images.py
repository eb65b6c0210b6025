"""Pictures of pages for the evidence pane: drawn in a child process, the last few remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from index.documents import has_drawn_pages
from index.errors import SourceError
from index.originals import read_original
from index.parsing import ParseLimits, Parser
from ui.references import References

if TYPE_CHECKING:
    from index.page_images import PageView
    from index.rows import DocumentRow
    from index.store import Store

_KEPT_VIEWS = 8
# A person waits for it, and so may others for their pages; the text can be read meanwhile.
_LIMITS = ParseLimits(cpu_seconds=20, wall_seconds=30.0)

_Key = tuple[int, int]  # version, page


class PageImages:
    """Draws pages of current documents. Safe to use from several threads."""

    def __init__(self, store: Store, references: References, parser: Parser | None = None) -> None:
        """Start nothing yet; the child process starts with the first page."""
        self._store = store
        self._references = references
        self._parser = Parser(_LIMITS) if parser is None else parser
        self._drawing = threading.Lock()
        self._lock = threading.Lock()
        self._generation = -1
        self._views: OrderedDict[_Key, PageView] = OrderedDict()

    def view(self, document: DocumentRow, page: int, spans: tuple[tuple[int, int], ...] = ()) -> PageView:
        """A page with boxes around spans of the document's text; what lies on other pages gets none.

        Args:
            document: A current one.
            page: The first is 1.
            spans: Characters of the document's text, end exclusive.

        Raises:
            SourceError: It has no such page, or the file is gone or another one.
            DocumentError: The page cannot be drawn.
        """
        version_id = document.version_id
        parsed = self._references.parsed(version_id) if version_id is not None else None
        if version_id is None or parsed is None or not has_drawn_pages(parsed.media_type):
            raise no_page()
        if not 1 <= page <= len(parsed.page_starts):
            raise no_page()
        first, last = parsed.page_span(page)
        inside = [(max(start, first) - first, min(end, last) - first) for start, end in spans]
        generation = self._store.generation
        words = self._store.recognised_words(version_id, page)
        data = read_original(self._store, document)
        with self._drawing:
            view = self._parser.draw_page(
                data,
                page=page,
                text=parsed.text[first:last],
                spans=[(start, end) for start, end in inside if start < end],
                words=words,
            )
        with self._lock:
            if self._forget_older_generations() == generation:
                self._views[version_id, page] = view
                while len(self._views) > _KEPT_VIEWS:
                    self._views.popitem(last=False)
        return view

    def image(self, document: DocumentRow, page: int) -> bytes:
        """PNG of a page; what was just drawn is not drawn again.

        Raises:
            SourceError, DocumentError: As :meth:`view`.
        """
        with self._lock:
            self._forget_older_generations()
            known = self._views.get((document.version_id or 0, page))
        return (known or self.view(document, page)).image

    def close(self) -> None:
        """End the child process."""
        with self._drawing:
            self._parser.close()

    def _forget_older_generations(self) -> int:
        # A picture must not outlive a deletion: every publish empties the memory.
        generation = self._store.generation
        if self._generation != generation:
            self._generation = generation
            self._views.clear()
        return generation


def no_page() -> SourceError:
    """The error for a page that no current document has."""
    return SourceError("There is no such page.", hint="Open the citation again.")
