"""Scores of an evaluation: how good the retrieval, the answers and the refusals are."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import fmean

from index.errors import FootnoteError
from rag.answers import Status, Turn

MEASURES = ("nDCG@10", "RR@10", "R@1", "R@5", "R@10", "R@100", "Success@1", "Success@4")
ALL_RELEVANT = "AllRel@5"  # every relevant document is among the first five: what a multi-hop question needs
ANSWER_MEASURES = (
    *("contains", "EM", "F1", "correct_and_cited"),
    *("citation_precision", "citation_recall", "evidence_recall"),
)
LENGTHS = ("words", "sentences")
EVIDENCE_SHARE = 0.8  # of an evidence sentence's words; a sentence cut a little differently still counts
# A reference answer this long is a text of somebody's own: no extracted sentence will contain it.
LONG_ANSWER_WORDS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of a set and what a right reaction to it is."""

    question_id: str
    text: str
    history: tuple[Turn, ...] = ()
    answers: tuple[str, ...] = ()  # any of them is right
    answerable: bool | None = None  # None: not known, so answers to it are not scored
    kind: str = ""
    evidence: tuple[tuple[str, str], ...] = ()  # document id, sentence of it that carries the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A span that an answer cites: ``start``/``end`` are offsets into the text of ``document``."""

    document: str  # its id
    quote: str
    start: int = 0
    end: int = 0
    page: int | None = None
    verbatim: bool = True  # the quote stands there word for word


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the pipeline made of one question."""

    question: Question
    answer: str  # without marks, "" if refused
    refused: bool
    confidence: float
    status: Status = "answered"  # "failed" is an error, not a decision: it counts as refused and is reported
    query: str = ""  # what was searched
    short: str = ""  # the short answer marked in the answer, or the whole answer where none is marked
    sentences: int = 0
    cited: tuple[Cited, ...] = ()
    read: frozenset[str] = frozenset()  # ids of the documents whose passages were looked at
    milliseconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether there is no decision at all."""
        return self.status == "failed"


def require_measures() -> None:
    """Fail before the long work, not after it, when what scores a run is not installed.

    Raises:
        FootnoteError: It is not.
    """
    if find_spec("ir_measures") is None:
        raise FootnoteError(
            "Measuring needs the package ir-measures.", hint="Install it: pip install 'footnote[eval]'"
        )


def retrieval_values(
    relevance: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Mapping[str, float]],
    asked: Sequence[str],
) -> dict[str, dict[str, float]]:
    """Every retrieval measure of every asked question that has a relevant document, all in [0, 1].

    Args:
        relevance: Grade > 0 by document by question.
        run: Score by document by question, best first; a question with no result scores 0.
        asked: Ids of the questions.
    """
    import ir_measures

    judged = {question: dict(relevance[question]) for question in asked if relevance.get(question)}
    if not judged:
        return {}
    # Without the empty ones, which some of the engines behind ir_measures refuse.
    found = {question: dict(run[question]) for question in judged if run.get(question)}
    values = {question: dict.fromkeys(MEASURES, 0.0) for question in judged}
    measures = [ir_measures.parse_measure(name) for name in MEASURES]
    for value in ir_measures.iter_calc(measures, judged, found):
        values[value.query_id][str(value.measure)] = float(value.value)
    for question, relevant in judged.items():
        first_five = list(run.get(question, {}))[:5]
        values[question][ALL_RELEVANT] = float(set(relevant) <= set(first_five))
    return values


def retrieval_scores(values: Mapping[str, Mapping[str, float]]) -> dict[str, float | int]:
    """Means of :func:`retrieval_values`."""
    if not values:
        return {"questions": 0}
    means = {name: fmean(each[name] for each in values.values()) for name in (*MEASURES, ALL_RELEVANT)}
    return {"questions": len(values)} | means


def answer_values(outcome: Outcome, relevant: Collection[str]) -> dict[str, float]:
    """The measures of one answer that have a meaning for it; shares are in [0, 1].

    ``contains``, ``EM`` and ``F1`` need a reference answer: one of them stands in the answer; the short
    answer is one of them; the best overlap of its words with one of them (a refusal scores 0). The
    ``citation_`` measures compare the cited documents with the relevant ones, where there are any and an
    answer was given. ``evidence_recall`` is the share of the known evidence sentences that the quotes
    from their document show. ``correct_and_cited``: contains, and cites a relevant document, and every
    quote is verbatim. ``words`` and ``sentences`` are the length of an answer.

    Args:
        outcome: Of a question of which it is known whether it can be answered; else there are none.
        relevant: Ids of the relevant documents.
    """
    question = outcome.question
    if question.answerable is None:
        return {}
    values: dict[str, float] = {}
    if question.answerable and question.answers:
        values["contains"] = float(_holds_answer(outcome))
        short = "" if outcome.refused else outcome.short or outcome.answer
        golds = question.answers
        values["EM"] = float(not outcome.refused and normalised(short) in {normalised(g) for g in golds})
        values["F1"] = 0.0 if outcome.refused else max(token_f1(short, gold) for gold in golds)
    documents = {each.document for each in outcome.cited}
    hits = documents & set(relevant)
    if relevant and not outcome.refused:
        values["citation_precision"] = len(hits) / len(documents) if documents else 0.0
        values["citation_recall"] = len(hits) / len(set(relevant))
        if question.evidence:
            values["evidence_recall"] = fmean(_shown_evidence(outcome))
    if relevant and "contains" in values:
        sound = bool(hits) and all(each.verbatim for each in outcome.cited)
        values["correct_and_cited"] = float(bool(values["contains"]) and sound)
    values[f"refused[{kind_of(question)}]"] = float(outcome.refused)
    if not outcome.refused:
        values["words"] = float(len(outcome.answer.split()))
        values["sentences"] = float(outcome.sentences)
    return values


