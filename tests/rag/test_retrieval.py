from __future__ import annotations

from pathlib import Path

import pytest

from index.analysis import detect_language
from index.errors import EmbedderMismatchError
from index.store import Store
from rag.condense import Context
from rag.retrieval import HybridRetriever
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import CORPUS, PHONE, VOCABULARY, indexed


def retriever(store: Store) -> HybridRetriever:
    return HybridRetriever(store=store, embedder=WordCountEmbedder(VOCABULARY))


def test_the_best_passage_comes_first_with_its_place(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, _):
        best = retriever(store).search("How long is the warranty of the battery?", k=3)[0]
    assert best.path == "phone.txt"
    assert best.text == PHONE[best.start : best.end]
    assert (best.dense_rank, best.lexical_rank) == (1, 1)
    assert best.score == pytest.approx(1.0)


def test_a_word_that_only_the_keywords_know_is_found(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, _):
        found = retriever(store).search("fealty", k=1)
    assert [passage.path for passage in found] == ["normans.txt"]
    assert found[0].bm25 > 0


def test_words_of_earlier_turns_find_the_topic_and_do_not_change_what_is_meant(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, _):
        search = retriever(store).search
        bare = {each.path: each for each in search("How long is it covered?", k=3)}
        alone = search("Rollo", k=1)
        leaning = {
            each.path: each
            for each in search("How long is it covered?", k=3, context=Context(text="Rollo", weight=0.5))
        }
    assert alone[0].path == "normans.txt"
    assert bare["normans.txt"].bm25 == 0
    assert leaning["normans.txt"].bm25 == pytest.approx(0.5 * alone[0].bm25)
    assert leaning["phone.txt"].bm25 == bare["phone.txt"].bm25 > 0
    assert {name: each.cosine for name, each in leaning.items()} == {
        name: each.cosine for name, each in bare.items()
    }


def test_earlier_words_weigh_less_than_those_of_the_question(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, _):
        found = retriever(store).search("warranty", k=3, context=Context(text="Rollo raiders", weight=0.25))
    assert found[0].path == "phone.txt"


@pytest.mark.parametrize(
    ("question", "claim", "language"),
    [
        (
            "Is the warranty of the battery for raiders or not?",
            "It says that the warranty of the battery is for raiders and not more.",
            "en",
        ),
        ("Warranty battery raiders?", "Warranty battery raiders.", None),
    ],
)
def test_of_a_claim_the_meaning_counts_for_more_than_of_a_question(
    question: str, claim: str, language: str | None, tmp_path: Path
) -> None:
    assert detect_language(claim) == language
    with indexed(tmp_path) as (store, _):
        asked, claimed = (
            {each.path: each for each in retriever(store).search(text, k=5)} for text in (question, claim)
        )
    # The Normans are found by a rare word alone, and the phone by what is meant.
    assert claimed["phone.txt"].cosine > claimed["normans.txt"].cosine
    assert claimed["normans.txt"].fused < asked["normans.txt"].fused


def test_no_more_than_k_best_first(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, _):
        found = retriever(store).search("capital of France and the leader of the Norse", k=2)
    assert len(found) == 2
    assert found[0].score >= found[1].score


def test_a_passage_that_was_removed_meanwhile_is_left_out(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, _):
        snapshot = store.snapshot()
        store.remove([row.doc_id for row in store.documents() if row.path == "phone.txt"])
        found = retriever(store).search("warranty", k=10, snapshot=snapshot)
    assert sorted(passage.path for passage in found) == ["france.txt", "normans.txt"]


def test_the_same_content_under_two_paths_is_one_passage(tmp_path: Path) -> None:
    with indexed(tmp_path, {**CORPUS, "copy.txt": PHONE}) as (store, _):
        found = retriever(store).search("warranty", k=10)
    assert sorted(passage.path for passage in found) == ["copy.txt", "france.txt", "normans.txt"]


def test_another_embedding_model_is_refused(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, _):
        other = HybridRetriever(store=store, embedder=WordCountEmbedder(["paris"]))
        with pytest.raises(EmbedderMismatchError):
            other.search("Paris", k=1)


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert retriever(store).search("Paris", k=3) == []


@pytest.mark.parametrize(
    "query", ["", "   ", "???", 'AND OR NOT ( [ " *', "the of and", "\U0001f642", "a" * 5000]
)
def test_any_query_is_searched(query: str, tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, _):
        assert len(retriever(store).search(query, k=3)) == 3
