"""How well a document was read, in words: facts for everyone, and what is worth doing something about.

Also of one that was read well and is out of reach now.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from index.documents import pages_named
from index.languages import language_name
from index.loaders.refusals import RECOGNISE
from ui.render import clock, count

if TYPE_CHECKING:
    from index.missing import OutOfReach
    from index.rows import DocumentRow

_SHOWN_SHARE = 0.0005  # a stray character in a long text is not worth a word


def health_facts(row: DocumentRow) -> Iterator[str]:
    """Short facts: ``German``, ``3 tables``, ``no text on pages 3 and 7``, ``2.1% garbled``."""
    if row.version_id is None:
        return
    if row.language is not None:
        yield language_name(row.language)
    health = row.health
    if health is None:
        return
    if health.tables:
        yield count(health.tables, "table")
    if health.textless_pages:
        yield f"no text on {pages_named(health.textless_pages)}"
    if row.recognised_pages:
        yield f"text recognition on {pages_named(row.recognised_pages)}"
    if health.garbled_share >= _SHOWN_SHARE:
        yield f"{100 * health.garbled_share:.1f}% garbled"
    if health.encrypted:
        yield "encrypted, but open to read"


def health_remark(row: DocumentRow) -> str:
    """What to do about a document that was read, but badly or not whole; "" for one that was read well."""
    health = row.health
    if health is None:
        return ""
    if health.is_garbled:
        return (
            f"About {100 * health.garbled_share:.0f}% of its characters are garbled, so questions about these"
            " places may find nothing. Save it again (a text file as UTF-8, anything else from the program"
            " that made it, as a new PDF) and index that."
        )
    return RECOGNISE if health.unread_pages else ""


def missing_words(place: OutOfReach, now: float | None = None) -> str:
    """Why a document is out of reach, what that means, and what to do about it.

    Args:
        place: The folder that is not there.
        now: Unix seconds, to say since when; None if it is noticed only now.
    """
    noticed = "" if now is None else f" (noticed {clock(place.since, now)})"
    return (
        f"Its folder {place.path} is out of reach{noticed}; what was read of it still answers."
        " Connect its disk again, or delete the document."
    )


def needs_a_look(row: DocumentRow) -> bool:
    """Whether a document could not be read, or not whole, or not well."""
    return row.state in ("failed", "partial") or bool(health_remark(row))
