"""Look after the data folder: `footnote backup`, `restore`, `rebuild`, `rollback`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.commands.interrupts import stop_on_interrupt
from ui.commands.opened import settings_of
from ui.commands.options import Data, Json
from ui.commands.outcomes import STOPPED, counted, failures_explained, print_json, print_lines

if TYPE_CHECKING:
    from index.store import Store
    from rag.settings import Settings


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it: a zip file that is new.")],
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Write documents, conversations, settings and kept uploads to one file; the page can stay open.

    A backup is exempt from deletion: what you remove later is still in it. Remove the backup too.
    """
    with failures_explained(as_json):
        from index.backup import write_backup

        done = write_backup(settings_of(data or context.obj).data, file)
    if as_json:
        print_json({"file": str(file), **asdict(done)})
    else:
        size = f"{file.stat().st_size / 1e6:,.1f} MB"
        print_lines(
            [
                f"{counted(done.documents, 'document')} in {file} ({size}).",
                "What you remove from now on stays in this file; remove the file too when that matters.",
            ]
        )


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
    with failures_explained(as_json):
        from index.backup import read_backup
        from index.store import Store

        folder = settings_of(data or context.obj).data
        done, aside = read_backup(file, folder, force=force)
        with Store.open(folder) as store:
            store.write_checkpoint_if_due()
    if as_json:
        print_json({"data": str(folder), "aside": None if aside is None else str(aside), **asdict(done)})
        return
    print_lines([f"{counted(done.documents, 'document')} restored to {folder}."])
    if aside is not None:
        print_lines([f"The folder from before is now {aside}; remove it when you do not need it any more."])


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
    with failures_explained(as_json):
        from index.reembedding import discard_other_models
        from index.store import Store

        settings = settings_of(data or context.obj)
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
        print_json({"finished": finished, **asdict(counts)})
    elif finished:
        print_lines(
            [f"{counted(counts.passages, 'passage')}, read with {counts.model_name or 'no model yet'}."]
        )
    else:
        print_lines(["Stopped. What was embedded is kept; the same command goes on from there."])
    if not finished:
        raise typer.Exit(STOPPED)


def _embed_anew(store: Store, settings: Settings, *, shown: bool) -> bool:
    from index.reembedding import embed_anew
    from rag.build import build_embedder
    from ui.bars import stage_bar, waiting

    with waiting("Loading the embedding model …"):
        embedder = build_embedder(settings)
    with stop_on_interrupt() as interrupted, stage_bar(shown=shown) as tell:
        return embed_anew(store, embedder, tell=partial(tell, "Embedding"), cancelled=interrupted)


def rollback(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Go back to the embedding model that answered before `footnote rebuild --embedder`. Takes a moment.

    Set embedding.model back too. A page that is open follows by itself.
    """
    with failures_explained(as_json):
        from index.reembedding import roll_back
        from index.store import Store

        with Store.open(settings_of(data or context.obj).data, create=False) as store:
            name = roll_back(store)
    if as_json:
        print_json({"model_name": name})
    else:
        print_lines([f"{name} answers again. Set embedding.model back to it."])
