"""The texts and questions that a benchmark runs over: a given corpus, or the seeds and made-up pages."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass
from pathlib import Path

import seeds
from index.loaders import load
from index.loaders.names import supported

WORDS_A_SENTENCE = (7, 24)
SENTENCES_A_PARAGRAPH = (3, 7)
PARAGRAPHS_A_PAGE = (2, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One document as plain text."""

    name: str
    title: str
    text: str


def texts_from_corpus(path: Path, limit: int) -> list[Text]:
    """The first documents of a ``corpus.jsonl.gz`` with ``id``, ``title`` and ``text``."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Text(name=row["id"], title=row.get("title") or "", text=row["text"]) for row in rows[:limit]]


def generated_texts(count: int) -> list[Text]:
    """The seed documents and made-up pages in their vocabulary, ``count`` in all; the same every time."""
    texts = seed_texts()
    vocabulary = sorted({word for text in texts for word in text.text.split() if word.isalpha()})
    chance = random.Random(7)
    # Words in natural text are used unevenly; so are these.
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    chance.shuffle(vocabulary)
    for number in range(count - len(texts)):
        paragraphs = [
            " ".join(
                " ".join(
                    chance.choices(vocabulary, weights, k=chance.randint(*WORDS_A_SENTENCE))
                ).capitalize()
                + "."
                for _ in range(chance.randint(*SENTENCES_A_PARAGRAPH))
            )
            for _ in range(chance.randint(*PARAGRAPHS_A_PAGE))
        ]
        title = " ".join(chance.sample(vocabulary, 3)).title()
        texts.append(Text(name=f"page-{number:05}.txt", title=title, text="\n\n".join(paragraphs)))
    return texts[:count]


def seed_texts() -> list[Text]:
    """The documents that ship with Footnote, as plain text."""
    texts = []
    for path in sorted(Path(seeds.__file__).parent.iterdir()):
        if path.is_file() and path.suffix != ".py" and supported(path.name):
            document = load(path.read_bytes(), path.name)
            texts.append(Text(name=path.name, title=document.title, text=document.text))
    return texts


def questions_from_set(path: Path, limit: int) -> list[str]:
    """The first questions of a ``queries.jsonl``."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines][:limit]


def made_up_questions(texts: list[Text], limit: int) -> list[str]:
    """Questions in the words of the texts; the same every time."""
    chance = random.Random(11)
    questions = []
    for text in chance.sample(texts, min(limit, len(texts))):
        words = [word.strip(".,;:") for word in text.text.split() if word[:1].isalpha()]
        start = chance.randrange(max(1, len(words) - 6))
        questions.append(f"What do the documents say about {' '.join(words[start : start + 6])}?")
    return questions
