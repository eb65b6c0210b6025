"""What a tab shows follows what it should show, whatever was lost on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.store import Store
from rag.settings import load_settings
from tests.ui.payloads import HOSTILE
from tests.ui.test_chats import TEXT, put, quoted_answer
from tests.ui.test_opinions import NoIndexer, exchange
from ui.around import OPENING_SECONDS
from ui.desk import Desk
from ui.page import Page
from ui.parts import Doubt, Shown
from ui.render import escape_line
from ui.sidebar import OUTDATED, STALE
from ui.tab import View, warn

_STAMP = re.compile(r'<template data-part="(\w+)" data-revision="(\w+)"></template>$')


class Tab:
    """A browser's side: it holds what reached it, and reports the revisions of that."""

    def __init__(self) -> None:
        self.html: dict[str, str] = {}

    def receive(self, updates: dict[str, str]) -> None:
        self.html |= updates

    def report(self) -> dict[str, object]:
        stamps = (_STAMP.search(html) for html in self.html.values())
        return {stamp[1]: stamp[2] for stamp in stamps if stamp}

    def text(self, name: str) -> str:
        return _STAMP.sub("", self.html.get(name, ""))


def test_only_what_changed_is_sent() -> None:
    shown = Shown()
    assert set(shown.changes({"side": "<p>a</p>", "table": ""})) == {"side", "table"}
    assert shown.changes({"side": "<p>a</p>", "table": ""}) == {}
    assert set(shown.changes({"side": "<p>b</p>", "table": ""})) == {"side"}


def test_what_reached_the_tab_is_not_sent_again() -> None:
    shown, tab = Shown(), Tab()
    html = {"side": "<p>a</p>", "hello": "", "table": "<table></table>"}
    tab.receive(shown.changes(html))
    shown.correct(tab.report())
    assert shown.changes(html) == {}


def test_an_emptied_part_that_the_tab_still_shows_is_emptied_again() -> None:
    shown, tab = Shown(), Tab()
    tab.receive(shown.changes({"hello": "<p>Welcome</p>"}))
    shown.changes({"hello": ""})  # lost
    shown.correct(tab.report())
    assert shown.changes({"hello": ""}) == {"hello": ""}


@given(
    st.lists(
        st.tuples(
            st.fixed_dictionaries(
                {"side": st.sampled_from(["", "a", "b"]), "table": st.sampled_from(["x", "y"])}
            ),
            st.sampled_from(["arrives", "is lost", "comes late"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_after_one_quiet_tick_the_tab_shows_what_it_should(steps: list[tuple[dict[str, str], str]]) -> None:
    shown, tab = Shown(), Tab()
    late: dict[str, str] = {}
    for html, fate in steps:
        shown.correct(tab.report())
        updates = shown.changes(html)
        tab.receive(late)
        late = {}
        if fate == "arrives":
            tab.receive(updates)
        elif fate == "comes late":
            late = updates
    tab.receive(late)

    wanted = steps[-1][0]
    shown.correct(tab.report())
    tab.receive(shown.changes(wanted))
    assert {name: tab.text(name) for name in wanted} == wanted


def test_a_conversation_is_sent_again_when_two_reports_in_turn_are_wrong_alike() -> None:
    doubt = Doubt()
    assert not doubt.due("c 2 False", "c 2 False")
    assert not doubt.due("c 2 True", "c 4 False")  # perhaps the update is on its way
    assert not doubt.due("c 3 True", "c 4 False")
    assert doubt.due("c 3 True", "c 4 False")
    assert not doubt.due("c 3 True", "c 4 False")  # once; a page that counts otherwise is left in peace
    assert not doubt.due("c 4 False", "c 4 False")
    assert not doubt.due("c 3 True", "c 4 False")
    assert doubt.due("c 3 True", "c 4 False")


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with Store.open(tmp_path / "data") as store:
        put(store, TEXT)
    desk = Desk(load_settings({"data": tmp_path / "data"}), indexer=NoIndexer())
    page = Page(desk)
    for name in ("side", "scope", "top", "hello", "state", "table", "settings", "quality", "chat", "box"):
        setattr(page.components, name, name)
    yield page
    desk.close()


def tick(page: Page, view: View, report: object) -> dict[str, Any]:
    return page.around.tick(view, report)


def test_a_tick_sends_what_the_tab_does_not_show(page: Page) -> None:
    view, tab = View(opened=True), Tab()
    tab.receive(tick(page, view, {}))
    assert "Contracts" in tab.text("table")
    assert "table" not in tick(page, view, {"parts": tab.report()})
    tab.html["table"] = "<p>older</p>"
    assert "Contracts" in tick(page, view, {"parts": tab.report()})["table"]


@pytest.mark.parametrize("report", [None, 7, "x", [], {"parts": 3, "messages": "many", "chat": [1]}])
def test_a_report_that_is_none_is_taken_as_a_tab_that_shows_nothing(page: Page, report: object) -> None:
    assert "Contracts" in tick(page, View(opened=True), report)["table"]


def test_a_conversation_that_did_not_arrive_is_asked_for_after_the_second_tick(page: Page) -> None:
    chat_id = exchange(page.around.desk, quoted_answer(page.around.desk.store)).chat_id
    view, tab = View(opened=True, chat_id=chat_id), Tab()
    tab.receive(tick(page, view, {}))
    lost = {"parts": tab.report(), "chat": chat_id, "messages": 1, "writing": True}
    assert "top" not in tick(page, view, lost)
    tab.receive(tick(page, view, lost))
    assert OUTDATED in tab.html["top"]
    (sent,) = page.conversations.side_action(view, gr.EventData(None, {"act": "show"}))
    assert len(sent["chat"]) == 2

    whole = {"chat": chat_id, "messages": 2, "writing": False}
    tab.receive(tick(page, view, {"parts": tab.report(), **whole}))
    assert OUTDATED not in tab.html["top"]


def test_only_a_page_that_outlived_its_server_loads_itself_again(page: Page) -> None:
    assert "top" not in tick(page, View(), {"seconds": OPENING_SECONDS})
    assert tick(page, View(), {"seconds": OPENING_SECONDS + 1}) == {"top": STALE}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_a_warning_is_text_whatever_it_says(payload: str) -> None:
    # Without a browser, Gradio's warnings are Python's.
    with pytest.warns(UserWarning, match=f"^{re.escape(escape_line(f'a {payload}'))}$"):
        warn(f"a {payload}")
