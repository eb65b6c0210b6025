"""The Documents view: what is indexed, what runs now, what went wrong and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from index.jobs import Job
from index.removal import UNDO_SECONDS
from index.report import FileOutcome
from index.rows import DocumentRow, StoreStatus
from ui.health import health_facts, health_remark
from ui.indexing import UPLOADS
from ui.model_card import model_card
from ui.models import ModelState
from ui.plaintext import progress_facts
from ui.plan_card import plan_card
from ui.planning import PlanSummary
from ui.render import button, clock, count, escape, escape_line, file_size

SAMPLES = "Samples"
SHOWN_ROWS = 500
COLLECTION_CHARS = 60
_SHOWN_LINES = 100
# The one place that says how a document's state reads on the page.
STATES: dict[str, tuple[str, str]] = {
    "queued": ("Queued", "run"),
    "reading": ("Reading", "run"),
    "embedding": ("Embedding", "run"),
    "ready": ("Ready", "ok"),
    "partial": ("Partial", "part"),
    "failed": ("Failed", "bad"),
    "missing": ("Missing", "part"),
    "disabled": ("Disabled", "part"),
}
_OUTCOMES = {
    "added": "added",
    "changed": "changed",
    "renamed": "renamed",
    "unchanged": "unchanged",
    "removed": "removed",
    "failed": "failed",
    "skipped": "skipped",
}


def tools_html(formats: str) -> str:
    """The buttons above the table; static, so that typing in a field is never interrupted.

    Args:
        formats: Extensions for the file dialogue, comma separated: ``.pdf,.md``.
    """
    files = button("Add files", "fn-btn fn-primary", {"do": "files"})
    folder = button("Add folder", "fn-btn", {"do": "folder"})
    check = button(
        "Check for changes",
        "fn-btn",
        {"act": "plan-all"},
        title="Look into the folders again and say what re-indexing would do",
    )
    changes = button(
        "Re-index changes",
        "fn-btn",
        {"act": "reindex-all"},
        title="Look into the folders again and read what has changed",
    )
    into = (
        '<label class="fn-into">into <input class="fn-field" name="collection" list="fn-collections" '
        f'maxlength="{COLLECTION_CHARS}" placeholder="a collection" autocomplete="off" spellcheck="false" '
        'aria-label="Collection for what is added" title="The collection that what you add goes into. Left '
        f"empty: {UPLOADS} for files; for folders the one of the settings, which is Documents unless it was "
        'changed."></label>'
    )
    preview = button("Preview", "fn-btn", {"act": "plan"}, title="Say what adding it would do")
    return (
        f'<div class="fn-bar"><input type="file" id="fn-files" multiple hidden accept="{escape(formats)}">'
        f'{files}{folder}{into}{check}{changes}<input class="fn-field fn-filter" type="search" '
        'placeholder="Filter by name or state" aria-label="Filter documents"></div>'
        '<form class="fn-folder" hidden><label for="fn-path">Folder on this computer</label>'
        '<input class="fn-field" id="fn-path" name="path" placeholder="/home/me/Documents" '
        'spellcheck="false" autocomplete="off">'
        '<button type="submit" class="fn-btn fn-primary">Add</button>'
        f"{preview}</form>"
        '<p class="fn-upload" role="status" aria-live="polite" hidden></p>'
    )


def state_html(
    rows: Sequence[DocumentRow],
    status: StoreStatus,
    current: Job | None,
    last: Job | None,
    *,
    notice: str = "",
    plan: PlanSummary | None = None,
    removed: int = 0,
    models: ModelState | None = None,
    now: float | None = None,
) -> str:
    """What stands above the table: the summary, a plan, the running job or the last report, the samples.

    Args:
        rows: All documents.
        status: Of the index.
        current: The job that runs now.
        last: The newest job that ended.
        notice: What the last action has to say, for example why it was refused.
        plan: What a re-index would do, to be applied or discarded.
        models: What there is to say of embedding models.
        removed: How many documents this tab removed a moment ago and can still bring back.
        now: Unix seconds; the present when None.
    """
    moment = time.time() if now is None else now
    parts = [_summary(status, moment, unread=sum(row.version_id is None for row in rows))]
    if notice:
        parts.append(f'<p class="fn-notice fn-bad" role="status">{escape_line(notice)}</p>')
    if models is not None:
        parts.append(model_card(models, busy=current is not None))
    if plan is not None:
        parts.append(plan_card(plan, generation=status.generation))
    if removed:
        undo = button("Undo", "fn-link", {"act": "undo"})
        words = f"{count(removed, 'document')} removed."
        # Fixed to the window: the row that it is about may be far down the table.
        parts.append(f'<p class="fn-notice fn-toast" role="status">{words} {undo}</p>')
    if current is not None:
        parts.append(_progress(current, moment, goes_on=status.passages > 0))
    elif last is not None:
        parts.append(_report(last))
    samples = sum(row.collection == SAMPLES for row in rows)
    if samples:
        parts.append(_samples(samples))
    known = "".join(
        f'<option value="{escape_line(name)}">' for name in sorted({row.collection for row in rows})
    )
    return f'<div class="fn-documents">{"".join(parts)}<datalist id="fn-collections">{known}</datalist></div>'


def table_html(
    rows: Sequence[DocumentRow], *, wanted: str = "", indexing: bool = False, now: float | None = None
) -> str:
    """The table of documents. Apart from the rest, because it changes only when a document does.

    Args:
        rows: All documents.
        wanted: Filter; words that name, collection, state or facts must contain.
        indexing: Whether a job runs now.
        now: Unix seconds; the present when None.
    """
    moment = time.time() if now is None else now
    shown = [row for row in rows if _matches(row, wanted)]
    if shown:
        more = ""
        if len(shown) > SHOWN_ROWS:
            words = f"The first {SHOWN_ROWS} of {len(shown):,}. Filter to find others."
            more = f'<p class="fn-quiet-line">{words}</p>'
        return _table(shown[:SHOWN_ROWS], moment) + more
    if rows:
        clear = button("Clear filter", "fn-link", {"do": "clear"})
        return f'<div class="fn-none"><p>No document matches.</p>{clear}</div>'
    if indexing:
        return ""
    bring = button("Bring back the samples", "fn-btn", {"act": "samples"})
    words = "No documents yet. Drop files anywhere on this page, add a folder, or"
    return f'<div class="fn-none"><p>{words}</p>{bring}</div>'


def _matches(row: DocumentRow, wanted: str) -> bool:
    facts = " ".join(health_facts(row))
    text = f"{row.path} {row.collection} {STATES[row.state][0]} {row.reason} {facts}".casefold()
    return all(word in text for word in wanted.casefold().split())


def _summary(status: StoreStatus, now: float, *, unread: int) -> str:
    number, _, unit = file_size(status.size_bytes).partition(" ")
    when = "" if status.last_indexed_at is None else f"Last indexed {clock(status.last_indexed_at, now)}"
    model = f"{status.model_name}, this computer" if status.model_name else ""
    missing = f"<span><b>{unread:,}</b>of them not read</span>" if unread else ""
    return (
        '<div class="fn-sum">'
        f"<span><b>{status.documents:,}</b>{'document' if status.documents == 1 else 'documents'}</span>"
        f"{missing}"
        f"<span><b>{status.passages:,}</b>{'passage' if status.passages == 1 else 'passages'}</span>"
        f"<span><b>{number} {unit}</b>index</span>"
        f'<span>{escape_line(model)}</span><span class="fn-end">{escape_line(when)}</span></div>'
    )


def _progress(job: Job, now: float, *, goes_on: bool) -> str:
    progress = job.progress
    share, facts = 0.0, ["starting"]
    if progress is not None:
        share, facts = progress.share, list(progress_facts(progress))
    now_at = _short(progress.current) if progress is not None else ""
    percent = f"{share * 100:.0f}"
    line = "".join(f"<span>{fact}</span>" for fact in facts)
    title = f"{_doing(job)} is paused" if job.state == "paused" else _doing(job)
    note = ""
    if goes_on and job.kind != "plan":
        note = f"Chat goes on with what was indexed before {clock(job.started_at, now)}."
    return (
        '<section class="fn-card" aria-label="Indexing">'
        f"<h2><bdi>{escape_line(title)}</bdi></h2>"
        '<div class="fn-prog" role="progressbar" aria-label="Files" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent}"><i style="width:{percent}%"></i></div>'
        f'<div class="fn-pr">{line}<span class="fn-now"><bdi>{escape_line(now_at)}</bdi></span>'
        f'<span class="fn-end">{_controls(job)}</span></div>'
        f'<p class="fn-quiet-line">{escape_line(note)}</p></section>'
    )


def _doing(job: Job) -> str:
    verbs = {"plan": "Looking for changes in", "rebuild": "Embedding"}
    return f"{verbs.get(job.kind, 'Indexing')} {job.label}"


def _controls(job: Job) -> str:
    planning = job.kind == "plan"
    if job.cancel_requested:
        return "Stopping" if planning else "Stopping; what is done is kept"
    about = {"job": str(job.job_id)}
    cancel = button(
        "Cancel" if planning else "Cancel, keep what is done", "fn-link", {"act": "cancel", **about}
    )
    if planning:
        return cancel
    if job.state == "paused":
        again = button("Resume", "fn-link", {"act": "resume", **about}) if job.pause_requested else "Going on"
        return f"{again} {cancel}"
    pause = "Pausing" if job.pause_requested else button("Pause", "fn-link", {"act": "pause", **about})
    return f"{pause} {cancel}"


def _short(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def _report(job: Job) -> str:
    attention = [line for line in job.outcomes if line.outcome in ("failed", "skipped")]
    if job.state == "done" and not attention:
        return ""
    words = {"done": "finished", "cancelled": "was cancelled", "failed": "failed"}
    title = f"{_doing(job)} {words.get(job.state, job.state)}"
    body = f"<p>{escape_line(f'{job.message} {job.hint}')}</p>" if job.message or job.hint else ""
    listed = ""
    if attention:
        items = "".join(_line(line) for line in attention[:_SHOWN_LINES])
        more = f"<li>and {len(attention) - _SHOWN_LINES:,} more</li>" if len(attention) > _SHOWN_LINES else ""
        kinds = {kind: sum(line.outcome == kind for line in attention) for kind in ("failed", "skipped")}
        label = ", ".join(f"{number:,} {_OUTCOMES[kind]}" for kind, number in kinds.items() if number)
        opened = " open" if len(attention) <= 3 else ""
        listed = f'<details{opened}><summary>{label}</summary><ul tabindex="0">{items}{more}</ul></details>'
    if job.resumable:
        body += button("Resume", "fn-btn", {"act": "resume", "job": str(job.job_id)})
    css = "fn-card fn-report fn-report-bad" if job.state == "failed" else "fn-card fn-report"
    heading = f"<h2><bdi>{escape_line(title)}</bdi></h2>"
    return f'<section class="{css}" aria-label="Last report">{heading}{body}{listed}</section>'


def _line(line: FileOutcome) -> str:
    return (
        f"<li><bdi><b>{escape_line(_short(line.path))}</b></bdi> {escape_line(_OUTCOMES[line.outcome])}: "
        f"{escape_line(f'{line.reason} {line.hint}')}</li>"
    )


def _samples(number: int) -> str:
    remove = button("Remove the samples", "fn-link", {"act": "remove-samples"})
    return f'<p class="fn-quiet-line">{count(number, "document")} came with Footnote as samples. {remove}</p>'


def _table(rows: Sequence[DocumentRow], now: float) -> str:
    body = "".join(_row(row, now) for row in rows)
    return (
        '<table class="fn-table"><thead><tr><th>Document</th><th>Collection</th><th class="fn-n">Pages</th>'
        '<th class="fn-n">Passages</th><th>State</th><th>Indexed</th>'
        f'<th><span class="fn-sr">Actions</span></th></tr></thead><tbody>{body}</tbody></table>'
    )


def _row(row: DocumentRow, now: float) -> str:
    label, css = STATES[row.state]
    folder = row.path.replace("\\", "/").rpartition("/")[0] if row.origin == "folder" else "uploaded"
    troubles = [f"{row.reason} {row.hint}".strip(), health_remark(row)]
    fix = "".join(f'<div class="fn-fix">{escape_line(trouble)}</div>' for trouble in troubles if trouble)
    facts = " · ".join(escape_line(fact) for fact in health_facts(row))
    where = f"<bdi>{escape_line(folder)}</bdi>{' · ' if folder and facts else ''}{facts}"
    name = f"<bdi>{escape_line(row.name)}</bdi>"
    if row.version_id is not None:
        name = f'<a href="#doc-{row.doc_id}">{name}</a>'
    warning = "Its text leaves the index and every conversation."
    if row.origin == "folder":
        warning += " The file itself stays where it is."
    warning += f" You can undo it for {UNDO_SECONDS:.0f} seconds."
    again = button(
        "Retry" if row.state == "failed" else "Re-index", "fn-link", {"act": "reindex", "doc": row.doc_id}
    )
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
        f'<td class="fn-doc">{name}<small>{where}</small>{fix}</td>'
        f'<td data-th="Collection"><bdi>{escape_line(row.collection)}</bdi></td>'
        f'<td class="fn-n" data-th="Pages">{row.pages or "–"}</td>'
        f'<td class="fn-n" data-th="Passages">{f"{row.passages:,}" if row.passages else "–"}</td>'
        f'<td data-th="State"><span class="fn-st fn-{css}">{label}</span></td>'
        f'<td data-th="Indexed" class="fn-when">{escape_line(clock(row.indexed_at, now))}</td>'
        f'<td class="fn-actions">{seen}{again}'
        '<details class="fn-confirm"><summary class="fn-link">Delete</summary>'
        f'<div class="fn-pop"><p>{warning}</p>{delete}</div></details></td></tr>'
    )
