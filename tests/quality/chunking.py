"""Ways to cut documents, compared: ``python -m tests.quality.chunking SET... [--every N]``.

The paragraphs of a set are joined to their articles, and articles to files of several, each under its
heading: so there is something to cut. Retrieval only. A found chunk counts for the paragraphs that it holds,
by offsets: nDCG@10 and recall@5 rank paragraphs. As that favours chunks of the size of a paragraph, it is
also counted how often a right answer stands in a chunk from the right paragraph: in the first five chunks,
and in the first so many characters of chunks, which is what reading them costs.

Prints a Markdown table. Differences to the first row have a 95% interval over questions.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from statistics import fmean, stdev

from index.chunker import ChunkLimits
from index.documents import Heading, ParsedDocument
from index.embeddings import Embedder
from index.ingest import IngestOptions, ingest_documents
from index.store import Store
from rag.answers import Passage
from rag.build import build_embedder, chunk_limits
from rag.evaluation import COLLECTION
from rag.evaluation_sets import read_corpus, read_questions, read_relevance
from rag.retrieval import HybridRetriever
from rag.scoring import Question, retrieval_values
from rag.settings import load_settings

ARTICLES_A_FILE = 4
_DEPTH = 30  # chunks
_CHARACTERS = 4_000
IN_FIVE = "answer in 5 chunks"
IN_CHARACTERS = f"answer in {_CHARACTERS:,} characters"
MEASURES = ("nDCG@10", "R@5", IN_FIVE, IN_CHARACTERS)
_HELD_SHARE = 0.5  # of a paragraph, or of the chunk, has to lie in the other

Spans = Mapping[str, Sequence[tuple[int, int, str]]]
"""Start, end and id of each paragraph, ascending, by the name of the file that it was joined to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to cut. ``flat``: headings are text like any other."""

    limits: ChunkLimits
    flat: bool = False

    @property
    def name(self) -> str:
        """As a row of the table begins."""
        path = "joined" if self.limits.context_tokens and not self.flat else "not joined"
        cut = "flat" if self.flat else "structure first"
        return f"{self.limits.tokens} | {self.limits.overlap_sentences} | {path} | {cut}"


def ways(present: ChunkLimits) -> list[Way]:
    """The present way first; then one thing changed at a time, and pairs that may go together."""
    bare = replace(present, context_tokens=0)
    return [
        Way(limits=present),
        Way(limits=replace(present, tokens=150)),
        Way(limits=replace(present, tokens=100)),
        Way(limits=replace(present, overlap_sentences=0)),
        Way(limits=replace(present, overlap_sentences=2)),
        Way(limits=bare),
        Way(limits=bare, flat=True),
        Way(limits=replace(bare, tokens=100), flat=True),
        Way(limits=replace(present, tokens=100, overlap_sentences=2)),
        Way(limits=replace(present, tokens=100, overlap_sentences=0)),
    ]


def files_of(
    documents: Sequence[tuple[str, ParsedDocument]], *, flat: bool
) -> tuple[list[tuple[str, ParsedDocument]], Spans]:
    """Paragraphs that follow each other under one title, joined to articles, and these to files."""
    articles = [list(group) for _, group in groupby(documents, key=lambda item: item[1].title)]
    files: list[tuple[str, ParsedDocument]] = []
    spans: dict[str, list[tuple[int, int, str]]] = {}
    for number in range(0, len(articles), ARTICLES_A_FILE):
        name = f"{number}.txt"
        text = ""
        headings: list[Heading] = []
        for article in articles[number : number + ARTICLES_A_FILE]:
            title = article[0][1].title
            text += "\n\n" if text else ""
            headings.append(Heading(start=len(text), end=len(text) + len(title), level=1, title=title))
            text += title
            for document_id, document in article:
                text += "\n\n"
                spans.setdefault(name, []).append((len(text), len(text) + len(document.text), document_id))
                text += document.text
        files.append((name, ParsedDocument(text=text, headings=() if flat else tuple(headings))))
    return files, spans


def paragraphs_in(passage: Passage, spans: Spans) -> Iterator[str]:
    """The paragraphs that a chunk holds, or lies in, at least by half; most of it first."""
    shared = [
        (min(passage.end, end) - max(passage.start, start), end - start, document_id)
        for start, end, document_id in spans[passage.path]
        if start < passage.end and passage.start < end
    ]
    for common, length, document_id in sorted(shared, reverse=True):
        if common >= _HELD_SHARE * min(length, passage.end - passage.start):
            yield document_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Values in [0, 1] by measure by question; how many chunks there are, and their mean characters."""

    values: dict[str, dict[str, float]]
    chunks: int
    characters: float


