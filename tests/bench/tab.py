"""An open tab of the page without a browser: it talks to the server as the page does.

It opens the page, keeps the heartbeat, asks and clicks, each through Gradio's queue and its stream of events,
and reports once a second what it shows. Everything that a browser would draw is kept as values.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from gradio_client.utils import apply_diff

BEAT_SECONDS = 1.0
ANSWER_SECONDS = 120.0
_STAMP = re.compile(r'data-part="([a-z]+)" data-revision="([0-9a-f]*)"')
_CHAT = re.compile(r'data-chat="([0-9a-f]*)"')
_KEY = re.compile(r'data-tab="([0-9a-f]*)"')
_STAGE = re.compile(r'<p class="fn-stage">.*</p>', re.DOTALL)
_TOP, _MESSAGES = "fn-top-html", "fn-chat"


def client_of(url: str) -> httpx.AsyncClient:
    """What one browser has: its own connections to the server. The caller closes it.

    Tabs that shared one would look through all connections of all tabs at each request: of 65 tabs that
    took as long as a third of what the server did.
    """
    return httpx.AsyncClient(
        base_url=url,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        timeout=httpx.Timeout(120.0, read=None),
        trust_env=False,
        verify=False,
    )


@dataclass(kw_only=True)
class Asked:
    """How a question went; seconds from the moment it was sent."""

    first_seconds: float | None = None  # until the first words of the answer were there
    whole_seconds: float | None = None  # until the answer was complete, with its sources
    refused_seconds: float | None = None  # until the server said that it is busy
    error: str = ""


class Handlers:
    """The numbers of the page's event handlers, and what each fills."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._ids = {each["id"]: each["props"].get("elem_id") or "" for each in config["components"]}
        self._events = config["dependencies"]

    def of(self, event: str, element: str = "") -> tuple[int, list[str]]:
        """The handler of an event: its number and the elements that it fills.

        Args:
            event: ``load``, ``submit``, ``draw`` or ``act``.
            element: The ``elem_id`` of what it comes from; "" for any.
        """
        for each in self._events:
            for target, name in each["targets"]:
                if name == event and element in ("", self._ids.get(target)):
                    return each["id"], [self._ids[output] for output in each["outputs"]]
        raise LookupError(f"the page has no handler for {event} of {element}")


