"""See the documents, and say which answer: `footnote list`, `remove`, `undo`, `disable`, `enable`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from index.errors import SourceError
from ui.commands.opened import settings_of
from ui.commands.options import Data, Json
from ui.commands.outcomes import counted, failures_explained, listed, print_error, print_json, print_lines

if TYPE_CHECKING:
    from index.missing import OutOfReach
    from index.rows import DocumentRow
    from index.store import Store

_LOOK_SECONDS = 5.0  # for the folders; a drive that sleeps wakes up in less

Documents = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH|NAME...", help="Paths or names of documents, or a folder for all that are in it."
    ),
]
OfCollection = Annotated[
    str, typer.Option("--collection", metavar="NAME", help="Only documents of this collection.")
]


def list_documents(
    context: typer.Context,
    collection: OfCollection = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """List the documents, and how well each could be read.

    Of each: its language, its tables, pages without text, how much of its text is garbled, whether its file
    is encrypted, whether its folder is out of reach now, and what to do about it.
    """
    from ui.plaintext import document_lines

    with failures_explained(as_json):
        from index.missing import missing_documents
        from index.store import Store

        with Store.open(settings_of(data or context.obj).data, create=False) as store:
            rows = store.documents(collection or None)
            missing = missing_documents(rows, _out_of_reach(store))
    if as_json:
        print_json({"documents": [_as_json(row, missing.get(row.doc_id)) for row in rows]})
    else:
        print_lines(document_lines(rows, missing))


def _out_of_reach(store: Store) -> Sequence[OutOfReach]:
    """The folders that are out of reach; a drive that does not answer is not waited for."""
    from index.missing import folders_out_of_reach

    found: Future[Sequence[OutOfReach]] = Future()

    def look() -> None:
        try:
            found.set_result(folders_out_of_reach(store))
        except Exception as exc:  # noqa: BLE001 - it is raised where the result is asked for
            found.set_exception(exc)

    threading.Thread(target=look, name="look-into-folders", daemon=True).start()
    try:
        return found.result(timeout=_LOOK_SECONDS)
    except TimeoutError:
        print_error(
            "A folder does not answer, so it is not known which documents are out of reach.",
            "Look whether its drive is connected.",
        )
        return ()


def _as_json(row: DocumentRow, lost: OutOfReach | None) -> dict[str, Any]:
    """``out_of_reach`` is the folder that is not there, null while the file can be read again."""
    return {"name": row.name, **asdict(row), "out_of_reach": lost.path if lost is not None else None}


def remove(
    context: typer.Context,
    wanted: Documents,
    collection: OfCollection = "",
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
    with failures_explained(as_json):
        from index.removal import UNDO_SECONDS
        from index.store import Store
        from ui.eraser import start_eraser
        from ui.named import matching

        with Store.open(settings_of(data or context.obj).data, create=False) as store:
            rows = matching(store.documents(collection or None), wanted, certain=yes)
            if not (yes or as_json):
                print_lines(listed(rows))
                typer.confirm(f"Remove {counted(len(rows), 'document')}?", abort=True)
            generation = store.remove([row.doc_id for row in rows])
            erased = now and store.purge(undo_seconds=0)
            start_eraser(store)
    if as_json:
        print_json({"removed": [asdict(row) for row in rows], "removal": generation, "erased": erased})
        return
    done = f"{counted(len(rows), 'document')} removed"
    if erased:
        print_lines([f"{done} and erased."])
    elif now:
        print_lines([f"{done}; what is left of them is erased when the indexing that runs now is done."])
    else:
        print_lines([f"{done}. For {UNDO_SECONDS:.0f} seconds `footnote undo` brings them back."])


def undo(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Bring back what was removed last, within ten seconds of its removal."""
    with failures_explained(as_json):
        from index.removal import UNDO_SECONDS
        from index.store import Store

        with Store.open(settings_of(data or context.obj).data, create=False) as store:
            back = [row for row in map(store.document, store.undo()) if row is not None]
        if not back:
            raise SourceError(
                f"There is nothing to bring back: a removal can be undone for {UNDO_SECONDS:.0f} seconds.",
                hint="Index the files again: footnote index PATH",
            )
    if as_json:
        print_json({"restored": [asdict(row) for row in back]})
    else:
        print_lines([f"{counted(len(back), 'document')} back in the index:", *listed(back)])


def disable(
    context: typer.Context,
    wanted: Documents,
    collection: OfCollection = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Keep documents in the index, and answer nothing from them until `footnote enable`.

    They stay disabled when their files change. One that could not be read cannot be disabled.
    """
    _set_aside(data or context.obj, wanted, collection, off=True, as_json=as_json)


def enable(
    context: typer.Context,
    wanted: Documents,
    collection: OfCollection = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Let documents that were disabled answer again. Nothing is read or embedded anew."""
    _set_aside(data or context.obj, wanted, collection, off=False, as_json=as_json)


def _set_aside(
    data: Path | None, wanted: Sequence[str], collection: str, *, off: bool, as_json: bool
) -> None:
    with failures_explained(as_json):
        from index.store import Store
        from ui.named import matching

        with Store.open(settings_of(data).data, create=False) as store:
            named = [row.doc_id for row in matching(store.documents(collection or None), wanted)]
            changed = store.disable(named) if off else store.enable(named)
            rows = [row for row in map(store.document, named) if row is not None]
    done = [row for row in rows if row.doc_id in changed]
    unread = [row for row in rows if off and row.version_id is None]
    verb = "disabled" if off else "enabled"
    if as_json:
        print_json({verb: [asdict(row) for row in done], "unread": [asdict(row) for row in unread]})
        return
    print_lines([f"{counted(len(done), 'document')} {verb}{':' if done else '.'}", *listed(done)])
    if unread:
        print_lines(["Could not be read, so there is nothing to disable:", *listed(unread)])
