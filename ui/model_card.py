"""The embedding model in the Documents view: whether a re-index is needed, and the way back."""

from __future__ import annotations

from ui.models import ModelState
from ui.render import button, escape_line

_ELSEWHERE = "The model is set outside this page: change it there."


def model_card(state: ModelState, *, busy: bool) -> str:
    """What there is to decide about embedding models; "" when there is nothing.

    Args:
        busy: Whether a job runs now, which has to end first.
    """
    if state.index is None:
        return ""
    if state.problem:
        return _card(
            "The embedding model that is set cannot be loaded",
            [state.problem, _goes_on(state)],
            [_keep(state)],
        )
    if state.needed:
        words = (
            f"The index was made with {state.index.name}, and {state.needed} is set now. Vectors of two"
            " models cannot be compared, so every passage is embedded anew. Nothing is read again."
        )
        rebuild = (
            "" if busy else button(f"Rebuild with {state.needed}", "fn-btn fn-primary", {"act": "rebuild"})
        )
        return _card("Re-index needed", [words, _goes_on(state)], [rebuild, _keep(state)])
    if state.before is None or state.before.source is None or busy:
        return ""
    back = (
        button(f"Go back to {state.before.name}", "fn-link", {"act": "model-back"}) if state.settable else ""
    )
    words = f"Made with {state.index.name}. What {state.before.name} made of it is kept."
    return f'<p class="fn-quiet-line">{escape_line(words)} {back}</p>'


def _goes_on(state: ModelState) -> str:
    assert state.index is not None
    if state.answers:
        return f"Until then {state.index.name} goes on answering."
    return f"{state.index.name} cannot be loaded any more, so no question is answered until then."


def _keep(state: ModelState) -> str:
    if not state.settable:
        return f"<span>{escape_line(_ELSEWHERE)}</span>"
    if state.index is None or state.index.source is None or not state.answers:
        return ""
    return button(f"Stay with {state.index.name}", "fn-btn", {"act": "model-keep"})


def _card(title: str, words: list[str], choices: list[str]) -> str:
    paragraphs = "".join(f"<p>{escape_line(each)}</p>" for each in words)
    return (
        f'<section class="fn-card fn-report fn-report-bad" aria-label="Embedding model"><h2>{title}</h2>'
        f'{paragraphs}<div class="fn-bar">{"".join(choices)}</div></section>'
    )
