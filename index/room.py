"""Whether the disk can hold what an indexing run adds: an estimate, made before the run begins.

What a passage takes was measured on two folders indexed from nothing, 384 numbers a vector: 385 pages of
Markdown and plain text (4.3 MB of text, 11,762 passages: 75.5 MB afterwards, 92 MB at most meanwhile) and
three manuals in PDF (1.6 MB, 2,479 passages: 16.9 MB and 31.8 MB). ``tests/index/test_room.py`` compares the
estimate with what a run really adds.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import StorageError

if TYPE_CHECKING:
    from index.survey import Target

# SQLite stores a row that does not fit on a page in a chain of pages, of which it fills the last one alone
# (https://www.sqlite.org/fileformat2.html#cell_payload_overflow_pages). Beside them: the beginning of the
# row, its key, and the share of a page that stays empty between rows in no order.
_PAGE_BYTES = 4096
_ROW_BYTES = 500
_CHUNK_BYTES = 350  # the row of a passage and its places in three orders
# The text itself, and the keyword index, which had 0.5 and 1.0 times the bytes of the text.
_TEXT_TIMES = 2.0
# At the end of a run all passages are written once more, two bytes a number, beside what was there.
_CHECKPOINT_ROW_BYTES = 24
# SQLite's log, which had 17 MB at most in both runs, and a batch on its way.
_WORKING_BYTES = 20_000_000
# The most that was measured for a byte of a file: 92 MB for 4.4 MB of plain text, which is nothing but text.
# What is packed, as in a .docx, may be more; what is mostly pictures is far less.
_MOST_TIMES = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Bytes that a run adds to the data folder while it works, about, and bytes that its disk has free."""

    needed: int
    free: int

    @property
    def is_short(self) -> bool:
        """Whether the disk would be full before the run is done."""
        return self.needed > self.free

    def require(self) -> None:
        """Refuse a run that the disk cannot hold.

        Raises:
            StorageError: It cannot.
        """
        if self.is_short:
            raise StorageError(
                f"The disk of the data folder cannot hold this: about {_amount(self.needed)} would be added,"
                f" and {_amount(self.free)} are free.",
                hint="Free some space, name a data folder on another disk with --data, or index less at a"
                " time.",
            )


def room_needed(*, dim: int, passages: int, embedded: int, text_bytes: int, stored: int) -> int:
    """About how many bytes a run adds while it works; 0 for one that adds nothing.

    Args:
        dim: Numbers of a vector.
        passages: That are added.
        embedded: Those of them whose text is new.
        text_bytes: Of the texts that are added, in UTF-8.
        stored: Passages that are indexed already: a checkpoint holds them too.
    """
    if not passages:
        return 0
    overflowing = -(-4 * dim // _PAGE_BYTES) * _PAGE_BYTES
    vector = (overflowing if 4 * dim > _PAGE_BYTES // 4 else 4 * dim) + _ROW_BYTES
    checkpoint = 2 * dim + _CHECKPOINT_ROW_BYTES
    return round(
        embedded * vector
        + passages * _CHUNK_BYTES
        + checkpoint * (passages + stored)
        + _TEXT_TIMES * text_bytes
        + _WORKING_BYTES
    )


def free_bytes(folder: Path) -> int:
    """What can still be written on the disk that a folder is on, or will be when it is made."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def may_be_short(files: Sequence[Target], free: int) -> bool:
    """Whether files that are new or have another size could fill the disk, for all that their sizes say.

    Then it is worth the time to read them beforehand. A file that cannot be looked at counts nothing.
    """
    return free < _WORKING_BYTES + _MOST_TIMES * sum(map(_new_bytes, files))


def require_room_for_copies(paths: Sequence[Path], free: int) -> None:
    """Refuse uploads whose copies alone fill the disk.

    Raises:
        StorageError: They do.
    """
    copies = sum(path.stat().st_size for path in paths if path.is_file())
    Room(needed=copies, free=free).require()


def _new_bytes(target: Target) -> int:
    try:
        size = Path(target.path).stat().st_size
    except OSError:
        return 0
    return 0 if target.known is not None and target.known.size == size else size


def _amount(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
