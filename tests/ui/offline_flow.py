"""What a person does on the first day, as one script: index, ask, open the page, wait for the samples.

``test_offline`` runs it where it can watch every system call, as
``python offline_flow.py DATA DOCUMENT QUESTION``. It prints one JSON object of what came back.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from seeds import sample_paths

FOOTNOTE = (sys.executable, "-m", "ui")
PATIENCE_SECONDS = 150.0


def main() -> None:
    """Run the flow; any step that fails ends it with a traceback."""
    data, document, question = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    by_hand, page = data / "by-hand", data / "page"
    indexed = footnote("index", document, "--json", "--data", str(by_hand))
    answer = footnote("ask", question, "--json", "--data", str(by_hand))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [*FOOTNOTE, "serve", "--no-browser", "--port", str(port), "--data", str(page)], stdout=sys.stderr
    )
    try:
        html = when_served(f"http://127.0.0.1:{port}/", server)
        assets = [when_served(f"http://127.0.0.1:{port}{path}", server) for path in linked_here(html)]
        documents = when_samples_are_indexed(page, server)
    finally:
        server.send_signal(signal.SIGINT)
        exit_code = server.wait(timeout=60)
    outcome = {
        "indexed": indexed,
        "answer": answer,
        "html": len(html),
        "assets": len(assets),
        "documents": documents,
        "exit_code": exit_code,
    }
    sys.stdout.write(json.dumps(outcome))


def footnote(*arguments: str) -> object:
    """What a command prints with ``--json``."""
    done = subprocess.run([*FOOTNOTE, *arguments], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def when_served(url: str, server: subprocess.Popen[bytes]) -> str:
    """The body behind an address, as soon as the server answers there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                body: bytes = response.read()
                return body.decode("utf-8", "replace")
        except urllib.error.HTTPError:
            raise
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def linked_here(html: str) -> list[str]:
    """The scripts and styles that the page names on its own server, each once."""
    found = re.findall(r"""(?:src|href)=["']\.?(/[^"'/][^"']*\.(?:js|css))["']""", html)
    return list(dict.fromkeys(found))


def when_samples_are_indexed(data: Path, server: subprocess.Popen[bytes]) -> int:
    """The number of documents once the first start has indexed its samples."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        status = footnote("status", "--json", "--data", str(data))
        assert isinstance(status, dict)
        # A slow machine publishes them in several steps.
        if int(status["documents"]) >= len(sample_paths()):
            return int(status["documents"])
        time.sleep(0.5)
    raise TimeoutError("the samples were not indexed")


if __name__ == "__main__":
    main()
