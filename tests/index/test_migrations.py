"""Catalogs of earlier releases are migrated; a copy from before is put aside; failures change nothing."""

from __future__ import annotations

import shutil
import sqlite3
from functools import partial
from pathlib import Path

import pytest

from index.analysis import query_terms
from index.backup import read_backup, write_backup
from index.catalog import FILE_NAME, SCHEMA_VERSION, Catalog
from index.decisions import PASSING_PROBLEMS
from index.errors import DamagedError, NewerDatabaseError
from index.migrating import backup_path, migrate
from index.migrations import MIGRATIONS
from index.store import Store
from tests.index.schema_fixture import BIRDS, CATS, DOGS
from tests.index.support import EMBEDDER, put, vector_of

DUMPS = Path(__file__).with_name("data")
OLD = sorted(DUMPS.glob("schema_*.sql"))


def write_catalog(folder: Path, dump: Path) -> Path:
    path = folder / FILE_NAME
    connection = sqlite3.connect(path)
    connection.executescript(dump.read_text(encoding="utf-8"))
    connection.close()
    return path


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Columns (in order) of every table and index."""
    connection = sqlite3.connect(path)
    names = connection.execute("SELECT name, type FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    found = {
        name: connection.execute(f"PRAGMA {kind}_xinfo({name})").fetchall()
        for name, kind in names
        if kind in ("table", "index")
    }
    connection.close()
    return found


def test_every_earlier_schema_has_a_fixture_and_a_migration() -> None:
    assert [path.name for path in OLD] == [f"schema_{number}.sql" for number in range(1, SCHEMA_VERSION)]
    assert sorted(MIGRATIONS) == list(range(2, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("dump", OLD, ids=lambda path: path.stem)
def test_the_database_of_an_earlier_release_answers_as_before(tmp_path: Path, dump: Path) -> None:
    write_catalog(tmp_path, dump)
    with Store.open(tmp_path) as store:
        assert store.check() == []
        assert [(row.path, row.state, row.passages) for row in store.documents()] == [
            ("/a.txt", "ready", 2),
            ("/b.txt", "ready", 1),
            ("/broken.pdf", "failed", 0),
        ]
        first = store.documents()[0]
        assert first.version_id is not None
        assert store.text(first.version_id) == f"{CATS}\n{DOGS}"
        ids = [chunk_id for chunk_id, _ in store.snapshot().lexical(query_terms("birds", ["en"]), 5)]
        assert [store.chunks(ids)[chunk_id].text for chunk_id in ids] == [BIRDS]
        [(chunk_id, cosine)] = store.snapshot().dense(vector_of(DOGS), 1)
        assert store.chunks([chunk_id])[chunk_id].text == DOGS
        assert cosine == pytest.approx(1.0)
        assert [folder.path for folder in store.folders()] == ["/"]


@pytest.mark.parametrize("dump", OLD, ids=lambda path: path.stem)
def test_a_migrated_catalog_has_the_tables_of_a_new_one(tmp_path: Path, dump: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    path = write_catalog(tmp_path / "old", dump)
    Catalog(tmp_path / "old").close()
    Catalog(tmp_path / "new").close()
    assert tables(path) == tables(tmp_path / "new" / FILE_NAME)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    connection.close()


@pytest.mark.parametrize("dump", OLD, ids=lambda path: path.stem)
def test_ids_of_what_is_gone_are_not_given_again(tmp_path: Path, dump: Path) -> None:
    write_catalog(tmp_path, dump)
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/new.txt", "Fish swim.")], embedder=EMBEDDER)
        row = store.find("Documents", "/new.txt")
        assert row is not None
        assert row.version_id == 4  # 3 was that of a document that was removed
        assert store.chunk_ids(row.version_id) == [5]


def test_the_catalog_from_before_is_put_aside(tmp_path: Path) -> None:
    path = write_catalog(tmp_path, DUMPS / "schema_1.sql")
    Catalog(tmp_path).close()
    connection = sqlite3.connect(backup_path(path, 1))
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 1
    assert connection.execute("SELECT count(*) FROM versions").fetchone()[0] == 2
    connection.close()
    assert not list(tmp_path.glob("*.tmp"))
    Catalog(tmp_path).close()
    assert len(list(tmp_path.glob("*.backup"))) == 1


def test_a_catalog_that_contradicts_itself_is_left_as_it_was(tmp_path: Path) -> None:
    path = write_catalog(tmp_path, DUMPS / "schema_1.sql")
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM versions WHERE version_id = 2")
    connection.commit()
    before = list(connection.iterdump())
    connection.close()
    with pytest.raises(DamagedError, match="left as it is") as caught:
        Catalog(tmp_path)
    assert "backup" in caught.value.hint
    connection = sqlite3.connect(path)
    assert list(connection.iterdump()) == before
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 1
    connection.close()


def test_two_processes_that_migrate_at_once_migrate_once(tmp_path: Path) -> None:
    path = write_catalog(tmp_path, DUMPS / "schema_1.sql")
    Catalog(tmp_path).close()
    before = backup_path(path, 1).read_bytes()
    migrate(path, MIGRATIONS)  # it was seen to be old before the other one was done
    assert backup_path(path, 1).read_bytes() == before
    with Store.open(tmp_path) as store:
        assert store.check() == []


def test_a_file_that_was_refused_for_its_format_is_tried_again(tmp_path: Path) -> None:
    path = write_catalog(tmp_path, DUMPS / "schema_2.sql")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE documents SET problem = 'unsupported' WHERE state = 'failed'")
    connection.commit()
    connection.close()
    with Store.open(tmp_path) as store:
        [broken] = [row for row in store.documents() if row.state == "failed"]
        assert broken.problem in PASSING_PROBLEMS
        assert broken.reason == "It is damaged."


@pytest.mark.parametrize("dump", OLD, ids=lambda path: path.stem)
def test_a_backup_of_an_earlier_releases_folder_can_be_restored(tmp_path: Path, dump: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    path = write_catalog(data, dump)
    before = path.read_bytes()
    write_backup(data, tmp_path / "backup.zip")
    assert path.read_bytes() == before
    assert [each.name for each in data.iterdir()] == [FILE_NAME]
    read_backup(tmp_path / "backup.zip", tmp_path / "restored")
    with Store.open(tmp_path / "restored") as store:
        assert store.check() == []
        assert [row.path for row in store.documents()] == ["/a.txt", "/b.txt", "/broken.pdf"]


@pytest.mark.parametrize("kept", ["closed", "with a log", "without logs"])
def test_the_catalog_of_a_later_release_is_refused_and_left_as_it_was(tmp_path: Path, kept: str) -> None:
    written, data = tmp_path / "written", tmp_path / "data"
    Store.open(written).close()
    connection = sqlite3.connect(written / FILE_NAME, isolation_level=None)
    if kept == "without logs":
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    if kept == "with a log":  # as its process left it when it was killed
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("CREATE TABLE more (x)")
        shutil.copytree(written, data, ignore=shutil.ignore_patterns("*-shm"))
    connection.close()
    if not data.exists():
        shutil.copytree(written, data)
    before = contents(data)
    assert (f"{FILE_NAME}-wal" in before) == (kept == "with a log")
    for refused in (Store.open, partial(write_backup, target=tmp_path / "backup.zip")):
        with pytest.raises(NewerDatabaseError, match="later release") as caught:
            refused(data)
        assert "Update Footnote" in caught.value.hint
        assert str(data / FILE_NAME) in str(caught.value)
    assert contents(data) == before
    assert not (tmp_path / "backup.zip").exists()


def test_a_later_schema_that_stands_in_the_log_only_is_refused_too(tmp_path: Path) -> None:
    written, data = tmp_path / "written", tmp_path / "data"
    Store.open(written).close()
    connection = sqlite3.connect(written / FILE_NAME, isolation_level=None)
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    shutil.copytree(written, data, ignore=shutil.ignore_patterns("*-shm"))
    connection.close()
    with pytest.raises(NewerDatabaseError):
        Store.open(data)
    with pytest.raises(NewerDatabaseError):
        write_backup(data, tmp_path / "backup.zip")


def contents(folder: Path) -> dict[str, bytes]:
    """What every file holds; SQLite may leave empty ones, and the one that connections share."""
    files = [each for each in folder.rglob("*") if each.is_file() and not each.name.endswith("-shm")]
    held = {str(each.relative_to(folder)): each.read_bytes() for each in files}
    return {name: content for name, content in held.items() if content or not name.endswith("-wal")}


@pytest.mark.parametrize("dump", OLD, ids=lambda path: path.stem)
def test_what_is_deleted_after_a_migration_is_erased(tmp_path: Path, dump: Path) -> None:
    write_catalog(tmp_path, dump)
    with Store.open(tmp_path) as store:
        row = store.find("Documents", "/b.txt")
        assert row is not None
        store.remove([row.doc_id])
        assert store.purge(undo_seconds=0)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files if BIRDS.encode() in path.read_bytes()] == []
