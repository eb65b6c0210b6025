"""What stands in front of the page: who may call, what may be called, how much may be sent."""

from __future__ import annotations

import re
import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

from ui.document_routes import DOCUMENT_POLICY, IMAGES, ORIGINALS

PULSE = "/pulse"  # where an open tab says what it shows; here, since ui.pulse imports Gradio
MAX_FILE_BYTES = 50 * 1024 * 1024
_MAX_REQUEST_BYTES = 1024 * 1024  # anything but an upload
_LONGEST_PATH = 250  # the page asks for none that is longer, and file systems refuse such names

HEADERS = {
    # Gradio starts from an inline script and compiles its HTML templates, hence 'unsafe-*' for scripts.
    # Everything that could carry text away is limited to this origin.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "font-src 'self' data:; connect-src 'self'; form-action 'self'; frame-src 'none'; "
        "base-uri 'self'; object-src 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
# Gradio serves more than this page needs: run history, monitoring, file and proxy routes. Only what the
# page uses can be reached; in particular no file, so that a document is never shown as a page of ours.
_PATHS = {
    "GET": (
        *("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt"),
        "/gradio_api/queue/data",
        *(
            "/gradio_api/upload_progress",
            "/gradio_api/app_id",
            "/gradio_api/startup-events",
            "/gradio_api/theme.css",
        ),
    ),
    "POST": (
        *("/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/component_server"),
        *("/gradio_api/cancel", "/gradio_api/reset", PULSE),
    ),
}
_FOLDERS = {
    "GET": ("/assets/", "/static/", "/svelte/", "/gradio_api/heartbeat/", IMAGES, ORIGINALS),
    "POST": (),
}
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:@/?#]+))(?::[0-9]{1,5})?", re.IGNORECASE)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Guard:
    """ASGI middleware in front of everything: who may call, what may be called, and what a reply says.

    It refuses a Host that is not ours (DNS rebinding), a foreign Origin on anything that changes state,
    a path outside the list above, and a body larger than it should be.
    """

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        *,
        hosts: frozenset[str],
        first_page: threading.Event,
    ) -> None:
        """Guard ``app``.

        Args:
            app: What answers the requests that pass.
            hosts: The names, without port, that this server answers to.
            first_page: Set once a page has been opened.
        """
        self._app = app
        self._hosts = hosts
        self._first_page = first_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # the page has no use for WebSockets; an unanswered one is closed by the server
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        documents = scope["path"].startswith((IMAGES, ORIGINALS))
        policy = {"content-security-policy": DOCUMENT_POLICY} if documents else {}
        send = self._with_headers(send, {**HEADERS, **policy})
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _reply(send, *refusal)
            return
        await self._app(scope, _limited(receive, _most_bytes(scope["path"])), send)
        if scope["path"].startswith("/gradio_api/queue/join"):
            self._first_page.set()  # the page runs in a browser, and asks for its content

    def _refusal(self, scope: Scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        host = headers.get(b"host", "")
        if _host_name(host) not in self._hosts:
            return 421, "This server does not answer to that name."
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method != "GET":
            origin = headers.get(b"origin")
            if origin is not None and origin.split("://")[-1] != host:
                return 403, "Requests from other sites are refused."
            if headers.get(b"sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                return 403, "Requests from other sites are refused."
        if method not in _PATHS:
            return 405, "This method is not used here."
        path = scope["path"]
        if len(path.encode("utf-8", "replace")) > _LONGEST_PATH:
            return 404, "There is nothing here."
        if (path.rstrip("/") or "/") not in _PATHS[method] and not path.startswith(_FOLDERS[method]):
            return 404, "There is nothing here."
        with suppress(ValueError):
            if int(headers.get(b"content-length", "0")) > _most_bytes(path):
                return 413, "The request is too large."
        return None

    @staticmethod
    def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                ours = {name.encode() for name in headers}
                kept = [
                    (name, value) for name, value in message.get("headers", []) if name.lower() not in ours
                ]
                message["headers"] = kept + [
                    (name.encode(), value.encode()) for name, value in headers.items()
                ]
            await send(message)

        return sending


def _most_bytes(path: str) -> int:
    """How large the body of a request may be. The page uploads files one by one."""
    upload = path.rstrip("/") == "/gradio_api/upload"
    return MAX_FILE_BYTES + _MAX_REQUEST_BYTES if upload else _MAX_REQUEST_BYTES


def _limited(receive: Receive, limit: int) -> Receive:
    """A body that comes without an honest length is cut off at ``limit`` bytes."""
    from fastapi import HTTPException  # which FastAPI passes on as it is

    taken = 0

    async def receiving() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(413, "The request is too large.")
        return message

    return receiving


async def _reply(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _host_name(host: str) -> str:
    """The name in a Host header, without port and brackets; "" when it is not in the form of one."""
    found = _HOST.fullmatch(host)
    return (found["v6"] or found["name"]).lower() if found is not None else ""
