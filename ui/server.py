"""The web server: Gradio inside a FastAPI application that owns headers, limits and what may be reached."""

from __future__ import annotations

import gc
import logging
import os
import re
import socket
import threading
import webbrowser
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from index.catalog import translated
from index.data_folder import require_folder
from index.errors import BusyError, FootnoteError
from ui.document_routes import IMAGES, ORIGINAL_POLICY, ORIGINALS, add_document_routes
from ui.memory import use_few_arenas

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rag.settings import Settings
    from ui.desk import Desk

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 50 * 1024 * 1024
_MAX_REQUEST_BYTES = 1024 * 1024  # anything but an upload
_LONGEST_PATH = 250  # the page asks for none that is longer, and file systems refuse such names
_STATE_SESSIONS = 100
# The models load as soon as a page is open, or after this time if nobody looks.
_FIRST_PAGE_SECONDS = 4.0

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
        *("/gradio_api/cancel", "/gradio_api/reset"),
    ),
}
_FOLDERS = {
    "GET": ("/assets/", "/static/", "/svelte/", "/gradio_api/heartbeat/", IMAGES, ORIGINALS),
    "POST": (),
}
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:@/?#]+))(?::[0-9]{1,5})?", re.IGNORECASE)
_PAPER, _DARK_PAPER = "#fbfaf7", "#14171d"  # as in style.css, for what is seen before it has come
_STYLES = ("style.css", "chat.css", "sheet.css", "text.css", "views.css")

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
        policy = {"content-security-policy": ORIGINAL_POLICY} if scope["path"].startswith(ORIGINALS) else {}
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


def check_bind(host: str) -> None:
    """Refuse an address that others could reach: there is no login.

    Raises:
        FootnoteError: the address is not a loopback address.
    """
    if host == "localhost":
        return
    with suppress(ValueError):
        if ip_address(host).is_loopback:
            return
    raise FootnoteError(
        f"Footnote has no login, so it does not listen on {host}, where others could read your documents.",
        hint="Leave server.host at 127.0.0.1; from elsewhere, use ssh -L 7860:127.0.0.1:7860 THIS-COMPUTER",
    )


def create_app(settings: Settings, *, desk: Desk | None = None) -> FastAPI:
    """Build the application around a ``Desk`` (``app.state.desk``); no model is loaded, see ``Desk.start``.

    Args:
        settings: Of this run.
        desk: Another back end, for tests.

    Raises:
        FootnoteError: the bind address is not allowed, or the data folder cannot be used.
    """
    check_bind(settings.server.host)
    from ui.desk import Desk, uploads_folder

    uploads = uploads_folder(settings.data)
    with translated(settings.data):
        uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.scandir(uploads):  # Gradio looks into it, and would end in a traceback
            pass
    # Gradio reads these when it is imported: no call home, no file outside the data folder.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    import gradio as gr
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware

    from ui.lean_blocks import forgo_matplotlib
    from ui.opening import Opening
    from ui.page import TITLE, build_page

    forgo_matplotlib()
    desk = Desk(settings) if desk is None else desk
    app = FastAPI(title=TITLE, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = desk
    app.state.first_page = threading.Event()
    # A parent with its own CORS rule keeps Gradio from adding one that echoes foreign origins.
    app.add_middleware(CORSMiddleware, allow_origins=[])
    app.add_middleware(Opening)
    hosts = frozenset({"127.0.0.1", "localhost", "::1", settings.server.host.strip("[]").lower()})
    app.add_middleware(Guard, hosts=hosts, first_page=app.state.first_page)
    font = ["ui-sans-serif", "system-ui", "sans-serif"]
    mono = ["ui-monospace", "Consolas", "monospace"]
    blocks = build_page(desk)
    blocks.state_session_capacity = _STATE_SESSIONS  # mount_gradio_app has no parameter for it
    # Gradio rewrites every selector of ``css=``; in the head the stylesheet stays as it is written.
    style = "\n".join(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in _STYLES)
    add_document_routes(app, desk)
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        server_name=settings.server.host,
        server_port=settings.server.port,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
        favicon_path=str(Path(__file__).with_name("mark.svg")),
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        show_error=False,
        max_file_size=MAX_FILE_BYTES,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Base(font=font, font_mono=mono).set(
            body_background_fill=_PAPER, body_background_fill_dark=_DARK_PAPER
        ),
        head=f"<style>{style}</style>",
    )
    return app


def serve(
    settings: Settings,
    *,
    open_browser: bool,
    listening: Callable[[str], None] = lambda _address: None,
    watch: Sequence[Path] = (),
) -> None:
    """Serve the page until the process is told to stop.

    Args:
        settings: Of this run.
        open_browser: Whether to open the page in the user's browser.
        listening: Called with the address once the page can be opened.
        watch: Folders to keep in step from now on.

    Raises:
        FootnoteError: the port is in use, the address is not allowed, another server uses the data
            folder, or the folder cannot be used.
    """
    import uvicorn

    host, port = settings.server.host, settings.server.port
    check_bind(host)
    use_few_arenas()
    with _listen(host, port) as listener:
        address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        lock = _claim(settings.data)
        try:
            _log_to(settings.data)
            # Importing Gradio makes millions of objects that stay: looking through them for garbage again
            # and again costs a tenth of the time to the first page.
            gc.disable()
            app = create_app(settings)
            gc.freeze()
            gc.enable()
            desk: Desk = app.state.desk
            for path in watch:
                desk.watch(path)
            server = uvicorn.Server(
                uvicorn.Config(
                    app,
                    log_level="warning",
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    timeout_graceful_shutdown=1,  # pages keep a stream open for ever
                )
            )

            def begin() -> None:
                while not server.started and not server.should_exit:
                    threading.Event().wait(0.02)
                if server.should_exit:
                    return
                listening(address)
                if open_browser:
                    webbrowser.open(address)
                app.state.first_page.wait(_FIRST_PAGE_SECONDS)
                desk.start()

            threading.Thread(target=begin, name="begin", daemon=True).start()
            try:
                server.run(sockets=[listener])
            finally:
                desk.close()
        finally:
            lock.release()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if os.name != "nt":  # on Windows this option would allow two servers on one port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as exc:
        listener.close()
        raise FootnoteError(
            f"The page cannot be served on port {port}: {exc.strerror or exc}.",
            hint=f"Choose another port: footnote serve --port {port + 1 if 0 < port < 65_535 else 7861}",
        ) from exc
    return listener


def _claim(data: Path) -> FileLock:
    lock = FileLock(data / "server.lock")
    with translated(data):
        require_folder(data)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout as exc:  # it is an OSError, so it must not reach the translation
            raise BusyError(
                f"Footnote already serves the documents in {data}.",
                hint="Use the page that is open, or serve another folder with --data.",
            ) from exc
    return lock


def _log_to(data: Path) -> None:
    logging.raiseExceptions = False  # on a full disk, each line would be a traceback in the terminal
    with translated(data):
        handler = RotatingFileHandler(
            data / "footnote.log",
            maxBytes=1_000_000,
            backupCount=3,
            encoding="utf-8",
            errors="backslashreplace",
        )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
