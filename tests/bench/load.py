"""``python -m tests.bench.load``: how long people wait when many ask at the same time.

The real server with the real embedding model and reader, over generated texts or an evaluation set; once
with a language model that writes 100 tokens in 2 s, once with the built-in answerer. People open a tab, which
reports once a second as the page does, and ask with some time to think in between; then all ask in one
instant; then more than the server takes. The people and the language model run on the same machine as the
server. Prints a table; exits 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import spread
from tests.bench.serving import handlers_of, indexed, made_up, model_environment, questions_for, warm
from tests.bench.tab import Asked, Handlers, Tab
from tests.bench.texts import questions_from_set, texts_from_corpus
from tests.ui.test_browser import served
from ui.asking import MAX_AT_ONCE
from ui.chats import Chats

THINKING_TARGET = 1.5  # seconds to the first token, 95th percentile
INSTANT_TARGET = 4.0
BUSY_TARGET = 1.0
BEYOND = 15  # people more than the server answers at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One situation, its questions, and the target of it."""

    name: str
    asked: Sequence[Asked]
    target: float | None  # seconds to the first token, 95th percentile
    may_refuse: bool = False

    @property
    def missed(self) -> list[str]:
        """What is not as it should be, in words."""
        first = spread([each.first_seconds for each in self.asked if each.first_seconds is not None])["p95"]
        busy = [each.refused_seconds for each in self.asked if each.refused_seconds is not None]
        errors = Counter(each.error for each in self.asked if each.error)
        missed = [f"{self.name}: {count} × {error}" for error, count in errors.items()]
        if self.target is not None and first > self.target:
            missed.append(f"{self.name}: first token p95 {first:.2f} s, target {self.target:g} s")
        if busy and not self.may_refuse:
            missed.append(f"{self.name}: {len(busy)} questions were refused")
        if self.may_refuse and not busy:
            missed.append(f"{self.name}: nobody was told that the server is busy")
        if busy and spread(busy)["p95"] > BUSY_TARGET:
            missed.append(f'{self.name}: "busy" came after {spread(busy)["p95"]:.2f} s')
        return missed

    def __str__(self) -> str:
        first = spread([each.first_seconds for each in self.asked if each.first_seconds is not None])
        whole = spread([each.whole_seconds for each in self.asked if each.whole_seconds is not None])
        busy = [each.refused_seconds for each in self.asked if each.refused_seconds is not None]
        errors = sum(bool(each.error) for each in self.asked)
        return (
            f"{self.name:<32}{len(self.asked):>7}{first['median']:>8.2f}{first['p95']:>7.2f}"
            f"{whole['median']:>9.2f}{whole['p95']:>7.2f}{errors:>8}{len(busy):>7}{spread(busy)['p95']:>9.2f}"
        )


HEAD = (
    f"{'seconds':<32}{'asked':>7}{'first':>8}{'p95':>7}{'whole':>9}{'p95':>7}"
    f"{'errors':>8}{'busy':>7}{'p95':>9}"
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load", description=__doc__)
    parser.add_argument("--people", type=int, default=25, metavar="N", help="how many (25)")
    parser.add_argument("--think", type=float, default=10.0, metavar="S", help="seconds to think (10)")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="how long they ask (60)")
    parser.add_argument(
        "--set", type=Path, metavar="FOLDER", help="an evaluation set; by default made-up pages and questions"
    )
    parser.add_argument("--passages", type=int, default=400, metavar="N", help="size of the index (400)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as folder:
        data = Path(folder) / "data"
        if arguments.set:
            texts = texts_from_corpus(arguments.set / "corpus.jsonl.gz", arguments.passages)
            asked = questions_from_set(arguments.set / "queries.jsonl", 1000)
            questions = [asked[at % len(asked)] for at in range(1000)]
        else:
            texts = made_up(arguments.passages)
            questions = questions_for(texts, 1000)
        passages = indexed(data, texts)
        print(f"{passages:,} passages, {arguments.people} people, {os.cpu_count()} cores", flush=True)
        print(HEAD)
        missed = []
        for built_in in (False, True):
            with model_environment(built_in=built_in) as environment, served(data, **environment) as server:
                for row in asyncio.run(measure(server.url, questions, arguments, built_in=built_in)):
                    print(row, flush=True)
                    missed += row.missed
        for line, count in stored_failures(data).items():
            missed.append(f"{count} answers failed or came with a notice: {line}")
    sys.exit("\n".join(missed) or 0)


async def measure(
    url: str, questions: Sequence[str], arguments: argparse.Namespace, *, built_in: bool
) -> list[Row]:
    """Every situation, one after the other, over one server."""
    name = "built-in" if built_in else "100 tokens at 20 ms"
    people = arguments.people
    handlers = await handlers_of(url)
    await warm(url, handlers, questions[0])
    thinking = await think(
        url, handlers, questions, people=people, pause=arguments.think, seconds=arguments.seconds
    )
    at_once = await instant(url, handlers, questions[200 : 200 + people])
    beyond = await instant(url, handlers, questions[400 : 400 + MAX_AT_ONCE + BEYOND])
    return [
        Row(name=f"{name}, thinking", asked=thinking, target=THINKING_TARGET),
        Row(name=f"{name}, in one instant", asked=at_once, target=INSTANT_TARGET),
        Row(name=f"{name}, {len(beyond)} at once", asked=beyond, target=None, may_refuse=True),
    ]


async def think(
    url: str,
    handlers: Handlers,
    questions: Sequence[str],
    *,
    people: int,
    pause: float,
    seconds: float,
) -> list[Asked]:
    """People who ask, read for about ``pause`` seconds, and ask again, each in one conversation."""
    end = time.perf_counter() + seconds
    done: list[Asked] = []

    async def person(number: int) -> None:
        chance = random.Random(number)
        await asyncio.sleep(chance.uniform(0, pause))
        async with Tab(url, handlers) as tab:
            while time.perf_counter() < end:
                done.append(await tab.ask(chance.choice(questions)))
                await asyncio.sleep(chance.uniform(0.5, 1.5) * pause)
        done.extend(Asked(error=error) for error in tab.errors)

    await asyncio.gather(*(person(number) for number in range(people)))
    return done


async def instant(url: str, handlers: Handlers, questions: Sequence[str]) -> list[Asked]:
    """Each question in a tab of its own, all sent in the same instant."""
    async with AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(Tab(url, handlers)) for _ in questions]
        await asyncio.sleep(1)
        asked = await asyncio.gather(
            *(tab.ask(question) for tab, question in zip(tabs, questions, strict=True))
        )
    return [*asked, *(Asked(error=error) for tab in tabs for error in tab.errors)]


def stored_failures(data: Path) -> Counter[str]:
    """What the stored answers say went wrong, by how often."""
    chats = Chats(data)
    try:
        answers = [
            message.answer
            for chat in chats.chats()
            for message in chats.messages(chat.chat_id)
            if message.role == "assistant"
        ]
    finally:
        chats.close()
    return Counter(
        "no answer was stored" if answer is None else answer.notice or answer.status
        for answer in answers
        if answer is None or answer.status == "failed" or answer.generator == "quotes"
    )


if __name__ == "__main__":
    main()
