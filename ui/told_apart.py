"""What to call a document where others have the same name: as much of its folder as tells which it is."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count


def told_apart(path: str, collection: str, others: Iterable[tuple[str, str]]) -> str:
    """The last parts of a path that no other document ends with: ``2024/report.pdf``.

    Args:
        path: Of the document.
        collection: That it is in.
        others: Path and collection of each other document of the same name. One file may be in two
            collections; then the collection tells which it is.
    """
    others = list(others)
    parts = _parts(path)
    elsewhere = [_parts(other) for other, _ in others if other != path]
    kept = next(n for n in count(1) if n >= len(parts) or all(each[-n:] != parts[-n:] for each in elsewhere))
    name = "/".join(parts[-kept:])
    return f"{name} in {collection}" if any(other == path for other, _ in others) else name


def _parts(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part]
