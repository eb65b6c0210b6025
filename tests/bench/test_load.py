"""The benchmark of many people asks as the page does, and tells apart an answer, a refusal and an error."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.bench.load import Row, instant
from tests.bench.serving import handlers_of
from tests.bench.tab import Asked, Tab
from tests.ui.test_browser import served_lightly

QUESTION = "How is the garden pump cleaned with water?"
PEOPLE = 3


@pytest.mark.timeout(120)
def test_people_get_the_answer_that_the_page_would_show(tmp_path: Path) -> None:
    async def asking(url: str) -> tuple[list[Asked], list[str], str, list[str]]:
        handlers = await handlers_of(url)
        asked = await instant(url, handlers, [QUESTION] * PEOPLE)
        async with Tab(url, handlers) as tab:
            await tab.ask(QUESTION)
            await tab.ask(QUESTION)
            await asyncio.sleep(2.5)  # two beats
            return asked, tab.messages, tab.chat_id, tab.errors

    with served_lightly(tmp_path / "data") as server:
        asked, messages, chat_id, errors = asyncio.run(asking(server.url))
    assert [(each.error, each.refused_seconds) for each in asked] == [("", None)] * PEOPLE
    assert all(0 < (each.first_seconds or 0) <= (each.whole_seconds or 0) for each in asked)
    assert len(messages) == 4
    assert "cleaned with water" in messages[1]
    assert "garden pump" in messages[0]
    assert len(chat_id) == 32
    assert errors == []


def test_a_row_names_each_target_that_is_missed() -> None:
    asked = [Asked(first_seconds=2.0, whole_seconds=4.0), Asked(error="broken"), Asked(refused_seconds=3.0)]
    assert Row(name="A", asked=asked, target=1.5).missed == [
        "A: 1 × broken",
        "A: first token p95 2.00 s, target 1.5 s",
        "A: 1 questions were refused",
        'A: "busy" came after 3.00 s',
    ]
    assert Row(name="A", asked=asked[:1], target=2.5).missed == []
