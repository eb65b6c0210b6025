"""Scores: what each measure says of one answer, and their means."""

from __future__ import annotations

import pytest

from rag.answers import Passage
from rag.examination import document_scores
from rag.scoring import (
    Cited,
    Outcome,
    Question,
    answer_scores,
    answer_values,
    auroc,
    judge,
    normalised,
    retrieval_scores,
    retrieval_values,
    token_f1,
)


def passage(version_id: int, score: float) -> Passage:
    return Passage(
        chunk_id=0,
        doc_id="",
        version_id=version_id,
        collection="",
        path="",
        title="",
        page=None,
        heading_path=(),
        start=0,
        end=1,
        text="x",
        score=score,
        cosine=0.0,
        bm25=0.0,
    )


def test_a_document_scores_as_its_best_passage() -> None:
    passages = [passage(1, 0.9), passage(2, 0.8), passage(1, 0.7), passage(3, 0.6)]
    scores = document_scores(passages, {1: ("a",), 2: ("b", "c")})
    assert list(scores.items()) == [("a", 0.9), ("b", 0.8), ("c", 0.8)]


# -- retrieval


def test_a_question_without_results_scores_zero() -> None:
    relevance = {"q1": {"a": 1}, "q2": {"b": 1}, "not asked": {"c": 1}}
    values = retrieval_values(relevance, {"q1": {"a": 1.0}, "q2": {}}, ["q1", "q2", "q3"])
    assert list(values) == ["q1", "q2"]
    assert values["q1"]["nDCG@10"] == 1.0
    assert set(values["q2"].values()) == {0.0}
    scores = retrieval_scores(values)
    assert (scores["questions"], scores["nDCG@10"], scores["AllRel@5"]) == (2, 0.5, 0.5)


def test_scores_without_any_relevant_document_are_left_out() -> None:
    assert retrieval_scores(retrieval_values({}, {}, ["q1"])) == {"questions": 0}


def test_all_relevant_means_every_one_of_them_among_the_first_five() -> None:
    relevance = {"in": {"a": 1, "e": 1}, "out": {"a": 1, "f": 1}}
    ranking = dict(zip("abcdef", (6.0, 5.0, 4.0, 3.0, 2.0, 1.0), strict=True))
    values = retrieval_values(relevance, {"in": ranking, "out": ranking}, ["in", "out"])
    assert [values[name]["AllRel@5"] for name in ("in", "out")] == [1.0, 0.0]
    assert values["out"]["R@5"] == 0.5


# -- answers


def outcome(
    answerable: bool | None = True,
    *,
    answers: tuple[str, ...] = ("The Seine",),
    refused: bool = False,
    confidence: float = 0.5,
    answer: str = "",
    evidence: tuple[tuple[str, str], ...] = (),
    **more: object,
) -> Outcome:
    question = Question(
        question_id="q",
        text="?",
        answers=answers,
        answerable=answerable,
        kind="answerable" if answerable else "adversarial",
        evidence=evidence,
    )
    values = {"refused": refused, "confidence": confidence, "answer": answer, **more}
    return Outcome(question=question, **values)  # type: ignore[arg-type]


def scored(outcomes: list[Outcome]) -> dict[str, float | int | None]:
    return answer_scores(outcomes, [answer_values(each, ()) for each in outcomes])


def test_answers_are_scored_by_what_they_hold_and_by_what_they_refuse() -> None:
    scores = scored(
        [
            outcome(True, confidence=0.9, answer="It is the river Seine."),
            outcome(True, confidence=0.6, answer="It is the Seinest."),
            outcome(True, refused=True, confidence=0.4),
            outcome(False, refused=True, confidence=0.5),
            outcome(False, confidence=0.7, answer="The Seine."),
            outcome(None, refused=True, confidence=0.0),
        ]
    )
    assert scores["questions"] == 5
    assert scores["contains"] == pytest.approx(1 / 3)
    assert scores["refused[answerable]"] == pytest.approx(1 / 3)
    assert scores["refused[adversarial]"] == 0.5
    assert scores["auroc[adversarial]"] == pytest.approx(3 / 6)
    assert scores["verbatim"] is None
    assert scores["citation_precision"] is None


def test_the_short_answer_is_compared_with_the_reference_where_one_is_marked() -> None:
    marked = answer_values(outcome(answer="It is the river Seine.", short="Seine"), ())
    assert (marked["EM"], marked["F1"], marked["contains"]) == (1.0, 1.0, 1.0)
    whole = answer_values(outcome(answer="It is the river Seine.", short=""), ())
    assert whole["EM"] == 0.0
    assert whole["F1"] == pytest.approx(2 * 1 / (4 + 1))  # "it is river seine" against "seine"
    refused = answer_values(outcome(refused=True, short="Seine"), ())
    assert (refused["EM"], refused["F1"], refused["contains"]) == (0.0, 0.0, 0.0)


def test_the_best_of_several_reference_answers_counts() -> None:
    values = answer_values(outcome(answers=("the Loire", "Paris on the Seine"), short="Seine Paris"), ())
    assert values["F1"] == pytest.approx(2 * 2 / (2 + 3))


def test_words_shared_more_often_than_they_stand_there_count_once() -> None:
    assert token_f1("paris paris", "Paris Seine") == 0.5
    assert token_f1("the", "a") == 1.0  # nothing is left of either
    assert token_f1("", "Seine") == 0.0


