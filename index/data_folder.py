"""The data folder itself: that it may be made where it is asked for."""

from __future__ import annotations

from pathlib import Path

from index.catalog import FILE_NAME
from index.errors import StorageError

_OURS = (
    "catalog.sqlite",
    "chats.sqlite",
    "compiled",
    "feedback.jsonl",
    "footnote.log",
    "runs",
    "settings.toml",
    "uploads",
    "lost+found",
)


def refuse_foreign(data: Path) -> None:
    """A new index is made only where nothing of somebody else's can be in its way.

    Raises:
        StorageError: The folder holds other files, and no index.
    """
    strangers = [
        entry.name
        for entry in data.iterdir()
        if not entry.name.startswith(_OURS) and entry.suffix != ".lock" and not entry.name.startswith(".")
    ]
    if strangers and not (data / FILE_NAME).exists():
        raise StorageError(
            f"{data} already holds other files ({min(strangers)!a}, for example), and no index of Footnote.",
            hint="Choose an empty folder, or one that does not exist yet, with --data or FOOTNOTE_DATA.",
        )
