"""What the server lets in, what it answers with, and what it refuses to start on."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

import ui.opening
from index.errors import BusyError, FootnoteError, StorageError
from rag.settings import load_settings
from ui.guard import HEADERS
from ui.server import check_bind, create_app, serve

# The application as it is served, but nothing is loaded or indexed behind it.
SERVER = """
import sys
from pathlib import Path
import uvicorn
from rag.settings import load_settings
from ui.server import create_app
app = create_app(load_settings({"data": Path(sys.argv[1])}))
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def address(data: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, "-c", SERVER, str(data), str(port)]) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(600):
                try:
                    httpx.get(url)
                    break
                except httpx.TransportError:
                    assert server.poll() is None
                    time.sleep(0.1)
            yield url
        finally:
            server.terminate()


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address) as opened:
        yield opened


def test_requirement_24_the_page_carries_every_protective_header(client: httpx.Client) -> None:
    reply = client.get("/")
    assert reply.status_code == 200
    assert {name: reply.headers[name] for name in HEADERS} == HEADERS
    policy = reply.headers["content-security-policy"]
    for part in ("connect-src 'self'", "frame-src 'none'", "object-src 'none'", "frame-ancestors 'none'"):
        assert part in policy


def test_the_page_begins_with_our_script_and_asks_for_nothing_that_is_not_there(client: httpx.Client) -> None:
    page = client.get("/").text
    script = Path(ui.opening.__file__).with_name("opening.js").read_text(encoding="utf-8")
    assert page.index(script) < page.index('<script type="module"')
    linked = re.findall(r'<(?:link|script)\b[^>]*(?:href|src)="([^"]+)"', page)
    assert len(linked) >= 2
    for address in linked:
        assert client.get(urljoin("/", address)).status_code == 200, address
    assert client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"


def test_refusals_carry_the_headers_too(client: httpx.Client) -> None:
    reply = client.get("/gradio_api/info")
    assert reply.status_code == 404
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example:7860",
        "localhost.evil.example",
        "127.0.0.1:80@evil.example",
        "127.0.0.1:80:evil.example",
        "[::1",
        "[::1]evil.example",
    ],
)
def test_requirement_25_a_foreign_host_name_is_refused(client: httpx.Client, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "[::1]:7860", "LOCALHOST"])
def test_loopback_names_are_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1:7860", "sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        *(f"/gradio_api/{each}" for each in ("queue/join", "upload", "component_server", "cancel", "reset")),
        "/pulse",
    ],
)
def test_requirement_25_a_post_from_another_site_is_refused(
    client: httpx.Client, path: str, headers: Mapping[str, str]
) -> None:
    assert client.post(path, headers=dict(headers), json={}).status_code == 403


def test_requirement_25_a_foreign_origin_is_never_allowed_to_read(client: httpx.Client) -> None:
    reply = client.get("/", headers={"origin": "http://evil.example"})
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/gradio_api/runs",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=https://example.com/",
        "/monitoring",
        "/monitoring/summary",
        "/docs",
        "/openapi.json",
        "/gradio_api/mcp/",
        "/gradio_api/deep_link",
        "/login_check",
        *(f"/{folder}/{'a' * 300}" for folder in ("assets", "static", "svelte", "page-image", "original")),
        f"/gradio_api/heartbeat/{'a' * 300}",
    ],
)
def test_requirement_20_what_the_page_does_not_use_is_not_there(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["run/predict", "api/predict", "call/ask", "vibe-edit", "process_recording"])
def test_named_endpoints_are_not_there(client: httpx.Client, path: str) -> None:
    assert client.post(f"/gradio_api/{path}", json={}).status_code == 404


def test_other_methods_are_refused(client: httpx.Client) -> None:
    assert client.put("/").status_code == 405
    assert client.delete("/gradio_api/upload").status_code == 405


