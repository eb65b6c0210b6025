"""Serve the page: `footnote serve`, and `footnote` by itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from index.errors import SourceError
from ui.commands.interrupts import closed_on_terminate
from ui.commands.opened import settings_of
from ui.commands.options import Data
from ui.commands.outcomes import failures_explained

Host = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Address to serve on; 127.0.0.1 by default.")
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65_535, metavar="PORT", help="Port; 7860 by default, 0 takes any free one."
    ),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Do not open a browser window.")]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"footnote {version('footnote')}")
        except PackageNotFoundError:
            typer.echo("footnote, from a source folder")
        raise typer.Exit


def serve_by_default(
    context: typer.Context,
    data: Data = None,
    host: Host = None,
    port: Port = None,
    no_browser: NoBrowser = False,
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and stop.")
    ] = False,
) -> None:
    """Serve the page when no command is named; ``--data`` before a command counts for that command."""
    context.obj = data
    if context.invoked_subcommand is None:
        _serve(data, host, port, no_browser)
    elif context.invoked_subcommand != "serve" and (host is not None or port is not None or no_browser):
        raise typer.BadParameter("--host, --port and --no-browser go with `footnote serve`.")


def serve(
    context: typer.Context,
    data: Data = None,
    host: Host = None,
    port: Port = None,
    no_browser: NoBrowser = False,
    watch: Annotated[
        list[Path] | None,
        typer.Option(
            "--watch",
            metavar="FOLDER",
            help="Follow the changes in this folder from now on; give it again for another one.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the page and open it in a browser (what `footnote` does by itself).

    On the first start the sample documents are indexed. A watched folder stays watched at the next start,
    until its switch in the Documents view is turned off. Ctrl-C ends it.
    """
    above = context.parent.params if context.parent else {}
    _serve(
        data or context.obj,
        host or above.get("host"),
        port if port is not None else above.get("port"),
        no_browser or bool(above.get("no_browser")),
        watch or [],
    )


def _serve(
    data: Path | None, host: str | None, port: int | None, no_browser: bool, watch: Sequence[Path] = ()
) -> None:
    with closed_on_terminate(), failures_explained(as_json=False):
        settings = settings_of(data, {"server.host": host, "server.port": port})
        from index.scan import typed_path
        from ui.server import serve as serve_page

        def listening(address: str) -> None:
            typer.echo(f"Footnote is open at {address}. Ctrl-C ends it.")

        for folder in watch:
            if not os.path.isdir(typed_path(folder)):  # noqa: PTH112  any name, however long
                raise SourceError(f"There is no folder {folder}.", hint="Check the path after --watch.")
        serve_page(settings, open_browser=not no_browser, listening=listening, watch=watch)