def kind_of(question: Question) -> str:
    """What refusals are counted under: answerable, or the kind of an unanswerable question."""
    return "answerable" if question.answerable else question.kind or "unanswerable"


def judge(
    outcome: Outcome, values: Mapping[str, float], relevant: Collection[str]
) -> tuple[bool | None, str]:
    """Whether the reaction was right, and in one word why: None and "" where nobody knows.

    ``ok``; ``not_found``: no passage of a relevant document was even looked at; ``wrong_sentence``: it
    was, but the answer is not in what is shown; ``wrongly_refused``; ``wrongly_answered``; ``failed``.
    An answer is right if it contains a reference answer. Where the reference is a long text, or there
    is none, it is right if it shows an evidence sentence, or else if it cites a relevant document.

    Args:
        outcome: What the pipeline made of the question.
        values: Of :func:`answer_values`.
        relevant: Ids of the relevant documents.
    """
    question = outcome.question
    if question.answerable is None:
        return None, ""
    if outcome.failed:
        return False, "failed"
    if not question.answerable:
        return (True, "ok") if outcome.refused else (False, "wrongly_answered")
    if _is_right(outcome, values, relevant):
        return True, "ok"
    if relevant and not outcome.read & set(relevant):
        return False, "not_found"
    return False, "wrongly_refused" if outcome.refused else "wrong_sentence"


def _is_right(outcome: Outcome, values: Mapping[str, float], relevant: Collection[str]) -> bool:
    """Of an answerable question, see :func:`judge`."""
    answers = outcome.question.answers
    if answers and min(len(answer.split()) for answer in answers) < LONG_ANSWER_WORDS:
        return values["contains"] > 0
    if values.get("contains"):
        return True
    for name in ("evidence_recall", "citation_precision"):
        if name in values:
            return values[name] > 0
    return not (outcome.refused or relevant or answers)


def answer_scores(
    outcomes: Sequence[Outcome], values: Sequence[Mapping[str, float]]
) -> dict[str, float | int | None]:
    """Scores of the answers; every share is in [0, 1] and None where there is nothing to score.

    Means of :func:`answer_values`, each over the questions that have it. ``refused[...]``: share
    refused, of the answerable questions (low is good) and of each kind that is not (high is good).
    ``auroc[...]``: how well ``confidence`` tells answerable questions from that kind; 0.5 is chance.
    ``verbatim``: share of quotes that stand word for word in the cited text.

    Args:
        outcomes: One for each question.
        values: Of each outcome, in the same order.
    """
    scored = [outcome for outcome in outcomes if outcome.question.answerable is not None]
    groups: dict[str, list[float]] = {"answerable": []}
    for outcome in scored:
        groups.setdefault(kind_of(outcome.question), []).append(outcome.confidence)
    kinds = sorted(groups.keys() - {"answerable"})
    scores: dict[str, float | int | None] = {"questions": len(scored)}
    for name in (*ANSWER_MEASURES, *(f"refused[{kind}]" for kind in ("answerable", *kinds))):
        scores[name] = mean(each[name] for each in values if name in each)
    for kind in kinds:
        scores[f"auroc[{kind}]"] = auroc(groups["answerable"], groups[kind])
    for name in LENGTHS:
        scores[name] = mean(each[name] for each in values if name in each)
    quotes = [each.verbatim for outcome in outcomes for each in outcome.cited]
    scores["failed"] = sum(outcome.failed for outcome in outcomes)
    scores["quotes"] = len(quotes)
    scores["verbatim"] = mean(quotes)
    return scores


def mean(values: Iterable[float]) -> float | None:
    """The mean, None of nothing."""
    known = list(values)
    return fmean(known) if known else None


def _holds_answer(outcome: Outcome) -> bool:
    return not outcome.refused and holds_any(outcome.answer, outcome.question.answers)


def holds_any(text: str, answers: Iterable[str]) -> bool:
    """Whether one of the answers stands in the text, whole words, in the form of :func:`normalised`."""
    padded = f" {normalised(text)} "
    return any(gold and f" {gold} " in padded for gold in map(normalised, answers))


def token_f1(answer: str, gold: str) -> float:
    """Harmonic mean of precision and recall of the words, in the form of :func:`normalised`: SQuAD's F1."""
    given, wanted = Counter(normalised(answer).split()), Counter(normalised(gold).split())
    if not given or not wanted:
        return float(given == wanted)
    return 2 * (given & wanted).total() / (given.total() + wanted.total())


def _shown_evidence(outcome: Outcome) -> list[bool]:
    """For each evidence sentence, whether enough of its words stand in the quotes from its document."""
    quotes: dict[str, list[str]] = {}
    for each in outcome.cited:
        quotes.setdefault(each.document, []).append(each.quote)
    shown: list[bool] = []
    for document, sentence in outcome.question.evidence:
        wanted = Counter(normalised(sentence).split())
        held = wanted & Counter(normalised(" ".join(quotes.get(document, ()))).split())
        shown.append(wanted.total() > 0 and held.total() >= EVIDENCE_SHARE * wanted.total())
    return shown


def normalised(text: str) -> str:
    """Lower case without punctuation and articles: the form in which SQuAD compares answers."""
    bare = text.lower().translate(str.maketrans("", "", string.punctuation))
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", bare).split())


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float | None:
    """Chance that a positive scores higher than a negative; a tie counts half. None if one side is empty."""
    if not positives or not negatives:
        return None
    up, down = Counter(positives), Counter(negatives)
    below, wins = 0, 0.0
    for value in sorted(up.keys() | down.keys()):
        wins += up[value] * (below + down[value] / 2)
        below += down[value]
    return wins / (len(positives) * len(negatives))
