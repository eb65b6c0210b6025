"""An evaluation of a tiny set with a word-count embedding: files, scores, and what a set can lack."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from index.errors import SourceError
from rag.comparison import compare_runs
from rag.evaluation import run_evaluation, summary_lines
from rag.evaluation_sets import read_questions
from rag.examination import Options
from rag.settings import Settings
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import unread

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
    return run_evaluation(folder, out, settings=unread(Settings()), options=options, embedder=embedder)


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
        "short": "",
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


def test_every_question_gets_a_verdict(evaluation_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = run(evaluation_set, out)
    rows = [json.loads(line) for line in (out / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["q1", "q2", "q3", "q4"]
    first, third, last = rows[0], rows[2], rows[3]
    assert (first["right"], first["why"], first["rank"], first["contains"]) == (True, "ok", 1, True)
    assert first["text"] == first["query"] == "When was the bridge built?"
    assert (first["status"], first["refused"], first["cited"]) == ("answered", False, ["doc:the bridge"])
    assert first["short"] in "The bridge was built in 1902."
    assert first["milliseconds"] > 0
    assert {"nDCG@10", "AllRel@5", "contains", "EM", "F1", "correct_and_cited"} <= first["measures"].keys()
    assert "market" in third["query"].casefold()  # what was searched, not what was typed
    assert (last["right"], last["why"], last["rank"], last["contains"]) == (True, "ok", None, None)
    assert summary["answers"]["right"] == sum(row["right"] for row in rows) / 4


def test_a_run_that_only_searches_judges_no_answer(evaluation_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(evaluation_set, out, Options(retrieval_only=True))
    first = json.loads((out / "questions.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert (first["rank"], first["right"], first["status"], first["refused"]) == (1, None, None, None)
    assert "contains" not in first["measures"]


def test_two_runs_of_the_same_set_can_be_compared(evaluation_set: Path, tmp_path: Path) -> None:
    run(evaluation_set, tmp_path / "a")
    run(evaluation_set, tmp_path / "b")
    comparison = compare_runs(tmp_path / "a", tmp_path / "b")
    differences = {each.measure: each for each in comparison.differences}
    assert {"right", "nDCG@10", "contains", "auroc[off_corpus]", "milliseconds"} <= differences.keys()
    assert differences["contains"].p == 1.0
    assert (comparison.only_a, comparison.only_b, comparison.changed) == ((), (), ())


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
