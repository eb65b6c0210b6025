"""OpenDocument files: texts, presentations and spreadsheets, read from their one XML part in its order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders.archive import Archive
from index.loaders.cleaning import clean, one_line, sensible_title
from index.loaders.composing import Composition
from index.loaders.csv_rows import add_table
from index.loaders.refusals import damaged, needs_password
from index.loaders.table_rows import Cell, Grid
from index.loaders.xml_parts import attribute, child, children, local, part, path

MEDIA_TYPES = {
    "text": "application/vnd.oasis.opendocument.text",
    "presentation": "application/vnd.oasis.opendocument.presentation",
    "spreadsheet": "application/vnd.oasis.opendocument.spreadsheet",
}
_MAX_DEPTH = 200
_MAX_CELLS = 3_000_000
_MAX_COLUMNS = 16_384
_SKIPPED = frozenset(
    (
        *("tracked-changes", "annotation", "annotation-end", "sequence-decls", "forms", "desc", "title"),
        *("table-of-content", "alphabetical-index", "illustration-index", "shapes", "ruby-text"),
        *("page-number", "date-time-decl", "header-decl", "footer-decl", "script", "binary-data"),
    )
)


def load_odf(data: bytes, *, max_slides: int, max_chars: int) -> ParsedDocument:
    """Headings by their outline level, lists, tables by rows, footnotes where they are marked.

    Raises DocumentError ``damaged``, ``password``, ``too_large``, ``unsupported`` or ``no_text``.
    """
    with Archive(data) as archive:
        manifest = part(archive, "META-INF/manifest.xml", required=False)
        if manifest is not None and any(local(each) == "encryption-data" for each in manifest.iter()):
            raise needs_password()
        root = part(archive, "content.xml")
        if root is None:
            raise damaged()
        meta = path(part(archive, "meta.xml", required=False), "meta")
    kind, body = next(
        ((local(each), each) for each in children(child(root, "body")) if local(each) in MEDIA_TYPES),
        ("", None),
    )
    if body is None:
        raise DocumentError(
            "unsupported",
            "This is a drawing, a formula or a database, which holds no text to read.",
            hint="Export it as PDF and index that.",
        )
    reader = _Reader(Composition(max_chars))
    if kind == "spreadsheet":
        reader.read_sheets(body)
    elif kind == "presentation":
        reader.read_slides(body, max_slides)
    else:
        reader.read_blocks(body, 0)
    if not reader.composition.length:
        raise DocumentError(
            "no_text",
            "The file holds no text, perhaps only pictures.",
            hint="Export it as a PDF with a text layer and index that.",
        )
    named = child(meta, "title")
    title = sensible_title("" if named is None else named.text or "") or reader.title
    return reader.composition.document(media_type=MEDIA_TYPES[kind], title=title)


class _Reader:
    def __init__(self, composition: Composition) -> None:
        self.composition = composition
        self.title = ""
        self._cells_left = _MAX_CELLS

    def read_blocks(self, parent: Element, depth: int, indent: int = 0) -> None:
        """Paragraphs, headings, lists and tables, also those inside sections, frames and groups."""
        _check_depth(depth)
        for element in parent:
            name = local(element)
            if name == "h":
                self._add_heading(element)
            elif name == "p":
                self.composition.add(_text(element))
                for box in _boxes(element, depth):
                    self.read_blocks(box, depth + 1)
            elif name == "list":
                self._read_list(element, depth + 1, indent)
            elif name == "table":
                self._read_table(element)
            elif name not in _SKIPPED and name != "notes":
                self.read_blocks(element, depth + 1, indent)

    def read_slides(self, body: Element, limit: int) -> None:
        """Slides as pages; the title of a slide is its heading, notes stand under one of their own."""
        slides = [each for each in body if local(each) == "page"]
        if len(slides) > limit:
            raise DocumentError(
                "too_large",
                f"It has {len(slides):,} slides; the limit is {limit:,}.",
                hint="Split the file into smaller ones and index those.",
            )
        for number, slide in enumerate(slides, 1):
            self.composition.begin_page()
            self.composition.begin(f"slide {number}")
            titles = [each for each in slide if attribute(each, "class") == "title"]
            title = one_line(" ".join(_text(p) for each in titles for p in each.iter() if local(p) == "p"))
            notes = child(slide, "notes")
            if not any((each.text or "").strip() or (each.tail or "").strip() for each in slide.iter()):
                continue
            self.title = self.title or title
            self.composition.add_heading(title or f"Slide {number}", 1)
            for each in slide:
                if each not in titles and each is not notes:
                    self.read_blocks(_wrapped(each), 0)
            said = [
                text
                for p in (notes.iter() if notes is not None else ())
                if local(p) == "p" and (text := _text(p))
            ]
            if said:
                self.composition.add_heading("Notes", 2)
                for text in said:
                    self.composition.add(text)

    def read_sheets(self, body: Element) -> None:
        """Each sheet under its name; rows count as spreadsheets do."""
        for sheet in body:
            if local(sheet) != "table":
                continue
            name = one_line(attribute(sheet, "name") or "", 100)
            rows = [(number, cells) for number, cells in self._rows(sheet) if any(cells)]
            if rows:
                self.composition.begin(f"sheet {name}")
                self.composition.add_heading(name, 1)
                add_table(self.composition, rows, name=f"sheet {name}")

    def _add_heading(self, element: Element) -> None:
        level = attribute(element, "outline-level") or "1"
        text = _text(element)
        self.composition.add_heading(text, int(level) if level in {*"123456789"} else 1)
        if not self.title and level == "1":
            self.title = one_line(text)

    def _read_list(self, parent: Element, depth: int, indent: int) -> None:
        _check_depth(depth)
        first = indent == 0
        for item in parent:
            for block in item:
                name = local(block)
                if name == "h":
                    self._add_heading(block)
                elif name == "p" and (text := _text(block)):
                    line = "  " * min(indent, 8) + "- " + text.replace("\n", " ")
                    self.composition.add(line, newlines=2 if first else 1)
                    first = False
                elif name == "list":
                    self._read_list(block, depth + 1, indent + 1)

    def _read_table(self, table: Element) -> None:
        grid = Grid()
        for _, cells in self._rows(table):
            grid.add([Cell(text) for text in cells])
        said = sum(
            1
            for group in table
            if local(group) == "table-header-rows"
            for _ in _within(group, "table-row", 0)
        )
        for at, line in enumerate(grid.lines(grid.headers(said or None))):
            self.composition.add(line, newlines=1 if at else 2)

    def _rows(self, table: Element) -> Iterator[tuple[int, Sequence[str]]]:
        """Number, from 1, and cells of each row; repeated blank ones are only counted.

        What is merged over rows is said in each of them.
        """
        number = 0
        merged: dict[int, tuple[int, str]] = {}  # column → the last row of what is merged there, and its text
        for row in _within(table, "table-row", 0):
            repeated = _count(row, "number-rows-repeated")
            cells: list[str] = []
            blank = 0
            for cell in row:
                if local(cell) not in ("table-cell", "covered-table-cell"):
                    continue
                times = _count(cell, "number-columns-repeated")
                text = " ".join(_text(p) for p in cell.iter() if local(p) in ("p", "h")).strip()
                column = len(cells) + blank
                if local(cell) == "covered-table-cell" and merged.get(column, (0, ""))[0] > number:
                    text, times = merged[column][1], 1
                elif text and (rows := _count(cell, "number-rows-spanned")) > 1:
                    merged[column] = (number + rows, text)
                if not text:
                    blank += times
                    continue
                if len(cells) + blank + times > _MAX_COLUMNS:
                    raise damaged()
                self._cells_left -= blank + times
                cells += [*[""] * blank, *[text] * times]
                blank = 0
            for at in range(min(repeated, 1000) if cells else 0):
                self._cells_left -= len(cells)
                if self._cells_left < 0:
                    raise DocumentError(
                        "too_large",
                        f"It has more than {_MAX_CELLS:,} cells.",
                        hint="Save the sheets you need as files of their own and index those.",
                    )
                yield number + at + 1, cells
            number += repeated


def _within(parent: Element, wanted: str, depth: int) -> Iterator[Element]:
    """Rows of a table, also those in groups and headers; not those of a table inside it."""
    _check_depth(depth)
    for element in parent:
        if local(element) == wanted:
            yield element
        elif local(element) in ("table-rows", "table-row-group", "table-header-rows"):
            yield from _within(element, wanted, depth + 1)


def _boxes(parent: Element, depth: int) -> Iterator[Element]:
    """Text boxes that are anchored in a paragraph, but not those inside them."""
    _check_depth(depth)
    for element in parent:
        if local(element) == "text-box":
            yield element
        else:
            yield from _boxes(element, depth + 1)


def _wrapped(element: Element) -> Element:
    wrapper = Element("page")
    wrapper.append(element)
    return wrapper


def _text(paragraph: Element) -> str:
    """The text of a paragraph; a footnote stands in brackets at its mark, so that it is not lost."""
    pieces: list[str] = []
    _read_inline(paragraph, pieces, 0)
    lines = (" ".join(line.split()) for line in clean("".join(pieces)).split("\n"))
    return "\n".join(filter(None, lines))


def _read_inline(parent: Element, pieces: list[str], depth: int) -> None:
    _check_depth(depth)
    pieces.append((parent.text or "").replace("\n", " "))
    for element in parent:
        name = local(element)
        if name in ("s", "tab"):
            pieces.append(" ")
        elif name == "line-break":
            pieces.append("\n")
        elif name == "note":
            body = child(element, "note-body")
            said = " ".join(_text(p) for p in children(body) if local(p) == "p")
            pieces.append(f" [{said}]" if said else "")
        elif name not in _SKIPPED and name != "text-box":
            _read_inline(element, pieces, depth + 1)
        pieces.append((element.tail or "").replace("\n", " "))


def _count(element: Element, name: str) -> int:
    value = attribute(element, name) or "1"
    return max(1, int(value)) if value.isascii() and value.isdigit() and len(value) < 8 else 1


def _check_depth(depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise damaged()
