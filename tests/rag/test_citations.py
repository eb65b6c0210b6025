from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answers import Passage
from rag.citations import CitationResolver, Resolved, claims_in, numbers_in
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import CORPUS, VOCABULARY, indexed


def resolved(text: str, data: Path) -> tuple[Resolved, list[Passage]]:
    """Resolve a text against the three documents, sorted by name: 1 France, 2 Normans, 3 phone."""
    with indexed(data) as (store, assistant):
        passages = sorted(assistant.search("Paris", k=3), key=lambda passage: passage.path)
        return CitationResolver(WordCountEmbedder(VOCABULARY)).resolve(
            text, passages, store.snapshot()
        ), passages


def test_a_sentence_taken_word_for_word_is_quoted(tmp_path: Path) -> None:
    result, _ = resolved("Rollo was the leader of the Norse raiders. [2]", tmp_path)
    assert result.sentences[0].verdict == "quoted"
    assert result.sentences[0].markers == (1,)
    assert result.citations[0].path == "normans.txt"
    assert result.citations[0].quote == "Rollo was the leader of the Norse raiders."


def test_a_claim_that_its_passage_carries_is_supported_by_one_exact_sentence(tmp_path: Path) -> None:
    result, _ = resolved("The capital of France is Paris [1].", tmp_path)
    assert result.sentences[0].text == "The capital of France is Paris."
    assert result.sentences[0].verdict == "supported"
    (citation,) = result.citations
    assert (
        CORPUS["france.txt"][citation.start : citation.end]
        == citation.quote
        == "Paris is the capital of France."
    )


def test_a_claim_that_its_passage_does_not_carry_has_no_citation(tmp_path: Path) -> None:
    result, _ = resolved("The warranty covers the battery [1].", tmp_path)
    assert result.sentences[0].verdict == "unsupported"
    assert result.sentences[0].markers == ()
    assert result.citations == ()


def test_a_changed_number_is_not_supported(tmp_path: Path) -> None:
    result, _ = resolved("The warranty of the phone lasts 36 months [3].", tmp_path)
    assert result.sentences[0].verdict == "unsupported"
    assert result.citations == ()


def test_requirement_28_a_mark_without_a_passage_is_dropped_and_counted(tmp_path: Path) -> None:
    result, _ = resolved("The capital of France is Paris [1][7][0].", tmp_path)
    assert result.dropped == 2
    assert result.sentences[0].markers == (1,)


def test_marks_are_numbered_in_order_of_use(tmp_path: Path) -> None:
    result, _ = resolved(
        "The warranty of the phone lasts 24 months [3]. The capital of France is Paris [1]. "
        "The warranty lasts 24 months for a phone [3].",
        tmp_path,
    )
    assert [sentence.markers for sentence in result.sentences] == [(1,), (2,), (1,)]
    assert [citation.path for citation in result.citations] == ["phone.txt", "france.txt"]


def test_a_sentence_without_a_mark_is_unsupported(tmp_path: Path) -> None:
    result, _ = resolved("Here is what I think about it.", tmp_path)
    assert [sentence.verdict for sentence in result.sentences] == ["unsupported"]


def test_a_fragment_of_a_sentence_is_no_quote(tmp_path: Path) -> None:
    result, _ = resolved("The leader of the Norse raiders [2].", tmp_path)
    assert result.sentences[0].verdict != "quoted"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One fact [1]. Another one. [2]", [("One fact.", (1,)), ("Another one.", (2,))]),
        ("One fact [1, 2][3].", [("One fact.", (1, 2, 3))]),
        ("One fact【2】.", [("One fact.", (2,))]),
        ("[1] One fact.", [("One fact.", (1,))]),
        ("One fact [1] and a half [1].", [("One fact and a half.", (1,))]),
        ("- One fact [1]\n- Another one [2]", [("One fact", (1,)), ("Another one", (2,))]),
        ("<think>[3] hm. Well.</think>One fact [1].", [("One fact.", (1,))]),
        ("An array a[i] and [note].", [("An array a[i] and [note].", ())]),
        ("[1] [2]", []),
        ("", []),
    ],
)
def test_marks_belong_to_their_sentence(text: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(claim.text, claim.numbers) for claim in claims_in(text)] == expected


@given(st.text(alphabet=st.sampled_from("ab .[]【】1239,;^\n-#<>/thinkA!?\ud7ff\U0001f642"), max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_is_parsed_and_no_mark_is_invented(text: str) -> None:
    digits = {int(run) for run in "".join(c if c in "1239" else " " for c in text).split()}
    for claim in claims_in(text):
        assert set(claim.numbers) <= digits or any(number >= 0 for number in claim.numbers)
        assert claim.text.strip()


@pytest.mark.parametrize("piece", ["[", "[1", "[ ^", "[1,", "[1][", "]", "[1, 2; ", "a. ", "- "])
def test_parsing_is_linear(piece: str) -> None:
    started = time.process_time()
    claims_in(piece * (1_000_000 // len(piece) // 4))
    assert time.process_time() - started < 5


def test_numbers_are_compared_without_grouping() -> None:
    assert numbers_in("1,200 and 3.5 in 1999.") == frozenset({"1200", "3.5", "1999"})