def measured(way: Way, folder: Path, asked: Sequence[Question], embedder: Embedder) -> Measured:
    """Index the files of a set in one way, and search for every question."""
    files, spans = files_of(read_corpus(folder / "corpus.jsonl.gz"), flat=way.flat)
    relevance = read_relevance(folder / "qrels.tsv")
    run: dict[str, dict[str, float]] = {}
    answers: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as data, Store.open(Path(data)) as store:
        options = IngestOptions(limits=way.limits)
        ingest_documents(store, embedder, files, collection=COLLECTION, options=options)
        retriever = HybridRetriever(store=store, embedder=embedder)
        lengths: list[int] = []
        for question in asked:
            passages = retriever.search(question.text, k=_DEPTH)
            lengths += [len(passage.text) for passage in passages[:5]]
            found = dict.fromkeys(name for passage in passages for name in paragraphs_in(passage, spans))
            run[question.question_id] = {name: 1 / rank for rank, name in enumerate(found, 1)}
            answers[question.question_id] = answer_found(
                passages, question, relevance[question.question_id], spans
            )
        chunks = store.status().passages
    values = retrieval_values(relevance, run, [question.question_id for question in asked])
    return Measured(
        values={key: each | answers[key] for key, each in values.items()},
        chunks=chunks,
        characters=fmean(lengths),
    )


def answer_found(
    passages: Sequence[Passage], question: Question, relevant: Collection[str], spans: Spans
) -> dict[str, float]:
    """Whether a right answer stands in the first chunks, where these come from a relevant paragraph."""
    read = 0
    values = {IN_FIVE: 0.0, IN_CHARACTERS: 0.0}
    for rank, passage in enumerate(passages, 1):
        read += len(passage.text)
        touched = {
            name for start, end, name in spans[passage.path] if start < passage.end and passage.start < end
        }
        if touched & set(relevant) and any(answer in passage.text for answer in question.answers):
            values[IN_FIVE] = max(values[IN_FIVE], float(rank <= 5))
            values[IN_CHARACTERS] = max(values[IN_CHARACTERS], float(read <= _CHARACTERS))
    return values


def report(folder: Path, embedder: Embedder, present: ChunkLimits, every: int) -> None:
    """Print the table of one set."""
    relevance = read_relevance(folder / "qrels.tsv")
    questions = read_questions(folder / "queries.jsonl")
    asked = [each for each in questions if each.question_id in relevance and each.answers][::every]
    print(f"\n{folder.name}, {len(asked)} questions, files of {ARTICLES_A_FILE} articles\n")
    heads = ["tokens", "overlap", "heading path", "cut", "chunks", "characters", *MEASURES]
    print(f"| {' | '.join(heads)} | difference in five |")
    print("|" + "---|" * (len(heads) + 1))
    first: Measured | None = None
    for way in ways(present):
        found = measured(way, folder, asked, embedder)
        first = first or found
        differences = [each[IN_FIVE] - first.values[key][IN_FIVE] for key, each in found.values.items()]
        spread = 1.96 * stdev(differences) / len(differences) ** 0.5
        scores = " | ".join(f"{fmean(each[name] for each in found.values.values()):.3f}" for name in MEASURES)
        gain = f"{fmean(differences):+.3f} ± {spread:.3f}"
        print(f"| {way.name} | {found.chunks} | {found.characters:.0f} | {scores} | {gain} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every Nth question")
    given = parser.parse_args()
    settings = load_settings()
    embedder = build_embedder(settings)
    for folder in given.sets:
        report(folder, embedder, chunk_limits(settings), given.every)


if __name__ == "__main__":
    main()
