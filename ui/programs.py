"""How other programs ask this index: command lines of this installation and data folder, to be copied."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ui.render import escape, escape_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A command line as it is typed into a shell, and what it gives."""

    label: str
    about: str
    command: str


def snippets(data: Path, scripts: Path | None = None) -> tuple[Snippet, ...]:
    """The command lines for a data folder.

    Args:
        scripts: The folder that holds ``footnote``, by default that of this installation.
    """
    program = _footnote(scripts or _installed())
    where = ["--json", "--data", str(data.absolute())]
    return (
        Snippet(
            label="Ask",
            about="The answer, sentence by sentence, with the exact words that each rests on and where.",
            command=_typed([*program, "ask", "your question", *where]),
        ),
        Snippet(
            label="Search",
            about="The passages that fit best, with document, page and scores.",
            command=_typed([*program, "search", "your words", *where]),
        ),
        Snippet(
            label="Changes",
            about="What has changed in the folders that are indexed. Without --plan it is indexed.",
            command=_typed([*program, "index", "--plan", *where]),
        ),
    )


@cache
def _installed() -> Path:
    return Path(sysconfig.get_path("scripts"))


def _footnote(scripts: Path) -> list[str]:
    """What starts the command line of this very installation, wherever the caller stands."""
    script = scripts / ("footnote.exe" if os.name == "nt" else "footnote")
    # -P: a folder that is called "ui" where the caller stands is not this one.
    return [str(script)] if script.is_file() else [sys.executable, "-P", "-m", "ui"]


def _typed(words: Sequence[str]) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def programs_html(data: Path) -> str:
    """The section of the Settings view."""
    rows = "".join(
        f'<div class="fn-setting"><p class="fn-label">{each.label}</p><div class="fn-value">'
        f'<pre class="fn-command"><code>{_code(each.command)}</code></pre>'
        f'<p class="fn-about">{escape_line(each.about)}</p>'
        f'<button type="button" class="fn-btn" data-copy aria-label="Copy: {each.label}">Copy</button>'
        "</div></div>"
        for each in snippets(data)
    )
    return (
        '<section class="fn-sheet fn-set" aria-labelledby="fn-set-programs">'
        '<h2 id="fn-set-programs">From other programs</h2>'
        '<p class="fn-lead">Scripts and other programs on this computer use the same documents through the'
        f" command line, also while this page is open. Each command prints JSON and ends.</p>{rows}</section>"
    )


def _code(command: str) -> str:
    """As HTML; an option such as ``--data`` is not broken after its hyphens at the end of a line."""
    parts = re.split(r"(?<!\S)(--[a-z-]+)", command)  # every second one is an option
    return "".join(
        f"<span>{escape(each)}</span>" if at % 2 else escape(each) for at, each in enumerate(parts)
    )
