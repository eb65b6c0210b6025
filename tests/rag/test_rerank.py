from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from index.snapshot import Snapshot
from rag.asked import states
from rag.evidence import EvidenceSelector
from rag.reader.reading import Reading, Text
from rag.rerank import FAR, LIKELY, MAY_ANSWER, Reranker, chance_of, text_of
from rag.settings import RetrievalSettings, Settings
from tests.fakes import OverlapReader, WordCountEmbedder
from tests.rag.corpus import VOCABULARY, indexed
from tests.rag.test_duplicates import passage

SEINE = "The river Seine flows through Paris."
QUESTION = "Which river flows through Paris?"
WARRANTY = "The warranty lasts 24 months."


@pytest.fixture
def snapshot(tmp_path: Path) -> Iterator[Snapshot]:
    with indexed(tmp_path) as (store, _):
        yield store.snapshot()


def test_what_answers_comes_first_and_what_was_not_read_last(snapshot: Snapshot) -> None:
    passages = [passage(n, text, f"{n}.txt") for n, text in enumerate((WARRANTY, SEINE, "Which river?"), 1)]
    ranked = Reranker(reader=OverlapReader(), passages=2).rank(QUESTION, passages, snapshot)
    assert [each.chunk_id for each in ranked.passages] == [2, 1, 3]
    assert sorted(ranked.readings) == [1, 2]
    first, second, third = ranked.passages
    assert first.reader is not None
    assert second.reader is not None
    assert first.reader > 0.5 > second.reader
    assert third.reader is None
    assert first.score > second.score >= third.score
    assert [(each.text, each.passage) for each in ranked.sentences] == [(SEINE, first), (WARRANTY, second)]


def test_among_passages_that_are_read_alike_the_better_sentence_decides(snapshot: Snapshot) -> None:
    class Undecided(OverlapReader):
        def read(self, question: str, texts: Sequence[Text]) -> list[Reading]:
            return super().read("", texts)

    passages = [passage(1, WARRANTY, "1.txt"), passage(2, SEINE, "2.txt")]
    ranked = Reranker(reader=Undecided(), passages=2).rank(QUESTION, passages, snapshot)
    assert [each.chunk_id for each in ranked.passages] == [2, 1]


def test_more_is_read_only_while_nothing_read_is_likely_to_answer(snapshot: Snapshot) -> None:
    clear = [passage(n, SEINE if n == 2 else WARRANTY, f"{n}.txt") for n in range(1, 8)]
    ranked = Reranker(reader=OverlapReader(), passages=6).rank(QUESTION, clear, snapshot)
    assert sorted(ranked.readings) == [1, 2, 3, 4]
    unclear = [passage(n, WARRANTY, f"{n}.txt") for n in range(1, 8)]
    ranked = Reranker(reader=OverlapReader(), passages=6).rank(QUESTION, unclear, snapshot)
    assert sorted(ranked.readings) == [1, 2, 3, 4, 5, 6]


def test_no_more_is_read_where_all_is_far_from_the_question_and_nothing_may_answer(
    snapshot: Snapshot,
) -> None:
    unclear = [replace(passage(n, WARRANTY, f"{n}.txt"), cosine=FAR - 0.01) for n in range(1, 8)]
    reranker = Reranker(reader=OverlapReader(), passages=6)
    assert sorted(reranker.rank(QUESTION, unclear, snapshot).readings) == [1, 2, 3, 4]
    unclear[4] = replace(unclear[4], cosine=0.9)  # not one of the first
    assert len(reranker.rank(QUESTION, unclear, snapshot).readings) == 4
    unclear[0] = replace(unclear[0], cosine=FAR)
    assert len(reranker.rank(QUESTION, unclear, snapshot).readings) == 6
    unclear[0] = replace(passage(1, "Which river flows?", "1.txt"), cosine=0.0)
    best = chance_of(OverlapReader().read(QUESTION, [text_of(unclear[0])])[0])
    assert MAY_ANSWER <= best < LIKELY
    assert len(reranker.rank(QUESTION, unclear, snapshot).readings) == 6


def test_of_what_is_read_later_only_what_may_answer_comes_before_the_first(snapshot: Snapshot) -> None:
    # The fifth holds the sentence; the sixth was found by far the best, and answers nothing.
    found = [passage(n, SEINE if n == 5 else WARRANTY, f"{n}.txt") for n in range(1, 7)]
    found[5] = replace(found[5], fused=50.0)
    ranked = Reranker(reader=OverlapReader(), passages=6).rank(QUESTION, found, snapshot)
    assert [each.chunk_id for each in ranked.passages] == [5, 1, 2, 3, 4, 6]
    scores = [each.score for each in ranked.passages]
    assert scores == sorted(scores, reverse=True)


