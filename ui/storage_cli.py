"""Commands of ``footnote`` that look after the data folder: remove, disable, repair, rebuild, restore.

They are part of the same command line; ``ui.cli`` imports this module at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.errors import SourceError
from ui.cli import (
    FAILED,
    Data,
    Json,
    _failures_explained,
    _print_error,
    _print_json,
    _print_lines,
    _settings,
    app,
    stop_on_interrupt,
)

if TYPE_CHECKING:
    from index.rows import DocumentRow
    from index.store import Store
    from rag.settings import Settings

_LISTED = 10

Documents = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH|NAME...", help="Paths or names of documents, or a folder for all that are in it."
    ),
]
OfCollection = Annotated[
    str, typer.Option("--collection", metavar="NAME", help="Only documents of this collection.")
]


@app.command(short_help="Remove documents; it can be undone for ten seconds.")
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
    with _failures_explained(as_json):
        from index.removal import UNDO_SECONDS
        from index.store import Store
        from ui.eraser import start_eraser
        from ui.named import matching

        with Store.open(_settings(data or context.obj).data, create=False) as store:
            rows = matching(store.documents(collection or None), wanted, certain=yes)
            if not (yes or as_json):
                _print_lines(_listed(rows))
                typer.confirm(f"Remove {_count(len(rows), 'document')}?", abort=True)
            generation = store.remove([row.doc_id for row in rows])
            erased = now and store.purge(undo_seconds=0)
            start_eraser(store)
    if as_json:
        _print_json({"removed": [asdict(row) for row in rows], "removal": generation, "erased": erased})
        return
    done = f"{_count(len(rows), 'document')} removed"
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
        _print_lines([f"{_count(len(back), 'document')} back in the index:", *_listed(back)])


@app.command(short_help="Keep documents, and answer nothing from them.")
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


@app.command(short_help="Let disabled documents answer again.")
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
    with _failures_explained(as_json):
        from index.store import Store
        from ui.named import matching

        with Store.open(_settings(data).data, create=False) as store:
            named = [row.doc_id for row in matching(store.documents(collection or None), wanted)]
            changed = store.disable(named) if off else store.enable(named)
            rows = [row for row in map(store.document, named) if row is not None]
    done = [row for row in rows if row.doc_id in changed]
    unread = [row for row in rows if off and row.version_id is None]
    verb = "disabled" if off else "enabled"
    if as_json:
        _print_json({verb: [asdict(row) for row in done], "unread": [asdict(row) for row in unread]})
        return
    _print_lines([f"{_count(len(done), 'document')} {verb}{':' if done else '.'}", *_listed(done)])
    if unread:
        _print_lines(["Could not be read, so there is nothing to disable:", *_listed(unread)])


@app.command(short_help="Write the data folder to one file.")
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it: a zip file that is new.")],
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Write documents, conversations, settings and kept uploads to one file; the page can stay open.

    A backup is exempt from deletion: what you remove later is still in it. Remove the backup too.
    """
    with _failures_explained(as_json):
        from index.backup import write_backup

        done = write_backup(_settings(data or context.obj).data, file)
    if as_json:
        _print_json({"file": str(file), **asdict(done)})
    else:
        size = f"{file.stat().st_size / 1e6:,.1f} MB"
        _print_lines(
            [
                f"{_count(done.documents, 'document')} in {file} ({size}).",
                "What you remove from now on stays in this file; remove the file too when that matters.",
            ]
        )


