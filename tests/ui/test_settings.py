"""The Settings view: what is typed, refused, saved, locked, applied and deleted."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Any, cast

import gradio as gr
import pytest
from selectolax.lexbor import LexborHTMLParser

from index.chunker import ChunkLimits
from index.recutting import recutting
from rag.build import build_assistant
from rag.settings import Settings, load_settings
from tests.fakes import OverlapReader, WordCountEmbedder
from tests.rag.corpus import CORPUS, VOCABULARY, indexed
from tests.rag.llm_stub import Stub, serving
from tests.ui.test_job_runs import Queue
from ui.chats import Chats
from ui.desk import Desk
from ui.page import Page
from ui.retention import DAY_SECONDS, Retention
from ui.tab import View

PATIENCE_SECONDS = 20.0


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    data = tmp_path / "data"
    with indexed(data):
        pass
    desk = Desk(load_settings({"data": data}), indexer=Queue())
    embedder = WordCountEmbedder(VOCABULARY)
    desk.assistant.set_result(build_assistant(desk.settings, desk.store, embedder, OverlapReader()))
    opened = Page(desk)
    for name in ("side", "scope", "top", "hello", "state", "table", "settings", "quality", "chat", "box"):
        setattr(opened.components, name, name)
    yield opened
    desk.close()


def act(page: Page, view: View, **data: str) -> str:
    """Do something in the view; returns what it then shows."""
    page.settings.action(view, gr.EventData(None, data))
    return view.shown.html["settings"]


def saved(page: Page) -> Settings:
    return load_settings({"data": page.settings.desk.settings.data})


def eventually(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def test_a_choice_is_saved_and_applied_at_once(page: Page) -> None:
    desk, view = page.settings.desk, View()
    before = desk.assistant
    act(page, view, act="set", name="answer.strictness", value="strict")
    assert saved(page).answer.strictness == "strict"
    assert desk.settings.answer.strictness == "strict"
    eventually(lambda: desk.assistant is not before)
    assert desk.assistant.result().embedder is before.result().embedder  # nothing is loaded again
    assert desk.assistant.result().reader is before.result().reader


def test_what_cannot_be_used_is_said_beside_the_field_and_kept_there(page: Page) -> None:
    view = View()
    html = act(page, view, act="set", name="retrieval.passages", value="many")
    assert 'value="many"' in html
    assert 'aria-invalid="true"' in html
    assert "Give it another value" in html
    assert saved(page).retrieval.passages == 6
    assert "aria-invalid" not in act(page, view, act="set", name="retrieval.passages", value="8")
    assert saved(page).retrieval.passages == 8


def test_a_reset_takes_the_setting_out(page: Page) -> None:
    view = View()
    html = act(page, view, act="set", name="retrieval.passages", value="8")
    assert 'data-act="reset"' in html
    act(page, view, act="reset", name="retrieval.passages")
    assert saved(page).retrieval.passages == 6
    assert 'data-act="reset"' not in view.shown.html["settings"]


def test_a_stronger_source_locks_the_field_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTNOTE_RETRIEVAL__PASSAGES", "4")
    desk = Desk(load_settings({"data": tmp_path / "data", "server.port": 1234}), indexer=Queue())
    page, view = Page(desk), View()
    for name in ("side", "settings"):
        setattr(page.components, name, name)
    html = act(page, view, act="set", name="retrieval.passages", value="8")
    assert "counts more than this page" in html
    assert desk.settings.retrieval.passages == 4
    assert desk.preferences.sources["server.port"].locked  # as it was said on the command line
    desk.close()


def test_a_model_is_chosen_in_two_steps_and_saved_in_one(page: Page) -> None:
    desk, view = page.settings.desk, View()
    html = act(page, view, act="set", name="generation.model", part="provider", value="openai")
    assert "Name the model too" in html
    assert "OPENAI" in html
    assert "It is not set" in html
    assert 'data-act="save"' not in html
    html = act(page, view, act="set", name="generation.model", part="name", value="gpt-x")
    assert 'data-act="save"' in html
    assert desk.settings.generation.model == ""
    html = act(page, view, act="save", section="answering")
    assert saved(page).generation.model == "openai:gpt-x"
    assert "api.openai.com" in html.replace("&#46;", ".")
    act(page, view, act="set", name="generation.model", part="provider", value="")
    act(page, view, act="save", section="answering")
    assert saved(page).generation.model == ""
    assert "Nothing leaves this computer" in view.shown.html["settings"]


def test_models_under_retry_are_named_where_it_is_said_what_leaves(page: Page) -> None:
    view = View()
    act(page, view, act="set", name="generation.others", value="ollama:qwen3, openai:gpt-x")
    html = unescape(act(page, view, act="save", section="answering"))
    assert saved(page).generation.other_models == ("ollama:qwen3", "openai:gpt-x")
    assert "By itself nothing leaves this computer" in html
    assert "asked again with gpt-x via OpenAI (https://api.openai.com) goes there" in html
    act(page, view, act="set", name="generation.others", value="ollama:qwen3")
    html = act(page, view, act="save", section="answering")
    assert "Nothing leaves this computer" in html
    assert "asked again" not in html


def test_discarding_forgets_what_was_typed(page: Page) -> None:
    view = View()
    act(page, view, act="set", name="index.chunk_tokens", value="64")
    html = act(page, view, act="discard", section="index")
    assert view.drafts.texts == {}
    assert 'value="200"' in html


def test_new_limits_say_what_they_cost_before_they_are_saved(page: Page) -> None:
    desk, view = page.settings.desk, View()
    html = act(page, view, act="set", name="index.chunk_tokens", value="100")
    assert "3 documents, now 3 passages, then about 6 to embed" in html
    assert saved(page).index.chunk_tokens == 200
    act(page, view, act="save-reindex")
    assert saved(page).index.chunk_tokens == 100
    (request,) = cast(Queue, desk.indexer).requests
    assert request["kind"] == "reindex"
    assert set(request["doc_ids"]) == {row.doc_id for row in desk.store.documents()}


def test_a_model_is_tested_before_it_is_saved(page: Page) -> None:
    desk, view = page.settings.desk, View()
    with serving(Stub(pieces=("rea", "dy"))) as stub:
        act(page, view, act="set", name="generation.model", part="provider", value="ollama")
        act(page, view, act="set", name="generation.model", part="name", value="small")
        act(page, view, act="set", name="generation.base_url", value=stub.url)
        assert "Testing" in act(page, view, act="test")
        eventually(lambda: desk.preferences.tried and desk.preferences.tried.state != "running")
    tried = desk.preferences.tried
    assert tried is not None
    assert (tried.state, tried.verbatim) == ("ready", "ready")
    assert "First word after" in tried.words
    assert desk.settings.generation.model == ""


def test_a_failed_test_says_what_the_provider_said_word_for_word(page: Page) -> None:
    desk = page.settings.desk
    with serving(Stub(status=500)) as stub:
        generation = load_settings(
            {"generation.model": "ollama:small", "generation.base_url": stub.url}
        ).generation
        desk.preferences.try_model(generation)
        eventually(lambda: desk.preferences.tried and desk.preferences.tried.state != "running")
    tried = desk.preferences.tried
    assert tried is not None
    assert tried.state == "failed"
    assert "HTTP 500" in tried.words
    assert "stub says no" in tried.verbatim


def test_an_answer_that_is_being_written_outlives_a_change_of_the_model(page: Page) -> None:
    desk, view = page.settings.desk, View()
    stub = Stub(pieces=("Paris is ", "the capital of France [1]."), silent_after=1)
    with serving(stub):
        for name, value in (("generation.model", "ollama:small"), ("generation.base_url", stub.url)):
            desk.preferences.save({name: value})
        eventually(lambda: desk.assistant.done() and desk.assistant.result()._model is not None)
        written_by = desk.assistant
        chat = desk.chats.create("What is the capital of France?")
        running = desk.asking.ask(chat.chat_id, "What is the capital of France?")
        eventually(lambda: running.text == "Paris is ")
        act(page, view, act="set", name="generation.model", part="provider", value="")
        act(page, view, act="save", section="answering")
        eventually(lambda: desk.assistant is not written_by)
        assert not running.finished
        assert not stub.dropped.is_set()
        stub.release.set()
        eventually(lambda: running.finished)
        model = written_by.result()._model
        assert model is not None
        eventually(lambda: model._loop is None)  # nobody reads from it any more
    assert desk.assistant.result()._model is None


def test_a_model_that_fails_is_told_in_the_sidebar_until_it_answers_again(page: Page) -> None:
    desk, question = page.settings.desk, "What is the capital of France?"

    def told() -> str:
        line = LexborHTMLParser(page.around.html(View())["side"]).css_first(".fn-model")
        assert line is not None
        dot = line.css_first(".fn-dot")
        state = "no dot" if dot is None else "red" if "fn-off" in str(dot.attributes["class"]) else "green"
        return f"{state}: {line.text()}"

    def answer() -> None:
        running = desk.asking.ask(desk.chats.create(question).chat_id, question)
        eventually(lambda: running.finished)

    assert told() == "green: Built-in answers, offline"
    stub = Stub(pieces=("Paris is the capital of France [1].",), status=500)
    with serving(stub):
        for name, value in (("generation.model", "ollama:small"), ("generation.base_url", stub.url)):
            desk.preferences.save({name: value})
        eventually(lambda: desk.assistant.done() and desk.assistant.result()._model is not None)
        assert told() == "no dot: small via Ollama"  # nobody knows yet
        answer()
        failed = "red: small via Ollama did not answer; quotes were shown instead"
        assert told() == failed
        stub.status = 200
        answer()
        assert told() == "no dot: small via Ollama"
        stub.status = 500
        answer()
        assert told() == failed
        desk.preferences.save({"generation.model": ""})  # another one has not failed
        eventually(lambda: desk.assistant.done() and desk.assistant.result()._model is None)
    eventually(lambda: told() == "green: Built-in answers, offline")


def test_all_conversations_are_deleted_for_good(page: Page) -> None:
    desk = page.settings.desk
    chat = desk.chats.create("A question about zebras")
    desk.chats.add_exchange(chat.chat_id, "A question about zebras")
    desk.chats.create("Another")
    view = View(chat_id=chat.chat_id)
    assert "Delete all conversations" in act(page, view, act="discard")
    html = act(page, view, act="delete-chats")
    assert desk.chats.chats() == []
    assert view.chat_id == ""
    assert "Delete all conversations" not in html
    held = b"".join(path.read_bytes() for path in desk.settings.data.glob("chats.sqlite*"))
    assert b"zebras" not in held


@pytest.mark.parametrize(
    "data", [{}, {"act": "set"}, {"act": "set", "name": "data", "value": "/x"}, {"act": "save", "section": 7}]
)
def test_what_no_page_sends_changes_nothing(page: Page, data: dict[str, Any]) -> None:
    before = page.settings.desk.settings
    page.settings.action(View(), gr.EventData(None, data))
    assert page.settings.desk.settings is before


def test_of_changes_in_quick_succession_the_last_one_answers(page: Page) -> None:
    desk = page.settings.desk
    for passages in ("5", "4", "3", "2"):
        desk.preferences.save({"retrieval.passages": passages})
    eventually(lambda: desk.assistant.result()._passages == 2)
    eventually(lambda: not any(each.is_alive() for each in desk._threads))
    assert desk.assistant.result()._passages == 2


def test_smaller_passages_are_more_and_take_longer(tmp_path: Path) -> None:
    with indexed(tmp_path / "data") as (store, _):
        before = ChunkLimits(tokens=200)
        halved = recutting(store, before, ChunkLimits(tokens=100), 254)
        same = recutting(store, before, ChunkLimits(tokens=400), 200)
    assert (halved.documents, halved.passages, halved.expected) == (len(CORPUS), 3, 6)
    assert same.expected <= 4  # the model reads no more than 200
    assert halved.estimate is not None
    assert halved.estimate[0] > 0


# -- how long conversations are kept -----------------------------------------------------------------


def touched(chats: Chats, question: str, days_ago: float) -> str:
    chat = chats.create(question)
    chats.add_exchange(chat.chat_id, question)
    with closing(sqlite3.connect(chats_file(chats))) as db, db:
        when = time.time() - days_ago * DAY_SECONDS
        db.execute("UPDATE chats SET updated_at = ? WHERE chat_id = ?", (when, chat.chat_id))
    return chat.chat_id


def chats_file(chats: Chats) -> Path:
    return chats._file._path


def held(data: Path, word: bytes) -> bool:
    return any(word in path.read_bytes() for path in data.glob("chats.sqlite*"))


def words_of(html: str) -> str:
    return " ".join(LexborHTMLParser(html).text(separator=" ").split())


def test_a_shorter_time_says_how_many_go_and_only_saving_deletes_them(page: Page) -> None:
    desk = page.settings.desk
    old, new = touched(desk.chats, "About zebras", 40), touched(desk.chats, "About ferries", 20)
    view = View(chat_id=old)
    html = act(page, view, act="set", name="privacy.keep_days", value="30")
    assert "1 conversation will be gone, for good, when you save this." in words_of(html)
    assert desk.chats.count() == 2
    act(page, view, act="discard", section="history")
    assert desk.chats.count() == 2
    assert desk.settings.privacy.keep_days == -1
    html = act(page, view, act="set", name="privacy.keep_days", value="90")
    assert "No conversation is that old" in words_of(html)
    act(page, view, act="set", name="privacy.keep_days", value="30")
    html = act(page, view, act="save", section="history")
    assert "Saved. 1 conversation deleted." in words_of(html)
    assert [chat.chat_id for chat in desk.chats.chats()] == [new]
    assert view.chat_id == ""
    assert not held(desk.settings.data, b"zebras")
    assert held(desk.settings.data, b"ferries")
    html = act(page, view, act="set", name="privacy.keep_days", value="0")
    assert "1 conversation will be gone" in words_of(html)
    act(page, view, act="save", section="history")
    assert desk.chats.count() == 0
    assert not held(desk.settings.data, b"ferries")


def test_a_number_of_days_that_the_page_does_not_offer_is_shown_and_kept(page: Page) -> None:
    desk = page.settings.desk
    desk.preferences.save({"privacy.keep_days": 45})
    html = act(page, View(), act="discard")
    chosen = LexborHTMLParser(html).css("[name=fn-privacy\\.keep_days][checked]")
    assert [node.attributes["value"] for node in chosen] == ["45"]


def test_old_conversations_go_at_the_start_and_once_a_day(page: Page) -> None:
    chats = page.settings.desk.chats
    now = [time.time()]
    retention = Retention(chats, clock=lambda: now[0])
    touched(chats, "old", 8)
    recent = touched(chats, "recent", 6.5)
    retention.delete_daily(-1)
    assert chats.count() == 2
    retention = Retention(chats, clock=lambda: now[0])
    retention.delete_daily(7)
    assert [chat.chat_id for chat in chats.chats()] == [recent]
    now[0] += 0.9 * DAY_SECONDS
    retention.delete_daily(7)
    assert chats.count() == 1  # not again today
    now[0] += 0.1 * DAY_SECONDS
    retention.delete_daily(7)
    assert chats.count() == 0


def test_where_none_are_kept_the_one_in_use_stays_until_the_next_start(page: Page) -> None:
    chats = page.settings.desk.chats
    now = [time.time()]
    retention = Retention(chats, clock=lambda: now[0])
    touched(chats, "before", 0.1)
    retention.delete_daily(0)
    assert chats.count() == 0
    now[0] += DAY_SECONDS
    touched(chats, "in use", -0.9)
    retention.delete_daily(0)
    assert chats.count() == 1
    Retention(chats, clock=lambda: now[0]).delete_daily(0)
    assert chats.count() == 0


def test_the_server_deletes_old_conversations_by_itself(page: Page) -> None:
    desk = page.settings.desk
    touched(desk.chats, "About zebras", 40)
    desk.preferences.settings = load_settings({"data": desk.settings.data, "privacy.keep_days": 30})
    eraser = threading.Thread(target=desk._erase_removed, daemon=True)
    eraser.start()
    eventually(lambda: desk.chats.count() == 0)
    eventually(lambda: not held(desk.settings.data, b"zebras"))
    desk._closing.set()
    eraser.join()


# -- the offline switch ------------------------------------------------------------------------------


def alerts(html: str) -> list[str]:
    return [" ".join(node.text().split()) for node in LexborHTMLParser(html).css("[role=alert]")]


def acts(html: str) -> list[str | None]:
    return [node.attributes.get("data-act") for node in LexborHTMLParser(html).css("button[data-act]")]


def test_a_model_that_would_leave_is_refused_while_the_switch_is_on(page: Page) -> None:
    view = View()
    act(page, view, act="set", name="privacy.offline", value="true")
    assert saved(page).privacy.offline
    act(page, view, act="set", name="generation.model", part="provider", value="openai")
    html = act(page, view, act="set", name="generation.model", part="name", value="gpt")
    (alert,) = alerts(html)
    assert "stay offline, and openai:gpt answers at https://api.openai.com" in alert
    assert "save" not in acts(html)
    assert "test" not in acts(html)
    act(page, view, act="save", section="answering")  # all the same
    assert saved(page).generation.model == ""
    # With an address on this computer it is no longer refused, although each of the two is checked alone.
    html = act(page, view, act="set", name="generation.base_url", value="http://localhost:1234/v1")
    assert alerts(html) == []
    assert {"save", "test"} <= set(acts(html))
    act(page, view, act="save", section="answering")
    assert saved(page).generation.model == "openai:gpt"
    html = act(page, view, act="set", name="generation.base_url", value="")
    assert len(alerts(html)) == 1


def test_the_switch_can_be_turned_while_a_model_elsewhere_is_set_which_is_not_asked_then(page: Page) -> None:
    desk, view = page.settings.desk, View()
    desk.preferences.save({"generation.model": "openai:gpt"})
    html = act(page, view, act="set", name="privacy.offline", value="true")
    assert saved(page).privacy.offline
    assert "openai:gpt is not asked while Footnote stays offline" in LexborHTMLParser(html).text()
    act(page, view, act="set", name="generation.temperature", value="0.5")
    act(page, view, act="save", section="answering")
    assert saved(page).generation.temperature == 0.5
    html = act(page, view, act="set", name="privacy.offline", value="false")
    assert alerts(html) == []


def test_a_name_on_the_model_hub_is_refused_while_the_switch_is_on(page: Page) -> None:
    view = View()
    act(page, view, act="set", name="privacy.offline", value="true")
    html = act(page, view, act="set", name="embedding.model", value="someone/model")
    assert "would be fetched by its name" in alerts(html)[0]
    act(page, view, act="save", section="index")
    assert saved(page).embedding.model == ""
