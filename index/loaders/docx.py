"""Word files: paragraphs, lists, tables, text boxes, charts and notes in reading order, headings by style.

The XML is walked here and not with python-docx, which gives no text of content controls, tracked
insertions, text boxes and notes, no list numbers, and refuses files that Word opens (a picture that
is gone, the strict variant of the format). Names are compared without their namespace, so both
variants of the format read alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from index.documents import Heading, ParsedDocument
from index.errors import DocumentError
from index.loaders.archive import Archive
from index.loaders.charts import chart_titles, chart_values
from index.loaders.cleaning import clean, one_line, sensible_title
from index.loaders.refusals import damaged
from index.loaders.table_rows import Cell, Grid
from index.loaders.word_styles import Numbering, Styles, is_on
from index.loaders.xml_parts import attribute, child, local, part, path, related_ids, related_parts

_MAX_DEPTH = 200
_LAYOUT_CELL_CHARS = 600
_LAYOUT_CELL_PARAGRAPHS = 3
_SKIPPED = frozenset(
    (
        *("rPr", "pPr", "tblPr", "trPr", "tcPr", "sdtPr"),  # properties hold no text
        *("del", "delText", "moveFrom"),  # tracked changes: what is gone
        *("instrText", "fldData", "binData", "object", "rt"),
        "Fallback",  # the same again for old programs
    )
)
_LETTERS_OF_SYMBOL_FONTS = {0xF0E0: "→", 0xF0DF: "←", 0xF0FC: "✓", 0xF06F: "☐", 0xF0A8: "☐", 0xF0FE: "☒"}
_SYMBOL_BULLETS = str.maketrans(dict.fromkeys("\uf0b7\uf0a7\uf0d8\uf076\uf02d\uf06c\uf06e", "•"))


def load_docx(data: bytes, *, media_type: str) -> ParsedDocument:
    """Read the main text, then footnotes and endnotes; deleted (tracked) and hidden text is left out.

    Raises DocumentError ``damaged``, ``password``, ``too_large`` or ``no_text``.
    """
    with Archive(data) as archive:
        main_name = related_parts(archive, "").get("officeDocument", "word/document.xml")
        body = child(part(archive, main_name), "body")
        if body is None:
            raise damaged()
        related = related_parts(archive, main_name)
        reader = _Reader(
            Styles(part(archive, related.get("styles"))),
            Numbering(part(archive, related.get("numbering"))),
            _Charts(archive, main_name),
        )
        reader.read_blocks(body, 0)
        for kind in ("footnotes", "endnotes"):
            if reader.noted(kind):
                reader.read_notes(part(archive, related.get(kind)), kind)
        properties = part(archive, "docProps/core.xml", required=False)
    text = reader.text()
    if not text:
        raise DocumentError(
            "no_text",
            "The file holds no text, perhaps only pictures.",
            hint="Export it as a PDF with a text layer and index that.",
        )
    headings = reader.headings
    named = child(properties, "title")
    title = reader.title or sensible_title("" if named is None else named.text or "")
    title = title or next((one_line(h.title) for h in headings if h.level == 1), "")
    return ParsedDocument(text=text, title=title, media_type=media_type, headings=tuple(headings))


@dataclass(slots=True, kw_only=True)
class _Paragraph:
    """A paragraph as read: its text (list label included) and what it is."""

    text: str
    level: int | None  # of a heading
    is_title: bool
    is_item: bool
    boxes: list[Element]  # text boxes and charts anchored in it


class _Charts:
    """The charts of a file, by the id that the text refers to them with."""

    def __init__(self, archive: Archive, main_name: str) -> None:
        self._archive = archive
        self._names = related_ids(archive, main_name)

    def read(self, reference: Element) -> Element | None:
        """The chart; None where it is not there, or was read before."""
        name = self._names.pop(attribute(reference, "id") or "", None)
        return part(self._archive, name, required=False)


class _Reader:
    def __init__(self, styles: Styles, numbering: Numbering, charts: _Charts) -> None:
        self.headings: list[Heading] = []
        self.title = ""
        self._styles = styles
        self._numbering = numbering
        self._charts = charts
        self._parts: list[str] = []
        self._length = 0
        self._after_item = False
        self._notes: dict[str, dict[str, str]] = {"footnotes": {}, "endnotes": {}}  # id → mark

    def text(self) -> str:
        """Everything read so far."""
        return "".join(self._parts)

    def noted(self, kind: str) -> bool:
        """Whether the text refers to notes of this kind."""
        return bool(self._notes[kind])

    def read_blocks(self, container: Element, depth: int) -> None:
        """Read paragraphs and tables, also those inside content controls and the like."""
        _check_depth(depth)
        for element in container:
            name = local(element)
            if name == "p":
                self._add_paragraph(self._read_paragraph(element, depth), depth)
            elif name == "tbl":
                self._read_table(element, depth + 1)
            elif name not in _SKIPPED and not _is_placeholder(element):
                self.read_blocks(element, depth + 1)

    def read_notes(self, notes: Element | None, kind: str) -> None:
        """Read the notes that the text referred to, in the order of their marks."""
        if notes is None:
            return
        by_id = {attribute(note, "id"): note for note in notes}
        for note_id, mark in self._notes[kind].items():
            note = by_id.get(note_id)
            if note is None:
                continue
            text = " ".join(
                filter(None, (self._read_paragraph(p, 0).text for p in note.iter() if local(p) == "p"))
            )
            if text:
                self._add(f"{mark} {text}", 2)

    def _add(self, text: str, newlines: int) -> int:
        """Append text as its own line or paragraph; returns where it starts."""
        lead = "\n" * newlines if self._length else ""
        self._parts.append(lead + text)
        self._length += len(lead) + len(text)
        return self._length - len(text)

    def _add_paragraph(self, paragraph: _Paragraph, depth: int) -> None:
        if paragraph.text:
            start = self._add(paragraph.text, 1 if paragraph.is_item and self._after_item else 2)
            self._after_item = paragraph.is_item
            if paragraph.is_title and not self.title:
                self.title = one_line(paragraph.text)
            elif paragraph.level is not None:
                self.headings.append(
                    Heading(start=start, end=self._length, level=paragraph.level, title=paragraph.text)
                )
        for box in paragraph.boxes:
            if local(box) == "chart":
                self._add_chart(self._charts.read(box))
            else:
                self.read_blocks(box, depth + 1)

    def _add_chart(self, chart: Element | None) -> None:
        for title in chart_titles(chart):
            self._add(title, 2)
        self._add_rows(chart_values(chart), 1)

    def _read_paragraph(self, element: Element, depth: int) -> _Paragraph:
        properties = child(element, "pPr")
        style = self._styles.of(attribute(child(properties, "pStyle"), "val"))
        pieces: list[str] = []
        boxes: list[Element] = []
        if not style.hidden:
            self._read_inline(element, pieces, boxes, depth)
        text = _tidy("".join(pieces))
        outline = attribute(child(properties, "outlineLvl"), "val")
        level = int(outline) + 1 if outline in _OUTLINE_LEVELS else None if outline == "9" else style.level
        if level is not None:
            text = text.replace("\n", " ")
        label = ""
        if text:
            numbers = child(properties, "numPr")
            number, depth_in_list = style.number
            if numbers is not None:
                number = attribute(child(numbers, "numId"), "val") or number
                depth_in_list = attribute(child(numbers, "ilvl"), "val") or depth_in_list
            label = self._numbering.label(number, depth_in_list)
            if level is not None and label == "-":
                label = ""
        return _Paragraph(
            text=f"{label} {text}" if label else text,
            level=level,
            is_title=style.is_title,
            is_item=bool(label) and level is None,
            boxes=boxes,
        )

    def _read_inline(self, parent: Element, pieces: list[str], boxes: list[Element], depth: int) -> None:
        _check_depth(depth)
        for element in parent:
            name = local(element)
            if name == "t":
                pieces.append(element.text or "")
            elif name == "r":
                if not is_on(path(element, "rPr", "vanish")):
                    self._read_inline(element, pieces, boxes, depth + 1)
            elif name in ("tab", "ptab"):
                pieces.append("\t")
            elif name in ("br", "cr"):
                pieces.append("\n")
            elif name == "noBreakHyphen":
                pieces.append("-")
            elif name == "sym":
                pieces.append(_symbol(attribute(element, "char")))
            elif name in ("footnoteReference", "endnoteReference"):
                pieces.append(self._note_mark(element, name.replace("Reference", "s")))
            elif name in ("txbxContent", "chart"):
                boxes.append(element)
            elif name not in _SKIPPED and not _is_placeholder(element):
                self._read_inline(element, pieces, boxes, depth + 1)

    def _note_mark(self, element: Element, kind: str) -> str:
        marks = self._notes[kind]
        note_id = attribute(element, "id") or ""
        number = len(marks) + 1
        return marks.setdefault(note_id, f"[{number}]" if kind == "footnotes" else f"[e{number}]")

    def _read_table(self, table: Element, depth: int) -> None:
        """Rows of data as lines; a row with a cell that holds more than a line is read cell by cell."""
        _check_depth(depth)
        grid, said = Grid(), 0
        merged = _MergedCells()
        for row in _within(table, "tr", depth):
            if child(child(row, "trPr"), "del") is not None:
                continue
            cells = list(_within(row, "tc", depth))
            texts = [self._cell_text(cell, depth) for cell in cells]
            if len(cells) < 2 or any(text is None for text in texts):
                self._add_rows(grid, said)
                grid, said = Grid(), 0
                for cell in cells:
                    self.read_blocks(cell, depth + 1)
                continue
            if said == len(grid.rows) and is_on(path(row, "trPr", "tblHeader")):
                said += 1
            grid.add(merged.filled(cells, [text or "" for text in texts]))
        self._add_rows(grid, said)

    def _add_rows(self, grid: Grid, said: int) -> None:
        for at, line in enumerate(grid.lines(grid.headers(said or None))):
            self._add(line, 1 if at else 2)
            self._after_item = False

    def _cell_text(self, cell: Element, depth: int) -> str | None:
        """The text of a cell as one line; None when it is part of a layout and not a piece of data."""
        if _continues(cell):
            return ""
        if any(local(element) in ("tbl", "chart") for element in cell.iter()):
            return None
        before = {kind: dict(marks) for kind, marks in self._notes.items()}
        numbering = self._numbering.state()
        paragraphs = [self._read_paragraph(p, depth) for p in cell.iter() if local(p) == "p"]
        texts = [paragraph.text.replace("\n", " ") for paragraph in paragraphs if paragraph.text]
        if (
            len(texts) > _LAYOUT_CELL_PARAGRAPHS
            or sum(map(len, texts)) > _LAYOUT_CELL_CHARS
            or any(paragraph.level is not None for paragraph in paragraphs)
        ):
            # The cell is read again as blocks: what was counted now must not count twice.
            self._notes = before
            self._numbering.restore(numbering)
            return None
        return " ".join(texts)


class _MergedCells:
    """What is merged over rows, by its first column: Word has a cell for it in each row, but one text."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}

    def filled(self, cells: Sequence[Element], texts: Sequence[str]) -> list[Cell]:
        """The cells of a row, with the text of those that go on from the row above."""
        found: list[Cell] = []
        above, self._texts = self._texts, {}
        column = 0
        for cell, text in zip(cells, texts, strict=True):
            span = attribute(path(cell, "tcPr", "gridSpan"), "val") or "1"
            columns = int(span) if span.isascii() and span.isdigit() and len(span) < 4 else 1
            if _continues(cell):
                text = above.get(column, "")
            if path(cell, "tcPr", "vMerge") is not None:
                self._texts[column] = text
            found.append(Cell(text, columns))
            column += columns
        return found