@pytest.mark.parametrize("path", ["upload", "queue/join"])
def test_requirement_27_a_body_that_says_it_is_too_large_is_not_read(address: str, path: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"POST /gradio_api/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 500000000\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_requirement_27_a_body_that_is_too_large_is_cut_off(client: httpx.Client) -> None:
    assert client.post("/gradio_api/queue/join", content=b"x" * 2_000_000).status_code == 413


def test_requirement_27_a_body_without_an_honest_length_is_cut_off(client: httpx.Client) -> None:
    pieces = (b"x" * 100_000 for _ in range(30))
    assert client.post("/gradio_api/queue/join", content=pieces).status_code == 413


def test_an_upload_of_many_files_without_an_honest_length_is_cut_off(
    client: httpx.Client, data: Path
) -> None:
    def pieces() -> Iterator[bytes]:
        for number in range(100):
            name = f'Content-Disposition: form-data; name="files"; filename="{number}.bin"'
            yield f"--x\r\n{name}\r\n\r\n".encode() + b"a" * 1_000_000 + b"\r\n"
        yield b"--x--\r\n"

    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/gradio_api/upload", content=pieces(), headers=kind).status_code == 413
    kept = sum(path.stat().st_size for path in (data / "uploads").rglob("*") if path.is_file())
    assert kept <= 55_000_000


def said_to(
    client: httpx.Client, handler: Mapping[str, Any], event: object, tab: str, sent: Sequence[object] = ()
) -> list[dict[str, Any]]:
    """What the server says to a tab until a handler is done, each message of the queue."""
    inputs = [*sent, *[None] * (len(handler["inputs"]) - len(sent))]
    body = {"fn_index": handler["id"], "data": inputs, "session_hash": tab, "event_data": event}
    client.post("/gradio_api/queue/join", json=body).raise_for_status()
    messages: list[dict[str, Any]] = []
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": tab}) as events:
        for line in events.iter_lines():
            if line.startswith("data: "):
                messages.append(json.loads(line.removeprefix("data: ")))
            if messages and messages[-1]["msg"] == "process_completed":
                break
    return messages


def test_what_a_click_shows_is_not_sent_again_when_it_is_done(client: httpx.Client) -> None:
    # A person may have typed into the composer by then.
    handlers = client.get("/config").json()["dependencies"]
    opening = next(each for each in handlers if each["targets"][0][1] == "load")
    messages = said_to(client, opening, None, "typing")
    shown = next(each["output"]["data"] for each in messages if each["msg"] == "process_generating")
    assert any(isinstance(value, str) for value in shown)
    nothing = {"__type__": "update"}
    assert len(messages[-1]["output"]["data"]) == len(opening["outputs"])
    for value in messages[-1]["output"]["data"]:
        assert value in (nothing, {**nothing, "props": nothing})


@pytest.mark.parametrize("sent", [None, " "], ids=repr)
def test_what_is_no_question_asks_nothing(client: httpx.Client, sent: object) -> None:
    handlers = client.get("/config").json()["dependencies"]
    asking = next(each for each in handlers if each["targets"][0][1] == "submit")
    assert said_to(client, asking, None, "asking", [sent])[-1]["success"]


def test_what_goes_wrong_behind_a_click_is_told_in_words(client: httpx.Client, data: Path) -> None:
    handlers = client.get("/config").json()["dependencies"]
    clicks = [each for each in handlers if each["targets"][0][1] == "act"]
    assert len(clicks) > 5
    with closing(sqlite3.connect(data / "chats.sqlite", timeout=10)) as db:
        db.execute("ALTER TABLE hidden RENAME TO hidden_away")
        try:
            told = [said_to(client, each, {"act": "new"}, f"tab{each['id']}") for each in clicks]
        finally:
            db.execute("ALTER TABLE hidden_away RENAME TO hidden")
    for messages in told:
        words = [each["log"] for each in messages if each["msg"] == "log"]
        assert messages[-1]["success"], "Gradio said that there was an error, and not which"
        assert all("cannot be read" in each and "Try again" in each for each in words)
    # What is remembered since the last change is shown; the rest says why it is not.
    assert sum(any(each["msg"] == "log" for each in messages) for messages in told) >= 3


def test_no_handler_is_a_public_endpoint(client: httpx.Client) -> None:
    handlers = client.get("/config").json()["dependencies"]
    assert len(handlers) > 5
    assert {handler["api_visibility"] for handler in handlers} == {"private"}


def test_the_page_names_no_other_site(client: httpx.Client) -> None:
    text = client.get("/").text
    assert "fonts.googleapis.com" not in text
    assert "huggingface.co/" not in text.replace("https://huggingface.co/spaces", "")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.10", "example.com"])
def test_requirement_20_an_address_that_others_can_reach_is_refused(host: str) -> None:
    with pytest.raises(FootnoteError) as caught:
        check_bind(host)
    assert caught.value.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_addresses_are_allowed(host: str) -> None:
    check_bind(host)


def test_a_port_in_use_names_another_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FootnoteError) as caught:
            serve(load_settings({"data": tmp_path / "d", "server.port": port}), open_browser=False)
    assert str(port) in str(caught.value)
    assert "--port" in caught.value.hint


def test_a_place_in_the_data_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    settings = load_settings({"data": tmp_path, "server.port": 0})
    (tmp_path / "uploads").write_text("no folder", encoding="utf-8")
    with pytest.raises(StorageError) as caught:
        create_app(settings)
    assert str(tmp_path / "uploads") in str(caught.value)
    (tmp_path / "footnote.log").mkdir()
    with pytest.raises(StorageError) as caught:
        serve(settings, open_browser=False)
    assert str(tmp_path / "footnote.log") in str(caught.value)
    assert "try again" in caught.value.hint


def test_one_data_folder_has_one_server(tmp_path: Path) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / "server.lock"), pytest.raises(BusyError):
        serve(load_settings({"data": tmp_path, "server.port": 0}), open_browser=False)


def test_the_way_to_the_first_page_imports_no_model(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from rag.settings import load_settings; "
        "from ui.server import create_app; "
        "create_app(load_settings({'data': Path(sys.argv[1])})).state.desk.close(); "
        "heavy = {'torch', 'langchain', 'langchain_core', 'sentence_transformers', 'transformers'}; "
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_that_a_person_does_is_dropped_while_something_is_pending(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from rag.settings import load_settings; "
        "from ui.desk import Desk; from ui.page import Page, build_page; "
        "desk = Desk(load_settings({'data': Path(sys.argv[1])})); "
        "events = build_page(Page(desk)).config['dependencies']; desk.close(); "
        "print(*(f\"{each['targets'][0][1]}:{each['trigger_mode']}\" for each in events))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "data")]
    events = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert events.count("unload:once") == 1  # a tab is closed once, and nobody acts in it afterwards
    others = [event for event in events if event != "unload:once"]
    assert len(others) > 10
    assert all(event.endswith(":multiple") for event in others)
