"""Text recognition (OCR): words on the picture of a page, read by the Tesseract that is installed here.

Tesseract is a program of the system, so the process that opens documents, which may start none, cannot call
it. That process draws the page; the picture goes to a process of its own, which gives up the network,
writing, and memory and time beyond the limits, and becomes Tesseract (``index.confined``).
"""

from __future__ import annotations

import csv
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from index.analysis import detect_language
from index.documents import RecognisedPage, RecognisedWord
from index.errors import FootnoteError
from index.isolation import child_environment
from index.languages import ocr_language

if TYPE_CHECKING:
    from index.page_images import Picture

logger = logging.getLogger(__name__)

MAX_PAGES = 500  # of one document; the others stay unread

# Of one document, on pages that it gave up on: each may cost as much as a whole document otherwise.
MAX_LOST_SECONDS = 300.0

_LEAST_CONFIDENCE = 30.0  # of 100; what Tesseract is less sure of is mostly no writing at all
_MOST_AT_ONCE = 4  # pages
_LANGUAGES_TO_START_WITH = 3  # more make it slower and worse
_NOT_LANGUAGES = ("osd", "equ")
_LIST_SECONDS = 30.0


class RecognitionStopped(Exception):  # noqa: N818  nothing went wrong
    """Recognition was cancelled between two pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionLimits:
    """What recognising one page may cost: seconds, and bytes of address space."""

    cpu_seconds: int
    wall_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recogniser:
    """Tesseract: where it is, and the languages to choose from, by its own codes, the first ones first."""

    program: str
    languages: tuple[str, ...]

    def words(
        self, picture: Picture, languages: Sequence[str], limits: RecognitionLimits
    ) -> tuple[RecognisedWord, ...] | None:
        """The words on a page, in the order of reading; None when a limit was met or it crashed."""
        tesseract = [self.program, "stdin", "stdout", "-l", "+".join(languages), "--psm", "3", "tsv"]
        try:
            done = subprocess.run(
                _confined(tesseract, limits),
                input=picture.png,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # Tesseract's own threads are not allowed, and make it slower.
                env=child_environment() | {"OMP_THREAD_LIMIT": "1"},
                timeout=limits.wall_seconds,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as exc:
            logger.warning("a page could not be recognised: %s", type(exc).__name__)
            return None
        return tuple(_words(done.stdout.decode("utf-8", "replace"), picture))


def find_recogniser(wanted: str = "") -> Recogniser | None:
    """The Tesseract that is installed; None where there is none, or it has no language at all.

    Args:
        wanted: Its codes of the languages to choose from, "deu+eng"; "" for all that are installed.

    Raises:
        FootnoteError: One that is wanted is not installed.
    """
    program = shutil.which("tesseract")
    if program is None:
        return None
    try:
        listed = subprocess.run(
            [program, "--list-langs"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_LIST_SECONDS,
            check=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as exc:
        logger.warning("Tesseract does not say which languages it reads: %s", type(exc).__name__)
        return None
    lines = listed.stdout.splitlines()[1:]
    installed = [line.strip() for line in lines if line.strip() and line.strip() not in _NOT_LANGUAGES]
    installed = [code for code in installed if "/" not in code]  # scripts: several languages at once
    chosen = [code for code in wanted.replace(" ", "").split("+") if code]
    missing = [code for code in chosen if code not in installed]
    if missing:
        raise FootnoteError(
            f"Tesseract does not read {', '.join(missing)}: it is not installed with it.",
            hint=f"Install the language (on Debian: apt install tesseract-ocr-{missing[0]}), or set"
            f" loaders.ocr_languages to some of: {', '.join(installed) or 'none'}.",
        )
    # English first: every Tesseract comes with it, so it is the likeliest that nobody chose on purpose.
    languages = tuple(chosen or sorted(installed, key=lambda code: (code != "eng", code)))
    return Recogniser(program=program, languages=languages) if languages else None


def _confined(command: Sequence[str], limits: RecognitionLimits) -> list[str]:
    if sys.platform == "win32":  # no limits to set, and no way to become another program
        return list(command)
    confined = [sys.executable, "-B", "-P", "-m", "index.confined"]
    return [*confined, str(limits.memory_bytes), str(limits.cpu_seconds), *command]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """Reads the pages of a document. ``go_on`` is asked before pages: how many are done, and of how many."""

    recogniser: Recogniser
    go_on: Callable[[int, int], bool] = field(default=lambda _done, _total: True)
    clock: Callable[[], float] = time.monotonic

    def pages(
        self,
        numbers: Sequence[int],
        draw: Callable[[int], Picture | None],
        limits: RecognitionLimits,
        *,
        language: str | None = None,
    ) -> list[RecognisedPage]:
        """Recognise pages; those that are left once too much time was lost are given up unseen.

        Args:
            numbers: Of the pages, the first is 1; at most ``MAX_PAGES`` of them are read.
            draw: Draws one; None where it cannot be drawn.
            limits: For each page.
            language: ISO 639-1 code of the document's language where it is known; else the first page with
                running text decides.

        Raises:
            RecognitionStopped: ``go_on`` said so.
        """
        numbers = numbers[:MAX_PAGES]
        languages = self._languages(language)
        found: list[RecognisedPage] = []
        workers = min(_MOST_AT_ONCE, os.cpu_count() or 1)
        with ThreadPoolExecutor(workers) as pool:
            at, lost = 0, 0.0
            while at < len(numbers):
                if lost > MAX_LOST_SECONDS:
                    found += [RecognisedPage(page=number, words=(), gave_up=True) for number in numbers[at:]]
                    break
                began = self.clock()
                if not self.go_on(at, len(numbers)):
                    raise RecognitionStopped
                # One page alone as long as the language is open: the others are then read in it.
                some = numbers[at : at + (workers if len(languages) == 1 else 1)]
                drawn = [draw(number) for number in some]  # drawn one by one: that is one process
                read_one = partial(self._read, languages=languages, limits=limits)
                for number, picture, page in zip(some, drawn, pool.map(read_one, some, drawn), strict=True):
                    decided = self._decided(page.words) if len(languages) > 1 else ()
                    if decided:
                        languages = decided
                        page = self._read(number, picture, languages=languages, limits=limits)
                    found.append(page)
                if any(page.gave_up for page in found[at:]):
                    lost += self.clock() - began
                at += len(some)
        return found

    def _read(
        self, number: int, picture: Picture | None, *, languages: Sequence[str], limits: RecognitionLimits
    ) -> RecognisedPage:
        words = None if picture is None else self.recogniser.words(picture, languages, limits)
        return RecognisedPage(page=number, words=words or (), gave_up=words is None)

    def _languages(self, language: str | None) -> tuple[str, ...]:
        code = ocr_language(language) if language else None
        if code in self.recogniser.languages and code is not None:
            return (code,)
        return self.recogniser.languages[:_LANGUAGES_TO_START_WITH]

    def _decided(self, words: Sequence[RecognisedWord]) -> tuple[str, ...]:
        """The one language of what was read, () where that is not clear."""
        language = detect_language(" ".join(word.text for word in words))
        code = ocr_language(language) if language else None
        return (code,) if code is not None and code in self.recogniser.languages else ()


def recognition_of(
    recogniser: Recogniser | None, name: str, *, tell: Callable[[str], None], cancelled: Callable[[], bool]
) -> Recognition | None:
    """What reads the pages of one file; None where nothing does.

    Args:
        name: Of the file, for people.
        tell: Called before pages, with the name and how far it is.
        cancelled: Whether to stop, asked at the same times.
    """

    def go_on(done: int, total: int) -> bool:
        tell(f"{name}, page {done + 1} of {total}")
        return not cancelled()

    return None if recogniser is None else Recognition(recogniser=recogniser, go_on=go_on)


def _words(table: str, picture: Picture) -> Iterator[RecognisedWord]:
    """Words of Tesseract's table (TSV), whose pixels become points."""
    rows = csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    scale: float | None = None
    lines: dict[tuple[str, ...], int] = {}
    for row in rows:
        if row.get("level") == "1":  # the page, in pixels
            scale = picture.width / max(float(row["width"]), 1.0)
        text = (row.get("text") or "").strip()
        if row.get("level") != "5" or scale is None or not text or float(row["conf"]) < _LEAST_CONFIDENCE:
            continue
        left, top, width, height = (float(row[name]) * scale for name in ("left", "top", "width", "height"))
        line = lines.setdefault(_line_of(row), len(lines))
        yield RecognisedWord(
            text=text, left=left, top=top, right=left + width, bottom=top + height, line=line
        )


def _line_of(row: Mapping[str, str]) -> tuple[str, ...]:
    return row["block_num"], row["par_num"], row["line_num"]
