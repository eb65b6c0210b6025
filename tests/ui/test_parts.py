"""What a tab shows follows what it should show, whatever was lost on the way."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from index.errors import StorageError
from index.store import Store
from rag.settings import load_settings
from tests.ui.payloads import HOSTILE
from tests.ui.test_chats import TEXT, put, quoted_answer
from tests.ui.test_opinions import NoIndexer, exchange
from ui.asking import Asking
from ui.desk import Desk
from ui.guard import PULSE
from ui.page import Page
from ui.parts import Doubt, Shown
from ui.pulse import CALM_SECONDS, CROWD, OPENING_SECONDS
from ui.render import escape_line
from ui.tab import View, warn

_STAMP = re.compile(r'<template data-part="(\w+)" data-revision="(\w+)"></template>$')


class Tab:
    """A browser's side: it holds what reached it, and reports the revisions of that."""

    def __init__(self) -> None:
        self.html: dict[str, str] = {}
        self.chat: list[dict[str, str]] = []

    def receive(self, updates: dict[str, str]) -> None:
        self.html |= updates

    def show(self, page: Page, view: View) -> None:
        """Ask for the conversation."""
        (update,) = page.conversations.side_action(view, gr.EventData(None, {"act": "show"}))
        self.chat = update["chat"]
        self.receive({name: html for name, html in update.items() if name not in ("chat", "box")})

    @property
    def answer(self) -> str:
        return self.chat[-1]["content"]

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
def test_after_one_quiet_beat_the_tab_shows_what_it_should(steps: list[tuple[dict[str, str], str]]) -> None:
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
    for name in (
        "side",
        "scope",
        "strip",
        "top",
        "hello",
        "state",
        "table",
        "settings",
        "quality",
        "chat",
        "box",
    ):
        setattr(page.components, name, name)
    yield page
    desk.close()


def opened(page: Page, chat_id: str = "") -> View:
    view = View(chat_id=chat_id)
    page.around.tabs.open(view)
    return view


def wishes(page: Page, view: View, report: object) -> list[str]:
    """What the tab is told to do when it reports this."""
    told = report | {"tab": view.key} if isinstance(report, dict) else report
    answer: list[str] = json.loads(page.pulse.beat(told))["do"]
    return answer


def draw(page: Page, view: View, report: dict[str, object]) -> dict[str, Any]:
    update = page.pulse.draw(view, gr.EventData(None, report))
    return {name: html for name, html in update.items() if html != gr.skip()}


def settled(page: Page, view: View) -> tuple[Tab, dict[str, object]]:
    """A tab that shows all it should, and its report."""
    tab = Tab()
    tab.show(page, view)
    messages = len(page.around.desk.chats.messages(view.chat_id)) if view.chat_id else 0
    return tab, {
        "parts": tab.report(),
        "chat": view.chat_id,
        "messages": messages,
        "writing": False,
        "stop": False,
    }


def test_a_tab_that_lacks_something_is_told_to_draw_and_gets_just_that(page: Page) -> None:
    view = opened(page)
    tab, report = settled(page, view)
    assert wishes(page, view, report) == []

    tab.html["table"] = "<p>older</p>"
    assert wishes(page, view, report | {"parts": tab.report()}) == ["draw"]
    sent = draw(page, view, {"parts": tab.report()})
    assert set(sent) == {"table"}
    assert "Contracts" in sent["table"]


def test_what_changes_behind_a_tab_is_drawn(page: Page) -> None:
    view = opened(page)
    tab, report = settled(page, view)
    page.around.desk.chats.create("A question asked in another tab")
    assert wishes(page, view, report) == ["draw"]
    tab.receive(draw(page, view, report))
    assert "asked in another tab" in tab.text("side")
    assert wishes(page, view, report | {"parts": tab.report()}) == []


def test_a_sidebar_alone_is_drawn_once_in_some_seconds(page: Page) -> None:
    view = opened(page)
    tab, report = settled(page, view)
    page.around.desk.chats.create("First")
    tab.receive(draw(page, view, report))
    page.around.desk.chats.create("Second")
    assert wishes(page, view, report | {"parts": tab.report()}) == []
    tab.html["table"] = "<p>older</p>"  # what is more than that cannot wait
    assert wishes(page, view, report | {"parts": tab.report()}) == ["draw"]
    tab.receive(draw(page, view, {"parts": tab.report()}))
    page.around.desk.chats.create("Third")
    view.drawn -= CALM_SECONDS
    assert wishes(page, view, report | {"parts": tab.report()}) == ["draw"]
    tab.receive(draw(page, view, {"parts": tab.report()}))
    assert "Third" in tab.text("side")


