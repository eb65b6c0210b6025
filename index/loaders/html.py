"""HTML: the text that a reader sees, in reading order, with blank lines between blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from selectolax.lexbor import LexborHTMLParser, LexborNode

from index.documents import Heading, ParsedDocument
from index.errors import DocumentError
from index.loaders.cleaning import clean, decode, one_line
from index.loaders.html_tables import CELLS, is_layout_row, read_table


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_DROPPED = _names(
    "script style noscript template head svg iframe object embed canvas audio video select datalist button "
    "input textarea map rt rp nav annotation annotation-xml frameset noframes"
)
_PARAGRAPHS = _names(
    "p div section article main header footer aside blockquote figure figcaption table ul ol dl pre form "
    "fieldset address details summary hr body center dir menu hgroup caption dialog listing xmp"
)
_LINES = _names("dt dd tr legend li thead tbody tfoot")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_PREFORMATTED = _names("pre listing xmp")

_NAVIGATION_ROLES = _names("navigation search menu menubar toolbar tablist")
_NAVIGATION_CLASSES = _names(
    "navheader navfooter navbar breadcrumb breadcrumbs sphinxsidebar mw-editsection mw-jump-link skip-link "
    "sr-only visually-hidden screen-reader-text"
)
_PERMALINKS = _names("¶ # § 🔗 \uf0c1")
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_INVISIBLE = str.maketrans("\u00a0", " ", "\u00ad\u200b\u2060\ufeff")
_MAIN_CHARS = 1_000

_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9_:.-]{2,40})""")
_XHTML = re.compile(r"\s*(?:<\?xml\b|<!DOCTYPE[^>]{0,200}XHTML)", re.IGNORECASE)
_SELF_CLOSED = re.compile(r"<([A-Za-z][\w:-]*)((?:\s[^<>]*)?)/>")
_VOID = _names("area base br col embed hr img input link meta param source track wbr")

_MAX_DEPTH = 2_000
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")
_WHOLE_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)[^<>]*>")
_LONG_TAG = re.compile(r"<([A-Za-z][\w:-]*)[\s/][^<>]{10000,}")
_BLANKS = re.compile(r"\s+")
_MAX_ATTRIBUTES = 1_000
# Elements that hold nothing, or that end when the next one begins.
_UNNESTED = _VOID | _names("p li dt dd tr td th tbody thead tfoot option")
_KEPT_WHEN_FLAT = _UNNESTED | _HEADINGS.keys() | _names("html head body title script style pre")


def load_html(data: bytes, *, media_type: str) -> ParsedDocument:
    """Scripts, styles, hidden elements and navigation are left out; a table row is one line: "A: a | B: b".

    Raises DocumentError ``binary``, or ``no_text`` when nothing is visible.
    """
    source = clean(decode(data, declared=_declared_encoding(data)))
    if _XHTML.match(source):
        # To an HTML parser <script/> opens a script that swallows the rest of the page.
        source = _SELF_CLOSED.sub(_opened_and_closed, source)
    source = _LONG_TAG.sub(_without_its_crowd, source)
    if _nests_too_deeply(source):
        # The time to read it would grow with the square of the depth; without containers it does not.
        source = _WHOLE_TAG.sub(_flattened, source)
    tree = LexborHTMLParser(source)
    text, headings = _read(tree)
    if not text:
        raise DocumentError(
            "no_text",
            "This page shows no text of its own.",
            hint="It may need JavaScript: save it from a browser as PDF, and index that.",
        )
    named = tree.css_first("head > title")
    title = one_line(named.text()) if named is not None else ""
    title = title or next((one_line(h.title) for h in headings if h.level == 1), "")
    return ParsedDocument(text=text, title=title, media_type=media_type, headings=tuple(headings))


def _read(tree: LexborHTMLParser) -> tuple[str, list[Heading]]:
    """The main part of the page where it marks one that holds most of the text, else all of it."""
    body = tree.body
    if body is None:
        return "", []
    marked = tree.css("main, [role=main]")
    main = _render(marked[0], keep_navigation=False) if len(marked) == 1 else ("", [])
    if len(main[0]) >= _MAIN_CHARS:
        return main
    whole = _render(body, keep_navigation=False)
    if 2 * len(main[0]) > len(whole[0]):
        return main
    return whole if whole[0] else _render(body, keep_navigation=True)


def _declared_encoding(data: bytes) -> str | None:
    head = data[:4096]
    found = _CHARSET.search(head) or _XML_ENCODING.search(head)
    if not found:
        return None
    name = found.group(1).decode("ascii").lower()
    # As browsers do: these names mean Windows-1252 on the web.
    return "cp1252" if name in ("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii") else name


