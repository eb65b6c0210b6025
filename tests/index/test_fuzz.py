"""Requirement 34, its short form: valid files, changed at random, give a document or a DocumentError."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from index.errors import DocumentError
from index.parsing import Parser
from tests.index.fuzz import LIMITS, Trial, changed, check, read_seed, small_seeds, trials

ROUNDS = 150
ROUNDS_THROUGH_THE_READER = 400


@pytest.mark.parametrize("name", list(small_seeds()))
def test_requirement_34_damaged_files_never_surprise(name: str) -> None:
    original = small_seeds()[name]
    for number in range(ROUNDS):
        data = changed(original, random.Random(f"{name} {number}"), small_seeds())
        try:
            document = read_seed(data, name)
        except DocumentError:
            continue
        check(document)


def test_requirement_34_the_reader_of_documents_survives_damaged_files() -> None:
    with Parser(LIMITS) as parser:
        done = list(islice(trials(parser, 34), ROUNDS_THROUGH_THE_READER))
    assert [(trial.name, trial.number, trial.detail) for trial in done if trial.is_finding] == []
    assert {"document", "damaged"} <= {trial.ending for trial in done}


def test_requirement_34_the_seeds_are_valid_and_changes_repeat() -> None:
    for name, data in small_seeds().items():
        check(read_seed(data, name))
        assert changed(data, random.Random(1), small_seeds()) == changed(
            data, random.Random(1), small_seeds()
        )


@pytest.mark.parametrize(
    ("ending", "size", "finding"),
    [
        *(("document", 1, False), ("damaged", 1, False), ("broken", 1, True), ("crashed", 1, True)),
        *(("timeout", 1, True), ("timeout", 3_000_000, False)),
    ],
)
def test_requirement_34_crashes_and_timeouts_are_findings(ending: str, size: int, finding: bool) -> None:
    trial = Trial(number=0, name="a.pdf", data=bytes(size), ending=ending, detail="", seconds=0.0)
    assert trial.is_finding is finding
