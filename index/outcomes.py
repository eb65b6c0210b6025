"""What a report says of a file or a folder, in words for people."""

from __future__ import annotations

from pathlib import Path

from index.errors import DocumentError, SourceError
from index.report import FileOutcome
from index.rows import DocumentRow


def failed_outcome(path: str, error: DocumentError) -> FileOutcome:
    """What the report says of a file that cannot be indexed."""
    return FileOutcome(path=path, outcome="failed", reason=str(error), hint=error.hint)


def kept_outcome(known: DocumentRow) -> FileOutcome:
    """What is said of a file that is as it was."""
    if known.state == "failed":
        return FileOutcome(path=known.path, outcome="failed", reason=known.reason, hint=known.hint)
    return FileOutcome(path=known.path, outcome="unchanged", passages=known.passages)


def out_of_reach(root: Path, error: SourceError) -> FileOutcome:
    """What is said of an indexed folder that may not be looked into, or is not there."""
    if not root.exists():
        return away(root)
    reason = f"{error} Its documents were kept."
    return FileOutcome(path=str(root), outcome="skipped", reason=reason, hint=error.hint)


def removed(row: DocumentRow) -> FileOutcome:
    """What is said of a document whose file is gone."""
    return FileOutcome(path=row.path, outcome="removed", passages=row.passages)


def deleted_here(path: str) -> FileOutcome:
    """What is said of a file in a folder that a person deleted from the index."""
    return FileOutcome(
        path=path,
        outcome="skipped",
        reason="You deleted it here.",
        hint="To have it again, index the file itself: footnote index FILE",
    )


def away(root: Path) -> FileOutcome:
    """What is said of an indexed folder that is not there."""
    return FileOutcome(
        path=str(root),
        outcome="skipped",
        reason="The folder is not there; its documents were kept.",
        hint="Connect its disk and try again, or delete them in the Documents view.",
    )


def looks_empty(place: Path, number: int) -> FileOutcome:
    """What is said of a folder that holds nothing, while ``number`` documents of it are indexed, and that is
    not the folder it was."""
    if not place.exists():
        return away(place)
    return FileOutcome(
        path=str(place),
        outcome="skipped",
        reason=f"The folder holds no documents any more; its {number} indexed ones were kept,"
        " because a folder also looks empty while its disk is not connected.",
        hint="Delete the documents in the Documents view if they are really gone.",
    )
