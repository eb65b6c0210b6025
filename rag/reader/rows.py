"""Training rows: a question, a passage, where the answer stands, and how far to trust the row.

Files are JSON lines, gzipped: ``question``, ``title``, ``text``, ``answers`` (``text``, ``start``; empty
where the passage does not answer), optional ``evidence`` (``start``, ``end``) and ``fold``.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from index.sentences import sentence_spans

# Titles that name the collection and not the text.
_NO_TITLES = ("Amazon Reviews", "Filtered Reddit", "Reddit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One question about one passage.

    ``answers`` are character spans of ``text``, each as right as the others; none means that the
    passage does not answer. ``evidence`` and ``sentences`` are spans too, the latter ascending.
    ``weight`` in (0, 1] is how far to trust that it does not answer.
    """

    question: str
    title: str
    text: str
    answers: tuple[tuple[int, int], ...] = ()
    evidence: tuple[tuple[int, int], ...] = ()
    sentences: tuple[tuple[int, int], ...] = ()
    source: str = ""
    fold: int | None = None
    weight: float = 1.0


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of one file, in order."""
    source = path.name.split(".")[0]
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            title = record.get("title") or ""
            text = record["text"]
            answers = tuple(
                (answer["start"], answer["start"] + len(answer["text"])) for answer in record["answers"]
            )
            sentences = tuple(sentence_spans(text))
            marked = tuple((span["start"], span["end"]) for span in record.get("evidence") or ())
            yield Row(
                question=record["question"],
                title="" if title.startswith(_NO_TITLES) else title,
                text=text,
                answers=answers,
                evidence=marked or _holding(sentences, answers),
                sentences=sentences,
                source=source,
                fold=record.get("fold"),
            )


def _holding(
    sentences: Sequence[tuple[int, int]], answers: Sequence[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """The sentences in which an answer begins."""
    return tuple(
        (start, end) for start, end in sentences if any(start <= first < end for first, _ in answers)
    )


def window(row: Row, most_chars: int, rng: random.Random) -> Row:
    """A stretch of whole sentences, as a chunk of an index would be; it keeps an answer if there is one.

    Args:
        most_chars: Length to stay below; a single longer sentence is kept whole.
    """
    if len(row.text) <= most_chars or not row.sentences:
        return row
    spans = row.sentences
    if row.evidence:
        aim = rng.choice(row.evidence)[0]
        first = next((i for i, (_, end) in enumerate(spans) if aim < end), len(spans) - 1)
    else:
        first = rng.randrange(len(spans))
    last = first
    while True:
        before = first > 0 and spans[last][1] - spans[first - 1][0] <= most_chars
        after = last + 1 < len(spans) and spans[last + 1][1] - spans[first][0] <= most_chars
        if not before and not after:
            break
        if before and (not after or rng.random() < 0.5):
            first -= 1
        else:
            last += 1
    low, high = spans[first][0], spans[last][1]

    def inside(found: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        return tuple((start - low, end - low) for start, end in found if low <= start and end <= high)

    answers = inside(row.answers)
    if row.answers and not answers:  # an answer that runs over a sentence boundary
        return row
    return replace(
        row,
        text=row.text[low:high],
        answers=answers,
        evidence=inside(row.evidence),
        sentences=inside(spans[first : last + 1]),
    )
