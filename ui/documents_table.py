"""The table of documents in the Documents view: each with its state, its troubles, and what can be done."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from index.missing import OutOfReach
from index.removal import UNDO_SECONDS
from index.rows import DocumentRow
from ui.beginning import beginning_html
from ui.copies import copies_named
from ui.health import health_facts, health_remark, missing_words
from ui.render import button, clock, escape, escape_line

SHOWN_ROWS = 500
# The one place that says how a document's state reads on the page. The first three are of the files of a job,
# and "missing" is what is ready or partial in a folder that is out of reach now.
STATES: dict[str, tuple[str, str]] = {
    "queued": ("Queued", "off"),
    "reading": ("Reading", "run"),
    "embedding": ("Embedding", "run"),
    "ready": ("Ready", "ok"),
    "partial": ("Partial", "part"),
    "failed": ("Failed", "bad"),
    "missing": ("Missing", "part"),
    "disabled": ("Disabled", "off"),
    "ignored": ("Ignored", "off"),
}
# How a document is set aside and taken back: act -> its name and what it does.
_ASIDE = {
    "disable": ("Disable", "Keep it, and answer nothing from it until you enable it"),
    "enable": ("Enable", "Answer from it again"),
    "ignore": ("Ignore", "Leave it alone until its content changes or you try again"),
}
_ACT_OF: dict[str, str] = {"disabled": "enable", "failed": "ignore"}  # by state
_LEAVES = "The text leaves the index and every conversation."
_UNDO = f"You can undo it for {UNDO_SECONDS:.0f} seconds."


def table_html(
    rows: Sequence[DocumentRow],
    *,
    cited: Mapping[str, int] | None = None,
    missing: Mapping[str, OutOfReach] | None = None,
    wanted: str = "",
    indexing: bool = False,
    now: float | None = None,
) -> str:
    """The table of documents. Apart from the rest, because it changes only when a document does.

    Args:
        rows: All documents.
        cited: How many answers cite a document, by its id; None: no answer cites any.
        missing: The folders that are out of reach, by the ids of their documents; None: there are none.
        wanted: Filter; words that name, collection, state or facts must contain.
        indexing: Whether a job runs now, or is about to.
        now: Unix seconds; the present when None.
    """
    moment = time.time() if now is None else now
    copies, lost = copies_named(rows), missing or {}
    shown = [
        row
        for row in rows
        if _matches(row, wanted, copies.get(row.doc_id, ""), STATES[_state(row, lost.get(row.doc_id))][0])
    ]
    if shown:
        more = ""
        if len(shown) > SHOWN_ROWS:
            words = f"The first {SHOWN_ROWS} of {len(shown):,}. Filter to find others."
            more = f'<p class="fn-quiet-line">{words}</p>'
        return _table(shown[:SHOWN_ROWS], copies, cited or {}, lost, moment) + more
    if rows:
        clear = button("Clear filter", "fn-link", {"do": "clear"})
        return f'<div class="fn-none"><p>No document matches.</p>{clear}</div>'
    if indexing:
        return ""
    return f'<div class="fn-none"><h2>No documents yet</h2>{beginning_html()}</div>'


def _state(row: DocumentRow, lost: OutOfReach | None) -> str:
    return row.state if lost is None else "missing"


def _matches(row: DocumentRow, wanted: str, copy: str, state: str) -> bool:
    facts = " ".join((*health_facts(row), copy))
    text = f"{row.path} {row.collection} {state} {row.reason} {facts}".casefold()
    return all(word in text for word in wanted.casefold().split())


def _table(
    rows: Sequence[DocumentRow],
    copies: Mapping[str, str],
    cited: Mapping[str, int],
    missing: Mapping[str, OutOfReach],
    now: float,
) -> str:
    body = "".join(
        _row(row, copies.get(row.doc_id, ""), cited.get(row.doc_id, 0), missing.get(row.doc_id), now)
        for row in rows
    )
    return (
        f'{_picked()}<table class="fn-table"><thead><tr><th class="fn-tick"><label><input type="checkbox" '
        'data-ticks="all" aria-label="Select all documents in the table"><span aria-hidden="true">All</span>'
        '</label></th><th>Document</th><th>Collection</th><th class="fn-n">Pages</th>'
        '<th class="fn-n">Passages</th><th>State</th><th>Indexed</th>'
        '<th class="fn-n" title="How many answers in your conversations cite it">Cited</th>'
        f'<th><span class="fn-sr">Actions</span></th></tr></thead><tbody>{body}</tbody></table>'
    )


def _picked() -> str:
    """What can be done with the ticked rows; ticks.js counts them, and says which each button is for."""
    again = button("Re-index", "fn-link", {"act": "reindex"})
    aside = "".join(
        button(label, "fn-link", {"act": act, "only": act}, title=title)
        for act, (label, title) in _ASIDE.items()
    )
    delete = button("Delete the selected", "fn-danger", {"act": "remove"})
    warning = f"{_LEAVES} Files in your folders stay where they are. {_UNDO}"
    clear = button("Clear", "fn-link", {"ticks": "clear"})
    return (
        '<div class="fn-picked" role="group" aria-label="Selected documents" hidden>'
        f'<b role="status"></b>{again}{aside}'
        '<details class="fn-confirm"><summary class="fn-link">Delete</summary>'
        f'<div class="fn-pop"><p>{warning}</p>{delete}</div></details>{clear}</div>'
    )


def _row(row: DocumentRow, copy: str, cited: int, lost: OutOfReach | None, now: float) -> str:
    label, css = STATES[_state(row, lost)]
    folder = row.path.replace("\\", "/").rpartition("/")[0] if row.origin == "folder" else "uploaded"
    ignored = row.state == "ignored"
    troubles = [] if ignored else [f"{row.reason} {row.hint}".strip(), health_remark(row)]
    if lost is not None:
        troubles.insert(0, missing_words(lost, now))
    fix = "".join(f'<div class="fn-fix">{escape_line(trouble)}</div>' for trouble in troubles if trouble)
    known = [row.reason] if ignored else filter(None, (*health_facts(row), copy))
    facts = " · ".join(escape_line(fact) for fact in known)
    where = f"<bdi>{escape_line(folder)}</bdi>{' · ' if folder and facts else ''}{facts}"
    name = f"<bdi>{escape_line(row.name)}</bdi>"
    if row.version_id is not None:
        name = f'<a href="#doc-{row.doc_id}">{name}</a>'
    stays = "The file itself stays where it is. " if row.origin == "folder" else ""
    warning = f"{_LEAVES} {stays}{_UNDO}"
    about = {"doc": row.doc_id}
    acts = button("Retry" if row.version_id is None else "Re-index", "fn-link", {"act": "reindex", **about})
    can = _ACT_OF.get(row.state, "disable" if row.version_id is not None else "")
    if can:
        label_of, title = _ASIDE[can]
        acts += button(label_of, "fn-link", {"act": can, **about}, title=title)
    delete = button("Delete document", "fn-danger", {"act": "remove", "doc": row.doc_id})
    seen = ""
    if row.version_id is not None:
        title = (
            "What Footnote reads of it, beside its pages" if row.has_pages else "What Footnote reads of it"
        )
        seen = (
            f'<a class="fn-link" href="#doc-{row.doc_id}" data-as="{"both" if row.has_pages else "text"}" '
            f'title="{title}" aria-label="What was read of {escape_line(row.name)}">What was read</a>'
        )
    return (
        f'<tr data-doc="{escape(row.doc_id)}">'
        f'<td class="fn-tick"><label><input type="checkbox" data-tick="{escape(row.doc_id)}" '
        f'data-can="{can}" aria-label="Select {escape_line(row.name)}"></label></td>'
        f'<td class="fn-doc">{name}<small>{where}</small>{fix}</td>'
        f'<td data-th="Collection"><bdi>{escape_line(row.collection)}</bdi></td>'
        f'<td class="fn-n" data-th="Pages">{row.pages or "–"}</td>'
        f'<td class="fn-n" data-th="Passages">{f"{row.passages:,}" if row.passages else "–"}</td>'
        f'<td data-th="State"><span class="fn-st fn-{css}">{label}</span></td>'
        f'<td data-th="Indexed" class="fn-when">{escape_line(clock(row.indexed_at, now))}</td>'
        f'<td class="fn-n" data-th="Cited">{f"{cited:,}" if cited else "–"}</td>'
        f'<td class="fn-actions">{seen}{acts}'
        '<details class="fn-confirm"><summary class="fn-link">Delete</summary>'
        f'<div class="fn-pop"><p>{warning}</p>{delete}</div></details></td></tr>'
    )
