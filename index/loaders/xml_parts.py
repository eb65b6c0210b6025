"""The XML inside zip archives: parts, what they refer to, and elements by names without a namespace."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, ParseError, fromstring

from index.loaders.archive import Archive
from index.loaders.refusals import damaged


def part(archive: Archive, name: str | None, *, required: bool = True) -> Element | None:
    """The root of an XML part; None when it is not there."""
    data = archive.read(name) if name else None
    if data is None:
        return None
    # An Office file has no document type: only an attack by entities needs one.
    if has_doctype(data):
        raise damaged()
    try:
        return fromstring(data)  # the standard parser loads nothing from outside
    except (ParseError, ValueError, LookupError, UnicodeError) as exc:
        if not required:
            return None
        raise damaged() from exc


def has_doctype(data: bytes) -> bool:
    """Whether XML declares a document type, in which entities could be defined."""
    return any(mark in data for mark in _DOCTYPES)


_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))


def related_parts(archive: Archive, name: str) -> dict[str, str]:
    """Names of the parts that a part refers to, by the last word of the relationship's type."""
    found: dict[str, str] = {}
    for _, kind, target in _relations(archive, name):
        found.setdefault(kind, target)
    return found


def related_ids(archive: Archive, name: str) -> dict[str, str]:
    """Names of the parts that a part refers to, by the id that it refers to them with."""
    return {identifier: target for identifier, _, target in _relations(archive, name)}


def related_of_kind(archive: Archive, name: str, kind: str) -> list[str]:
    """Names of all parts of one kind that a part refers to, by the last word of the relationship's type."""
    return [target for _, each, target in _relations(archive, name) if each == kind]


def _relations(archive: Archive, name: str) -> Iterator[tuple[str, str, str]]:
    folder, _, file = name.rpartition("/")
    relations = part(archive, posixpath.join(folder, "_rels", f"{file}.rels"), required=False)
    for relation in children(relations):
        target = relation.get("Target", "")
        if relation.get("TargetMode") != "External" and target:
            target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            yield relation.get("Id", ""), relation.get("Type", "").rpartition("/")[2], target


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def attribute(element: Element | None, name: str) -> str | None:
    """The attribute of that name in any namespace."""
    if element is None:
        return None
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return value
    return None


def child(element: Element | None, name: str) -> Element | None:
    """The first child of that name."""
    if element is None:
        return None
    for candidate in element:
        if local(candidate) == name:
            return candidate
    return None


def children(element: Element | None) -> Iterable[Element]:
    """All children, none of an element that is not there."""
    return () if element is None else element


def path(element: Element | None, *names: str) -> Element | None:
    """The first child of the first child ... of those names."""
    for name in names:
        element = child(element, name)
    return element
