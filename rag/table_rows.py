"""Rows of tables as answers: which row a question asks for, and which of its cells is the short answer.

The reader has learnt from running text. Among rows it knows neither which one a question names nor where a
cell ends, but the words of the question do, and the names of the columns.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from index.analysis import stem, stop_words, words
from index.blocks import blocks, is_table_row
from index.embeddings import Embedder
from rag.answers import Passage
from rag.asked import Asked
from rag.evidence import EvidenceSentence

OTHER_ROW = 0.7  # of the score of the row that is asked for, at most: too little to be shown beside it
_ROWS = 6  # whose cells are looked at; an answer shows no more
_NAME = re.compile(r"\s*+([^|:]{1,80}):\s+(?=\S)")  # "Price (EUR): 1450"
_RULE = re.compile(r"[\s|:-]+")  # the line below the names in Markdown

Span = tuple[int, int]  # offsets into the text of a row, end exclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a row: the name of its column, "" where it is not known, and where its value stands."""

    name: str
    value: Span


def arranged(
    question: str, asked: Asked, sentences: Sequence[EvidenceSentence], embedder: Embedder
) -> tuple[EvidenceSentence, ...]:
    """The sentences, best first, with the rows of each table in the order that the question asks for them.

    The short answer of a row is the value of one cell.
    """
    if not any(is_table_row(sentence.text) for sentence in sentences):
        return tuple(sentences)
    columns = _Columns(question, asked.language, embedder)
    ordered = sorted(_rows_in_order(sentences, columns), key=lambda each: -each.score)
    if asked.kind in ("fact", "list"):
        rows = [at for at, sentence in enumerate(ordered) if is_table_row(sentence.text)][:_ROWS]
        for at in rows:
            ordered[at] = replace(ordered[at], short_answer=columns.short_answer(ordered[at]))
    return tuple(ordered)


def _rows_in_order(sentences: Sequence[EvidenceSentence], columns: _Columns) -> list[EvidenceSentence]:
    """A row that holds all words of the question that another holds, and more, takes its place.

    The other one is about something else: of "Tuesday" and "Monday" the question names one.
    """
    tables: dict[tuple[int, int], list[EvidenceSentence]] = defaultdict(list)
    placed: list[EvidenceSentence] = []
    for sentence in sentences:
        if is_table_row(sentence.text):
            tables[sentence.passage.version_id, len(cells(sentence.text))].append(sentence)
        else:
            placed.append(sentence)
    for rows in tables.values():
        # What a column is called, every row of it holds.
        held = {at: row.covers | columns.named_in(row) for at, row in enumerate(rows)}
        best = max(row.score for row in rows)
        apart = {at for at, own in held.items() if any(own < other for other in held.values())}
        first = max(held.keys() - apart, key=lambda at: (len(held[at]), rows[at].score))
        for at, row in enumerate(rows):
            score = best if at == first else row.score
            if at in apart:
                score = min(row.score, best - (1 - OTHER_ROW) * abs(best))
            placed.append(replace(row, score=score))
    return placed


def cells(row: str, names: Sequence[str] = ()) -> list[Cell]:
    """The cells of a row; an empty one has an empty value.

    Args:
        names: Of the columns, where the row itself does not say them.
    """
    bare = row.strip()
    start = row.index(bare) + bare.startswith("|")
    end = row.index(bare) + len(bare) - (len(bare) > 1 and bare.endswith("|"))
    found: list[Cell] = []
    for position, text in enumerate(row[start:end].split("|")):
        named = _NAME.match(text)
        name = named[1].strip() if named else names[position] if position < len(names) else ""
        begin = named.end() if named else len(text) - len(text.lstrip())
        found.append(Cell(name=name, value=(start + begin, start + max(begin, len(text.rstrip())))))
        start += len(text) + 1
    return found


class _Columns:
    """Which column a question asks for."""

    def __init__(self, question: str, language: str, embedder: Embedder) -> None:
        self._question = question
        self._language = language
        self._embedder = embedder
        ignored = stop_words(language)
        self._words = {word: stem(word, language) for word, _, _ in words(question) if word not in ignored}
        self._stems = set(self._words.values())
        self._tables: dict[int, dict[int, tuple[str, ...]]] = {}  # by passage
        self._called: dict[tuple[str, ...], frozenset[str]] = {}  # words of the question, by all names
        self._likely: dict[tuple[str, ...], int] = {}  # the position of the column, by all names

    def named_in(self, row: EvidenceSentence) -> frozenset[str]:
        """The words of the question that the columns of a row are called by."""
        names = tuple(each.name for each in cells(row.text, self._names(row)))
        if names not in self._called:  # the rows of a table share them
            called = self._stems_of(" ".join(names))
            found = frozenset(word for word, stemmed in self._words.items() if stemmed in called)
            self._called[names] = found
        return self._called[names]

    def short_answer(self, row: EvidenceSentence) -> Span | None:
        """The value of the cell that is asked for; None where that is not known."""
        there = cells(row.text, self._names(row))
        values = [each for each in there if each.value[0] < each.value[1]]
        if not values:
            return None
        wanted = self._named(values)
        # "Which canoe is 5.3 metres long?" names a column and its value, and asks for another.
        if wanted is None or self._is_said(row.text[slice(*wanted.value)]):
            wanted = _read(values, row.short_answer)
        return None if wanted is None else wanted.value

    def _names(self, row: EvidenceSentence) -> tuple[str, ...]:
        known = self._tables.get(row.passage.chunk_id)
        if known is None:
            known = self._tables[row.passage.chunk_id] = _names_by_row(row.passage)
        return known.get(row.start - row.passage.start, ())

    def _named(self, values: Sequence[Cell]) -> Cell | None:
        """The cell whose column is called most like the question; None where columns have no names."""
        names = tuple(each.name for each in values)
        if not all(names):
            return None
        if names not in self._likely:
            shared = [len(self._stems & self._stems_of(name)) for name in names]
            alike = self._embedder.encode(names) @ self._embedder.encode_query(self._question)
            self._likely[names] = max(range(len(names)), key=lambda at: (shared[at], float(alike[at])))
        return values[self._likely[names]]

    def _is_said(self, value: str) -> bool:
        stems = self._stems_of(value)
        return bool(stems) and stems <= self._stems

    def _stems_of(self, text: str) -> set[str]:
        return {stem(word, self._language) for word, _, _ in words(text)}


def _read(values: Sequence[Cell], span: Span | None) -> Cell | None:
    """The cell that most of what the reader has marked stands in."""
    if span is None:
        return None

    def shared(cell: Cell) -> int:
        return min(cell.value[1], span[1]) - max(cell.value[0], span[0])

    best = max(values, key=shared)
    return best if shared(best) > 0 else None


def _names_by_row(passage: Passage) -> dict[int, tuple[str, ...]]:
    """For the offset in ``passage`` of each row of a Markdown table the names of its columns.

    Rows whose table begins before the passage are left out.
    """
    text = passage.text
    found: dict[int, tuple[str, ...]] = {}
    table: list[str] = []
    for block in blocks(text):
        line = text[block.start : block.end]
        if not is_table_row(line):
            table = []
            continue
        table.append(line)
        if len(table) > 2 and _RULE.fullmatch(table[1]):
            found[block.start] = tuple(table[0][slice(*each.value)] for each in cells(table[0]))
    return found
