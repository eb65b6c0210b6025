"""What an answer says with a mark, beside the words that it rests on: the verdict, and why, in words."""

from __future__ import annotations

from collections.abc import Sequence

from index.analysis import query_terms, words
from rag.answers import Verdict
from rag.overlap import forms_in
from ui.chats import Message
from ui.references import Located
from ui.render import Highlight, escape_line, highlight
from ui.stored import StoredSentence

VERDICTS: dict[Verdict, str] = {
    "quoted": "quoted",
    "supported": "supported",
    "weak": "weakly supported",
    "unsupported": "without a source",
    "contradicted": "contradicted",
}
_SURE = ("quoted", "supported")
_NAMED = 6  # words that both have in common
_QUOTE_CHARS = 500


def claim_html(message: Message | None, marker: int, found: Located, languages: Sequence[str]) -> str:
    """What a model says with a mark and the evidence for it; the plain fact where the answer is the quote.

    Args:
        message: Whose answer it is; None for a place of no message.
        marker: Of the citation; 0 for a passage that was found and not cited.
        found: The place that the mark leads to.
        languages: Of the documents: words of one stem count as the same word.
    """
    if message is None or message.answer is None:
        return ""
    if not marker:
        return '<p class="fn-claim fn-plain">Found by the search, not used in the answer.</p>'
    sentences = [each for each in message.answer.sentences if marker in each.markers]
    written = "".join(
        _written(each, each.text, marker, found, languages) for each in sentences if each.text is not None
    )
    if written or found.version_id is None:
        return written
    return '<p class="fn-claim fn-quoted">Quoted: these are the document’s own words.</p>'


def _written(
    sentence: StoredSentence, text: str, marker: int, found: Located, languages: Sequence[str]
) -> str:
    said, evidence = " ".join(text.split()), " ".join(found.quote.split())[:_QUOTE_CHARS]
    lines = [_line("The answer says:", said, evidence, languages)]
    # The sentence has the verdict of its best evidence, which is its first mark.
    verdict = sentence.verdict if sentence.markers[0] == marker and evidence else None
    if evidence and verdict != "quoted":
        lines.append(_line("The document says:", evidence, said, languages))
    if verdict is not None:
        css = "fn-ev" if verdict in _SURE else "fn-ev fn-ev-weak"
        why = escape_line(_reason(verdict, said, evidence, languages))
        lines.append(
            f'<p class="fn-verdict"><b class="{css}">{VERDICTS[verdict].capitalize()}</b>: {why}</p>'
        )
    weak = "" if verdict is None or verdict in _SURE else " fn-claim-weak"
    return f'<div class="fn-claim{weak}">{"".join(lines)}</div>'


def _line(label: str, text: str, other: str, languages: Sequence[str]) -> str:
    bold = highlight(text, shared_words(text, other, languages))
    return f'<p><span class="fn-why">{label}</span> <q>{bold}</q></p>'


def _reason(verdict: Verdict, said: str, evidence: str, languages: Sequence[str]) -> str:
    if verdict == "quoted":
        return "these are the document’s own words."
    both = shared_words(said, evidence, languages)
    shared = list(dict.fromkeys(said[each.start : each.end] for each in both))
    if not shared:
        return "the meaning is near, but no telling word is the same."
    rest = f" and {len(shared) - _NAMED} more" if len(shared) > _NAMED else ""
    return f"both say {', '.join(shared[:_NAMED])}{rest}."


def shared_words(text: str, other: str, languages: Sequence[str]) -> list[Highlight]:
    """The words and numbers of a text that tell something and that the other has too, to be shown bold."""
    telling, there = frozenset(query_terms(text, languages).words), forms_in(other, languages)
    return [
        Highlight(start=start, end=end, tag="b", css="fn-same")
        for word, start, end in words(text)
        if word in telling and not forms_in(word, languages).isdisjoint(there)
    ]
