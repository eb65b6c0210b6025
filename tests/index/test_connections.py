"""Connections are lent to as many as need one, and few are kept."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from pathlib import Path

import pytest

from index.connections import KEPT, Connections


class Opener:
    """Opens connections to one file, and knows which of them are still open."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.opened: list[sqlite3.Connection] = []

    def __call__(self) -> sqlite3.Connection:
        self.opened.append(sqlite3.connect(self._file))
        return self.opened[-1]

    @property
    def open(self) -> list[sqlite3.Connection]:
        return [each for each in self.opened if is_open(each)]


def is_open(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


@pytest.fixture
def opener(tmp_path: Path) -> Opener:
    return Opener(tmp_path / "file.sqlite")


def test_many_can_read_at_once_and_few_connections_stay_open(opener: Opener) -> None:
    connections = Connections(opener)
    with ExitStack() as readers:
        lent = {id(readers.enter_context(connections.borrowed())) for _ in range(3 * KEPT)}
        assert len(lent) == len(opener.open) == 3 * KEPT
    assert len(opener.open) == KEPT
    with connections.borrowed() as again:
        assert again in opener.open
    assert len(opener.opened) == 3 * KEPT  # none was opened anew
    connections.close()
    assert opener.open == []


def test_a_connection_that_failed_is_not_used_again(opener: Opener) -> None:
    connections = Connections(opener)
    with pytest.raises(sqlite3.OperationalError), connections.borrowed() as failing:
        failing.execute("SELECT * FROM nothing")
    assert not is_open(failing)
    with pytest.raises(LookupError), connections.borrowed() as sound:
        raise LookupError
    assert opener.open == [sound]
    connections.close()


def test_a_connection_that_is_lent_is_closed_once_it_is_given_back(opener: Opener) -> None:
    connections = Connections(opener)
    with connections.borrowed() as lent:
        connections.close()
        assert is_open(lent)
    assert not is_open(lent)
