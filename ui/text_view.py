"""The text view of the evidence pane: a window of a document's text, drawn as what it is.

What is no character of the text (numbers of lines and rows, the header of a table that stands further up,
names of slides and sheets) is an attribute that the stylesheet shows. So without its tags the HTML is the
text, and what stands inside ``<mark>`` is the quote, to the letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from index.documents import ParsedDocument, has_drawn_pages
from ui.render import Highlight, escape_line, highlight
from ui.text_blocks import Block, blocks_of
from ui.text_inline import inline_html
from ui.text_tables import Cell, Headers, Row, read_table, without_names

_MARKDOWN = "text/markdown"
_FLOWING = (_MARKDOWN, "text/x-rst")  # a line end inside a paragraph is only where a line was full
_SYNTAX = re.compile(r"[ \t]*(?:#{1,6}[ \t]+|[-*+•‣◦▪][ \t]+|>[ \t]?)")
_BULLET = re.compile(r"[ \t]*[-*+•‣◦▪][ \t]")
# Names stand above every stretch of a table again, so they could cost far more than the window itself.
_MOST_NAME_CHARS = 100_000
_NAME_COSTS = 20  # beside its characters
_QUOTE_MARKS = re.compile(r"^[ \t]{0,3}>[ \t]?", re.MULTILINE)


def text_html(document: ParsedDocument, start: int, end: int, marks: Sequence[Highlight] = ()) -> str:
    """A window ``[start, end)`` of the text as HTML; it should begin and end with a line, see ``snapped``.

    Args:
        marks: What to highlight, by offsets in the whole text.
    """
    return _Drawing(document, marks).html(start, end)


class _Drawing:
    def __init__(self, document: ParsedDocument, marks: Sequence[Highlight]) -> None:
        self._document = document
        self._text = document.text
        self._marks = marks
        self._heading = ""  # the last one that was drawn
        self._headers = Headers(document.text)
        self._room = _MOST_NAME_CHARS

    def html(self, start: int, end: int) -> str:
        pieces: list[str] = []
        at = start
        for kind, group in groupby(self._parted(self._blocks(start, end)), key=lambda it: it[0]):
            blocks = [block for _, block in group]
            pieces += self._gap(at, blocks[0].start)
            pieces += self._part(blocks[0])
            pieces.append(self._run(kind[1], blocks))
            at = blocks[-1].end
        pieces += self._gap(at, end)
        media_type = self._document.media_type
        flow = "fn-flow" if media_type in _FLOWING or has_drawn_pages(media_type) else "fn-pre"
        return f'<div class="fn-drawn {flow}">{"".join(pieces)}</div>'

    def _blocks(self, start: int, end: int) -> Iterator[Block]:
        return blocks_of(self._document, self._headers, start, end)

    def _parted(self, blocks: Iterator[Block]) -> Iterator[tuple[tuple[int, str], Block]]:
        """Blocks with a key that is the same for those that are drawn as one table, list or listing."""
        number, before = 0, None
        for block in blocks:
            joined = (
                before is not None
                and block.kind == before.kind
                and block.kind in ("row", "item", "line")
                and not block.part
                and self._text.count("\n", before.end, block.start) <= 1
            )
            number += not joined
            before = block
            yield (number, block.kind), block

    def _run(self, kind: str, blocks: Sequence[Block]) -> str:
        if kind == "row":
            return self._table(blocks)
        if kind == "item":
            return self._list(blocks)
        if kind == "line":
            return self._listing(blocks)
        (block,) = blocks
        return self._block(block)

    def _marked(self, start: int, end: int) -> str:
        """A stretch of the text, escaped, with what of the marks lies in it."""
        shifted = [
            replace(each, start=each.start - start, end=each.end - start)
            for each in self._marks
            if each.start < end and start < each.end
        ]
        return highlight(self._text[start:end], shifted)

    def _said(self, start: int, end: int) -> str:
        """The same, and in Markdown with what is bold, code or a link drawn so."""
        if self._document.media_type != _MARKDOWN:
            return self._marked(start, end)
        return inline_html(self._text, start, end, seen=self._marked, hidden=self._hidden)

    def _hidden(self, start: int, end: int) -> str:
        """What the drawing itself says: a stretch that stays in the page without being seen."""
        return f'<span class="fn-syntax">{self._marked(start, end)}</span>' if start < end else ""

    def _gap(self, start: int, end: int) -> Iterator[str]:
        if start < end:
            yield self._hidden(start, end)

    def _part(self, block: Block) -> Iterator[str]:
        """The name of the part that begins here, as far as its heading does not say it."""
        words = block.part
        if block.kind == "heading":
            self._heading = self._text[block.start : block.end].strip()
            words = words.removesuffix(self._heading).strip()
        if words and _bare(words) != _bare(self._heading):
            words = f"Page {words[3:]}" if words.startswith("p. ") else words
            yield f'<div class="fn-piece" data-words="{escape_line(words[0].upper() + words[1:])}"></div>'

    def _block(self, block: Block) -> str:
        inside = self._marked(block.start, block.end)
        if block.kind == "heading":
            level = min(max(block.level, 1), 6)
            tag = f"h{min(level + 2, 6)}"  # the name of the document stands above as h2
            inside = self._without_syntax(block.start, block.end)
            return f'<{tag} class="fn-heading fn-heading{level}" dir="auto">{inside}</{tag}>'
        if block.kind == "code":
            return f'<div class="fn-code" tabindex="0" role="region" aria-label="Code">{inside}</div>'
        if block.kind == "quote":
            return (
                f'<blockquote class="fn-cited" dir="auto">{self._quoted(block.start, block.end)}</blockquote>'
            )
        if block.kind == "adornment":  # the heading is drawn as one
            return self._hidden(block.start, block.end)
        if block.kind == "rule":
            return f'<div class="fn-rule">{self._hidden(block.start, block.end)}</div>'
        if block.kind == "fence":
            return f'<div class="fn-fence">{inside}</div>'
        return f'<p dir="auto">{self._said(block.start, block.end)}</p>'

    def _without_syntax(self, start: int, end: int) -> str:
        if self._document.media_type != _MARKDOWN:
            return self._marked(start, end)
        match = _SYNTAX.match(self._text, start, end)
        inner = match.end() if match is not None else start
        return self._hidden(start, inner) + self._said(inner, end)

    def _quoted(self, start: int, end: int) -> str:
        pieces: list[str] = []
        for match in _QUOTE_MARKS.finditer(self._text, start, end):
            pieces += (self._said(start, match.start()), self._hidden(*match.span()))
            start = match.end()
        return "".join((*pieces, self._said(start, end)))

    def _listing(self, lines: Sequence[Block]) -> str:
        """Lines with their numbers; each holds the line end after it, so that what is copied has lines."""
        rows: list[str] = []
        for line, below in zip(lines, (*lines[1:], None), strict=True):
            after = below.start if below is not None else line.end
            rows.append(
                f'<div class="fn-code-line{self._lit(line)}" data-number="{line.number}">'
                f"{self._marked(line.start, after)}</div>"
            )
        digits = len(lines[-1].number)
        return (
            f'<div class="fn-listing" tabindex="0" role="region" aria-label="Numbered lines" '
            f'style="--digits:{digits}">{"".join(rows)}</div>'
        )

    def _lit(self, block: Block) -> str:
        """A class for lines and rows that the passage reaches into."""
        lit = any(each.start < block.end and block.start < each.end for each in self._marks)
        return " fn-lit" if lit else ""

    def _list(self, items: Sequence[Block]) -> str:
        drawn: list[str] = []
        for item, below in zip(items, (*items[1:], None), strict=True):
            bullet = _BULLET.match(self._text, item.start, item.end)
            inner = bullet.end() if bullet is not None else item.start
            look = "fn-bulleted" if bullet is not None else "fn-numbered"
            after = self._hidden(item.end, below.start) if below is not None else ""
            drawn.append(
                f'<li class="{look} fn-deep{item.level}" dir="auto">{self._hidden(item.start, inner)}'
                f"{self._said(inner, item.end)}{after}</li>"
            )
        return f'<ul class="fn-items">{"".join(drawn)}</ul>'

    # -- tables

    def _table(self, rows: Sequence[Block]) -> str:
        lines = [(row.start, row.end) for row in rows]
        markdown = self._document.media_type == _MARKDOWN
        table = read_table(self._headers, lines, markdown=markdown)
        if table.names:
            self._room -= sum(map(len, table.names)) + _NAME_COSTS * len(table.names)
            if self._room < 0:
                table = without_names(table, markdown=markdown)
        numbered = any(row.number for row in rows)
        head = ""
        if table.names:
            padded = (*table.names, *[""] * (table.columns - len(table.names)))
            cells = "".join(
                f'<th scope="col" aria-label="{escape_line(name)}" data-name="{escape_line(name)}"></th>'
                if name
                else "<td></td>"
                for name in padded
            )
            head = f"<thead><tr>{'<td></td>' if numbered else ''}{cells}</tr></thead>"
        body = [
            self._row(block, row, table.columns, numbered=numbered, after=after)
            for block, row, after in zip(
                rows, table.rows, (*(row.start for row in rows[1:]), rows[-1].end), strict=True
            )
        ]
        return (
            '<div class="fn-table-box" tabindex="0" role="region" aria-label="Table"><table class="fn-grid">'
            f"{head}<tbody>{''.join(body)}</tbody></table></div>"
        )

    def _row(self, block: Block, row: Row, columns: int, *, numbered: bool, after: int) -> str:
        """One row; the line end after it belongs to its last cell, since nothing may stand between rows."""
        name, scope = ("th", ' scope="col"') if row.role == "header" else ("td", "")
        if row.role in ("caption", "delimiter"):
            scope, columns = f' colspan="{columns}"', 1
        drawn = [f'<td class="fn-row-number" data-number="{block.number}"></td>'] if numbered else []
        column = 0
        for cell in row.cells:
            drawn += _empty(cell.column - column)
            inside = self._cell(cell) + (self._hidden(block.end, after) if cell is row.cells[-1] else "")
            drawn.append(f'<{name}{scope} dir="auto">{inside}</{name}>')
            column = cell.column + 1
        drawn += _empty(columns - column)
        return f'<tr class="fn-{row.role}{self._lit(block)}">{"".join(drawn)}</tr>'

    def _cell(self, cell: Cell) -> str:
        return (
            self._hidden(cell.start, cell.value)
            + self._said(cell.value, cell.value_end)
            + self._hidden(cell.value_end, cell.end)
        )


def _empty(columns: int) -> list[str]:
    """One cell for all that are empty side by side: a row costs what it holds, not how wide its table is."""
    return [f'<td colspan="{columns}"></td>' if columns > 1 else "<td></td>"] if columns > 0 else []


def _bare(words: str) -> str:
    """Words without what sets them off: "Attachment: a.csv" and "attachment a.csv" say the same."""
    return "".join(filter(str.isalnum, words)).casefold()
