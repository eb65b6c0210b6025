"""The Quality view: noted questions, runs in the background, comparisons, failing cases, documents."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from selectolax.lexbor import LexborHTMLParser

from index.health import Health
from index.rows import DocumentRow
from rag.ask import Assistant
from rag.build import build_assistant
from rag.feedback import Feedback, Place
from rag.settings import load_settings
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import VOCABULARY, indexed, unread
from tests.ui.test_job_runs import Queue
from ui.desk import Desk
from ui.document_list import DocumentList
from ui.measuring import Measurement
from ui.page import Page
from ui.quality_view import Compared, feedback_key, measure_words, quality_html
from ui.render import escape
from ui.stored import SpanRef, StoredAnswer
from ui.tab import View

PATIENCE_SECONDS = 20.0
ASTEROID = "Which asteroid did Galileo weigh?"
CAPITAL = "What is the capital of France?"


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    with indexed(data):
        pass
    desk = Desk(unread(load_settings({"data": data})), indexer=Queue())
    opened = Page(desk)
    for name in ("side", "scope", "top", "hello", "state", "table", "settings", "quality", "chat", "box"):
        setattr(opened.components, name, name)
    yield opened
    desk.close()


def ready(desk: Desk) -> None:
    desk.assistant.set_result(build_assistant(desk.settings, desk.store, WordCountEmbedder(VOCABULARY)))


def act(page: Page, view: View, **data: str) -> str:
    """Do something in the view; returns what it then shows."""
    for _ in page.quality.action(view, gr.EventData(None, data)):
        pass
    return view.shown.html.get("quality", "")


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def run(page: Page, view: View) -> str:
    act(page, view, act="run")
    eventually(lambda: not page.around.desk.measuring.state.running)
    return act(page, view, act="look")


def test_noted_questions_are_counted_listed_and_deleted(page: Page) -> None:
    desk, view = page.around.desk, View()
    assert "None are noted yet" in act(page, view, act="look")
    entry = Feedback(question="<b>Who?</b>", verdict="wrong_citation", time=1.0)
    desk.feedback.add(entry)
    place = Place(document="/docs/a.txt", start=0, end=9, sha256="a" * 64)
    desk.feedback.add(Feedback(question=CAPITAL, verdict="helpful", cited=(place,)))
    html = act(page, view, act="look")
    assert "<b>1</b>Wrong citation" in html
    assert "<b>1</b>Helpful" in html
    assert "<b>Who" not in html
    act(page, view, act="forget", key=feedback_key(entry))
    assert [each.question for each in desk.feedback.entries()] == [CAPITAL]


def typed(question: str, document: str = "") -> str:
    return json.dumps(
        [{"name": "question", "value": question}, {"name": "document", "value": document}],
    )


def test_a_question_is_typed_with_the_document_that_should_answer_it(page: Page) -> None:
    desk, view = page.around.desk, View()
    ready(desk)
    cited = desk.assistant.result().ask(CAPITAL).citations[0].path
    (right,) = (row for row in desk.store.documents() if row.path == cited)
    wrong = next(row for row in desk.store.documents() if row.path != cited)
    act(page, view, act="set", name="question", value=CAPITAL)
    assert f'value="{escape(CAPITAL)}"' in act(page, view, act="look")  # a drawing takes no words away
    html = act(page, view, act="add-question", verdict="helpful", typed=typed(CAPITAL, right.name))
    assert "<small>To be answered, today" in html.replace("&#44;", ",")
    assert "<b>1</b>To be answered" in html
    assert "</b>Helpful" not in html  # nobody has called an answer so
    assert f'value="{escape(CAPITAL)}"' not in html
    act(page, view, act="add-question", verdict="not_in_documents", typed=typed(ASTEROID))
    html = run(page, view)
    assert "<dt>All right</dt><dd>2 <small>of 2</small></dd>" in html

    desk.feedback.withdraw(desk.feedback.entries()[0])
    act(page, view, act="add-question", verdict="helpful", typed=typed(CAPITAL, wrong.name))
    html = run(page, view)
    assert "<dt>All right</dt><dd>1 <small>of 2</small></dd>" in html
    assert "other words are shown or cited" in html


def test_what_is_no_question_is_not_added(page: Page) -> None:
    desk, view = page.around.desk, View()
    html = act(page, view, act="add-question", verdict="helpful", typed=typed("  "))
    assert "There is no question yet" in html.replace("&#46;", ".")
    html = act(page, view, act="add-question", verdict="helpful", typed=typed(CAPITAL, "nothing.pdf"))
    assert "No document is called nothing.pdf" in html.replace("&#46;", ".")
    assert f'value="{escape(CAPITAL)}"' in html  # and can be corrected
    assert desk.feedback.entries() == []


def test_a_run_shows_its_scores_and_a_failing_case_is_asked_again(page: Page) -> None:
    desk, view = page.around.desk, View()
    ready(desk)
    desk.feedback.add(Feedback(question=ASTEROID, verdict="not_in_documents"))
    desk.feedback.add(Feedback(question=CAPITAL, verdict="not_in_documents"))
    html = run(page, view)
    assert "<dt>Correct refusals</dt><dd>1 <small>of 2</small></dd>" in html
    assert "Answered, although the documents do not hold it." in html.replace("&#46;", ".")
    act(page, view, act="ask-case", case="line-2")
    assert desk.chats.messages(view.chat_id)[0].text == CAPITAL
    assert desk.chats.messages(view.chat_id)[1].answer is not None


def test_two_runs_are_compared_with_interval_and_p(page: Page) -> None:
    desk, view = page.around.desk, View()
    ready(desk)
    desk.feedback.add(Feedback(question=ASTEROID, verdict="not_in_documents"))
    run(page, view)
    assert "Compare two runs" not in act(page, view, act="look")
    run(page, view)
    newest, older = desk.quality.runs()
    typed = f'[{{"name":"run-a","value":"{older.name}"}},{{"name":"run-b","value":"{newest.name}"}}]'
    html = act(page, view, act="compare", typed=typed)
    assert "1 question in both" in html
    assert '<td>Reacted rightly</td><td class="fn-n">1.000</td>' in html
    html = act(page, view, act="compare", typed=typed.replace(older.name, "../.."))
    assert "That run is gone" in html


def test_a_run_waits_for_the_models_and_is_cancelled(page: Page) -> None:
    desk, view = page.around.desk, View()
    desk.feedback.add(Feedback(question=ASTEROID, verdict="not_in_documents"))
    assert "Loading the models" in act(page, view, act="run")
    act(page, view, act="run")  # once is enough
    assert sum(thread.name == "measure" for thread in threading.enumerate()) == 1
    act(page, view, act="cancel-run")
    eventually(lambda: not desk.measuring.state.running)
    assert desk.measuring.state == Measurement(running=False)
    assert desk.quality.runs() == []


def test_a_line_that_cannot_be_read_is_said_and_stops_no_view(page: Page) -> None:
    desk, view = page.around.desk, View()
    ready(desk)
    desk.feedback.path.write_text("no JSON\n", encoding="utf-8")
    html = act(page, view, act="look")
    assert "line 1" in html
    assert "None are noted yet" not in html
    act(page, view, act="run")
    eventually(lambda: not desk.measuring.state.running)
    assert "line 1" in desk.measuring.state.problem


def test_a_run_fails_aloud_when_the_models_do_not_load(page: Page) -> None:
    desk = page.around.desk
    desk.assistant.set_exception(RuntimeError("no model"))
    desk.feedback.add(Feedback(question=ASTEROID, verdict="not_in_documents"))
    desk.measuring.start()
    eventually(lambda: not desk.measuring.state.running)
    assert desk.measuring.state.problem == "The run broke off. The log in the data folder says why."


def test_documents_that_were_not_read_whole_are_listed_with_cause_and_remedy(page: Page) -> None:
    rows = page.around.desk.store.documents()
    broken = replace(rows[0], state="failed", reason="Password-protected.", hint="Remove the password.")
    html = shown([broken, *rows[1:]])
    assert "1 document of 3 could not be read" in html
    assert "Password&#45;protected&#46; Remove the password&#46;" in html
    assert "Every document was read whole." in shown(rows)
    act(page, View(), act="retry", doc=rows[0].doc_id)
    indexer = page.around.desk.indexer
    assert isinstance(indexer, Queue)
    assert indexer.requests == [{"kind": "reindex", "doc_ids": [rows[0].doc_id]}]


def test_a_document_that_came_out_garbled_is_listed_although_it_is_ready(page: Page) -> None:
    first, *others = page.around.desk.store.documents()
    health = Health(chars=200, garbled=14, textless_pages=(2,), unread_pages=(), tables=3, encrypted=False)
    html = shown([replace(first, health=health, language="de"), *others])
    assert "1 document of 3 could not be read, or not whole, or not well" in html
    assert "About 7&#37; of its characters are garbled" in html
    assert "German · 3 tables · no text on page 2 · 7&#46;0&#37; garbled" in html
    assert "Every document was read whole." in shown(
        [replace(first, health=replace(health, garbled=1)), *others]
    )


def test_documents_that_are_cited_often_and_old_come_first(page: Page) -> None:
    desk = page.around.desk
    old, young, uncited = (
        replace(row, indexed_at=moment)
        for row, moment in zip(desk.store.documents(), (1000.0, 9000.0, 0.0), strict=True)
    )
    for doc_ids in ((old.doc_id,), (old.doc_id, young.doc_id), (young.doc_id, young.doc_id)):
        message = desk.chats.add_exchange(desk.chats.create("Q").chat_id, "Q")
        places = tuple((at, _place(doc_id)) for at, doc_id in enumerate(doc_ids, start=1))
        desk.chats.finish(message.message_id, StoredAnswer(status="answered", citations=places))
    assert desk.quality.cited() == {old.doc_id: 2, young.doc_id: 2}
    html = shown([young, uncited, old], cited=desk.quality.cited())
    assert html.index(old.doc_id) < html.index(young.doc_id)
    assert uncited.doc_id not in html
    desk.chats.delete_all()
    assert desk.quality.cited() == {}


def test_the_table_of_documents_says_how_many_answers_cite_each(page: Page) -> None:
    desk = page.around.desk
    often, never, *_ = desk.store.documents()

    def cite(doc_id: str) -> None:
        message = desk.chats.add_exchange(desk.chats.create("Q").chat_id, "Q")
        answer = StoredAnswer(status="answered", citations=((1, _place(doc_id)),))
        desk.chats.finish(message.message_id, answer)

    for _ in range(3):
        cite(often.doc_id)
    table = page.around.html(View())["table"]
    counts = {
        line.attributes["data-doc"]: cell.text()
        for line in LexborHTMLParser(table).css("tr[data-doc]")
        if (cell := line.css_first('td[data-th="Cited"]')) is not None
    }
    assert (counts[often.doc_id], counts[never.doc_id]) == ("3", "–")
    # Hundreds of rows do not go to every tab with every answer.
    cite(never.doc_id)
    assert page.around.html(View())["table"] == table


def test_what_no_page_sends_does_nothing(page: Page) -> None:
    waiting: Future[Assistant] = page.around.desk.assistant
    for data in ({}, {"act": "ask-case", "case": "x"}, {"act": "compare", "typed": "{"}, {"act": "retry"}):
        act(page, View(), **data)
    assert page.around.desk.chats.chats() == []
    assert not waiting.done()


def shown(rows: list[DocumentRow], cited: Mapping[str, int] | None = None) -> str:
    idle = Measurement(running=False)
    return quality_html([], [], [], idle, Compared(), DocumentList(rows), cited or {}, now=10_000.0)


def _place(doc_id: str) -> SpanRef:
    return SpanRef(
        doc_id=doc_id, version_id=1, start=0, end=1, sha256="", name="a.txt", collection="Documents"
    )


def test_measures_of_two_runs_have_names_that_say_what_they_are() -> None:
    assert measure_words("right") == "Reacted rightly"
    assert measure_words("refused[answerable]") == "Refused, although answerable"
    assert measure_words("refused[not_in_documents]") == "Refused, as it should be (not in documents)"
    assert measure_words("auroc[unanswerable]") == "Tells them from the answerable, AUROC (unanswerable)"
    assert measure_words("a measure of later") == "a measure of later"
