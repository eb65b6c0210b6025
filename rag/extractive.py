"""The built-in answer: one or two sentences of the documents, word for word."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answers import AnswerSentence, Citation
from rag.citations import Numbering
from rag.evidence import EvidenceSentence

# A second sentence is shown only when it is nearly as good as the first. On squad2 most answers are
# one sentence long, and what a second one adds is mostly noise.
NEARLY_AS_GOOD = 0.75


def choose(sentences: Sequence[EvidenceSentence]) -> list[EvidenceSentence]:
    """The best sentence, and a second one when it is nearly as good and holds more of the question.

    Args:
        sentences: Best first.
    """
    if not sentences:
        return []
    best = sentences[0]
    for other in sentences[1:]:
        if other.score < NEARLY_AS_GOOD * best.score:
            break
        if other.covers - best.covers and not _overlap(best, other) and other.text != best.text:
            return [best, other]
    return [best]


def answer_from(
    chosen: Sequence[EvidenceSentence],
) -> tuple[tuple[AnswerSentence, ...], tuple[Citation, ...]]:
    """The chosen sentences as an answer, verbatim, each under its own mark."""
    numbering = Numbering()
    sentences = tuple(
        AnswerSentence(
            text=sentence.text,
            markers=(numbering.marker(sentence.passage, sentence.start, sentence.end),),
            verdict="quoted",
        )
        for sentence in chosen
    )
    return sentences, numbering.citations


def _overlap(one: EvidenceSentence, other: EvidenceSentence) -> bool:
    same_text = one.passage.version_id == other.passage.version_id
    return same_text and one.start < other.end and other.start < one.end
