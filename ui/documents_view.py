"""The Documents view: what is indexed, what runs now, what went wrong and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Container

from index.jobs import Job
from index.report import FileOutcome
from index.rows import StoreStatus
from ui.document_list import DocumentList
from ui.indexing import UPLOADS
from ui.landing import ENDED, JOB, REPORT, SUMMARY
from ui.model_card import model_card
from ui.models import ModelState
from ui.plaintext import progress_facts
from ui.plan_card import plan_card
from ui.planning import PlanSummary
from ui.render import button, clock, count, escape, escape_line, file_size

SAMPLES = "Samples"
COLLECTION_CHARS = 60
_SHOWN_LINES = 100
_OUTCOMES = {
    "added": "added",
    "changed": "changed",
    "renamed": "renamed",
    "unchanged": "unchanged",
    "removed": "removed",
    "failed": "failed",
    "skipped": "skipped",
}


def tools_html(formats: str, most_bytes: int) -> str:
    """The buttons above the table; static, so that typing in a field is never interrupted.

    Args:
        formats: Extensions for the file dialogue, comma separated: ``.pdf,.md``.
        most_bytes: Of a file; what is larger is refused before it is sent.
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
    rebuild = (
        '<details class="fn-confirm"><summary class="fn-btn">Rebuild</summary><div class="fn-pop"><p>Every '
        "document is read and cut into passages again, as the settings are now. Passages that come out the "
        "same are not embedded again, and chat goes on meanwhile.</p>"
        f"{button('Read everything again', 'fn-btn fn-primary', {'act': 'read-all'})}</div></details>"
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
        f'<div class="fn-bar"><input type="file" id="fn-files" multiple hidden accept="{escape(formats)}"'
        f' data-most="{most_bytes}">'
        f'{files}{folder}{into}{check}{changes}{rebuild}<input class="fn-field fn-filter" type="search" '
        'placeholder="Filter by name or state" aria-label="Filter documents"></div>'
        '<form class="fn-folder" hidden><label for="fn-path">Folder on this computer</label>'
        '<input class="fn-field" id="fn-path" name="path" placeholder="/home/me/Documents" '
        'spellcheck="false" autocomplete="off">'
        '<button type="submit" class="fn-btn fn-primary">Add</button>'
        f"{preview}</form>"
        '<p class="fn-upload" role="status" aria-live="polite" hidden></p>'
    )


def state_html(
    documents: DocumentList,
    status: StoreStatus,
    current: Job | None,
    last: Job | None,
    *,
    notice: str = "",
    plan: PlanSummary | None = None,
    removed: int = 0,
    missing: int = 0,
    models: ModelState | None = None,
    now: float | None = None,
) -> str:
    """What stands above the table: the summary, a plan, the running job or the last report, the samples.

    Args:
        documents: All of them.
        status: Of the index.
        current: The job that runs now.
        last: The newest job that ended.
        notice: What the last action has to say, for example why it was refused.
        plan: What a re-index would do, to be applied or discarded.
        models: What there is to say of embedding models.
        removed: How many documents this tab removed a moment ago and can still bring back.
        missing: How many documents are in a folder that is out of reach.
        now: Unix seconds; the present when None.
    """
    moment = time.time() if now is None else now
    parts = [_summary(status, missing, moment)]
    if notice:
        parts.append(f'<p class="fn-notice fn-bad" data-say>{escape_line(notice)}</p>')
    if models is not None:
        parts.append(model_card(models, busy=current is not None))
    if plan is not None:
        parts.append(plan_card(plan, generation=status.generation))
    if removed:
        undo = button("Undo", "fn-link", {"act": "undo"})
        words = f"{count(removed, 'document')} removed."
        # Fixed to the window: the row that it is about may be far down the table.
        parts.append(f'<p class="fn-notice fn-toast" data-say>{words} {undo}</p>')
    if current is not None:
        parts.append(_progress(current, moment, goes_on=status.passages > 0))
    elif last is not None:
        parts.append(_report(last, ignored=documents.ignored))
    if samples := documents.sizes.get(SAMPLES):
        parts.append(_samples(samples))
    known = "".join(f'<option value="{escape_line(name)}">' for name in documents.sizes)
    return f'<div class="fn-documents">{"".join(parts)}<datalist id="fn-collections">{known}</datalist></div>'


