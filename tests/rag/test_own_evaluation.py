"""A person's own questions over their own index: what is found, cited, refused, and named as missing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from index.documents import ParsedDocument
from index.errors import SourceError, StorageError
from index.store import Store
from rag.answers import digest
from rag.ask import Assistant
from rag.examination import Examined, Options, timing
from rag.feedback import Feedback, FeedbackFile, Place
from rag.own_evaluation import documents_named, own_summary_lines, run_own_questions
from rag.scoring import Question
from rag.settings import Settings
from tests.rag.corpus import CORPUS, NORMANS, indexed

PAGES = "Nothing is on this page.\n\nThe battery is covered for 12 months only.\n"
TEXTS: dict[str, str | ParsedDocument] = {
    "/home/me/france.txt": CORPUS["france.txt"],
    "/home/me/old/normans.txt": NORMANS,
    "/home/me/phone.pdf": ParsedDocument(text=PAGES, page_starts=(0, PAGES.index("The"))),
}
QUESTIONS = (
    "question,answer,document,page,answerable\n"
    "What is the capital of France?,Paris,france.txt,,\n"
    "How long is the battery covered?,12 months,phone.pdf,2,yes\n"
    "How long is the battery covered for?,12 months,phone.pdf,1,yes\n"
    "Who was the leader of the Norse raiders?,Charles,old/normans.txt,,\n"
    "Which asteroid did Galileo weigh?,,,,no\n"
    "What is the river of France?,Seine,rivers.txt,,\n"
)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Store, Assistant]]:
    with indexed(tmp_path / "data", TEXTS) as parts:
        yield parts


def run(
    opened: tuple[Store, Assistant], tmp_path: Path, text: str, options: Options | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The summary, and the lines of questions.jsonl."""
    file = tmp_path / "mine.csv"
    file.write_text(text, encoding="utf-8")
    return ask(opened, tmp_path, file, options)


