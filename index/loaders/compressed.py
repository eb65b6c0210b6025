"""Files compressed by gzip: what is inside is counted while it is unpacked, then read by its own loader."""

from __future__ import annotations

import zlib

from index.errors import DocumentError
from index.loaders.refusals import damaged

MAX_BYTES = 64 << 20
_PIECE = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


def unpack_gzip(data: bytes) -> bytes:
    """What was compressed; several members are one after the other, as ``gzip`` itself reads them.

    Raises DocumentError ``damaged``, or ``too_large`` as soon as it unpacks to more than 64 MB.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        while data.startswith(b"\x1f\x8b"):
            member = zlib.decompressobj(_GZIP)
            while not member.eof:
                piece = member.decompress(data, _PIECE)
                data = member.unconsumed_tail
                if not piece and not data and not member.eof:
                    raise damaged()  # cut off
                pieces.append(piece)
                size += len(piece)
                if size > MAX_BYTES:
                    raise DocumentError(
                        "too_large",
                        f"It unpacks to more than {MAX_BYTES >> 20} MB.",
                        hint="Unpack it, split it into smaller files and index those.",
                    )
            data = member.unused_data  # zeros may follow: the padding of a tape
    except zlib.error as exc:
        raise damaged() from exc
    return b"".join(pieces)
