"""Pictures that are cut off, huge or made to mislead: name, the state they may end in, and bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO

from PIL import Image

_UNREAD = "failed no_text"  # nothing here recognises words
_DAMAGED = "failed damaged"
_TOO_LARGE = "failed too_large"


def hostile_pictures() -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """All of them."""
    yield "a picture.png", _UNREAD, lambda: _saved("PNG")
    yield "cut off.png", _DAMAGED, lambda: _saved("PNG")[:-60]
    yield "cut off.jpg", _DAMAGED, lambda: _saved("JPEG")[:300]
    yield "cut off.webp", _DAMAGED, lambda: _saved("WEBP")[:200]
    yield "cut off.bmp", _DAMAGED, lambda: _saved("BMP")[:2000]
    yield "cut off.tif", _DAMAGED, lambda: _saved("TIFF")[:2000]
    yield "a picture named otherwise.jpg", _UNREAD, lambda: _saved("PNG")
    yield "no picture.tif", _DAMAGED, lambda: b"II*\x00" + bytes(60)
    yield "a bomb.png", _TOO_LARGE, lambda: _png(60_000, 60_000, zlib.compress(bytes(1 << 20)))
    yield "a long strip.png", _TOO_LARGE, lambda: _png((1 << 31) - 1, 16, zlib.compress(bytes(1 << 20)))
    yield "no rows.png", "skipped", lambda: _png(100, 0, zlib.compress(b""))
    yield "a bomb of words.png", f"{_UNREAD}|{_DAMAGED}", _png_of_words
    yield "a page that follows itself.tif", f"failed no_words|{_DAMAGED}", _endless_tiff
    yield "tags out of the file.tif", _DAMAGED, lambda: _tiff((256, 4, 1 << 30, 1 << 31), following=0)


def _saved(kind: str) -> bytes:
    packed = BytesIO()
    Image.radial_gradient("L").save(packed, format=kind)
    return packed.getvalue()


def _png(width: int, height: int, rows: bytes, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), *more, _chunk(b"IDAT", rows), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png_of_words() -> bytes:
    words = b"Comment\x00\x00" + zlib.compress(bytes(200 << 20))
    return _png(100, 100, zlib.compress(bytes(1400)), _chunk(b"zTXt", words))


def _tiff(*tags: tuple[int, int, int, int], following: int) -> bytes:
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\x00" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", following)


def _endless_tiff() -> bytes:
    one = ((256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (279, 4, 1, 1))
    return _tiff(*one, following=8)
