"""RELIABILITY 5: a damaged index never answers. ``python -m tests.index.damage`` is the long form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from index.analysis import query_terms
from index.documents import embedded_hash
from index.errors import DamagedError
from index.store import Store
from tests.index.damage import DERIVED, run_damage
from tests.index.forked import CAN_FORK, Forker, quick_folder
from tests.index.support import EMBEDDER, put, vector_of

needs_fork = pytest.mark.skipif(not CAN_FORK, reason="the harness forks")

CATS = "Cats sleep on warm stones."
DOGS = "Dogs guard the old gate."


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    with Forker("tests.index.damage") as started:
        yield started


@pytest.fixture
def root() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@needs_fork
@pytest.mark.timeout(600)
def test_requirement_05_a_damaged_file_never_answers_hangs_or_crashes(forker: Forker, root: Path) -> None:
    summary = run_damage(forker, root, flips=3, cuts=1, folders=DERIVED)
    assert summary.files > 15
    assert summary.violations == []
    assert summary.outcomes == {"right": 4 * summary.files}


@needs_fork
@pytest.mark.timeout(600)
def test_requirement_05_the_variant_without_sha256_is_caught(forker: Forker, root: Path) -> None:
    """Requirement 4 asks for it: this harness sees what the check of the SHA-256 is for."""
    summary = run_damage(
        forker, root, flips=30, cuts=0, folders=("checkpoints",), variant="no SHA-256 check", seconds=10
    )
    assert summary.violations != []


@needs_fork
@pytest.mark.timeout(600)
def test_requirement_05_a_damaged_catalog_answers_rightly_or_says_that_it_is_damaged(
    forker: Forker, root: Path
) -> None:
    summary = run_damage(
        forker,
        root,
        flips=20,
        cuts=5,
        folders=("catalog.sqlite",),
        allowed=("right", "DamagedError", "StorageError"),
    )
    assert summary.violations == []


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        (b"    dim INTEGER", b"    \xb1im INTEGER"),  # a statement that names it finds none
        (b"    recall REAL", b"    rec\xb1ll REAL"),  # Python cannot decode it
    ],
)
def test_a_catalog_whose_very_names_are_damaged_is_said_to_be(
    tmp_path: Path, name: bytes, damaged: bytes
) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
    file = tmp_path / "catalog.sqlite"
    sound = file.read_bytes()
    file.write_bytes(sound.replace(name, damaged))
    assert file.read_bytes() != sound
    with pytest.raises(DamagedError, match="is damaged"), Store.open(tmp_path) as store:
        store.snapshot()


@pytest.mark.parametrize("lost", ["lexical/manifest.json", "lexical/meta.json", "lexical/*.term"])
def test_a_missing_lexical_file_has_the_index_made_anew(
    tmp_path: Path, lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS, DOGS)], embedder=EMBEDDER)
    next(tmp_path.glob(lost)).unlink()
    with Store.open(tmp_path) as store:
        assert len(store.snapshot().lexical(query_terms("cats", ["en"]), 5)) == 1
        assert store.check() == []
    assert "the lexical index is made anew" in caplog.text


def test_a_lexical_index_that_lacks_passages_is_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A manifest that matches says nothing about passages that never got in."""
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        with store.catalog.writing() as connection:
            connection.execute(
                "INSERT INTO chunks (version_id, start, end, heading_path, context, text_hash, generation)"
                " VALUES (1, 0, 4, '[]', '', ?, 1)",
                (embedded_hash("Cats"),),
            )
            connection.execute(
                "INSERT INTO embeddings VALUES (?, 1, ?)",
                (embedded_hash("Cats"), vector_of("Cats").tobytes()),
            )
    with Store.open(tmp_path) as store:
        assert len(store.snapshot().lexical(query_terms("cats", ["en"]), 5)) == 2
    assert "the lexical index is made anew" in caplog.text


def test_a_manifest_lists_the_files_of_the_commit_and_nothing_else(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for number in range(3):
            store.publish(puts=[put("/a.txt", CATS, f"Text {number}.")], embedder=EMBEDDER)
    (tmp_path / "lexical" / "0123456789abcdef0123456789abcdef.term").write_bytes(b"of a killed writer")
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/b.txt", DOGS)], embedder=EMBEDDER)
    listed = json.loads((tmp_path / "lexical" / "manifest.json").read_bytes())["files"]
    meta = json.loads((tmp_path / "lexical" / "meta.json").read_bytes())
    stems = {segment["segment_id"].replace("-", "") for segment in meta["segments"]}
    assert {name.partition(".")[0] for name in listed} == {"meta", *stems}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE versions SET text = replace(text, 'warm', 'cold')",
        "UPDATE chunks SET start = start + 1",
        "UPDATE chunks SET context = 'Of dogs'",
    ],
)
def test_a_passage_that_changed_in_the_catalog_is_not_given_out(tmp_path: Path, statement: str) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS)], embedder=EMBEDDER)
        ids = sorted(store.lexical_ids())
        with store.catalog.writing() as connection:
            connection.execute(statement)
        with pytest.raises(DamagedError, match="not what was stored") as caught:
            store.chunks(ids)
        assert "backup" in caught.value.hint
        assert any("not the text that was embedded" in line for line in store.check())


@pytest.mark.parametrize("vector", [b"", np.zeros(8, "<f4").tobytes(), np.full(8, np.nan, "<f4").tobytes()])
def test_a_vector_that_changed_in_the_catalog_is_not_searched(tmp_path: Path, vector: bytes) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/a.txt", CATS, DOGS)], embedder=EMBEDDER)
        with store.catalog.writing() as connection:
            connection.execute(
                "UPDATE embeddings SET vector = ? WHERE text_hash = ?", (vector, embedded_hash(CATS))
            )
    with Store.open(tmp_path) as store:
        with pytest.raises(DamagedError, match="vectors"):
            store.snapshot()
        assert store.check() != []
