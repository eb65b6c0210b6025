"""What the links to the evidence pane point at."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ui.chats import Message
from ui.stored import SpanRef

_REFERENCE = re.compile(r"#?(cite|found|part|doc)-([0-9a-f]{1,64})(?:-(\d{1,15})(?:-[a-z]+)?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a link in the page points at. Links come from the browser, so they are read with care."""

    kind: str  # cite: a citation of a message; found: one of its passages; part, doc: of a document
    target: str  # message id or document id
    number: int  # the marker, the rank, or the id of the chunk; 0 for a document

    @classmethod
    def parse(cls, text: str) -> Reference | None:
        """``#cite-<message>-<marker>``, ``#found-<message>-<rank>``, ``#doc-<document>``, and
        ``#part-<document>-<chunk>``; else None.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None or (match[1] != "doc") != (match[3] is not None):
            return None
        return cls(kind=match[1], target=match[2], number=int(match[3] or 0))


def place_of(message: Message | None, reference: Reference) -> SpanRef | None:
    """The place in a document that a reference to a message means; None where there is none."""
    if message is None or message.answer is None:
        return None
    if reference.kind == "cite":
        return dict(message.answer.citations).get(reference.number)
    passages = message.answer.passages
    return passages[reference.number - 1] if 1 <= reference.number <= len(passages) else None


def neighbours(message: Message | None, reference: Reference) -> tuple[str, str]:
    """Links to the previous and the next citation (or passage) of the message, "" at the ends."""
    if message is None or message.answer is None:
        return "", ""
    numbers = (
        sorted(marker for marker, _ in message.answer.citations)
        if reference.kind == "cite"
        else list(range(1, len(message.answer.passages) + 1))
    )
    if len(numbers) < 2 or reference.number not in numbers:
        return "", ""
    at = numbers.index(reference.number)
    link = f"#{reference.kind}-{reference.target}-"
    return (
        f"{link}{numbers[at - 1]}" if at > 0 else "",
        f"{link}{numbers[at + 1]}" if at + 1 < len(numbers) else "",
    )
