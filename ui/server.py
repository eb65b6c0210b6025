"""The web server: Gradio inside a FastAPI application, which stands behind ``ui.guard``."""

from __future__ import annotations

import gc
import logging
import os
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from index.catalog import translated
from index.data_folder import require_folder
from index.errors import BusyError, FootnoteError
from index.exchange import settle_exchange
from ui.document_routes import add_document_routes
from ui.guard import MAX_FILE_BYTES, Guard
from ui.memory import use_few_arenas
from ui.server_lock import server_lock
from ui.uploads import uploads_folder

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rag.settings import Settings
    from ui.desk import Desk

logger = logging.getLogger(__name__)

_STATE_SESSIONS = 100
# The models load as soon as a page is open, or after this time if nobody looks.
_FIRST_PAGE_SECONDS = 4.0
_PAPER, _DARK_PAPER = "#fbfaf7", "#14171d"  # as in style.css, for what is seen before it has come
_STYLES = ("style.css", "chat.css", "sheet.css", "text.css", "views.css")


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
    from ui.desk import Desk

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
    from ui.page import TITLE, Page, build_page

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
    page = Page(desk)
    blocks = build_page(page)
    blocks.state_session_capacity = _STATE_SESSIONS  # mount_gradio_app has no parameter for it
    # Gradio rewrites every selector of ``css=``; in the head the stylesheet stays as it is written.
    style = "\n".join(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in _STYLES)
    page.pulse.serve(app, lambda session: blocks.state_holder.update(session))
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
                    # A connection that rests is closed on time even when the next request is in it already
                    # and was not read yet. With uvicorn's 5 seconds that met some of 65 who ask at once.
                    timeout_keep_alive=75,
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
    settle_exchange(data)
    lock = server_lock(data)
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
