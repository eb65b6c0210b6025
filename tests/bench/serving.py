"""What the benchmarks of the server stand on: an index of a given size, a slow model, and the real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.bench.child import in_child
from tests.bench.tab import Handlers, Tab, client_of
from tests.bench.texts import Text, generated_texts, made_up_questions
from tests.rag.llm_stub import Stub, serving

PASSAGES_A_TEXT = 2.2  # of the made-up pages, on average
TOKENS = 100
SECONDS_A_TOKEN = 0.02
# Every question is answered: what is measured is the whole way.
ALWAYS = {"FOOTNOTE_ANSWER__STRICTNESS": "open"}


def made_up(passages: int) -> list[Text]:
    """Texts that are cut into about so many passages."""
    return generated_texts(max(1, round(passages / PASSAGES_A_TEXT)))


def indexed(data: Path, texts: Sequence[Text]) -> int:
    """Index texts with the real model, in a process of its own; returns how many passages there are."""
    file = data.with_name(f"{data.name}-texts.json")
    file.write_text(json.dumps([asdict(text) for text in texts]), encoding="utf-8")
    return int(in_child("ours-ingest", file, data)["chunks"])


def questions_for(texts: list[Text], count: int) -> list[str]:
    """So many questions in the words of the texts, repeated where there are not enough texts."""
    questions = made_up_questions(texts, count)
    return [questions[at % len(questions)] for at in range(count)]


def slow_model() -> Stub:
    """A model that writes 100 tokens, one in 20 ms, with a mark in every sentence."""
    words = ["The", " documents", " say", " so", " in", " these", " words", ",", " roughly", " [1]."]
    sentence = [word if at else f" {word}" for at, word in enumerate(words)]
    return Stub(pieces=sentence * (TOKENS // len(words)), seconds_a_piece=SECONDS_A_TOKEN)


@contextmanager
def model_environment(*, built_in: bool) -> Iterator[dict[str, str]]:
    """The environment of a server that answers with the slow model, or with the built-in answerer."""
    if built_in:
        yield ALWAYS
        return
    with serving(slow_model()) as stub:
        yield {
            **ALWAYS,
            "FOOTNOTE_GENERATION__MODEL": "openai:stub",
            "FOOTNOTE_GENERATION__BASE_URL": f"{stub.url}/v1",
            "OPENAI_API_KEY": "stub",
        }


async def handlers_of(url: str) -> Handlers:
    """What the page's events are called on this server."""
    async with client_of(url) as client:
        return Handlers((await client.get("/config")).raise_for_status().json())


async def warm(url: str, handlers: Handlers, question: str) -> None:
    """Ask until the models are loaded."""
    async with Tab(url, handlers) as tab:
        for _ in range(3):
            asked = await tab.ask(question)
            if asked.error:
                raise RuntimeError(f"the server does not answer: {asked.error}")
    await asyncio.sleep(1)
