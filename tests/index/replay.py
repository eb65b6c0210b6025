"""What a power cut leaves: a recorded trace of writes, replayed up to each point without what was not synced.

SIGKILL cannot show a missing fsync, because the kernel still writes what a killed process handed to it. So
the calls that make checkpoints, manifests and originals durable are recorded, and the folder is put
together as a disk may hold it after the power went. SQLite and tantivy sync their own files; these are
taken as they were at that point.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from index import durable
from index.durable import Disk
from index.faults import arm
from index.ingest import ingest_paths, ingest_uploads
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.killed import OPTIONS, VOCABULARY, DirectParser, TellingStore
from tests.index.kills import hash_of

LOSSES = (
    "nothing that was not synced survives",
    "names survive, contents do not",
    "names survive, contents by half",
    "all survives",
)
_OURS = ("checkpoints", "originals", "lexical/manifest.json")  # what goes through the recorded calls


@dataclass
class _File:
    content: bytes = b""
    synced: bytes = b""


@dataclass
class _Names:
    """The files and folders that there are, by path; a folder is None."""

    now: dict[Path, _File | None] = field(default_factory=dict)
    lasting: dict[Path, _File | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Moment:
    """A point of the trace: what the disk may hold for each loss, and what had been acknowledged by then."""

    name: str
    acknowledged: dict[str, tuple[str, ...]]  # the content hashes it may have, by "collection/path"
    disks: dict[str, dict[str, bytes]]  # by loss: content by path


class RecordingDisk(Disk):
    """Does what it is told, and keeps count of what of it would survive."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._names = _Names()
        self.acknowledged: dict[str, tuple[str, ...]] = {}
        self.moments: list[Moment] = []

    def write(self, path: Path, parts: Iterable[bytes]) -> None:
        super().write(path, parts)
        file = self._names.now.get(path) or _File()
        file.content = path.read_bytes()
        self._names.now[path] = file

    def sync_file(self, path: Path) -> None:
        super().sync_file(path)
        file = self._names.now[path]
        assert file is not None
        file.synced = file.content

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self._names.now[new] = self._names.now.pop(old)

    def make_folder(self, folder: Path) -> None:
        super().make_folder(folder)
        self._names.now[folder] = None

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        lasting = {path: file for path, file in self._names.lasting.items() if path.parent != folder}
        self._names.lasting = lasting | {
            path: file for path, file in self._names.now.items() if path.parent == folder
        }

    def remove(self, path: Path) -> None:
        super().remove(path)
        self._names.now.pop(path, None)

    def mark(self, name: str) -> None:
        """Note what a power cut at this fault point would leave."""
        others = {
            file.relative_to(self._data).as_posix(): file.read_bytes()
            for file in self._data.rglob("*")
            if file.is_file() and file.suffix != ".lock" and not file.name.endswith("-shm")
        }
        others = {path: content for path, content in others.items() if not path.startswith(_OURS)}
        disks = {loss: others | self._after(loss) for loss in LOSSES}
        self.moments.append(Moment(name, dict(self.acknowledged), disks))

    def _after(self, loss: str) -> dict[str, bytes]:
        names = self._names.lasting if loss == LOSSES[0] else self._names.now
        held: dict[str, bytes] = {}
        for path, file in names.items():
            if file is None or (path.parent != self._data and path.parent not in names):
                continue
            if loss == LOSSES[3] or file.synced == file.content:
                content = file.content
            elif loss == LOSSES[2]:
                content = file.content[: len(file.content) // 2]
            else:
                content = file.synced
            held[path.relative_to(self._data).as_posix()] = content
        return held


@contextmanager
def recording(data: Path) -> Iterator[RecordingDisk]:
    """Record what is written into a data folder, at every fault point."""
    disk = RecordingDisk(data)
    with patch.object(durable, "disk", disk):
        arm(disk.mark)
        try:
            yield disk
        finally:
            arm(None)


def record(root: Path) -> list[Moment]:
    """Two rounds of adding, changing, removing and writing a checkpoint, with everything recorded."""
    data, folder = root / "data", root / "folder"
    data.mkdir()
    folder.mkdir()
    embedder, parser = WordCountEmbedder(VOCABULARY), DirectParser()
    with recording(data) as disk, TellingStore.open(data) as store:

        def acknowledge(line: dict[str, str]) -> None:
            disk.acknowledged[line["put"]] = (line["hash"],)

        store.say = acknowledge
        for number in (1, 2):
            changed = folder / "a.txt"
            changed.write_text(f"The river of {number}.", encoding="utf-8")
            if number == 2:  # until the change is acknowledged too, both are right
                disk.acknowledged[f"Documents/{changed}"] += (hash_of(changed),)
            (folder / f"{number}.txt").write_text(f"Letter {number}, in winter.", encoding="utf-8")
            upload = root / f"upload-{number}"
            upload.write_text(f"A garden behind harbour {number}.", encoding="utf-8")
            ingest_paths(store, embedder, parser, [folder], options=OPTIONS)
            ingest_uploads(store, embedder, parser, [(upload, f"upload-{number}.txt")], options=OPTIONS)
            store.write_checkpoint()
        gone = store.find("Uploads", "upload-1.txt")
        assert gone is not None
        del disk.acknowledged["Uploads/upload-1.txt"]  # whether it is there is open from here on
        store.remove([gone.doc_id])
        return disk.moments


def violations(root: Path, moments: Iterable[Moment]) -> tuple[int, list[str]]:
    """Open every different disk of these moments: how many there were, and which promises were broken."""
    found: list[str] = []
    seen: set[int] = set()
    for moment in moments:
        for loss, files in moment.disks.items():
            fingerprint = hash((tuple(sorted(files.items())), tuple(moment.acknowledged.items())))
            if fingerprint in seen:
                continue
            seen.add(fingerprint)
            found += [f"at {moment.name}, {loss}: {line}" for line in _broken(root / "after", moment, files)]
    return len(seen), found


def _broken(data: Path, moment: Moment, files: dict[str, bytes]) -> list[str]:
    shutil.rmtree(data, ignore_errors=True)
    for path, content in files.items():
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_bytes(content)
    with Store.open(data, lock_seconds=2.0) as store:
        store.snapshot()
        found = store.check()
        ready = {
            f"{row.collection}/{row.path}": row.content_hash
            for row in store.documents()
            if row.state == "ready"
        }
        for key, allowed in moment.acknowledged.items():
            content_hash = ready.get(key)
            if content_hash is None or content_hash not in allowed:
                found.append(f"{key} was acknowledged and is lost")
            elif key.startswith("Uploads/"):
                original = store.originals / content_hash
                if not original.exists() or hash_of(original) != content_hash:
                    found.append(f"the original of {key} was acknowledged and is lost")
    return found
