"""The files of the running job, above the table of documents: which are read, embedded, or wait.

They are no rows of that table, for it is as long as there are documents, and this changes every second.
"""

from __future__ import annotations

from index.documents import last_part
from index.jobs import Job
from index.report import FileAtHand
from index.rows import DocumentRow
from ui.document_list import DocumentList
from ui.documents_table import STATES
from ui.render import clock, count, escape_line


def job_files_html(job: Job | None, documents: DocumentList, now: float) -> str:
    """A table of the files that the job has at hand, and how many more wait; "" while it has none.

    Args:
        job: The one that runs or is paused now.
        documents: All of them; one that is read again answers until then.
        now: Unix seconds.
    """
    progress = job.progress if job is not None else None
    if job is None or progress is None or not progress.files:
        return ""
    known = documents.by_place
    paused = job.state == "paused"
    body = "".join(
        _row(file, known.get((file.collection, file.path)), now, paused=paused) for file in progress.files
    )
    more = ""
    if progress.files_waiting:
        more = f'<p class="fn-quiet-line">{count(progress.files_waiting, "more file")} queued.</p>'
    return (
        '<section class="fn-card fn-at-hand" aria-label="Files of the job"><h2>Being indexed</h2>'
        '<table class="fn-table"><thead><tr><th>File</th><th>Collection</th><th>State</th></tr></thead>'
        f"<tbody>{body}</tbody></table>{more}</section>"
    )


def _row(file: FileAtHand, known: DocumentRow | None, now: float, *, paused: bool) -> str:
    folder = file.path.replace("\\", "/").rpartition("/")[0]
    until = ""
    if known is not None and known.answers:
        until = f"{' · ' if folder else ''}answers as it was {clock(known.indexed_at, now)} until then"
    label, css = STATES[file.stage]
    if file.stage == "embedding":
        label = f"{label} {file.passages_done:,} of {file.passages_total:,}"
    if paused and file.stage != "queued":
        label, css = f"{label}, paused", "off"
    where = f"<bdi>{escape_line(folder)}</bdi>{until}"
    return (
        f'<tr><td class="fn-doc"><bdi>{escape_line(last_part(file.path))}</bdi><small>{where}</small></td>'
        f'<td data-th="Collection"><bdi>{escape_line(file.collection)}</bdi></td>'
        f'<td data-th="State"><span class="fn-st fn-{css}">{label}</span></td></tr>'
    )
