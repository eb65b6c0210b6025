"""Charts of Office files: their titles, and the numbers that they draw as the rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from index.loaders.cleaning import one_line
from index.loaders.table_rows import Cell, Grid
from index.loaders.xml_parts import attribute, child, children, local, path

_MOST_SERIES = 50
_MOST_POINTS = 1_000  # of a series; more are a measurement that is looked at, not read


def chart_titles(chart: Element | None) -> Iterator[str]:
    """The title of a chart, then those of its axes, as far as they were typed."""
    plot = path(chart, "chart", "plotArea")
    for holder in (path(chart, "chart"), *children(plot)):
        title = child(holder, "title")
        if title is not None:
            text = one_line("".join(each.text or "" for each in title.iter() if local(each) == "t"))
            if text:
                yield text


def chart_values(chart: Element | None) -> Grid:
    """A row for each category, with the values of all series; the first row names these."""
    categories: list[str] = []
    names: list[str] = []
    columns: list[dict[int, str]] = []
    for series in _series(path(chart, "chart", "plotArea")):
        if len(columns) == _MOST_SERIES:
            break
        named = _points(child(series, "tx"))
        names.append(named.get(0, "") or f"Series {len(names) + 1}")
        said = _points(child(series, "cat")) or _points(child(series, "xVal"))
        for at, text in said.items():
            categories += [""] * (at + 1 - len(categories))
            categories[at] = categories[at] or text
        values = child(series, "val")
        columns.append(_points(values if values is not None else child(series, "yVal")))
    grid = Grid()
    rows = max((at + 1 for column in columns for at in column), default=0)
    if rows:
        grid.add([Cell("Category"), *map(Cell, names)])
        for at in range(rows):
            category = categories[at] if at < len(categories) else ""
            grid.add([Cell(category), *(Cell(column.get(at, "")) for column in columns)])
    return grid


def _series(plot: Element | None) -> Iterator[Element]:
    for kind in children(plot):
        yield from (each for each in kind if local(each) == "ser")


def _points(holder: Element | None) -> dict[int, str]:
    """What the file holds of a range of cells, by the number of the point; a lone name is point 0."""
    found: dict[int, str] = {}
    for element in () if holder is None else holder.iter():
        if local(element) == "pt":
            at = attribute(element, "idx") or ""
            value = child(element, "v")
            text = one_line("" if value is None else value.text or "")
            if at.isascii() and at.isdigit() and len(at) < 8 and int(at) < _MOST_POINTS and text:
                found[int(at)] = " ".join(filter(None, (text, found.get(int(at), ""))))
        elif local(element) == "v" and not found and (element.text or "").strip():
            found[0] = one_line(element.text or "")
    return found
