"""Golden questions over the samples: the right sentence from the right page, or a refusal.

The samples are small; what these tests hold is the first impression, not a figure to report.
``footnote eval`` measures on evaluation sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from index.embeddings import Embedder
from index.ingest import ingest_uploads
from index.parsing import Parser
from index.store import Store
from rag.answers import Turn
from rag.ask import Assistant
from rag.build import build_assistant
from rag.settings import load_settings
from seeds import sample_paths

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, minilm: Embedder) -> Iterator[Assistant]:
    data = tmp_path_factory.mktemp("samples")
    with Store.open(data) as store, Parser() as parser:
        report = ingest_uploads(
            store, minilm, parser, [(path, path.name) for path in sample_paths()], collection="Samples"
        )
        assert report.count("added") == len(sample_paths())
        built = build_assistant(load_settings({"data": data}), store, minilm)
        yield built
        built.close()


@pytest.mark.parametrize(
    ("question", "words", "files"),
    [
        (
            "What does the United States propose instead of a ground invasion of Rafah?",
            "joint security initiative",
            {"border-plan.pdf", "border-plan-briefing.docx"},
        ),
        ("Why is Egypt part of the plan?", "Egypt", {"border-plan.pdf", "border-plan-briefing.docx"}),
        (
            "Who agreed to send a delegation to Washington?",
            "Netanyahu",
            {"border-plan.pdf", "border-plan-briefing.docx"},
        ),
        (
            "What is the initiative meant to stop?",
            "smuggled",
            {"border-plan.pdf", "border-plan-briefing.docx"},
        ),
        (
            "What happens when I delete a document?",
            "removes the document",
            {"adding-and-reindexing.html", "questions-people-ask.txt"},
        ),
        ("Which file formats can I add?", "PDF", {"adding-and-reindexing.html", "questions-people-ask.txt"}),
        ("What does a numbered mark open?", "evidence pane", {"asking-and-reading-citations.md"}),
    ],
)
def test_a_question_is_answered_by_the_right_words(
    assistant: Assistant, question: str, words: str, files: set[str]
) -> None:
    answer = assistant.ask(question)
    assert answer.status == "answered"
    assert words.casefold() in answer.text.casefold()
    assert {citation.name for citation in answer.citations} & files


@pytest.mark.parametrize(
    "question",
    [
        "How many people live in Rafah?",
        pytest.param(
            "What will the plan cost?",
            marks=pytest.mark.xfail(strict=True, reason="looks answerable: a plan stands there"),
        ),
        pytest.param(
            "Who are the members of the delegation?",
            marks=pytest.mark.xfail(strict=True, reason="looks answerable: a delegation stands there"),
        ),
        "What is the capital of Mongolia?",
        "How do I bake sourdough bread?",
        "What is the boiling point of tungsten?",
    ],
)
def test_what_the_samples_do_not_say_is_refused(assistant: Assistant, question: str) -> None:
    answer = assistant.ask(question)
    assert answer.status == "abstained"
    assert answer.citations == ()
    assert answer.passages


def test_every_quote_is_verbatim_in_its_document(assistant: Assistant) -> None:
    for question in (
        "What does Washington offer Israel?",
        "How do I add a folder?",
        "Does Footnote work offline?",
    ):
        answer = assistant.ask(question)
        assert answer.citations
        for citation, passage in ((c, p) for c in answer.citations for p in answer.passages):
            if passage.version_id == citation.version_id and passage.start <= citation.start < passage.end:
                start = citation.start - passage.start
                assert passage.text[start : start + len(citation.quote)] == citation.quote


def test_a_follow_up_is_understood(assistant: Assistant) -> None:
    first = assistant.ask("Who agreed to send a delegation to Washington?")
    history = [Turn(role="user", text=first.question), Turn(role="assistant", text=first.text)]
    answer = assistant.ask("And why does Egypt take part in it?", history)
    assert answer.status == "answered"
    assert "Egypt" in answer.text


def test_the_page_of_a_citation_is_the_page_of_its_words(assistant: Assistant) -> None:
    answer = assistant.ask("What does the United States propose instead of a ground invasion of Rafah?")
    cited = next(citation for citation in answer.citations if citation.name == "border-plan.pdf")
    assert cited.page == 2


def test_paths_are_names_of_samples(assistant: Assistant) -> None:
    names = {path.name for path in sample_paths()}
    found = {Path(passage.path).name for passage in assistant.search("border", k=10)}
    assert found <= names
