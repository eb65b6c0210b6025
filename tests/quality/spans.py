"""Short answers when the right document is given: exact match and F1 as SQuAD scores them.

    python -m tests.quality.spans SET... [--weights FILE]

The reader gets the document that the set names for each question; a long one in parts of whole sentences.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from index.chunker import ChunkLimits, split
from index.documents import ParsedDocument
from index.embeddings import packaged_token_spans
from index.sentences import sentence_spans
from rag.build import compiled_networks
from rag.evaluation_sets import read_corpus, read_questions, read_relevance
from rag.reader.reading import WEIGHTS, Reader, Text
from rag.reader.weights import load_reader
from rag.scoring import normalised
from rag.settings import load_settings

_LIMITS = ChunkLimits(tokens=280, chars=4000, overlap_sentences=0)


def parts_of(document: ParsedDocument) -> list[Text]:
    """A document as texts that the reader can take whole."""
    chunks = split(document, token_spans=packaged_token_spans(), limits=_LIMITS)
    texts = [document.text[chunk.start : chunk.end] for chunk in chunks]
    return [Text(document.title, text, tuple(sentence_spans(text))) for text in texts]


def short_answer(reader: Reader, question: str, parts: Sequence[Text]) -> tuple[str, str]:
    """The best span of all parts, and the sentence it stands in."""
    found: list[tuple[float, str, str]] = []
    for part, reading in zip(parts, reader.read(question, parts), strict=True):
        for (start, end), sentence in zip(part.sentences, reading.sentences, strict=True):
            if sentence.span is not None:
                span = part.text[sentence.span[0] : sentence.span[1]]
                found.append((sentence.span_score, span, part.text[start:end]))
    _, span, sentence_text = max(found, key=lambda each: each[0], default=(0.0, "", ""))
    return span, sentence_text


def f1(given: str, right: str) -> float:
    """Overlap of words, harmonic mean of precision and recall (Rajpurkar et al. 2016)."""
    one, other = normalised(given).split(), normalised(right).split()
    same = sum((Counter(one) & Counter(other)).values())
    return 2 * same / (len(one) + len(other)) if same else 0.0


def report(folder: Path, reader: Reader, every: int) -> None:
    questions = [each for each in read_questions(folder / "queries.jsonl") if each.answers][::every]
    relevance = read_relevance(folder / "qrels.tsv")
    documents = dict(read_corpus(folder / "corpus.jsonl.gz"))
    rows = {row["id"]: row for row in map(json.loads, (folder / "queries.jsonl").open(encoding="utf-8"))}
    parts = {document_id: parts_of(document) for document_id, document in documents.items()}
    scores: dict[str, list[tuple[float, float, float | None]]] = defaultdict(list)
    for question in questions:
        (document_id, *_) = relevance[question.question_id]
        span, sentence = short_answer(reader, question.text, parts[document_id])
        row = (
            float(any(normalised(span) == normalised(gold) for gold in question.answers)),
            max(f1(span, gold) for gold in question.answers),
            _is_evidence(sentence, rows[question.question_id].get("evidence")),
        )
        scores[question.kind or "all"].append(row)
    everything = [row for each in scores.values() for row in each]
    for kind, found in [*sorted(scores.items()), ("all", everything)]:
        print(f"{folder.name:<14}{kind:<12}{len(found):>6} questions{_line(found)}")


def _is_evidence(sentence: str, evidence: Sequence[dict[str, str]] | None) -> float | None:
    if not evidence:
        return None
    return float(any(normalised(each["sentence"]) == normalised(sentence) for each in evidence))


def _line(rows: Sequence[tuple[float, float, float | None]]) -> str:
    exact = sum(row[0] for row in rows) / len(rows)
    overlap = sum(row[1] for row in rows) / len(rows)
    marked = [row[2] for row in rows if row[2] is not None]
    sentence = f"  evidence sentence {100 * sum(marked) / len(marked):.1f}" if marked else ""
    return f"  EM {100 * exact:.1f}  F1 {100 * overlap:.1f}{sentence}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every Nth question")
    given = parser.parse_args()
    reader = load_reader(given.weights or WEIGHTS, compiled=compiled_networks(load_settings()))
    for folder in given.sets:
        report(folder, reader, given.every)


if __name__ == "__main__":
    main()
