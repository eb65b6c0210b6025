"""PowerPoint files: each slide under its title, then its text, tables, charts and diagrams, then the notes.

The XML is walked here, as for Word files, so that what is unpacked is counted, and text of groups and
diagrams is read, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders.archive import Archive
from index.loaders.charts import chart_titles, chart_values
from index.loaders.cleaning import clean, one_line, sensible_title
from index.loaders.composing import Composition
from index.loaders.refusals import damaged
from index.loaders.table_rows import Cell, Grid
from index.loaders.xml_parts import attribute, child, children, local, part, path, related_ids, related_parts

_MAX_DEPTH = 100
_TITLES = ("title", "ctrTitle")
_REPEATED = ("sldNum", "dt", "ftr", "hdr", "sldImg")  # on every slide, or nothing to read
_LISTS = ("body", "obj", None)  # placeholders whose paragraphs are list items


def load_pptx(data: bytes, *, media_type: str, max_slides: int, max_chars: int) -> ParsedDocument:
    """Slides in their order, hidden ones named as such. A slide counts as a page.

    Shapes come in the order that the file has them, which screen readers follow, but the title first.

    Raises DocumentError ``damaged``, ``password``, ``too_large`` or ``no_text``.
    """
    composition = Composition(max_chars)
    with Archive(data) as archive:
        name = related_parts(archive, "").get("officeDocument", "ppt/presentation.xml")
        presentation = part(archive, name)
        if presentation is None:
            raise damaged()
        names_by_id = related_ids(archive, name)
        slides = list(children(child(presentation, "sldIdLst")))
        if len(slides) > max_slides:
            raise DocumentError(
                "too_large",
                f"It has {len(slides):,} slides; the limit is {max_slides:,}.",
                hint="Split the file into smaller ones and index those.",
            )
        titles: list[str] = []
        warnings: list[str] = []
        read = False
        for number, slide in enumerate(slides, 1):
            reader = _Slide(archive, names_by_id.get(_relation(slide), ""))
            if reader.is_missing:
                warnings.append(f"Slide {number} is missing in the file.")
            composition.begin_page()
            composition.begin(f"slide {number}")
            titles.append(reader.title)
            read = reader.add_to(composition, number) or read
        properties = part(archive, "docProps/core.xml", required=False)
    if not read and warnings:
        raise damaged()
    if not read:
        raise DocumentError(
            "no_text",
            "The slides hold no text, perhaps only pictures.",
            hint="Export it as a PDF, run text recognition on that, and index it.",
        )
    named = child(properties, "title")
    title = sensible_title("" if named is None else named.text or "")
    return composition.document(media_type=media_type, title=title or titles[0], warnings=warnings)


def _relation(element: Element) -> str:
    """The ``r:id`` of an element that has an ``id`` of its own, too."""
    return next((value for key, value in element.attrib.items() if key.endswith("}id")), "")


class _Slide:
    """One slide: its title and the blocks of text below it."""

    def __init__(self, archive: Archive, name: str) -> None:
        self.title = ""
        self._blocks: list[tuple[str, int]] = []  # text, and line ends before it
        self._archive = archive
        root = part(archive, name)
        self.is_missing = root is None
        self._hidden = attribute(root, "show") in ("0", "false")
        self._names_by_id = related_ids(archive, name) if root is not None else {}
        tree = path(root, "cSld", "spTree")
        if tree is not None:
            self._read_shapes(tree, 0)
        related = related_parts(archive, name) if root is not None else {}
        self._notes = list(_notes(part(archive, related.get("notesSlide"), required=False)))

    def add_to(self, composition: Composition, number: int) -> bool:
        """Append the slide; returns whether it holds anything."""
        if not (self.title or self._blocks or self._notes):
            return False
        title = self.title or f"Slide {number}"  # without one it would seem to belong to the slide before
        composition.add_heading(f"{title} (hidden slide)" if self._hidden else title, 1)
        for text, newlines in self._blocks:
            composition.add(text, newlines=newlines)
        if self._notes:
            composition.add_heading("Notes", 2)
            for text in self._notes:
                composition.add(text)
        return True

    def _read_shapes(self, parent: Element, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise damaged()
        for shape in parent:
            name = local(shape)
            if name == "sp":
                self._read_text(shape)
            elif name == "graphicFrame":
                self._read_frame(shape)
            elif name in ("grpSp", "AlternateContent", "Choice"):
                self._read_shapes(shape, depth + 1)

    def _read_text(self, shape: Element) -> None:
        placeholder = path(shape, "nvSpPr", "nvPr", "ph")
        kind = attribute(placeholder, "type")
        body = child(shape, "txBody")
        if body is None or (placeholder is not None and kind in _REPEATED):
            return
        if placeholder is not None and kind in _TITLES and not self.title:
            self.title = one_line(" ".join(text for text, _ in _paragraphs(body)))
            return
        in_list = placeholder is not None and kind in _LISTS
        paragraphs = list(_paragraphs(body))
        after_item = False
        for text, properties in paragraphs:
            item = _is_item(properties, in_list and len(paragraphs) > 1)
            level = attribute(properties, "lvl") or "0"
            indent = "  " * (int(level) if level in "012345678" else 0)
            line = f"{indent}- {text.replace(chr(10), ' ')}" if item else text
            self._blocks.append((line, 1 if item and after_item else 2))
            after_item = item

    def _read_frame(self, frame: Element) -> None:
        data = path(frame, "graphic", "graphicData")
        table = child(data, "tbl")
        if table is not None:
            self._read_table(table)
        chart = child(data, "chart")
        if chart is not None:
            self._read_chart(chart)
        diagram = child(data, "relIds")
        if diagram is not None:
            source = part(
                self._archive, self._names_by_id.get(attribute(diagram, "dm") or ""), required=False
            )
            for element in () if source is None else source.iter():
                if local(element) == "pt":
                    for text, _ in _paragraphs(child(element, "t")):
                        self._blocks.append((text, 2))

    def _read_table(self, table: Element) -> None:
        grid = Grid()
        above: list[str] = []
        for row in table:
            if local(row) != "tr":
                continue
            cells = [cell for cell in row if local(cell) == "tc"]
            texts = [
                # What is merged over rows or columns has a cell in each of them, but one text.
                (above[at] if at < len(above) else "")
                if _is_set(cell, "vMerge")
                else " ".join(text for text, _ in _paragraphs(child(cell, "txBody")))
                for at, cell in enumerate(cells)
            ]
            grid.add([Cell(text) for text in texts])
            above = texts
        self._add_rows(grid, int(_is_set(child(table, "tblPr"), "firstRow")))

    def _add_rows(self, grid: Grid, headers: int) -> None:
        for at, line in enumerate(grid.lines(headers)):
            self._blocks.append((line, 1 if at else 2))

    def _read_chart(self, reference: Element) -> None:
        chart = part(self._archive, self._names_by_id.get(_relation(reference) or ""), required=False)
        for title in chart_titles(chart):
            self._blocks.append((title, 2))
        self._add_rows(chart_values(chart), 1)


def _is_set(element: Element | None, name: str) -> bool:
    """Whether an attribute that is yes or no says yes."""
    return attribute(element, name) in ("1", "true")


def _is_item(properties: Element | None, in_list: bool) -> bool:
    for element in children(properties):
        if local(element) in ("buChar", "buAutoNum", "buBlip"):
            return True
        if local(element) == "buNone":
            return False
    return in_list


def _paragraphs(body: Element | None) -> Iterator[tuple[str, Element | None]]:
    """The text of each paragraph that has any, and its properties."""
    for paragraph in children(body):
        if local(paragraph) != "p":
            continue
        pieces: list[str] = []
        for run in paragraph:
            if local(run) in ("r", "fld"):
                written = child(run, "t")
                pieces.append("" if written is None else written.text or "")
            elif local(run) == "br":
                pieces.append("\n")
        lines = (" ".join(line.split()) for line in clean("".join(pieces)).split("\n"))
        text = "\n".join(filter(None, lines))
        if text:
            yield text, child(paragraph, "pPr")


def _notes(root: Element | None) -> Iterator[str]:
    for shape in children(path(root, "cSld", "spTree")):
        placeholder = path(shape, "nvSpPr", "nvPr", "ph")
        if placeholder is not None and attribute(placeholder, "type") == "body":
            for text, _ in _paragraphs(child(shape, "txBody")):
                yield text
