"""Some time after the start the index is checked, and the page says what is wrong with it."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from index.store import Store
from tests.index.support import EMBEDDER, put
from tests.ui.desk import desk_over
from ui.checking import StartCheck
from ui.page import Page
from ui.tab import View

PATIENCE_SECONDS = 60.0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "data") as store:
        store.publish(puts=[put("/a.txt", "Cats sleep on warm stones.")], embedder=EMBEDDER)
    return tmp_path / "data"


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def ended(check: StartCheck) -> bool:
    return check._thread is not None and not check._thread.is_alive()


def damage(data: Path) -> None:
    with closing(sqlite3.connect(data / "catalog.sqlite")) as connection, connection:
        connection.execute("UPDATE chunks SET end = 100000")


def test_requirement_03_an_index_with_a_fault_is_told_on_the_page_after_the_start(data: Path) -> None:
    damage(data)
    with desk_over(data) as desk:
        desk.checking = StartCheck(desk.store, busy=lambda: False, first_seconds=0, again_seconds=0)
        page = Page(desk)
        assert "footnote check" not in page.around.html(View())["state"]
        desk.checking.start()
        eventually(lambda: ended(desk.checking))
        assert desk.checking.faults == ("chunk 1 does not point into its document's text",)
        state = page.around.html(View())["state"]
        assert "does not point into its document&#39;s text" in state
        assert "Repair it&#58; footnote check &#45;&#45;repair" in state


def test_of_a_sound_index_nothing_is_said(data: Path) -> None:
    with Store.open(data) as store:
        check = StartCheck(store, busy=lambda: False, first_seconds=0, again_seconds=0)
        check.start()
        eventually(lambda: ended(check))
        assert (check.faults, check.problem) == ((), "")


def test_what_is_found_once_was_a_change_that_was_half_done(data: Path, tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    looks = (
        "import pathlib, sys; path = pathlib.Path(sys.argv[1]); seen = int(path.read_text());"
        "path.write_text(str(seen + 1)); print(['[\"half done\"]', '[]'][min(seen, 1)])"
    )
    with Store.open(data) as store:
        check = StartCheck(
            store,
            busy=lambda: False,
            command=[sys.executable, "-c", looks, str(count)],
            first_seconds=0,
            again_seconds=0,
        )
        check.start()
        eventually(lambda: ended(check))
    assert (count.read_text(), check.faults) == ("2", ())


def test_nothing_is_checked_while_something_is_indexed_and_a_check_is_broken_off(data: Path) -> None:
    idle, looked = threading.Event(), data / "looked"
    command = [
        sys.executable,
        "-c",
        "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(600)",
        str(looked),
    ]
    with Store.open(data) as store:
        check = StartCheck(
            store, busy=lambda: not idle.is_set(), command=command, first_seconds=0, again_seconds=0.01
        )
        check.start()
        time.sleep(0.3)
        assert not looked.exists()
        idle.set()
        eventually(looked.exists)
        check.close()
        assert ended(check)
        assert check.faults == ()
