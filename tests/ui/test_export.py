"""A conversation as a file: what the page shows now, with footnotes, and inert whatever a document holds."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from selectolax.lexbor import LexborHTMLParser

from index.store import Store
from rag.answers import AnswerSentence
from tests.ui.payloads import HOSTILE
from tests.ui.test_chats import QUOTE, chats, quoted_answer, store
from ui.chats import Chats
from ui.export import EXPORTS, Exported, export_chat
from ui.references import References
from ui.stored import stored

__all__ = ["chats", "store"]  # fixtures


def conversation(chats: Chats, store: Store, *questions: str) -> str:
    chat_id = chats.create(questions[0]).chat_id
    for question in questions:
        answer = quoted_answer(store)
        unsupported = AnswerSentence(text=f"About {question}", verdict="unsupported")
        answer = replace(answer, query=question, sentences=(*answer.sentences, unsupported))
        chats.finish(chats.add_exchange(chat_id, question).message_id, stored(answer))
    return chat_id


def exported(chats: Chats, store: Store, chat_id: str, form: str) -> Exported:
    result = export_chat(chats, References(store), chat_id, form)
    assert result is not None
    return result


def test_markdown_numbers_footnotes_through_the_conversation(store: Store, chats: Chats) -> None:
    chat_id = conversation(chats, store, "When", "And then")
    shown = exported(chats, store, chat_id, "md")
    assert shown.name == "When.md"
    blocks = shown.text.split("\n\n")
    plain = [block.replace("\\", "") for block in blocks]
    assert plain[0] == "# When"
    assert plain[2:4] == ["## When", f"{QUOTE}[^1] About When (no source)"]
    assert plain[4:6] == ["## And then", f"{QUOTE}[^2] About And then (no source)"]
    assert plain[6] == f"[^1]: lease.txt (Contracts) “{QUOTE}”"
    assert plain[7].strip() == f"[^2]: lease.txt (Contracts) “{QUOTE}”"


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("The rent: 3.50 (net) - or more?", "The rent: 3.50 (net) - or more?"),
        ("1943. A year", r"1943\. A year"),
        ("- a dash", r"\- a dash"),
        ("a_b *c* www.x.org http://y (https://z)", r"a\_b \*c\* www\.x.org http\://y \(https\://z)"),
    ],
)
def test_markdown_escapes_what_has_a_meaning_and_no_more(
    store: Store, chats: Chats, title: str, written: str
) -> None:
    blocks = exported(chats, store, conversation(chats, store, title), "md").text.split("\n\n")
    assert blocks[0] == f"# {written}"
    assert re.fullmatch(r"Exported from Footnote, \d{4}-\d\d-\d\d \d\d:\d\d", blocks[1])


def test_html_links_each_mark_to_its_footnote(store: Store, chats: Chats) -> None:
    page = LexborHTMLParser(exported(chats, store, conversation(chats, store, "When", "Then"), "html").text)
    marks = [node.attributes["href"] for node in page.css("sup a")]
    assert marks == ["#note-1", "#note-2"]
    assert [node.text() for node in page.css("#note-2 q")] == [QUOTE]
    assert [node.text() for node in page.css(".none")] == ["About When", "About Then"]


def test_json_holds_every_field(store: Store, chats: Chats) -> None:
    data = json.loads(exported(chats, store, conversation(chats, store, "When"), "json").text)
    (exchange,) = data["exchanges"]
    assert exchange["question"] == "When"
    assert exchange["answered_by"] == "built-in"
    assert exchange["sentences"][0] == {"text": QUOTE, "footnotes": [1], "verdict": "quoted"}
    assert exchange["footnotes"] == [
        {
            "number": 1,
            "document": "lease.txt",
            "collection": "Contracts",
            "place": "",
            "state": "current",
            "quote": QUOTE,
        }
    ]


@pytest.mark.parametrize("form", EXPORTS)
def test_the_words_of_a_removed_document_are_not_in_it(form: str, store: Store, chats: Chats) -> None:
    chat_id = conversation(chats, store, "When")
    store.remove([row.doc_id for row in store.documents()])
    store.refresh()
    text = exported(chats, store, chat_id, form).text
    assert "zebrafish" not in text
    assert "source removed" in text.replace("\\", "")


def test_an_answer_that_is_not_finished_says_so(store: Store, chats: Chats) -> None:
    chat_id = chats.create("When").chat_id
    chats.add_exchange(chat_id, "When")
    assert "This answer is not finished" in exported(chats, store, chat_id, "md").text


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_stays_text_in_every_format(payload: str, store: Store, chats: Chats) -> None:
    def tags(text: str) -> list[str]:
        return [str(node.tag) for node in LexborHTMLParser(text).css("*")]

    asked = payload.encode("utf-8", "replace").decode()  # as the page takes a question
    chat_id, plain = conversation(chats, store, asked), conversation(chats, store, "plain")
    page = exported(chats, store, chat_id, "html").text
    assert tags(page) == tags(exported(chats, store, plain, "html").text)
    markdown = exported(chats, store, chat_id, "md").text
    assert not re.search(r"(?<!\\)[<>`!]|(?<![\\\]])\((?=http)|(?<!\\)\[(?!\^\d+\])", markdown)
    assert json.loads(exported(chats, store, chat_id, "json").text)["exchanges"]


def test_there_is_no_other_format_and_no_other_conversation(store: Store, chats: Chats) -> None:
    chat_id = conversation(chats, store, "When")
    assert export_chat(chats, References(store), chat_id, "exe") is None
    assert export_chat(chats, References(store), "ff", "md") is None
