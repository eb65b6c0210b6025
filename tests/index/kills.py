"""Indexing and restoring are killed, over and over, at every fault point and at random; nothing may be lost.

``python -m tests.index.kills --kills 500`` is the long form. A kill is: change the folder, start a run
that adds, updates, deletes, takes uploads in, re-indexes, removes, writes a checkpoint and purges; kill
it; open what is left; compare it with what had been acknowledged; let the next run complete. Or restore a
backup in the place of the index, kill that, and compare with both.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from index.analysis import query_terms
from index.backup import write_backup
from index.errors import FootnoteError
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.fault_points import fault_points
from tests.index.forked import Forker, quick_folder
from tests.index.killed import VOCABULARY
from tests.index.variants import VARIANTS

FILES = 20
START_SECONDS = 10.0
# Points that a run passes only when the lexical index is made anew.
REBUILDING = ("lexical.recreate", "lexical.cleared", "lexical.created")

State = dict[str, str]  # content hash by "collection/path" of every document that is ready


# -- the harness -------------------------------------------------------------------------------------


@dataclass
class Summary:
    """What the kills did, and every promise that was broken."""

    at_random: int = 0
    between_runs: int = 0  # meant to be random, and too late
    at_points: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    slowest_start: float = 0.0
    seconds: float = 0.0

    @property
    def kills(self) -> int:
        """Runs that were killed."""
        return self.at_random + self.at_points.total()


class Harness:
    """One data folder and one folder of documents, through any number of kills."""

    def __init__(self, root: Path, forker: Forker, *, seed: int, variant: str = "") -> None:
        self.summary = Summary()
        self._root = root
        self._data = root / "data"
        self._folder = root / "folder"
        self._incoming = root / "incoming"
        self._forker = forker
        self._variant = variant
        self._chance = random.Random(seed)
        self._serial = 0
        self._texts: dict[str, str] = {}  # by content hash
        self._state: State = {}
        self._left_out: set[str] = set()  # of the folder, because it was removed
        self._run_seconds = 1.0
        self._passages: dict[str, int] = {}
        self._folder.mkdir()
        self._incoming.mkdir()
        for _ in range(FILES):
            self._write(self._folder)
        self._complete(self._plan())

    def kill_at(self, point: str, passage: int | None = None) -> None:
        """One kill at a fault point, the ``passage``-th time that a run passes it; by default any of them."""
        if point.startswith("restore."):
            self._kill_restore_at(point)
            return
        if point in REBUILDING:
            (self._data / "lexical" / "manifest.json").unlink()
        passage = passage or self._chance.randint(1, self._passages.get(point, 1))
        plan = self._plan()
        ended = self._forker.start("tests.index.killed:work", point=point, passage=passage, **plan.run).wait(
            60
        )
        self.summary.at_points[point] += ended.status == -signal.SIGKILL
        if ended.hung or ended.status not in (-signal.SIGKILL, 0):
            self._blame(f"the run that dies at {point} ended with {ended.status}")
        self._verify(plan, ended.said, f"at {point}")
        self._complete(plan)

    def kill_at_random(self) -> None:
        """One kill at any time of a run."""
        plan = self._plan()
        task = self._forker.start("tests.index.killed:work", point=None, passage=0, **plan.run)
        delay = self._chance.uniform(0, self._run_seconds)
        ended = task.wait(delay, then_kill=True)
        if ended.status == -signal.SIGKILL:
            self.summary.at_random += 1
        else:
            self.summary.between_runs += 1
        self._verify(plan, ended.said, f"after {delay:.3f} s")
        self._complete(plan)

    def _kill_restore_at(self, point: str) -> None:
        """Kill a restore; either index is there whole. Then restore, and go on with the index from before."""
        backed_up, archive = self._state, self._root / "backup.zip"
        write_backup(self._data, archive)
        self._complete(self._plan())
        arguments: dict[str, Any] = {"archive": str(archive), "data": str(self._data)}
        ended = self._forker.run("tests.index.killed:restore", point=point, **arguments)
        self.summary.at_points[point] += ended.status == -signal.SIGKILL
        if self._look(f"at {point}") not in (backed_up, self._state):
            self._blame(f"at {point}: neither index is there")
        ended = self._forker.run("tests.index.killed:restore", point=None, **arguments)
        if ended.status != 0 or self._look("after the restore") != backed_up:
            self._blame(f"after a kill at {point} a restore ends with {ended.status}")
        before, *others = sorted(self._root.glob("data.before-restore-*"))  # the first: it was asked last
        shutil.rmtree(self._data)
        before.rename(self._data)
        for other in others:
            shutil.rmtree(other)
        archive.unlink()
        if self._look("beside the restored one") != self._state:
            self._blame(f"after a kill at {point} the folder from before is not whole")
        if left := {each.name for each in self._root.iterdir()} - {"data", "folder", "incoming"}:
            self._blame(f"a kill at {point} left {left}")

    def _blame(self, violation: str) -> None:
        self.summary.violations.append(violation)

    # what happens to the documents

    def _plan(self) -> Plan:
        """Rewrite, delete, rename and add files; choose what is uploaded, re-indexed and removed."""
        chance, before = self._chance, dict(self._state)
        paths = sorted(self._folder.iterdir())
        chance.shuffle(paths)
        for path in paths[:3]:
            self._write(self._folder, path)
        for path in paths[3:5]:
            path.unlink()
        paths[5].rename(self._folder / f"{self._next():06}.txt")
        while len(list(self._folder.iterdir())) < FILES:
            self._write(self._folder)
        for old in self._incoming.iterdir():
            old.unlink()
        uploads = [self._write(self._incoming) for _ in range(2)]

        added = {f"Documents/{path}": hash_of(path) for path in self._folder.iterdir()}
        for key in self._left_out:  # its file may still be there, and stays out
            added.pop(key, None)
        kept = {key: value for key, value in before.items() if key.startswith("Uploads/")}
        added |= kept | {f"Uploads/{path.name}": hash_of(path) for path in uploads}
        reindexed = chance.sample(sorted(added), 3)
        removed = chance.sample(sorted(kept), max(0, len(kept) - 4)) + chance.sample(sorted(added), 1)
        left = {key: value for key, value in added.items() if key not in removed}
        self._left_out |= {key for key in removed if key.startswith("Documents/")}
        run: dict[str, Any] = {
            "data": str(self._data),
            "folder": str(self._folder),
            "uploads": [[str(path), path.name] for path in uploads],
            "reindexed": reindexed,
            "removed": removed,
            "variant": self._variant,
        }
        return Plan(before, added, left, run)

    def _write(self, folder: Path, path: Path | None = None) -> Path:
        """A file of some paragraphs; its first word is in no other file there ever was."""
        path = path or folder / f"{self._next():06}.txt"
        words = (*VOCABULARY, "over", "under", "the", "old", "new")
        paragraphs = [
            " ".join(self._chance.choices(words, k=30)).capitalize() + "."
            for _ in range(self._chance.randint(1, 6))
        ]
        text = f"{_token(self._next())} " + "\n\n".join(paragraphs)
        path.write_text(text, encoding="utf-8")
        self._texts[hash_of(path)] = text
        return path

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    # what must hold

    def _verify(self, plan: Plan, said: list[Any], when: str) -> None:
        """After a kill: the index opens, is sound, and lacks nothing that was acknowledged."""
        observed = self._look(when)
        if observed is None:
            return
        acknowledged = {line["put"]: line["hash"] for line in said if "put" in line}
        all_removed = any("removed" in line for line in said)
        for key in plan.before.keys() | plan.added.keys() | observed.keys():
            allowed = [plan.added.get(key), plan.left.get(key)]
            if key not in acknowledged:
                allowed.append(plan.before.get(key))
            if all_removed:
                allowed = [plan.left.get(key)]
            if observed.get(key) not in allowed:
                self._blame(f"{when}: {key} is {observed.get(key)}, expected one of {allowed}")

    def _complete(self, plan: Plan) -> None:
        """The next run brings everything to where it should be, and leaves nothing behind."""
        began = time.monotonic()
        ended = self._forker.run("tests.index.killed:work", point=None, passage=0, **plan.run)
        self._run_seconds = time.monotonic() - began
        if ended.status != 0:
            self._blame(f"the next run does not complete: {ended.status}")
        self._passages = {line["point"]: line["passages"] for line in ended.said if "point" in line}
        observed = self._look("after the next run")
        if observed is None:
            return
        if observed != plan.left:
            self._blame(f"the next run left {observed.items() ^ plan.left.items()}")
        self._state = observed
        kept = {path.name for path in (self._data / "originals").iterdir()}
        wanted = {value for key, value in observed.items() if key.startswith("Uploads/")}
        if kept != wanted:
            self._blame(f"the next run left the originals {kept ^ wanted}")
        if leftovers := [path.name for path in self._data.rglob("*.tmp")]:
            self._blame(f"the next run left {leftovers}")

    def _look(self, when: str) -> State | None:
        """Open what is there, check it, ask it, and say which documents are ready."""
        began = time.monotonic()
        found = len(self.summary.violations)
        try:
            with VARIANTS[self._variant](), Store.open(self._data, lock_seconds=2.0) as store:
                store.snapshot()
                self.summary.slowest_start = max(self.summary.slowest_start, time.monotonic() - began)
                for line in store.check():
                    self._blame(f"{when}: {line}")
                observed = self._documents(store, when)
                if len(self.summary.violations) == found:
                    self._ask(store, observed, when)
        except FootnoteError as exc:
            self._blame(f"{when}: {type(exc).__name__}: {exc}")
            return None
        if self.summary.slowest_start > START_SECONDS:
            self._blame(f"{when}: opening took {self.summary.slowest_start:.1f} s")
        return observed

    def _documents(self, store: Store, when: str) -> State:
        state: State = {}
        for row in store.documents():
            if row.state != "ready" or row.version_id is None or row.content_hash is None:
                self._blame(f"{when}: {row.path} is {row.state}: {row.reason}")
                continue
            state[f"{row.collection}/{row.path}"] = row.content_hash
            if store.text(row.version_id) != self._texts[row.content_hash]:
                self._blame(f"{when}: {row.path} has another text than its file")
            original = store.originals / row.content_hash
            if row.origin == "upload" and original.exists() and hash_of(original) != row.content_hash:
                self._blame(f"{when}: the original of {row.path} is damaged")
        return state

    def _ask(self, store: Store, observed: State, when: str) -> None:
        """What is indexed is found by its own word; what is not indexed is not found."""
        snapshot = store.snapshot()
        indexed = set(observed.values())
        for content_hash in self._chance.sample(sorted(self._texts), min(30, len(self._texts))):
            token = self._texts[content_hash].split()[0]
            ids = [chunk_id for chunk_id, _ in snapshot.lexical(query_terms(token, ["en"]), 5)]
            texts = [chunk.text.split()[0] for chunk in store.chunks(ids).values()]
            if texts != ([token] if content_hash in indexed else []):
                self._blame(f"{when}: {token} finds {texts}")
        query = WordCountEmbedder(VOCABULARY).encode(["river bridge"])[0]
        ids = [chunk_id for chunk_id, _ in snapshot.dense(query, 10)]
        if len(store.chunks(ids)) != 10:
            self._blame(f"{when}: dense search finds passages that are not there")


@dataclass(frozen=True)
class Plan:
    """The documents before a run, when all was added, and when all was removed; and the run itself."""

    before: State
    added: State
    left: State
    run: dict[str, Any]


def hash_of(path: Path) -> str:
    """SHA-256 of a file, hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _token(number: int) -> str:
    """A word of letters only, for a number."""
    return "zq" + "".join(chr(ord("a") + int(digit)) for digit in str(number)) + "x"


