"""Units of a built-in answer: the sentences that stand or fall together, one or a list with its lead-in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from index.analysis import stop_words, words
from index.blocks import Block, blocks, is_list_item, is_table_row
from index.sentences import sentence_spans
from rag.answers import Passage
from rag.evidence import EvidenceSentence

MOST_CHARS = 1_200  # of an answer, so of a unit as well
ALIKE = 0.9  # Jaccard of the words, from which two sentences say the same

# "France, Spain and Italy", not "It failed, with the reason and the remedy"; or a comma after a colon.
_ENUMERATION = re.compile(
    r"\w,\s(?!(?:and|but|or|with|which|who|where|when|while|if|so|as|because|that|to|for|in|on|by|und|oder|die|der|das"
    r"|wenn|weil|et|qui|que|y|e)\b)(?:[\w'’-]{1,30},?\s){1,3}(?:and|or|und|oder|et|ou|y|e|o)\s\w"
    r"|\w:\s[^:,]{1,80},",
    re.IGNORECASE,
)

_Key = tuple[float, int, int, int, int]


def order_of(sentence: EvidenceSentence) -> _Key:
    passage = sentence.passage
    return (-sentence.score, passage.version_id, sentence.start, sentence.end, passage.chunk_id)


def place_of(sentence: EvidenceSentence) -> tuple[int, int, int]:
    return sentence.passage.version_id, sentence.start, sentence.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Sentences that stand or fall together, in reading order: one, or a list with its lead-in."""

    sentences: tuple[EvidenceSentence, ...]
    score: float
    covers: frozenset[str]
    spoken: tuple[frozenset[str], ...]  # the words of each sentence
    vocabulary: frozenset[str]  # its words, without stop words and what every answer shares: the question's
    listed: bool  # a list or table of the document
    enumerates: bool
    opening: bool  # the first sentence of its section
    section: tuple[int, int]  # version and where the section begins in it

    @property
    def chars(self) -> int:
        return sum(len(sentence.text) for sentence in self.sentences)

    @property
    def key(self) -> _Key:
        first = self.sentences[0]
        return (-self.score, *order_of(first)[1:])


class SourceText:
    """The passages of the evidence: which sentences form a list, and what a colon announces."""

    def __init__(self, ranked: Sequence[EvidenceSentence], language: str) -> None:
        self._by_place = {(each.passage.version_id, each.start, each.end): each for each in ranked}
        self._ignored = stop_words(language)
        passages = {each.passage.chunk_id: each.passage for each in ranked}
        self.passages = sorted(
            passages.values(), key=lambda each: (each.version_id, each.start, each.chunk_id)
        )

    def unit(self, sentences: Sequence[EvidenceSentence]) -> Unit:
        """A unit of sentences in reading order."""
        text = " ".join(sentence.text for sentence in sentences)
        first = sentences[0]
        covers = frozenset[str]().union(*(sentence.covers for sentence in sentences))
        spoken = tuple(_spoken(sentence.text) for sentence in sentences)
        section, opening = self._section(first)
        return Unit(
            sentences=tuple(sentences),
            score=max(sentence.score for sentence in sentences),
            covers=covers,
            spoken=spoken,
            vocabulary=frozenset[str]().union(*spoken) - self._ignored - covers,
            listed=any(is_list_item(each.text) or is_table_row(each.text) for each in sentences[1:2]),
            enumerates=_ENUMERATION.search(text) is not None,
            opening=opening,
            section=section,
        )

    def with_announced(self, lead: EvidenceSentence) -> Unit | None:
        """A sentence with the items it announces by its colon; None when they cannot be shown."""
        if not _announces(lead.text):
            return self.unit([lead])
        # Where passages overlap, the one that goes on furthest knows most of the items.
        around = [
            passage
            for passage in self.passages
            if passage.version_id == lead.passage.version_id
            and passage.start <= lead.start
            and lead.end <= passage.end
        ]
        passage = max(around, key=lambda each: (each.end, -each.chunk_id), default=lead.passage)
        items = [self._sentence(passage, *span, lead) for span in _announced(passage, lead.end)]
        unit = self.unit([lead, *items])
        return unit if items and unit.chars <= MOST_CHARS else None

    def lists(self) -> Iterator[tuple[EvidenceSentence, ...]]:
        """Every list and table of the passages of which a sentence is in evidence, with its lead-in."""
        for passage in self.passages:
            for spans in _runs(passage):
                members = [self._by_place.get((passage.version_id, *span)) for span in spans]
                best = min((each for each in members if each is not None), key=order_of, default=None)
                if best is not None:
                    yield tuple(self._sentence(passage, *span, best) for span in spans)

    def table_heads(self) -> frozenset[tuple[int, int, int]]:
        """The places of the first rows of tables: alone they say nothing."""
        return frozenset(
            (passage.version_id, *spans[0])
            for passage in self.passages
            for spans in _runs(passage)
            if is_table_row(passage.text[spans[0][0] - passage.start : spans[0][1] - passage.start])
        )

    def _sentence(self, passage: Passage, start: int, end: int, like: EvidenceSentence) -> EvidenceSentence:
        """The sentence in evidence at this place, or one that stands there only because ``like`` does."""
        known = self._by_place.get((passage.version_id, start, end))
        if known is not None:
            return known
        text = passage.text[start - passage.start : end - passage.start]
        return EvidenceSentence(
            passage=passage,
            start=start,
            end=end,
            text=text,
            score=like.score,
            signals={},
            covers=frozenset(),
        )

    def _section(self, sentence: EvidenceSentence) -> tuple[tuple[int, int], bool]:
        """The section that a sentence stands in, and whether it is its first sentence."""
        passage = sentence.passage
        begin = max((end for _, end in passage.headings if end <= sentence.start), default=passage.start)
        between = passage.text[begin - passage.start : sentence.start - passage.start]
        return (passage.version_id, begin), not any(map(str.isalnum, between))


