"""A desk without an indexing process, for the handlers of the page, and a tab over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from index.errors import BusyError
from rag.settings import load_settings
from ui.desk import Desk
from ui.indexing import Request
from ui.page import Page
from ui.planning import PlanSummary
from ui.tab import View

PARTS = ("chat", "box", "scope", "strip", "side", "top", "hello", "state", "table", "dialogs")


class NoIndexer:
    """Stands in for the indexing process: nothing is indexed."""

    pending = 0
    planned: PlanSummary | None = None

    def submit(self, request: Request) -> None:
        raise BusyError("nothing is to be indexed", hint="")

    def close(self) -> None:
        """There is no process."""


@contextmanager
def desk_over(data: Path, **settings: Any) -> Iterator[Desk]:
    """A desk over what stands in ``data``; its assistant is the caller's to give."""
    opened = Desk(load_settings({"data": data, **settings}), indexer=NoIndexer())
    try:
        yield opened
    finally:
        opened.close()


@dataclass
class Tab:
    """One open tab: what its components were given last."""

    desk: Desk
    view: View = field(default_factory=View)
    shown: dict[str, Any] = field(default_factory=dict)
    composer: str = ""  # what was put there last

    def __post_init__(self) -> None:
        self.page = Page(self.desk)
        for name in PARTS:
            setattr(self.page.components, name, name)

    def _take(self, updates: Iterator[dict[str, Any]]) -> None:
        for update in updates:
            assert update, "Gradio takes an update of nothing for a mistake"
            self.shown |= {name: value for name, value in update.items() if value != gr.skip()}
            self.composer = update.get("box", {}).get("value", self.composer)

    def ask(self, question: str) -> None:
        """Send what stands in the composer, and wait for the answer."""
        self._take(self.page.conversations.ask(question, self.view))

    def click(self, act: str, **data: object) -> None:
        """Click in the conversation as the page's scripts report it."""
        event = gr.EventData(None, {"act": act, **data})
        self._take(self.page.conversations.chat_action(self.view, event))

    def click_side(self, act: str, **data: object) -> None:
        """Click in the sidebar or the composer."""
        event = gr.EventData(None, {"act": act, **data})
        self._take(self.page.conversations.side_action(self.view, event))

    @property
    def messages(self) -> list[str]:
        """The messages as Markdown, in turn question and answer."""
        return [str(message["content"]) for message in self.shown["chat"]]
