"""The folders in the Documents view, each with the switch that keeps it in step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from index.watched import WatchedFolder
from rag.answers import digest
from ui.render import clock, escape_line

_STATES = {
    "off": "",
    "starting": "Watching begins",
    "watching": "Changes are followed as they are saved",
    "away": "Not there now; its documents are kept, and watching goes on when it is back",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderLine:
    """A folder that was indexed or is watched. ``indexed_at`` is None before the first run is done."""

    folder: WatchedFolder
    indexed_at: float | None
    watch: Literal["off", "starting", "watching", "away"]


def folder_key(folder: WatchedFolder) -> str:
    """What stands for a folder in the page: a path may hold characters that cannot pass through it."""
    return digest(f"{folder.path}\0{folder.collection}")[:16]


def folders_html(lines: Sequence[FolderLine], now: float) -> str:
    """The folders with their switches; nothing while there is none."""
    if not lines:
        return ""
    rows = "".join(_line(line, now) for line in lines)
    return (
        '<section class="fn-card fn-folders" aria-label="Folders"><h2>Folders</h2>'
        "<p>Tick a folder to follow its changes by itself: what is new, changed, moved or deleted there.</p>"
        f'<ul class="fn-ticks">{rows}</ul></section>'
    )


def _line(line: FolderLine, now: float) -> str:
    on = line.watch != "off"
    facts = [line.folder.collection]
    if line.indexed_at is not None:
        facts.append(f"looked through {clock(line.indexed_at, now)}")
    if on:
        facts.append(_STATES[line.watch])
    return (
        '<li class="fn-source"><label><input type="checkbox" data-act="watch" '
        f'data-key="{folder_key(line.folder)}" data-on="{0 if on else 1}"{" checked" if on else ""}>'
        f'<span class="fn-source-name"><bdi>{escape_line(line.folder.path)}</bdi> '
        f"<small><bdi>{escape_line(' · '.join(facts))}</bdi></small></span></label></li>"
    )
