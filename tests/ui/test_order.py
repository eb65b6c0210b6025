"""The events of one tab are handled as they were sent, whatever order they arrive in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import gradio as gr
import pytest
from gradio.helpers import special_args

from ui.handlers import handled
from ui.order import Order
from ui.tab import Update, View, event_data

FOREVER = 60.0  # longer than any test


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def begins(order: Order, view: View, number: object, begun: list[object]) -> None:
    with order.turn(view, number):
        begun.append(number)


def test_events_that_arrive_the_wrong_way_round_are_handled_as_they_were_sent(
    threads: ThreadPoolExecutor,
) -> None:
    order, view, begun = Order(FOREVER), View(), list[object]()
    work: list[Future[None]] = []
    for number in (5, 3, 4, 2):
        work.append(threads.submit(begins, order, view, number, begun))
        time.sleep(0.02)
    assert begun == []
    begins(order, view, 1, begun)
    for each in work:
        each.result(FOREVER)
    assert begun == [1, 2, 3, 4, 5]


def test_what_is_lost_on_the_way_is_waited_for_once() -> None:
    order, view, begun = Order(0.3), View(), list[object]()
    started = time.monotonic()
    begins(order, view, 3, begun)  # of a tab whose first two never came
    assert time.monotonic() - started >= 0.3
    order = Order(FOREVER)
    for number in (4, 2, 5):  # the second comes after all, too late
        begins(order, view, number, begun)
    assert begun == [3, 4, 2, 5]


def test_a_tab_that_was_open_before_this_server_started_waits_for_nothing() -> None:
    order, view, begun = Order(FOREVER), View(), list[object]()
    for number in (57, 58):
        begins(order, view, number, begun)
    assert begun == [57, 58]


@pytest.mark.parametrize("number", [None, "2", True, 2.0], ids=repr)
def test_an_event_without_a_number_waits_for_nothing(number: object) -> None:
    begun = list[object]()
    begins(Order(FOREVER), View(), number, begun)
    assert begun == [number]


def test_tabs_do_not_wait_for_each_other() -> None:
    order, begun = Order(FOREVER), list[object]()
    begins(order, View(), 1, begun)
    begins(order, View(), 1, begun)
    assert begun == [1, 1]


def test_an_event_that_fails_does_not_keep_the_next_one_waiting() -> None:
    order, view, begun = Order(FOREVER), View(), list[object]()
    with pytest.raises(ZeroDivisionError), order.turn(view, 1):
        raise ZeroDivisionError
    begins(order, view, 2, begun)
    assert begun == [2]


def called(handler: Callable[..., Any], view: View, number: int, order: Order) -> Iterator[Update]:
    updates: Iterator[Update] = handled(handler, ["chat"], order)(view, number)
    return updates


def test_the_next_event_comes_when_the_first_of_a_long_one_is_shown(threads: ThreadPoolExecutor) -> None:
    order, view, said = Order(FOREVER), View(), list[str]()

    def answer(view: View) -> Iterator[Update]:
        said.append("answer begins")
        yield {"chat": "…"}
        said.append("answer goes on")
        yield {"chat": "… done"}

    def stop(view: View) -> None:
        said.append("stop")

    shown = called(answer, view, 1, order)
    assert next(shown) == {"chat": "…"}
    stopped = threads.submit(handled(stop, [], order), view, 2)
    time.sleep(0.05)
    assert said == ["answer begins"]  # Gradio has not sent it yet
    assert next(shown) == {"chat": "… done"}
    stopped.result(FOREVER)
    assert sorted(said) == ["answer begins", "answer goes on", "stop"]
    assert list(shown) == [{"chat": gr.skip()}]


def test_a_tab_that_is_closed_in_the_middle_of_an_event_lets_go_of_the_next() -> None:
    order, view = Order(FOREVER), View()

    def answer(view: View) -> Iterator[Update]:
        yield {"chat": "…"}

    shown = called(answer, view, 1, order)
    next(shown)
    shown.close()  # type: ignore[attr-defined]  # a generator
    begun = list[object]()
    begins(order, view, 2, begun)
    assert begun == [2]


def test_gradio_gives_the_event_to_the_handler_and_the_number_to_nobody_else() -> None:
    seen: list[Any] = []

    def ask(question: str, view: View, event: gr.EventData) -> None:
        seen.extend([question, view, event_data(event)])

    wrapped, view = handled(ask, [], Order()), View()
    clicked = gr.EventData(None, {"act": "new"})
    inputs, *_ = special_args(wrapped, ["Why?", view, 1], event_data=clicked)
    wrapped(*inputs)
    assert seen == ["Why?", view, {"act": "new"}]
    assert view.handled == 1
