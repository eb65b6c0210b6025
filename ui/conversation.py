"""Messages as Markdown for the chat: sentences with their marks, sources, and how the answer was found.

The only Markdown and HTML here is written by this module; everything else passes through ``escape_line``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from index.blocks import is_list_item, is_table_row
from rag.answers import Step
from ui.asking import Running
from ui.chats import Message, Variants
from ui.exchanges import Again, again_html, edit_link, reuse_link
from ui.opinions import LABELS, Noted, different
from ui.references import Located, References
from ui.render import count, escape, escape_line, place
from ui.stored import SpanRef, StoredAnswer, StoredConsidered, StoredRefusal, StoredSentence

HOVER_CHARS = 160
_NEAREST = 3
_SNIPPET_CHARS = 200  # of a passage that was found; the line is cut to the room there is
_VERDICTS = {
    "quoted": "quoted",
    "supported": "supported",
    "weak": "weakly supported",
    "unsupported": "without a source",
    "contradicted": "contradicted",
}
# Models write bold; of all their Markdown it is the only one kept. Two escaped asterisks on either side.
_BOLD = re.compile(r"&#42;&#42;(\S(?:[^*\n]{0,300}?\S)?)&#42;&#42;")
_KEPT = ' class="fn-kept"'
_GONE = {"removed": "source removed", "changed": "source changed"}
_STEP_NAMES = {
    "condense": "Understood",
    "retrieve": "Searched",
    "rerank": "Ranked",
    "select": "Chose",
    "generate": "Wrote",
    "cite": "Cited",
    "check": "Checked",
    "refuse": "Refused",
}


def question_markdown(text: str, edit: str = "") -> str:
    """A question as it was typed: line breaks kept, everything else inert.

    Args:
        edit: Message id of the question if it can be edited.
    """
    lines = (escape_line(line) for line in text.strip().splitlines())
    shown = "\n".join(line or "&#160;" for line in lines)
    return f"{shown}\n\n{edit_link(edit)}" if edit else shown


def running_markdown(running: Running) -> str:
    """An answer while it is being written: the text so far, what was found, and the present stage."""
    if running.quiet:
        return "&#160;"
    parts: list[str] = []
    if running.text:
        parts.append("\n\n".join(escape_line(block) for block in running.text.split("\n\n")))
    found = ""
    if running.passages:
        found = f' <span class="fn-found">{count(len(running.passages), "passage")} found</span>'
    stage = escape_line(running.stage or "Reading the question")
    parts.append(f'<p class="fn-stage"><span class="fn-pulse"></span>{stage}{found}</p>')
    return "\n\n".join(parts)


def answer_markdown(
    message: Message,
    question: str,
    references: References,
    noted: Noted | None = None,
    *,
    again: Again | None = None,
    variants: Variants | None = None,
) -> str:
    """A finished answer with its marks, source chips and footer.

    Args:
        message: An assistant message.
        question: The question before it, to tell whether something else was searched.
        references: Finds the quoted words.
        noted: What the person said of this question already.
        again: With what it can be asked again, if it is the last.
        variants: Of the question, if it was asked in more than one way.
    """
    answer = message.answer
    retry = again_html(message.message_id, again, variants)
    if answer is None:
        notice = '<p class="fn-notice">Footnote was closed before this answer was finished. Ask again.</p>'
        return f'{notice}\n\n<div class="fn-foot">{retry}</div>' if retry else notice
    located = {marker: references.locate(ref) for marker, ref in answer.citations}
    parts: list[str] = []
    if answer.query and different(answer.query, question):
        searched = f"<em>{escape_line(answer.query)}</em> {reuse_link(message.message_id)}"
        parts.append(f'<p class="fn-said">Searched for: {searched}</p>')
    if answer.status == "abstained":
        parts.append(_abstained(message, answer, located))
    elif answer.sentences:
        parts.append(_sentences(message.message_id, answer, located))
    elif answer.status == "stopped":
        parts.append("Stopped before anything was written.")
    if answer.status == "stopped" and answer.sentences:
        parts.append('<p class="fn-notice">Stopped: this is what was written so far.</p>')
    if answer.notice:
        css = "fn-notice fn-bad" if answer.status == "failed" else "fn-notice"
        parts.append(f'<p class="{css}">{escape_line(answer.notice)}</p>')
    parts.append(_footer(message.message_id, answer, located, references, retry))
    if answer.status == "answered":
        parts.append(_opinions(message.message_id, answer, noted or {}))
    return "\n\n".join(part for part in parts if part)


def _sentences(message_id: str, answer: StoredAnswer, located: Mapping[int, Located]) -> str:
    places = dict(answer.citations)
    blocks: list[str] = []
    line: list[str] = []
    heading = ""
    item_before = False
    for sentence in answer.sentences:
        first = places.get(sentence.markers[0]) if sentence.markers else None
        if sentence.grouped and first is not None and first.name != heading:
            heading = first.name
            blocks.append(" ".join(line))
            blocks.append(f"**{escape_line(heading)}**")
            line = []
        said = sentence.text
        if said is None and sentence.markers and sentence.markers[0] in located:
            said = located[sentence.markers[0]].quote
        # The item of a list or the row of a table, written by a model or quoted: on a line of its own.
        item = said is not None and (is_list_item(said) or is_table_row(said))
        if item or item_before:
            blocks.append(" ".join(line))
            line = []
        item_before = item
        line.append(_sentence(message_id, sentence, places, located))
    blocks.append(" ".join(line))
    return "\n\n".join(block for block in blocks if block)


def _sentence(
    message_id: str, sentence: StoredSentence, places: Mapping[int, SpanRef], located: Mapping[int, Located]
) -> str:
    text = sentence.text
    if text is None:
        found = located.get(sentence.markers[0]) if sentence.markers else None
        if found is None or found.version_id is None:
            state = found.state if found is not None else "removed"
            body = f'<span class="fn-gone">{_GONE.get(state, "source removed")}</span>'
        else:
            body = _with_short_answer(found.quote, sentence.short_answer)
    else:
        body = _BOLD.sub(r"<strong>\1</strong>", _with_short_answer(text, sentence.short_answer))
    if sentence.verdict == "unsupported" and not sentence.markers:
        body = f'<span class="fn-unsupported">{body}</span> <span class="fn-tag">no source</span>'
    marks = "".join(
        _mark(message_id, marker, places[marker], located[marker], weak=sentence.verdict == "weak")
        for marker in sentence.markers
        if marker in places
    )
    return f"{body} {marks}" if marks else body


def _with_short_answer(text: str, span: tuple[int, int] | None) -> str:
    if span is None or not 0 <= span[0] < span[1] <= len(text):
        return escape_line(text)
    before, short, after = text[: span[0]], text[span[0] : span[1]], text[span[1] :]
    # escape_line trims, so the spaces around the short answer are put back by hand.
    left = " " if before[-1:].isspace() or short[0].isspace() else ""
    right = " " if after[:1].isspace() or short[-1].isspace() else ""
    return f"{escape_line(before)}{left}<mark>{escape_line(short)}</mark>{right}{escape_line(after)}"


def _mark(message_id: str, marker: int, ref: SpanRef, found: Located, *, weak: bool) -> str:
    gone = found.version_id is None
    sign = "!" if gone else "~" if weak else ""
    kind = "gone" if gone else "weak" if weak else "mark"
    words = " ".join(found.quote.split())
    if len(words) > HOVER_CHARS:
        words = words[:HOVER_CHARS].rstrip() + "…"
    hover = place(ref.name, found.locator_of(ref))
    if gone:
        hover = f"{hover}: {_GONE.get(found.state, 'source removed')}"
    elif words:
        hover = f"{hover}: {words}"
    # The brackets are there for copying and for screen readers; the stylesheet draws a box instead.
    inside = f'<span class="fn-b">&#91;</span>{marker}{sign}<span class="fn-b">&#93;</span>'
    return f'[{inside}](#cite-{message_id}-{marker}-{kind} "{escape_line(hover)}")'


def _abstained(message: Message, answer: StoredAnswer, located: Mapping[int, Located]) -> str:
    said = " ".join(
        _sentence(message.message_id, each, dict(answer.citations), located) for each in answer.sentences
    )
    title = "Not in your documents"
    # The built-in refusal opens with the same words; the title says them once.
    body = said.removeprefix(escape(title)).lstrip()
    body = body.removeprefix(escape(".")).lstrip()
    return f"**{title}.** {body}" if body else f"**{title}.** Nothing there answers this question."


def _chip(href: str, label: str, name: str, *, css: str = "") -> str:
    number = f"<b>{escape_line(label)}</b>" if label else ""
    return f'<a class="fn-chip{css}" href="#{href}">{number}{escape_line(name)}</a>'


def _footer(
    message_id: str,
    answer: StoredAnswer,
    located: Mapping[int, Located],
    references: References,
    retry: str,
) -> str:
    rows: list[str] = []
    chips = [
        _chip(
            f"cite-{message_id}-{marker}-chip",
            f"{marker}!" if located[marker].version_id is None else str(marker),
            place(ref.name, located[marker].locator_of(ref)),
            css=" fn-chip-gone" if located[marker].version_id is None else "",
        )
        for marker, ref in answer.citations
    ]
    cited = {(ref.version_id, ref.start, ref.end) for _, ref in answer.citations}
    more = [(rank, ref) for rank, ref in enumerate(answer.passages, start=1) if not _holds(ref, cited)]
    if answer.status == "abstained":
        nearest = [
            _chip(f"found-{message_id}-{rank}", "", _where(ref, references)) for rank, ref in more[:_NEAREST]
        ]
        if nearest:
            label = '<span class="fn-near">Nearest, below the bar:</span>'
            rows.append(f'<div class="fn-chips">{label}{"".join(nearest)}</div>')
        if answer.refusal is not None:
            rows += _ways_on(message_id, answer.refusal, references)
    else:
        details = ""
        if more:
            found = "".join(
                f"<li>{_chip(f'found-{message_id}-{rank}', '', _where(ref, references))}"
                f"<span>{escape_line(references.locate(ref).quote[:_SNIPPET_CHARS])}</span></li>"
                for rank, ref in more
            )
            label = f"{count(len(more), 'more passage' if chips else 'passage')} found"
            details = f'<details class="fn-more"><summary>{label}</summary><ul>{found}</ul></details>'
        if chips or details:
            rows.append(f'<div class="fn-chips">{"".join(chips)}{details}</div>')
    foot = [_evidence(message_id, answer, located) if answer.status == "answered" else ""]
    if answer.steps:
        foot.append(
            '<details class="fn-how"><summary>How I searched</summary>'
            f"{_steps(answer.steps)}{_considered(answer.considered, references)}</details>"
        )
    foot.append(retry)
    if any(sentence.markers for sentence in answer.sentences):
        foot.append(f'<a class="fn-act" href="#copy-{message_id}">Copy with sources</a>')
    if answer.generator != "built-in":
        foot.append(f'<span class="fn-by">{escape_line(answer.generator)}</span>')
    if any(foot):
        rows.append(f'<div class="fn-foot">{"".join(foot)}</div>')
    return "\n".join(rows)


def _ways_on(message_id: str, refusal: StoredRefusal, references: References) -> list[str]:
    """What a refusal offers to do next. The links are known to the page, which asks again."""
    rows: list[str] = []
    if refusal.elsewhere:
        found = ", ".join(
            f"{each.collection} ({count(each.passages, 'passage')})" for each in refusal.elsewhere
        )
        label = f'<span class="fn-near">Outside your selection: {escape_line(found)}</span>'
        link = f'<a class="fn-chip fn-go" role="button" href="#again-{message_id}">Search all</a>'
        rows.append(f'<div class="fn-chips">{label}{link}</div>')
    tries = [
        f'<a class="fn-chip fn-go" role="button" href="#try-{message_id}-{number}">'
        f'“{escape_line(words)}” <span class="fn-from">{escape_line(ref.name)}</span></a>'
        for number, ref in enumerate(refusal.rewordings, start=1)
        if (words := references.locate(ref).quote)
    ]
    if tries:
        rows.append(f'<div class="fn-chips"><span class="fn-near">Try:</span>{"".join(tries)}</div>')
    return rows


def rewording(message: Message, number: int, references: References) -> str:
    """What the ``number``-th rewording of a refusal asks, from 1; "" when there is none or it is gone."""
    refusal = message.answer.refusal if message.answer is not None else None
    if refusal is None or not 1 <= number <= len(refusal.rewordings):
        return ""
    return " ".join(references.locate(refusal.rewordings[number - 1]).quote.split())


def _opinions(message_id: str, answer: StoredAnswer, noted: Noted) -> str:
    """What a person may say of the answer; what was said is ticked, and another click takes it back."""

    def link(opinion: str, label: str, *, marker: int = 0, said: bool = False) -> str:
        css = "fn-op fn-op-said" if said else "fn-op"
        tick = "✓ " if said else ""
        return f'<a class="{css}" href="#say-{message_id}-{opinion}-{marker}">{tick}{escape_line(label)}</a>'

    shown: list[str] = []
    for opinion, label in LABELS.items():
        if opinion != "wrong_citation":
            shown.append(link(opinion, label, said=opinion in noted))
            continue
        wrong = noted.get(opinion, frozenset())
        marks = [(marker, ref.sha256 in wrong) for marker, ref in answer.citations]
        if len(marks) == 1:
            shown.append(link(opinion, label, marker=marks[0][0], said=marks[0][1]))
        elif marks:  # which of them?
            links = "".join(link(opinion, str(marker), marker=marker, said=said) for marker, said in marks)
            open_ = " open" if any(said for _, said in marks) else ""
            shown.append(f'<details class="fn-which"{open_}><summary>{label}</summary>{links}</details>')
    if noted:
        shown.append('<span class="fn-op-note">Noted as a test question. Click again to take it back.</span>')
    return f'<div class="fn-say">{"".join(shown)}</div>'


def _holds(ref: SpanRef, cited: set[tuple[int, int, int]]) -> bool:
    return any(
        version == ref.version_id and ref.start <= start and end <= ref.end for version, start, end in cited
    )


def _evidence(message_id: str, answer: StoredAnswer, located: Mapping[int, Located]) -> str:
    """How many sentences rest on the documents; a click lists each with its verdict and its marks."""
    judged = [sentence for sentence in answer.sentences if sentence.verdict is not None]
    if not judged:
        return ""
    good = [sentence.verdict for sentence in judged if sentence.verdict in ("quoted", "supported")]
    word = _VERDICTS["quoted"] if all(verdict == "quoted" for verdict in good) else _VERDICTS["supported"]
    css = "fn-ev" if len(good) == len(judged) else "fn-ev fn-ev-weak"
    line = f"Evidence: {len(good)} of {count(len(judged), 'sentence')} {word}"
    rows = "".join(_judged(message_id, sentence, located) for sentence in judged)
    return (
        f'<details class="fn-judged"><summary><span class="{css}">{line}</span></summary>'
        f"<ol>{rows}</ol></details>"
    )


def _judged(message_id: str, sentence: StoredSentence, located: Mapping[int, Located]) -> str:
    marks = [marker for marker in sentence.markers if marker in located]
    said = sentence.text
    if said is None:
        said = (located[marks[0]].quote if marks else "") or _GONE["removed"]
    words = " ".join(said.split())
    if len(words) > _SNIPPET_CHARS:
        words = words[:_SNIPPET_CHARS].rstrip() + "…"
    links = "".join(f'<a href="#cite-{message_id}-{marker}-chip">{marker}</a>' for marker in marks)
    verdict = _VERDICTS[sentence.verdict or "unsupported"]
    css = "fn-ev" if sentence.verdict in ("quoted", "supported") else "fn-ev fn-ev-weak"
    return (
        f'<li><b class="{css}">{verdict.capitalize()}</b>'
        f"<span>{escape_line(words)} {links or '<i>no source</i>'}</span></li>"
    )


def _steps(steps: Sequence[Step]) -> str:
    rows = "".join(
        f"<li><b>{escape_line(_STEP_NAMES.get(step.name, step.name.capitalize()))}</b>"
        f"<span>{escape_line(step.detail)}</span><i>{_milliseconds(step.milliseconds)}</i></li>"
        for step in steps
    )
    return f'<ol class="fn-steps">{rows}</ol>'


def _considered(passages: Sequence[StoredConsidered], references: References) -> str:
    """A table of the passages that were looked at: how each was found, and what became of it."""
    if not passages:
        return ""
    rows = "".join(
        f"<tr{_KEPT if each.kept else ''}><td>{escape_line(_where(each.place, references))}</td>"
        f"<td>{_rank(each.dense_rank)}</td><td>{_rank(each.lexical_rank)}</td><td>{each.fused:.2f}</td>"
        f"<td>{'–' if each.reader is None else f'{each.reader:.2f}'}</td>"
        f"<td>{escape_line(each.reason)}</td></tr>"
        for each in passages
    )
    return (
        '<table class="fn-looked" tabindex="0"><thead><tr><th>Passage</th><th>Meaning</th><th>Words</th>'
        "<th>Both</th>"
        f"<th>Reader</th><th>Outcome</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _where(ref: SpanRef, references: References) -> str:
    return place(ref.name, references.locate(ref).locator_of(ref))


def _rank(rank: int | None) -> str:
    return "–" if rank is None else f"#{rank}"


def _milliseconds(value: float) -> str:
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms"


def answer_with_sources(message: Message, references: References, text: str) -> str:
    """Plain text for the clipboard: the answer with its marks, then the list of sources.

    Args:
        message: A finished assistant message.
        references: Finds the quoted words.
        text: What to copy when the message carries no answer.
    """
    answer = message.answer
    if answer is None:
        return text
    places = dict(answer.citations)
    located = {marker: references.locate(ref) for marker, ref in answer.citations}
    said: list[str] = []
    for sentence in answer.sentences:
        words = sentence.text
        if words is None:
            found = located.get(sentence.markers[0]) if sentence.markers else None
            words = " ".join(found.quote.split()) if found is not None and found.quote else "(source removed)"
        said.append(" ".join([words, *(f"[{marker}]" for marker in sentence.markers if marker in places)]))
    sources = [
        f"[{marker}] {place(ref.name, located[marker].locator_of(ref))} ({ref.collection})"
        for marker, ref in answer.citations
    ]
    return "\n\n".join([" ".join(said), "\n".join(sources)]).strip()
