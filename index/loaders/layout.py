"""Lines on pages become one text: reading order of columns, paragraphs, joined words, headings.

Pure geometry and text, with no PDF library. Coordinates are points, y upwards.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise, zip_longest
from typing import NamedTuple

from index.documents import Heading


class Word(NamedTuple):
    """A word, or a piece of one, among the characters of its page; ``after`` is exclusive."""

    first: int
    after: int
    reading: str = ""  # where the characters do not say it


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A stretch of one line. ``size`` is the height of its letters with ascent and descent.

    On a page that is read from right to left ``left`` and ``right`` are mirrored: lines begin at their
    smaller end there, too.
    """

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float
    bold: bool = False
    hyphenated: bool = False  # a hyphen at its end was removed
    turned: bool = False  # does not run from left to right
    fixed: bool = False  # letters of one width, as code has
    in_row: bool = False  # stands beside others, as the cells of a table do
    words: tuple[Word, ...] = ()


Row = list[Line]  # the stretches of one line, in the order of their ``left``


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """An entry of a file's outline; the first ``page`` is 0, the highest ``level`` 1."""

    page: int
    level: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """The text of all pages; ``title`` is the largest heading on the first page, "" if there is none.

    ``tables`` counts the places where rows of cells follow each other.
    """

    text: str
    page_starts: tuple[int, ...]
    headings: tuple[Heading, ...]
    title: str
    tables: int


@dataclass(slots=True)
class _Piece:
    """Lines that run on without a break, and the break before them."""

    text: str
    newlines: int
    lines: list[Line]
    start: int = 0
    end: int = 0


# A mark in joined text where a hyphen ended a line: whether it stays is decided over the whole document.
_BREAK = "\ufffe"
_ENDED = re.compile(r"[.!?:;。！？…।][\"'”’»)\]]*$")
_BULLET = re.compile(r"[•◦▪‣○●■□▶➢➤✓·*–—-]\s")
_NUMBERED = re.compile(r"\(?(?:\d{1,2}|[A-Za-z]|[ivx]{2,4})[.)]\s|\[\d{1,3}\]\s")
_LABEL = re.compile(r"[•◦▪‣○●■□▶➢➤✓·*–—-]|\(?\w{1,4}[.)]|\[\d{1,3}\]|[A-Z]?\d{0,2}(?:\.\d{1,2}){0,4}\.?")
_DOT_LEADERS = re.compile(r"\s?(?:\.\s?){4,}")
_TOC_ENTRY = re.compile(r"(?:\.\s?){4}\s?\w{1,5}$")
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"[-–—|\s]{0,3}(?:page|seite|página|pagina|p\.)?\s?(?:\d{1,4}|[ivxl]{1,6})"
    r"(?:\s?(?:of|/|von|de|sur|di)\s?\d{1,4})?[-–—|\s]{0,3}",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+(?:-\w+)*")
_WORD_BEFORE = re.compile(r"(?:\w+-)*\w+$")
_WORD_AFTER = re.compile(r"\w+")
_KEEPS_HYPHEN = frozenset(
    ("self", "well", "half", "ill", "ex", "cross", "so", "high", "low", "long", "short", "по", "кое")
)
_LINES_TO_TELL = 40
_FEW_DIVIDED = 0.015

_SAME_SIZE = 0.88
_LARGE = 1.12  # of the size of body text
_COLUMN_ROWS = 4
_COLUMN_CHARS = 18
_RUNNING_PAGES = 3
_HEADING_CHARS = 150


def compose(pages: Sequence[Sequence[Row]], bookmarks: Sequence[Bookmark] = ()) -> Composed:
    """Make one text of the lines of all pages.

    Lines of a paragraph are joined by a space, a line end stays where the author set one (lists, table
    rows, verse), and a blank line parts paragraphs. Words that were broken at a line end are whole again.
    Running heads stay where they first occur, page numbers go.

    Args:
        pages: Rows of each page in the order of the file.
        bookmarks: The outline in its order; used for headings where its titles are found on their pages,
            otherwise headings are told by size and weight.
    """
    lined = [list(reading_order(rows)) for rows in pages]
    if _is_typewritten(lined):
        lined = [[replace(line, fixed=False) for line in lines] for lines in lined]
    body = _body_size(lined)
    lined = _without_running_lines(lined, body)
    leading = _leading(lined)
    pieces = [_pieces(lines, body, leading) for lines in lined]
    _mend_words([piece for page in pieces for piece in page])
    text, page_starts = _assemble(pieces)
    by_looks = _headings_by_looks(pieces, body)
    by_outline = _headings_by_outline(pieces, bookmarks)
    first_page = [piece for piece in by_looks if pieces and piece[0] in pieces[0]]
    title = max(first_page, key=lambda item: item[0].lines[0].size, default=None)
    enough = by_outline and 2 * len(by_outline) >= len(bookmarks)
    return Composed(
        text=text,
        page_starts=page_starts,
        headings=tuple(
            by_outline
            if enough
            else [Heading(start=p.start, end=p.end, level=level, title=p.text) for p, level in by_looks]
        ),
        title=title[0].text if title and title[0].lines[0].size > _LARGE * body else "",
        tables=sum(map(_tables, lined)),
    )


