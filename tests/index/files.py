"""Sample files and misbehaving loaders for the tests of what reads documents."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from index.documents import ParsedDocument
from index.loaders import draw
from index.page_images import PageView


def pdf(
    *pages: Sequence[str],
    title: str = "",
    password: str = "",
    outline: Sequence[tuple[str, int, int]] = (),
    size: float = 11,
    draw: Callable[[Any, int], None] | None = None,
) -> bytes:
    """A PDF with one line of Helvetica for each string; "" leaves a line free, "# " begins a large line.

    Args:
        outline: Title, page (the first is 0) and level (0 is the highest) of each entry.
        draw: Called with the canvas and the page's number before the page is finished.
    """
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen import canvas

    options: dict[str, Any] = {"invariant": True}
    if password:
        options["encrypt"] = password
    buffer = BytesIO()
    paper = canvas.Canvas(buffer, pagesize=A4, **options)
    if title:
        paper.setTitle(title)
    for number, lines in enumerate(pages):
        for entry, page, level in outline:
            if page == number:
                paper.bookmarkPage(entry)
                paper.addOutlineEntry(entry, entry, level)
        y = 780.0
        for line in lines:
            large = line.startswith("# ")
            paper.setFont("Helvetica-Bold" if large else "Helvetica", 18 if large else size)
            y -= 10 if large else 0
            paper.drawString(72, y, line.removeprefix("# "))
            y -= 26 if large else 1.25 * size
        if draw is not None:
            draw(paper, number)
        paper.showPage()
    paper.save()
    return buffer.getvalue()


def docx(build: Callable[[Any], None]) -> bytes:
    """A Word file; ``build`` fills a python-docx document."""
    import docx as python_docx

    document = python_docx.Document()
    build(document)
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def docx_paragraphs(*paragraphs: str) -> bytes:
    """A Word file of plain paragraphs."""

    def build(document: Any) -> None:
        for paragraph in paragraphs:
            document.add_paragraph(paragraph)

    return docx(build)


def with_part(archive: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The same zip archive with one entry changed (``change(b"")`` for a new one)."""
    import zipfile

    result = BytesIO()
    with zipfile.ZipFile(BytesIO(archive)) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            data = old.read(entry)
            new.writestr(entry, change(data) if entry == name else data)
        if name not in old.namelist():
            new.writestr(name, change(b""))
    return result.getvalue()


# Loaders with bad habits, for the child process that reads files.


def without(archive: bytes, name: str) -> bytes:
    """The zip archive without this entry."""
    import zipfile

    buffer = BytesIO()
    with zipfile.ZipFile(BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.namelist():
            if entry != name:
                new.writestr(entry, old.read(entry))
    return buffer.getvalue()


def hang(data: bytes, name: str, **limits: int) -> ParsedDocument:
    """Never answers and uses no processor time."""
    time.sleep(3600)
    raise AssertionError


def spin(data: bytes, name: str, **limits: int) -> ParsedDocument:
    """Never answers and uses all the processor time it gets."""
    while True:
        pass


def crash(data: bytes, name: str, **limits: int) -> ParsedDocument:
    """Dies of a signal on files that say so, as a C library might."""
    if b"crash" in data:
        os.abort()
    return ParsedDocument(text=data.decode())


def stumble(data: bytes, name: str, **limits: int) -> ParsedDocument:
    """Raises what a loader must not raise."""
    raise KeyError(name)


def devour(data: bytes, name: str, **limits: int) -> ParsedDocument:
    """Asks for more memory than there is."""
    hoard = [bytes(1 << 20) for _ in range(1 << 20)]
    return ParsedDocument(text=str(len(hoard)))


def chatter(data: bytes, name: str, **limits: int) -> ParsedDocument:
    """Prints, as libraries do, and answers with its process id."""
    print("a word from a library")  # noqa: T201
    return ParsedDocument(text=str(os.getpid()))


def escape(data: bytes, name: str, **limits: int) -> ParsedDocument:
    """Tries what a document must not cause; answers with what was refused."""
    import socket
    import subprocess

    target = data.decode()
    attempts: dict[str, Callable[[], object]] = {
        "connect": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
        "look up": lambda: socket.getaddrinfo("example.org", 80),
        "start": lambda: subprocess.run(["true"], check=False),
        "shell": lambda: os.system("true"),
        "write": lambda: Path(target).write_text("x"),
        "remove": lambda: Path(target).unlink(),
        "make": lambda: Path(target + ".d").mkdir(),
    }
    refused: list[str] = []
    for what, attempt in attempts.items():
        try:
            attempt()
        except PermissionError:
            refused.append(what)
    return ParsedDocument(text=" ".join(refused))


def escape_natively(data: bytes, name: str, **limits: int) -> ParsedDocument:
    """Tries the same past Python, as a fault in a C library might; answers with the errors it got.

    ``data`` is a port of this machine to connect to, and a file to write to.
    """
    import ctypes
    import errno

    port, _, target = data.decode().partition(" ")
    libc = ctypes.CDLL(None, use_errno=True)
    answers: list[str] = []
    address = struct.pack("=H", 2) + struct.pack(">H4s8x", int(port), bytes((127, 0, 0, 1)))
    connected = libc.connect(libc.socket(2, 1, 0), address, len(address))
    answers.append("" if connected == 0 else errno.errorcode[ctypes.get_errno()])
    written = libc.write(libc.open(os.fsencode(target), os.O_WRONLY | os.O_APPEND), b"x", 1)
    answers.append("" if written == 1 else errno.errorcode[ctypes.get_errno()])
    return ParsedDocument(text=" ".join(answers))


def draw_slowly(data: bytes, *, page: int, text: str, spans: Sequence[tuple[int, int]]) -> PageView:
    """Never draws a page whose text says so."""
    while text == "slow":
        time.sleep(3600)
    return draw(data, page=page, text=text, spans=spans)


def hang_drawing(data: bytes, *, page: int, text: str, spans: Sequence[tuple[int, int]]) -> PageView:
    """Never draws anything."""
    time.sleep(3600)
    raise AssertionError
