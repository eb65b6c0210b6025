"""What is changed of the HTML that Gradio serves as the page: a script before its own, and no manifest."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HEAD = b"<head>"
_MANIFEST = re.compile(rb'<link rel="manifest"[^>]*>')  # of an app to be installed, which this is not


class Opening:
    """ASGI middleware that adds ``opening.js`` to the page: Gradio's ``head=`` comes after its scripts."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app
        script = Path(__file__).with_name("opening.js").read_bytes()
        self._head = _HEAD + b"<script>" + script + b"</script>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; only the reply for the page itself is touched."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self._app(scope, receive, send)
            return
        start: MutableMapping[str, Any] = {}
        pieces: list[bytes] = []

        async def change(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)  # its length is known at the end
            elif message["type"] == "http.response.body":
                pieces.append(message.get("body", b""))
                if not message.get("more_body"):
                    body = _MANIFEST.sub(b"", b"".join(pieces)).replace(_HEAD, self._head, 1)
                    length = (b"content-length", str(len(body)).encode())
                    others = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
                    await send({**start, "headers": [*others, length]})
                    await send({"type": "http.response.body", "body": body})
            else:
                await send(message)

        await self._app(scope, receive, change)
