"""The files of the running job above the table of documents: their stage, and how many more wait."""

from __future__ import annotations

from dataclasses import replace

from selectolax.lexbor import LexborHTMLParser

from index.report import FileAtHand, Progress
from tests.ui.test_render import NOW, job, row
from ui.document_list import DocumentList
from ui.job_files import job_files_html

FILES = (
    FileAtHand(
        path="/d/manuals/pump.pdf",
        collection="Manuals",
        stage="embedding",
        passages_done=120,
        passages_total=340,
    ),
    FileAtHand(path="/d/manuals/old.pdf", collection="Manuals", stage="reading"),
    FileAtHand(path="/d/manuals/new.pdf", collection="Manuals", stage="queued"),
)
PROGRESS = Progress(
    stage="embedding",
    files_done=7,
    files_total=4_210,
    passages_done=120,
    passages_total=340,
    current="pump.pdf",
    seconds=3.0,
    files=FILES,
)


def cells(html: str, css: str) -> list[str]:
    return [" ".join(node.text().split()) for node in LexborHTMLParser(html).css(css)]


def test_each_file_has_its_stage_and_the_rest_is_a_number() -> None:
    shown = job_files_html(job(progress=PROGRESS), DocumentList([]), NOW)
    assert cells(shown, "tbody td[data-th=State]") == ["Embedding 120 of 340", "Reading", "Queued"]
    assert cells(shown, "tbody .fn-doc > bdi") == ["pump.pdf", "old.pdf", "new.pdf"]
    assert cells(shown, "tbody .fn-doc small") == ["/d/manuals"] * 3
    assert cells(shown, ".fn-quiet-line") == ["4,200 more files queued."]
    last = replace(PROGRESS, files_total=10)
    assert cells(job_files_html(job(progress=last), DocumentList([]), NOW), ".fn-quiet-line") == []


def test_a_document_that_is_read_again_answers_as_it_was_until_then() -> None:
    ready = row(path="/d/manuals/old.pdf", collection="Manuals", version_id=3, indexed_at=NOW)
    elsewhere = row(path="/d/manuals/new.pdf", collection="Other", version_id=4, indexed_at=NOW)
    shown = job_files_html(job(progress=PROGRESS), DocumentList([ready, elsewhere]), NOW)
    facts = cells(shown, "tbody .fn-doc small")
    assert facts[1].startswith("/d/manuals · answers as it was today ")
    assert facts[2] == "/d/manuals"
    disabled = replace(ready, state="disabled")
    shown = job_files_html(job(progress=PROGRESS), DocumentList([disabled]), NOW)
    assert cells(shown, "small")[1] == "/d/manuals"


def test_nothing_is_said_to_be_read_while_the_job_is_paused_or_over() -> None:
    paused = job_files_html(job(state="paused", progress=PROGRESS), DocumentList([]), NOW)
    assert cells(paused, "tbody td[data-th=State]") == [
        "Embedding 120 of 340, paused",
        "Reading, paused",
        "Queued",
    ]
    assert job_files_html(None, DocumentList([]), NOW) == ""
    assert job_files_html(job(progress=None), DocumentList([]), NOW) == ""
    assert job_files_html(job(progress=replace(PROGRESS, files=())), DocumentList([]), NOW) == ""
