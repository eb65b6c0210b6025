"""From a stored reference back to the words: where they are now, or what became of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from index.documents import ParsedDocument, last_part, page_words
from index.sentences import sentence_spans
from rag.answers import digest
from rag.headings import plain_title
from ui.stored import SpanRef
from ui.told_apart import told_apart

if TYPE_CHECKING:
    from index.rows import DocumentRow
    from index.store import Store

CitationState = Literal["current", "moved", "disabled", "changed", "removed"]

_KEPT_VERSIONS = 16
_KEPT_PLACES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where a reference leads now.

    ``current``: the words stand where they were read. ``moved``: the same words stand elsewhere, in a
    newer version or in another file with the same content. ``disabled``: they stand in a document that
    answers no more because a person said so. ``changed``: the document is there, the words are not.
    ``removed``: the document is gone. ``version_id`` is None for the last two, and ``quote`` "".
    """

    state: CitationState
    document: DocumentRow | None
    version_id: int | None = None
    start: int = 0
    end: int = 0
    quote: str = ""
    page: int | None = None
    locator: str = ""

    def locator_of(self, ref: SpanRef) -> str:
        """The part it stands in, in words; of what is gone, the page that the reference remembers."""
        return self.locator or page_words(ref.page)


class References:
    """Looks references up in the store; remembers results only as long as the index stays the same."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._generation = -1
        self._parsed: OrderedDict[int, ParsedDocument] = OrderedDict()
        self._places: OrderedDict[SpanRef, Located] = OrderedDict()
        self._namesakes: dict[str, list[tuple[str, str]]] = {}  # path and collection, by name

    def parsed(self, version_id: int) -> ParsedDocument | None:
        """A version's text and its map of pages and headings; None once it is removed."""
        with self._lock:
            self._forget_older_generations()
            known = self._parsed.get(version_id)
        if known is not None:
            return known
        generation = self._store.generation
        parsed = self._store.parsed(version_id)
        if parsed is not None:
            with self._lock:
                if generation == self._generation:
                    self._parsed[version_id] = parsed
                    while len(self._parsed) > _KEPT_VERSIONS:
                        self._parsed.popitem(last=False)
        return parsed

    def locate(self, place: SpanRef) -> Located:
        """Find the words of a reference, or say what became of them."""
        with self._lock:
            self._forget_older_generations()
            known = self._places.get(place)
        if known is not None:
            return known
        generation = self._store.generation
        located = self._look_up(place)
        with self._lock:
            if generation == self._generation:
                self._places[place] = located
                while len(self._places) > _KEPT_PLACES:
                    self._places.popitem(last=False)
        return located

    def name_of(self, place: SpanRef) -> str:
        """What to call the document of a place: its name, with enough of its folder where it is not alone.

        One that has another name by now, or is gone, is called what it was called then.
        """
        document = self.locate(place).document
        if document is None or document.name != place.name:
            return place.name
        return self.name_apart(document)

    def name_apart(self, document: DocumentRow) -> str:
        """The name of a document, and enough of its folder where others have the same name."""
        with self._lock:
            self._forget_older_generations()
            known = self._namesakes.get(document.name)
        if known is None:
            generation = self._store.generation
            known = [
                each
                for each in self._store.places_named(document.name)
                if last_part(each[0]) == document.name
            ]
            with self._lock:
                if generation == self._generation:
                    self._namesakes[document.name] = known
        here = (document.path, document.collection)
        others = [each for each in known if each != here]
        return told_apart(*here, others) if others else document.name

    def answers(self, place: SpanRef) -> bool:
        """Whether the words of a place are still there to be found by a question."""
        found = self.locate(place)
        return found.version_id is not None and found.state != "disabled"

    def heading(self, place: SpanRef) -> str:
        """A heading as something to ask; "" when it is gone, or would not be searched."""
        found = self.locate(place)
        parsed = self.parsed(found.version_id) if found.version_id is not None else None
        if parsed is None or found.state == "disabled":
            return ""
        return plain_title(found.quote, parsed.media_type)

    def _forget_older_generations(self) -> None:
        # A remembered text must not outlive a deletion: every publish empties the memory.
        if self._generation != self._store.generation:
            self._generation = self._store.generation
            self._parsed.clear()
            self._places.clear()
            self._namesakes.clear()

    def _look_up(self, place: SpanRef) -> Located:
        document = self._store.document(place.doc_id)
        if document is None or document.version_id is None:
            holders = self._store.sources_of(place.version_id)
            if not holders:
                state: CitationState = "removed" if document is None else "changed"
                return Located(state=state, document=document)
            # The content lives on under another path: a copy, or the file after a rename.
            holder = next((each for each in holders if each.answers), holders[0])
            found = self._look_up(replace(place, doc_id=holder.doc_id))
            return replace(found, state="moved") if found.state == "current" else found
        parsed = self.parsed(document.version_id)
        if parsed is None:
            return Located(state="removed", document=document)
        if document.version_id == place.version_id:
            quote = parsed.text[place.start : place.end]
            if digest(quote) == place.sha256:
                return Located(
                    state="current" if document.answers else "disabled",
                    document=document,
                    version_id=document.version_id,
                    start=place.start,
                    end=place.end,
                    quote=quote,
                    page=parsed.page_at(place.start),
                    locator=parsed.locator_at(place.start),
                )
        start = _find_again(parsed.text, place)
        if start is None:
            return Located(state="changed", document=document)
        end = start + place.end - place.start
        return Located(
            state="moved" if document.answers else "disabled",
            document=document,
            version_id=document.version_id,
            start=start,
            end=end,
            quote=parsed.text[start:end],
            page=parsed.page_at(start),
            locator=parsed.locator_at(start),
        )


def _find_again(text: str, place: SpanRef) -> int | None:
    """The start of the same words in a newer text, known only by length and hash; None when not there.

    Quotes begin where a sentence begins, so only those places are tried; the nearest to the old one wins.
    """
    length = place.end - place.start
    starts = sorted((start for start, _ in sentence_spans(text)), key=lambda start: abs(start - place.start))
    for start in starts:
        if digest(text[start : start + length]) == place.sha256:
            return start
    return None
