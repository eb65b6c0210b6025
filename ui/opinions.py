"""What a person says about an answer on the page, as feedback: which question, and which places it cited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from rag.feedback import OPINIONS, Feedback, Opinion, Place
from ui.chats import Message
from ui.references import References
from ui.stored import SpanRef

Noted = Mapping[Opinion, frozenset[str]]  # what was said of a question -> hashes of the words it was about

LABELS: dict[Opinion, str] = {
    "helpful": "Helpful",
    "wrong_citation": "Wrong citation",
    "not_in_documents": "Not in my documents",
}
_EARLIER_QUESTIONS = 4  # a question that leans on older ones than these is rare


def different(query: str, question: str) -> bool:
    """Whether other words were searched than were typed."""

    def words(text: str) -> list[str]:
        return re.findall(r"\w+", text.casefold())

    return words(query) != words(question)


def feedback_on(
    messages: Sequence[Message], message_id: str, opinion: str, marker: int, references: References
) -> Feedback | None:
    """An opinion on an answer as a test question; None for one that nobody can have.

    Args:
        messages: The conversation, oldest first.
        message_id: Of an answer in it. It comes from the browser, as the next two do.
        opinion: See ``rag.feedback``.
        marker: The citation that is wrong; of no meaning for the other opinions.
        references: Finds the documents that are cited.
    """
    known: Opinion | None = next((each for each in OPINIONS if each == opinion), None)
    at = next((at for at, each in enumerate(messages) if each.message_id == message_id), None)
    if known is None or at is None or not at:
        return None
    answer = messages[at].answer
    if answer is None or answer.status != "answered":
        return None
    places = [ref for number, ref in answer.citations if known != "wrong_citation" or number == marker]
    if known == "wrong_citation" and not places:
        return None
    question, earlier = asked(messages, at)
    return Feedback(
        question=question,
        verdict=known,
        cited=tuple(_place(ref, references) for ref in places),
        earlier=earlier,
    )


def asked(messages: Sequence[Message], at: int) -> tuple[str, tuple[str, ...]]:
    """The question that the answer at this position answers, and those before it if it leans on them."""
    typed = [message.text for message in messages[:at] if message.role == "user"]
    answer = messages[at].answer
    if not typed or answer is None:
        return "", ()
    *before, question = typed
    leans = bool(answer.query) and different(answer.query, question)
    return question, tuple(before[-_EARLIER_QUESTIONS:]) if leans else ()


def noted(entries: Iterable[Feedback], question: str, earlier: tuple[str, ...]) -> Noted:
    """What was said of this question already."""
    return {
        entry.verdict: frozenset(place.sha256 for place in entry.cited)
        for entry in entries
        if entry.key == Feedback(question=question, verdict=entry.verdict, earlier=earlier).key
    }


def _place(ref: SpanRef, references: References) -> Place:
    """A reference by the path of its document, for the ids of a data folder mean nothing outside it."""
    found = references.locate(ref)
    here = found.version_id is not None
    return Place(
        document=found.document.path if found.document is not None else ref.name,
        start=found.start if here else ref.start,
        end=found.end if here else ref.end,
        sha256=ref.sha256,
        page=found.page if here else ref.page,
    )
