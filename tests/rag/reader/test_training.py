"""What the reader is taught, and that it learns: with rows made here and a network of random weights."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from index.embeddings import packaged_tokenizer
from rag.reader.features import PairEncoder
from rag.reader.lessons import Lessons, lesson_of, loss_of
from rag.reader.network import NEVER, TorchRuns
from rag.reader.reading import NetworkReader, Text
from rag.reader.rows import Row
from rag.reader.units import Recipe, batches_of, share_of
from tests.rag.reader.test_reading import tiny_network
from tests.rag.reader.test_rows import TEXT, row

TOWNS = ("Paris", "Rome", "Oslo", "Bern", "Kyoto", "Lima", "Quito", "Cairo", "Accra", "Hanoi")


def passage(town: str, year: int) -> str:
    return f"{town} lies by a river. The bridge of {town} was built in {year}. Many people live there."


def file_of_rows(path: Path) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as out:
        for number, town in enumerate(TOWNS):
            text = passage(town, 1900 + number)
            record = {
                "question": f"When was the bridge of {town} built?",
                "title": town,
                "text": text,
                "answers": [{"text": str(1900 + number), "start": text.index("19")}],
                "fold": number % 2,
            }
            out.write(json.dumps(record) + "\n")
    return path


def recipe(path: Path, **changes: object) -> Recipe:
    plain = Recipe(
        files=(str(path),),
        take=(0,),
        folds=(0, 1),
        start="",
        epochs=1.0,
        rate=1e-3,
        batch_pairs=4,
        window_chars=700,
        mined_share=0.0,
        exchanged_share=0.0,
        frozen_layers=0,
        dropout=0.0,
        seed=3,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_every_epoch_holds_every_row_once_and_the_last_may_be_cut_short(tmp_path: Path) -> None:
    path = file_of_rows(tmp_path / "towns.jsonl.gz")
    asked = [unit[0].question for batch in batches_of(recipe(path, epochs=2.5)) for unit in batch]
    assert len(asked) == 25
    assert len(set(asked[:10])) == len(set(asked[10:20])) == 10
    left_out = {unit[0].title for batch in batches_of(recipe(path, folds=(1,))) for unit in batch}
    assert left_out == set(TOWNS[1::2])
    assert len([unit for batch in batches_of(recipe(path, take=(4,))) for unit in batch]) == 4


def test_a_negative_follows_its_row_and_is_made_anew_in_each_epoch(tmp_path: Path) -> None:
    path = file_of_rows(tmp_path / "towns.jsonl.gz")
    batches = batches_of(recipe(path, epochs=4, mined_share=0.5, exchanged_share=1.0))
    partners: dict[str, set[tuple[str, str]]] = {}
    for unit in (unit for batch in batches for unit in batch if len(unit) == 2):
        first, second = unit
        assert first.answers
        assert not second.answers
        assert second.weight < 1.0
        partners.setdefault(first.question, set()).add((second.question, second.text))
    assert len(partners) == len(TOWNS)
    assert any(len(made) > 1 for made in partners.values())


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_a_batch_without_loss(tmp_path: Path, processes: int) -> None:
    (batch, *_) = batches_of(recipe(file_of_rows(tmp_path / "towns.jsonl.gz"), batch_pairs=10))
    shares = [share_of(batch, rank, processes) for rank in range(processes)]
    assert sorted(unit[0].question for share in shares for unit in share) == sorted(
        unit[0].question for unit in batch
    )
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_lesson_says_where_the_answer_stands_and_where_there_is_none() -> None:
    rows = [row("Who led the raiders?", "Rollo"), row("Who led the Romans?")]
    encoder = PairEncoder(packaged_tokenizer())
    pairs = [encoder.encode(each.question, each.title, each.text, each.sentences) for each in rows]
    lesson = lesson_of(rows, pairs, [False, True])
    (first,) = (lesson.start[0] == 0).nonzero()
    (last,) = (lesson.end[0] == 0).nonzero()
    offsets = pairs[0].offsets
    begin, end = offsets[int(first) - pairs[0].first][0], offsets[int(last) - pairs[0].first][1]
    assert TEXT[begin:end] == "Rollo"
    assert lesson.evidence[0].argmax() == 0
    assert lesson.start[1].argmax() == lesson.end[1].argmax() == 0  # at [CLS]
    assert lesson.evidence[1].max() == NEVER
    assert lesson.answerable.tolist() == lesson.evident.tolist() == [1.0, 0.0]
    assert lesson.rival.tolist() == [0.0, 1.0]


def test_an_answer_that_was_cut_off_counts_as_none() -> None:
    late = row("Who came?", "William", text="Rollo led the raiders. " * 150 + "Later came William.")
    encoder = PairEncoder(packaged_tokenizer())
    lesson = lesson_of(
        [late], [encoder.encode(late.question, late.title, late.text, late.sentences)], [False]
    )
    assert lesson.answerable.tolist() == [0.0]


def test_a_network_that_is_taught_marks_the_answers(tmp_path: Path) -> None:
    path = file_of_rows(tmp_path / "towns.jsonl.gz")
    plan = recipe(path, epochs=60, batch_pairs=20, exchanged_share=1.0)
    lessons = Lessons(batches_of(plan), plan)
    network = tiny_network().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses: list[float] = []
    for number in range(len(lessons)):
        loss = loss_of(network, lessons[number])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert sum(losses[-5:]) < sum(losses[:5]) / 3
    reader = NetworkReader(TorchRuns(network.eval(), threads=1), PairEncoder(packaged_tokenizer()))
    taught: list[Row] = [unit[0] for batch in batches_of(recipe(path)) for unit in batch]
    right = 0
    for each in taught:
        (reading,) = reader.read(each.question, [Text(each.title, each.text, each.sentences)])
        span = max(reading.sentences, key=lambda sentence: sentence.span_score).span
        right += span == each.answers[0]
    assert right >= 8
    reader.close()
