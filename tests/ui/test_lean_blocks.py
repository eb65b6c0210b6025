"""Events cost what they change, and give what Gradio alone would give."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.queueing import Queue
from gradio.state_holder import StateHolder

from ui.lean_blocks import LeanBlocks, forget_closed_tabs, forgo_matplotlib, spare_queue


def page(kind: type[gr.Blocks]) -> tuple[gr.Blocks, list[Any]]:
    """A page with one event that has four outputs."""
    with kind(analytics_enabled=False) as blocks:
        parts = [gr.HTML("a"), gr.HTML("b"), gr.Textbox("c"), gr.HTML("d")]
        gr.Button().click(dict, [], parts)
    return blocks, parts


async def sent(blocks: gr.Blocks, predictions: Any) -> list[Any]:
    """What an event with these outputs sends to the browser."""
    values = await blocks.postprocess_data(next(iter(blocks.fns.values())), predictions, None)
    # For HTML that stays Gradio sends the word "update" a second time, as a property of it.
    return [_without_props(value) if isinstance(value, dict) else value for value in values]


def _without_props(update: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in update.items() if name != "props"}


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """In a thread: Gradio gives this one an event loop of its own, which ``asyncio.run`` would lose."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


UPDATES = {
    "one value": {1: "<b>new</b>"},
    "two values and an update": {0: "x", 3: "y", 2: gr.update(value="z", interactive=False)},
    "one that is skipped": {0: gr.skip(), 1: "y"},
    "nothing but what is skipped": {0: gr.skip()},
    "everything": {0: "1", 1: "2", 2: "3", 3: "4"},
}


@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
def test_the_browser_gets_what_gradio_alone_would_send(update: dict[int, Any]) -> None:
    async def by(kind: type[gr.Blocks]) -> list[Any]:
        blocks, parts = page(kind)
        return await sent(blocks, {parts[at]: copy(value) for at, value in update.items()})

    found = run(by(LeanBlocks))
    assert found == run(by(gr.Blocks))
    assert len(found) == 4


def test_other_predictions_go_to_gradio_as_they_are() -> None:
    async def check() -> None:
        blocks, _ = page(LeanBlocks)
        assert await sent(blocks, ["1", "2", "3", "4"]) == ["1", "2", "3", "4"]
        assert await sent(blocks, gr.skip()) == [gr.skip()] * 4
        with pytest.raises(ValueError, match="not specified as output"):
            await sent(blocks, {gr.HTML("elsewhere"): "x"})

    run(check())


def test_no_component_is_made_for_an_output_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a component was made")

    async def check() -> None:
        blocks, parts = page(LeanBlocks)
        monkeypatch.setattr(gr.HTML, "__init__", made)
        assert await sent(blocks, {parts[0]: "new"}) == ["new", *[gr.skip()] * 3]

    run(check())


def test_past_events_are_neither_kept_nor_made_into_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def table(_records: object) -> None:
        raise AssertionError("a table of past events was made")

    monkeypatch.setattr(Queue, "_get_df", staticmethod(table))

    async def check() -> None:
        blocks, _ = page(LeanBlocks)
        blocks.queue()
        queue: Any = blocks._queue
        queue.events_recorded = 1000
        with pytest.raises(AssertionError):  # as Gradio does by itself
            queue.compute_analytics_summary([{"function": "tick"}])
        spare_queue(blocks)
        queue.compute_analytics_summary([{"function": "tick"}])
        assert queue.ANALYTICS_MAX_EVENTS == 1

    run(check())


class Tabs:
    """Two tabs as Gradio keeps them, of which one has been closed."""

    def __init__(self) -> None:
        with LeanBlocks(analytics_enabled=False) as blocks:
            forget_closed_tabs(blocks)
        (self._closed,) = blocks.fns.values()
        blocks.queue()
        self.queue: Any = blocks._queue
        new: Any = StateHolder  # which has no types
        self.holder = new()
        self.holder.set_blocks(blocks)
        for session in ("closing", "other"):
            self.holder[session]
            self.queue.pending_messages_per_session[session] = asyncio.Queue()
            self.queue.pending_event_ids_session[session] = {session}

    async def close(self) -> None:
        await self._closed.fn(gr.Request(session_hash="closing"))

    @property
    def kept(self) -> list[set[str]]:
        """The sessions of which there is still something."""
        queue, holder = self.queue, self.holder
        return [
            {*holder.session_data},
            {*holder.time_last_used},
            {*queue.pending_messages_per_session},
            {*queue.pending_event_ids_session},
        ]


@pytest.mark.parametrize("again", [False, True], ids=["closed", "only out of touch"])
def test_what_a_closed_tab_showed_is_freed(monkeypatch: pytest.MonkeyPatch, *, again: bool) -> None:
    monkeypatch.setattr("ui.lean_blocks._CLOSED_SECONDS", 0.2)

    async def check() -> None:
        tabs = Tabs()
        await tabs.close()
        for _ in range(4):
            await asyncio.sleep(0.08)
            if again:
                tabs.holder["closing"]
        assert tabs.kept == [{"closing", "other"} if again else {"other"}] * 4

    run(check())


def test_what_a_closed_tab_still_waits_for_is_freed_when_it_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ui.lean_blocks._CLOSED_SECONDS", 0.1)

    async def check() -> None:
        tabs = Tabs()
        tabs.queue.event_ids_to_events["event"] = SimpleNamespace(session_hash="closing")
        await tabs.close()
        await asyncio.sleep(0.25)
        assert tabs.kept == [{"closing", "other"}] * 4
        tabs.queue.event_ids_to_events.clear()
        await asyncio.sleep(0.25)
        assert tabs.kept == [{"other"}] * 4

    run(check())


def test_a_missing_matplotlib_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
    monkeypatch.setattr("ui.lean_blocks.find_spec", lambda _name: None)
    forgo_matplotlib()
    with pytest.raises(ImportError):
        import_module("matplotlib")
    monkeypatch.delitem(sys.modules, "matplotlib")
    monkeypatch.setattr("ui.lean_blocks.find_spec", lambda _name: object())
    forgo_matplotlib()
    assert "matplotlib" not in sys.modules