def test_without_a_reader_or_in_another_language_the_order_stays(snapshot: Snapshot) -> None:
    passages = [passage(1, WARRANTY, "a.txt"), passage(2, SEINE, "b.txt")]
    without = Reranker(reader=None, passages=8)
    assert without.reads == 0
    assert without.rank("Which river?", passages, snapshot).passages == tuple(passages)
    reader = OverlapReader()
    question = "Welcher Fluss fließt durch die Stadt Paris?"
    german = Reranker(reader=reader, passages=8).rank(question, passages, snapshot)
    assert german.passages == tuple(passages)
    assert reader.asked == []


def test_the_reader_sees_titles_and_headings_once(snapshot: Snapshot) -> None:
    reader = OverlapReader()
    headed = replace(passage(1, SEINE, "a.txt"), title="France", heading_path=("France", "Rivers"))
    Reranker(reader=reader, passages=8).rank("Which river?", [headed], snapshot)
    ((_, (text,)),) = reader.asked
    assert (text.title, text.text) == ("France Rivers", SEINE)


def test_an_answer_says_what_became_of_every_passage(tmp_path: Path) -> None:
    reader = OverlapReader()
    chosen = Settings(retrieval=RetrievalSettings(read=2))
    with indexed(tmp_path, settings=chosen, reader=reader) as (_, assistant):
        answer = assistant.ask("Which river flows through Paris?")
        assert [step.name for step in answer.steps] == ["condense", "retrieve", "rerank", "select", "cite"]
        kept = [each for each in answer.considered if each.kept]
        assert [each.passage.name for each in kept] == ["france.txt"]
        assert kept[0].reason == "cited as [1]"
        assert kept[0].passage.reader == pytest.approx(max(p.reader or 0 for p in answer.passages))
        assert all(each.reason for each in answer.considered)
        assert len(answer.considered) == 3
        assert assistant.search("Which river flows through Paris?", k=1)[0].name == "france.txt"


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("Aspirin lowers the risk of heart attacks.", True),
        ("1 in 5 million people carry it.", True),
        ("Which river flows through Paris?", False),
        ("which river flows through paris", False),
        ("warranty period of the X2", False),
        ("Tell me about the warranty.", False),
        ("In which year did it end.", False),
        ("", False),
    ],
)
def test_a_claim_is_told_from_a_question(text: str, claim: bool) -> None:
    assert states(text) is claim


def test_a_claim_keeps_the_order_it_was_found_in(snapshot: Snapshot) -> None:
    passages = [passage(1, WARRANTY, "1.txt"), passage(2, SEINE, "2.txt")]
    passages = [replace(each, fused=score) for each, score in zip(passages, (0.9, 0.8), strict=True)]
    reranker = Reranker(reader=OverlapReader(), passages=2)
    claimed = reranker.rank("The river Seine flows through Paris.", passages, snapshot)
    assert [each.chunk_id for each in claimed.passages] == [1, 2]
    assert sorted(claimed.readings) == [1, 2]
    asked = reranker.rank(QUESTION, passages, snapshot)
    assert [each.chunk_id for each in asked.passages] == [2, 1]


def test_a_sentence_of_two_passages_counts_once_as_the_better_of_them_reads(snapshot: Snapshot) -> None:
    shared = "It flows through Paris."
    earlier = passage(1, f"{WARRANTY} {shared}", "a.txt")
    later = replace(
        passage(2, f"{shared} That river is the Seine, which everybody knows.", "a.txt"),
        version_id=earlier.version_id,
        start=len(WARRANTY) + 1,
    )
    ranked = Reranker(reader=OverlapReader(), passages=2).rank(QUESTION, [earlier, later], snapshot)
    assert [each.text for each in ranked.sentences].count(shared) == 2
    selector = EvidenceSelector(WordCountEmbedder(VOCABULARY))
    evidence = selector.select(QUESTION, ranked.passages, snapshot, read=ranked.sentences)
    (once,) = [each for each in evidence.sentences if each.text == shared]
    assert once.passage.chunk_id == 2
    alone = selector.select(QUESTION, [ranked.passages[1]], snapshot, read=ranked.sentences)
    assert shared in [each.text for each in alone.sentences]


def test_every_citation_has_its_passage_however_few_are_shown(tmp_path: Path) -> None:
    texts = {
        "phone.txt": "The warranty of the phone lasts 24 months.",
        "battery.txt": "The battery is covered for 12 months only.",
        "river.txt": SEINE,
    }
    chosen = Settings(retrieval=RetrievalSettings(passages=1, read=3))
    with indexed(tmp_path, texts, settings=chosen, reader=OverlapReader()) as (_, assistant):
        answer = assistant.ask("How many months is the warranty of the phone, and the battery covered?")
    cited = [citation.chunk_id for citation in answer.citations]
    assert len(set(cited)) == 2
    assert sorted(each.chunk_id for each in answer.passages) == sorted(cited)
    scores = [each.score for each in answer.passages]
    assert scores == sorted(scores, reverse=True)
