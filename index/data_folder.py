"""The data folder itself: that it may be made where it is asked for."""

from __future__ import annotations

import os
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


def require_folder(data: Path) -> None:
    """A place where no folder is can become one only if nothing else stands there.

    Raises:
        StorageError: A file does, or a link that leads nowhere.
    """
    if os.path.lexists(data) and not data.is_dir():
        raise StorageError(
            f"{data} is not a folder.", hint="Choose another data folder with --data or FOOTNOTE_DATA."
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
