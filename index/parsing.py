"""Untrusted files are read, and their pages drawn, in a warm child process, under limits, one at a time."""

from __future__ import annotations

import hashlib
import json
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from index.analysis import detect_language
from index.documents import (
    Heading,
    Locator,
    Noticed,
    ParsedDocument,
    RecognisedPage,
    RecognisedWord,
)
from index.errors import DocumentError
from index.file_bytes import read_stable, too_large
from index.health import Health
from index.isolation import child_environment
from index.loaders import MAX_PAGES, MAX_TEXT_CHARS
from index.parse_worker import EXIT_MEMORY, read_frame, write_frame
from index.recognition import Recognition, RecognitionLimits

if TYPE_CHECKING:
    from index.page_images import PageView, Picture

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseLimits:
    """What one document may cost; more is an error of that document, never of the ingest.

    Processor time and memory are enforced by the operating system where it can (Linux; macOS without
    memory; not Windows). ``wall_seconds`` and the sizes hold everywhere.
    """

    cpu_seconds: int = 60
    wall_seconds: float = 120.0
    memory_bytes: int = 1 << 30
    file_bytes: int = 50 << 20
    pages: int = MAX_PAGES
    text_chars: int = MAX_TEXT_CHARS
    documents_per_child: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """A document and what it came from: SHA-256 (hex) and number of the bytes that were parsed."""

    content_hash: str
    size: int
    document: ParsedDocument
    health: Health