def reading_order(rows: Sequence[Row]) -> Iterator[Line]:
    """Lines as they are read: columns one after the other, rows of a table cell by cell.

    It looks at nothing but this page, so that a page can be read again without the others.
    """
    rows = [_with_label_joined(row) for row in rows]
    upwards = sum(below[0].bottom > above[0].bottom for above, below in pairwise(rows))
    if len(rows) > 2 and upwards > 0.7 * len(rows):
        rows.reverse()  # pdfium sorts by the page as it is shown, and some pages are shown turned
    rows = _from_top_to_bottom(rows)
    gutter = _gutter(rows)
    position = 0
    while position < len(rows):
        end = position
        if gutter is not None:
            while end < len(rows) and _keeps_clear(rows[end], gutter):
                end += 1
        if gutter is not None and sum(len(row) == 2 for row in rows[position:end]) >= _COLUMN_ROWS:
            lines = [line for row in rows[position:end] for line in row]
            yield from (line for line in lines if line.right <= gutter)
            yield from (line for line in lines if line.right > gutter)
            position = end
            continue
        row = rows[position]
        yield from (row if len(row) == 1 else [replace(line, in_row=True) for line in row])
        position += 1


def _from_top_to_bottom(rows: list[Row]) -> list[Row]:
    """Rows sorted by height where hardly any stand beside others; elsewhere the file's own order is better.

    Programs draw what has a background or a frame of its own after the rest of the page.
    """
    order = sorted(rows, key=lambda row: -row[0].bottom)
    beside = sum(above[0].bottom - below[0].bottom < 0.5 * below[0].size for above, below in pairwise(order))
    return rows if beside > 0.1 * len(rows) else order


def _with_label_joined(row: Row) -> Row:
    """ "1." and what it numbers are one stretch, however wide the gap."""
    if len(row) < 2 or not _LABEL.fullmatch(row[0].text):
        return row
    label, item = row[:2]
    joined = replace(
        item,
        text=f"{label.text} {item.text}",
        left=label.left,
        bottom=min(label.bottom, item.bottom),
        top=max(label.top, item.top),
        bold=label.bold and item.bold,
        words=label.words + item.words,
    )
    return [joined, *row[2:]]


