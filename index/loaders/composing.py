"""One text put together from parts (rows, slides, chapters, attachments), with a map back to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from index.documents import Heading, Locator, ParsedDocument
from index.loaders.cleaning import clean, one_line
from index.loaders.refusals import too_much_text

_LOCATOR_CHARS = 80  # more is no place any more, but a text of its own


class Composition:
    """Collects text. What is marked (a page, a locator) begins where the next text begins."""

    def __init__(self, max_chars: int) -> None:
        """Start empty; more than ``max_chars`` characters are refused with ``too_large``."""
        self.headings: list[Heading] = []
        self.length = 0
        self._max_chars = max_chars
        self._parts: list[str] = []
        self._page_starts: list[int] = []
        self._pages_waiting = 0
        self._locators: dict[int, str] = {}
        self._locator: str | None = None

    def add(self, text: str, *, newlines: int = 2) -> None:
        """Append cleaned text after so many line ends; blank text is left out.

        Raises:
            DocumentError: ``too_large``.
        """
        if not text.strip():
            return
        lead = "\n" * newlines if self.length else ""
        start = self.length + len(lead)
        self.length = start + len(text)
        if self.length > self._max_chars:
            raise too_much_text(self._max_chars)
        self._parts.append(lead + text)
        self._page_starts += [start] * self._pages_waiting
        self._pages_waiting = 0
        if self._locator is not None:
            self._locators[start] = self._locator
            self._locator = None

    def add_heading(self, title: str, level: int) -> None:
        """Append a heading of its own; its title is made one line."""
        title = one_line(title, 1_000)
        self.add(title)
        if title:
            self.headings.append(
                Heading(start=self.length - len(title), end=self.length, level=level, title=title)
            )

    def begin_page(self) -> None:
        """A page starts here."""
        self._pages_waiting += 1

    def begin(self, locator: str) -> None:
        """A part starts here that people call so."""
        self._locator = one_line(locator, _LOCATOR_CHARS)

    def insert(self, document: ParsedDocument, *, below: int, locator: str) -> None:
        """Append a whole document: its headings below the level ``below``, its locators after this one."""
        if not document.text.strip():
            return
        if locator:
            self.begin(locator)
        self.add(document.text)
        base = self.length - len(document.text)
        for heading in document.headings:
            self.headings.append(
                replace(
                    heading,
                    start=base + heading.start,
                    end=base + heading.end,
                    level=below + heading.level,
                )
            )
        inner = document.locators or tuple(
            Locator(start, f"p. {page}") for page, start in enumerate(document.page_starts, 1)
        )
        for each in inner:
            self._locators[base + each.start] = one_line(
                f"{locator}, {each.words}" if locator else each.words, 2 * _LOCATOR_CHARS
            )

    def document(self, *, media_type: str, title: str = "", warnings: Sequence[str] = ()) -> ParsedDocument:
        """Everything so far."""
        pages = [*self._page_starts, *[self.length] * self._pages_waiting]
        return ParsedDocument(
            text="".join(self._parts),
            title=title,
            media_type=media_type,
            page_starts=(0, *pages[1:]) if pages else (),
            headings=tuple(self.headings),
            warnings=tuple(warnings),
            locators=tuple(Locator(start, words) for start, words in sorted(self._locators.items())),
        )


def row_line(cells: Sequence[str], header: Sequence[str] = ()) -> str:
    """A row of a table as one line: ``Item: Pump | Price: 12``, without a header ``Pump | 12``.

    With a header empty cells are left out; without one they keep their place, but for those at the end.
    A row says what its cells mean by itself, since it is found and quoted by itself.
    """
    texts = [" ".join(cell.split()) for cell in cells]
    if header:
        names = [*header, *[""] * (len(texts) - len(header))]
        line = " | ".join(
            f"{name}: {text}" if name else text for name, text in zip(names, texts, strict=False) if text
        )
    else:
        line = " | ".join(texts).rstrip(" |").lstrip()
    return line if line.isprintable() else clean(line)
