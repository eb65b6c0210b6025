"""How the page runs its handlers: in their order, shown once, and with a failure told in words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from itertools import islice
from typing import Any

import gradio as gr

from index.errors import FootnoteError
from ui.order import Order
from ui.render import explain
from ui.tab import Update, View, warn


def handled(handler: Callable[..., Any], outputs: Sequence[Any], order: Order) -> Callable[..., Any]:
    """A handler as Gradio is to call it: its inputs are followed by the number of the event.

    Args:
        handler: Gives one update or, as a generator, several; the tab's ``View`` is among its inputs.
        outputs: Components that its updates may name.
        order: Of all events of the page.
    """
    run = _shown_once if inspect.isgeneratorfunction(handler) else _explained
    wrapped = run(handler, outputs, order)
    # Gradio counts the inputs, and looks for the event's data and the request among the annotations.
    signature = inspect.signature(handler)
    number = inspect.Parameter("number", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    numbered = signature.replace(parameters=[*signature.parameters.values(), number])
    wrapped.__signature__ = numbered  # type: ignore[attr-defined]
    return wrapped


def _shown_once(
    handler: Callable[..., Iterator[Update]], outputs: Sequence[Any], order: Order
) -> Callable[..., Any]:
    """A handler whose last update is not sent again when it ends, and whose failure is told in words.

    Gradio repeats the last update of a generator with its end. By then a person may have typed into the
    composer, which was filled a moment ago: the repetition would take their words away.
    """

    @wraps(handler)
    def shown_once(*arguments: Any) -> Iterator[Update]:
        *given, number = arguments
        try:
            updates = handler(*given)
            # Asked for the next one, the first is on its way to the browser; a whole answer may follow.
            with order.turn(_view(given), number):
                yield from islice(updates, 1)
            yield from updates
        except FootnoteError as exc:
            warn(explain(exc))
        yield {outputs[0]: gr.skip()}

    return shown_once


def _explained(
    handler: Callable[..., Update | None], outputs: Sequence[Any], order: Order
) -> Callable[..., Any]:
    """A handler whose failure is told in words, such as that of a full disk; Gradio would say "Error"."""

    @wraps(handler)
    def explained(*arguments: Any) -> Update | None:
        *given, number = arguments
        try:
            with order.turn(_view(given), number):
                return handler(*given)
        except FootnoteError as exc:
            warn(explain(exc))
        return {outputs[0]: gr.skip()} if outputs else None

    return explained


def _view(given: Sequence[Any]) -> View:
    return next(each for each in given if isinstance(each, View))
