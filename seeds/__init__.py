"""The documents that ship with Footnote, so that the first start has something to ask about."""

from __future__ import annotations

from pathlib import Path


def sample_paths() -> list[Path]:
    """The documents of this folder, sorted by name; they are plain files, also in an installed wheel."""
    folder = Path(__file__).parent
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.suffix != ".py" and not path.name.startswith((".", "__"))
    )
