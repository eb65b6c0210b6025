"""Progress bars on standard error, for commands that take a while; only a terminal shows them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ui.plaintext import printable, progress_facts

if TYPE_CHECKING:
    from index.report import Progress

NAME_CHARS = 40


@contextmanager
def ingest_bar(*, shown: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar over the files of an ingest, with rate, time left and the file at hand."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich import progress as rich
    from rich.console import Console

    bar = rich.Progress(
        rich.TextColumn("{task.description:<10}", markup=False),
        rich.BarColumn(bar_width=24),
        rich.TaskProgressColumn(),
        rich.TextColumn("{task.fields[counts]}", markup=False),
        rich.TextColumn("{task.fields[current]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )

    def show(progress: Progress) -> None:
        bar.update(
            task,
            description=progress.stage.capitalize(),
            total=1.0,
            completed=progress.share,
            counts=" · ".join(progress_facts(progress)),
            current=printable(progress.current[-NAME_CHARS:]),
        )

    with bar:
        task = bar.add_task("Loading", total=None, counts="", current="the embedding model")
        yield show


@contextmanager
def stage_bar(*, shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each named stage: called with (stage, done, total)."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _stage, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    tasks: dict[str, TaskID] = {}
    with Progress(console=Console(stderr=True)) as bar:

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield show


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A moving mark and what is being waited for, gone when it is there."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(what, style="dim")):
        yield