def test_cited_documents_are_compared_with_the_relevant_ones() -> None:
    cited = (
        Cited(document="a", quote="x"),
        Cited(document="a", quote="y"),
        Cited(document="z", quote="x"),
    )
    values = answer_values(outcome(answer="Seine", cited=cited), {"a", "b", "c"})
    assert values["citation_precision"] == 0.5
    assert values["citation_recall"] == pytest.approx(1 / 3)
    assert values["correct_and_cited"] == 1.0


def test_an_answer_without_a_citation_has_no_precision() -> None:
    values = answer_values(outcome(answer="Seine"), {"a"})
    assert (values["citation_precision"], values["correct_and_cited"]) == (0.0, 0.0)


def test_a_refusal_is_not_blamed_for_its_citations_but_is_not_correct_and_cited() -> None:
    values = answer_values(outcome(refused=True), {"a"})
    assert "citation_precision" not in values
    assert values["correct_and_cited"] == 0.0


def test_a_quote_that_is_not_verbatim_is_not_correct_and_cited() -> None:
    cited = (Cited(document="a", quote="Seine", verbatim=False),)
    assert answer_values(outcome(answer="Seine", cited=cited), {"a"})["correct_and_cited"] == 0.0


def test_evidence_counts_from_four_fifths_of_its_words_in_the_right_document() -> None:
    evidence = (("a", "one two three four five"), ("b", "one two three four five"))
    cited = (Cited(document="a", quote="one two three"), Cited(document="a", quote="Four!"))
    assert answer_values(outcome(cited=cited, evidence=evidence), {"a"})["evidence_recall"] == 0.5
    less = (Cited(document="a", quote="one two three"), Cited(document="z", quote="four five"))
    assert answer_values(outcome(cited=less, evidence=evidence), {"a"})["evidence_recall"] == 0.0


def test_the_length_of_answers_leaves_refusals_out() -> None:
    scores = scored(
        [
            outcome(answer="It is the Seine.", sentences=1),
            outcome(answer="The Seine. It flows there.", sentences=2),
            outcome(refused=True),
        ]
    )
    assert (scores["words"], scores["sentences"]) == (4.5, 1.5)


def test_a_question_of_which_nothing_is_known_has_no_measures() -> None:
    assert answer_values(outcome(None, answer="Seine"), {"a"}) == {}


# -- verdicts


def verdict(each: Outcome, relevant: set[str]) -> tuple[bool | None, str]:
    return judge(each, answer_values(each, relevant), relevant)


LONG = "one two three four five six seven eight nine ten eleven twelve"
SHOWN = (Cited(document="a", quote="it is shown"),)


@pytest.mark.parametrize(
    ("each", "relevant", "expected"),
    [
        (outcome(answer="The Seine."), {"a"}, (True, "ok")),
        (outcome(answer="The Loire.", read=frozenset("ab")), {"a"}, (False, "wrong_sentence")),
        (outcome(answer="The Loire.", read=frozenset("b")), {"a"}, (False, "not_found")),
        (outcome(refused=True, read=frozenset("a")), {"a"}, (False, "wrongly_refused")),
        (outcome(refused=True, read=frozenset("b")), {"a"}, (False, "not_found")),
        (outcome(refused=True), set(), (False, "wrongly_refused")),
        (outcome(False, refused=True), set(), (True, "ok")),
        (outcome(False, answer="The Seine."), set(), (False, "wrongly_answered")),
        (outcome(refused=True, status="failed"), {"a"}, (False, "failed")),
        (outcome(False, refused=True, status="failed"), set(), (False, "failed")),
        (outcome(None, answer="The Seine."), {"a"}, (None, "")),
        # A long reference: an evidence sentence, else a relevant document, decides.
        (outcome(answers=(LONG,), cited=SHOWN, evidence=(("a", "it is shown"),)), {"a"}, (True, "ok")),
        (
            outcome(answers=(LONG,), cited=SHOWN, evidence=(("a", "not that"),), read=frozenset("a")),
            {"a"},
            (False, "wrong_sentence"),
        ),
        (outcome(answers=(LONG,), cited=SHOWN), {"a"}, (True, "ok")),
        (outcome(answers=(), cited=SHOWN), {"a"}, (True, "ok")),
        (outcome(answers=(), cited=SHOWN, read=frozenset("b")), {"b"}, (False, "wrong_sentence")),
        (outcome(answers=(), answer="Anything."), set(), (True, "ok")),
        (outcome(answers=(), refused=True), set(), (False, "wrongly_refused")),
    ],
)
def test_every_question_ends_in_one_word(
    each: Outcome, relevant: set[str], expected: tuple[bool | None, str]
) -> None:
    assert verdict(each, relevant) == expected


# -- words and areas


def test_auroc_is_the_chance_that_a_positive_scores_higher() -> None:
    assert auroc([2.0, 3.0], [1.0]) == 1.0
    assert auroc([1.0], [1.0]) == 0.5
    assert auroc([1.0, 0.0], [0.5, 0.5]) == 0.5
    assert auroc([], [1.0]) is None


def test_answers_are_compared_without_case_punctuation_and_articles() -> None:
    assert normalised("The  U.S. of A.") == "us of"
