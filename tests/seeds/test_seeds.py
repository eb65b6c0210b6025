"""The documents that ship: they load, their spans are exact, and they hold no more than they should."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest

import seeds
from index.chunker import split
from index.documents import ParsedDocument
from index.embeddings import load_embedder
from index.loaders import load
from index.loaders.names import supported
from index.sentences import sentence_spans
from tests.seeds.build_seeds import BRIEFING, REPORT, build_briefing, build_report

PATHS = seeds.sample_paths()


def parsed(path: Path) -> ParsedDocument:
    return load(path.read_bytes(), path.name)


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_samples_are_these_files_in_this_order() -> None:
    assert [path.name for path in PATHS] == [
        "adding-and-reindexing.html",
        "asking-and-reading-citations.md",
        "border-plan-briefing.docx",
        "border-plan.pdf",
        "questions-people-ask.txt",
    ]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_sample_loads_without_a_warning_and_with_a_title(path: Path) -> None:
    document = parsed(path)
    assert supported(path.name)
    assert document.warnings == ()
    assert document.text.strip()
    assert document.title or path.suffix == ".txt"


@pytest.mark.model
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_chunks_are_exact_spans_that_cover_the_sample(path: Path) -> None:
    document = parsed(path)
    chunks = split(document, token_spans=load_embedder().token_spans)
    covered = set()
    for chunk in chunks:
        assert 0 <= chunk.start < chunk.end <= len(document.text)
        assert document.text[chunk.start : chunk.end].strip()
        assert chunk.page == document.page_at(chunk.start)
        covered |= set(range(chunk.start, chunk.end))
    missing = [i for i, character in enumerate(document.text) if not character.isspace() and i not in covered]
    assert missing == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_every_sentence_of_a_sample_is_a_verbatim_span(path: Path) -> None:
    document = parsed(path)
    spans = sentence_spans(document.text)
    assert spans == sorted(spans)
    for start, end in spans:
        quote = document.text[start:end]
        assert quote == quote.strip() != ""


def test_report_has_three_pages_a_title_and_its_headings() -> None:
    document = parsed(PATHS[3])
    assert document.title == "A Guarded Border Instead of an Invasion"
    assert len(document.page_starts) == 3
    first_words = [document.text[start:].split("\n", 1)[0].strip() for start in document.page_starts[1:]]
    assert first_words == ["2 The proposal", "3 Talks and outlook"]


def test_first_question_has_a_one_sentence_answer_on_page_2_of_the_report() -> None:
    document = parsed(PATHS[3])
    answer = (
        "Instead of a ground invasion of Rafah, the United States proposes "
        "a joint security initiative along the border between Gaza and Egypt."
    )
    pages = [
        document.page_at(start)
        for start, end in sentence_spans(document.text)
        if one_line(document.text[start:end]) == answer
    ]
    assert pages == [2]


@pytest.mark.parametrize("path", PATHS[2:4], ids=lambda path: path.name)
def test_what_the_report_does_not_know_is_in_no_sample(path: Path) -> None:
    text = one_line(parsed(path).text).casefold()
    # The number of people in Rafah, the date and members of the delegation, the cost, the answer of Hamas.
    assert re.findall(r"\d{2,}", text.replace("march 2024", "")) == []
    for word in (
        "million",
        "dollar",
        "population",
        "inhabitants",
        "minister of",
        "adviser",
        "rejected",
        "replied",
    ):
        assert word not in text


def test_binary_samples_are_what_the_build_script_writes() -> None:
    by_name = {path.name: path.read_bytes() for path in PATHS}
    assert load(build_report(), REPORT) == load(by_name[REPORT], REPORT)
    shipped, built = (zipfile.ZipFile(io.BytesIO(data)) for data in (by_name[BRIEFING], build_briefing()))
    assert {name: shipped.read(name) for name in shipped.namelist()} == {
        name: built.read(name) for name in built.namelist()
    }
