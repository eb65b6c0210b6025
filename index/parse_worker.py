"""The child process that opens untrusted files; run as ``python -m index.parse_worker``.

It reads frames from standard input and writes frames to standard output. A frame is a length of eight
bytes, big-endian, and that many bytes. A request is two frames: a JSON object (:data:`Request` fields) and
the bytes of the file. The answer is one frame of JSON. Whatever is not a ``DocumentError`` ends the process:
the parent reports the document and starts a new one.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.isolation import isolate

Loader = Callable[..., ParsedDocument]

EXIT_MEMORY = 77

_LENGTH = struct.Struct(">Q")


def main() -> None:
    """Serve requests until standard input ends. Arguments: loader (``module:function``), memory in bytes."""
    loader_name, memory_bytes = sys.argv[1], int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not break the frames
    module, _, function = loader_name.partition(":")
    loader: Loader = getattr(importlib.import_module(module), function)
    isolate(memory_bytes)
    try:
        _serve(loader, requests, answers)
    except MemoryError:
        os._exit(EXIT_MEMORY)  # the ordinary way out may need memory too


def _serve(loader: Loader, requests: BinaryIO, answers: BinaryIO) -> None:
    while (header := read_frame(requests)) is not None:
        data = read_frame(requests)
        if data is None:
            return
        request = json.loads(header)
        _limit_cpu(request["cpu_seconds"])
        write_frame(answers, _answer(loader, request, data))


def _answer(loader: Loader, request: dict[str, Any], data: bytes) -> bytes:
    try:
        document = loader(data, request["name"], max_pages=request["pages"], max_chars=request["text_chars"])
    except DocumentError as exc:
        return json.dumps({"problem": exc.problem, "message": str(exc), "hint": exc.hint}).encode()
    # Escaped as ASCII, what a faulty loader might let through (a lone surrogate) still arrives.
    return json.dumps(
        {
            "text": document.text,
            "title": document.title,
            "media_type": document.media_type,
            "page_starts": document.page_starts,
            "headings": [[h.start, h.end, h.level, h.title] for h in document.headings],
            "warnings": document.warnings,
            "locators": [[locator.start, locator.words] for locator in document.locators],
        }
    ).encode()


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
