"""Passages that do not answer a question although they look as if they did.

Two kinds: passages that our own keyword search finds and that hold no right answer, and answerable
questions in which one name, number or word is exchanged so that the passage no longer answers them.
Neither is checked by people; rows carry a weight below one for that.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from index.analysis import query_terms
from index.lexical import LexicalDocument, LexicalIndex, Marker
from rag.reader.rows import Row
from rag.scoring import normalised

MINED_WEIGHT = 0.9
EXCHANGED_WEIGHT = 0.7

_NEAREST = 8
_NEGATED_SHARE = 0.08
_NAME = re.compile(r"(?<=[\w,] )[A-Z][\w'’-]+(?: (?:of |the |de |von )?[A-Z][\w'’-]+)*")
_NUMBER = re.compile(r"\b\d{1,3}(?:,\d{3})+\b|\b\d+(?:\.\d+)?\b")
_OPPOSITES = (
    "first last|earliest latest|largest smallest|biggest smallest|highest lowest|oldest youngest|"
    "most least|best worst|before after|more less|more fewer|begin end|began ended|start end|"
    "started ended|increase decrease|increased decreased|increases decreases|gain lose|gained lost|"
    "won lost|win lose|north south|east west|northern southern|eastern western|male female|men women|"
    "man woman|father mother|husband wife|son daughter|brother sister|founded dissolved|"
    "built destroyed|allowed forbidden|allow forbid|accept reject|accepted rejected|support oppose|"
    "supported opposed|positive negative|maximum minimum|major minor|rise fall|rose fell|open closed|"
    "opened closed|same different|similar different|inside outside|always never|above below|"
    "former latter|joined left|internal external|public private|advantage disadvantage|strong weak|"
    "strongest weakest|fast slow|fastest slowest|early late|old new|older newer|long short|"
    "longest shortest|higher lower|larger smaller|majority minority|successful unsuccessful|"
    "hired fired|like dislike|liked disliked|love hate|loved hated|easy hard|cheap expensive|"
    "light heavy|good bad"
)
_OPPOSITE = {
    one: other for pair in _OPPOSITES.split("|") for one, other in (pair.split(), reversed(pair.split()))
}
_NEGATABLE = re.compile(r"\b(is|are|was|were|did|does|do|can|could|will|would|has|have|had)\b", re.IGNORECASE)


def mined(rows: Sequence[Row], passages: Sequence[Row], rng: random.Random) -> list[Row | None]:
    """For each row a passage that keyword search finds for its question and that lacks its answers.

    Args:
        passages: Rows whose texts may serve.

    Returns:
        As long as ``rows``; None where nothing fits.
    """
    by_text = {(row.title, row.text): row for row in passages}
    pool = list(by_text.values())
    with tempfile.TemporaryDirectory(prefix="footnote-mining-") as folder:
        index = LexicalIndex.recreate(Path(folder) / "lexical")
        documents = (
            LexicalDocument(chunk_id=number, text=f"{row.title}\n{row.text}", language="en")
            for number, row in enumerate(pool)
        )
        marker = Marker(catalog_id="mining", generation=1, passages=len(pool))
        index.write(added=documents, removed=(), marker=marker, rebuild=True)
        searcher = index.searcher()
        found: list[Row | None] = []
        for row in rows:
            golds = {normalised(row.text[start:end]) for start, end in row.answers} - {""}
            hits = searcher.search(query_terms(row.question, ("en",)), _NEAREST)
            others = [
                pool[number]
                for number, _ in hits
                if pool[number].text != row.text and not _holds(pool[number], golds)
            ]
            if not others or not golds:
                found.append(None)
                continue
            # The nearest are the hardest, and the likeliest to answer all the same: take one of a few.
            other = rng.choice(others[:4])
            found.append(
                replace(
                    other, question=row.question, answers=(), evidence=(), source="mined", weight=MINED_WEIGHT
                )
            )
    return found


def _holds(row: Row, golds: set[str]) -> bool:
    text = f" {normalised(row.text)} "
    return any(f" {gold} " in text for gold in golds)


def exchanged(rows: Sequence[Row], rng: random.Random) -> list[Row | None]:
    """For each answerable row the same passage with a question that it does not answer any more.

    One thing of the question is exchanged: a name for another of the same text or article, a number for
    another, a word for its opposite; or the verb is negated. None where the question offers nothing.
    """
    names: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        names[row.title] |= set(_NAME.findall(row.text))
    return [_exchanged(row, sorted(names[row.title]), rng) for row in rows]


def _exchanged(row: Row, names: Sequence[str], rng: random.Random) -> Row | None:
    answers = {normalised(row.text[start:end]) for start, end in row.answers}
    tried = [list(_with_other_name(row, names, answers, rng)), list(_with_other_number(row, rng))]
    tried.append(list(_with_opposite(row)))
    choices = [question for kind in tried for question in kind[:1]]
    # Seldom negated: a reader that has seen "not" with unanswerable questions only would refuse them all.
    if not choices and rng.random() < _NEGATED_SHARE:
        choices = list(_negated(row))
    if not choices:
        return None
    question = rng.choice(choices)
    return replace(
        row, question=question, answers=(), evidence=(), source="exchanged", weight=EXCHANGED_WEIGHT
    )


def _with_other_name(row: Row, names: Sequence[str], answers: set[str], rng: random.Random) -> Iterator[str]:
    for match in _NAME.finditer(row.question):
        if match[0] not in row.text:
            continue
        others = [
            name
            for name in names
            if name != match[0]
            and name not in row.question
            and match[0] not in name
            and name not in match[0]
            and normalised(name) not in answers
            and len(name.split()) <= 4
        ]
        if others:
            yield row.question[: match.start()] + rng.choice(others) + row.question[match.end() :]


def _with_other_number(row: Row, rng: random.Random) -> Iterator[str]:
    for match in _NUMBER.finditer(row.question):
        others = [n for n in _NUMBER.findall(row.text) if n != match[0] and len(n) == len(match[0])]
        if match[0].isdigit():
            others.append(str(int(match[0]) + rng.choice((-10, -3, -2, -1, 1, 2, 3, 10, 20))))
        if others:
            yield row.question[: match.start()] + rng.choice(others) + row.question[match.end() :]


def _with_opposite(row: Row) -> Iterator[str]:
    for match in re.finditer(r"[a-z]+", row.question):
        if match[0] in _OPPOSITE:
            yield row.question[: match.start()] + _OPPOSITE[match[0]] + row.question[match.end() :]


def _negated(row: Row) -> Iterator[str]:
    match = _NEGATABLE.search(row.question)
    if match and " not " not in row.question:
        verb = match[0].lower()
        negated = {"can": "can't", "will": "won't"}.get(verb, f"{verb}n't")
        yield row.question[: match.start()] + negated + row.question[match.end() :]
