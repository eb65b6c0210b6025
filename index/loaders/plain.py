"""Plain text, source code and data files: the text as it stands; reStructuredText also gives headings."""

from __future__ import annotations

import re

from index.documents import Heading, ParsedDocument
from index.loaders.cleaning import clean, decode, one_line

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1{2,}\s*")


def load_text(data: bytes, *, media_type: str) -> ParsedDocument:
    """Raises DocumentError ``binary``."""
    return ParsedDocument(text=clean(decode(data)), media_type=media_type)


def load_rst(data: bytes, *, media_type: str) -> ParsedDocument:
    """Raises DocumentError ``binary``."""
    text = clean(decode(data))
    headings = _rst_headings(text)
    title = headings[0].title if headings and not text[: headings[0].start].strip(" \n=#*~-_^\"'+") else ""
    return ParsedDocument(text=text, title=title, media_type=media_type, headings=tuple(headings))


def _rst_headings(text: str) -> list[Heading]:
    """Titles are lines with an adornment at least as long below them (and perhaps above).

    The first style met is level 1, the next new one level 2, and so on, as reStructuredText defines.
    """
    headings: list[Heading] = []
    styles: list[tuple[str, bool]] = []
    lines = text.split("\n")
    offset = 0
    for i, line in enumerate(lines):
        start, offset = offset, offset + len(line) + 1
        below = lines[i + 1] if i + 1 < len(lines) else ""
        title = line.strip()
        if not title or not _ADORNMENT.fullmatch(below) or _ADORNMENT.fullmatch(line):
            continue
        above = lines[i - 1] if i else ""
        overlined = _ADORNMENT.fullmatch(above) is not None and above[0] == below[0]
        if len(below.rstrip()) < len(line.rstrip()) or (
            not overlined and (above.strip() or line[0].isspace())
        ):
            continue
        style = (below[0], overlined)
        if style not in styles:
            styles.append(style)
        first = start + len(line) - len(line.lstrip())
        plain = one_line(title, 10_000)
        headings.append(
            Heading(
                start=first,
                end=first + len(title),
                level=styles.index(style) + 1,
                title=plain if plain in title else title,  # as it is found in the text
            )
        )
    return headings
