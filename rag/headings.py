"""Headings as something to ask: without number and markup, and with the place they stand at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.answers import Citation, Passage, Rewording

if TYPE_CHECKING:
    from index.documents import Heading, ParsedDocument

_TITLE_CHARS = (3, 120)

# What numbers a heading. Not a number that belongs to its words: "24 months", "3.5 million people".
_NUMBER = re.compile(
    r"(?:(?:chapter|section|part|article|annex|appendix)\s+[\divxlc]{1,6}[.):]?"
    r"|\d{1,3}(?:\.\d{1,3}){0,5}[.):]"
    r"|\d{1,3}(?:\.\d{1,3}){1,5}(?=\s+(?-i:[^a-z]))"
    r"|[ivxlc]{1,6}[.):]|[a-z]\))\s+(?=\S)",
    re.IGNORECASE,
)


def heading_question(
    heading: Heading, document: ParsedDocument, source: Passage | Citation
) -> Rewording | None:
    """The heading as something to ask; None when it is no phrase, or does not stand in the text as it is.

    Args:
        source: Anything of the same document version; it says where that lies.
    """
    title, text = without_number(heading.title), plain_title(heading.title, document.media_type)
    shortest, longest = _TITLE_CHARS
    if not shortest <= len(text) <= longest or not any(character.isalpha() for character in text):
        return None
    spelled = re.compile(r"\s+".join(map(re.escape, title.split())))
    place = spelled.search(document.text, heading.start, heading.end)
    if place is None:
        return None
    return Rewording(
        quote=place.group(),
        text=text,
        doc_id=source.doc_id,
        version_id=source.version_id,
        collection=source.collection,
        path=source.path,
        page=document.page_at(place.start()),
        start=place.start(),
        end=place.end(),
    )


def without_number(title: str) -> str:
    """A heading in one line, without the number before it: ``Warranty`` for ``3.2 Warranty``."""
    line = " ".join(title.split())
    match = _NUMBER.match(line)
    return line[match.end() :] if match else line


def plain_title(title: str, media_type: str) -> str:
    """A heading as a person would say it: without the number before it and without markup.

    Args:
        media_type: As for :func:`unmarked_title`.
    """
    return without_number(unmarked_title(title, media_type))


def unmarked_title(title: str, media_type: str) -> str:
    """A heading as it is read in its document.

    Args:
        media_type: Of its document; of Markdown the source is the text, and a heading may hold marks.
    """
    if media_type != "text/markdown":
        return title
    from index.loaders.markdown import without_markup  # a parser that few questions need

    return without_markup(" ".join(title.split()))
