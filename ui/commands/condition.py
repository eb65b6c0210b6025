"""See how the index is: `footnote status`, and `footnote check`, which can also repair it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.commands.interrupts import stop_on_interrupt
from ui.commands.opened import settings_of
from ui.commands.options import Data, Json
from ui.commands.outcomes import (
    FAILED,
    counted,
    failures_explained,
    listed,
    print_error,
    print_json,
    print_lines,
)

if TYPE_CHECKING:
    from index.rows import DocumentRow


def status(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Show what is indexed, with which model, and which files need a look."""
    from ui.health import needs_a_look
    from ui.plaintext import status_lines

    with failures_explained(as_json):
        from index.isolation import network_barrier
        from index.store import Store
        from rag.build import build_recogniser, runtime_in_use

        settings = settings_of(data or context.obj)
        with Store.open(settings.data, create=False) as store:
            counts, folders = store.status(), store.folders()
            troubled = [row for row in store.documents() if needs_a_look(row)]
        runtime, barrier, recogniser = runtime_in_use(settings), network_barrier(), build_recogniser(settings)
    if as_json:
        print_json(
            {
                **asdict(counts),
                "runtime": runtime,
                "network_barrier": barrier,
                "text_recognition": None if recogniser is None else asdict(recogniser),
                "folders": [asdict(folder) for folder in folders],
                "attention": [asdict(row) for row in troubled],
            }
        )
    else:
        now = time.time()
        languages = () if recogniser is None else recogniser.languages
        print_lines(
            status_lines(
                counts, folders, troubled, now=now, runtime=runtime, barrier=barrier, recognised=languages
            )
        )


def check(
    context: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Rebuild what is derived, and name what is lost.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Check that the index is sound: every promise between documents, passages and vectors."""
    if repair:
        _repair(data or context.obj, as_json=as_json)
        return
    with failures_explained(as_json):
        from index.store import Store

        with Store.open(settings_of(data or context.obj).data, create=False) as store:
            violations = store.check()
    if as_json:
        print_json({"sound": not violations, "violations": violations})
    else:
        print_lines(violations or ["The index is sound."])
    if violations:
        if not as_json:
            print_error(
                f"The index has {len(violations)} fault(s).",
                "Repair it: footnote check --repair",
            )
        raise typer.Exit(FAILED)


def _repair(data: Path | None, *, as_json: bool) -> None:
    """``footnote check --repair``."""
    with failures_explained(as_json):
        from index.store import Store

        with Store.open(settings_of(data).data, create=False) as store:
            repaired = store.repair()
            again = [row for row in map(store.document, repaired.again) if row is not None]
    if as_json:
        print_json({"sound": not repaired.left, **asdict(repaired)})
    else:
        print_lines(repaired.done or ["There was nothing to repair."])
        print_lines(repaired.left or ["The index is sound."])
    if again and not as_json:
        print_lines([f"{counted(len(again), 'document')} to index again:", *listed(again)])
        if typer.confirm("Index them now?", default=True):
            _index_again(data, again)
    if repaired.left:
        if not as_json:
            print_error(
                f"{len(repaired.left)} fault(s) cannot be repaired.",
                "Restore a backup (footnote restore FILE), or move the data folder away and index again.",
            )
        raise typer.Exit(FAILED)


def _index_again(data: Path | None, rows: Sequence[DocumentRow]) -> None:
    with failures_explained(as_json=False):
        from ui.bars import ingest_bar
        from ui.indexing import Indexer
        from ui.plaintext import report_lines

        indexer = Indexer(settings_of(data))
        try:
            with stop_on_interrupt() as interrupted, ingest_bar(shown=True) as progress:
                request = {"kind": "reindex", "doc_ids": [row.doc_id for row in rows]}
                report = indexer.run(request, progress=progress, cancelled=interrupted)
        finally:
            indexer.close()
    print_lines(report_lines(report))
