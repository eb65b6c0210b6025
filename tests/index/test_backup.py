"""A backup restores to the same answers; a damaged or foreign one is refused and changes nothing."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from index.analysis import query_terms
from index.backup import MANIFEST, read_backup, write_backup
from index.errors import BusyError, NewerDatabaseError, SourceError, StorageError
from index.store import Store
from index.working_folder import lock_of
from tests.index.support import EMBEDDER, put, vector_of

CATS = "Cats sleep on warm stones."
DOGS = "Dogs guard the old gate."
SECRET = "The quokkazephyrs nibble at dawn."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    with Store.open(folder) as store:
        original = CATS.encode()
        sha256 = hashlib.sha256(original).hexdigest()
        store.originals.mkdir()
        (store.originals / sha256).write_bytes(original)
        upload = replace(put("up.txt", CATS), origin="upload", content_hash=sha256)
        store.publish(puts=[upload, put("/b.txt", DOGS), put("/s.txt", SECRET)], embedder=EMBEDDER)
        store.write_checkpoint()
        (folder / "settings.toml").write_text("[answer]\n", encoding="utf-8")
    return folder


@pytest.fixture
def archive(data: Path, tmp_path: Path) -> Path:
    with Store.open(data) as store:
        hidden = store.find("Documents", "/s.txt")
        assert hidden is not None
        store.remove([hidden.doc_id])
        backup = write_backup(data, tmp_path / "backup.zip")
    assert (backup.documents, backup.files) == (2, 3)
    return tmp_path / "backup.zip"


def answers(data: Path) -> tuple[object, ...]:
    with Store.open(data) as store:
        assert store.check() == []
        snapshot = store.snapshot()
        by_words = snapshot.lexical(query_terms("cats dogs quokkazephyrs", ["en"]), 10)
        by_vector = snapshot.dense(vector_of("anything"), 10)
        texts = {chunk_id: chunk.text for chunk_id, chunk in store.chunks(range(10)).items()}
        ranked = [chunk_id for chunk_id, _ in by_vector]
        return sorted(i for i, _ in by_words), ranked, texts, store.documents()


def repacked(archive: Path, target: Path, **changes: bytes | None) -> Path:
    """The archive with some members changed (or left out: None), names with ``/`` written as ``__``."""
    wanted = {name.replace("__", "/"): content for name, content in changes.items()}
    wanted = {"manifest.json" if name == "manifest" else name: content for name, content in wanted.items()}
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = wanted.pop(name, old.read(name)) if name in wanted else old.read(name)
            if content is not None:
                new.writestr(name, content)
        for name, content in wanted.items():
            assert content is not None
            new.writestr(name, content)
    return target


def test_a_restored_folder_gives_the_same_answers(data: Path, archive: Path, tmp_path: Path) -> None:
    backup, aside = read_backup(archive, tmp_path / "new")
    assert (backup.documents, aside) == (2, None)
    assert answers(tmp_path / "new") == answers(data)
    assert (tmp_path / "new" / "settings.toml").read_text(encoding="utf-8") == "[answer]\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.zip", "data", "new"]


def test_a_backup_holds_nothing_that_was_removed(archive: Path, tmp_path: Path) -> None:
    read_backup(archive, tmp_path / "new")
    assert b"quokkazephyr" not in (tmp_path / "new" / "catalog.sqlite").read_bytes()


def test_a_folder_that_is_not_empty_is_only_moved_aside(data: Path, archive: Path) -> None:
    before = answers(data)
    with pytest.raises(StorageError, match="not empty"):
        read_backup(archive, data)
    with FileLock(data / "server.lock"), pytest.raises(BusyError, match="is using") as caught:
        read_backup(archive, data, force=True)
    assert "Ctrl-C" in caught.value.hint  # a page that is open is never done
    assert answers(data) == before
    _, aside = read_backup(archive, data, force=True)
    assert aside is not None
    assert answers(data) == before
    assert answers(aside) == before


def test_any_damage_is_noticed_and_changes_nothing(archive: Path, tmp_path: Path) -> None:
    content = archive.read_bytes()
    bad = tmp_path / "bad.zip"
    for position in range(0, len(content), max(1, len(content) // 60)):
        damaged = bytearray(content)
        damaged[position] ^= 0x20
        bad.write_bytes(bytes(damaged))
        try:
            read_backup(bad, tmp_path / "new")
        except (SourceError, NewerDatabaseError):
            assert not (tmp_path / "new").exists()
        else:  # a bit that nothing rests on, such as a time
            assert answers(tmp_path / "new")[2] == {1: CATS, 2: DOGS}
            shutil.rmtree(tmp_path / "new")
    for length in (0, 100, len(content) // 2, len(content) - 1):
        bad.write_bytes(content[:length])
        with pytest.raises(SourceError):
            read_backup(bad, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.zip", "bad.zip", "data"]


def test_what_is_no_backup_is_refused(archive: Path, tmp_path: Path) -> None:
    manifest = json.loads(zipfile.ZipFile(archive).read(MANIFEST))
    catalog = manifest["files"][0]
    assert catalog["name"] == "catalog.sqlite"

    def written(**changes: object) -> bytes:
        return json.dumps({**manifest, **changes}).encode()

    escaping = {"name": "../../evil.txt", "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
    cases = {
        "not a backup": [
            repacked(archive, tmp_path / "1.zip", manifest=None),
            repacked(archive, tmp_path / "2.zip", manifest=b"[]"),
            repacked(archive, tmp_path / "3.zip", manifest=written(format="other")),
        ],
        "not part of a backup": [
            repacked(archive, tmp_path / "4.zip", evil=b"x"),
            repacked(archive, tmp_path / "5.zip", manifest=written(files=[*manifest["files"], escaping])),
            repacked(archive, tmp_path / "6.zip", manifest=written(files=[catalog, catalog])),
        ],
        "damaged": [repacked(archive, tmp_path / "7.zip", **{"catalog.sqlite": b"SQLite format 3"})],
        "does not exist": [tmp_path / "none.zip"],
    }
    for complaint, archives in cases.items():
        for each in archives:
            with pytest.raises(SourceError, match=complaint):
                read_backup(each, tmp_path / "new")
    newer = repacked(archive, tmp_path / "8.zip", manifest=written(schema=99))
    with pytest.raises(NewerDatabaseError):
        read_backup(newer, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert not (tmp_path.parent / "evil.txt").exists()


def test_a_backup_overwrites_nothing_and_does_not_go_into_the_data_folder(
    data: Path, archive: Path, tmp_path: Path
) -> None:
    before = archive.read_bytes()
    with pytest.raises(StorageError, match="exists already"):
        write_backup(data, archive)
    assert archive.read_bytes() == before
    with pytest.raises(StorageError, match="data folder"):
        write_backup(data, data / "backup.zip")
    with pytest.raises(SourceError, match="no index"):
        write_backup(tmp_path / "nowhere", tmp_path / "b.zip")
    with pytest.raises(StorageError):
        write_backup(data, tmp_path / "no" / "such" / "folder.zip")


@pytest.mark.parametrize("moment", [0.0, 10_000_000_000.0], ids=["1970", "2286"])
def test_a_clock_that_is_far_off_keeps_nobody_from_a_backup(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: float
) -> None:
    before = answers(data)
    monkeypatch.setattr("time.time", lambda: moment)
    write_backup(data, tmp_path / "backup.zip")
    monkeypatch.undo()
    read_backup(tmp_path / "backup.zip", tmp_path / "new")
    assert answers(tmp_path / "new") == before


def left_by_a_killed_process(folder: Path, call: str) -> Path:
    """What stands beside ``folder`` once a process was killed in the middle of ``call``."""
    before = set(folder.iterdir())
    code = (
        "import os, signal, sys; from pathlib import Path; import index.backup\n"
        "index.backup._digest = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"index.backup.{call}"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    (left,) = (each for each in set(folder.iterdir()) - before if each.is_dir())
    return left


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_what_a_killed_backup_or_restore_leaves_goes_with_the_next(
    data: Path, archive: Path, tmp_path: Path
) -> None:
    # It holds the text of every document, and nobody looks for it beside a file.
    target = tmp_path / "again.zip"
    write = f"write_backup(Path({str(data)!r}), Path({str(target)!r}))"
    read = f"read_backup(Path({str(archive)!r}), Path({str(tmp_path / 'new')!r}))"
    left = [left_by_a_killed_process(tmp_path, call) for call in (write, read)]
    in_use = tmp_path / ".footnote-backup-of-another"
    in_use.mkdir()
    with FileLock(lock_of(in_use)):
        write_backup(data, target)
        read_backup(archive, tmp_path / "new")
        assert in_use.exists()
    assert not [each for folder in left for each in (folder, lock_of(folder)) if each.exists()]
    assert answers(tmp_path / "new")[2] == {1: CATS, 2: DOGS}


def test_the_folder_from_before_is_back_when_a_restored_one_cannot_take_its_place(
    data: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answers(data)
    replace_ = Path.replace

    def refused(self: Path, target: Path) -> Path:
        if self.name == "data" and ".restore-" in self.parent.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace_(self, target)

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(StorageError, match="No space left"):
        read_backup(archive, data, force=True)
    assert answers(data) == before
    assert sorted(each.name for each in data.parent.iterdir()) == ["backup.zip", "data"]