def _summary(status: StoreStatus, missing: int, now: float) -> str:
    number, _, unit = file_size(status.size_bytes).partition(" ")
    when = "" if status.last_indexed_at is None else f"Last indexed {clock(status.last_indexed_at, now)}"
    model = f"{status.model_name}, this computer" if status.model_name else ""
    counts = {
        "not read": status.failed,
        "missing": missing,
        "ignored": status.ignored,
        "disabled": status.disabled,
    }
    fewer = "".join(f"<span><b>{number:,}</b>{said}</span>" for said, number in counts.items() if number)
    return (
        f'<div class="fn-sum" id="{SUMMARY}" role="group" aria-label="The index" tabindex="-1">'
        f"<span><b>{status.documents:,}</b>{'document' if status.documents == 1 else 'documents'}</span>"
        f"{fewer}"
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
    title = _title(job, "is paused" if job.state == "paused" else "")
    note = ""
    if goes_on and job.kind != "plan":
        note = f"Chat goes on with what was indexed before {clock(job.started_at, now)}."
    return (
        '<section class="fn-card" aria-label="Indexing">'
        # Whoever has begun or ended a job with the keyboard goes on from here, see focus.js.
        f'<h2 id="{JOB}" tabindex="-1" data-next="{ENDED}"><bdi>{escape_line(title)}</bdi></h2>'
        '<div class="fn-prog" role="progressbar" aria-label="Files" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent}"><i style="width:{percent}%"></i></div>'
        f'<div class="fn-pr">{line}<span class="fn-now"><bdi>{escape_line(now_at)}</bdi></span>'
        f'<span class="fn-end">{_controls(job)}</span></div>'
        f'<p class="fn-quiet-line">{escape_line(note)}</p></section>'
    )


def _title(job: Job, state: str) -> str:
    """What a job does and how it stands, then what with: a folder called "many" would read as a sentence."""
    doing = {"plan": "Looking for changes", "rebuild": "Embedding"}.get(job.kind, "Indexing")
    return f"{doing} {state}".rstrip() + (f": {job.label}" if job.label else "")


def _controls(job: Job) -> str:
    planning = job.kind == "plan"
    if job.cancel_requested:
        return "Stopping" if planning else "Stopping; what is done is kept"
    about = {"job": str(job.job_id)}
    label = "Cancel" if planning else "Cancel, keep what is done"
    leads = {"next": f"#{JOB};{ENDED}"}
    cancel = button(label, "fn-link", {"act": "cancel", **about, **leads})
    if planning:
        return cancel
    if job.state == "paused":
        again = (
            button("Resume", "fn-link", {"act": "resume", **about, **leads})
            if job.pause_requested
            else "Going on"
        )
        return f"{again} {cancel}"
    pause = (
        "Pausing" if job.pause_requested else button("Pause", "fn-link", {"act": "pause", **about, **leads})
    )
    return f"{pause} {cancel}"


def _short(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def _report(job: Job, *, ignored: Container[str]) -> str:
    attention = [
        line for line in job.outcomes if line.outcome in ("failed", "skipped") and line.path not in ignored
    ]
    if job.state == "done" and not attention:
        return ""
    words = {"done": "finished", "cancelled": "was cancelled", "failed": "failed"}
    title = _title(job, words.get(job.state, job.state))
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
        body += button("Resume", "fn-btn", {"act": "resume", "job": str(job.job_id), "soon": f"#{JOB}"})
    css = "fn-card fn-report fn-report-bad" if job.state == "failed" else "fn-card fn-report"
    heading = f'<h2 id="{REPORT}" tabindex="-1"><bdi>{escape_line(title)}</bdi></h2>'
    return f'<section class="{css}" aria-label="Last report">{heading}{body}{listed}</section>'


def _line(line: FileOutcome) -> str:
    return (
        f"<li><bdi><b>{escape_line(_short(line.path))}</b></bdi> {escape_line(_OUTCOMES[line.outcome])}: "
        f"{escape_line(f'{line.reason} {line.hint}')}</li>"
    )


def _samples(number: int) -> str:
    remove = button("Remove the samples", "fn-link", {"act": "remove-samples"})
    return f'<p class="fn-quiet-line">{count(number, "document")} came with Footnote as samples. {remove}</p>'
