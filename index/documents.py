"""The values that pass between the stages of an ingest: a parsed document and the spans it is cut into."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

PDF = "application/pdf"
_PICTURES = "image/"
_MOST_PAGES_NAMED = 8


def has_drawn_pages(media_type: str) -> bool:
    """Whether a format has pages that can be drawn, and whose lines are those of the page: PDF, pictures."""
    return media_type == PDF or media_type.startswith(_PICTURES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading inside a document's text. ``start``/``end`` are character offsets, end exclusive.

    One whose words are more than a heading, such as the signature of a function, is empty: its ``end``
    is its ``start``, where what it names begins.
    """

    start: int
    end: int
    level: int  # 1 is the highest
    title: str


@dataclass(frozen=True, slots=True)
class Locator:
    """What people call the part of a document that begins at ``start``: "slide 3", "sheet Prices, row 12"."""

    start: int
    words: str


class RecognisedWord(NamedTuple):
    """A word that was recognised on the picture of a page. Points from the top left of the page as shown."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    line: int  # words with the same number stand on one line


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognisedPage:
    """What was recognised on a page without a text of its own: words in the order of reading, maybe none."""

    page: int  # the first is 1
    words: tuple[RecognisedWord, ...] = ()
    gave_up: bool = False  # a limit was met, or the page cannot be drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """What the reader of a file noticed that its text does not show.

    Attributes:
        encrypted: The file is encrypted, but opens without a password.
        lost_chars: Characters that were left out because nobody could have read them.
        unread_pages: Pages that show something and gave no text, the first is 1, ascending; not those that
            text recognition was tried on, nor damaged ones.
        tables: Tables whose rows the text does not mark by bars.
    """

    encrypted: bool = False
    lost_chars: int = 0
    unread_pages: tuple[int, ...] = ()
    tables: int = 0


def last_part(path: str) -> str:
    """The last part of a path of either kind: what a person calls the file."""
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def page_words(page: int | None) -> str:
    """What people call a page: "p. 3"; "" for a format without pages."""
    return "" if page is None else f"p. {page}"


def pages_named(pages: Sequence[int]) -> str:
    """Pages in words, at most eight: "page 3", "pages 3 and 7", "pages 1, 2, 3 and 40 more"."""
    if len(pages) == 1:
        return f"page {pages[0]}"
    if len(pages) > _MOST_PAGES_NAMED:
        shown = pages[: _MOST_PAGES_NAMED - 1]
        return f"pages {', '.join(map(str, shown))} and {len(pages) - len(shown)} more"
    return f"pages {', '.join(map(str, pages[:-1]))} and {pages[-1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDocument:
    """A file as one text plus a map back to its pages, other parts and headings.

    ``text`` holds no NUL and no lone surrogate, and lines end in ``\\n``; every offset in Footnote
    counts characters of this string. It is what citations slice, so nothing rewrites it later.

    Attributes:
        title: The document's own title (first heading, HTML title, metadata); "" when it has none.
            Never the file name: the same content under two names is one version.
        media_type: For example ``application/pdf``.
        page_starts: Offset of the first character of each page, ascending, the first is 0;
            empty for formats without pages. Slides are pages, too.
        locators: Parts that people name, ascending by ``start`` and each start once; empty where the
            number of the page says it all. Each reaches to the next one.
        headings: In order of ``start``.
        warnings: What a reader should know, one sentence each ("No text on pages 3 and 7: ...");
            a document with warnings is ``partial``, not ``ready``.
        noticed: What :mod:`index.health` needs besides the text; it is not stored with it.
        recognised: Pages that text recognition looked at, ascending; their words are part of ``text``.
        noticed: For :mod:`index.health`; it is measured once and not stored with the text.
    """

    text: str
    title: str = ""
    media_type: str = "text/plain"
    page_starts: tuple[int, ...] = ()
    headings: tuple[Heading, ...] = ()
    warnings: tuple[str, ...] = ()
    locators: tuple[Locator, ...] = ()
    noticed: Noticed = Noticed()
    recognised: tuple[RecognisedPage, ...] = ()

    def page_at(self, offset: int) -> int | None:
        """The page that holds this character, the first page is 1; None for a format without pages."""
        return bisect_right(self.page_starts, offset) or None

    def page_span(self, page: int) -> tuple[int, int]:
        """Where the text of a page starts and ends (exclusive), white space after it included.

        Raises:
            IndexError: The document has no such page; the first is 1.
        """
        if page < 1:
            raise IndexError(page)
        start = self.page_starts[page - 1]
        return start, self.page_starts[page] if page < len(self.page_starts) else len(self.text)

    def locator_at(self, offset: int) -> str:
        """The part that holds this character, in words for people; "" where nothing is known but the file."""
        at = bisect_right(self.locators, offset, key=lambda locator: locator.start)
        return self.locators[at - 1].words if at else page_words(self.page_at(offset))

    def heading_path(self, offset: int) -> tuple[str, ...]:
        """Titles of the headings above this character, outermost first."""
        path: list[Heading] = []
        for heading in self.headings:
            if heading.start > offset:
                break
            while path and path[-1].level >= heading.level:
                path.pop()
            path.append(heading)
        return tuple(heading.title for heading in path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSpan:
    """A span of one document: the unit that is embedded, indexed and retrieved.

    ``start`` and ``end`` are character offsets, end exclusive; the chunk's text is
    ``document.text[start:end]`` and is never blank.

    ``context`` is what a reader knows from above the span (title, then headings, then the names of a
    table's columns, joined by " > ", without repeating what the span itself begins with); it is embedded
    and searched with the chunk, but never quoted.
    """

    start: int
    end: int
    page: int | None = None  # page of the first character; the first page is 1
    heading_path: tuple[str, ...] = ()
    context: str = ""

    def embedded_text(self, document_text: str) -> str:
        """What the embedding model reads: context and chunk."""
        return embedded_text(self.context, document_text[self.start : self.end])


def embedded_text(context: str, text: str) -> str:
    """What the embedding model and the keyword search read of a chunk: its context and its text."""
    return f"{context}\n{text}" if context else text


def embedded_hash(embedded: str) -> bytes:
    """SHA-256 of what was embedded: the key of its vector, and proof that a stored chunk is unchanged."""
    return hashlib.sha256(embedded.encode("utf-8")).digest()
