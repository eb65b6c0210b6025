"""Answers, reports and counts as plain lines of text, for a terminal and for job messages."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from index.blocks import is_list_item, is_table_row
from index.report import ReembeddingReport
from ui.copies import copies_named
from ui.health import health_facts, health_remark, missing_words
from ui.render import duration

if TYPE_CHECKING:
    from index.jobs import Job
    from index.missing import OutOfReach
    from index.report import FileOutcome, IngestReport, Progress
    from index.store import DocumentRow, FolderRow, StoreStatus
    from rag.answers import Answer, Citation, Passage, Refusal

SNIPPET_CHARS = 240
LISTED_FILES = 20

# Control characters could command the terminal, the bidirectional ones reorder what stands around
# them, and lone surrogates (bytes of a file name that is not UTF-8) cannot be encoded.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with everything that a terminal must not receive written as an escape (``\\x1b``)."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def count(number: int, noun: str) -> str:
    """``1 file``, ``2,000 files``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def snippet(text: str, limit: int = SNIPPET_CHARS) -> str:
    """One line of at most ``limit`` characters, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return line[:limit].rsplit(" ", 1)[0] + " …"


def place(name: str, locator: str, heading_path: Sequence[str] = ()) -> str:
    """Where a quote stands: ``report.pdf, p. 3``, ``list.csv, row 8`` or ``guide.md, Install > Linux``."""
    if locator:
        return f"{name}, {locator}"
    return f"{name}, {' > '.join(heading_path)}" if heading_path else name


def answer_lines(answer: Answer) -> Iterator[str]:
    """The answer with its marks, then its sources; or that there is none, with the nearest passages."""
    yield from _sentence_lines(answer)
    if answer.notice:
        yield ""
        yield f"Note: {answer.notice}"
    if answer.citations:
        yield ""
        yield "Sources"
        yield from (_citation_line(citation) for citation in answer.citations)
    elif answer.refusal is not None:
        yield from _refusal_lines(answer.refusal)


def _refusal_lines(refusal: Refusal) -> Iterator[str]:
    if refusal.nearest:
        yield ""
        yield "Nearest passages (below the bar)"
        yield from (f"  - {_passage_line(passage)}" for passage in refusal.nearest)
    if refusal.rewordings or refusal.elsewhere:
        yield ""
    for rewording in refusal.rewordings:
        yield f'Try: "{rewording.text}" ({rewording.name})'
    if refusal.elsewhere:
        found = ", ".join(f"{each.name} ({count(each.passages, 'passage')})" for each in refusal.elsewhere)
        used = [("--collection", refusal.collections), ("--document", refusal.files)]
        options = " and ".join(option for option, names in used if names)
        yield f"Outside your selection: {found}. Ask again without {options} to search everything."


def _sentence_lines(answer: Answer) -> Iterator[str]:
    """The sentences with their marks as one line, or under their documents; list items on their own."""
    line: list[str] = []
    group = ""
    item_before = False
    for sentence in answer.sentences:
        item = is_list_item(sentence.text) or is_table_row(sentence.text)
        new_group = sentence.group != group
        if line and (new_group or item or item_before):
            yield " ".join(line)
            line = []
        if new_group:
            group = sentence.group
            yield f"{group}:"
        line.append(" ".join([sentence.text, *(f"[{marker}]" for marker in sentence.markers)]))
        item_before = item
    yield " ".join(line)


def step_lines(answer: Answer) -> Iterator[str]:
    """How the answer came to be, one line a stage."""
    yield "How this answer was found"
    for step in answer.steps:
        yield f"  {step.name:<10} {step.milliseconds:8.0f} ms  {step.detail}"
    if answer.considered:
        yield "Passages, best first: by meaning, by words, both together, as the reader sees it"
    for each in answer.considered:
        passage = each.passage
        ranks = " ".join(
            f"{'-' if rank is None else f'#{rank}':>4}" for rank in (passage.dense_rank, passage.lexical_rank)
        )
        reader = "   -" if passage.reader is None else f"{passage.reader:.2f}"
        where = place(passage.name, passage.locator, passage.heading_path)
        yield f"  {ranks} {passage.fused:.2f} {reader}  {where}: {each.reason}"


def _citation_line(citation: Citation) -> str:
    where = place(citation.name, citation.locator, citation.heading_path)
    return f'[{citation.marker}] {where}: "{" ".join(citation.quote.split())}"'


def _passage_line(passage: Passage) -> str:
    return f"{place(passage.name, passage.locator, passage.heading_path)}: {snippet(passage.text)}"


def search_lines(passages: Sequence[Passage]) -> Iterator[str]:
    """Found passages, best first, each with its score and what found it."""
    for number, passage in enumerate(passages, start=1):
        by_meaning = f"meaning #{passage.dense_rank}" if passage.dense_rank else ""
        by_words = f"words #{passage.lexical_rank}" if passage.lexical_rank else ""
        found_by = ", ".join(part for part in (by_meaning, by_words) if part)
        where = place(passage.name, passage.locator, passage.heading_path)
        yield f"{number:>2}. {where}  ({passage.score:.2f}{'; ' + found_by if found_by else ''})"
        yield f"    {snippet(passage.text)}"


def progress_facts(progress: Progress) -> Iterator[str]:
    """How far a job is: ``12 of 40 files``, ``50 passages/s``, ``about 2 min left``."""
    if progress.files_total or not progress.passages_total:
        yield f"{progress.files_done:,} of {count(progress.files_total, 'file')}"
    else:
        yield f"{progress.passages_done:,} of {count(progress.passages_total, 'passage')}"
    if progress.stage == "paused":
        yield "paused"
    elif progress.stage == "publishing":
        yield "saving"
    elif progress.stage != "done":
        if progress.passages_per_second >= 0.5:
            yield f"{progress.passages_per_second:,.0f} passages/s"
        if progress.seconds_left is not None:
            yield f"{duration(progress.seconds_left)} left"


def job_lines(jobs: Sequence[Job]) -> Iterator[str]:
    """Jobs, one a line: number, state, what, how far or how it ended, and the next step."""
    if not jobs:
        yield "Nothing was indexed here yet."
    for job in jobs:
        facts = [job.message]
        if job.unfinished:
            facts = list(progress_facts(job.progress)) if job.progress is not None else ["just begun"]
            if job.cancel_requested:
                facts.append("stopping")
            elif job.pause_requested and job.state == "running":
                facts.append("pausing")
        what = f"preview of {job.label}" if job.kind == "plan" else job.label or job.kind
        line = f"{job.job_id:>4}  {job.state:<9}  {what}: {' · '.join(facts)}"
        yield line.removesuffix(": ")
        if job.resumable:
            yield f"      Next: footnote jobs resume {job.job_id}"


def report_lines(report: IngestReport) -> Iterator[str]:
    """One line a file that was not indexed, with cause and remedy, then the summary."""
    for outcome in report.outcomes:
        if outcome.outcome in ("failed", "skipped"):
            yield outcome_line(outcome)
    yield summary(report)


def outcome_line(outcome: FileOutcome) -> str:
    """``failed   scan.pdf: The PDF is protected by a password. Next: …``"""
    remedy = f" Next: {outcome.hint}" if outcome.hint else ""
    return f"{outcome.outcome:<8} {outcome.path}: {outcome.reason}{remedy}"


def summary(report: IngestReport) -> str:
    """What an ingest did: ``12 added, 1 failed · 240 passages · 3.1 s``"""
    if isinstance(report, ReembeddingReport):
        did = "read" if not report.cancelled else "cancelled while it was read"
        return f"{did} with {report.model} · {count(report.vectors, 'passage')} · {report.seconds:.1f} s"
    tally: dict[str, int] = {}
    for outcome in report.outcomes:
        tally[outcome.outcome] = tally.get(outcome.outcome, 0) + 1
    order = ("added", "changed", "renamed", "unchanged", "removed", "failed", "skipped")
    files = ", ".join(f"{tally[kind]:,} {kind}" for kind in order if kind in tally) or "no files found"
    passages = count(sum(outcome.embedded for outcome in report.outcomes), "new passage")
    cancelled = "cancelled after " if report.cancelled else ""
    return f"{cancelled}{files} · {passages} · {report.seconds:.1f} s"


def status_lines(
    status: StoreStatus,
    folders: Iterable[FolderRow],
    troubled: Sequence[DocumentRow],
    *,
    now: float,
    runtime: str = "",
    barrier: str = "",
    recognised: Sequence[str] = (),
) -> Iterator[str]:
    """What is indexed, where, and which files need a look.

    Args:
        now: Unix seconds.
        runtime: What runs the embedding model here.
        barrier: What keeps the process that reads documents off the network.
        recognised: Tesseract's codes of the languages in which pages that are pictures are read.
    """
    yield f"Data folder    {status.data} ({_megabytes(status.size_bytes)})"
    states = {
        "ready": status.ready,
        "partly read": status.partial,
        "failed": status.failed,
        "disabled": status.disabled,
        "ignored": status.ignored,
    }
    parts = ", ".join(f"{number:,} {state}" for state, number in states.items() if number)
    yield f"Documents      {status.documents:,}{f' ({parts})' if parts else ''}"
    yield f"Passages       {status.passages:,}{_languages(status.languages)}"
    yield f"Model          {status.model_name or 'none yet'}{f', run by {runtime}' if runtime else ''}"
    vectors = f"{status.base_vectors:,} in the base, {status.delta_vectors:,} since"
    yield f"Index          generation {status.generation} · vectors: {vectors}"
    if status.recall is not None:
        yield f"               searched in part: {status.recall:.1%} of the ten nearest are found"
    if barrier:
        yield f"Reading        kept off the network by {'an' if barrier[0] in 'aeiou' else 'a'} {barrier}"
    if recognised:
        yield f"Scans          read by Tesseract ({', '.join(recognised)})"
    if status.last_indexed_at is not None:
        yield f"Last indexed   {_ago(now - status.last_indexed_at)}"
    for number, folder in enumerate(folders):
        yield f"{'Folders' if number == 0 else '':<14} {folder.path} (in {folder.collection})"
    for document in troubled[:LISTED_FILES]:
        remedy = f" Next: {document.hint}" if document.hint else ""
        trouble = " ".join(filter(None, (f"{document.reason}{remedy}", health_remark(document))))
        yield f"{document.state:<8} {document.path}: {trouble}"
    if len(troubled) > LISTED_FILES:
        yield f"… and {len(troubled) - LISTED_FILES:,} more; `footnote status --json` lists them all."


def document_lines(
    rows: Sequence[DocumentRow], missing: Mapping[str, OutOfReach] | None = None
) -> Iterator[str]:
    """Every document, one line each: state, passages, path, facts; below it what is wrong and what to do.

    Args:
        rows: The documents.
        missing: The folders that are out of reach, by the ids of their documents; None: there are none.
    """
    lost = missing or {}
    if not rows:
        yield "No documents are indexed."
    copies = copies_named(rows)
    for row in rows:
        place = lost.get(row.doc_id)
        known = [*health_facts(row), copies.get(row.doc_id, ""), "not reachable" if place is not None else ""]
        facts = "".join(f" · {fact}" for fact in known if fact)
        yield f"{row.state:<8} {row.passages:>7,}  {row.path} (in {row.collection}){facts}"
        remedy = f" Next: {row.hint}" if row.hint else ""
        unread = missing_words(place) if place is not None else ""
        for trouble in (f"{row.reason}{remedy}", health_remark(row), unread):
            if trouble:
                yield f"{'':<18}{trouble}"


def _languages(languages: Mapping[str, int]) -> str:
    ranked = sorted(languages.items(), key=lambda item: -item[1])
    return f" ({', '.join(f'{code} {number:,}' for code, number in ranked)})" if ranked else ""


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _ago(seconds: float) -> str:
    for limit, unit, noun in ((90, 1, "second"), (5400, 60, "minute"), (129_600, 3600, "hour")):
        if seconds < limit:
            return f"{count(max(0, round(seconds / unit)), noun)} ago"
    return time.strftime("%Y-%m-%d", time.localtime(time.time() - seconds))
