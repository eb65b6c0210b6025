"""``check`` finds what is broken: each test breaks one thing on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from index.store import Store
from tests.index.support import EMBEDDER, put


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        opened.publish(
            puts=[put("/a.txt", "One cat.", "Two dogs."), put("/b.txt", "No bird.")], embedder=EMBEDDER
        )
        opened.write_checkpoint()
        yield opened


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("DELETE FROM embeddings", "has no vector"),
        ("UPDATE embeddings SET vector = x'0000'", "a vector that is not usable"),
        ("UPDATE chunks SET end = 10000", "does not point into its document's text"),
        ("UPDATE documents SET state = 'odd'", "unknown state"),
        ("UPDATE versions SET passages = 7", "of 7 passages"),
        ("UPDATE documents SET state = 'failed'", "has failed and yet has content"),
        ("UPDATE documents SET version_id = NULL, state = 'failed'", "belongs to no document"),
        ("DELETE FROM chunks WHERE chunk_id = 1", "the lexical index holds 1 chunks that were removed"),
        ("UPDATE documents SET origin = 'upload'", "the kept original"),
        ("UPDATE live_chunks SET n = 9", "chunks and counts 9"),
    ],
)
def test_requirement_03_a_broken_row_is_found(store: Store, statement: str, complaint: str) -> None:
    assert store.check() == []
    with store.catalog.writing() as connection:
        connection.execute(statement)
    assert any(complaint in line for line in store.check())


def test_a_missing_and_a_damaged_checkpoint_are_found(store: Store, tmp_path: Path) -> None:
    file = next((tmp_path / "checkpoints").iterdir())
    file.write_bytes(file.read_bytes()[:-1])
    assert any("damaged" in line for line in store.check())
    file.unlink()
    assert any("missing" in line for line in store.check())
