"""The built-in answer: sentences of the documents, word for word, as many as the question asks for.

A fact or a yes takes one sentence, a second only if it adds something. A list, a comparison or a summary
takes several, chosen for coverage by maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from index.analysis import stop_words, words
from index.blocks import Block, blocks, is_list_item, is_table_row
from index.sentences import sentence_spans
from rag.answers import AnswerSentence, Citation, Passage
from rag.asked import Asked, is_negated, numbered_in, years_in
from rag.citations import Numbering
from rag.evidence import EvidenceSentence

# A second sentence is shown only when it is nearly as good as the first. On squad2 most answers are
# one sentence long, and what a second one adds is mostly noise.
NEARLY_AS_GOOD = 0.75
# A sentence of another document that holds what the first document lacks may be less good than that.
COMPLEMENT = 0.5

MOST_SENTENCES = 6  # of a list, comparison or summary; a list in the document counts once
MOST_CHARS = 1_200
ALIKE = 0.9  # Jaccard of the words, from which two sentences say the same

# Relevance is the score over the best score. A unit of the answer must keep so much of it, after what it
# repeats and what it shares with the chosen ones of its section were taken off.
LEAST_OF_LIST = 0.75
# A list in the document answers a list question; a sentence that enumerates is likely to.
LISTED = 0.25
ENUMERATED = 0.15
LEAST_OF_COMPARISON = 0.6
LEAST_OF_SUMMARY = 0.3
REPETITION = 0.4
SAME_SECTION = 0.15
OPENING = 0.2  # the first sentence of a section says what it is about
CONTRADICTION = 0.25  # of the best score, that another year stands below the one asked for
DENIAL = 0.15  # of the best score, for a sentence that denies when the question does

# "France, Spain and Italy", not "It failed, with the reason and the remedy"; or a comma after a colon.
_ENUMERATION = re.compile(
    r"\w,\s(?!(?:and|but|or|with|which|who|where|when|while|if|so|as|because|that|to|for|in|on|by|und|oder|die|der|das"
    r"|wenn|weil|et|qui|que|y|e)\b)(?:[\w'’-]{1,30},?\s){1,3}(?:and|or|und|oder|et|ou|y|e|o)\s\w"
    r"|\w:\s[^:,]{1,80},",
    re.IGNORECASE,
)

_Key = tuple[float, int, int, int, int]


def answer_from(
    asked: Asked, evidence: Sequence[EvidenceSentence]
) -> tuple[tuple[AnswerSentence, ...], tuple[Citation, ...]]:
    """The answer to a question: verbatim sentences, each under its own mark.

    They are grouped by document when more than one contributes.
    """
    chosen = compose(asked, evidence)
    grouped = len({sentence.passage.version_id for sentence in chosen}) > 1
    numbering = Numbering()
    sentences = tuple(
        AnswerSentence(
            text=sentence.text,
            markers=(numbering.marker(sentence.passage, sentence.start, sentence.end),),
            verdict="quoted",
            short_answer=sentence.short_answer if asked.kind in ("fact", "list") else None,
            group=sentence.passage.name if grouped else "",
        )
        for sentence in chosen
    )
    return sentences, numbering.citations


def compose(asked: Asked, evidence: Sequence[EvidenceSentence]) -> tuple[EvidenceSentence, ...]:
    """Choose the sentences of an answer; the order of ``evidence`` does not matter.

    Returns:
        For a fact or a yes at most two, best first. Otherwise by document, best document first, in reading
        order. A sentence that ends in a colon brings what it announces, which need not be in
        ``evidence``. No two say the same.
    """
    ranked = _respecting(asked, _distinct(evidence))
    if not ranked:
        return ()
    if asked.kind in ("fact", "yes_no"):
        units = _few(asked, ranked)
        return tuple(sentence for unit in units for sentence in unit.sentences)
    ranked = _naming(asked, ranked)
    units = {"list": _listed, "compare": _compared, "summary": _summarised}[asked.kind](asked, ranked)
    return _in_reading_order(units)


# -- evidence --------------------------------------------------------------------------------------------


def _key(sentence: EvidenceSentence) -> _Key:
    passage = sentence.passage
    return (-sentence.score, passage.version_id, sentence.start, sentence.end, passage.chunk_id)


def _distinct(evidence: Iterable[EvidenceSentence]) -> list[EvidenceSentence]:
    """Best first, each place once."""
    found: dict[tuple[int, int, int], EvidenceSentence] = {}
    for sentence in sorted(evidence, key=_key):
        found.setdefault((sentence.passage.version_id, sentence.start, sentence.end), sentence)
    return list(found.values())


def _respecting(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[EvidenceSentence]:
    """Put what contradicts a year or number of the question behind what holds it; prefer denials if asked."""
    if not ranked:
        return []
    best = abs(ranked[0].score)
    if asked.negated:
        denying = [sentence for sentence in ranked if is_negated(sentence.text, asked.language)]
        if asked.kind == "list" and denying and denying[0].score >= LEAST_OF_LIST * best:
            # What denies nothing is no item of a list of what is not so.
            ranked = denying
        else:
            ranked = [
                replace(sentence, score=sentence.score + DENIAL * best) if sentence in denying else sentence
                for sentence in ranked
            ]
    if asked.years or asked.numbered:
        numbers = asked.years | {number for _, number in asked.numbered}
        agreement = [_agrees(asked, sentence) for sentence in ranked]
        holding = [one for one, agrees in zip(ranked, agreement, strict=True) if agrees is True]
        ranked = [
            _behind(sentence, holding, numbers, by=CONTRADICTION * best) if agrees is False else sentence
            for sentence, agrees in zip(ranked, agreement, strict=True)
        ]
    return sorted(ranked, key=_key)


def _naming(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[EvidenceSentence]:
    """The sentences of documents that hold a name of the question, if any does; else all."""
    if asked.compared is not None:  # where each side is another name
        return list(ranked)
    names = {name for name in asked.names if not name.isdigit()}
    naming = {each.passage.version_id for each in ranked if each.covers & names}
    return [each for each in ranked if not naming or each.passage.version_id in naming]


def _agrees(asked: Asked, sentence: EvidenceSentence) -> bool | None:
    """Whether a sentence holds a year or number of the question (True), another in its place, or neither."""
    years, numbered = years_in(sentence.text), numbered_in(sentence.text)
    if years & asked.years or numbered & asked.numbered:
        return True
    above = " ".join((sentence.passage.title, *sentence.passage.heading_path))
    # Below the heading "Report for 2019" a sentence may speak of 2018 and still be about 2019.
    if years_in(above) & asked.years or numbered_in(above) & asked.numbered:
        return None
    other_number = {word for word, _ in numbered} & {word for word, _ in asked.numbered}
    return False if (years and asked.years) or other_number else None


def _behind(
    sentence: EvidenceSentence, holding: Sequence[EvidenceSentence], numbers: frozenset[str], *, by: float
) -> EvidenceSentence:
    """The sentence, scored below the best of those that hold the number and all else that it covers."""
    about = sentence.covers - numbers
    least = max((other.score for other in holding if about <= other.covers), default=None)
    if least is None or sentence.score < least:
        return sentence
    return replace(sentence, score=least - by)


# -- units: what is chosen as one -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
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
        return (-self.score, *_key(first)[1:])


class _Text:
    """The passages of the evidence: which sentences form a list, and what a colon announces."""

    def __init__(self, ranked: Sequence[EvidenceSentence], language: str) -> None:
        self._by_place = {(each.passage.version_id, each.start, each.end): each for each in ranked}
        self._ignored = stop_words(language)
        passages = {each.passage.chunk_id: each.passage for each in ranked}
        self.passages = sorted(
            passages.values(), key=lambda each: (each.version_id, each.start, each.chunk_id)
        )

    def unit(self, sentences: Sequence[EvidenceSentence]) -> _Unit:
        """A unit of sentences in reading order."""
        text = " ".join(sentence.text for sentence in sentences)
        first = sentences[0]
        covers = frozenset[str]().union(*(sentence.covers for sentence in sentences))
        spoken = tuple(_spoken(sentence.text) for sentence in sentences)
        section, opening = self._section(first)
        return _Unit(
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

    def with_announced(self, lead: EvidenceSentence) -> _Unit | None:
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
                best = min((each for each in members if each is not None), key=_key, default=None)
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


# -- one or two sentences ----------------------------------------------------------------------------------


def _few(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[_Unit]:
    """The best sentence, and a second one that holds more of the question."""
    text = _Text(ranked, asked.language)
    units = _each(text, ranked)
    best = next(units)
    for other in units:
        if other.score < NEARLY_AS_GOOD * best.score:
            break
        first = other.sentences[0]
        if is_table_row(first.text) and _place(first) in text.table_heads():
            continue
        if (
            other.covers - best.covers
            and not _repeats(other, [best])
            and best.chars + other.chars <= MOST_CHARS
        ):
            return [best, other]
    complement = _complement(asked, text, best, ranked)
    return [best, complement] if complement is not None else [best]


def _each(text: _Text, ranked: Sequence[EvidenceSentence]) -> Iterator[_Unit]:
    """A unit for each sentence, best first; those that announce what cannot be shown only if all do."""
    shown = False
    for sentence in ranked:
        unit = text.with_announced(sentence)
        if unit is not None:
            shown = True
            yield unit
    if not shown:
        yield text.unit(ranked[:1])


def _complement(asked: Asked, text: _Text, best: _Unit, ranked: Sequence[EvidenceSentence]) -> _Unit | None:
    """A sentence of another document, when each of the two documents holds what the other lacks.

    A name of the question, or two of its words: less is chance.
    """
    held: dict[int, set[str]] = {}
    for sentence in ranked:
        held.setdefault(sentence.passage.version_id, set()).update(sentence.covers)
    own = best.sentences[0].passage.version_id
    for unit in (
        _each(text, [each for each in ranked if each.passage.version_id != own]) if len(held) > 1 else ()
    ):
        if unit.score < COMPLEMENT * best.score:
            break
        other = held[unit.sentences[0].passage.version_id]
        if (
            _tells(asked, unit.covers - held[own])
            and _tells(asked, best.covers - other)
            and not _repeats(unit, [best])
            and best.chars + unit.chars <= MOST_CHARS
        ):
            return unit
    return None


def _tells(asked: Asked, lacking: frozenset[str] | set[str]) -> bool:
    return len(lacking) > 1 or bool(lacking & asked.names)


# -- several -----------------------------------------------------------------------------------------------


def _listed(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[_Unit]:
    """Lists of the documents as a whole, sentences that enumerate, and others that are nearly as good."""
    text = _Text(ranked, asked.language)
    lists = sorted((text.unit(each) for each in text.lists()), key=lambda unit: unit.key)
    lists = [unit for unit in lists if unit.chars <= MOST_CHARS]
    members = {_place(sentence) for unit in lists for sentence in unit.sentences}
    units = [*lists, *_each(text, [each for each in ranked if _place(each) not in members] or ranked)]
    best = max(unit.score for unit in units)
    return _covering(
        units,
        relevance=lambda unit: (
            _share(unit.score, best) + (LISTED if unit.listed else ENUMERATED * unit.enumerates)
        ),
        least=LEAST_OF_LIST,
    )


def _compared(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[_Unit]:
    """At least one sentence for each side that has any, then what else speaks of a side."""
    units = _sentences(asked, ranked)
    best = units[0].score
    sides: list[frozenset[str]] = []
    if asked.compared is not None:
        one, two = asked.compared
        covered = frozenset[str]().union(*(unit.covers for unit in units))
        # A side that a pronoun stands for is told by what is not the other.
        sides = [one or covered - two, two or covered - one]
        units = [unit for unit in units if unit.covers & (sides[0] | sides[1])] or units
    chosen: list[_Unit] = []
    for side in sides:
        if not any(unit.covers & side for unit in chosen):
            speaking = (unit for unit in units if unit.covers & side and _fits(unit, chosen))
            chosen += [unit for unit in speaking if not _repeats(unit, chosen)][:1]
    return _covering(
        units,
        relevance=lambda unit: _share(unit.score, best),
        least=LEAST_OF_COMPARISON,
        chosen=chosen,
    )


def _summarised(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[_Unit]:
    """Sentences spread over the sections; those that open one before those that follow."""
    units = _sentences(asked, ranked)
    best = units[0].score
    return _covering(
        units,
        relevance=lambda unit: _share(unit.score, best) + OPENING * unit.opening,
        least=LEAST_OF_SUMMARY,
        same_section=SAME_SECTION,
    )


def _sentences(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[_Unit]:
    """A unit for each sentence, best first, without the heads of tables unless there is nothing else."""
    text = _Text(ranked, asked.language)
    heads = text.table_heads()
    return list(_each(text, [each for each in ranked if _place(each) not in heads] or ranked))


def _place(sentence: EvidenceSentence) -> tuple[int, int, int]:
    return sentence.passage.version_id, sentence.start, sentence.end


def _share(score: float, best: float) -> float:
    """The score over the best one, in [0, 1]; where nothing scored above zero all count alike."""
    return max(score, 0.0) / best if best > 0 else 1.0


def _covering(
    units: Sequence[_Unit],
    *,
    relevance: Callable[[_Unit], float],
    least: float,
    same_section: float = 0.0,
    chosen: Sequence[_Unit] = (),
) -> list[_Unit]:
    """Add the unit of the greatest marginal relevance to ``chosen`` until none is worth it or fits.

    Args:
        least: Marginal relevance below which a unit is not taken; the first one always is.
    """
    picked = list(chosen)
    while True:
        ranked = sorted(
            (
                (-_marginal(unit, picked, relevance, same_section), unit.key, unit)
                for unit in units
                if _fits(unit, picked) and not _repeats(unit, picked)
            ),
            key=lambda entry: entry[:2],
        )
        taken = next(
            (unit for value, _, unit in ranked if not picked or -value >= least),
            None,
        )
        if taken is None:
            return picked or list(units[:1])
        picked.append(taken)


def _marginal(
    unit: _Unit, picked: Sequence[_Unit], relevance: Callable[[_Unit], float], same_section: float
) -> float:
    repeated = max((_jaccard(unit.vocabulary, other.vocabulary) for other in picked), default=0.0)
    beside = sum(unit.section == other.section for other in picked)
    return relevance(unit) - REPETITION * repeated - same_section * beside


def _fits(unit: _Unit, picked: Sequence[_Unit]) -> bool:
    return len(picked) < MOST_SENTENCES and unit.chars + sum(each.chars for each in picked) <= MOST_CHARS


def _repeats(unit: _Unit, picked: Sequence[_Unit]) -> bool:
    """Whether a unit shares a place with a chosen one, or any two of their sentences say the same."""
    return any(
        _overlap(one, other) or _jaccard(said, heard) >= ALIKE
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


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0


def _in_reading_order(units: Sequence[_Unit]) -> tuple[EvidenceSentence, ...]:
    """The document of the best unit first, each as it reads."""
    versions: dict[int, list[_Unit]] = {}
    for unit in sorted(units, key=lambda unit: unit.key):
        versions.setdefault(unit.sentences[0].passage.version_id, []).append(unit)
    return tuple(
        sentence
        for group in versions.values()
        for unit in sorted(group, key=lambda unit: unit.sentences[0].start)
        for sentence in unit.sentences
    )
