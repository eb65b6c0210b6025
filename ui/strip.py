"""The line above the composer: the passages found while an answer is made, and then what to ask next.

It has its room whether or not anything stands in it, so that what comes and goes there moves no text.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.answers import Passage
from ui.pane_footer import part_link
from ui.render import button, escape_line, place

HOVER_CHARS = 160


def found_html(passages: Sequence[Passage]) -> str:
    """The passages that an answer will be made from, each a link to its words; "" for none."""
    if not passages:
        return ""
    chips = "".join(
        f'<a class="fn-chip" href="#{part_link(each.doc_id, each.chunk_id)}" '
        f'title="{escape_line(_beginning(each.text))}">{escape_line(place(each.name, each.locator))}</a>'
        for each in passages
    )
    return f'<div class="fn-strip" role="group" aria-label="Passages found"><span>Found</span>{chips}</div>'


def next_html(message_id: str, questions: Sequence[str]) -> str:
    """What could be asked next, as buttons; "" if there is nothing.

    Args:
        message_id: Of the answer that they come after.
        questions: By position; "" for one that is not offered any more.
    """
    offers = "".join(
        button(text, "fn-next", {"act": "next", "message": message_id, "number": str(at)}, title=text)
        for at, text in enumerate(questions)
        if text
    )
    if not offers:
        return ""
    return f'<div class="fn-strip" role="group" aria-label="Ask next"><span>Ask next</span>{offers}</div>'


def _beginning(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= HOVER_CHARS else words[:HOVER_CHARS].rstrip() + "…"
