"""``footnote remove`` and ``undo``, and the process that erases."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from index.errors import SourceError
from index.store import Store
from tests.index.support import EMBEDDER, put
from ui.cli import app
from ui.eraser import erase_when_due
from ui.named import matching

CANARY = "The quokkazephyrs nibble at dawn."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    with Store.open(folder) as store:
        store.publish(
            puts=[
                put("/letters/a.txt", CANARY),
                put("/letters/old/b.txt", "Dogs guard the old gate."),
                put("/manuals/b.txt", "Birds sing before sunrise."),
            ],
            embedder=EMBEDDER,
        )
    return folder


@pytest.fixture(autouse=True)
def _no_folder_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOOTNOTE_DATA", raising=False)


def run(data: Path, *arguments: str, expect: int = 0, typed: str = "") -> str:
    done = CliRunner().invoke(app, [*arguments, "--data", str(data)], input=typed)
    assert done.exit_code == expect, done.output
    return done.output


def paths(data: Path) -> list[str]:
    with Store.open(data) as store:
        assert store.check() == []
        return [row.path for row in store.documents()]


def test_a_removed_document_can_be_brought_back(data: Path) -> None:
    assert "1 document removed. For 10 seconds" in run(data, "remove", "a.txt", "--yes")
    assert paths(data) == ["/letters/old/b.txt", "/manuals/b.txt"]
    assert "/letters/a.txt (in Documents)" in run(data, "undo")
    assert paths(data) == ["/letters/a.txt", "/letters/old/b.txt", "/manuals/b.txt"]
    assert "nothing to bring back" in run(data, "undo", expect=1)


def test_a_folder_names_all_that_is_in_it(data: Path) -> None:
    removed = json.loads(run(data, "remove", "/letters", "--yes", "--now", "--json"))
    assert [row["path"] for row in removed["removed"]] == ["/letters/a.txt", "/letters/old/b.txt"]
    assert removed["erased"] is True
    assert paths(data) == ["/manuals/b.txt"]
    assert "nothing to bring back" in run(data, "undo", expect=1)
    assert not [file for file in data.rglob("*") if file.is_file() and b"quokkazephyr" in file.read_bytes()]


def test_without_a_yes_nothing_is_removed(data: Path) -> None:
    assert "Remove 2 documents?" in run(data, "remove", "b.txt", typed="n\n", expect=1)
    assert len(paths(data)) == 3
    run(data, "remove", "b.txt", "--now", typed="y\n")
    assert paths(data) == ["/letters/a.txt"]


def test_names_that_are_wrong_or_not_clear_change_nothing(data: Path) -> None:
    with Store.open(data) as store:
        rows = store.documents()
        with pytest.raises(SourceError, match="No document is called c"):
            matching(rows, ["a.txt", "c.txt"])
        with pytest.raises(SourceError, match="2 documents are called b") as caught:
            matching(rows, ["b.txt"], certain=True)
        assert "path" in caught.value.hint
        assert [row.path for row in matching(rows, ["/manuals/b.txt"], certain=True)] == ["/manuals/b.txt"]
    assert "Did you mean a.txt?" in run(data, "remove", "aa.txt", "--yes", expect=1)
    assert len(paths(data)) == 3


@pytest.mark.timeout(60)
def test_a_process_of_its_own_erases_what_was_removed(data: Path) -> None:
    run(data, "remove", "a.txt", "--yes")
    deadline = time.monotonic() + 40
    with Store.open(data) as store:
        assert store.to_erase()
        while store.to_erase() and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not store.to_erase()
        assert store.check() == []
    assert b"quokkazephyr" not in (data / "catalog.sqlite").read_bytes()


def test_the_eraser_ends_when_there_is_nothing_to_do(data: Path, tmp_path: Path) -> None:
    assert erase_when_due(data, patience_seconds=5)
    with pytest.raises(SourceError):
        erase_when_due(tmp_path / "nothing")


def test_a_backup_is_restored(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.zip"
    assert "What you remove from now on stays in this file" in run(data, "backup", str(file))
    assert "exists already" in run(data, "backup", str(file), expect=1)
    assert "is not empty" in run(data, "restore", str(file), expect=1)
    assert "3 documents restored" in run(tmp_path / "new", "restore", str(file))
    assert paths(tmp_path / "new") == paths(data)
    restored = json.loads(run(data, "restore", str(file), "--force", "--json"))
    assert paths(Path(restored["aside"])) == paths(data)


def test_a_repair_says_what_it_did_and_offers_to_index_again(data: Path) -> None:
    assert run(data, "check", "--repair") == "There was nothing to repair.\nThe index is sound.\n"
    with Store.open(data) as store, store.catalog.writing() as connection:
        connection.execute("UPDATE versions SET passages = 7 WHERE version_id = 1")
    assert "Next: Repair it: footnote check --repair" in run(data, "check", expect=1)
    shown = run(data, "check", "--repair", typed="n\n")
    assert "/letters/a.txt answers no more" in shown
    assert "1 document to index again:" in shown
    assert run(data, "check") == "The index is sound.\n"


def test_requirement_14_no_command_works_there_unless_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(tmp_path / "data"):
        pass
    monkeypatch.setattr("index.network_drives.drive_kind", lambda *_: "nfs4")
    refused = CliRunner().invoke(app, ["status", "--data", str(tmp_path / "data")])
    assert refused.exit_code != 0
    assert "is on a network drive (nfs4)" in refused.output
    monkeypatch.setenv("FOOTNOTE_DATA_ON_NETWORK", "true")
    assert CliRunner().invoke(app, ["status", "--data", str(tmp_path / "data")]).exit_code == 0
