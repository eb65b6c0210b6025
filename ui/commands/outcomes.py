"""How a command ends: what it prints, for people or for programs, and its exit code.

Exit codes: 0 done · 1 it failed, with the reason and the next step · 2 wrong usage · 4 no file could
be indexed · 130 stopped with Ctrl-C. A question that the documents do not answer is no failure.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from index.errors import FootnoteError

if TYPE_CHECKING:
    from index.rows import DocumentRow

FAILED = 1
NOTHING_INDEXED = 4
STOPPED = 130

_LISTED = 10


@contextmanager
def failures_explained(as_json: bool) -> Iterator[None]:
    """Turn an expected failure into its message, the next step, and exit code 1."""
    try:
        yield
    except FootnoteError as error:
        if as_json:
            print_json({"error": type(error).__name__, "message": str(error), "hint": error.hint})
        else:
            print_error(str(error), error.hint)
        raise typer.Exit(FAILED) from error


def print_error(message: str, hint: str) -> None:
    """Print why it failed and, where there is one, the next step, to stderr."""
    from ui.plaintext import printable

    print(printable(message), file=sys.stderr)
    if hint:
        print(f"Next: {printable(hint)}", file=sys.stderr)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines for a person; what a terminal must not receive is written as an escape."""
    from ui.plaintext import printable

    for line in lines:
        print(printable(line))


def print_json(value: object) -> None:
    """Print one JSON object, for programs."""
    # ASCII only: a lone surrogate in a path could not be encoded otherwise.
    print(json.dumps(value, indent=2, default=float))


def counted(number: int, noun: str) -> str:
    """``1 document``, ``2,000 documents``."""
    from ui.plaintext import count  # it imports what --help does not need

    return count(number, noun)


def listed(rows: Sequence[DocumentRow]) -> list[str]:
    """A line for each of the first documents, and how many more there are."""
    lines = [f"  {row.path} (in {row.collection})" for row in rows[:_LISTED]]
    return lines + ([f"  and {len(rows) - _LISTED:,} more"] if len(rows) > _LISTED else [])
