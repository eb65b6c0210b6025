"""The Quality view: noted questions, how they went, what changed, and documents that need a look."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from index.rows import DocumentRow
from rag.answers import digest
from rag.comparison import TIME, Comparison, Difference
from rag.feedback import OPINIONS, Feedback
from rag.own_evaluation import DOCUMENT, FOUND, PAGE
from rag.runs import Case, Run
from rag.scoring import LENGTHS
from ui.added_question import is_typed, question_form
from ui.document_list import DocumentList
from ui.documents_table import STATES
from ui.health import health_facts, health_remark
from ui.measuring import Measurement
from ui.opinions import LABELS
from ui.render import button, clock, count, escape, escape_line

SHOWN = 200
SHOWN_RELIED = 8
_TYPED = "To be answered"  # of a question that was typed: no answer to it was called helpful
# What a score is called in summary.json -> what it says to a person.
SCORES = {
    "found in the top 5": "Found in the top 5",
    "right document cited": "Right document cited",
    "right page cited": "Right page cited",
    "answer contains the right words": "Right words in the answer",
    "refused, although answerable": "Refused, although answerable",
    "refused, as it should be": "Refused, as it should be",
    "feedback: helpful": "Helpful answers kept",
    "feedback: wrong citation": "Wrong citations gone",
    "feedback: not in documents": "Correct refusals",
    "all right": "All right",
}
# A measure of two runs that are compared -> what it says to a person.
MEASURES = {
    "right": "Reacted rightly",
    FOUND: "Found in the top 5",
    DOCUMENT: "Right document cited",
    PAGE: "Right page cited",
    "contains": "Right words in the answer",
    "EM": "Short answer exactly right",
    "F1": "Words shared with the right answer",
    "correct_and_cited": "Right words, rightly cited",
    "citation_precision": "Cited documents that are right",
    "citation_recall": "Right documents that are cited",
    "evidence_recall": "Known evidence that is quoted",
    "refused[answerable]": "Refused, although answerable",
    "words": "Words in an answer",
    "sentences": "Sentences in an answer",
    TIME: "Milliseconds for a question",
}
# One word of ``rag.scoring.judge`` -> what went wrong.
REASONS = {
    "not_found": "No passage of the right document was looked at.",
    "wrong_sentence": "It was found, but other words are shown or cited.",
    "wrongly_refused": "Refused, although the documents hold it.",
    "wrongly_answered": "Answered, although the documents do not hold it.",
    "failed": "It could not be answered at all.",
}


@dataclass(slots=True)
class Compared:
    """What one tab compares: two runs by name, and what came of it."""

    a: str = ""
    b: str = ""
    comparison: Comparison | None = None
    problem: str = ""


def feedback_key(entry: Feedback) -> str:
    """What stands for a noted question in the page."""
    return digest("\n".join((entry.verdict, entry.question, *entry.earlier)))[:16]


def quality_html(
    entries: Sequence[Feedback],
    runs: Sequence[Run],
    cases: Sequence[Case],
    measurement: Measurement,
    compared: Compared,
    documents: DocumentList,
    cited: Mapping[str, int],
    *,
    unreadable: str = "",
    draft: Mapping[str, str] | None = None,
    notice: str = "",
    now: float | None = None,
) -> str:
    """The whole view.

    Args:
        entries: Noted questions, oldest first.
        runs: The newest first.
        cases: Of the newest run, what went wrong.
        measurement: The run on its way.
        compared: What this tab compares.
        documents: All of them.
        cited: How many answers cite a document, by its id.
        unreadable: Why the noted questions cannot be read; "" when they can.
        draft: What is typed of another question; None: nothing.
        notice: What the last action has to say.
        now: Unix seconds; the present when None.
    """
    moment = time.time() if now is None else now
    said = f'<p class="fn-notice fn-bad" data-say>{escape_line(notice)}</p>' if notice else ""
    return (
        f'<div class="fn-quality">{said}{_questions(entries, unreadable, draft or {}, measurement, moment)}'
        f"{_last(runs[0], cases, moment) if runs else ''}{_comparison(runs, compared)}"
        f"{_health(documents)}{_relied(documents.by_id, cited, moment)}</div>"
    )


def _card(name: str, title: str, body: str) -> str:
    return (
        f'<section class="fn-sheet" aria-labelledby="fn-q-{name}"><h2 id="fn-q-{name}">{title}</h2>'
        f"{body}</section>"
    )


def _questions(
    entries: Sequence[Feedback],
    unreadable: str,
    draft: Mapping[str, str],
    measurement: Measurement,
    now: float,
) -> str:
    if unreadable:
        words = f'<p class="fn-wrong" role="alert">{escape_line(unreadable)}</p>'
        return _card("questions", "Test questions", words)
    if not entries:
        words = (
            "None are noted yet. Helpful, Wrong citation and Not in my documents under an answer note its"
            " question here, and you can type some; Run then asks all of them again and says what has become"
            " better or worse."
        )
        return _card("questions", "Test questions", f'<p class="fn-lead">{words}</p>{question_form(draft)}')
    numbers = Counter(_label(entry) for entry in entries)
    sums = "".join(
        f"<span><b>{numbers[label]:,}</b>{label}</span>"
        for label in (*(LABELS[opinion] for opinion in OPINIONS), _TYPED)
        if numbers[label]
    )
    newest = sorted(entries, key=lambda entry: -entry.time)[:SHOWN]
    items = "".join(_entry(entry, now) for entry in newest)
    more = f"<p>And {len(entries) - SHOWN:,} older ones.</p>" if len(entries) > SHOWN else ""
    listed = f'<details><summary>Show them</summary><ul class="fn-rows">{items}</ul>{more}</details>'
    return _card(
        "questions",
        "Test questions",
        f'<div class="fn-sum">{sums}</div>{_run(measurement)}{listed}{question_form(draft)}',
    )


def _entry(entry: Feedback, now: float) -> str:
    after = f" (after {count(len(entry.earlier), 'other question')})" if entry.earlier else ""
    about = f"{_label(entry)}{after}" + (f", {clock(entry.time, now)}" if entry.time else "")
    delete = button("Delete", "fn-link", {"act": "forget", "key": feedback_key(entry)})
    return (
        f"<li><span><bdi>{escape_line(entry.question)}</bdi><small>{escape_line(about)}</small></span>"
        f"{delete}</li>"
    )


def _label(entry: Feedback) -> str:
    """What was said of a question, or is expected of one that was typed."""
    return _TYPED if is_typed(entry) else LABELS[entry.verdict]


def _run(measurement: Measurement) -> str:
    problem = ""
    if measurement.problem:
        problem = f'<p class="fn-wrong" role="alert">{escape_line(measurement.problem)}</p>'
    if not measurement.running:
        run = button("Run", "fn-btn fn-primary", {"act": "run"}, title="Ask all of them again")
        return f'{problem}<div class="fn-choices">{run}</div>'
    share = 100 * measurement.done / measurement.total if measurement.total else 0
    words = f"{measurement.done:,} of {measurement.total:,}" if measurement.total else "Loading the models"
    cancel = "Stopping" if measurement.cancelling else button("Cancel", "fn-link", {"act": "cancel-run"})
    return (
        '<div class="fn-prog" role="progressbar" aria-label="Test questions" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{share:.0f}"><i style="width:{share:.0f}%"></i></div>'
        f'<div class="fn-pr"><span>{words}</span><span class="fn-now">Chat goes on meanwhile.</span>'
        f'<span class="fn-end">{cancel}</span></div>'
    )


def _last(run: Run, cases: Sequence[Case], now: float) -> str:
    scores = "".join(
        f"<div><dt>{escape_line(SCORES.get(name, name))}</dt>"
        f"<dd>{score.good:,} <small>of {score.of:,}</small></dd></div>"
        for name, score in run.scores.items()
    )
    by = run.model or "built-in answers"
    lead = f"{clock(run.time, now)}, {count(run.questions, 'question')}, {by}"
    if cases:
        items = "".join(_case(case) for case in cases[:SHOWN])
        listed = f'<h3>Went wrong</h3><ul class="fn-rows">{items}</ul>'
    else:
        listed = "<p>Nothing went wrong.</p>"
    return _card(
        "last",
        "Last run",
        f'<p class="fn-lead">{escape_line(lead)}</p><dl class="fn-scores">{scores}</dl>{listed}',
    )


def _case(case: Case) -> str:
    opened = button(
        "Ask in a new chat",
        "fn-link",
        {"act": "ask-case", "case": case.question_id, "trace": ""},
        title="Ask it again, with the way it was searched",
    )
    why = REASONS.get(case.why, case.why)
    return (
        f"<li><span><bdi>{escape_line(case.text)}</bdi><small>{escape_line(why)}</small></span>{opened}</li>"
    )


def _comparison(runs: Sequence[Run], compared: Compared) -> str:
    if len(runs) < 2:
        return ""
    a = _choice("run-a", "Earlier", runs, compared.a or runs[1].name)
    b = _choice("run-b", "Later", runs, compared.b or runs[0].name)
    go = button("Compare", "fn-btn", {"act": "compare", "typed": ""})
    result = ""
    if compared.problem:
        result = f'<p class="fn-wrong" role="alert">{escape_line(compared.problem)}</p>'
    elif compared.comparison is not None:
        result = _differences(compared.comparison)
    return _card("compare", "Compare two runs", f'<div class="fn-bar">{a}{b}{go}</div>{result}')


def _choice(name: str, label: str, runs: Sequence[Run], chosen: str) -> str:
    items = "".join(
        f'<option value="{escape(run.name)}"{" selected" if run.name == chosen else ""}>'
        f"{escape_line(run.name)} ({run.questions:,})</option>"
        for run in runs
    )
    return (
        f'<label class="fn-pick">{label} <select class="fn-field" data-set="{name}">{items}</select></label>'
    )


def _differences(comparison: Comparison) -> str:
    body = "".join(_difference(each) for each in comparison.differences)
    changes = "".join(
        f"<li><span><bdi>{escape_line(change.text)}</bdi><small>"
        f"{escape_line(f'{_reason(change.a)} → {_reason(change.b)}')}</small></span></li>"
        for change in comparison.changed
        if change.a != change.b
    )
    changed = f'<h3>Changed</h3><ul class="fn-rows">{changes}</ul>' if changes else ""
    lead = (
        f"{count(comparison.questions, 'question')} in both. The interval holds the true difference with 95 %"
        " confidence; a small p means that chance alone would hardly do it."
    )
    return (
        f'<p class="fn-lead">{lead}</p><div class="fn-wide" tabindex="0" role="region" '
        'aria-label="Differences"><table class="fn-table"><thead><tr><th>Measure</th>'
        '<th class="fn-n">Earlier</th><th class="fn-n">Later</th><th class="fn-n">Difference</th>'
        '<th class="fn-n">95 % interval</th><th class="fn-n">p</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>{changed}"
    )


def _reason(why: str) -> str:
    return {"": "not judged", "ok": "right"}.get(why, why.replace("_", " "))


def measure_words(name: str) -> str:
    """A measure in words. In brackets stands a kind of question that cannot be answered."""
    kind = name.partition("[")[2].removesuffix("]").replace("_", " ")
    if name not in MEASURES and name.startswith("refused["):
        return f"Refused, as it should be ({kind})"
    if name.startswith("auroc["):
        return f"Tells them from the answerable, AUROC ({kind})"
    return MEASURES.get(name, name)


def _difference(each: Difference) -> str:
    digits = 1 if each.measure in (*LENGTHS, TIME) else 3
    cells = (
        f"{each.a:.{digits}f}",
        f"{each.b:.{digits}f}",
        f"{each.difference:+.{digits}f}",
        f"{each.low:+.{digits}f} to {each.high:+.{digits}f}",
        f"{each.p:.3f}",
    )
    row = "".join(f'<td class="fn-n">{cell}</td>' for cell in cells)
    return f"<tr><td>{escape_line(measure_words(each.measure))}</td>{row}</tr>"


def _health(documents: DocumentList) -> str:
    troubled = documents.troubled
    if not troubled:
        words = "Every document was read whole." if documents.rows else "There are no documents yet."
        return _card("health", "Reading", f"<p>{words}</p>")
    items = "".join(_troubled(row) for row in troubled[:SHOWN])
    more = f"<p>And {len(troubled) - SHOWN:,} more.</p>" if len(troubled) > SHOWN else ""
    return _card(
        "health",
        "Reading",
        f'<p class="fn-lead">{count(len(troubled), "document")} of {len(documents.rows):,} could not be read,'
        f" or not whole, or not well: questions about what is missing are refused.</p>"
        f'<ul class="fn-rows">{items}</ul>{more}',
    )


def _troubled(row: DocumentRow) -> str:
    label, css = STATES[row.state]
    again = button("Retry", "fn-link", {"act": "retry", "doc": row.doc_id}, title=f"Read {row.name} again")
    return (
        f'<li><span><span class="fn-st fn-{css}">{label}</span> <bdi>{escape_line(row.name)}</bdi>'
        f"<small>{escape_line(f'{row.reason} {row.hint} {health_remark(row)}')}</small>"
        f"<small>{escape_line(' · '.join(health_facts(row)))}</small></span>{again}</li>"
    )


def _relied(documents: Mapping[str, DocumentRow], cited: Mapping[str, int], now: float) -> str:
    """Documents that answers rest on, those first that are cited often and were indexed long ago."""
    known = [
        row for doc_id in cited if (row := documents.get(doc_id)) is not None and row.version_id is not None
    ]
    known.sort(key=lambda row: (-cited[row.doc_id] * max(0.0, now - row.indexed_at), row.path))
    if not known:
        return ""
    body = "".join(
        f'<tr><td class="fn-doc"><a href="#doc-{row.doc_id}"><bdi>{escape_line(row.name)}</bdi></a></td>'
        f'<td class="fn-n">{cited[row.doc_id]:,}</td>'
        f'<td class="fn-when">{escape_line(clock(row.indexed_at, now))}</td></tr>'
        for row in known[:SHOWN_RELIED]
    )
    return _card(
        "relied",
        "Relied on, and oldest",
        '<p class="fn-lead">Cited often and indexed long ago: worth a look whether they still hold.</p>'
        '<table class="fn-table"><thead><tr><th>Document</th><th class="fn-n">Answers that cite it</th>'
        f"<th>Indexed</th></tr></thead><tbody>{body}</tbody></table>",
    )
