"""What can be done with the last exchange: ask again, edit the question, turn to an earlier variant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from rag.answers import digest
from rag.providers import model_words
from ui.chats import Variants
from ui.render import escape_line

Retry = Literal["same", "quotes", "wider"]
RETRIES: tuple[Retry, ...] = get_args(Retry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """With what the last question can be asked again."""

    model: str = ""  # the language model that is set, in words; "" when answers are built in
    others: tuple[str, ...] = ()  # other language models, by their names
    narrowed: bool = False  # whether the conversation searches less than everything


def again_html(message_id: str, again: Again | None, variants: Variants | None) -> str:
    """The menu "Retry" of the last answer, and the way to its variants; "" where there is neither.

    Args:
        message_id: Of the answer.
        again: None for an answer that is not the last.
        variants: Of the question before it, None for the only one.
    """
    return (_retry(message_id, again) if again is not None else "") + (_steps(variants) if variants else "")


def other_way(model: str) -> str:
    """What asking another model again is called in a link, whatever its name is made of."""
    return f"with{digest(model)[:12]}"


def edit_link(question_id: str) -> str:
    """The pencil of the last question."""
    return _pencil(f"edit-{question_id}", "Edit this question")


def reuse_link(message_id: str) -> str:
    """The pencil of what was searched for an answer."""
    return _pencil(f"reuse-{message_id}", "Edit what was searched")


def _retry(message_id: str, again: Again) -> str:
    labels = {"same": f"With {again.model}" if again.model else "Ask again"}
    labels |= {other_way(name): f"With {model_words(name)}" for name in again.others}
    if again.model:
        labels["quotes"] = "With quotes only, built in"
    if again.narrowed:
        labels["wider"] = "Search all documents"
    if list(labels) == ["same"]:
        return f'<a class="fn-again" href="#retry-{message_id}-same">Retry</a>'
    links = "".join(
        f'<a href="#retry-{message_id}-{kind}">{escape_line(label)}</a>' for kind, label in labels.items()
    )
    return f'<details class="fn-which fn-retry"><summary>Retry</summary>{links}</details>'


def _steps(variants: Variants) -> str:
    def step(at: int, sign: str, label: str) -> str:
        inside = f'<span class="fn-sr">{label}</span>{sign}'
        if not 0 <= at < len(variants.questions):
            return f'<span class="fn-off-step">{sign}</span>'
        return f'<a href="#variant-{variants.questions[at]}" title="{label}">{inside}</a>'

    earlier, later = (
        step(variants.at - 1, "‹", "Earlier variant"),
        step(variants.at + 1, "›", "Later variant"),
    )
    return f'<span class="fn-variants">{earlier}{variants.at + 1} of {len(variants.questions)}{later}</span>'


def _pencil(link: str, label: str) -> str:
    return f'<a class="fn-pencil" href="#{link}" title="{label}"><span class="fn-sr">{label}</span>✎</a>'