def _without_its_crowd(match: re.Match[str]) -> str:
    """A tag of very many attributes loses them: each is compared with all before it."""
    crowded = sum(1 for _ in _BLANKS.finditer(match[0])) > _MAX_ATTRIBUTES
    return f"<{match[1]}" if crowded else match[0]


def _opened_and_closed(match: re.Match[str]) -> str:
    tag, attributes = match.groups()
    return match.group() if tag.lower() in _VOID else f"<{tag}{attributes}></{tag}>"


def _nests_too_deeply(source: str) -> bool:
    depth = 0
    for tag in _TAG.finditer(source):
        closing, name = tag.groups()
        if name.lower() in _UNNESTED:
            continue
        depth = max(0, depth - 1) if closing else depth + 1
        if depth > _MAX_DEPTH:
            return True
    return False


def _flattened(tag: re.Match[str]) -> str:
    return tag.group() if tag.group(1).lower() in _KEPT_WHEN_FLAT else "\n"


class _Writer:
    """Collects text; white space and breaks are held back until more text comes."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.newlines = 0  # to write before the next text: 1 ends a line, 2 a paragraph
        self.space = False
        self.separators = 0  # cell borders to write before the next text
        self.prefix = ""  # list mark to write before the next text
        self.in_heading = False
        self.inline_depth = 0  # > 0 inside a table row or a heading: blocks there are only spaces
        self.pre_depth = 0
        self.row_start = 0  # the length when this table row began

    def break_line(self, newlines: int) -> None:
        if self.inline_depth:
            self.space = True
        else:
            self.newlines = max(self.newlines, newlines)

    def text(self, text: str) -> None:
        if not text.isprintable():
            text = clean(text)  # "&#1;" brings in what the source did not have
        if not text.isascii():
            text = text.translate(_INVISIBLE)
        if self.pre_depth and not self.inline_depth:
            if text:
                self._put(text)
            return
        words = text.split()
        if not words:
            self.space = self.space or bool(text)
            return
        self.space = self.space or text[0].isspace()
        self._put(" ".join(words))
        self.space = text[-1].isspace()

    def _put(self, text: str) -> None:
        lead = ""
        if self.length and self.newlines:
            lead = "\n" * self.newlines
        at_line_start = not self.length or self.newlines > 0
        lead += self.prefix
        if self.separators:
            borders = " | " * self.separators
            lead += borders.lstrip() if at_line_start and not self.prefix else borders
        elif self.space and not at_line_start and not self.prefix:
            lead += " "
        self.newlines, self.separators, self.prefix, self.space = 0, 0, "", False
        self.parts.append(lead + text)
        self.length += len(lead) + len(text)

    def trim_back_to(self, start: int) -> None:
        """Drop white space at the end, but nothing before ``start``."""
        while self.parts and self.length > start:
            last = self.parts.pop()
            self.length -= len(last)
            kept = last.rstrip() if self.length >= start else last
            if kept.strip() or kept == last:
                self.parts.append(kept)
                self.length += len(kept)
                return

    def add_lines(self, lines: Sequence[str]) -> None:
        """Write lines as a paragraph of their own."""
        self.break_line(2)
        for line in lines:
            self._put(line)
            self.break_line(1)
        self.break_line(2)

    def next_start(self) -> int:
        """Where text written now would begin."""
        return self.length + (self.newlines if self.length else 0) + len(self.prefix)


def _render(
    body: LexborNode, *, keep_navigation: bool, as_one_line: bool = False
) -> tuple[str, list[Heading]]:
    """Walk the tree with a stack of our own: documents nest deeper than Python's recursion goes."""
    writer = _Writer()
    writer.inline_depth = int(as_one_line)
    marks: list[tuple[int, int, int]] = []  # start, end, level of headings
    lists: list[_OpenList] = []
    stack: list[LexborNode | Callable[[], None]] = [body]
    while stack:
        node = stack.pop()
        if not isinstance(node, LexborNode):
            node()
            continue
        if node.is_text_node:
            writer.text(node.text_content or "")
            continue
        tag = node.tag or ""
        if not node.is_element_node or (tag in _DROPPED and not (keep_navigation and tag == "nav")):
            continue
        attributes = node.attributes
        if attributes and _hidden(tag, attributes, node, keep_navigation):
            continue
        if tag == "table" and not writer.inline_depth:
            table = read_table(
                node,
                text_of=lambda cell: _render(cell, keep_navigation=keep_navigation, as_one_line=True)[0],
                hidden=lambda each: _hidden(each.tag or "", each.attributes, each, keep_navigation),
            )
            if table is not None:
                writer.add_lines(table)
                continue
        leave = _enter(tag, attributes, node, writer, lists, marks)
        if leave is not None:
            stack.append(leave)
        stack.extend(reversed(list(node.iter(include_text=True))))
    text = "".join(writer.parts)
    headings = [
        Heading(start=start, end=end, level=level, title=text[start:end])
        for start, end, level in marks
        if text[start:end].strip()
    ]
    return text, headings


