"""The command line ``footnote``: serve the page, ask, search, index, look after the index, measure.

The commands are functions in ``ui.commands``; here they get their names, in the order of ``--help``.
Everything heavy is imported inside them, so that ``--help`` is instant.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

import typer

from ui.commands.asking import ask, search
from ui.commands.condition import check, status
from ui.commands.diagnosing import config, doctor
from ui.commands.documents import disable, enable, list_documents, remove, undo
from ui.commands.evaluating import evaluate
from ui.commands.indexing import index, jobs
from ui.commands.serving import serve, serve_by_default
from ui.commands.storage import backup, rebuild, restore, rollback

app = typer.Typer(
    name="footnote",
    help="Answers from your own documents, with the exact words that every sentence rests on.\n\n"
    "Without a command, Footnote serves its page at http://127.0.0.1:7860.",
    epilog="Try: footnote index ~/Documents · footnote ask 'When does the lease end?'",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_COMMANDS: tuple[tuple[str, Callable[..., None], str], ...] = (
    ("serve", serve, "Serve the page and open it in a browser."),
    ("ask", ask, "Answer a question, with numbered sources."),
    ("search", search, "List the passages that fit a query best."),
    ("index", index, "Bring files and folders into the index."),
    ("jobs", jobs, "List indexing jobs; pause, resume or cancel one."),
    ("status", status, "Show what is indexed."),
    ("list", list_documents, "List the documents, and how well each could be read."),
    ("check", check, "Check that the index is sound."),
    ("eval", evaluate, "Measure the answers: your own questions, or an evaluation set."),
    ("remove", remove, "Remove documents; it can be undone for ten seconds."),
    ("undo", undo, "Bring back what was removed last."),
    ("disable", disable, "Keep documents, and answer nothing from them."),
    ("enable", enable, "Let disabled documents answer again."),
    ("backup", backup, "Write the data folder to one file."),
    ("restore", restore, "Bring a backup back."),
    ("rebuild", rebuild, "Make the indexes anew, or change the embedding model."),
    ("rollback", rollback, "Go back to the embedding model from before."),
    ("doctor", doctor, "Look at what Footnote needs, and say what is wrong."),
    ("config", config, "Show every setting and where it comes from."),
)

app.callback(invoke_without_command=True)(serve_by_default)
for _name, _command, _summary in _COMMANDS:
    app.command(name=_name, short_help=_summary)(_command)


def main() -> None:
    """Entry point of the ``footnote`` script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows fewer characters
    # Loading a model takes a moment; bars of the library's own would only stand between our lines.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    app(prog_name="footnote")