@app.command(short_help="Bring a backup back.")
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `footnote backup` wrote.")],
    force: Annotated[
        bool, typer.Option("--force", help="Move a data folder that is not empty aside, instead of stopping.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Bring a backup back into an empty data folder. Every byte is checked first.

    Close the page before. Indexes are built anew, without embedding anything again.
    """
    with _failures_explained(as_json):
        from index.backup import read_backup
        from index.store import Store

        folder = _settings(data or context.obj).data
        done, aside = read_backup(file, folder, force=force)
        with Store.open(folder) as store:
            store.write_checkpoint_if_due()
    if as_json:
        _print_json({"data": str(folder), "aside": None if aside is None else str(aside), **asdict(done)})
        return
    _print_lines([f"{_count(done.documents, 'document')} restored to {folder}."])
    if aside is not None:
        _print_lines([f"The folder from before is now {aside}; remove it when you do not need it any more."])


@app.command(short_help="Make the indexes anew, or change the embedding model.")
def rebuild(
    context: typer.Context,
    embedder: Annotated[
        bool,
        typer.Option("--embedder", help="Embed all passages anew with the embedding model of the settings."),
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Delete the vectors of other models; there is no way back.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Make everything anew that is derived from the stored documents. Nothing is embedded again.

    With --embedder, every passage is embedded with the model that the settings name, while the old one
    goes on answering. Ctrl-C stops it; the same command goes on from there. A page that is open follows by
    itself. `footnote rollback` goes back, until another model follows or --discard is given.
    """
    if embedder and discard:
        raise typer.BadParameter("--embedder and --discard are two steps.")
    with _failures_explained(as_json):
        from index.reembedding import discard_other_models
        from index.store import Store

        settings = _settings(data or context.obj)
        with Store.open(settings.data, create=False) as store:
            if embedder:
                finished = _embed_anew(store, settings, shown=not as_json)
            else:
                finished = True
                if discard:
                    discard_other_models(store)
                store.rebuild()
            counts = store.status()
    if as_json:
        _print_json({"finished": finished, **asdict(counts)})
    elif finished:
        _print_lines(
            [f"{_count(counts.passages, 'passage')}, read with {counts.model_name or 'no model yet'}."]
        )
    else:
        _print_lines(["Stopped. What was embedded is kept; the same command goes on from there."])
    if not finished:
        raise typer.Exit(130)


def _embed_anew(store: Store, settings: Settings, *, shown: bool) -> bool:
    from index.reembedding import embed_anew
    from rag.build import build_embedder
    from ui.bars import stage_bar, waiting

    with waiting("Loading the embedding model …"):
        embedder = build_embedder(settings)
    with stop_on_interrupt() as interrupted, stage_bar(shown=shown) as tell:
        return embed_anew(store, embedder, tell=partial(tell, "Embedding"), cancelled=interrupted)


@app.command(short_help="Go back to the embedding model from before.")
def rollback(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Go back to the embedding model that answered before `footnote rebuild --embedder`. Takes a moment.

    Set embedding.model back too. A page that is open follows by itself.
    """
    with _failures_explained(as_json):
        from index.reembedding import roll_back
        from index.store import Store

        with Store.open(_settings(data or context.obj).data, create=False) as store:
            name = roll_back(store)
    if as_json:
        _print_json({"model_name": name})
    else:
        _print_lines([f"{name} answers again. Set embedding.model back to it."])


def repair(data: Path | None, *, as_json: bool) -> None:
    """``footnote check --repair``."""
    with _failures_explained(as_json):
        from index.store import Store

        with Store.open(_settings(data).data, create=False) as store:
            repaired = store.repair()
            again = [row for row in map(store.document, repaired.again) if row is not None]
    if as_json:
        _print_json({"sound": not repaired.left, **asdict(repaired)})
    else:
        _print_lines(repaired.done or ["There was nothing to repair."])
        _print_lines(repaired.left or ["The index is sound."])
    if again and not as_json:
        _print_lines([f"{_count(len(again), 'document')} to index again:", *_listed(again)])
        if typer.confirm("Index them now?", default=True):
            _index_again(data, again)
    if repaired.left:
        if not as_json:
            _print_error(
                f"{len(repaired.left)} fault(s) cannot be repaired.",
                "Restore a backup (footnote restore FILE), or move the data folder away and index again.",
            )
        raise typer.Exit(FAILED)


def _index_again(data: Path | None, rows: Sequence[DocumentRow]) -> None:
    with _failures_explained(as_json=False):
        from ui.bars import ingest_bar
        from ui.indexing import Indexer
        from ui.plaintext import report_lines

        indexer = Indexer(_settings(data))
        try:
            with stop_on_interrupt() as interrupted, ingest_bar(shown=True) as progress:
                request = {"kind": "reindex", "doc_ids": [row.doc_id for row in rows]}
                report = indexer.run(request, progress=progress, cancelled=interrupted)
        finally:
            indexer.close()
    _print_lines(report_lines(report))


def _count(number: int, noun: str) -> str:
    from ui.plaintext import count  # it imports what --help does not need

    return count(number, noun)


def _listed(rows: Sequence[DocumentRow]) -> list[str]:
    lines = [f"  {row.path} (in {row.collection})" for row in rows[:_LISTED]]
    return lines + ([f"  and {len(rows) - _LISTED:,} more"] if len(rows) > _LISTED else [])