def _gutter(rows: Sequence[Row]) -> float | None:
    """The middle of the gap between two columns of prose; None where there are none."""
    pairs = [row for row in rows if len(row) == 2]
    if len(pairs) < _COLUMN_ROWS:
        return None
    middles = sorted((left.right + right.left) / 2 for left, right in pairs)
    middle = middles[len(middles) // 2]
    sides = [row for row in pairs if row[0].right <= middle <= row[1].left]
    if len(sides) < max(_COLUMN_ROWS, len(pairs) // 2):
        return None
    for side in (0, 1):
        if sum(len(row[side].text) for row in sides) < _COLUMN_CHARS * len(sides):
            return None  # the cells of a table
    return middle


def _keeps_clear(row: Row, gutter: float) -> bool:
    return len(row) <= 2 and all(line.right <= gutter or line.left >= gutter for line in row)


def _tables(lines: Sequence[Line]) -> int:
    runs = (list(run) for in_row, run in groupby(lines, key=lambda line: line.in_row) if in_row)
    return sum(len({line.bottom for line in run if line.left > run[0].left}) > 1 for run in runs)


def _body_size(pages: Iterable[Sequence[Line]]) -> float:
    """The size that most letters have."""
    letters: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            letters[round(line.size, 1)] += len(line.text)
    return letters.most_common(1)[0][0] if letters else 1.0


def _is_typewritten(pages: Iterable[Sequence[Line]]) -> bool:
    """Whether letters of one width are this document's way of writing, and say nothing about code."""
    letters = fixed = 0
    for lines in pages:
        for line in lines:
            letters += len(line.text)
            fixed += len(line.text) * line.fixed
    return 2 * fixed > letters


def _without_running_lines(pages: list[list[Line]], body: float) -> list[list[Line]]:
    """Leave out what stands at the same place at the edge of several pages, but for its first time."""
    keys: list[dict[int, tuple[str, int]]] = [_edge_keys(lines, body) for lines in pages]
    seen_on = Counter(key for page in keys for key in set(page.values()))
    met: set[tuple[str, int]] = set()
    result: list[list[Line]] = []
    for lines, page_keys in zip(pages, keys, strict=True):
        kept: list[Line] = []
        for index, line in enumerate(lines):
            key = page_keys.get(index)
            if key is not None and seen_on[key] >= _RUNNING_PAGES:
                if key in met or key[0] == "#":
                    continue
                met.add(key)
            kept.append(line)
        result.append(kept or lines)
    return result


def at_the_edge(lines: Sequence[Line]) -> frozenset[int]:
    """Which lines of a page may be missing in the text of its document, as running heads or page numbers."""
    return frozenset(_edge_keys(lines, math.inf))


def _edge_keys(lines: Sequence[Line], body: float) -> dict[int, tuple[str, int]]:
    """What to compare over pages of the two outermost lines at the top and at the bottom, by index."""
    keys: dict[int, tuple[str, int]] = {}
    for upwards in (False, True):
        order = sorted(range(len(lines)), key=lambda i: lines[i].bottom if upwards else -lines[i].bottom)
        levels = 0
        level: float | None = None
        for index in order:
            line = lines[index]
            if level is None or abs(line.bottom - level) > 0.5 * line.size:
                levels += 1
                level = line.bottom
            if levels > 2:
                break
            if line.size <= 1.3 * body and len(line.text) <= 120:
                page_number = _PAGE_NUMBER.fullmatch(line.text)
                text = "#" if page_number else _DIGITS.sub("#", line.text.casefold())
                keys[index] = (text, round(line.bottom / 6))
    return keys


def _leading(pages: Iterable[Sequence[Line]]) -> float:
    """The usual distance of lines inside a paragraph, in sizes."""
    distances: list[float] = []
    for lines in pages:
        for above, below in pairwise(lines):
            distance = (above.bottom - below.bottom) / above.size
            if 0.5 < distance < 2.2 and _similar(above, below) and not (above.in_row or below.in_row):
                distances.append(distance)
    distances.sort()
    return distances[len(distances) * 3 // 10] if distances else 1.25


def _similar(one: Line, other: Line) -> bool:
    return min(one.size, other.size) >= _SAME_SIZE * max(one.size, other.size)


def _pieces(lines: Sequence[Line], body: float, leading: float) -> list[_Piece]:
    pieces: list[_Piece] = []
    edges = _right_edges(lines)
    for index, line in enumerate(lines):
        if not pieces:
            pieces.append(_Piece(text=line.text, newlines=0, lines=[line]))
            continue
        piece = pieces[-1]
        between = _between(piece, line, edges[index - 1], body, leading)
        if "\n" in between:
            if piece.lines[-1].hyphenated:
                piece.text += "-"
            pieces.append(_Piece(text=line.text, newlines=len(between), lines=[line]))
        else:
            piece.text += between + line.text
            piece.lines.append(line)
    if pieces and lines[-1].hyphenated:
        pieces[-1].text += "-"
    for piece in pieces:
        piece.text = _DOT_LEADERS.sub(" ", piece.text).strip() or piece.text
    return pieces


def _right_edges(lines: Sequence[Line]) -> list[float]:
    """For each line, how far to the right the lines of its block reach."""
    edges: list[float] = []
    start = 0
    for index in range(1, len(lines) + 1):
        if index < len(lines) and _same_block(lines[index - 1], lines[index]):
            continue
        rights = sorted(line.right for line in lines[start:index])
        # Where others end together, one line that runs over the margin says nothing.
        overrun = len(rights) > 4 and rights[-2] - rights[-3] < 0.5 * lines[start].size
        edge = rights[-2] if overrun else rights[-1]
        if len(rights) < 4:
            edge = max(edge, _margin(lines, lines[start]))
        edges += [edge] * (index - start)
        start = index
    return edges


def _margin(lines: Sequence[Line], like: Line) -> float:
    """How far most long lines go that begin near where this one does; little is known from few lines."""
    rights = sorted(
        line.right for line in lines if abs(line.left - like.left) < 4 * like.size and _similar(line, like)
    )
    return rights[len(rights) * 4 // 5] if len(rights) >= 8 else 0.0


def _same_block(above: Line, below: Line) -> bool:
    return (
        _similar(above, below)
        and -0.4 * above.size < above.bottom - below.bottom < 3.5 * above.size
        and below.left < above.right
        and below.right > above.left
    )


def _between(piece: _Piece, line: Line, right_edge: float, body: float, leading: float) -> str:
    """What parts a line from the one before: nothing, a space, a mark, or one or two newlines."""
    above = piece.lines[-1]
    size = max(above.size, line.size)
    drop = above.bottom - line.bottom
    beside = abs(drop) < 0.35 * size
    if above.hyphenated:
        return "-" if beside and line.left >= above.right - size else _BREAK
    if above.turned or line.turned:
        return "\n" if above.turned and line.turned else "\n\n"
    if (
        len(above.text) == 1
        and above.text.isupper()
        and above.size > 1.5 * line.size
        and line.text[:1].islower()
    ):
        return ""  # a large first letter of a chapter
    if beside:
        return " " if line.left >= above.left else "\n"
    ended = _ENDED.search(above.text[-10:]) is not None
    continues = not ended and line.text[:1].islower()
    space = "" if _is_cjk(above.text[-1:]) and _is_cjk(line.text[:1]) else " "
    first = piece.lines[0] if above.in_row else above
    if drop < 0 or line.left > above.right or line.right < first.left:
        return space if continues and _similar(above, line) else "\n\n"  # the next column, or elsewhere
    if above.in_row and line.in_row:
        return "\n" if drop < 2.6 * size else "\n\n"
    if not _similar(above, line):
        return "\n\n"
    spaced = drop > 1.2 * leading * size
    if above.size > _LARGE * body:
        return "\n\n" if drop > 1.7 * leading * size else space  # a heading of several lines
    room = right_edge - above.right
    width = right_edge - first.left
    fits = _first_word_fits(above, line, right_edge) and (not continues or room > 0.35 * width)
    if spaced:
        runs_on = (
            continues and not fits and drop < 2.3 * leading * size and abs(line.left - above.left) < size
        )
        return space if runs_on else "\n\n"
    if above.in_row or line.in_row or (above.fixed and line.fixed) or _TOC_ENTRY.search(above.text[-40:]):
        return "\n"
    if _BULLET.match(line.text) and (line.text[0] not in "-–—*·" or fits or ended or _is_item(piece)):
        return "\n"
    if _NUMBERED.match(line.text) and (fits or ended or _is_item(piece)):
        return "\n"
    if above.bold != line.bold and fits:
        return "\n\n"
    if above.text.endswith(":") and room > 0.3 * width:
        return "\n"
    indent = line.left - above.left
    if ended and 0.7 * size < indent < 6 * size and not _is_item(piece):
        return "\n\n"
    if fits:
        return "\n\n" if ended and not line.text[:1].islower() else "\n"
    return space


def _is_item(piece: _Piece) -> bool:
    return bool(_BULLET.match(piece.text) or _NUMBERED.match(piece.text))


def _first_word_fits(above: Line, line: Line, right_edge: float) -> bool:
    """Whether the line was ended on purpose: there was room for the next word."""
    letter = (line.right - line.left) / max(1, len(line.text))
    word = line.text.split(" ", 1)[0]
    return above.right + (len(word) + 2) * letter < right_edge


def _is_cjk(letter: str) -> bool:
    return (
        "\u3000" <= letter <= "\u30ff"
        or "\u3400" <= letter <= "\u9fff"
        or "\uf900" <= letter <= "\ufaff"
        or "\uff00" <= letter <= "\uffef"
    )


def _mend_words(pieces: Sequence[_Piece]) -> None:
    """Join words that were broken at a line end; the rest of the document says which hyphens belong."""
    broken = [piece for piece in pieces if _BREAK in piece.text]
    if not broken:
        return
    ends = sum(len(piece.lines) for piece in pieces)
    # Where hardly a line ends in a hyphen nobody divided words: those hyphens belong to the words.
    divides = ends < _LINES_TO_TELL or sum(p.text.count(_BREAK) for p in broken) > _FEW_DIVIDED * ends
    known: set[str] = set()
    for piece in pieces:
        for part in _unbroken(piece.text):
            known.update(word.lower() for word in _WORD.findall(part))
    for piece in broken:
        mended, *parts = piece.text.split(_BREAK)
        for part in parts:
            before = _WORD_BEFORE.search(mended[-60:])
            after = _WORD_AFTER.match(part[:60])
            keep = (
                before is None
                or after is None
                or _keeps_hyphen(before.group(), after.group(), known, divides=divides)
            )
            mended += ("-" if keep else "") + part
        piece.text = mended


def _unbroken(text: str) -> Iterator[str]:
    """The stretches of a text without the halves of broken words."""
    parts = text.split(_BREAK)
    for number, part in enumerate(parts):
        start = part.find(" ") if number else 0
        end = part.rfind(" ") if number < len(parts) - 1 else len(part)
        if 0 <= start < end:
            yield part[start:end]


def _keeps_hyphen(before: str, after: str, known: set[str], *, divides: bool) -> bool:
    first, second = before.lower(), after.lower()
    if first + second in known:
        return False
    if f"{first}-{second}" in known or "-" in before or not divides:
        return True
    if not after[0].islower() or not before[-1].islower() or first in _KEEPS_HYPHEN:
        return True
    # "data-" and "base" are words of this document each, "database" is not.
    return len(first) > 3 and len(second) > 3 and first in known and second in known


def _assemble(pages: Sequence[Sequence[_Piece]]) -> tuple[str, tuple[int, ...]]:
    """One text, and where each page starts in it; a page without text starts where the next one does."""
    parts: list[str] = []
    length = 0
    starts: list[int] = []
    last: _Piece | None = None
    for pieces in pages:
        waiting = len(starts)
        starts.append(length)
        for number, piece in enumerate(pieces):
            if last is not None:
                newlines = piece.newlines if number else 1 if _runs_over(last, piece) else 2
                parts.append("\n" * newlines)
                length += newlines
            if not number:
                while waiting and starts[waiting - 1] == starts[-1]:
                    waiting -= 1
                for index in range(waiting, len(starts)):
                    starts[index] = length if last is not None else 0
            piece.start, piece.end = length, length + len(piece.text)
            parts.append(piece.text)
            length = piece.end
            last = piece
    return "".join(parts), tuple(starts)


def _runs_over(last: _Piece, piece: _Piece) -> bool:
    """Whether a paragraph goes on over the end of a page."""
    return not _ENDED.search(last.text[-10:]) and piece.text[:1].islower()


def _headings_by_outline(pages: Sequence[Sequence[_Piece]], bookmarks: Iterable[Bookmark]) -> list[Heading]:
    """A heading for each entry whose title stands on the page that it leads to."""
    found: dict[int, Heading] = {}
    folded: dict[int, list[str]] = {}
    for bookmark in bookmarks:
        if bookmark.page >= len(pages):
            continue
        pieces = pages[bookmark.page]
        if bookmark.page not in folded:
            folded[bookmark.page] = [_folded(piece.text[: 2 * _HEADING_CHARS]) for piece in pieces]
        wanted = _folded(bookmark.title)
        # Some programs leave the number out of the outline, or out of the text.
        bare = wanted.lstrip("0123456789.") or wanted
        candidates = [
            (not whole.startswith(wanted), len(whole), number)
            for number, whole in enumerate(folded[bookmark.page])
            if whole in (wanted, bare)
            or (len(whole) <= len(wanted) + 12 and (whole.startswith(wanted) or whole.endswith(bare)))
        ]
        candidates = [item for item in candidates if pieces[item[2]].start not in found]
        if not candidates:
            continue
        piece = pieces[min(candidates)[2]]
        found[piece.start] = Heading(start=piece.start, end=piece.end, level=bookmark.level, title=piece.text)
    return [found[start] for start in sorted(found)]


def _folded(text: str) -> str:
    return "".join(text.casefold().split())


def _headings_by_looks(pages: Sequence[Sequence[_Piece]], body: float) -> list[tuple[_Piece, int]]:
    """Short pieces in large or bold letters; larger ones are of a higher level, bold ones of the lowest."""
    found: list[tuple[_Piece, float]] = []
    for pieces in pages:
        for piece, following in zip_longest(pieces, pieces[1:]):
            first = piece.lines[0]
            if len(piece.text) > _HEADING_CHARS or first.turned or first.in_row:
                continue
            if first.size <= _LARGE * body and not first.bold:
                continue
            if sum(c.isalpha() for c in piece.text) < 3:
                continue
            if first.size > _LARGE * body:
                found.append((piece, round(first.size * 2) / 2))
            elif (
                all(line.bold for line in piece.lines)
                and len(piece.lines) <= 2
                and first.size > 0.95 * body
                and not _ENDED.search(piece.text[-10:])
                and following is not None
                and not following.lines[0].bold
                and piece.newlines != 1
            ):
                found.append((piece, 0.0))
    sizes = sorted({size for _, size in found}, reverse=True)
    return [(piece, min(sizes.index(size) + 1, 6)) for piece, size in found]