@dataclass
class Tab:
    """One tab. Use it as an asynchronous context manager; it closes as a browser's tab does."""

    url: str  # of the server
    handlers: Handlers
    session: str = field(default_factory=lambda: secrets.token_hex(8))
    shown: dict[str, Any] = field(default_factory=dict)  # by elem_id
    errors: list[str] = field(default_factory=list)  # of anything that is not a question
    _client: httpx.AsyncClient = field(init=False)
    _pending: set[str] = field(default_factory=set)
    _arrived: defaultdict[str, asyncio.Queue[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(asyncio.Queue)
    )
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _listening: asyncio.Task[None] | None = None
    _opened_at: float = 0.0
    _sent: int = 0  # events

    async def __aenter__(self) -> Tab:
        self._opened_at = time.perf_counter()
        self._client = client_of(self.url)
        self._tasks.append(asyncio.create_task(self._heartbeat()))
        async for _ in self._event("load", "", [None]):
            pass
        self._tasks.append(asyncio.create_task(self._pulse()))
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [*self._tasks, *([self._listening] if self._listening else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def ask(self, question: str) -> Asked:
        """Send a question and follow its answer to the end."""
        asked, before, started = Asked(), len(self.messages), time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                async for message in self._event("submit", "fn-box", [question, None]):
                    seconds = time.perf_counter() - started
                    if message["msg"] == "log":
                        if "being answered already" not in message["log"]:
                            asked.error = message["log"]
                        asked.refused_seconds = seconds
                    elif len(self.messages) >= before + 2:
                        words = _words(self.messages[-1])
                        if words and asked.first_seconds is None:
                            asked.first_seconds = seconds
                        if "fn-foot" in self.messages[-1] and asked.whole_seconds is None:
                            asked.whole_seconds = seconds
        except httpx.HTTPStatusError as exc:
            if exc.response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                asked.refused_seconds = time.perf_counter() - started  # Gradio's own queue is full
            else:
                asked.error = str(exc)
        except (httpx.HTTPError, TimeoutError, RuntimeError) as exc:
            asked.error = f"{type(exc).__name__}: {exc}"
        if asked.whole_seconds is None and asked.refused_seconds is None and not asked.error:
            # Another event may have taken over: one that the pulse asked for shows the rest.
            while time.perf_counter() - started < ANSWER_SECONDS and asked.whole_seconds is None:
                await asyncio.sleep(0.05)
                if len(self.messages) >= before + 2 and "fn-foot" in self.messages[-1]:
                    asked.whole_seconds = time.perf_counter() - started
                    asked.first_seconds = asked.first_seconds or asked.whole_seconds
            if asked.whole_seconds is None:
                asked.error = "the answer has no end"
        return asked

    async def click(self, element: str, **data: object) -> None:
        """Do what a click on something with ``data-act`` does."""
        async for _ in self._event("act", element, [None], data):
            pass

    @property
    def chat_id(self) -> str:
        """The conversation that is open; "" before its first question."""
        found = _CHAT.search(self.shown.get(_TOP) or "")
        return found[1] if found else ""

    @property
    def messages(self) -> list[str]:
        """The conversation as Markdown, in turn question and answer."""
        return [_text(message["content"]) for message in self.shown.get(_MESSAGES) or []]

    # -- what runs behind the page

    async def _heartbeat(self) -> None:
        with contextlib.suppress(httpx.HTTPError):
            async with self._client.stream("GET", f"/gradio_api/heartbeat/{self.session}") as beats:
                async for _ in beats.aiter_bytes():
                    pass

    async def _pulse(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._beat()
            except (httpx.HTTPError, TimeoutError, RuntimeError) as exc:
                self.errors.append(f"pulse: {type(exc).__name__}: {exc}")

    async def _beat(self) -> None:
        """Say what is shown, and do what the server answers, as pulse.js does."""
        reply = await self._client.post("/pulse", json=self._report())
        reply.raise_for_status()
        wishes = reply.json()["do"]
        if "draw" in wishes:
            async for _ in self._event("draw", "", [None], self._report()):
                pass
        if "show" in wishes:
            await self.click("fn-side-html", act="show")

    def _report(self) -> dict[str, Any]:
        """What pulse.js says."""
        messages = self.messages
        shown = [html for html in self.shown.values() if isinstance(html, str)]
        key = _KEY.search(self.shown.get(_TOP) or "")
        return {
            "tab": key[1] if key else "",
            "parts": dict(stamp for html in shown for stamp in _STAMP.findall(html)),
            "chat": self.chat_id,
            "messages": len(messages),
            "writing": bool(messages) and "fn-stage" in messages[-1],
            "stop": bool(messages) and "fn-stage" in messages[-1],
            "seconds": int(time.perf_counter() - self._opened_at),
        }

    # -- Gradio's queue

    async def _event(
        self, event: str, element: str, data: list[Any], event_data: object = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Send an event and yield each message about it, after what it brings was taken into ``shown``.

        Raises:
            httpx.HTTPError: The server refused it or cannot be reached.
            RuntimeError: The handler failed.
        """
        number, outputs = self.handlers.of(event, element)
        self._sent += 1
        data = [*data, self._sent]  # the page numbers its events, too
        body = {"fn_index": number, "data": data, "session_hash": self.session, "event_data": event_data}
        reply = await self._client.post("/gradio_api/queue/join", json=body)
        reply.raise_for_status()
        name = reply.json()["event_id"]
        self._pending.add(name)
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())
        values: list[Any] = []
        try:
            while True:
                message = await self._arrived[name].get()
                kind = message["msg"]
                if kind == "process_completed" and not message["success"]:
                    raise RuntimeError(str(message["output"].get("error") or f"{event} failed"))
                if kind in ("process_generating", "process_completed"):
                    sent = message["output"].get("data") or []
                    if kind == "process_generating" and values:  # only the first comes whole
                        sent = [apply_diff(value, diff) for value, diff in zip(values, sent, strict=True)]
                    values = sent if kind == "process_generating" else []
                    for output, value in zip(outputs, sent, strict=True):
                        self._take(output, value)
                yield message
                if kind == "process_completed":
                    return
        finally:
            self._pending.discard(name)
            self._arrived.pop(name, None)

    def _take(self, element: str, value: Any) -> None:
        if isinstance(value, dict) and value.get("__type__") == "update":
            if "value" not in value:
                return
            value = value["value"]
        self.shown[element] = value

    async def _listen(self) -> None:
        """Read the stream of the session; the server ends it when nothing is pending."""
        path, wanted = "/gradio_api/queue/data", {"session_hash": self.session}
        try:
            while self._pending:
                async with self._client.stream("GET", path, params=wanted) as events:
                    async for line in events.aiter_lines():
                        if line.startswith("data: "):
                            self._sort(json.loads(line.removeprefix("data: ")))
        except httpx.HTTPError as exc:
            for name in self._pending:
                failure = {"error": f"{type(exc).__name__}: {exc}"}
                self._arrived[name].put_nowait(
                    {"msg": "process_completed", "success": False, "output": failure}
                )

    def _sort(self, message: dict[str, Any]) -> None:
        if message.get("event_id"):
            self._arrived[message["event_id"]].put_nowait(message)
        if message["msg"] == "process_completed":
            # The handler of the message may look later than the server ends the stream.
            self._pending.discard(message["event_id"])


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content if isinstance(part, dict))


def _words(message: str) -> str:
    """The words of an answer that is being written; "" while there is only its stage."""
    return _STAGE.sub("", message).replace("&#160;", "").strip()
