"""A person's own questions: tables as spreadsheets write them, JSON lines, and what is wrong with a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import SourceError
from rag.answers import Turn
from rag.own_questions import OwnQuestion, read_own_questions


def read(tmp_path: Path, text: str | bytes, name: str = "mine.csv") -> list[OwnQuestion]:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_own_questions(path)


def test_a_table_names_its_columns_in_any_order(tmp_path: Path) -> None:
    first, second = read(
        tmp_path,
        "document,page,question,answer,answerable\n"
        'lease.pdf|old/lease.pdf,3 | 4,When does it end?,"1 March 2027|in March, 2027",yes\n'
        ",,Who painted it?,,No\n",
    )
    assert first.question.text == "When does it end?"
    assert first.question.answers == ("1 March 2027", "in March, 2027")
    assert first.documents == ("lease.pdf", "old/lease.pdf")
    assert first.pages == (3, 4)
    assert (first.question.answerable, second.question.answerable) == (True, False)
    assert (first.question.question_id, second.question.question_id) == ("line-2", "line-3")


@pytest.mark.parametrize(
    "text",
    [
        b"Question;Answer\r\nWo?;in K\xc3\xb6ln\r\n",
        b"\xef\xbb\xbfquestion\tanswer\nWo?\tin K\xc3\xb6ln\n",
        "question,answer\nWo?,in Köln\n".encode("utf-16"),
        b"\n\nquestion , answer\n\n Wo? , in K\xc3\xb6ln \n,\n",
    ],
)
def test_tables_are_read_as_spreadsheets_write_them(tmp_path: Path, text: bytes) -> None:
    (only,) = read(tmp_path, text)
    assert (only.question.text, only.question.answers) == ("Wo?", ("in Köln",))


def test_json_lines_take_texts_numbers_and_lists(tmp_path: Path) -> None:
    first, second, third = read(
        tmp_path,
        '{"question": "How many?", "answer": 24, "page": 3, "document": "a|b.txt"}\n'
        "\n"
        '{"question": "When?", "answer": ["March", "3rd month"], "page": [1, "2"], "id": "lease"}\n'
        '{"question": "Who?\\u2028Really?", "answerable": false, "note": "a hard one"}\n',
        "mine.jsonl",
    )
    assert (first.question.answers, first.pages, first.documents) == (("24",), (3,), ("a|b.txt",))
    assert (second.question.answers, second.pages) == (("March", "3rd month"), (1, 2))
    assert (first.question.question_id, second.question.question_id) == ("line-1", "lease")
    assert third.question.answerable is False


def test_a_line_with_a_verdict_is_feedback(tmp_path: Path) -> None:
    place = '{"document": "/a.txt", "start": 0, "end": 5, "sha256": "00"}'
    helpful, wrong, absent = read(
        tmp_path,
        f'{{"question": "Q", "verdict": "helpful", "cited": [{place}, {place}]}}\n'
        f'{{"question": "Q", "verdict": "wrong_citation", "cited": [{place}], "earlier": ["Before?"]}}\n'
        '{"question": "Q", "verdict": "not_in_documents"}\n',
        "feedback.jsonl",
    )
    assert [each.question.answerable for each in (helpful, wrong, absent)] == [True, None, False]
    assert (helpful.documents, wrong.documents) == (("/a.txt",), ())
    assert wrong.question.history == (Turn(role="user", text="Before?"),)
    assert absent.feedback is not None
    assert absent.feedback.verdict == "not_in_documents"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frage,answer\nQ,A\n", "line 1: the first line has to name the columns"),
        ("question,answr\nQ,A\n", "line 1: there is no field “answr”, did you mean “answer”?"),
        ("question,answer,answer\nQ,A,B\n", "line 1: the column “answer” is there twice"),
        ("question,answer\nQ,A\n ,B\n", "line 3: the question is empty"),
        ("question,page\nQ,x\n", "line 2: the page 'x' is no number from 1 on"),
        ("question,page\nQ,0\n", "line 2: the page '0'"),
        ("question,answerable\nQ,maybe\n", "line 2: answerable is 'maybe', not yes or no"),
        ("question,answer,answerable\nQ,A,no\n", "line 2: an answer is given, but answerable is no"),
        ("question,answer\nQ,A,B\n", "line 2: there are 3 fields, but 2 columns"),
        ('question,answer\n"one\ntwo",A\n,A\n', "line 4: the question is empty"),
        ('question,answer\nQ,"A\n', "line 2: this is no CSV"),
        ("question,id\nQ,a\nR,a\n", "line 3: the id 'a' was given on line 2 already"),
    ],
)
def test_a_line_of_a_table_that_cannot_be_used_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert "question, answer, document" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: this is no JSON"),
        ("[" * 20_000, "line 2: this is no JSON (it is nested too deep)"),
        ('"Q"', "line 2: this is no JSON object"),
        ('{"question": 7}', "line 2: the question is empty"),
        ('{"question": "Q", "answer": {"a": 1}}', "line 2: “answer” has to be a text or a list of texts"),
        ('{"question": "Q", "page": true}', "line 2: “page” has to be a text"),
        ('{"question": "Q", "answers": "A"}', "line 2: there is no field “answers”, did you mean “answer”?"),
        ('{"question": "Q", "verdict": "bad"}', "line 2: the verdict is 'bad'"),
    ],
)
def test_a_line_of_json_that_cannot_be_used_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, f'{{"question": "Q"}}\n{line}\n', "mine.jsonl")
    assert message in str(caught.value)


def test_every_bad_line_counts_even_when_not_all_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"line 2: .*; line 6: .*And 2 more\."):
        read(tmp_path, "question,page\n" + "Q,x\n" * 7)


def test_a_file_that_is_missing_empty_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        read_own_questions(tmp_path / "none.csv")
    for name in ("mine.csv", "mine.jsonl"):
        with pytest.raises(SourceError, match="holds no question"):
            read(tmp_path, "", name)
    with pytest.raises(SourceError, match="holds no question"):
        read(tmp_path, "question\n")
    with pytest.raises(SourceError, match=r"is not in UTF-8 \(line 2\)") as caught:
        read(tmp_path, "question\nWo liegt Köln?\n".encode("cp1252"))
    assert "UTF-8" in caught.value.hint
    with pytest.raises(SourceError, match="cannot be read"):
        read_own_questions(tmp_path)
