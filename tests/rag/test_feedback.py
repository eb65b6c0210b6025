"""Feedback as test questions: what is kept, how it is written, and when it counts as put right."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from index.errors import SourceError, StorageError
from rag.answers import digest
from rag.feedback import Feedback, FeedbackFile, Place, judge_feedback
from rag.scoring import Cited, Outcome, Question

TEXT = "The lease ends in March. The rent is due monthly."
QUOTE = "The lease ends in March."
PLACE = Place(document="/docs/lease.txt", start=0, end=len(QUOTE), sha256=digest(QUOTE), page=2)
WRONG = Feedback(question="When does it end?", verdict="wrong_citation", cited=(PLACE,), time=5.0)


# -- the file


def test_feedback_is_kept_for_the_next_start(tmp_path: Path) -> None:
    follow_up = replace(WRONG, question="And the rent?", earlier=("When does it end?",))
    file = FeedbackFile(tmp_path)
    assert file.entries() == []
    file.add(WRONG)
    file.add(follow_up)
    assert FeedbackFile(tmp_path).entries() == [WRONG, follow_up]


def test_the_time_of_feedback_is_noted(tmp_path: Path) -> None:
    file = FeedbackFile(tmp_path)
    file.add(replace(WRONG, time=0.0))
    assert file.entries()[0].time > 1_700_000_000


def test_the_same_opinion_on_the_same_question_is_one_test(tmp_path: Path) -> None:
    file = FeedbackFile(tmp_path)
    other = replace(PLACE, start=25, end=49, sha256=digest("The rent is due monthly."))
    file.add(WRONG)
    file.add(replace(WRONG, question=" when does IT end? ", cited=(replace(PLACE, start=7), other), time=9.0))
    file.add(replace(WRONG, verdict="not_in_documents"))
    first, second = file.entries()
    assert first == replace(WRONG, cited=(PLACE, other), time=9.0)
    assert second.verdict == "not_in_documents"


def test_an_opinion_can_be_taken_back(tmp_path: Path) -> None:
    file = FeedbackFile(tmp_path)
    other = replace(PLACE, sha256=digest("other"))
    file.add(replace(WRONG, cited=(PLACE, other)))
    file.withdraw(WRONG)
    assert [entry.cited for entry in file.entries()] == [(other,)]
    file.withdraw(replace(WRONG, cited=(other,)))
    file.withdraw(WRONG)
    assert file.entries() == []


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        FeedbackFile(tmp_path / "data").add(WRONG)
    finally:
        os.umask(old)
    path = tmp_path / "data" / "feedback.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]  # nothing temporary is left


def test_no_word_of_a_document_is_in_the_file(tmp_path: Path) -> None:
    FeedbackFile(tmp_path).add(WRONG)
    line = (tmp_path / "feedback.jsonl").read_text(encoding="utf-8")
    assert "March" not in line
    assert json.loads(line) == {
        "question": "When does it end?",
        "verdict": "wrong_citation",
        "cited": [{"document": "/docs/lease.txt", "start": 0, "end": 24, "sha256": digest(QUOTE), "page": 2}],
        "earlier": [],
        "time": 5.0,
    }


def test_a_path_need_not_be_unicode(tmp_path: Path) -> None:
    odd = replace(WRONG, cited=(replace(PLACE, document="/caf\udce9.txt"),))
    FeedbackFile(tmp_path).add(odd)
    assert FeedbackFile(tmp_path).entries() == [odd]


def test_a_line_that_somebody_else_adds_is_seen(tmp_path: Path) -> None:
    file = FeedbackFile(tmp_path)
    file.add(WRONG)
    with file.path.open("a", encoding="utf-8") as lines:
        lines.write('\n{"question": "Who?", "verdict": "helpful"}\n')
    assert [entry.question for entry in file.entries()] == ["When does it end?", "Who?"]


def test_the_mark_that_editors_begin_a_file_with_is_no_damage(tmp_path: Path) -> None:
    file = FeedbackFile(tmp_path)
    file.path.write_text('{"question": "Who?", "verdict": "helpful"}\n', encoding="utf-8-sig")
    assert [entry.question for entry in file.entries()] == ["Who?"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: "),
        ("[1]", "line 2: "),
        ('{"verdict": "helpful"}', "line 2: the field 'question' is missing"),
        ('{"question": " ", "verdict": "helpful"}', "line 2: the question is empty"),
        ('{"question": "Q", "verdict": "good"}', "line 2: the verdict is 'good', not one of helpful"),
        ('{"question": "Q", "verdict": "helpful", "cited": [{"start": 1}]}', "line 2: the field 'document'"),
        ('{"question": "Q", "verdict": "helpful", "cited": [7]}', "line 2: a field has the wrong form"),
        (f'{{"question": "Q", "verdict": "helpful", "time": 1{"0" * 400}}}', "line 2: a field has the wrong"),
        (
            '{"question": "Q", "verdict": "helpful", "cited":'
            ' [{"document": "d", "start": Infinity, "end": 1, "sha256": ""}]}',
            "line 2: a field has the wrong form",
        ),
        ("[" * 20_000, "line 2: it is nested too deep"),
    ],
)
def test_a_damaged_line_is_named_and_never_overwritten(tmp_path: Path, line: str, message: str) -> None:
    file = FeedbackFile(tmp_path)
    file.add(WRONG)
    file.path.write_text(file.path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    before = file.path.read_bytes()
    with pytest.raises(SourceError, match=message):
        file.add(replace(WRONG, question="Another?"))
    assert file.path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    with pytest.raises((StorageError, SourceError)):
        FeedbackFile(tmp_path / "data").add(WRONG)


# -- as test questions


def outcome(*cited: Cited, refused: bool = False, read: frozenset[str] = frozenset()) -> Outcome:
    return Outcome(
        question=Question(question_id="q", text="?"),
        answer="" if refused else "x",
        refused=refused,
        status="abstained" if refused else "answered",
        confidence=0.5,
        cited=cited,
        read=read,
    )


def cites(document: str, quote: str, start: int = 0) -> Cited:
    return Cited(document=document, quote=quote, start=start, end=start + len(quote))


def texts(path: str) -> list[str]:
    return {"/docs/lease.txt": [TEXT], "/docs/new.txt": ["Something else. " + TEXT]}.get(path, [])


def judged(feedback: Feedback, result: Outcome) -> tuple[bool, str]:
    return judge_feedback(feedback, result, texts)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (outcome(cites("/docs/lease.txt", "The rent is due monthly.", 25)), (True, "ok")),
        (outcome(refused=True), (True, "ok")),
        (outcome(cites("/docs/lease.txt", QUOTE)), (False, "wrong_sentence")),
        (outcome(cites("/docs/new.txt", QUOTE, 16)), (False, "wrong_sentence")),  # a copy of the words
        (outcome(cites("/docs/lease.txt", TEXT)), (False, "wrong_sentence")),  # with more around them
        (outcome(cites("/docs/other.txt", TEXT)), (True, "ok")),
    ],
)
def test_a_wrong_citation_is_right_once_it_is_not_cited_any_more(
    result: Outcome, expected: tuple[bool, str]
) -> None:
    assert judged(WRONG, result) == expected


def test_offsets_of_a_text_that_changed_accuse_nobody() -> None:
    moved = replace(WRONG, cited=(replace(PLACE, document="/docs/new.txt"),))
    assert judged(moved, outcome(cites("/docs/new.txt", "Something else."))) == (True, "ok")


def test_what_is_not_in_the_documents_is_right_once_it_is_refused() -> None:
    absent = replace(WRONG, verdict="not_in_documents")
    assert judged(absent, outcome(refused=True)) == (True, "ok")
    assert judged(absent, outcome(cites("/docs/lease.txt", QUOTE))) == (False, "wrongly_answered")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (outcome(cites("/docs/lease.txt", "The rent is due monthly.", 25)), (True, "ok")),
        (outcome(cites("/renamed.txt", QUOTE)), (True, "ok")),
        (outcome(cites("/docs/other.txt", "Else.")), (False, "wrong_sentence")),
        (outcome(refused=True), (False, "not_found")),
        (outcome(refused=True, read=frozenset({"/docs/lease.txt"})), (False, "wrongly_refused")),
    ],
)
def test_a_helpful_answer_stays_right_while_it_comes_from_the_same_document(
    result: Outcome, expected: tuple[bool, str]
) -> None:
    assert judged(replace(WRONG, verdict="helpful"), result) == expected


@pytest.mark.parametrize("verdict", ["helpful", "wrong_citation", "not_in_documents"])
def test_an_error_puts_nothing_right(verdict: str) -> None:
    failed = replace(outcome(refused=True), status="failed")
    assert judged(replace(WRONG, verdict=verdict), failed) == (False, "failed")  # type: ignore[arg-type]
