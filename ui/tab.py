"""What one open tab looks at, and how its events are read. What comes from the browser is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from ui.parts import Doubt, Shown

Update = dict[Any, Any]  # Gradio component -> its new value


@dataclass(slots=True)
class Components:
    """The Gradio components that handlers fill; the layout puts them here."""

    chat: Any = None
    box: Any = None
    scope: Any = None
    side: Any = None
    top: Any = None
    hello: Any = None
    dialogs: Any = None
    state: Any = None
    table: Any = None


@dataclass(slots=True)
class View:
    """What one open tab looks at. Gradio keeps one copy for each session."""

    chat_id: str = ""
    filter: str = ""
    notice: str = ""
    wanted: str = ""  # what conversations are searched for
    hidden: str = ""  # the conversation that this tab deleted last
    removal: int = 0  # what this tab removed last, see ``Store.remove``
    selection: frozenset[str] | None = None  # of a conversation that has not begun; None: everything
    editing: str = ""  # message id of the question that what is sent next replaces
    draft: str = ""  # what stood in the composer before that question came into it
    turn: int = 0  # grows when the tab turns to something else; whoever follows for an older turn stops
    opened: bool = False  # False in a tab that was open before this server started
    shown: Shown = field(default_factory=Shown)
    doubt: Doubt = field(default_factory=Doubt)


def event_data(event: gr.EventData) -> dict[str, Any]:
    """What a click carries; {} when it is nothing that the page's own scripts send."""
    data = event._data
    return data if isinstance(data, dict) else {}


def text_of(data: Mapping[str, Any], name: str, longest: int) -> str:
    """A text of the event, cut at ``longest`` characters; "" when there is none."""
    value = data.get(name)
    return unicode(value[:longest]) if isinstance(value, str) else ""


def unicode(text: str) -> str:
    """A text from the browser without lone surrogates, which neither a database nor a tokeniser takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def number_of(data: Mapping[str, Any], name: str, default: int) -> int:
    """A whole number of the event, or the default."""
    value = data.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
