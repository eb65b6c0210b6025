"""Evaluation sets on disk: documents, questions, and what is known to be right.

A set is a folder with ``corpus.jsonl.gz`` (``id``, ``title``, ``text``), ``queries.jsonl`` (``id``,
``text``, ``answers``, ``answerable``, optional ``kind``, ``history`` and ``evidence``) and ``qrels.tsv``
(question, document, relevance).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index.documents import ParsedDocument
from index.errors import SourceError
from rag.answers import Turn
from rag.scoring import Question


def read_corpus(path: Path) -> list[tuple[str, ParsedDocument]]:
    """The documents of a set with their ids, in order."""
    return [
        (row["id"], ParsedDocument(text=_clean(row["text"]), title=_clean(row.get("title") or "")))
        for row in _rows(path, ("id", "text"))
    ]


def read_questions(path: Path) -> list[Question]:
    """The questions of a set, in order."""
    return [
        Question(
            question_id=row["id"],
            text=row["text"],
            history=tuple(Turn(role=turn["role"], text=turn["text"]) for turn in row.get("history") or ()),
            answers=tuple(row.get("answers") or ()),
            answerable=row.get("answerable"),
            kind=row.get("kind") or "",
            evidence=tuple((each["doc"], each["sentence"]) for each in row.get("evidence") or ()),
        )
        for row in _rows(path, ("id", "text"))
    ]


def read_relevance(path: Path) -> dict[str, dict[str, int]]:
    """Relevance by document by question; only relevant documents (> 0), only questions that have one."""
    relevance: dict[str, dict[str, int]] = {}
    with _read_errors_explained(path), path.open(encoding="utf-8") as lines:
        for line in lines:
            question, document, grade = line.rstrip("\n").split("\t")
            if int(grade) > 0:
                relevance.setdefault(question, {})[document] = int(grade)
    return relevance


def _rows(path: Path, needed: Sequence[str]) -> list[dict[str, Any]]:
    with _read_errors_explained(path):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        rows: list[dict[str, Any]] = [json.loads(line) for line in data.splitlines() if line.strip()]
        for row in rows:
            for name in needed:
                row[name]
        return rows


@contextmanager
def _read_errors_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as exc:
        raise SourceError(
            f"{path} does not exist.", hint="A set holds corpus.jsonl.gz, queries.jsonl and qrels.tsv."
        ) from exc
    except (OSError, EOFError, ValueError, KeyError, TypeError) as exc:
        raise SourceError(
            f"{path} is not in the expected form: {exc}", hint="footnote eval --help says what a set holds."
        ) from exc


def _clean(text: str) -> str:
    """What ``ParsedDocument`` promises of its text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return text.encode("utf-8", "replace").decode("utf-8")
