"""Messages as Markdown for the chat: sentences with their marks, sources, and how the answer was found.

The only Markdown and HTML here is written by this module; everything else passes through ``escape_line``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from index.blocks import is_list_item, is_table_row, without_frame
from ui.answer_footer import GONE, actions_html, footer_html
from ui.asking import Running
from ui.chats import Message, Variants
from ui.exchanges import Again, again_html, edit_link, reuse_link
from ui.opinions import Noted, different
from ui.references import Located, References
from ui.render import count, escape, escape_line, place
from ui.stored import SpanRef, StoredAnswer, StoredSentence

HOVER_CHARS = 160
# Models write bold; of all their Markdown it is the only one kept. Two escaped asterisks on either side.
_BOLD = re.compile(r"&#42;&#42;(\S(?:[^*\n]{0,300}?\S)?)&#42;&#42;")


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
        parts.append(_abstained(message, answer, located, references))
    elif answer.sentences:
        parts.append(_sentences(message.message_id, answer, located, references))
    elif answer.status == "stopped":
        parts.append("Stopped before anything was written.")
    if answer.status == "stopped" and answer.sentences:
        parts.append('<p class="fn-notice">Stopped: this is what was written so far.</p>')
    if answer.notice:
        css = "fn-notice fn-bad" if answer.status == "failed" else "fn-notice"
        parts.append(f'<p class="{css}">{escape_line(answer.notice)}{_next_steps(message, again)}</p>')
    parts.append(footer_html(message.message_id, answer, located, references, retry))
    parts.append(actions_html(message.message_id, answer, noted or {}))
    return "\n\n".join(part for part in parts if part)


def _next_steps(message: Message, again: Again | None) -> str:
    """Links beside a notice: the model that is set did not do it. Only the last answer is asked again."""
    if again is None or not again.model:
        return ""
    retry = f'<a href="#retry-{message.message_id}-same">Retry</a>'
    return f' {retry} <a href="#view-settings">Settings</a>'


def _sentences(
    message_id: str, answer: StoredAnswer, located: Mapping[int, Located], references: References
) -> str:
    places = dict(answer.citations)
    names = _names(answer, references)
    blocks: list[str] = []
    line: list[str] = []
    heading = ""
    item_before = False
    for sentence in answer.sentences:
        first = names.get(sentence.markers[0], "") if sentence.markers else ""
        if sentence.grouped and first and first != heading:
            heading = first
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
        # Without its neighbours a bullet is a stray dash; in a list of several it parts them.
        framed = len(answer.sentences) > 1 and said is not None and not is_table_row(said)
        line.append(_sentence(message_id, sentence, names, places, located, framed=framed))
    blocks.append(" ".join(line))
    return "\n\n".join(block for block in blocks if block)


def _sentence(
    message_id: str,
    sentence: StoredSentence,
    names: Mapping[int, str],
    places: Mapping[int, SpanRef],
    located: Mapping[int, Located],
    *,
    framed: bool = True,
) -> str:
    """``framed``: whether a quoted item keeps its bullet, and a quoted row the bars around it."""
    text = sentence.text
    if text is None:
        found = located.get(sentence.markers[0]) if sentence.markers else None
        if found is None or found.version_id is None:
            state = found.state if found is not None else "removed"
            body = f'<span class="fn-gone">{GONE.get(state, "source removed")}</span>'
        else:
            start, end = (0, len(found.quote)) if framed else without_frame(found.quote)
            short = sentence.short_answer
            if short is not None:
                short = (short[0] - start, short[1] - start)
            body = _with_short_answer(found.quote[start:end], short)
    else:
        body = _BOLD.sub(r"<strong>\1</strong>", _with_short_answer(text, sentence.short_answer))
    if sentence.verdict == "unsupported" and not sentence.markers:
        body = f'<span class="fn-unsupported">{body}</span> <span class="fn-tag">no source</span>'
    marks = "".join(
        _mark(
            message_id,
            marker,
            place(names[marker], located[marker].locator_of(places[marker])),
            located[marker],
            weak=sentence.verdict == "weak",
        )
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


def _mark(message_id: str, marker: int, where: str, found: Located, *, weak: bool) -> str:
    gone = found.version_id is None
    sign = "!" if gone else "~" if weak else ""
    kind = "gone" if gone else "weak" if weak else "mark"
    words = " ".join(found.quote.split())
    if len(words) > HOVER_CHARS:
        words = words[:HOVER_CHARS].rstrip() + "…"
    hover = where + (" (disabled)" if found.state == "disabled" else "")
    if gone:
        hover = f"{hover}: {GONE.get(found.state, 'source removed')}"
    elif words:
        hover = f"{hover}: {words}"
    # The brackets are there for copying and for screen readers; the stylesheet draws a box instead.
    inside = f'<span class="fn-b">&#91;</span>{marker}{sign}<span class="fn-b">&#93;</span>'
    return f'[{inside}](#cite-{message_id}-{marker}-{kind} "{escape_line(hover)}")'


def _names(answer: StoredAnswer, references: References) -> dict[int, str]:
    """What the document of each mark is called here, where others may have the same name."""
    return {marker: references.name_of(ref) for marker, ref in answer.citations}


def _abstained(
    message: Message, answer: StoredAnswer, located: Mapping[int, Located], references: References
) -> str:
    names, places = _names(answer, references), dict(answer.citations)
    said = " ".join(_sentence(message.message_id, each, names, places, located) for each in answer.sentences)
    title = "Not in your documents"
    # The built-in refusal opens with the same words; the title says them once.
    body = said.removeprefix(escape(title)).lstrip()
    body = body.removeprefix(escape(".")).lstrip()
    return f"**{title}.** {body}" if body else f"**{title}.** Nothing there answers this question."


def rewording(message: Message, number: int, references: References) -> str:
    """What the ``number``-th rewording of a refusal asks, from 1; "" when there is none or it is gone."""
    refusal = message.answer.refusal if message.answer is not None else None
    if refusal is None or not 1 <= number <= len(refusal.rewordings):
        return ""
    return references.heading(refusal.rewordings[number - 1])


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
        f"[{marker}] {place(references.name_of(ref), located[marker].locator_of(ref))} ({ref.collection})"
        for marker, ref in answer.citations
    ]
    return "\n\n".join([" ".join(said), "\n".join(sources)]).strip()
