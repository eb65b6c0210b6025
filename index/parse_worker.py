"""The child process that opens untrusted files; run as ``python -m index.parse_worker``.

It reads frames from standard input and writes frames to standard output. A frame is a length of eight
bytes, big-endian, and that many bytes. A request is two frames: a JSON object and the bytes of the file. The
object says what to ``do``: ``load`` makes a document of the file, ``page`` draws one of its pages, ``unread``
names the pages that are pictures, and ``picture`` draws one of these for text recognition. The answer is two
frames, too: JSON, and the bytes of a picture (none of a document). Whatever is not a
``DocumentError`` ends the process: the parent reports the document and starts a new one.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, BinaryIO

from index.documents import RecognisedPage, RecognisedWord
from index.errors import DocumentError
from index.health import health_of
from index.isolation import isolate

Answer = tuple[dict[str, Any], bytes]

EXIT_MEMORY = 77

_LENGTH = struct.Struct(">Q")


def main() -> None:
    """Serve requests until standard input ends.

    Arguments: memory in bytes, then the functions that load and that draw (``module:function``).
    """
    memory_bytes, loader, drawer = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not break the frames
    _function(loader)
    isolate(memory_bytes)
    try:
        _serve(loader, drawer, requests, answers)
    except MemoryError:
        os._exit(EXIT_MEMORY)  # the ordinary way out may need memory too


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def _serve(loader: str, drawer: str, requests: BinaryIO, answers: BinaryIO) -> None:
    while (header := read_frame(requests)) is not None:
        data = read_frame(requests)
        if data is None:
            return
        request = json.loads(header)
        _limit_cpu(request["cpu_seconds"])
        try:
            fields, picture = _answer(loader, drawer, request, data)
        except DocumentError as exc:
            fields, picture = {"problem": exc.problem, "message": str(exc), "hint": exc.hint}, b""
        # Escaped as ASCII, what a faulty loader might let through (a lone surrogate) still arrives.
        write_frame(answers, json.dumps(fields).encode())
        write_frame(answers, picture)


def _answer(loader: str, drawer: str, request: dict[str, Any], data: bytes) -> Answer:
    match request["do"]:
        case "page":
            return _page(_function(drawer), request, data)
        case "unread":
            return {"pages": _function("index.loaders:unread_pages")(data)}, b""
        case "picture":
            png, width, height = _function("index.loaders:picture")(data, page=request["page"])
            return {"width": width, "height": height}, png
        case _:
            return _document(_function(loader), request, data)


def _document(load: Callable[..., Any], request: dict[str, Any], data: bytes) -> Answer:
    recognised = [
        RecognisedPage(page=page, words=tuple(RecognisedWord(*word) for word in words), gave_up=gave_up)
        for page, words, gave_up in request.get("recognised", ())
    ]
    more = {"recognised": recognised} if recognised else {}
    document = load(
        data, request["name"], max_pages=request["pages"], max_chars=request["text_chars"], **more
    )
    fields = {
        "text": document.text,
        "title": document.title,
        "media_type": document.media_type,
        "page_starts": document.page_starts,
        "headings": [[h.start, h.end, h.level, h.title] for h in document.headings],
        "warnings": document.warnings,
        "locators": [[locator.start, locator.words] for locator in document.locators],
        "noticed": asdict(document.noticed),
        "health": asdict(health_of(document)),
    }
    return fields, b""


def _page(draw: Callable[..., Any], request: dict[str, Any], data: bytes) -> Answer:
    words = [RecognisedWord(*word) for word in request.get("words", ())]
    more = {"words": words} if words else {}
    view = draw(data, page=request["page"], text=request["text"], spans=request["spans"], **more)
    fields = {
        "width": view.width,
        "height": view.height,
        "boxes": [[box.left, box.top, box.width, box.height] for box in view.boxes],
        "matched": view.matched,
    }
    return fields, view.image


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame; None when the stream ends, also in the middle of one."""
    prefix = stream.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(prefix)
    payload = stream.read(size)
    return payload if len(payload) == size else None


def write_frame(stream: BinaryIO, payload: bytes) -> None:
    """Write one frame and flush it."""
    stream.write(_LENGTH.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def _limit_cpu(seconds: int) -> None:
    """The process is killed by SIGXCPU once it has used this much more processor time."""
    if sys.platform == "win32":
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(usage.ru_utime + usage.ru_stime) + seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


if __name__ == "__main__":
    main()
