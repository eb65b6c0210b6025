"""Document text stays text, whatever it is; highlights stand where their offsets say."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser

from index.jobs import Job
from index.report import FileAtHand, FileOutcome, Progress
from index.rows import DocumentRow, StoreStatus
from tests.ui.payloads import HOSTILE
from ui.chats import Chat
from ui.conversation import question_markdown
from ui.document_list import DocumentList
from ui.documents_table import table_html
from ui.documents_view import state_html
from ui.job_files import job_files_html
from ui.render import Highlight, ago, clock, escape, escape_line, file_size, highlight
from ui.selection import Selection, Sources
from ui.sidebar import sidebar_html, top_html, welcome_html
from ui.sources import Looking, scope_html, sources_html

ANY_TEXT = st.text(st.characters(codec=None), max_size=200)
NOW = time.mktime((2026, 3, 4, 15, 30, 0, 0, 0, -1))


def visible(text: str) -> str:
    """What ``escape`` lets a reader see of a text."""
    return re.sub(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]", "\ufffd", text
    )


def tags(markup: str) -> list[str]:
    tree = LexborHTMLParser(f"<body>{markup}</body>")
    assert tree.body is not None
    return [str(node.tag) for node in tree.body.traverse(include_text=False)][1:]


@given(ANY_TEXT)
def test_escaped_text_reads_the_same_and_holds_nothing_with_a_meaning(text: str) -> None:
    escaped = escape(text)
    assert html.unescape(escaped) == visible(text)
    assert re.fullmatch(r"(?:[^\x21-\x7e]|[0-9A-Za-z,]|&#\d+;)*", escaped)
    escaped.encode("utf-8")


@given(ANY_TEXT)
def test_escaped_text_is_one_plain_paragraph_of_markdown(text: str) -> None:
    rendered = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render("x" + escape_line(text))
    assert set(tags(rendered)) <= {"p"}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_requirement_23_hostile_text_adds_no_element_as_html(payload: str) -> None:
    assert tags(f'<p title="{escape(payload)}">{escape(payload)}</p>') == ["p"]


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_question_adds_only_line_breaks(payload: str) -> None:
    rendered = MarkdownIt("gfm-like", {"html": True, "linkify": False, "breaks": True}).render(
        question_markdown(payload)
    )
    assert set(tags(rendered)) <= {"p", "br"}


SPANS = st.lists(st.tuples(st.integers(-5, 220), st.integers(-5, 220)), max_size=4)


@given(ANY_TEXT, SPANS)
def test_highlighting_changes_no_character(text: str, spans: list[tuple[int, int]]) -> None:
    marks = [Highlight(start=start, end=end, tag="mark", css="fn-mark") for start, end in spans]
    shown = highlight(text, marks)
    assert re.sub(r'<mark class="fn-mark">|</mark>', "", shown) == escape(text)
    assert shown.count("<mark") == shown.count("</mark>")


def test_a_highlight_wraps_exactly_its_span_inside_the_passage() -> None:
    marks = [
        Highlight(start=0, end=9, tag="span", css="passage"),
        Highlight(start=2, end=5, tag="mark", css="quote"),
    ]
    assert highlight("<b> a word", marks) == (
        '<span class="passage">&#60;b<mark class="quote">&#62; a</mark> wor</span>d'
    )
    # What reaches over the end of another is opened again behind it.
    marks = [replace(marks[1], start=6, end=10), marks[0]]
    assert highlight("<b> a word", marks) == (
        '<span class="passage">&#60;b&#62; a <mark class="quote">wor</mark></span>'
        '<mark class="quote">d</mark>'
    )


def row(**changes: object) -> DocumentRow:
    values: dict[str, object] = {
        "doc_id": "ab12",
        "collection": "Contracts",
        "path": "/home/me/north/lease.docx",
        "origin": "folder",
        "state": "ready",
        "problem": "",
        "reason": "",
        "hint": "",
        "version_id": 1,
        "content_hash": "00",
        "size": 100,
        "pages": 14,
        "passages": 62,
        "title": "",
        "media_type": "text/plain",
        "indexed_at": NOW - 7200,
    }
    return DocumentRow(**{**values, **changes})  # type: ignore[arg-type]


def status(**changes: object) -> StoreStatus:
    values: dict[str, object] = {
        "data": "/data",
        "generation": 3,
        "documents": 219,
        "ready": 217,
        "partial": 1,
        "failed": 0,
        "disabled": 0,
        "ignored": 0,
        "passages": 4120,
        "languages": {"en": 219},
        "fingerprint": "f",
        "model_name": "all-MiniLM-L6-v2",
        "size_bytes": 38_000_000,
        "base_vectors": 4120,
        "delta_vectors": 0,
        "removed_vectors": 0,
        "last_indexed_at": NOW - 120,
    }
    return StoreStatus(**{**values, **changes})  # type: ignore[arg-type]


def job(**changes: object) -> Job:
    values: dict[str, object] = {
        "job_id": 7,
        "kind": "paths",
        "label": "Manuals",
        "state": "running",
        "progress": None,
        "started_at": NOW - 60,
        "finished_at": None,
        "message": "",
        "hint": "",
        "outcomes": (),
        "cancel_requested": False,
    }
    return Job(**{**values, **changes})  # type: ignore[arg-type]


def text_of(markup: str) -> str:
    tree = LexborHTMLParser(f"<body>{markup}</body>")
    assert tree.body is not None
    return " ".join(tree.body.text(separator=" ").split())


def test_the_summary_counts_documents_and_passages() -> None:
    shown = text_of(state_html(DocumentList([]), status(), None, None, now=NOW))
    assert shown == (
        "219 documents 4,120 passages 38 MB index all-MiniLM-L6-v2, this computer Last indexed today 15:28"
    )


def test_what_was_removed_a_moment_ago_can_be_brought_back() -> None:
    shown = state_html(DocumentList([]), status(), None, None, removed=3, now=NOW)
    assert "3 documents removed. Undo" in text_of(shown)
    assert 'data-act="undo"' in shown
    assert "Undo" not in state_html(DocumentList([]), status(), None, None, now=NOW)


def test_the_progress_card_says_how_far_the_job_is_and_can_cancel_it() -> None:
    progress = Progress(
        stage="embedding",
        files_done=25,
        files_total=100,
        passages_done=500,
        passages_total=2000,
        current="pump.pdf",
        seconds=10.0,
        passages_per_second=50.0,
        seconds_left=30.0,
    )
    running = job(progress=progress)
    shown = state_html(DocumentList([]), status(), running, None, now=NOW)
    assert "25 of 100 files 50 passages/s about 30 s left pump.pdf Pause Cancel, keep" in text_of(shown)
    assert 'data-act="pause" data-job="7"' in shown
    assert 'data-act="cancel" data-job="7"' in shown
    asked = text_of(
        state_html(DocumentList([]), status(), replace(running, pause_requested=True), None, now=NOW)
    )
    assert "pump.pdf Pausing Cancel, keep what is done" in asked


def test_a_paused_job_says_so_and_can_go_on() -> None:
    progress = Progress(
        stage="paused",
        files_done=25,
        files_total=100,
        passages_done=500,
        passages_total=2000,
        current="",
        seconds=10.0,
        seconds_left=30.0,
    )
    paused = job(state="paused", progress=progress, pause_requested=True)
    shown = state_html(DocumentList([]), status(), paused, None, now=NOW)
    assert "Indexing is paused: Manuals 25 of 100 files paused Resume Cancel, keep what" in text_of(shown)
    assert 'data-act="resume" data-job="7"' in shown
    assert "Paused at 25 of 100" in text_of(sidebar_html([], "", status(), paused, "", "", now=NOW))


def test_a_job_that_broke_off_can_be_resumed() -> None:
    ended = job(state="failed", message="It ended.", hint="Resume it.", finished_at=NOW)
    assert 'data-act="resume"' not in state_html(DocumentList([]), status(), None, ended, now=NOW)
    shown = state_html(DocumentList([]), status(), None, replace(ended, resumable=True), now=NOW)
    assert 'data-act="resume" data-job="7"' in shown


def test_a_failed_row_says_why_and_what_to_do() -> None:
    failed = row(
        state="failed", reason="It needs a password.", hint="Remove it, then retry.", version_id=None
    )
    shown = text_of(table_html([failed], now=NOW))
    assert "It needs a password. Remove it, then retry." in shown
    assert "Failed" in shown
    assert "Retry" in shown


def test_the_report_lists_failed_and_skipped_files_and_nothing_else() -> None:
    outcomes = (
        FileOutcome(path="/a/bad.pdf", outcome="failed", reason="Damaged.", hint="Save it anew."),
        FileOutcome(path="/a/pic.png", outcome="skipped", reason="No text format."),
        FileOutcome(path="/a/good.txt", outcome="added"),
    )
    ended = job(state="done", message="1 added, 1 failed.", outcomes=outcomes, finished_at=NOW)
    shown = text_of(state_html(DocumentList([]), status(), None, ended, now=NOW))
    assert "bad.pdf failed: Damaged. Save it anew." in shown
    assert "pic.png skipped: No text format." in shown
    assert "good.txt" not in shown


def test_the_filter_looks_at_name_collection_and_state() -> None:
    pump = row(doc_id="cd34", path="/x/pump.pdf", collection="Manuals", state="failed", version_id=2)
    rows = [row(), pump]
    shown = text_of(table_html(rows, wanted="failed MANUALS", now=NOW))
    assert "pump.pdf" in shown
    assert "lease.docx" not in shown
    assert "Clear filter" in text_of(table_html(rows, wanted="nothing like it", now=NOW))


def test_a_document_says_which_others_have_the_same_content() -> None:
    first, second, third = (
        row(doc_id=doc_id, path=path, version_id=7)
        for doc_id, path in (("a1", "/x/a.md"), ("a2", "/x/b.md"), ("a3", "/y/a.md"))
    )
    other = row(doc_id="a4", path="/x/d.md", version_id=8)
    table = LexborHTMLParser(table_html([first, second, third, other], now=NOW))
    said = {line.attributes["data-doc"]: line.text() for line in table.css("tr[data-doc]")}
    assert "same content as b.md and 1 other file" in said["a1"]
    assert "same content as a.md and 1 other file" in said["a2"]
    assert "same content" not in said["a4"]
    # Two files of one name, and one file in two collections, are told apart.
    assert "same content as /y/a.md" in text_of(table_html([first, third], now=NOW))
    again = replace(first, doc_id="a5", collection="Manuals")
    assert "same content as a.md in Manuals" in text_of(table_html([first, again], now=NOW))
    # Files that were not read have nothing in common; the filter finds copies by these words.
    unread = [row(doc_id=doc_id, version_id=None) for doc_id in ("a1", "a2")]
    assert "same content" not in text_of(table_html(unread, now=NOW))
    assert "d.md" not in text_of(table_html([first, second, other], wanted="same content", now=NOW))


def test_an_empty_index_offers_to_bring_back_the_samples() -> None:
    assert "Bring back the samples" in text_of(table_html([], now=NOW))


def parts_with(payload: str) -> dict[str, str]:
    """Every part of the page that shows text from outside, with the payload in each place."""
    documents = [row(path=payload, collection=payload, reason=payload, hint=payload, state="partial")]
    running = job(
        label=payload,
        progress=Progress(
            stage="reading",
            files_done=1,
            files_total=2,
            passages_done=0,
            passages_total=0,
            current=payload,
            seconds=1,
            files=(FileAtHand(path=payload, collection=payload, stage="reading"),),
        ),
    )
    failed = FileOutcome(path=payload, outcome="failed", reason=payload, hint=payload)
    ended = job(state="failed", label=payload, message=payload, hint=payload, outcomes=(failed,))
    chat = Chat(chat_id="ab", title=payload, created_at=NOW, updated_at=NOW)
    model = status(model_name=payload)
    return {
        "state": state_html(DocumentList(documents), model, running, None, notice=payload, now=NOW),
        "report": state_html(DocumentList(documents), model, None, ended, now=NOW),
        "table": table_html(documents, now=NOW),
        "files of the job": job_files_html(running, DocumentList(documents), NOW),
        "sidebar": sidebar_html([chat], "ab", model, running, payload, payload, now=NOW),
        "sources": sources_html(
            Sources(
                [row(doc_id=at, collection=payload, path=f"/{at}/{payload}", version_id=1) for at in "ab"]
            ),
            Selection(documents=frozenset("a")),
            Looking(wanted=payload),
        ),
        "nothing found": sidebar_html([], "", model, None, "", "", now=NOW, wanted=payload, deleted=payload),
        "scope": scope_html([payload, "B"]),
        "top": top_html(payload, "ab", "cd"),
        "welcome": welcome_html([payload], documents=1, samples=True, indexing=False),
    }


PLAIN = {name: tags(markup) for name, markup in parts_with("plain").items()}


def test_every_bar_of_progress_has_a_name() -> None:
    bars = [
        bar
        for markup in parts_with("plain").values()
        for bar in LexborHTMLParser(markup).css("[role=progressbar]")
    ]
    assert bars
    assert all(bar.attributes.get("aria-label") for bar in bars)


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_requirement_23_hostile_text_adds_no_element_to_any_part_of_the_page(payload: str) -> None:
    assert {name: tags(markup) for name, markup in parts_with(payload).items()} == PLAIN


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (lambda: clock(NOW - 60, NOW), "today 15:29"),
        (lambda: clock(NOW - 86_400, NOW), f"3 {time.strftime('%b', time.localtime(NOW))} 15:30"),
        (lambda: ago(NOW - 5, NOW), "just now"),
        (lambda: ago(NOW - 120, NOW), "2 min ago"),
        (lambda: file_size(38_200_000), "38 MB"),
        (lambda: file_size(512), "512 bytes"),
        (lambda: file_size(1_500), "1.5 kB"),
    ],
)
def test_numbers_are_written_for_people(shown: Callable[[], str], expected: str) -> None:
    assert shown() == expected
