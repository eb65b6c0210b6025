"""RELIABILITY 4: killed at any time, the index is sound, lacks nothing, and the next run completes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.index.fault_points import fault_points
from tests.index.forked import CAN_FORK, Forker, quick_folder
from tests.index.kills import Harness, run_kills
from tests.index.variants import HALF

pytestmark = [
    pytest.mark.skipif(not CAN_FORK, reason="the harness forks"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    with Forker("tests.index.kills") as started:
        yield started


@pytest.fixture
def root() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


def test_every_step_has_a_fault_point() -> None:
    points = fault_points()
    for step in (
        "publish.put",
        "publish.committed",
        "checkpoint.written",
        "checkpoint.renamed",
        "checkpoint.committed",
        "lexical.committed",
        "manifest.renamed",
        "original.renamed",
        "remove.hidden",
        "purge.terms_gone",
        "restore.set_aside",
    ):
        assert step in points


def test_requirement_04_kills_at_random_times_and_at_every_fault_point(forker: Forker, root: Path) -> None:
    summary = run_kills(forker, root, at_random=8, rounds=1)
    assert summary.violations == []
    assert {point for point, count in summary.at_points.items() if count} == set(fault_points())
    assert summary.at_random >= 8
    assert summary.slowest_start < 10


@pytest.mark.parametrize(
    ("variant", "point", "complaint"),
    [
        ("pointer before rename", "checkpoint.committed", "checkpoint base-.* is missing"),
        ("overwrite in place", HALF, "checkpoint base-0.faiss is damaged"),
        ("lexical index not rolled forward", "publish.committed", "the lexical index lacks"),
        ("exchange not settled", "restore.set_aside", "neither index is there"),
    ],
)
def test_requirement_04_a_broken_variant_is_caught(
    forker: Forker, root: Path, variant: str, point: str, complaint: str
) -> None:
    harness = Harness(root, forker, seed=3, variant=variant)
    assert harness.summary.violations == [], "the variant is sound until it is killed"
    harness.kill_at(point, passage=1)
    assert any(re.search(complaint, line) for line in harness.summary.violations)
