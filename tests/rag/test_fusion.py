from __future__ import annotations

import pytest

from rag.fusion import fuse


def test_scores_are_scaled_before_they_are_mixed() -> None:
    fused = fuse({1: 0.9, 2: 0.5, 3: 0.1}, {1: 0.0, 2: 12.0, 3: 6.0}, dense_weight=0.4)
    assert fused == pytest.approx({1: 0.4, 2: 0.2 + 0.6, 3: 0.3})


def test_equal_cosines_count_in_full() -> None:
    assert fuse({1: 0.3, 2: 0.3}, {1: 2.0, 2: 1.0}, dense_weight=0.4) == pytest.approx({1: 1.0, 2: 0.7})


def test_no_keyword_match_leaves_the_meaning() -> None:
    assert fuse({1: 0.9, 2: 0.1}, {}, dense_weight=0.4) == pytest.approx({1: 0.4, 2: 0.0})


def test_nothing_fuses_to_nothing() -> None:
    assert fuse({}, {}) == {}