def test_a_sidebar_alone_waits_while_many_answers_are_made(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.around.desk.chats.create("First")
    view = opened(page)
    _, report = settled(page, view)
    page.around.desk.chats.create("A question asked in another tab")
    monkeypatch.setattr(Asking, "count", CROWD)
    assert wishes(page, view, report) == []
    monkeypatch.setattr(Asking, "count", CROWD - 1)
    assert wishes(page, view, report) == ["draw"]


def test_while_many_answers_are_made_a_tab_is_looked_at_now_and_then(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = opened(page)
    tab, report = settled(page, view)
    assert wishes(page, view, report) == []
    tab.html["table"] = "<p>older</p>"
    older = report | {"parts": tab.report()}
    monkeypatch.setattr(Asking, "count", CROWD)
    assert wishes(page, view, older) == []
    view.compared_at -= CALM_SECONDS
    assert wishes(page, view, older) == ["draw"]
    monkeypatch.setattr(Asking, "count", CROWD - 1)
    assert wishes(page, view, older) == ["draw"]


@pytest.mark.parametrize("report", [{}, {"parts": 3, "messages": "many", "chat": [1]}])
def test_a_report_that_says_nothing_is_taken_as_a_tab_that_shows_nothing(
    page: Page, report: dict[str, object]
) -> None:
    view = opened(page)
    settled(page, view)
    assert wishes(page, view, report) == ["draw"]
    assert "Contracts" in draw(page, view, report)["table"]


def test_a_conversation_that_did_not_arrive_is_asked_for_after_the_second_beat(page: Page) -> None:
    view = opened(page, exchange(page.around.desk, quoted_answer(page.around.desk.store)).chat_id)
    tab, whole = settled(page, view)
    assert len(tab.chat) == 2

    lost = whole | {"messages": 1, "writing": True}
    assert [wishes(page, view, lost) for _ in range(3)] == [[], ["show"], []]  # asked for once
    assert wishes(page, view, whole) == []


def test_a_stop_button_that_did_not_arrive_or_did_not_go_is_asked_for(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = opened(page, exchange(page.around.desk, quoted_answer(page.around.desk.store)).chat_id)
    _, done = settled(page, view)
    stays = done | {"stop": True}
    assert [wishes(page, view, stays) for _ in range(2)] == [[], ["show"]]

    monkeypatch.setattr(Asking, "running", lambda _, __: object())
    written = done | {"writing": True, "stop": True}
    lacking = written | {"stop": False}
    monkeypatch.setattr(page.pulse, "_should_draw", lambda *_: False)  # of the parts around is said elsewhere
    assert wishes(page, view, written) == []
    assert [wishes(page, view, lacking) for _ in range(2)] == [[], ["show"]]


def test_a_removed_document_takes_its_words_out_of_the_answer_on_the_screen(page: Page) -> None:
    store = page.around.desk.store
    view = opened(page, exchange(page.around.desk, quoted_answer(store)).chat_id)
    tab, report = settled(page, view)
    assert wishes(page, view, report) == []
    assert "source removed" not in tab.answer

    (document,) = store.documents()
    store.remove([document.doc_id])
    page.around.desk.store.refresh()
    assert "show" in wishes(page, view, report)
    tab.show(page, view)
    assert "source removed" in tab.answer
    assert "show" not in wishes(page, view, report)


def test_only_a_page_that_outlived_its_server_loads_itself_again(page: Page) -> None:
    for unknown in (View(), View(key="0123456789abcdef")):
        assert wishes(page, unknown, {"seconds": OPENING_SECONDS}) == []
        assert wishes(page, unknown, {"seconds": OPENING_SECONDS + 1}) == ["load"]
    reports: list[object] = [None, 7, "x", []]
    for nothing in reports:
        assert wishes(page, View(), nothing) == []


def test_a_disk_that_cannot_be_read_is_noted_in_the_log(
    page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    view = opened(page)

    def refuse() -> None:
        raise StorageError("The disk cannot be read.", hint="Look at its cable.")

    monkeypatch.setattr(page.pulse.desk, "overview", refuse)
    assert json.loads(page.pulse.beat({"tab": view.key})) == {"do": [], "generation": 0}
    assert "The disk cannot be read." in caplog.text


def pulse(page: Page, heard: list[str], sent: bytes) -> httpx.Response:
    """What is answered to a pulse that comes over the net."""
    app = FastAPI()
    page.pulse.serve(app, heard.append)

    async def post() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client:
            return await client.post(PULSE, content=sent)

    return asyncio.run(post())


@pytest.mark.parametrize(
    "sent", [b"", b"{", b"[]", b'"text"', b"[" * 100_000, b'{"tab": 1, "parts": []}', b"\xff"]
)
def test_whatever_is_sent_as_a_pulse_is_answered(page: Page, sent: bytes) -> None:
    reply = pulse(page, [], sent)
    assert (reply.status_code, reply.json()) == (200, {"do": [], "generation": 0})


def test_gradio_is_told_of_a_tab_whose_pulse_is_heard(page: Page) -> None:
    """It keeps a hundred sessions, those that it has heard of last."""
    view = opened(page)
    view.session = "5e55"
    heard: list[str] = []
    pulse(page, heard, json.dumps({"tab": view.key}).encode())
    pulse(page, heard, json.dumps({"tab": "of nobody"}).encode())
    assert heard == ["5e55"]


def test_a_tab_that_is_closed_is_forgotten(page: Page) -> None:
    view = opened(page)
    key = view.key
    assert page.around.tabs.find(key) is view
    del view
    assert page.around.tabs.find(key) is None


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_a_warning_is_text_whatever_it_says(payload: str) -> None:
    # Without a browser, Gradio's warnings are Python's.
    with pytest.warns(UserWarning, match=f"^{re.escape(escape_line(f'a {payload}'))}$"):
        warn(f"a {payload}")


def test_the_first_page_of_the_first_start_waits_for_the_samples(tmp_path: Path) -> None:
    desk = Desk(load_settings({"data": tmp_path / "data"}), indexer=NoIndexer())
    try:
        page = Page(desk)
        assert "Reading documents" in page.around.html(View())["hello"]
        desk.remove_samples()  # from now on there are none unless they are asked for
        assert "Ask your own documents" in page.around.html(View())["hello"]
    finally:
        desk.close()
