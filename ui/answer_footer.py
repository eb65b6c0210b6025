"""What stands below an answer: its sources, the way on from a refusal, the evidence, how it was searched.

HTML for a message of the chat, whose sanitiser keeps no data attributes: what a link does is in its address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.answers import Step
from ui.claim import VERDICTS
from ui.opinions import LABELS, Noted
from ui.references import Located, References
from ui.render import count, escape_line, place
from ui.stored import SpanRef, StoredAnswer, StoredConsidered, StoredRefusal, StoredSentence

GONE = {"removed": "source removed", "changed": "source changed"}  # by the state of a citation
_NEAREST = 3
_SNIPPET_CHARS = 200  # of a passage that was found; the line is cut to the room there is
_KEPT = ' class="fn-kept"'
_STEP_NAMES = {
    "condense": "Understood",
    "wait": "Waited",
    "retrieve": "Searched",
    "rerank": "Ranked",
    "select": "Chose",
    "generate": "Wrote",
    "cite": "Cited",
    "check": "Checked",
    "refuse": "Refused",
}


def _chip(href: str, label: str, name: str, *, css: str = "") -> str:
    number = f"<b>{escape_line(label)}</b>" if label else ""
    return f'<a class="fn-chip{css}" href="#{href}">{number}{escape_line(name)}</a>'


def footer_html(
    message_id: str,
    answer: StoredAnswer,
    located: Mapping[int, Located],
    references: References,
    retry: str,
) -> str:
    """The sources of an answer as chips, what else was found, and the row of what can be done with it.

    Args:
        located: Its citations, by marker.
        references: Finds the other passages, and tells documents of one name apart.
        retry: The menu that asks again, "" for an answer that is not the last.
    """
    rows: list[str] = []
    chips = [
        _chip(
            f"cite-{message_id}-{marker}-chip",
            f"{marker}!" if located[marker].version_id is None else str(marker),
            place(references.name_of(ref), located[marker].locator_of(ref))
            + (" · disabled" if located[marker].state == "disabled" else ""),
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
    if answer.generator != "built-in":
        foot.append(f'<span class="fn-by">{escape_line(answer.generator)}</span>')
    if any(foot):
        rows.append(f'<div class="fn-foot">{"".join(foot)}</div>')
    return "\n".join(rows)


def _ways_on(message_id: str, refusal: StoredRefusal, references: References) -> list[str]:
    """What a refusal offers to do next. The links are known to the page, which asks again."""
    rows: list[str] = []
    if refusal.elsewhere:
        found = ", ".join(f"{each.name} ({count(each.passages, 'passage')})" for each in refusal.elsewhere)
        label = f'<span class="fn-near">Outside your selection: {escape_line(found)}</span>'
        link = f'<a class="fn-chip fn-go" role="button" href="#again-{message_id}">Search all</a>'
        rows.append(f'<div class="fn-chips">{label}{link}</div>')
    tries = [
        f'<a class="fn-chip fn-go" role="button" href="#try-{message_id}-{number}">'
        f'“{escape_line(words)}” <span class="fn-from">{escape_line(references.name_of(ref))}</span></a>'
        for number, ref in enumerate(refusal.rewordings, start=1)
        if (words := references.heading(ref))
    ]
    if tries:
        rows.append(f'<div class="fn-chips"><span class="fn-near">Try:</span>{"".join(tries)}</div>')
    return rows


def actions_html(message_id: str, answer: StoredAnswer, noted: Noted) -> str:
    """What can be done with a finished answer: copied, and judged; "" for one of which there is nothing."""
    actions: list[str] = []
    if any(sentence.markers for sentence in answer.sentences):
        actions.append(f'<a class="fn-act" href="#copy-{message_id}">Copy with sources</a>')
    if answer.status == "answered":
        actions += _opinions(message_id, answer, noted)
    return f'<div class="fn-say">{"".join(actions)}</div>' if actions else ""


def _opinions(message_id: str, answer: StoredAnswer, noted: Noted) -> list[str]:
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
    return shown


def _holds(ref: SpanRef, cited: set[tuple[int, int, int]]) -> bool:
    return any(
        version == ref.version_id and ref.start <= start and end <= ref.end for version, start, end in cited
    )


def _evidence(message_id: str, answer: StoredAnswer, located: Mapping[int, Located]) -> str:
    """How many sentences rest on the documents; a click lists each with its verdict and its marks."""
    judged = [sentence for sentence in answer.sentences if sentence.verdict is not None]
    if not judged:
        return ""
    there = [sentence for sentence in judged if not _is_gone(sentence, located)]
    good = [sentence.verdict for sentence in there if sentence.verdict in ("quoted", "supported")]
    word = VERDICTS["quoted"] if all(verdict == "quoted" for verdict in good) else VERDICTS["supported"]
    css = "fn-ev" if len(good) == len(judged) else "fn-ev fn-ev-weak"
    line = f"Evidence: {len(good)} of {count(len(judged), 'sentence')} {word}"
    if len(there) < len(judged):
        line += f", {len(judged) - len(there):,} without its source"
    rows = "".join(_judged(message_id, sentence, located) for sentence in judged)
    return (
        f'<details class="fn-judged"><summary><span class="{css}">{line}</span></summary>'
        f"<ol>{rows}</ol></details>"
    )


def _is_gone(sentence: StoredSentence, located: Mapping[int, Located]) -> bool:
    """Whether nothing that the sentence rests on is there any more."""
    marks = [marker for marker in sentence.markers if marker in located]
    return bool(marks) and all(located[marker].version_id is None for marker in marks)


def _judged(message_id: str, sentence: StoredSentence, located: Mapping[int, Located]) -> str:
    marks = [marker for marker in sentence.markers if marker in located]
    said = sentence.text
    if said is None:
        said = (located[marks[0]].quote if marks else "") or GONE["removed"]
    words = " ".join(said.split())
    if len(words) > _SNIPPET_CHARS:
        words = words[:_SNIPPET_CHARS].rstrip() + "…"
    links = "".join(f'<a href="#cite-{message_id}-{marker}-chip">{marker}</a>' for marker in marks)
    verdict = VERDICTS[sentence.verdict or "unsupported"]
    css = "fn-ev" if sentence.verdict in ("quoted", "supported") else "fn-ev fn-ev-weak"
    if _is_gone(sentence, located):
        verdict, css = GONE.get(located[marks[0]].state, GONE["removed"]), "fn-ev fn-ev-weak"
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
    return place(references.name_of(ref), references.locate(ref).locator_of(ref))


def _rank(rank: int | None) -> str:
    return "–" if rank is None else f"#{rank}"


def _milliseconds(value: float) -> str:
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms"
