"""Bring documents into the index: `footnote index`, and `footnote jobs` that does it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ui.commands.interrupts import stop_on_interrupt
from ui.commands.opened import settings_of
from ui.commands.options import Data, Json
from ui.commands.outcomes import NOTHING_INDEXED, STOPPED, failures_explained, print_json, print_lines
from ui.job_control import JobAction, control_job

_LISTED_JOBS = 10
_BUSY_SECONDS = 2.0  # following a change in a watched folder is done by then; anything else is not


def index(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Files and folders. None: look for changes in every folder that was indexed before.",
            show_default=False,
        ),
    ] = None,
    collection: Annotated[
        str,
        typer.Option("--collection", metavar="NAME", help="Collection to put them in; Documents by default."),
    ] = "",
    samples: Annotated[
        bool, typer.Option("--samples", help="Index the documents that ship with Footnote.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Read files again although they have not changed.")
    ] = False,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Say what indexing would do and how long it would take; do nothing."),
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Bring documents into the index; what changed, moved or vanished since the last time follows.

    Every file that could not be indexed is listed with its cause and what to do about it. Ctrl-C
    stops after the passages at hand: what was published stays, and the next run goes on from there.

    `--plan` shows beforehand what is new, changed, renamed, gone, skipped or cannot be read, how many
    passages have to be embedded, and about how long that takes.
    """
    if samples and (paths or plan):
        raise typer.BadParameter("--samples takes no PATH and no --plan.")

    request: dict[str, Any] = (
        {"kind": "samples"}
        if samples
        else {
            "kind": "plan" if plan else "paths",
            # Not resolve(): a person finds a document again under the path that they typed.
            "paths": [os.path.abspath(path) for path in paths or []],  # noqa: PTH100
            "collection": collection,
        }
    )
    if force:
        request["force"] = True
    if plan:
        _plan(data or context.obj, request, as_json=as_json)
    else:
        _index(request, data or context.obj, as_json)


def jobs(
    context: typer.Context,
    action: Annotated[
        JobAction | None,
        typer.Argument(metavar="[pause|resume|cancel]", help="What to do with one.", show_default=False),
    ] = None,
    job_id: Annotated[
        int | None,
        typer.Argument(metavar="[ID]", help="Which; by default the one that runs now.", show_default=False),
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """List the indexing jobs of the page and of the command line, newest first, or control one of them.

    A paused job keeps what it has finished, which can be searched meanwhile. Resuming a job that broke
    off, or was cancelled, carries out the same request here; what it had finished costs nothing.
    """
    from ui.plaintext import job_lines

    with failures_explained(as_json):
        from index.jobs import Jobs
        from index.store import Store

        settings = settings_of(data or context.obj)
        Store.open(settings.data, create=False).close()
        table = Jobs(settings.data)
        try:
            if action is None:
                listed = table.recent(_LISTED_JOBS)
                request = None
            else:
                listed, request = control_job(table, action, job_id)
        finally:
            table.close()
    if request is not None:
        _index(request, settings.data, as_json)
    elif as_json:
        print_json({"jobs": [asdict(job) for job in listed]})
    else:
        print_lines(job_lines(listed))


def _index(request: dict[str, Any], data: Path | None, as_json: bool) -> None:
    """Carry out an indexing request in this process, as a job that the page shows too."""
    from ui.plaintext import report_lines

    with failures_explained(as_json):
        from index.jobs import Jobs
        from ui.bars import ingest_bar
        from ui.indexing import Indexer
        from ui.job_runs import run_job

        settings = settings_of(data)
        indexer = Indexer(settings)
        with ExitStack() as stack:
            stack.callback(indexer.close)
            indexer.store  # noqa: B018  makes the data folder, or says why it cannot be used
            jobs = Jobs(settings.data)
            stack.callback(jobs.close)
            jobs.require_idle(seconds=_BUSY_SECONDS)
            interrupted = stack.enter_context(stop_on_interrupt())
            progress = stack.enter_context(ingest_bar(shown=not as_json))
            report = run_job(indexer, jobs, request, progress=progress, stopping=interrupted)
    if as_json:
        print_json(asdict(report))
    else:
        print_lines(report_lines(report))
    if report.cancelled:
        raise typer.Exit(STOPPED)
    if report.count("failed") and not report.count("added", "changed", "renamed", "unchanged", "removed"):
        raise typer.Exit(NOTHING_INDEXED)


def _plan(data: Path | None, request: dict[str, Any], *, as_json: bool) -> None:
    with failures_explained(as_json):
        from ui.bars import ingest_bar
        from ui.indexing import Indexer
        from ui.planning import LISTED_IN_TERMINAL, plan_lines, summarize

        indexer = Indexer(settings_of(data))
        try:
            with stop_on_interrupt() as interrupted, ingest_bar(shown=not as_json) as progress:
                plan = indexer.plan(request, progress=progress, cancelled=interrupted)
        finally:
            indexer.close()
    if as_json:
        print_json({**asdict(plan), "passages": plan.passages, "embedded": plan.embedded})
    elif not plan.cancelled:
        print_lines(plan_lines(summarize(plan, request, listed=LISTED_IN_TERMINAL)))
    if plan.cancelled:
        raise typer.Exit(STOPPED)
