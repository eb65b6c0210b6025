"""Commands of ``footnote`` that look after the data folder: remove and bring back.

They are part of the same command line; ``ui.cli`` imports this module at its end.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.errors import SourceError
from ui.cli import Data, Json, _failures_explained, _print_json, _print_lines, _settings, app
from ui.plaintext import count

if TYPE_CHECKING:
    from index.rows import DocumentRow

_LISTED = 10


@app.command(short_help="Remove documents; it can be undone for ten seconds.")
def remove(
    context: typer.Context,
    wanted: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH|NAME...", help="Paths or names of documents, or a folder for all that are in it."
        ),
    ],
    collection: Annotated[
        str, typer.Option("--collection", metavar="NAME", help="Only documents of this collection.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Erase at once; it cannot be undone.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Remove documents from the index and from every conversation.

    Nothing finds them from then on. `footnote undo` brings them back within ten seconds; after that
    every byte of their text is erased from the data folder. Your own files stay where they are, and the
    next `footnote index` of their folder brings them in again. Backups are not touched.
    """
    with _failures_explained(as_json):
        from index.removal import UNDO_SECONDS
        from index.store import Store
        from ui.eraser import start_eraser

        with Store.open(_settings(data or context.obj).data, create=False) as store:
            rows = matching(store.documents(collection or None), wanted, certain=yes)
            if not (yes or as_json):
                _print_lines(_listed(rows))
                typer.confirm(f"Remove {count(len(rows), 'document')}?", abort=True)
            generation = store.remove([row.doc_id for row in rows])
            erased = now and store.purge(undo_seconds=0)
            start_eraser(store)
    if as_json:
        _print_json({"removed": [asdict(row) for row in rows], "removal": generation, "erased": erased})
        return
    done = f"{count(len(rows), 'document')} removed"
    if erased:
        _print_lines([f"{done} and erased."])
    elif now:
        _print_lines([f"{done}; what is left of them is erased when the indexing that runs now is done."])
    else:
        _print_lines([f"{done}. For {UNDO_SECONDS:.0f} seconds `footnote undo` brings them back."])


@app.command(short_help="Bring back what was removed last.")
def undo(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Bring back what was removed last, within ten seconds of its removal."""
    with _failures_explained(as_json):
        from index.removal import UNDO_SECONDS
        from index.store import Store

        with Store.open(_settings(data or context.obj).data, create=False) as store:
            back = [row for row in map(store.document, store.undo()) if row is not None]
        if not back:
            raise SourceError(
                f"There is nothing to bring back: a removal can be undone for {UNDO_SECONDS:.0f} seconds.",
                hint="Index the files again: footnote index PATH",
            )
    if as_json:
        _print_json({"restored": [asdict(row) for row in back]})
    else:
        _print_lines([f"{count(len(back), 'document')} back in the index:", *_listed(back)])


def matching(
    rows: Sequence[DocumentRow], wanted: Sequence[str], *, certain: bool = False
) -> list[DocumentRow]:
    """The documents that these words name: by path, by folder, or by name.

    Args:
        rows: Of the index.
        wanted: Paths (as they are typed) or names.
        certain: Refuse a name that several documents have, since nobody is asked.

    Raises:
        SourceError: One of them names no document, or more than one when ``certain``.
    """
    found: dict[str, DocumentRow] = {}
    for each in wanted:
        path = os.path.abspath(Path(each).expanduser())  # noqa: PTH100  a link stays a link, as when indexing
        there = [row for row in rows if row.path in (each, path) or row.doc_id == each]
        there = there or [
            row for row in rows if row.origin == "folder" and Path(row.path).is_relative_to(path)
        ]
        if not there:
            there = [row for row in rows if row.name == each]
            if certain and len(there) > 1:
                places = "; ".join(sorted(row.path for row in there)[:_LISTED])
                raise SourceError(
                    f"{len(there)} documents are called {each}: {places}.",
                    hint="Name one by its path, or leave out --yes to be asked.",
                )
        if not there:
            near = get_close_matches(each, sorted({row.name for row in rows}), n=1)
            raise SourceError(
                f"No document is called {each}; nothing was changed.",
                hint=f"Did you mean {near[0]}?" if near else "The Documents view of the page lists them all.",
            )
        found.update((row.doc_id, row) for row in there)
    return list(found.values())


def _listed(rows: Sequence[DocumentRow]) -> list[str]:
    lines = [f"  {row.path} (in {row.collection})" for row in rows[:_LISTED]]
    return lines + ([f"  and {len(rows) - _LISTED:,} more"] if len(rows) > _LISTED else [])
