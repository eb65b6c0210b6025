"""What to ask next: headings near what was cited, each asked before it is offered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from index.analysis import words
from index.documents import ParsedDocument
from rag.answers import Answer, Citation, Rewording, digest
from rag.headings import heading_question

SUGGESTIONS = 3
# Each costs as much as a question, so few are tried; the headings next to what was cited come first.
_ASKED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Words that an answer has shown: their place in a document version, and their hash."""

    version_id: int
    start: int
    end: int  # exclusive
    sha256: str

    def repeats(self, other: Span) -> bool:
        """Whether both show the same place, or the same words at two."""
        same_place = self.version_id == other.version_id and self.start < other.end and other.start < self.end
        return same_place or self.sha256 == other.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A heading to ask, and the first words that the answer would cite."""

    heading: Rewording
    evidence: Citation


def suggest(
    answer: Answer,
    asked: Sequence[str],
    parsed: Callable[[int], ParsedDocument | None],
    look: Callable[[str], Sequence[Citation]],
    *,
    shown: Sequence[Span] = (),
    stopped: Callable[[], bool],
) -> tuple[Suggestion, ...]:
    """Headings near what the answer cites that lead to something new, nearest first.

    Args:
        asked: The questions of the conversation; a heading of the same words is no suggestion.
        parsed: A document version; None once it is removed.
        look: What the answer to a question would cite; nothing if it would be refused.
        shown: What was cited before this answer.
        stopped: Asked before each look; once it is true there is no suggestion.
    """
    seen = [*shown, *map(_span, answer.citations)]
    before = {frozenset(word for word, _, _ in words(question)) for question in asked}
    found: list[Suggestion] = []
    for heading in _near_headings(answer.citations, parsed, before)[:_ASKED]:
        if stopped():
            return ()
        cited = look(heading.text)
        if not cited or any(_span(cited[0]).repeats(each) for each in seen):
            continue
        found.append(Suggestion(heading=heading, evidence=cited[0]))
        seen.append(_span(cited[0]))
        if len(found) == SUGGESTIONS:
            break
    return tuple(found)


def _span(citation: Citation) -> Span:
    return Span(
        version_id=citation.version_id,
        start=citation.start,
        end=citation.end,
        sha256=digest(citation.quote),
    )


def _near_headings(
    citations: Sequence[Citation],
    parsed: Callable[[int], ParsedDocument | None],
    asked: set[frozenset[str]],
) -> list[Rewording]:
    """The headings of the cited documents by how many headings lie between; each title once."""
    near: dict[tuple[int, int], tuple[int, Rewording]] = {}  # by version and position in it
    for citation in citations:
        document = parsed(citation.version_id)
        if document is None:  # removed in this moment
            continue
        # The heading right above is passed over: what stands below it was cited just now.
        above = sum(heading.start <= citation.start for heading in document.headings) - 1
        for at, heading in enumerate(document.headings):
            distance = 2 * (at - above) - 1 if at > above else 2 * (above - at)
            known = near.get((citation.version_id, at))
            if known is not None and known[0] <= distance:
                continue
            question = heading_question(heading, document, citation)
            if question is not None:
                near[citation.version_id, at] = (distance, question)
    ordered = sorted(near.values(), key=lambda each: each[0])
    first: dict[str, Rewording] = {}
    for distance, question in ordered:
        spelled = frozenset(word for word, _, _ in words(question.text))
        if distance and spelled not in asked:
            first.setdefault(question.text.casefold(), question)
    return list(first.values())
