"""An evaluation of a tiny set with a word-count embedding: files, scores, and what a set can lack."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from index.errors import SourceError
from rag.answers import Passage
from rag.evaluation import Options, document_scores, read_questions, run_evaluation, summary_lines
from rag.scoring import Outcome, Question, answer_scores, auroc, normalised, retrieval_scores
from rag.settings import Settings
from tests.fakes import WordCountEmbedder

CORPUS = [
    {
        "id": "doc:the bridge",
        "title": "Bridge",
        "text": "The bridge was built in 1902. It crosses the river.",
    },
    {"id": "harbour", "title": "Harbour", "text": "The harbour freezes every winter. Ships wait outside."},
    {"id": "twin", "title": "Harbour", "text": "The harbour freezes every winter. Ships wait outside."},
    {"id": "market", "title": "", "text": "The market opens on Monday.\r\nIt sells letters."},
]
QUERIES = [
    {
        "id": "q1",
        "text": "When was the bridge built?",
        "answers": ["1902"],
        "answerable": True,
        "kind": "answerable",
    },
    {"id": "q2", "text": "When does the market open?", "answers": ["on Monday"], "answerable": True},
    {
        "id": "q3",
        "text": "What does it sell?",
        "answers": ["letters"],
        "answerable": True,
        "history": [
            {"role": "user", "text": "When does the market open?"},
            {"role": "assistant", "text": "The market opens on Monday."},
        ],
    },
    {"id": "q4", "text": "Who painted Guernica?", "answers": [], "answerable": False, "kind": "off_corpus"},
]
VOCABULARY = (
    *("bridge", "built", "harbour", "winter", "market", "open", "opens", "sell", "sells", "letters"),
    *("painted", "guernica"),
)
QRELS = "q1\tdoc:the bridge\t1\nq2\tmarket\t1\nq3\tmarket\t1\n"


@pytest.fixture
def evaluation_set(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in CORPUS)
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (folder / "queries.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in QUERIES), encoding="utf-8"
    )
    (folder / "qrels.tsv").write_text(QRELS, encoding="utf-8")
    return folder


def run(folder: Path, out: Path, options: Options | None = None) -> dict[str, Any]:
    embedder = WordCountEmbedder(VOCABULARY)
    return run_evaluation(folder, out, settings=Settings(), options=options, embedder=embedder)


def read_run(path: Path) -> dict[str, list[str]]:
    documents: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        question, literal, document, rank, _score, tag = line.split("\t")
        assert (literal, tag) == ("Q0", "footnote")
        documents.setdefault(question, []).append(document)
        assert int(rank) == len(documents[question])
    return documents


def test_a_run_writes_rankings_answers_and_a_summary(evaluation_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = run(evaluation_set, out)

    documents = read_run(out / "run.trec")
    assert documents["q1"][0] == "doc:the bridge"
    assert documents["q2"][0] == "market"
    assert documents["q3"][0] == "market"  # with the words of the turn before it

    rows = [json.loads(line) for line in (out / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["q1", "q2", "q3", "q4"]
    first = rows[0]
    assert not first["refused"]
    assert "1902" in first["answer"]
    assert "[1]" not in first["answer"]
    assert first["citations"][0]["doc"] == "doc:the bridge"
    assert rows[3] == {
        "id": "q4",
        "answer": "",
        "refused": True,
        "confidence": rows[3]["confidence"],
        "citations": [],
    }

    assert json.loads((out / "summary.json").read_text(encoding="utf-8")) == summary
    assert summary["documents"] == 4
    assert summary["retrieval"]["questions"] == 3
    assert summary["retrieval"]["nDCG@10"] == 1.0
    assert summary["answers"]["verbatim"] == 1.0
    assert summary["answers"]["refused[off_corpus]"] == 1.0
    assert any("nDCG@10" in line for line in summary_lines(summary))


def test_documents_with_the_same_content_are_all_ranked(evaluation_set: Path, tmp_path: Path) -> None:
    (evaluation_set / "queries.jsonl").write_text(
        '{"id": "q", "text": "harbour in winter"}\n', encoding="utf-8"
    )
    run(evaluation_set, tmp_path / "out", Options(retrieval_only=True))
    assert sorted(read_run(tmp_path / "out" / "run.trec")["q"][:2]) == ["harbour", "twin"]


def test_only_retrieval_writes_no_answers(evaluation_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(evaluation_set, out)
    summary = run(evaluation_set, out, Options(retrieval_only=True, limit=1))
    assert summary["questions"] == 1
    assert summary["answers"] is None
    assert not (out / "answers.jsonl").exists()
    assert list(read_run(out / "run.trec")) == ["q1"]


def test_a_cached_index_is_used_again(evaluation_set: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = run(evaluation_set, tmp_path / "first", Options(cache=cache))
    again = run(evaluation_set, tmp_path / "second", Options(cache=cache))
    assert len(list(cache.iterdir())) == 1
    assert again["retrieval"] == first["retrieval"]
    assert (tmp_path / "first" / "run.trec").read_bytes() == (tmp_path / "second" / "run.trec").read_bytes()


def test_a_set_that_is_incomplete_is_refused_with_a_hint(evaluation_set: Path, tmp_path: Path) -> None:
    (evaluation_set / "qrels.tsv").unlink()
    with pytest.raises(SourceError, match=r"qrels\.tsv does not exist") as caught:
        run(evaluation_set, tmp_path / "out")
    assert "corpus.jsonl.gz" in caught.value.hint


@pytest.mark.parametrize("content", ["{", '{"id": "q"}', "[]", "\udcff"])
def test_a_set_in_another_form_is_refused(evaluation_set: Path, tmp_path: Path, content: str) -> None:
    (evaluation_set / "queries.jsonl").write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(SourceError, match="not in the expected form"):
        run(evaluation_set, tmp_path / "out")


def test_a_damaged_corpus_is_refused(evaluation_set: Path, tmp_path: Path) -> None:
    corpus = evaluation_set / "corpus.jsonl.gz"
    corpus.write_bytes(corpus.read_bytes()[:-9])
    with pytest.raises(SourceError, match="not in the expected form"):
        run(evaluation_set, tmp_path / "out")


def test_questions_keep_their_history_oldest_first(evaluation_set: Path) -> None:
    questions = read_questions(evaluation_set / "queries.jsonl")
    assert [turn.role for turn in questions[2].history] == ["user", "assistant"]


# -- scores ----------------------------------------------------------------------------------------


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


def test_a_question_without_results_scores_zero() -> None:
    relevance = {"q1": {"a": 1}, "q2": {"b": 1}, "not asked": {"c": 1}}
    scores = retrieval_scores(relevance, {"q1": {"a": 1.0}, "q2": {}}, ["q1", "q2", "q3"])
    assert scores["questions"] == 2
    assert scores["nDCG@10"] == 0.5


def test_scores_without_any_relevant_document_are_left_out() -> None:
    assert retrieval_scores({}, {}, ["q1"]) == {"questions": 0}


def outcome(answerable: bool | None, *, refused: bool, confidence: float, answer: str = "") -> Outcome:
    kind = "answerable" if answerable else "adversarial"
    question = Question(question_id="q", text="?", answers=("The Seine",), answerable=answerable, kind=kind)
    return Outcome(question=question, answer=answer, refused=refused, confidence=confidence)


def test_answers_are_scored_by_what_they_hold_and_by_what_they_refuse() -> None:
    scores = answer_scores(
        [
            outcome(True, refused=False, confidence=0.9, answer="It is the river Seine."),
            outcome(True, refused=False, confidence=0.6, answer="It is the Seinest."),
            outcome(True, refused=True, confidence=0.4),
            outcome(False, refused=True, confidence=0.5),
            outcome(False, refused=False, confidence=0.7, answer="The Seine."),
            outcome(None, refused=True, confidence=0.0),
        ]
    )
    assert scores["questions"] == 5
    assert scores["contains"] == pytest.approx(1 / 3)
    assert scores["refused[answerable]"] == pytest.approx(1 / 3)
    assert scores["refused[adversarial]"] == 0.5
    assert scores["auroc[adversarial]"] == pytest.approx(3 / 6)
    assert scores["verbatim"] is None


def test_auroc_is_the_chance_that_a_positive_scores_higher() -> None:
    assert auroc([2.0, 3.0], [1.0]) == 1.0
    assert auroc([1.0], [1.0]) == 0.5
    assert auroc([1.0, 0.0], [0.5, 0.5]) == 0.5
    assert auroc([], [1.0]) is None


def test_answers_are_compared_without_case_punctuation_and_articles() -> None:
    assert normalised("The  U.S. of A.") == "us of"
