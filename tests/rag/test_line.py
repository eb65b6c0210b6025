from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from rag.line import Line


def never() -> bool:
    return False


def until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.005)


def started(run: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("places", [1, 3])
def test_so_many_are_in_at_once_and_never_more(places: int) -> None:
    line, inside, most, lock = Line(places), 0, 0, threading.Lock()

    def visit() -> None:
        nonlocal inside, most
        for _ in range(20):
            with line.turn(never) as come:
                assert come
                with lock:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.0005)
                with lock:
                    inside -= 1

    for thread in [started(visit) for _ in range(8)]:
        thread.join(20)
        assert not thread.is_alive()
    assert most == places
    assert (line.full, line.waiting) == (False, 0)


def test_who_came_first_is_let_in_first() -> None:
    line, order = Line(1), list[int]()
    with line.turn(never):
        threads = []
        for number in range(5):

            def wait(number: int = number) -> None:
                with line.turn(never):
                    order.append(number)

            threads.append(started(wait))
            until(lambda number=number: line.waiting == number + 1)  # type: ignore[misc]
        assert (line.full, order) == (True, [])
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4]
    assert (line.full, line.waiting) == (False, 0)


def test_who_is_stopped_leaves_the_line_and_the_others_move_up() -> None:
    line, come, stop = Line(1), dict[str, bool](), threading.Event()

    def wait(name: str, stopped: Callable[[], bool]) -> None:
        with line.turn(stopped) as has_come:
            come[name] = has_come

    with line.turn(never):
        stopped = started(lambda: wait("stopped", stop.is_set))
        until(lambda: line.waiting == 1)
        other = started(lambda: wait("other", never))
        until(lambda: line.waiting == 2)
        stop.set()
        stopped.join(10)
        assert come == {"stopped": False}
        assert line.waiting == 1
    other.join(10)
    assert come == {"stopped": False, "other": True}
    with line.turn(never) as free:
        assert free


def test_waiting_that_ends_in_an_error_leaves_the_line() -> None:
    def broken() -> bool:
        raise ValueError("broken")

    line = Line(1)
    with line.turn(never), pytest.raises(ValueError, match="broken"), line.turn(broken):
        pass
    assert (line.full, line.waiting) == (False, 0)


def test_a_place_is_given_back_when_the_body_fails() -> None:
    line = Line(1)
    with pytest.raises(ValueError, match="broken"), line.turn(never):
        raise ValueError("broken")
    assert not line.full
