"""A change costs what the change costs: what SQLite does for it does not grow with the corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from index.store import Store
from tests.index.support import EMBEDDER, put

DOCUMENTS = 10


def steps(store: Store, action: Callable[[], object]) -> int:
    """Instructions of SQLite's virtual machine that an action takes, in tens."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    with store.catalog.reading() as one, store.catalog.reading() as two:
        connections = (one, two)
        for connection in connections:
            connection.set_progress_handler(count, 10)
    action()
    for connection in connections:
        connection.set_progress_handler(None, 10)
    return taken


def of_a_change(folder: Path, chunks_a_document: int) -> dict[str, int]:
    """Steps of one change to an index, and of what follows it."""
    with Store.open(folder) as store:
        texts = {
            number: [f"Passage {at} of text {number}." for at in range(chunks_a_document)]
            for number in range(DOCUMENTS)
        }
        store.publish(
            puts=[put(f"/{number}.txt", *passages) for number, passages in texts.items()], embedder=EMBEDDER
        )
        store.write_checkpoint()
        store.snapshot()
        store.publish(puts=[put("/new.txt", "The first one.")], embedder=EMBEDDER)
        store.refresh()  # statements are compiled, pages are read
        changed = put("/new.txt", "One passage.", "Another passage.")
        return {
            "publish": steps(store, lambda: store.publish(puts=[changed], embedder=EMBEDDER)),
            "refresh": steps(store, store.refresh),
            "checkpoint": steps(store, store.write_checkpoint_if_due),
        }


@pytest.mark.parametrize("step", ["publish", "refresh", "checkpoint"])
def test_a_change_costs_the_same_in_a_large_index(tmp_path: Path, step: str) -> None:
    small = of_a_change(tmp_path / "small", 2)
    large = of_a_change(tmp_path / "large", 200)
    assert small["publish"] > 10  # tens of steps: they were counted
    assert large[step] <= 1.2 * small[step] + 5