def _continues(cell: Element) -> bool:
    """Whether a cell only goes on with the one above it."""
    merge = path(cell, "tcPr", "vMerge")
    return merge is not None and attribute(merge, "val") != "restart"


_OUTLINE_LEVELS = frozenset("012345678")


def _within(parent: Element, wanted: str, depth: int) -> Iterator[Element]:
    """Rows of a table or cells of a row, also those inside content controls."""
    _check_depth(depth)
    for element in parent:
        name = local(element)
        if name == wanted:
            yield element
        elif name in ("sdt", "sdtContent", "customXml", "ins", "moveTo"):
            yield from _within(element, wanted, depth + 1)


def _is_placeholder(element: Element) -> bool:
    """Whether a content control still shows "Click here to enter text"."""
    return local(element) == "sdt" and is_on(path(element, "sdtPr", "showingPlcHdr"))


def _symbol(code: str | None) -> str:
    try:
        number = int(code or "", 16)
    except ValueError:
        return ""
    if 0xE000 <= number <= 0xF8FF:
        return _LETTERS_OF_SYMBOL_FONTS.get(number, "")
    return chr(number) if 0x20 <= number < 0x110000 else ""


def _tidy(text: str) -> str:
    text = clean(text).translate(_SYMBOL_BULLETS).replace("\u00ad", "")
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.split("\n"))))


def _check_depth(depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise damaged()
