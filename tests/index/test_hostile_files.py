"""RELIABILITY 12, 15 and 17 over a folder of hostile files: each ends in a named state, no more happens."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from index.analysis import query_terms
from index.chunker import ChunkLimits
from index.ingest import IngestOptions, ingest_paths
from index.parsing import ParsedFile, ParseLimits, Parser
from index.recognition import Recognition
from index.report import IngestReport
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.files import docx_paragraphs, pdf
from tests.index.hostile_archives import KINDS
from tests.index.hostile_files import LIMIT, HostileFile, hostile_files

LIMITS = ParseLimits(cpu_seconds=2, wall_seconds=30, file_bytes=LIMIT)
# Name, bytes, and a sentence that must be found by its first word.
GOOD_FILES = (
    ("good a.txt", b"Cats sleep on warm stones.", "Cats sleep on warm stones."),
    ("good m.md", b"# Animals\n\nDogs guard the old gate.", "Dogs guard the old gate."),
    ("good z.html", b"<p>Birds sing before sunrise.", "Birds sing before sunrise."),
    ("good.pdf", pdf(["Fish swim in the pond."]), "Fish swim in the pond."),
    ("good.docx", docx_paragraphs("Horses graze on the hill."), "Horses graze on the hill."),
)
GOOD = tuple(name for name, _, _ in GOOD_FILES)
VOCABULARY = tuple(sentence.split()[0] for _, _, sentence in GOOD_FILES)


class TimedParser(Parser):
    """Remembers how long each file took."""

    def __init__(self, limits: ParseLimits) -> None:
        super().__init__(limits)
        self.seconds: dict[str, float] = {}

    def parse(
        self, path: Path, *, name: str | None = None, recognition: Recognition | None = None
    ) -> ParsedFile:
        started = time.monotonic()
        try:
            return super().parse(path, name=name, recognition=recognition)
        finally:
            self.seconds[path.name] = time.monotonic() - started


class Listener:
    """A server on this machine that must not hear anything."""

    def __init__(self) -> None:
        self.heard = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.heard += 1
            connection.close()

    def close(self) -> None:
        socket.create_connection(self._socket.getsockname(), timeout=5).close()  # it does hear
        deadline = time.monotonic() + 5
        while not self.heard and time.monotonic() < deadline:
            time.sleep(0.01)
        self._socket.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one ingest of all files gave."""

    files: dict[str, HostileFile]
    states: dict[str, str]  # by name: "ready", "failed damaged", …
    report: IngestReport
    seconds: dict[str, float]
    store: Store
    before: dict[str, tuple[int, int]]
    after: dict[str, tuple[int, int]]
    looked_up: list[str]
    heard: int


WATCHED = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request")


def tree(root: Path, data: Path) -> dict[str, tuple[int, int]]:
    """Size and time of everything below a folder, but for the data folder."""
    found: dict[str, tuple[int, int]] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if Path(folder, name) != data]
        for name in (*folders, *names):
            status = Path(folder, name).lstat()
            found[str(Path(folder, name))] = status.st_size, status.st_mtime_ns
    return found


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    root = tmp_path_factory.mktemp("hostile")
    folder, data, work = root / "a" / "folder", root / "data", root / "work"
    for place in (folder, work, root / "temporary"):
        place.mkdir(parents=True)
    listener = Listener()
    files = {file.name: file for file in hostile_files(listener.url)}
    for file in files.values():
        file.write(folder / file.name)
    for name, content, _ in GOOD_FILES:
        (folder / name).write_bytes(content)
    looked_up: list[str] = []
    watching = True

    def watch(event: str, args: tuple[Any, ...]) -> None:  # there is no way to take such a hook away again
        if watching and event in WATCHED and threading.current_thread() is threading.main_thread():
            looked_up.append(f"{event} {args}")

    with pytest.MonkeyPatch.context() as patch:
        for variable in ("TMPDIR", "TEMP", "TMP", "HOME"):
            patch.setenv(variable, str(root / "temporary"))
        patch.chdir(work)
        before = tree(root, data)
        sys.addaudithook(watch)
        with Store.open(data) as store, TimedParser(LIMITS) as parser:
            report = ingest_paths(
                store,
                WordCountEmbedder(VOCABULARY),
                parser,
                [folder],
                options=IngestOptions(limits=ChunkLimits()),
            )
            watching = False
            after = tree(root, data)
            heard = listener.heard
            listener.close()
            assert listener.heard == heard + 1
            states = {
                Path(row.path).name: f"failed {row.problem}" if row.state == "failed" else row.state
                for row in store.documents()
            }
            states |= {
                Path(line.path).name: "skipped" for line in report.outcomes if line.outcome == "skipped"
            }
            yield Outcome(
                files=files,
                states=states,
                report=report,
                seconds=parser.seconds,
                store=store,
                before=before,
                after=after,
                looked_up=looked_up,
                heard=heard,
            )


def test_there_are_as_many_hostile_files_as_were_promised(outcome: Outcome) -> None:
    families = Counter(file.family for file in outcome.files.values())
    assert len(outcome.files) >= 72
    assert set(families) == {"names", "sizes", "texts", "pages", "pdf", "archives", "pictures"}
    assert min(families.values()) >= 14


def test_requirement_12_each_hostile_file_ends_in_a_state_that_is_right_for_it(outcome: Outcome) -> None:
    assert set(outcome.states) == {*outcome.files, *GOOD}
    surprises = {
        name: f"{outcome.states[name]}, expected {file.expected}"
        for name, file in outcome.files.items()
        if not file.allows(outcome.states[name])
    }
    assert surprises == {}


def test_requirement_12_the_states_add_up_and_each_failure_says_why(outcome: Outcome) -> None:
    counts = Counter(state.split()[0] for state in outcome.states.values())
    assert set(counts) <= {"ready", "partial", "failed", "skipped"}
    assert sum(counts.values()) == len(outcome.files) + len(GOOD) == len(outcome.report.outcomes)
    for line in outcome.report.outcomes:
        if line.outcome in ("failed", "skipped"):
            assert line.reason, line.path
        if line.outcome == "failed":
            assert line.hint, line.path


def test_requirement_12_good_files_beside_hostile_ones_are_found(outcome: Outcome) -> None:
    outcome.store.refresh()
    for name, _, sentence in GOOD_FILES:
        assert outcome.states[name] == "ready"
        terms = query_terms(sentence.split()[0], ["en"])
        ids = [chunk for chunk, _ in outcome.store.snapshot().lexical(terms, 5)]
        rows = outcome.store.chunks(ids)
        assert any(sentence in rows[chunk].text for chunk in ids)
    assert outcome.store.check() == []


def test_requirement_15_no_file_takes_longer_than_its_limits(outcome: Outcome) -> None:
    slow = {name: seconds for name, seconds in outcome.seconds.items() if seconds > LIMITS.wall_seconds}
    assert slow == {}


def test_requirement_17_hostile_files_write_nothing_and_call_nobody(outcome: Outcome) -> None:
    assert outcome.after == outcome.before
    assert outcome.looked_up == []
    assert outcome.heard == 0


@pytest.mark.parametrize("kind", KINDS)
def test_archives_of_each_kind_are_among_them(outcome: Outcome, kind: str) -> None:
    assert sum(name.endswith(f".{kind}") for name in outcome.files) >= 20