def _announces(text: str) -> bool:
    return text.rstrip(" *_").endswith((":", "："))


def _announced(passage: Passage, at: int) -> list[tuple[int, int]]:
    """The spans in the document of what a sentence that ends at ``at`` announces by a colon.

    The items or rows of the list after it; or the lines up to the next blank one; or one sentence.
    """
    text = passage.text
    after = [block for block in blocks(text) if block.start >= at - passage.start and _says(text, block)]
    if not after or _is_heading(passage, after[0]):
        return []
    first = text[after[0].start : after[0].end]
    run = [after[0]]
    for block in after[1:]:
        line = text[block.start : block.end]
        if is_list_item(first) or is_table_row(first):
            goes_on = is_list_item(line) if is_list_item(first) else is_table_row(line)
        else:
            goes_on = text[run[-1].end : block.start].count("\n") < 2
        if not goes_on or _is_heading(passage, block):
            break
        run.append(block)
    spans = _spans(passage, run)
    alone = len(run) == 1 and not is_list_item(first)
    return spans[:1] if alone else spans


def _runs(passage: Passage) -> Iterator[list[tuple[int, int]]]:
    """The spans of each list or table of a passage, of two items at least, after that of its lead-in."""
    text = passage.text
    before: Block | None = None
    spoken = (block for block in blocks(text) if _says(text, block))
    for kind, group in groupby(spoken, key=lambda block: _run_kind(text, block)):
        run = list(group)
        if kind and len(run) > 1:
            lead = _spans(passage, [before])[-1:] if before is not None else []
            announced = bool(lead) and _announces(text[: lead[0][1] - passage.start])
            yield [*(lead if announced else []), *_spans(passage, run)]
        before = run[-1]


def _run_kind(text: str, block: Block) -> str:
    line = text[block.start : block.end]
    return "row" if is_table_row(line) else "item" if is_list_item(line) else ""


def _says(text: str, block: Block) -> bool:
    """Not the rule below a table's head, nor a line of dashes."""
    return any(map(str.isalnum, text[block.start : block.end]))


def _is_heading(passage: Passage, block: Block) -> bool:
    start, end = passage.start + block.start, passage.start + block.end
    spoken = passage.text[block.start : block.end].lstrip()
    return spoken.startswith("#") or any(first < end and start < last for first, last in passage.headings)


def _spans(passage: Passage, run: Iterable[Block]) -> list[tuple[int, int]]:
    """The sentences of some blocks, as offsets into the document."""
    return [
        (passage.start + block.start + start, passage.start + block.start + end)
        for block in run
        for start, end in sentence_spans(passage.text[block.start : block.end])
    ]


def repeats(unit: Unit, picked: Sequence[Unit]) -> bool:
    """Whether a unit shares a place with a chosen one, or any two of their sentences say the same."""
    return any(
        _overlap(one, other) or jaccard(said, heard) >= ALIKE
        for each in picked
        for one, said in zip(unit.sentences, unit.spoken, strict=True)
        for other, heard in zip(each.sentences, each.spoken, strict=True)
    )


def _overlap(one: EvidenceSentence, other: EvidenceSentence) -> bool:
    same_text = one.passage.version_id == other.passage.version_id
    return same_text and one.start < other.end and other.start < one.end


def _spoken(text: str) -> frozenset[str]:
    """The words of a text; of one without any, its signs."""
    return frozenset(word for word, _, _ in words(text)) or frozenset(text.split())


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0