def run_kills(
    forker: Forker,
    root: Path,
    *,
    at_random: int,
    rounds: int,
    seed: int = 1,
    tell: Callable[[Summary], object] = bool,
) -> Summary:
    """Kill at random times until that many hit, and ``rounds`` times at every fault point."""
    began = time.monotonic()
    harness = Harness(root, forker, seed=seed)
    todo = [point for point in fault_points() for _ in range(rounds)] + [""] * at_random
    random.Random(seed).shuffle(todo)
    for point in todo:
        if point:
            harness.kill_at(point)
        else:
            harness.kill_at_random()
        tell(harness.summary)
    while harness.summary.at_random < at_random and harness.summary.between_runs < 10 * at_random:
        harness.kill_at_random()
        tell(harness.summary)
    harness.summary.seconds = time.monotonic() - began
    return harness.summary


def main() -> None:
    """The long form; exits with 1 when a promise was broken."""
    arguments = argparse.ArgumentParser(description="Kill the indexer many times and check what is left.")
    arguments.add_argument("--kills", type=int, default=500)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    points = len(fault_points())
    at_random = max(options.kills * 2 // 5, 1)
    rounds = -(-(options.kills - at_random) // points)
    logging.disable()  # that derived files are made anew is what is expected here

    def tell(summary: Summary) -> None:
        if summary.kills and summary.kills % 50 == 0:
            sys.stdout.write(f"{summary.kills} kills, {len(summary.violations)} violations\n")
            sys.stdout.flush()

    with quick_folder() as root, Forker("tests.index.kills") as forker:
        summary = run_kills(forker, root, at_random=at_random, rounds=rounds, seed=options.seed, tell=tell)
    sys.stdout.write(
        f"{summary.kills} kills in {summary.seconds:.0f} s: {summary.at_random} at random times,"
        f" {summary.at_points.total()} at {len(summary.at_points)} of {points} fault points;"
        f" slowest start {summary.slowest_start:.2f} s; {len(summary.violations)} violations\n"
    )
    for violation in summary.violations:
        sys.stdout.write(f"  {violation}\n")
    missed = sorted(set(fault_points()) - {point for point, count in summary.at_points.items() if count})
    if missed:
        sys.stdout.write(f"no kill at: {', '.join(missed)}\n")
    sys.exit(bool(summary.violations or missed))


if __name__ == "__main__":
    main()