def _hidden(tag: str, attributes: Mapping[str, str | None], node: LexborNode, keep_navigation: bool) -> bool:
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    if not keep_navigation and attributes.get("role") in _NAVIGATION_ROLES:
        return True
    classes = attributes.get("class")
    if classes and not keep_navigation and not _NAVIGATION_CLASSES.isdisjoint(classes.lower().split()):
        return True
    if _HIDING_STYLE.search(attributes.get("style") or ""):
        return True
    if tag != "a":
        return False
    # The mark beside a heading that links to itself, and the link over a page's head.
    text = (node.text() or "").strip()
    return text in _PERMALINKS or text[:8].lower() == "skip to "


class _OpenList:
    """A list that is being read; ``number`` is that of its next item, None for bullets."""

    def __init__(self, number: int | None) -> None:
        self.number = number

    def mark(self) -> str:
        if self.number is None:
            return "- "
        self.number += 1
        return f"{self.number - 1}. "


def _enter(
    tag: str,
    attributes: Mapping[str, str | None],
    node: LexborNode,
    writer: _Writer,
    lists: list[_OpenList],
    marks: list[tuple[int, int, int]],
) -> Callable[[], None] | None:
    """Start an element; returns what to do at its end."""
    if tag in _HEADINGS:
        if writer.in_heading:  # one that was not closed holds the next: together they are one
            writer.break_line(1)
            return partial(writer.break_line, 1)
        writer.break_line(2)
        writer.inline_depth += 1
        writer.in_heading = True
        start = writer.next_start()

        def end_heading() -> None:
            writer.inline_depth -= 1
            writer.in_heading = False
            if writer.length > start:
                marks.append((start, writer.length, _HEADINGS[tag]))
            writer.break_line(2)

        return end_heading
    if tag == "li":
        writer.break_line(1)
        if not writer.inline_depth:
            writer.prefix = "  " * max(0, len(lists) - 1) + (lists[-1].mark() if lists else "- ")
        return partial(_end_item, writer)
    if tag in ("ul", "ol", "menu", "dir"):
        nested = bool(lists)
        writer.break_line(1 if nested else 2)
        lists.append(_OpenList(_number(attributes.get("start")) if tag == "ol" else None))
        return partial(_end_list, writer, lists, 1 if nested else 2)
    if tag == "tr":
        writer.break_line(1)
        if not is_layout_row(node):
            writer.inline_depth += 1
            writer.row_start = writer.length
            return partial(_end_row, writer)
        return partial(writer.break_line, 1)
    if tag in CELLS:
        if writer.inline_depth:
            # Empty cells at the start of a row are mostly icons; later ones keep their column.
            writer.separators += int(writer.length > writer.row_start)
            return None
        writer.break_line(2)
        return partial(writer.break_line, 2)
    if tag in _PREFORMATTED:
        writer.break_line(2)
        writer.pre_depth += 1
        return partial(_end_preformatted, writer, writer.length)
    if tag == "br":
        writer.break_line(min(2, writer.newlines + 1))
        return None
    if tag == "q":
        writer.text("“")
        return partial(writer.text, "”")
    if tag in _PARAGRAPHS or tag in _LINES:
        newlines = 2 if tag in _PARAGRAPHS else 1
        writer.break_line(newlines)
        return partial(writer.break_line, newlines)
    return None


def _end_item(writer: _Writer) -> None:
    if not writer.inline_depth:
        writer.prefix = ""
    writer.break_line(1)


def _end_list(writer: _Writer, lists: list[_OpenList], newlines: int) -> None:
    lists.pop()
    writer.break_line(newlines)


def _end_row(writer: _Writer) -> None:
    writer.inline_depth -= 1
    writer.separators = 0
    writer.break_line(1)


def _end_preformatted(writer: _Writer, start: int) -> None:
    if not writer.inline_depth:
        writer.trim_back_to(start)
    writer.pre_depth -= 1
    writer.break_line(2)


def _number(value: str | None) -> int:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 10 else 1
