"""Files of an index are damaged, byte by byte and by cutting them short; it may never answer wrongly.

``python -m tests.index.damage`` is the long form: 200 changed bytes and 50 truncations for every file of
the checkpoints and of the lexical index, and as many for the catalog. Each damaged folder is opened and
asked in a process of its own, so that a crash or a hang is seen as one.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import shutil
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from index.analysis import query_terms
from index.errors import FootnoteError
from index.store import Store
from tests.index.forked import Forker, Say, quick_folder
from tests.index.support import EMBEDDER, put, unit
from tests.index.variants import VARIANTS

DERIVED = ("checkpoints", "lexical")
WORDS = ("river", "bridge", "harbour", "engine", "letter", "garden", "winter", "market")
SAME_SCORE = 2e-3  # half precision in a checkpoint, full in the catalog
ANSWER_SECONDS = 60.0

Answers = list[dict[str, float]]


def build(data: Path) -> None:
    """A small index in several segments: a checkpoint, passages added and passages removed after it."""
    chance = random.Random(5)
    with Store.open(data) as store:
        for start in (0, 30):
            puts = [
                put(f"/{number}.txt", *(_sentence(chance, number, part) for part in range(3)))
                for number in range(start, start + 30)
            ]
            store.publish(puts=puts, embedder=EMBEDDER)
            if start == 0:
                store.write_checkpoint()
        store.remove([row.doc_id for row in store.documents()[::7]])


def _sentence(chance: random.Random, number: int, part: int) -> str:
    return f"Number {number} part {part}: {' '.join(chance.choices(WORDS, k=8))}."


def answers(store: Store) -> Answers:
    """What an index answers to some questions: the score by passage, of every passage that is found."""
    snapshot = store.snapshot()
    found = [snapshot.lexical(query_terms(word, ["en"]), 1_000) for word in WORDS]
    found += [snapshot.dense(unit(seed), 1_000) for seed in range(5)]
    texts = {
        chunk_id: row.text
        for chunk_id, row in store.chunks(sorted({i for hits in found for i, _ in hits})).items()
    }
    return [{texts.get(chunk_id, ""): score for chunk_id, score in hits} for hits in found]


def differs(given: Answers, right: Answers) -> bool:
    """Whether answers name other passages than the right ones, or other scores."""
    return any(
        have.keys() != want.keys() or any(abs(have[text] - want[text]) > SAME_SCORE for text in want)
        for have, want in zip(given, right, strict=True)
    )


def ask(say: Say, *, data: str, right: str, variant: str) -> None:
    """Open a damaged index and compare its answers with the right ones; in a process of its own."""
    allowed = json.loads(Path(right).read_text(encoding="utf-8"))
    try:
        with VARIANTS[variant](), Store.open(Path(data), lock_seconds=2.0) as store:
            given = answers(store)
            say("wrong" if all(differs(given, right) for right in allowed) else "right")
    except FootnoteError as exc:
        say(type(exc).__name__)
    except Exception as exc:  # noqa: BLE001  the kind of error is what is to be counted
        say(f"raised {type(exc).__name__}: {exc}"[:500])


@dataclass
class Summary:
    """What became of the damaged folders: how often each outcome, and every one that is not allowed."""

    outcomes: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    files: int = 0
    seconds: float = 0.0


def run_damage(
    forker: Forker,
    root: Path,
    *,
    flips: int,
    cuts: int,
    folders: tuple[str, ...] = DERIVED,
    allowed: tuple[str, ...] = ("right",),
    variant: str = "",
    seconds: float = ANSWER_SECONDS,
    seed: int = 1,
) -> Summary:
    """Damage every file of these folders (or files) of an index, one at a time."""
    began = time.monotonic()
    chance = random.Random(seed)
    sound, data, right = root / "sound", root / "data", root / "right.json"
    if not sound.exists():
        ended = forker.run("tests.index.damage:prepare", root=str(root))
        assert ended.status == 0
    files = [
        file
        for name in folders
        for file in ([sound / name] if (sound / name).is_file() else sorted((sound / name).iterdir()))
        if file.stat().st_size
    ]
    summary = Summary(files=len(files))
    for file in files:
        original = file.read_bytes()
        for number, damaged in enumerate(_damages(original, flips, cuts, chance)):
            shutil.rmtree(data, ignore_errors=True)
            shutil.copytree(sound, data)
            (data / file.relative_to(sound)).write_bytes(damaged)
            ended = forker.run(
                "tests.index.damage:ask",
                seconds=seconds,
                data=str(data),
                right=str(right),
                variant=variant,
            )
            outcome = (
                "hung" if ended.hung else str(ended.said[0]) if ended.said else f"crashed: {ended.status}"
            )
            summary.outcomes[outcome] += 1
            if outcome not in allowed:
                summary.violations.append(f"{file.relative_to(sound)}, damage {number}: {outcome}")
    summary.seconds = time.monotonic() - began
    return summary


def _damages(original: bytes, flips: int, cuts: int, chance: random.Random) -> list[bytes]:
    damaged = []
    for _ in range(flips):
        changed = bytearray(original)
        changed[chance.randrange(len(original))] ^= chance.randint(1, 255)
        damaged.append(bytes(changed))
    return damaged + [original[: chance.randrange(len(original))] for _ in range(cuts)]


def prepare(say: Say, *, root: str) -> None:
    """Make the sound index and note what it answers; in a process of its own, since only clean ones fork.

    BM25 still counts passages that were removed until their segment is merged, so an index that was made
    anew has slightly other scores. Both are right.
    """
    sound, again = Path(root) / "sound", Path(root) / "again"
    build(sound)
    shutil.copytree(sound, again)
    shutil.rmtree(again / "lexical")
    right = []
    for data in (sound, again):
        with Store.open(data) as store:
            assert store.check() == []
            right.append(answers(store))
    (Path(root) / "right.json").write_text(json.dumps(right), encoding="utf-8")


def main() -> None:
    """The long form; exits with 1 when a damaged derived file answered wrongly, hung or crashed."""
    arguments = argparse.ArgumentParser(description="Damage the files of an index and see what it answers.")
    arguments.add_argument("--flips", type=int, default=200, help="changed bytes for each file")
    arguments.add_argument("--cuts", type=int, default=50, help="truncations of each file")
    options = arguments.parse_args()
    broken = 0
    logging.disable()  # that derived files are made anew is what is expected here
    with quick_folder() as root, Forker("tests.index.damage") as forker:
        for folders, allowed in (
            (DERIVED, ("right",)),
            (("catalog.sqlite",), ("right", "DamagedError", "StorageError", "NewerDatabaseError")),
        ):
            summary = run_damage(
                forker, root, flips=options.flips, cuts=options.cuts, folders=folders, allowed=allowed
            )
            sys.stdout.write(
                f"{', '.join(folders)}: {summary.files} files, {summary.outcomes.total()} damaged folders in"
                f" {summary.seconds:.0f} s: {dict(summary.outcomes)}\n"
            )
            for violation in summary.violations[:40]:
                sys.stdout.write(f"  {violation}\n")
            broken += len(summary.violations) if folders == DERIVED else 0
    sys.exit(broken > 0)


if __name__ == "__main__":
    main()
