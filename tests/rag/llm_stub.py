"""A language model server for tests: one local HTTP server that speaks OpenAI, Ollama and Anthropic."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Stub:
    """What the server answers next, and what it was asked.

    ``pieces`` are streamed in order. ``cut_after`` ends the connection after so many pieces without
    the provider's end mark; ``silent_after`` keeps it open but says nothing more. ``seconds_a_piece``
    pass before each piece.
    """

    pieces: Sequence[str] = ("Hello",)
    status: int = 200
    finish: str = "stop"
    cut_after: int | None = None
    silent_after: int | None = None
    seconds_a_piece: float = 0.0
    port: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    dropped: threading.Event = field(default_factory=threading.Event)  # the client went away
    release: threading.Event = field(default_factory=threading.Event)  # lets silent requests end

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Settings by which it answers, once it is served."""
        return {"FOOTNOTE_GENERATION__MODEL": "ollama:stub", "FOOTNOTE_GENERATION__BASE_URL": self.url}


class _Handler(BaseHTTPRequestHandler):
    stub: Stub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.stub.requests.append(body)
        if self.stub.status != 200:
            payload = json.dumps({"error": {"message": "stub says no", "type": "stub"}}).encode()
            self.send_response(self.stub.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(payload)
            return
        kind = "x-ndjson" if self.path == "/api/chat" else "event-stream"
        self.send_response(200)
        self.send_header("Content-Type", f"application/{kind}" if kind == "x-ndjson" else f"text/{kind}")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        begin, pieces, end = _frames(self.path, self.stub)
        try:
            self._write(begin)
            for number, piece in enumerate(pieces):
                if number == self.stub.cut_after:
                    return
                if number == self.stub.silent_after:
                    self._stay_silent()
                    return
                time.sleep(self.stub.seconds_a_piece)
                self._write(piece)
            self._write(end)
        except (BrokenPipeError, ConnectionResetError):
            self.stub.dropped.set()

    def _write(self, text: str) -> None:
        self.wfile.write(text.encode())
        self.wfile.flush()

    def _stay_silent(self) -> None:
        self.connection.settimeout(0.05)
        while not self.stub.release.is_set():
            try:
                if self.connection.recv(1) == b"":  # the client closed its end
                    self.stub.dropped.set()
                    return
            except TimeoutError:
                continue
            except ConnectionResetError:
                self.stub.dropped.set()
                return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class names it
        return


def _frames(path: str, stub: Stub) -> tuple[str, list[str], str]:
    """What comes first, one frame a piece, and what ends the stream, as each provider writes it."""
    if path == "/api/chat":
        return "", [_ollama(piece) for piece in stub.pieces], _ollama("", done=stub.finish)
    if path == "/v1/chat/completions":
        return (
            "",
            [_openai({"content": piece}) for piece in stub.pieces],
            _openai({}, finish=stub.finish) + "data: [DONE]\n\n",
        )
    if path == "/v1/messages":
        message: dict[str, object] = {
            "id": "m1", "type": "message", "role": "assistant", "model": "stub", "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
        }  # fmt: skip
        begin = _event("message_start", {"message": message}) + _event(
            "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
        )
        pieces = [
            _event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}})
            for piece in stub.pieces
        ]
        reason = "max_tokens" if stub.finish == "length" else "end_turn"
        end = (
            _event("content_block_stop", {"index": 0})
            + _event(
                "message_delta",
                {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 2}},
            )
            + _event("message_stop", {})
        )
        return begin, pieces, end
    raise AssertionError(f"unexpected path {path}")


def _ollama(content: str, *, done: str = "") -> str:
    frame: dict[str, object] = {
        "model": "stub",
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": content},
        "done": bool(done),
    }
    if done:
        frame["done_reason"] = done
    return json.dumps(frame) + "\n"


def _openai(delta: dict[str, str], *, finish: str | None = None) -> str:
    choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
    frame = {
        "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "stub", "choices": [choice]
    }  # fmt: skip
    return f"data: {json.dumps(frame)}\n\n"


def _event(name: str, data: dict[str, object]) -> str:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n"


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a benchmark asks from many conversations in one instant
    daemon_threads = False  # server_close() then waits for them, so that no socket outlives a test


@contextmanager
def serving(stub: Stub) -> Iterator[Stub]:
    """Serve ``stub`` on a free port of this machine until the block ends."""

    class Handler(_Handler):
        pass

    Handler.stub = stub
    server = _Server(("127.0.0.1", 0), Handler)
    stub.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield stub
    finally:
        stub.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