def ask(
    opened: tuple[Store, Assistant], tmp_path: Path, file: Path, options: Options | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    store, assistant = opened
    out = tmp_path / "out"
    settings = Settings(data=tmp_path / "data")
    summary = run_own_questions(
        file, out, settings=settings, store=store, assistant=assistant, options=options
    )
    assert json.loads((out / "summary.json").read_text(encoding="utf-8")) == summary
    return summary, [json.loads(line) for line in (out / "questions.jsonl").read_text("utf-8").splitlines()]


def test_own_questions_are_measured_over_the_own_index(
    opened: tuple[Store, Assistant], tmp_path: Path
) -> None:
    summary, rows = run(opened, tmp_path, QUESTIONS)
    assert [row["why"] for row in rows] == [
        "ok",
        "ok",
        "wrong_sentence",  # it stands on the other page
        "wrong_sentence",
        "ok",
        "not_found",
    ]
    assert [row["rank"] for row in rows[:3]] == [1, 1, 1]
    assert rows[0]["cited"] == ["/home/me/france.txt"]
    scores = {name: (score["good"], score["of"]) for name, score in summary["scores"].items()}
    assert scores["found in the top 5"] == (4, 5)
    assert scores["right document cited"] == (4, 5)
    assert scores["right page cited"] == (1, 2)
    assert scores["answer contains the right words"] == (4, 5)
    assert scores["refused, although answerable"] == (0, 5)
    assert scores["refused, as it should be"] == (1, 1)
    assert scores["all right"] == (3, 6)
    assert [each["id"] for each in summary["wrong"]] == ["line-4", "line-5", "line-7"]


def test_results_that_cannot_be_written_are_told_with_the_place(
    opened: tuple[Store, Assistant], tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file, and no folder", encoding="utf-8")
    with pytest.raises(StorageError) as caught:
        run(opened, tmp_path, QUESTIONS)
    assert str(tmp_path / "out") in str(caught.value)
    assert "try again" in caught.value.hint
    (tmp_path / "out").unlink()
    (tmp_path / "out" / "run.trec").mkdir(parents=True)
    with pytest.raises(StorageError):
        run(opened, tmp_path, QUESTIONS)


def test_a_document_that_is_not_in_the_index_is_named(
    opened: tuple[Store, Assistant], tmp_path: Path
) -> None:
    summary, _ = run(opened, tmp_path, QUESTIONS)
    assert summary["not_indexed"] == [{"document": "rivers.txt", "questions": ["line-7"]}]
    lines = list(own_summary_lines(summary))
    assert "  rivers.txt  (line-7)" in lines
    assert "  line-5  wrong_sentence  Who was the leader of the Norse raiders?" in lines
    assert any(line.split() == ["right", "page", "cited", "50.0%", "(1", "of", "2)"] for line in lines)


def test_a_page_of_a_document_without_pages_is_not_held_against_the_answer(
    opened: tuple[Store, Assistant], tmp_path: Path
) -> None:
    summary, rows = run(
        opened, tmp_path, "question,document,page\nWhat is the capital of France?,france.txt,1\n"
    )
    assert rows[0]["why"] == "ok"
    assert "page_cited" not in rows[0]["measures"]
    assert "  /home/me/france.txt" in own_summary_lines(summary)


def test_an_answer_alone_is_looked_for_in_the_passages(
    opened: tuple[Store, Assistant], tmp_path: Path
) -> None:
    _, rows = run(opened, tmp_path, "question,answer\nCapital of France?,Paris\nCapital of France?,Bern\n")
    assert [row["measures"]["found@5"] for row in rows] == [1.0, 0.0]
    assert [row["why"] for row in rows] == ["ok", "wrong_sentence"]


def test_only_the_first_questions_and_only_the_search(
    opened: tuple[Store, Assistant], tmp_path: Path
) -> None:
    summary, rows = run(opened, tmp_path, QUESTIONS, Options(limit=2, retrieval_only=True))
    assert [row["id"] for row in rows] == ["line-2", "line-3"]
    assert summary["answers"] is None
    assert summary["scores"]["found in the top 5"]["good"] == 2
    assert not (tmp_path / "out" / "answers.jsonl").exists()


def test_a_bad_line_leaves_the_results_of_an_earlier_run_alone(
    opened: tuple[Store, Assistant], tmp_path: Path
) -> None:
    run(opened, tmp_path, QUESTIONS)
    before = (tmp_path / "out" / "questions.jsonl").read_bytes()
    with pytest.raises(SourceError, match="line 2"):
        run(opened, tmp_path, "question,page\nQ,x\n")
    assert (tmp_path / "out" / "questions.jsonl").read_bytes() == before


def test_a_document_is_known_by_name_by_the_end_of_its_path_or_by_its_path(
    opened: tuple[Store, Assistant],
) -> None:
    rows = opened[0].documents()

    def named(name: str) -> list[str]:
        return [row.path for row in documents_named(name, rows)]

    normans = ["/home/me/old/normans.txt"]
    assert named("normans.txt") == named("old/normans.txt") == named("/home/me/old/normans.txt") == normans
    assert named("old\\Normans.TXT") == normans
    assert named("mans.txt") == named("/elsewhere/normans.txt") == []


def test_two_documents_of_one_name_are_both_meant(tmp_path: Path) -> None:
    with indexed(tmp_path / "data", {"/a/notes.txt": "Paris.", "/b/notes.txt": "Lyon."}) as (store, _):
        rows = store.documents()
    assert {row.path for row in documents_named("notes.txt", rows)} == {"/a/notes.txt", "/b/notes.txt"}
    assert [row.path for row in documents_named("/b/notes.txt", rows)] == ["/b/notes.txt"]


# -- feedback from the page


def place(document: str, quote: str) -> Place:
    text = TEXTS[document]
    start = (text if isinstance(text, str) else text.text).index(quote)
    return Place(document=document, start=start, end=start + len(quote), sha256=digest(quote))


def test_feedback_is_asked_again_and_judged_by_what_it_said(
    opened: tuple[Store, Assistant], tmp_path: Path
) -> None:
    paris = place("/home/me/france.txt", "Paris is the capital of France.")
    lyon = place("/home/me/france.txt", "Lyon is a large city too.")
    capital = Feedback(question="What is the capital of France?", verdict="helpful", cited=(paris,))
    file = FeedbackFile(tmp_path / "data")
    file.add(capital)
    file.add(replace(capital, verdict="wrong_citation", cited=(lyon,)))
    file.add(replace(capital, question="The capital of France?", verdict="wrong_citation", cited=(paris,)))
    file.add(replace(capital, verdict="not_in_documents"))
    file.add(Feedback(question="Which asteroid did Galileo weigh?", verdict="not_in_documents"))
    summary, rows = ask(opened, tmp_path, file.path)
    assert [row["why"] for row in rows] == ["ok", "ok", "wrong_sentence", "wrongly_answered", "ok"]
    scores = {name: (score["good"], score["of"]) for name, score in summary["scores"].items()}
    assert scores["feedback: helpful"] == (1, 1)
    assert scores["feedback: wrong citation"] == (1, 2)
    assert scores["feedback: not in documents"] == (1, 2)


def test_the_page_that_a_helpful_answer_cited_has_to_be_cited_again(
    opened: tuple[Store, Assistant], tmp_path: Path
) -> None:
    cited = place("/home/me/phone.pdf", "12 months")
    file = FeedbackFile(tmp_path / "data")
    for question, page in (
        ("How long is the battery covered?", 2),
        ("How long is the battery covered for?", 1),
    ):
        file.add(Feedback(question=question, verdict="helpful", cited=(replace(cited, page=page),)))
    paris = place("/home/me/france.txt", "Paris is the capital of France.")
    file.add(Feedback(question="What is the capital of France?", verdict="helpful", cited=(paris,)))
    summary, rows = ask(opened, tmp_path, file.path)
    scores = {name: (score["good"], score["of"]) for name, score in summary["scores"].items()}
    assert scores["right document cited"] == (3, 3)
    assert scores["right page cited"] == (1, 2)  # a text has no pages
    assert [row["why"] for row in rows] == ["ok", "ok", "ok"]  # what is helpful is for the person to say
    assert summary["without_pages"] == []


def test_feedback_on_a_document_that_was_removed_names_it(
    opened: tuple[Store, Assistant], tmp_path: Path
) -> None:
    store, _ = opened
    quote = "Paris is the capital of France."
    file = FeedbackFile(tmp_path / "data")
    file.add(
        Feedback(
            question="What is the capital of France?",
            verdict="helpful",
            cited=(place("/home/me/france.txt", quote),),
        )
    )
    store.remove([row.doc_id for row in store.documents() if row.name == "france.txt"])
    assert "capital of France." not in file.path.read_text(encoding="utf-8")
    summary, rows = ask(opened, tmp_path, file.path)
    assert rows[0]["why"] == "not_found"
    assert summary["not_indexed"] == [{"document": "/home/me/france.txt", "questions": ["line-1"]}]


def test_a_question_that_leaned_on_others_is_asked_after_them(
    opened: tuple[Store, Assistant], tmp_path: Path
) -> None:
    file = FeedbackFile(tmp_path / "data")
    file.add(
        Feedback(
            question="Which river flows through it?",
            verdict="wrong_citation",
            earlier=("What is the capital of France?",),
        )
    )
    _, rows = ask(opened, tmp_path, file.path)
    assert "capital" in rows[0]["query"]


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        ((), {"median": None, "p95": None}),
        ((300.0, 500.0), {"median": 400.0, "p95": 500.0}),  # never below the median
        (range(1, 101), {"median": 50.5, "p95": 95}),
    ],
)
def test_times_are_summed_up_by_median_and_nearest_rank(
    milliseconds: Sequence[float], expected: dict[str, float | None]
) -> None:
    question = Question(question_id="1", text="Q")
    examined = [
        Examined(question=question, query="Q", ranking={}, top=(), milliseconds=each, outcome=None)
        for each in milliseconds
    ]
    assert timing(examined) == expected
