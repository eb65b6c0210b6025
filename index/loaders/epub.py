"""EPUB books: the chapters in reading order, each read as the HTML that it is."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders.archive import Archive
from index.loaders.cleaning import one_line
from index.loaders.composing import Composition
from index.loaders.html import load_html
from index.loaders.refusals import damaged
from index.loaders.xml_parts import attribute, child, children, local, part

_CHAPTERS = ("application/xhtml+xml", "text/html", "text/x-oeb1-document")
_TITLE_CHARS = 60
# Fonts may be obfuscated in any book; what is encrypted otherwise needs a key that we do not have.
_FONT_ALGORITHMS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def load_epub(data: bytes, *, media_type: str, max_chars: int) -> ParsedDocument:
    """Chapters as the book's spine lists them; each is a part that is called by its first heading.

    Raises DocumentError ``damaged``, ``password``, ``too_large`` or ``no_text``.
    """
    composition = Composition(max_chars)
    warnings: list[str] = []
    with Archive(data) as archive:
        _refuse_protected(archive)
        name = _package_name(part(archive, "META-INF/container.xml"))
        package = part(archive, name)
        if package is None:
            raise damaged()
        for number, chapter in enumerate(_spine(package, posixpath.dirname(name)), 1):
            source = archive.read(chapter)
            if source is None:
                warnings.append(f"Part {number} of the book is missing in the file.")
                continue
            try:
                read = load_html(source, media_type="text/html")
            except DocumentError as exc:
                if exc.problem != "no_text":  # a cover or a plate is only a picture
                    warnings.append(f"Part {number} of the book cannot be read.")
                continue
            title = one_line(read.headings[0].title if read.headings else read.title, _TITLE_CHARS)
            composition.insert(read, below=0, locator=f"“{title}”" if title else f"part {number}")
    if not composition.length and warnings:
        raise damaged()
    if not composition.length:
        raise DocumentError(
            "no_text",
            "The book holds no text, perhaps only pictures.",
            hint="Convert it to PDF, run text recognition on that, and index it.",
        )
    return composition.document(media_type=media_type, title=_title(package), warnings=warnings)


def _refuse_protected(archive: Archive) -> None:
    encryption = part(archive, "META-INF/encryption.xml", required=False)
    for element in () if encryption is None else encryption.iter():
        if local(element) == "EncryptedData":
            method = attribute(child(element, "EncryptionMethod"), "Algorithm")
            if method not in _FONT_ALGORITHMS:
                raise DocumentError(
                    "password",
                    "The book is protected against copying (DRM): only its own program can read it.",
                    hint="Index an edition without protection; many sellers and libraries offer one.",
                )


def _package_name(container: Element | None) -> str:
    for element in () if container is None else container.iter():
        if local(element) == "rootfile" and (name := attribute(element, "full-path")):
            return name
    raise damaged()


def _spine(package: Element, folder: str) -> list[str]:
    """Names of the chapters' parts, in reading order; what lies outside the file is left out."""
    hrefs = {
        attribute(item, "id"): attribute(item, "href") or ""
        for item in children(child(package, "manifest"))
        if attribute(item, "media-type") in _CHAPTERS
    }
    found: list[str] = []
    for reference in children(child(package, "spine")):
        href = unquote(hrefs.get(attribute(reference, "idref"), "").partition("#")[0])
        name = posixpath.normpath(posixpath.join("/", folder, href)).lstrip("/")
        if href and ":" not in href and name not in found:
            found.append(name)
    return found


def _title(package: Element) -> str:
    for element in children(child(package, "metadata")):
        # Older books have their fields one level further down.
        for field in (element, *element):
            if local(field) == "title" and (field.text or "").strip():
                return one_line(field.text or "")
    return ""
