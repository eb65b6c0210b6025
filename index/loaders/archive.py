"""Zip archives from strangers: what is unpacked is counted while reading, declared sizes are not believed."""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Sequence
from io import BytesIO
from types import TracebackType
from typing import Self

from index.errors import DocumentError
from index.loaders.refusals import damaged, needs_password

MAX_ENTRIES = 2_000
MAX_TOTAL_BYTES = 200 << 20
MAX_RATIO = 100
_RATIO_FROM_BYTES = 1 << 20  # small entries may be very regular
_PIECE = 1 << 16
_UNSAFE_NAME = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)")
_DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, OverflowError, OSError, EOFError, NotImplementedError)


class Archive:
    """An open zip archive in memory; only the entries that are asked for are unpacked, into memory."""

    def __init__(self, data: bytes) -> None:
        """Check the directory of the archive.

        Raises:
            DocumentError: ``damaged``, or ``too_large`` for a suspicious archive.
        """
        self._unpacked = 0
        try:
            self._file = zipfile.ZipFile(BytesIO(data))
        except _DAMAGE as exc:
            raise damaged() from exc
        self.names: Sequence[str] = self._file.namelist()
        if len(self.names) > MAX_ENTRIES:
            raise _suspicious(f"It has {len(self.names):,} parts; the limit is {MAX_ENTRIES:,}.")
        if any(_UNSAFE_NAME.search(name) for name in self.names):
            raise _suspicious("It names files outside itself.")
        if any(stat.S_ISLNK(info.external_attr >> 16) for info in self._file.infolist()):
            raise _suspicious("It holds a link to another file.")

    def read(self, name: str) -> bytes | None:
        """One entry, unpacked; None when there is none of that name.

        Raises:
            DocumentError: ``damaged``, ``password``, or ``too_large`` when it unpacks to too much.
        """
        try:
            info = self._file.getinfo(name)
        except KeyError:
            return None
        if info.flag_bits & 0x1:
            raise needs_password()
        pieces: list[bytes] = []
        size = 0
        try:
            with self._file.open(info) as entry:
                while piece := entry.read(_PIECE):
                    pieces.append(piece)
                    size += len(piece)
                    self._unpacked += len(piece)
                    if self._unpacked > MAX_TOTAL_BYTES or (
                        size > _RATIO_FROM_BYTES and size > MAX_RATIO * max(1, info.compress_size)
                    ):
                        raise _suspicious("It unpacks to far more than its own size.")
        except (*_DAMAGE, RuntimeError) as exc:
            raise damaged() from exc
        return b"".join(pieces)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def _suspicious(message: str) -> DocumentError:
    return DocumentError(
        "too_large",
        message,
        hint="Open it in its program, save it again or export it as PDF, and index that.",
    )
