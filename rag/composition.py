"""The built-in answer: sentences of the documents, word for word, as many as the question asks for.

A fact or a yes takes one sentence, a second only if it adds something. A list, a comparison or a summary
takes several, chosen for coverage by maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from index.blocks import is_table_row
from rag.answers import AnswerSentence, Citation
from rag.asked import Asked, is_negated, numbered_in, years_in
from rag.citations import Numbering
from rag.evidence import EvidenceSentence
from rag.units import MOST_CHARS, SourceText, Unit, jaccard, order_of, place_of, repeats

# A second sentence is shown only when it is nearly as good as the first. On squad2 most answers are
# one sentence long, and what a second one adds is mostly noise.
NEARLY_AS_GOOD = 0.75
# A sentence of another document that holds what the first document lacks may be less good than that.
COMPLEMENT = 0.5

MOST_SENTENCES = 6  # of a list, comparison or summary; a list in the document counts once

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


def _distinct(evidence: Iterable[EvidenceSentence]) -> list[EvidenceSentence]:
    """Best first, each place once."""
    found: dict[tuple[int, int, int], EvidenceSentence] = {}
    for sentence in sorted(evidence, key=order_of):
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
    return sorted(ranked, key=order_of)


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


# -- one or two sentences ----------------------------------------------------------------------------------


def _few(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[Unit]:
    """The best sentence, and a second one that holds more of the question."""
    text = SourceText(ranked, asked.language)
    units = _each(text, ranked)
    best = next(units)
    for other in units:
        if other.score < NEARLY_AS_GOOD * best.score:
            break
        first = other.sentences[0]
        if is_table_row(first.text) and place_of(first) in text.table_heads():
            continue
        if (
            other.covers - best.covers
            and not repeats(other, [best])
            and best.chars + other.chars <= MOST_CHARS
        ):
            return [best, other]
    complement = _complement(asked, text, best, ranked)
    return [best, complement] if complement is not None else [best]


def _each(text: SourceText, ranked: Sequence[EvidenceSentence]) -> Iterator[Unit]:
    """A unit for each sentence, best first; those that announce what cannot be shown only if all do."""
    shown = False
    for sentence in ranked:
        unit = text.with_announced(sentence)
        if unit is not None:
            shown = True
            yield unit
    if not shown:
        yield text.unit(ranked[:1])


def _complement(
    asked: Asked, text: SourceText, best: Unit, ranked: Sequence[EvidenceSentence]
) -> Unit | None:
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
            and not repeats(unit, [best])
            and best.chars + unit.chars <= MOST_CHARS
        ):
            return unit
    return None


def _tells(asked: Asked, lacking: frozenset[str] | set[str]) -> bool:
    return len(lacking) > 1 or bool(lacking & asked.names)


# -- several -----------------------------------------------------------------------------------------------


def _listed(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[Unit]:
    """Lists of the documents as a whole, sentences that enumerate, and others that are nearly as good."""
    text = SourceText(ranked, asked.language)
    lists = sorted((text.unit(each) for each in text.lists()), key=lambda unit: unit.key)
    lists = [unit for unit in lists if unit.chars <= MOST_CHARS]
    members = {place_of(sentence) for unit in lists for sentence in unit.sentences}
    units = [*lists, *_each(text, [each for each in ranked if place_of(each) not in members] or ranked)]
    best = max(unit.score for unit in units)
    return _covering(
        units,
        relevance=lambda unit: (
            _share(unit.score, best) + (LISTED if unit.listed else ENUMERATED * unit.enumerates)
        ),
        least=LEAST_OF_LIST,
    )


def _compared(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[Unit]:
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
    chosen: list[Unit] = []
    for side in sides:
        if not any(unit.covers & side for unit in chosen):
            speaking = (unit for unit in units if unit.covers & side and _fits(unit, chosen))
            chosen += [unit for unit in speaking if not repeats(unit, chosen)][:1]
    return _covering(
        units,
        relevance=lambda unit: _share(unit.score, best),
        least=LEAST_OF_COMPARISON,
        chosen=chosen,
    )


def _summarised(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[Unit]:
    """Sentences spread over the sections; those that open one before those that follow."""
    units = _sentences(asked, ranked)
    best = units[0].score
    return _covering(
        units,
        relevance=lambda unit: _share(unit.score, best) + OPENING * unit.opening,
        least=LEAST_OF_SUMMARY,
        same_section=SAME_SECTION,
    )


def _sentences(asked: Asked, ranked: Sequence[EvidenceSentence]) -> list[Unit]:
    """A unit for each sentence, best first, without the heads of tables unless there is nothing else."""
    text = SourceText(ranked, asked.language)
    heads = text.table_heads()
    return list(_each(text, [each for each in ranked if place_of(each) not in heads] or ranked))


def _share(score: float, best: float) -> float:
    """The score over the best one, in [0, 1]; where nothing scored above zero all count alike."""
    return max(score, 0.0) / best if best > 0 else 1.0


def _covering(
    units: Sequence[Unit],
    *,
    relevance: Callable[[Unit], float],
    least: float,
    same_section: float = 0.0,
    chosen: Sequence[Unit] = (),
) -> list[Unit]:
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
                if _fits(unit, picked) and not repeats(unit, picked)
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
    unit: Unit, picked: Sequence[Unit], relevance: Callable[[Unit], float], same_section: float
) -> float:
    repeated = max((jaccard(unit.vocabulary, other.vocabulary) for other in picked), default=0.0)
    beside = sum(unit.section == other.section for other in picked)
    return relevance(unit) - REPETITION * repeated - same_section * beside


def _fits(unit: Unit, picked: Sequence[Unit]) -> bool:
    return len(picked) < MOST_SENTENCES and unit.chars + sum(each.chars for each in picked) <= MOST_CHARS


def _in_reading_order(units: Sequence[Unit]) -> tuple[EvidenceSentence, ...]:
    """The document of the best unit first, each as it reads."""
    versions: dict[int, list[Unit]] = {}
    for unit in sorted(units, key=lambda unit: unit.key):
        versions.setdefault(unit.sentences[0].passage.version_id, []).append(unit)
    return tuple(
        sentence
        for group in versions.values()
        for unit in sorted(group, key=lambda unit: unit.sentences[0].start)
        for sentence in unit.sentences
    )
