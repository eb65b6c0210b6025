"""Tables of HTML that hold data, told from those that lay out a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from selectolax.lexbor import LexborNode

from index.loaders.table_rows import Cell, Grid

CELLS = frozenset(("td", "th"))
_GROUPS = frozenset(("thead", "tbody", "tfoot"))
# A cell with one of these is part of a page's layout, not of a table that is read by rows.
_LAYOUT = frozenset("table ul ol dl pre h1 h2 h3 h4 h5 h6 blockquote hr form".split())  # noqa: SIM905
_MOST_MERGED = 1_000


def read_table(
    table: LexborNode, *, text_of: Callable[[LexborNode], str], hidden: Callable[[LexborNode], bool]
) -> list[str] | None:
    """The rows as lines, the caption before them; None for a table that lays out a page.

    Args:
        text_of: The text of a cell as one line.
        hidden: Whether an element is not shown.
    """
    rows = [row for row in _rows(table) if not hidden(row)]
    if not rows or any(is_layout_row(row) for row in rows):
        return None
    grid = Grid()
    for row in rows:
        cells = [cell for cell in row.iter() if cell.tag in CELLS and not hidden(cell)]
        grid.add([Cell(text_of(each), _span(each, "colspan"), _span(each, "rowspan")) for each in cells])
    headers = grid.headers(_said_headers(rows))
    lines = list(grid.lines(headers))
    if not grid.names(headers):
        # Empty cells at the start of a row are mostly icons; later ones keep their column.
        lines = [line.lstrip("| ") for line in lines]
    captions = [text_of(each) for each in table.iter() if each.tag == "caption" and not hidden(each)]
    return [*filter(None, captions), *lines]


def is_layout_row(row: LexborNode) -> bool:
    """Whether a cell holds blocks of its own, so that the row is a page's layout and not a line of data."""
    for cell in row.iter():
        if cell.tag not in CELLS:
            continue
        paragraphs = 0
        for inner in cell.traverse():
            if inner.tag in _LAYOUT:
                return True
            paragraphs += inner.tag in ("p", "div")
            if paragraphs > 2:
                return True
    return False


def _rows(table: LexborNode) -> Iterator[LexborNode]:
    for child in table.iter():
        if child.tag in _GROUPS:
            yield from (row for row in child.iter() if row.tag == "tr")
        elif child.tag == "tr":
            yield child


def _said_headers(rows: Sequence[LexborNode]) -> int | None:
    """How many of the first rows are marked as a header; None where nothing in the table is."""
    headers = 0
    marked = False
    for row in rows:
        names = [cell.tag == "th" for cell in row.iter() if cell.tag in CELLS]
        marked = marked or any(names)
        parent = row.parent
        if all(names) or (parent is not None and parent.tag == "thead"):
            headers += 1
            continue
        return headers if marked or headers else None
    return 1  # of nothing but headers the first is one


def _span(cell: LexborNode, name: str) -> int:
    value = cell.attributes.get(name) or "1"
    return min(int(value), _MOST_MERGED) if value.isascii() and value.isdigit() and len(value) < 8 else 1
