"""A person's own test questions, from a table (CSV) or from JSON lines.

The fields are ``question`` and any of ``answer`` (any of several is right), ``document`` (file name or
path, any of several), ``page``, ``answerable`` (yes or no, yes by default), ``id`` and ``note``. Several
values are separated by ``|`` in a table and stand in a list in JSON. A line of JSON with a ``verdict`` is
feedback from the page.
"""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from index.errors import SourceError
from rag.answers import Turn
from rag.feedback import Feedback, feedback_from, is_feedback, parsed_line
from rag.scoring import Question

FIELDS = ("question", "answer", "document", "page", "answerable", "id", "note")
SEVERAL = "|"
_YES, _NO = ("", "yes", "y", "true", "1"), ("no", "n", "false", "0")
_DELIMITERS = (",", ";", "\t")  # what spreadsheets write, by country
_MOST_PROBLEMS = 5  # named in one error
_HINT = (
    "Fields are question, answer, document, page, answerable (yes or no), id and note;"
    " several values are separated by | in CSV and stand in a list in JSON lines."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnQuestion:
    """A question, and where its answer is: any of the documents, on any of the pages."""

    question: Question
    documents: tuple[str, ...] = ()  # names or paths, as the person wrote them
    pages: tuple[int, ...] = ()  # the first is 1
    feedback: Feedback | None = None  # the opinion that this question comes from


def read_own_questions(path: Path) -> list[OwnQuestion]:
    """Read every question of a file, in order.

    Raises:
        SourceError: There is no such file, or it holds no question, or any line cannot be used; the
            message names the lines, and nothing is left out silently.
    """
    problems: list[str] = []
    questions: list[OwnQuestion] = []
    seen: dict[str, int] = {}
    rows = _json_rows if path.suffix.casefold() in (".jsonl", ".ndjson", ".json") else _table_rows
    for line, row in rows(_text_of(path)):
        try:
            if isinstance(row, str):
                raise ValueError(row)
            own = _from_feedback(row, line) if is_feedback(row) else _from_fields(row, line)
            name = own.question.question_id
            if name in seen:
                raise ValueError(f"the id {name!r} was given on line {seen[name]} already")
            seen[name] = line
            questions.append(own)
        except ValueError as exc:
            problems.append(f"line {line}: {exc}")
    if problems:
        more = f" And {len(problems) - _MOST_PROBLEMS} more." if len(problems) > _MOST_PROBLEMS else ""
        raise SourceError(f"{path} cannot be used. {'; '.join(problems[:_MOST_PROBLEMS])}.{more}", hint=_HINT)
    if not questions:
        raise SourceError(f"{path} holds no question.", hint=_HINT)
    return questions


def _text_of(path: Path) -> str:
    """The file as text. Another encoding is not guessed: a few short lines are too little to go by."""
    try:
        data = path.read_bytes()
        return data.decode("utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except FileNotFoundError as exc:
        raise SourceError(
            f"{path} does not exist.", hint="Name a CSV or JSONL file with questions, or the folder of a set."
        ) from exc
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise SourceError(
            f"{path} is not in UTF-8 (line {line}).", hint="Save it as “CSV UTF-8” or as JSON lines."
        ) from exc
    except OSError as exc:
        raise SourceError(
            f"{path} cannot be read: {exc.strerror or exc}", hint="Check the path and its permissions."
        ) from exc


# Rows by line number, the first is 1; a text instead of a row says why there is none.
_Rows = Iterator[tuple[int, dict[str, Any] | str]]


def _json_rows(text: str) -> _Rows:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = parsed_line(line)
        except ValueError as exc:
            yield number, f"this is no JSON ({exc})"
            continue
        yield number, row if isinstance(row, dict) else "this is no JSON object"


def _table_rows(text: str) -> _Rows:
    delimiter = max(_DELIMITERS, key=text.lstrip().split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    line = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as exc:
            yield line, f"this is no CSV ({exc})"
            return
        if fields is None:
            return
        fields = [field.strip() for field in fields]
        if any(fields):
            if not header:
                header = [field.casefold() for field in fields]
                problem = _header_problem(header)
                if problem:
                    yield line, problem
                    return
            elif len(fields) > len(header):
                yield line, f"there are {len(fields)} fields, but {len(header)} columns"
            else:
                cells = dict(zip(header, fields, strict=False))
                yield line, {name: _split(cell) if name in _LISTS else cell for name, cell in cells.items()}
        line = reader.line_num + 1  # a quoted field may go over several lines


_LISTS = ("answer", "document", "page")


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(SEVERAL) if part.strip()]


def _header_problem(header: list[str]) -> str:
    if "question" not in header:
        return "the first line has to name the columns, and one of them has to be “question”"
    doubled = [name for name in header if header.count(name) > 1]
    return f"the column “{doubled[0]}” is there twice" if doubled else _unknown(header)


def _unknown(names: list[str]) -> str:
    """What is wrong with the names of the fields; "" if nothing is."""
    for name in names:
        if name not in FIELDS:
            close = get_close_matches(name, FIELDS, n=1)
            return f"there is no field “{name}”" + (f", did you mean “{close[0]}”?" if close else "")
    return ""


def _from_fields(row: Mapping[str, Any], line: int) -> OwnQuestion:
    problem = _unknown(list(row))
    if problem:
        raise ValueError(problem)
    text = row.get("question")
    if not isinstance(text, str) or not text.strip():
        raise ValueError("the question is empty")
    answers = tuple(_texts(row, "answer"))
    answerable = _yes_or_no(row.get("answerable"))
    if answers and not answerable:
        raise ValueError("an answer is given, but answerable is no")
    name = row.get("id")
    return OwnQuestion(
        question=Question(
            question_id=str(name).strip() if name not in (None, "") else f"line-{line}",
            text=text.strip(),
            answers=answers,
            answerable=answerable,
        ),
        documents=tuple(_texts(row, "document")),
        pages=tuple(_page(page) for page in _texts(row, "page")),
    )


def _from_feedback(row: dict[str, Any], line: int) -> OwnQuestion:
    feedback = feedback_from(row)
    known = {"helpful": True, "wrong_citation": None, "not_in_documents": False}
    right = feedback.cited if feedback.verdict == "helpful" else ()
    pages = [place.page for place in right if place.page is not None]
    return OwnQuestion(
        question=Question(
            question_id=f"line-{line}",
            text=feedback.question,
            history=tuple(Turn(role="user", text=text) for text in feedback.earlier),
            answerable=known[feedback.verdict],
            kind=feedback.verdict,
        ),
        documents=tuple(dict.fromkeys(place.document for place in right)),
        # Where one of the documents has no pages, no page can be asked for.
        pages=tuple(sorted(set(pages))) if len(pages) == len(right) else (),
        feedback=feedback,
    )


def _texts(row: Mapping[str, Any], name: str) -> list[str]:
    value = row.get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in values):
        raise ValueError(f"“{name}” has to be a text or a list of texts")
    return [text for each in values if (text := str(each).strip())]


def _page(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"the page {text!r} is no number from 1 on")
    return int(text)


def _yes_or_no(value: object) -> bool:
    word = "" if value is None else str(value).strip().casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(f"answerable is {value!r}, not yes or no")
