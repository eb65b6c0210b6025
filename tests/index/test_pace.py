"""Rate and time left: of the last seconds, and without the time of a pause."""

from __future__ import annotations

from index.pace import WINDOW_SECONDS, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_time_left_follow_from_what_was_done() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now += 10
    assert pace.mark(500, 0.25) == (50.0, 30.0)


def test_at_the_very_beginning_the_time_left_is_not_told() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.mark(0, 0.0) == (0.0, None)
    clock.now += 1
    assert pace.mark(10, 0.5) == (10.0, None)
    clock.now += 9
    assert pace.mark(10, 0.01)[1] is None


def test_only_the_last_seconds_count() -> None:
    clock = Clock()
    pace = Pace(clock)
    for step in range(1, 101):  # a hundred quick seconds
        clock.now += 1
        pace.mark(100 * step, step / 1000)
    for step in range(1, int(WINDOW_SECONDS) + 2):  # then ten times slower
        clock.now += 1
        rate, left = pace.mark(10_000 + 10 * step, 0.1 + step / 10_000)
    assert round(rate) == 10
    assert left is not None
    assert round(left) == round((1 - 0.1 - (WINDOW_SECONDS + 1) / 10_000) * 10_000)


def test_a_pause_takes_no_time() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now += 5
    pace.pause()
    clock.now += 100
    assert pace.seconds == 5
    pace.resume()
    clock.now += 5
    assert pace.seconds == 10
    assert pace.mark(100, 0.5) == (10.0, 10.0)


def test_work_that_grows_never_counts_backwards() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now += 5
    pace.mark(100, 0.9)
    clock.now += 30
    pace.mark(100, 0.9)
    clock.now += 5
    assert pace.mark(50, 0.2) == (0.0, None)
