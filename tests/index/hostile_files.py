"""A folder of hostile files, each with the state that it may end in."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.index.hostile_archives import hostile_archives
from tests.index.hostile_markup import hostile_pages, hostile_texts
from tests.index.hostile_pdf import hostile_pdfs
from tests.index.hostile_pictures import hostile_pictures

Family = Literal["names", "sizes", "texts", "pages", "pdf", "archives", "pictures"]

LIMIT = 11 << 20  # bytes of a file, for the tests; the largest of these files that is read has 10 MB
_SPARSE_BYTES = 2 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileFile:
    """One file.

    Attributes:
        name: In its folder.
        expected: The states that it may end in, parted by bars: ``ready``, ``partial``, ``skipped``,
            ``failed`` (whatever the problem is) or ``failed damaged``; ``any`` is each of them.
        write: Puts it under the path it gets.
    """

    family: Family
    name: str
    expected: str
    write: Callable[[Path], object]

    def allows(self, state: str) -> bool:
        """Whether it may end so; ``state`` is ``failed`` with the problem, or another word."""
        allowed = self.expected.split("|")
        return "any" in allowed or state in allowed or state.split()[0] in allowed


def hostile_files(url: str) -> Iterator[HostileFile]:
    """All of them. What a file could load, it would load from below ``url``."""
    yield from _names()
    yield from _sizes()
    families: tuple[tuple[Family, Iterator[tuple[str, str, Callable[[], bytes]]]], ...] = (
        ("texts", hostile_texts()),
        ("pages", hostile_pages(url)),
        ("pdf", hostile_pdfs(url)),
        ("archives", hostile_archives(url)),
        ("pictures", hostile_pictures()),
    )
    for family, files in families:
        for name, expected, make in files:
            yield HostileFile(family=family, name=name, expected=expected, write=_writer(make))


def _writer(make: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(make())


def _names() -> Iterator[HostileFile]:
    """Each holds words of its own, so that none is the copy of another."""
    everywhere = [
        "-rf.txt",
        "--help.md",
        "~.txt",
        "%s%n%00.txt",
        "{{7*7}} ${7*7} {0.__class__}.txt",
        "'; DROP TABLE documents; --.txt",
        "a.pdf.txt",
        "txt.txt.txt.txt",
        "UPPER.TXT",
        "zero\u200bwidth.txt",
        "\u202etxt.gpj.txt",
        "é.txt",
        "x" * 251 + ".txt",
    ]
    posix = [
        "<img src=x onerror=alert(1)>.txt",
        "<script>alert(1)<!--.html",
        "line\nbreak.txt",
        "tab\tand\rreturn.txt",
        "\x1b[31mred\x07.txt",
        "back\\slash.txt",
        "C:\\Windows.txt",
        "CON.txt",
        "aux.md",
        "NUL.html",
        " blanks at both ends .txt",
        "two dots..txt",
    ]
    linux = [
        "e\u0301.txt",  # equal to "é.txt" once it is normalised, which macOS does
        os.fsdecode(b"caf\xe9.txt"),
        os.fsdecode(b"\xff\xfe\xfd.md"),
        "é" * 125 + ".txt",
    ]
    names = everywhere
    names = names + posix if sys.platform != "win32" else names
    names = names + linux if sys.platform == "linux" else names
    for number, name in enumerate(names):
        text = f"Words of the file with the odd name number {number}.\n".encode()
        yield HostileFile(family="names", name=name, expected="ready", write=_writer(lambda text=text: text))  # type: ignore[misc]
    for name in ("no extension", "dot.", "archive.exe"):
        yield HostileFile(family="names", name=name, expected="skipped", write=_writer(lambda: b"words"))


def _sizes() -> Iterator[HostileFile]:
    words = b"Words of a file of an odd size. "
    makers: list[tuple[str, str, Callable[[], bytes]]] = [
        ("empty.txt", "failed empty", lambda: b""),
        ("empty.pdf", "failed empty", lambda: b""),
        ("empty.docx", "failed empty", lambda: b""),
        ("one byte.txt", "ready", lambda: b"x"),
        ("one byte that is no text.txt", "failed binary", lambda: b"\x00"),
        ("one line end.txt", "failed empty", lambda: b"\n"),
        ("at the limit.txt", "ready", lambda: words + b" " * (LIMIT - 2 * len(words)) + words),
        ("over the limit.txt", "failed too_large", lambda: words + b" " * (LIMIT + 1 - len(words))),
        ("a line of half a megabyte.txt", "ready", lambda: words * 16_384),
        ("a word of a megabyte.txt", "ready", lambda: b"x" * (1 << 20)),
        ("sixty thousand lines.txt", "ready", lambda: b"a\n" * 60_000),
        ("a million empty lines.txt", "ready", lambda: b"\n" * (1 << 20) + words),
    ]
    for name, expected, make in makers:
        yield HostileFile(family="sizes", name=name, expected=expected, write=_writer(make))
    yield HostileFile(family="sizes", name="sparse.txt", expected="failed too_large", write=_sparse)
    yield HostileFile(
        family="sizes", name="sparse below the limit.txt", expected="failed binary", write=_small_sparse
    )


def _sparse(path: Path, size: int = 1 << 30) -> None:
    """A file that takes no room, where the file system knows such ones."""
    with path.open("wb") as file:
        file.truncate(size if sys.platform == "linux" else min(size, LIMIT + _SPARSE_BYTES))


def _small_sparse(path: Path) -> None:
    _sparse(path, _SPARSE_BYTES)
