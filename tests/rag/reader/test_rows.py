from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from index.sentences import sentence_spans
from rag.reader import negatives
from rag.reader.rows import Row, read_rows, window

TEXT = "Rollo led the Norse raiders in 911. Charles the Simple gave him land. Later came William. " * 4


def row(question: str, answer: str = "", text: str = TEXT, title: str = "Normans") -> Row:
    start = text.index(answer) if answer else 0
    spans = tuple(sentence_spans(text))
    answers = ((start, start + len(answer)),) if answer else ()
    evidence = tuple(span for span in spans if answers and span[0] <= start < span[1])
    return Row(question=question, title=title, text=text, answers=answers, evidence=evidence, sentences=spans)


def test_rows_are_read_with_the_sentence_that_holds_the_answer(tmp_path: Path) -> None:
    records = [
        {
            "question": "Who led?",
            "title": "Normans",
            "text": TEXT,
            "answers": [{"text": "Rollo", "start": 0}],
        },
        {"question": "Who fled?", "title": "Amazon Reviews 3", "text": TEXT, "answers": [], "fold": 2},
    ]
    with gzip.open(tmp_path / "some.jsonl.gz", "wt") as out:
        out.writelines(json.dumps(record) + "\n" for record in records)
    first, second = read_rows(tmp_path / "some.jsonl.gz")
    assert first.evidence == (first.sentences[0],)
    assert (first.source, first.title, first.fold) == ("some", "Normans", None)
    assert (second.answers, second.title, second.fold) == ((), "", 2)


@given(st.integers(20, 400), st.integers(0, 10_000))
def test_a_window_keeps_the_answer_and_its_offsets(most_chars: int, seed: int) -> None:
    whole = row("Who gave land?", "Charles the Simple")
    cut = window(whole, most_chars, random.Random(seed))
    assert [cut.text[start:end] for start, end in cut.answers] == ["Charles the Simple"]
    assert all(cut.text[start:end] in TEXT for start, end in cut.sentences)
    assert any(start <= cut.answers[0][0] < end for start, end in cut.evidence)
    assert len(cut.text) <= max(most_chars, max(end - start for start, end in whole.sentences))


def test_a_mined_passage_is_near_the_question_and_lacks_its_answer() -> None:
    asked = row("Which raiders did Rollo lead?", "Norse raiders", text="Rollo led the Norse raiders. He won.")
    near = row("?", text="Which raiders came with Rollo is not known.")
    holding = row("?", text="Rollo and his Norse raiders were raiders.")
    far = row("?", text="Batteries last two years.")
    (found,) = negatives.mined([asked], [asked, near, holding, far], random.Random(1))
    assert found is not None
    assert (found.question, found.text, found.answers) == (asked.question, near.text, ())
    assert 0 < found.weight < 1


def test_an_exchanged_question_differs_in_one_thing_and_has_no_answer() -> None:
    asked = [
        row("In what year did Charles the Simple give land after 911?", "him land"),
        row("Who came later?", "William"),
        row("Who was the first to lead?", "Rollo"),
        row("Led?", "Rollo"),
    ]
    number_or_name, opposite, last, nothing = negatives.exchanged(asked, random.Random(3))
    assert number_or_name is not None
    assert number_or_name.question != asked[0].question
    assert number_or_name.answers == ()
    assert opposite is None or opposite.question == "Who didn't came later?"
    assert last is not None
    assert last.question == "Who was the last to lead?"
    assert nothing is None
