"""``python -m tests.bench.soak``: does the server stay as it was, however long it runs?

People ask while a folder changes and is indexed again and again, and tabs open and close all the time, over
the real server with the real models and the built-in answerer. Memory, open files, threads and the size of
what is temporary are read after a warm-up and at the end. Every answer must come from one generation of the
index: the passages of a changing file that it names are all of one version. Prints a table; exits 1 if a
bound is broken. A short run: ``--questions 100 --reindexes 5 --sessions 10``.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from index.jobs import Jobs
from tests.bench.load import stored_failures
from tests.bench.serving import handlers_of, indexed, made_up, model_environment, questions_for, warm
from tests.bench.tab import Asked, Handlers, Tab
from tests.ui.test_browser import served
from ui.chats import Chats
from ui.stored import StoredAnswer

MOST_GROWTH = 0.05  # of the memory after warm-up
WARM_UP = 0.2  # of the questions
PEOPLE = 3  # who ask without a pause
MORE_FILES = 5  # open connections come and go
MORE_THREADS = 5
MOST_TEMPORARY_BYTES = 10_000_000
READINGS = 20  # of the memory, in a run
SECTIONS = 12
SETTLE_SECONDS = 4.0
JOB_SECONDS = 120.0
ABOUT_THE_FILE = "Which edition of the harbour rules counts for pier {}?"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the server's processes hold."""

    memory: int  # bytes, resident
    files: int
    threads: int
    temporary: int  # bytes in the folders of uploads and of temporary files


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description=__doc__)
    parser.add_argument("--questions", type=int, default=2000, metavar="N", help="in all (2000)")
    parser.add_argument("--reindexes", type=int, default=50, metavar="N", help="of a changed folder (50)")
    parser.add_argument("--sessions", type=int, default=50, metavar="N", help="opened and closed (50)")
    parser.add_argument("--passages", type=int, default=400, metavar="N", help="size of the index (400)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as folder:
        data, changing, temporary = (Path(folder) / name for name in ("data", "changing", "temporary"))
        temporary.mkdir()
        write_edition(changing, 0)
        texts = made_up(arguments.passages)
        indexed(data, texts)
        questions = questions_for(texts, arguments.questions)
        with (
            model_environment(built_in=True) as environment,
            served(data, **environment, TMPDIR=str(temporary)) as server,
        ):
            assert server.process is not None
            soak = Soak(data, changing, temporary, psutil.Process(server.process.pid))
            asyncio.run(soak.run(server.url, questions, arguments.reindexes, arguments.sessions))
        broken = [*soak.broken(), *mixed_answers(data)]
        broken += [f"{count} answers: {line}" for line, count in stored_failures(data).items()]
    print(soak.table())
    sys.exit("\n".join(broken) or 0)


class Soak:
    """One run against one server."""

    def __init__(self, data: Path, changing: Path, temporary: Path, process: psutil.Process) -> None:
        self._data, self._changing, self._temporary, self._process = data, changing, temporary, process
        self.asked: list[Asked] = []
        self.memory: list[int] = []  # bytes, a reading every few questions
        self._step = 1
        self.reindexes = 0
        self.sessions = 0
        self.errors: list[str] = []
        self.before: State | None = None
        self.after: State | None = None

    async def run(self, url: str, questions: Sequence[str], reindexes: int, sessions: int) -> None:
        """Warm up, then ask, index and open tabs at the same time, then let it settle."""
        first = max(1, round(WARM_UP * len(questions)))
        self._step = max(1, len(questions) // READINGS)
        handlers = await handlers_of(url)
        await warm(url, handlers, questions[0])
        await self._ask_all(url, handlers, questions[:first], 1, 1)
        self.before = await self._settled()
        await self._ask_all(url, handlers, questions[first:], reindexes, sessions)
        self.after = await self._settled()

    async def _ask_all(
        self,
        url: str,
        handlers: Handlers,
        questions: Sequence[str],
        reindexes: int,
        sessions: int,
    ) -> None:
        waiting = iter([*enumerate(questions)])
        busy = asyncio.gather(*(self._person(url, handlers, waiting) for _ in range(PEOPLE)))
        await asyncio.gather(
            busy, self._reindex(url, handlers, reindexes), self._visit(url, handlers, sessions)
        )

    async def _person(self, url: str, handlers: Handlers, waiting: Iterator[tuple[int, str]]) -> None:
        """Asks what nobody has asked yet, ten questions a tab, in turn about the files that change."""
        while True:
            async with Tab(url, handlers) as tab:
                for _ in range(10):
                    number, question = next(waiting, (0, ""))
                    if not question:
                        return
                    about = ABOUT_THE_FILE.format(number % SECTIONS)
                    self.asked.append(await tab.ask(about if number % 2 else question))
                    if number % self._step == 0:
                        self.memory.append(self._process.memory_info().rss)
            self.errors += tab.errors

    async def _reindex(self, url: str, handlers: Handlers, times: int) -> None:
        jobs = Jobs(self._data)
        try:
            async with Tab(url, handlers) as tab:
                for _ in range(times):
                    self.reindexes += 1
                    write_edition(self._changing, self.reindexes)
                    before = max((job.job_id for job in jobs.recent(1)), default=0)
                    await tab.click("fn-state-html", act="folder", value=str(self._changing))
                    await self._ended(jobs, before)
            self.errors += tab.errors
        finally:
            jobs.close()

    async def _ended(self, jobs: Jobs, before: int) -> None:
        """Wait until a job that is newer than ``before`` is done."""
        end = time.monotonic() + JOB_SECONDS
        while time.monotonic() < end:
            newest = next(iter(jobs.recent(1)), None)
            if newest is not None and newest.job_id > before and not newest.unfinished:
                if newest.state != "done":
                    self.errors.append(f"a job ended as {newest.state}: {newest.message}")
                return
            await asyncio.sleep(0.1)
        self.errors.append("a job did not end")

    async def _visit(self, url: str, handlers: Handlers, times: int) -> None:
        chance = random.Random(times)
        for _ in range(times):
            async with Tab(url, handlers) as tab:
                await asyncio.sleep(chance.uniform(0.2, 2.5))
            self.sessions += 1
            self.errors += tab.errors

    async def _settled(self) -> State:
        await asyncio.sleep(SETTLE_SECONDS)
        processes = [self._process, *self._process.children(recursive=True)]
        folders = (self._temporary, self._data / "uploads")
        return State(
            memory=self._process.memory_info().rss,
            files=sum(each.num_fds() for each in processes),
            threads=self._process.num_threads(),
            temporary=sum(file.stat().st_size for at in folders for file in at.rglob("*") if file.is_file()),
        )

    def broken(self) -> list[str]:
        """The bounds that do not hold, in words."""
        assert self.before is not None
        assert self.after is not None
        before, after = self.before, self.after
        broken = []
        if after.memory > before.memory * (1 + MOST_GROWTH):
            broken.append(f"memory grew by {after.memory / before.memory - 1:.1%}")
        if after.files > before.files + MORE_FILES:
            broken.append(f"open files: {before.files} → {after.files}")
        if after.threads > before.threads + MORE_THREADS:
            broken.append(f"threads: {before.threads} → {after.threads}")
        if after.temporary > MOST_TEMPORARY_BYTES:
            broken.append(f"temporary files hold {after.temporary:,} bytes")
        refused = sum(each.refused_seconds is not None for each in self.asked)
        if refused:
            broken.append(f"{refused} questions were refused")
        errors = Counter([*self.errors, *(each.error for each in self.asked if each.error)])
        return broken + [f"{count} × {error}" for error, count in errors.items()]

    def table(self) -> str:
        """What was done, and the server before and after it."""
        assert self.before is not None
        assert self.after is not None
        before, after = self.before, self.after
        whole = [each.whole_seconds for each in self.asked if each.whole_seconds is not None]
        rows = (
            ("memory, MB", before.memory / 1e6, after.memory / 1e6),
            ("open files", before.files, after.files),
            ("threads", before.threads, after.threads),
            ("temporary, kB", before.temporary / 1e3, after.temporary / 1e3),
        )
        return "\n".join(
            [
                f"{len(self.asked)} questions (median {median(whole or [0]):.2f} s), "
                f"{self.reindexes} re-indexes, {self.sessions} sessions",
                f"{'':<16}{'warm':>10}{'end':>10}",
                *(f"{name:<16}{first:>10.0f}{last:>10.0f}" for name, first, last in rows),
                "memory on the way, MB: " + " ".join(f"{each / 1e6:.0f}" for each in self.memory),
            ]
        )


def write_edition(folder: Path, number: int) -> None:
    """One file whose every section names the edition, so that no two editions fit together."""
    folder.mkdir(exist_ok=True)
    filler = (
        "Ships give way to the ferry, moor where the harbour master says, and pay before they leave. " * 6
    )
    sections = (
        f"Rules for pier {pier}. Edition {number} of the harbour rules counts for pier {pier}. {filler}"
        for pier in range(SECTIONS)
    )
    (folder / "harbour.txt").write_text("\n\n".join(sections), encoding="utf-8")


def mixed_answers(data: Path) -> list[str]:
    """Complaints about answers that name two versions of one document; about none that names the file."""
    chats = Chats(data)
    try:
        answers = [
            message.answer
            for chat in chats.chats(limit=100_000)
            for message in chats.messages(chat.chat_id)
            if message.answer is not None
        ]
    finally:
        chats.close()
    mixed = sum(len(versions_of(answer)) > len({doc for doc, _ in versions_of(answer)}) for answer in answers)
    naming = {version for answer in answers for version in versions_of(answer, "harbour.txt")}
    complaints = [f"{mixed} answers come from two generations"] if mixed else []
    return complaints if len(naming) > 1 else [*complaints, "no two editions were ever found"]


def versions_of(answer: StoredAnswer, name: str = "") -> set[tuple[str, int]]:
    """The documents that an answer names, each with its version.

    Args:
        name: Only of files that are called so.
    """
    places = [*answer.passages, *(place for _, place in answer.citations)]
    return {(place.doc_id, place.version_id) for place in places if place.name.endswith(name)}


if __name__ == "__main__":
    main()