class Parser:
    """Reads files in a child process that is started when needed and replaced after any failure.

    For one thread at a time. ``close()``, or leaving the ``with`` block, ends the child.
    """

    def __init__(
        self,
        limits: ParseLimits = ParseLimits(),
        *,
        loader: str = "index.loaders:load",
        drawer: str = "index.loaders:draw",
    ) -> None:
        """Start nothing yet.

        Args:
            limits: For every document.
            loader: ``module:function`` that the child calls as ``load(data, name, max_pages=, max_chars=)``.
            drawer: As well, ``draw(data, page=, text=, spans=)``.
        """
        self.limits = limits
        self._loader = loader
        self._drawer = drawer
        self._child: subprocess.Popen[bytes] | None = None
        self._served = 0
        self._interrupted = False  # the child that runs, by :meth:`interrupt`

    def parse(
        self, path: Path, *, name: str | None = None, recognition: Recognition | None = None
    ) -> ParsedFile:
        """Read one file.

        Args:
            path: The file.
            name: Its name for people, where ``path`` is a temporary one; its extension counts.
            recognition: Reads its pages that are pictures; None leaves them unread.

        Raises:
            DocumentError: The file cannot be read, or is over a limit.
            RecognitionStopped: ``recognition`` was told to stop.
        """
        data = read_stable(path, self.limits.file_bytes)
        document, health = self.read(data, path.name if name is None else name, recognition)
        return ParsedFile(
            content_hash=hashlib.sha256(data).hexdigest(), size=len(data), document=document, health=health
        )

    def unread_pages(self, path: Path) -> list[int]:
        """The pages of a file that only text recognition could read, the first is 1; it is not tried.

        Raises:
            DocumentError: As :meth:`parse`.
        """
        return self._unread(read_stable(path, self.limits.file_bytes))

    def parse_bytes(self, data: bytes, name: str) -> ParsedDocument:
        """The document in bytes already at hand."""
        return self.read(data, name)[0]

    def read(
        self, data: bytes, name: str, recognition: Recognition | None = None
    ) -> tuple[ParsedDocument, Health]:
        """As :meth:`parse`, for bytes already at hand."""
        return (
            self._load(data, name)
            if recognition is None
            else self._load_and_recognise(data, name, recognition)
        )

    def _load_and_recognise(
        self, data: bytes, name: str, recognition: Recognition
    ) -> tuple[ParsedDocument, Health]:
        language: str | None = None
        try:
            document, health = self._load(data, name)
        except DocumentError as exc:
            pages = self._unread(data) if exc.problem == "no_text" else []
            if not pages:
                raise
        else:
            pages = list(health.unread_pages)
            if not pages:
                return document, health
            language = detect_language(document.text)
        limits = RecognitionLimits(
            cpu_seconds=self.limits.cpu_seconds,
            wall_seconds=self.limits.wall_seconds,
            memory_bytes=self.limits.memory_bytes,
        )
        recognised = recognition.pages(pages, partial(self._picture, data), limits, language=language)
        return self._load(data, name, recognised)

    def _unread(self, data: bytes) -> list[int]:
        answer, _ = self._ask(data, {"do": "unread"})
        return list(map(int, answer["pages"]))

    def _picture(self, data: bytes, page: int) -> Picture | None:
        """A page as Tesseract wants it; None where it cannot be drawn."""
        from index.page_images import Picture

        try:
            answer, png = self._ask(data, {"do": "picture", "page": page})
        except DocumentError:
            return None
        return Picture(png, answer["width"], answer["height"])

    def _load(
        self, data: bytes, name: str, recognised: Sequence[RecognisedPage] = ()
    ) -> tuple[ParsedDocument, Health]:
        if len(data) > self.limits.file_bytes:
            raise too_large(len(data), self.limits.file_bytes)
        answer, _ = self._ask(
            data,
            {
                "do": "load",
                "name": name,
                "pages": self.limits.pages,
                "text_chars": self.limits.text_chars,
                "recognised": [[page.page, page.words, page.gave_up] for page in recognised],
            },
        )
        noticed, health = answer["noticed"], answer["health"]
        document = ParsedDocument(
            text=answer["text"],
            title=answer["title"],
            media_type=answer["media_type"],
            page_starts=tuple(answer["page_starts"]),
            headings=tuple(
                Heading(start=start, end=end, level=level, title=title)
                for start, end, level, title in answer["headings"]
            ),
            warnings=tuple(answer["warnings"]),
            locators=tuple(Locator(start, words) for start, words in answer["locators"]),
            noticed=Noticed(**{**noticed, "unread_pages": tuple(noticed["unread_pages"])}),
            recognised=tuple(recognised),
        )
        pages = {field: tuple(health[field]) for field in ("textless_pages", "unread_pages")}
        return document, Health(**{**health, **pages})

    def draw_page(
        self,
        data: bytes,
        *,
        page: int,
        text: str,
        spans: Sequence[tuple[int, int]] = (),
        words: Sequence[RecognisedWord] = (),
    ) -> PageView:
        """A page of a PDF as a picture, see :func:`index.page_images.draw_page`.

        Raises:
            DocumentError: The file cannot be read, has no such page, or is over a limit.
        """
        from index.page_images import PageBox, PageView

        request = {"do": "page", "page": page, "text": text, "spans": [list(span) for span in spans]}
        if words:
            request["words"] = list(words)
        answer, image = self._ask(data, request)
        return PageView(
            image=image,
            width=answer["width"],
            height=answer["height"],
            boxes=tuple(
                PageBox(left=left, top=top, width=width, height=height)
                for left, top, width, height in answer["boxes"]
            ),
            matched=answer["matched"],
        )

    def close(self) -> None:
        """End the child; safe to call twice, and the next ``parse`` would start a new one."""
        self._stop()

    def interrupt(self) -> None:
        """End what another thread is reading now; there it fails, and the next file gets a new child."""
        child = self._child
        if child is not None:
            self._interrupted = True
            child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, data: bytes, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """What the child answers: its JSON, and the bytes that come with it.

        Raises:
            DocumentError: What the child says is wrong with the file, or what became of the child.
        """
        if self._served >= self.limits.documents_per_child:
            self._stop()
        child = self._running_child()
        request = {**request, "cpu_seconds": self.limits.cpu_seconds}
        timed_out = threading.Event()

        def give_up() -> None:
            timed_out.set()
            child.kill()

        # A timer and not a poll of the pipe: Windows cannot wait for a pipe with a time limit.
        timer = threading.Timer(self.limits.wall_seconds, give_up)
        timer.daemon = True
        timer.start()
        answer: bytes | None = None
        picture: bytes | None = None
        try:
            write_frame(cast(BinaryIO, child.stdin), json.dumps(request).encode())
            write_frame(cast(BinaryIO, child.stdin), data)
            answer = read_frame(cast(BinaryIO, child.stdout))
            picture = read_frame(cast(BinaryIO, child.stdout))
        except OSError:
            pass  # the child is gone; why, its exit status says
        except BaseException:  # Ctrl-C: what the child was doing is unknown
            self._stop()
            raise
        finally:
            timer.cancel()
            timer.join()
        self._served += 1
        if answer is not None and picture is not None and not timed_out.is_set():
            decoded: dict[str, Any] = json.loads(answer)
            if "problem" in decoded:
                raise DocumentError(decoded["problem"], decoded["message"], hint=decoded["hint"])
            return decoded, picture
        status = self._stop()
        if not self._interrupted:
            logger.warning("a document reader ended with status %d", status)
        raise _failure(self.limits, timed_out=timed_out.is_set(), status=status)

    def _running_child(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._stop()
        self._served = 0
        self._interrupted = False
        # -B: it writes nothing, compiled modules included. The search path is ours as it stands now.
        self._child = subprocess.Popen(
            [
                sys.executable,
                "-B",
                "-P",
                "-m",
                "index.parse_worker",
                str(self.limits.memory_bytes),
                self._loader,
                self._drawer,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
        )
        return self._child

    def _stop(self) -> int:
        """End the child and collect it; returns its exit status, 0 when there was none."""
        child, self._child = self._child, None
        if child is None:
            return 0
        for stream in (child.stdin, child.stdout):
            with suppress(OSError):  # what was still to be written has no reader any more
                cast(BinaryIO, stream).close()
        try:
            # It ends by itself when its input does, or has crashed already: its own status tells more.
            return child.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()


def _failure(limits: ParseLimits, *, timed_out: bool, status: int) -> DocumentError:
    """The error for a child that ended before it answered."""
    if timed_out or (sys.platform != "win32" and status == -signal.SIGXCPU):
        seconds = limits.wall_seconds if timed_out else limits.cpu_seconds
        return DocumentError(
            "timeout",
            f"Reading it took longer than {seconds:.0f} seconds.",
            hint="Split the file into smaller ones, or export it again, and index those.",
        )
    if status == EXIT_MEMORY:
        return DocumentError(
            "too_large",
            f"Reading it needs more memory than the limit of {limits.memory_bytes / (1 << 20):,.0f} MB.",
            hint="Split the file into smaller ones and index those.",
        )
    return DocumentError(
        "crashed",
        "The program that reads it stopped unexpectedly; the file may be damaged.",
        hint="Open it, save it again or export it as PDF, and index that.",
    )
