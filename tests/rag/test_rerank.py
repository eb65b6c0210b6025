from __future__ import annotations

from pathlib import Path

import pytest

from rag.rerank import Reranker
from rag.settings import RetrievalSettings, Settings
from tests.fakes import OverlapReader
from tests.rag.corpus import indexed
from tests.rag.test_duplicates import passage

SEINE = "The river Seine flows through Paris."
WARRANTY = "The warranty lasts 24 months."


def test_what_answers_comes_first_and_what_was_not_read_last() -> None:
    passages = [passage(n, text, f"{n}.txt") for n, text in enumerate((WARRANTY, SEINE, "Which river?"), 1)]
    ranked = Reranker(reader=OverlapReader(), passages=2).rank("Which river flows through Paris?", passages)
    assert [each.chunk_id for each in ranked.passages] == [2, 1, 3]
    assert sorted(ranked.readings) == [1, 2]
    first, second, third = ranked.passages
    assert first.reader is not None
    assert second.reader is not None
    assert first.reader > 0.5 > second.reader
    assert third.reader is None
    assert first.score > second.score >= third.score


def test_without_a_reader_or_in_another_language_the_order_stays() -> None:
    passages = [passage(1, WARRANTY, "a.txt"), passage(2, SEINE, "b.txt")]
    without = Reranker(reader=None, passages=8)
    assert without.reads == 0
    assert without.rank("Which river?", passages).passages == tuple(passages)
    reader = OverlapReader()
    german = Reranker(reader=reader, passages=8).rank("Welcher Fluss fließt durch die Stadt Paris?", passages)
    assert german.passages == tuple(passages)
    assert reader.asked == []


def test_the_reader_sees_titles_and_headings_once() -> None:
    from dataclasses import replace

    reader = OverlapReader()
    headed = replace(passage(1, SEINE, "a.txt"), title="France", heading_path=("France", "Rivers"))
    Reranker(reader=reader, passages=8).rank("Which river?", [headed])
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
