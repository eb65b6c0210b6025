"""The block "Sources" of the sidebar, and the chip in the composer: what the conversation searches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from index.documents import last_part
from rag.answers import digest
from rag.refusal import listed
from ui.render import button, count, escape_line
from ui.selection import Selection, Sources

if TYPE_CHECKING:
    from index.rows import DocumentRow

# A list of thousands would make every drawing slow, and nobody reads it: the filter finds the others.
SHOWN_FILES = 30
_NAMED = 20  # in the title of the chip
FEW = 2  # files that are left out are named in it


@dataclass(slots=True)
class Looking:
    """How one tab looks at the sources."""

    wanted: str = ""  # words that the files shown have in their names or paths
    unfolded: set[str] = field(default_factory=set)  # collections whose files are shown without a search

    @property
    def words(self) -> list[str]:
        """What the path of a file must hold to be shown, each of it."""
        return self.wanted.casefold().split()


def source_key(name: str) -> str:
    """What stands for a collection in the page: a name may hold characters that cannot pass through it."""
    return digest(name)[:16]


def sources_html(sources: Sources, selection: Selection | None, looking: Looking | None = None) -> str:
    """A tick box for each collection, and for the files that were looked for; nothing without a choice.

    Args:
        selection: What the conversation searches, as ``Sources.present`` has it.
        looking: Which files to show; those that are ticked one by one are shown always.
    """
    total = sources.count(None)
    if total < 2:
        return ""
    looking = looking or Looking()
    chosen = sources.count(selection)
    if selection is None:
        summary = f'<span class="fn-scope-sum">All {count(total, "document")}</span>'
    else:
        every = button("Search all", "fn-link", {"act": "scope-all"})
        summary = f'<span class="fn-scope-sum">{chosen:,} of {total:,} selected · {every}</span>'
    room, hidden = SHOWN_FILES, 0
    rows: list[str] = []
    for name, shelf in sources.collections.items():
        single = selection.documents & shelf.keys() if selection is not None else frozenset[str]()
        listed_files = _listed(name, shelf, single, looking)
        if looking.words and not listed_files:
            continue
        whole = selection is None or name in selection.collections
        rows.append(
            _collection(
                name,
                len(shelf),
                on=whole,
                some=bool(single) and not whole,
                last=whole and chosen == len(shelf),
                unfolded=name in looking.unfolded,
            )
        )
        shown = listed_files[:room]
        room, hidden = room - len(shown), hidden + len(listed_files) - len(shown)
        if shown:
            files = _files(shown, single, chosen, whole=whole)
            rows.append(f'<li><ul class="fn-ticks fn-files">{files}</ul></li>')
    if looking.words and not rows:
        rows.append('<li class="fn-no-files">No file here is called so.</li>')
    elif hidden:
        say = "Type more of the name." if looking.words else "Find them by name."
        rows.append(f'<li class="fn-no-files">And {count(hidden, "more file")}. {say}</li>')
    # What stands in the field is the browser's: it may be ahead of what is drawn here, see sources.js.
    find = (
        '<input class="fn-field fn-file-find" type="search" maxlength="200" autocomplete="off" '
        'placeholder="Find a file" aria-label="Find a file in the sources">'
    )
    return (
        f'<section class="fn-sources" aria-label="Sources"><p class="fn-h">Sources</p>{summary}{find}'
        f'<ul class="fn-ticks">{"".join(rows)}</ul></section>'
    )


def _listed(
    name: str, shelf: Mapping[str, DocumentRow], single: Collection[str], looking: Looking
) -> list[DocumentRow]:
    """The files to show below a collection, by path."""
    if looking.words:
        return [row for row in shelf.values() if all(word in row.path.casefold() for word in looking.words)]
    if name in looking.unfolded:
        return list(shelf.values())
    return sorted((shelf[doc_id] for doc_id in single), key=lambda row: row.path)


def _collection(name: str, documents: int, *, on: bool, some: bool, last: bool, unfolded: bool) -> str:
    shown, key = escape_line(name), source_key(name)
    fold = (
        f'<button type="button" class="fn-fold" data-act="fold" data-key="{key}" '
        f'aria-expanded="{"true" if unfolded else "false"}" aria-label="Files of {shown}" title="Files">'
        f"{'▾' if unfolded else '▸'}</button>"
    )
    only = "" if on and last else _only("scope-only", key, name)
    tick = _tick("scope", key, shown, name, on=on, some=some, last=last)
    return f'<li class="fn-source">{fold}{tick}{only}<span class="fn-count">{documents:,}</span></li>'


def _files(rows: Sequence[DocumentRow], single: Collection[str], chosen: int, *, whole: bool) -> str:
    named = Counter(row.name for row in rows)
    items: list[str] = []
    for row in rows:
        on = whole or row.doc_id in single
        last = on and chosen == 1
        # Of two files of one name the folder tells which is which.
        folder = last_part(row.path[: -len(row.name)]) if named[row.name] > 1 else ""
        shown = escape_line(row.name) + (f" <small>{escape_line(folder)}</small>" if folder else "")
        only = "" if last else _only("file-only", row.doc_id, row.name)
        tick = _tick("file", row.doc_id, shown, row.path, on=on, last=last)
        items.append(f'<li class="fn-source">{tick}{only}</li>')
    return "".join(items)


def _only(act: str, key: str, name: str) -> str:
    return button("only", "fn-only", {"act": act, "key": key}, title=f"Search only {name}")


def _tick(act: str, key: str, label: str, title: str, *, on: bool, last: bool, some: bool = False) -> str:
    # The last tick stays: a conversation that searches nothing could answer nothing.
    state = (" checked" if on else "") + (" disabled" if on and last else "") + (" data-some" if some else "")
    return (
        f'<label title="{escape_line(title)}"><input type="checkbox" data-act="{act}" data-key="{key}" '
        f'data-on="{0 if on else 1}"{state}><span class="fn-source-name"><bdi>{label}</bdi></span></label>'
    )


def scope_html(names: Sequence[str], left_out: Sequence[str] = ()) -> str:
    """The chip in the composer that says what is searched when that is not everything; else nothing.

    Args:
        names: Of the collections and files that are searched.
        left_out: Names of the files that are not; a few say more than a long list of the others.
    """
    if not names:
        return ""
    clear = (
        '<button type="button" class="fn-scope-x" data-act="scope-all" '
        'aria-label="Search all sources again" title="Search all sources again">✕</button>'
    )
    words = escape_line(listed(names))
    if 0 < len(left_out) <= FEW < len(names):
        words = f"all but {escape_line(listed(left_out))}"
    most = [*names[:_NAMED], "…"] if len(names) > _NAMED else names
    return (
        f'<div class="fn-scope" title="{escape_line(", ".join(most))}">'
        f"<span>Searching: <bdi>{words}</bdi></span>{clear}</div>"
    )
