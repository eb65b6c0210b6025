"""Who asks too much hears so at once, without waiting behind those who were let in."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

# A page whose one handler answers once there is a file, and has room for two questions.
SERVER = """
import sys, time
from pathlib import Path
import gradio as gr, uvicorn
from fastapi import FastAPI
from index.errors import BusyError
from ui.door import guard_door

folder = Path(sys.argv[1])

def answer(question, number):
    until = time.monotonic() + 60
    while not (folder / "let go").exists() and time.monotonic() < until:
        time.sleep(0.02)
    return f"To {question}", ""

def admit(under_way):
    if under_way >= 2:
        raise BusyError("<b>Two</b> are being answered already.", hint="ask again in a moment.")

def turned_away(session, number):
    with (folder / "turned away").open("a") as file:
        print(session, number, file=file)

with gr.Blocks(analytics_enabled=False) as blocks:
    box, number, out = gr.Textbox(), gr.JSON(), gr.Textbox()
    box.submit(answer, [box, number], [out, box], concurrency_limit=10)
blocks.queue(api_open=False)
guard_door(blocks, 0, admit=admit, turned_away=turned_away)
application = gr.mount_gradio_app(FastAPI(), blocks, path="/")
uvicorn.run(application, port=int(sys.argv[2]), log_level="warning")
"""


class Page:
    """What a browser does with that page."""

    def __init__(self, client: httpx.Client, folder: Path) -> None:
        self._client = client
        self._folder = folder

    def let_go(self) -> None:
        (self._folder / "let go").touch()

    @property
    def turned_away(self) -> list[str]:
        return (self._folder / "turned away").read_text(encoding="utf-8").splitlines()

    def ask(self, question: str, session: str, number: int = 1) -> str:
        body = {"fn_index": 0, "data": [question, number], "session_hash": session}
        reply = self._client.post("/gradio_api/queue/join", json=body)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["event_id"])

    def messages(self, session: str) -> list[dict[str, Any]]:
        """What the stream of a session says until nothing is pending any more."""
        reply = self._client.get("/gradio_api/queue/data", params={"session_hash": session})
        lines = [line for line in reply.text.splitlines() if line.startswith("data: ")]
        return [json.loads(line.removeprefix("data: ")) for line in lines]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (
        subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path), str(port)]) as server,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        try:
            for _ in range(600):
                try:
                    client.get("/config")
                    break
                except httpx.TransportError:
                    assert server.poll() is None
                    time.sleep(0.1)
            yield Page(client, tmp_path)
        finally:
            server.kill()


def test_one_more_than_there_is_room_for_is_told_so_while_the_others_wait(page: Page) -> None:
    for number in range(2):
        page.ask(f"Question {number}", f"in{number}")
    event = page.ask("One more", "out", number=7)
    said = [each for each in page.messages("out") if each.get("event_id") == event]
    assert [each["msg"] for each in said] == ["log", "process_completed"]
    assert said[0]["level"] == "warning"
    assert unescape(said[0]["log"]) == "<b>Two</b> are being answered already. Ask again in a moment."
    assert "<" not in said[0]["log"]  # Gradio takes it for HTML
    assert said[1]["success"]
    assert [each["__type__"] for each in said[1]["output"]["data"]] == ["update", "update"]
    assert all("value" not in each for each in said[1]["output"]["data"])  # what was typed stays
    assert page.turned_away == ["out 7"]


def test_those_who_were_let_in_are_answered_and_then_there_is_room_again(page: Page) -> None:
    for number in range(2):
        page.ask(f"question {number}", f"in{number}")
    page.ask("refused", "in1")
    page.let_go()
    for number in range(2):
        done = [each for each in page.messages(f"in{number}") if each["msg"] == "process_completed"]
        assert f"To question {number}" in [each["output"]["data"][0] for each in done]
    event = page.ask("another", "out")
    (last,) = [each for each in page.messages("out") if each["msg"] == "process_completed"]
    assert (last["event_id"], last["output"]["data"][0]) == (event, "To another")
    assert page.turned_away == ["in1 1"]
