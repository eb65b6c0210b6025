"""Which files are tried, and as what, by their names."""

from __future__ import annotations

import mimetypes
import re
import struct
from functools import cache
from pathlib import PurePath

from index.documents import has_drawn_pages

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
EPUB = "application/epub+zip"
ODF = "application/vnd.oasis.opendocument"
_TEXT_EXTENSIONS = ".txt .text .org .adoc .asciidoc .tex .texi .texinfo .srt .vtt"
PYTHON = "text/x-python"
SOURCE = "text/x-source"  # code, settings and logs: what people speak of by its lines
_SOURCE_EXTENSIONS = """
    .log .bib .yaml .yml .toml .ini .cfg .conf .properties .diff .patch
    .js .mjs .jsx .ts .tsx .java .kt .scala .groovy .c .h .cc .cpp .cxx .hh .hpp .cs .go .rs .swift
    .rb .php .pl .pm .lua .r .jl .m .sh .bash .zsh .fish .ps1 .bat .cmd .sql .css .scss .less .vue .dart
    .ex .exs .erl .hs .ml .clj .el .lisp .vim .f90 .asm .s .proto .graphql .tf .gradle .cmake .mk
"""
MEDIA_TYPES = dict.fromkeys(_TEXT_EXTENSIONS.split(), "text/plain") | {
    **dict.fromkeys(_SOURCE_EXTENSIONS.split(), SOURCE),
    ".py": PYTHON,
    ".pyi": PYTHON,
    ".pdf": "application/pdf",
    ".docx": DOCX,
    ".docm": DOCX,
    ".xlsx": XLSX,
    ".xlsm": XLSX,
    ".pptx": PPTX,
    ".pptm": PPTX,
    ".ppsx": PPTX,
    ".epub": EPUB,
    ".odt": ODF,
    ".ods": ODF,
    ".odp": ODF,
    ".eml": "message/rfc822",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "text/html",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".rst": "text/x-rst",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".xml": "application/xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}
_BARE_NAMES = """
    readme license licence copying copyright notice authors contributors changelog changes news history
    install todo thanks credits faq bugs features hacking contributing maintainers
"""
SOURCE_NAMES = frozenset(("makefile", "dockerfile"))

SUPPORTED_EXTENSIONS: frozenset[str] = frozenset(MEDIA_TYPES) | {
    ".gz",
    *(f".{number}" for number in range(1, 9)),
}
"""Lower case, with the dot. Of compressed files and manual pages the rest of the name counts, too."""

RECOGNISED_EXTENSIONS = tuple(extension for extension, kind in MEDIA_TYPES.items() if has_drawn_pages(kind))
"""Of files that may hold pages that only text recognition can read."""

# "ls.1", "printf.3posix"; not "libm.so.6".
MAN_PAGE = re.compile(r"(?<!\.so)\.[1-8](?:[a-z][a-z0-9]{0,8})?\Z")
# "python3.1": such a number is that of a version, unless the file is compressed, as manual pages are.
_VERSION = re.compile(r"\d\.[1-8]\Z")
_LEAST_PIXELS = 64 * 64
_LEAST_SIDE = 12  # pixels
_PNG_SIZE = slice(16, 24)
_KNOWN_NAMES = frozenset(_BARE_NAMES.split())


def supported(name: str) -> bool:
    """Whether a file of this name is tried at all: by extension, or a well-known name without one."""
    path = PurePath(unpacked_name(name).lower())
    return (
        path.suffix in MEDIA_TYPES
        or path.name in SOURCE_NAMES
        or _is_man_name(path.name, compressed=name.lower().endswith(".gz"))
        or _is_known_text(path.name)
    )


def _is_man_name(name: str, *, compressed: bool) -> bool:
    return MAN_PAGE.search(name) is not None and (compressed or _VERSION.search(name) is None)


def _is_known_text(name: str) -> bool:
    """``README`` and ``README.Debian``, whatever follows the name, but for what is another kind of file."""
    return name.partition(".")[0] in _KNOWN_NAMES and _kinds().guess_type(name) == (None, None)


@cache
def _kinds() -> mimetypes.MimeTypes:
    return mimetypes.MimeTypes()  # those that Python brings along, the same on every machine


def is_source(media_type: str) -> bool:
    """Whether people speak of such a text by its lines: code, settings, logs, markup."""
    return media_type in (PYTHON, SOURCE, "application/xml")


def is_picture_name(name: str) -> bool:
    """Whether it is the name of a picture, whose words only text recognition can read."""
    return MEDIA_TYPES.get(PurePath(unpacked_name(name)).suffix.lower(), "").startswith("image/")


def shows_no_words(width: int, height: int) -> bool:
    """Whether a picture of so many pixels is too small for words: icons, bullets and rules of web pages."""
    return width * height < _LEAST_PIXELS or min(width, height) < _LEAST_SIDE


def is_icon(head: bytes) -> bool:
    """Whether a file that begins so (24 bytes tell) is a PNG that is too small for words."""
    return (
        head.startswith(b"\x89PNG\r\n\x1a\n")
        and len(head) >= _PNG_SIZE.stop
        and shows_no_words(*struct.unpack(">II", head[_PNG_SIZE]))
    )


def unpacked_name(name: str) -> str:
    """The name without the ending of compressed files: ``notes.txt`` for ``notes.txt.gz``."""
    return name[: -len(".gz")] if name.lower().endswith(".gz") else name
