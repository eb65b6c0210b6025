"""What one open tab looks at, and how its events are read. What comes from the browser is checked here."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import gradio as gr

from ui.parts import Doubt, Shown
from ui.quality_view import Compared
from ui.render import escape_line
from ui.selection import Selection
from ui.settings_view import Drafts
from ui.sources import Looking

Update = dict[Any, Any]  # Gradio component -> its new value


@dataclass(slots=True)
class Components:
    """The Gradio components that handlers fill; the layout puts them here."""

    chat: Any = None
    box: Any = None
    scope: Any = None
    strip: Any = None
    side: Any = None
    top: Any = None
    hello: Any = None
    dialogs: Any = None
    state: Any = None
    table: Any = None
    settings: Any = None
    quality: Any = None


# Each is a kilobyte of the page, and all are sent to every tab when one of them changes.
CHATS_LISTED = 30


@dataclass(slots=True, weakref_slot=True)
class View:
    """What one open tab looks at. Gradio keeps one copy for each session."""

    chat_id: str = ""
    filter: str = ""
    notice: str = ""
    wanted: str = ""  # what conversations are searched for
    listed: int = CHATS_LISTED  # conversations in the sidebar, at most
    hidden: str = ""  # the conversation that this tab deleted last
    removal: int = 0  # what this tab removed last, see ``Store.remove``
    selection: Selection | None = None  # of a conversation that has not begun; None: everything
    looking: Looking = field(default_factory=Looking)  # for files among the sources
    editing: str = ""  # message id of the question that what is sent next replaces
    draft: str = ""  # what stood in the composer before that question came into it
    turn: int = 0  # grows when the tab turns to something else; whoever follows for an older turn stops
    handled: int = 0  # the last of its events whose turn was, by its number, see ``Order``
    key: str = ""  # names it in its pulse; "" in a tab that was open before this server started
    session: str = ""  # under which Gradio keeps this view
    answers: str = ""  # fingerprint of the conversation as it was drawn last
    answers_of: int = -1  # the generation of the index that those were drawn from
    drafts: Drafts = field(default_factory=Drafts)  # of settings
    compared: Compared = field(default_factory=Compared)
    quality_notice: str = ""
    question_draft: dict[str, str] = field(default_factory=dict)  # a test question that is being typed
    shown: Shown = field(default_factory=Shown)
    drawn: float = -math.inf  # when the tab last asked for what it lacked; monotonic seconds
    compared_at: float = -math.inf  # when what it shows was compared with what it should show; likewise
    doubt: Doubt = field(default_factory=Doubt)


def warn(words: str) -> None:
    """Say something above the page for some seconds; Gradio takes what it is given for HTML."""
    gr.Warning(escape_line(words))


class Tabs:
    """The open tabs, by a key that each of them alone knows. One that Gradio forgets is forgotten here."""

    def __init__(self) -> None:
        self._views: WeakValueDictionary[str, View] = WeakValueDictionary()

    def open(self, view: View) -> None:
        """Give a tab its key."""
        view.key = secrets.token_hex(8)
        self._views[view.key] = view

    def find(self, key: str) -> View | None:
        """The tab of a key; None when it is not open, or not at this server."""
        return self._views.get(key)


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


def entries_of(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of a section that a button took along, see fields.js."""
    try:
        sent = json.loads(text_of(data, "typed", 20_000) or "[]")
    except ValueError:
        return []
    return [each for each in sent if isinstance(each, dict)] if isinstance(sent, list) else []


def number_of(data: Mapping[str, Any], name: str, default: int) -> int:
    """A whole number of the event, or the default."""
    value = data.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
