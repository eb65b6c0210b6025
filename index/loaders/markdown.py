"""Markdown: the source is the text, and the parser says where its headings are."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise

from markdown_it import MarkdownIt

from index.documents import Heading, ParsedDocument
from index.loaders.cleaning import clean, decode, one_line

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?:(?!---|\.\.\.).*\n){0,200}(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_MARKUP = re.compile(r"[*_`\[<&\\!]")
_FRONT_TITLE = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE)


def load_markdown(data: bytes, *, media_type: str) -> ParsedDocument:
    """Headings by CommonMark; the title is that of the front matter, else the first top-level heading.

    Raises DocumentError ``binary``.
    """
    text = clean(decode(data))
    body = text
    title = ""
    front = _FRONT_MATTER.match(text)
    if front:
        # CommonMark would read "title: x" above "---" as a heading.
        body = "\n" * front.group().count("\n") + text[front.end() :]
        named = _FRONT_TITLE.search(front.group())
        title = one_line(named.group(1).strip().strip("\"'")) if named else ""
    headings = _headings(text, body)
    if not title:
        title = next((one_line(h.title) for h in headings if h.level == 1), "")
    return ParsedDocument(text=text, title=title, media_type=media_type, headings=tuple(headings))


def _headings(text: str, body: str) -> list[Heading]:
    parser = MarkdownIt("commonmark")
    # Inline parsing of the whole text is most of the time and not needed: only titles are parsed below.
    blocks = MarkdownIt("commonmark").disable("inline").parse(body)
    line_starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    headings: list[Heading] = []
    for opening, content in pairwise(blocks):
        if opening.type != "heading_open" or opening.map is None or not content.content.strip():
            continue
        source = content.content.split("\n", 1)[0]
        first, last = opening.map
        start = text.find(source, line_starts[first], line_starts[last])
        if start < 0:
            continue
        plain = one_line(_plain(parser, source) if _MARKUP.search(source) else source, 10_000)
        # The title must be found in the text: one with emphasis in its middle keeps its marks.
        title = plain if plain and plain in source else source
        end = start + len(content.content) if text.startswith(content.content, start) else start + len(source)
        headings.append(Heading(start=start, end=end, level=int(opening.tag[1]), title=title))
    return headings


def _plain(parser: MarkdownIt, source: str) -> str:
    children = parser.parseInline(source)[0].children or []
    return "".join(child.content for child in children if child.type in ("text", "code_inline"))


def without_markup(source: str) -> str:
    """A line of Markdown as a reader sees it: no emphasis, no addresses of links, no HTML, no anchor."""
    if not _MARKUP.search(source) and not source.endswith("}"):
        return source
    return _plain(MarkdownIt("commonmark"), _without_anchor(source))


def _without_anchor(source: str) -> str:
    """The line without ``{#warranty .wide}`` at its end, as several dialects have it."""
    # Not by a pattern: one that may begin anywhere and must end at the end takes quadratic time.
    line = source.rstrip(" \t")
    start = line.rfind("{")
    inside = line[start + 1 : -1]
    if start < 0 or not line.endswith("}") or not inside.startswith(("#", ".")) or "}" in inside:
        return source
    return line[:start].rstrip(" \t")
