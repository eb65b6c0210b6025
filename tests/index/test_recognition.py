"""Text recognition: scans become text with places, under limits, and only where Tesseract is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from index.analysis import query_terms
from index.batch import IngestOptions
from index.documents import RecognisedWord
from index.errors import FootnoteError
from index.ingest import ingest_paths
from index.page_images import Picture
from index.parsing import Parser
from index.plan import plan_roots
from index.recognition import (
    Recogniser,
    Recognition,
    RecognitionLimits,
    RecognitionStopped,
    find_recogniser,
)
from index.store import Store
from index.survey import named_roots
from tests.fakes import WordCountEmbedder
from tests.index.files import pdf
from tests.index.scans import Fixed, overlap, scanned

needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None and "CI" not in os.environ, reason="Tesseract is not installed"
)
LIMITS = RecognitionLimits(cpu_seconds=60, wall_seconds=120, memory_bytes=1 << 30)
EMBEDDER = WordCountEmbedder(["ferry", "dogs"])
FIRST = ["The ferry to the island leaves at nine", "and comes back late in the afternoon."]
SECOND = ["Dogs travel free of charge, but only", "with their owners on the upper deck."]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def parser() -> Iterator[Parser]:
    with Parser() as ready:
        yield ready


def ingest(store: Store, parser: Parser, path: Path, recogniser: Recogniser | None) -> list[str]:
    options = IngestOptions(recogniser=recogniser)
    report = ingest_paths(store, EMBEDDER, parser, [path], options=options)
    return [outcome.outcome for outcome in report.outcomes]


@needs_tesseract
def test_a_scan_is_read_found_and_marked_where_its_words_were_drawn(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    recogniser = find_recogniser("eng")
    assert recogniser is not None
    data, places = scanned(FIRST, SECOND)
    file = tmp_path / "scan.pdf"
    file.write_bytes(data)
    assert ingest(store, parser, file, recogniser) == ["added"]
    (row,) = store.documents()
    assert (row.state, row.pages, row.recognised_pages, row.language) == ("ready", 2, (1, 2), "en")
    assert row.health is not None
    assert (row.health.textless_pages, row.health.unread_pages) == ((), ())
    version = row.version_id or 0
    parsed = store.parsed(version)
    assert parsed is not None
    assert " ".join(parsed.text.split()) == " ".join([*FIRST, *SECOND])
    store.refresh()
    [(chunk_id, _), *_] = store.snapshot().lexical(query_terms("upper deck", ["en"]), 5)
    assert " ".join(SECOND) in " ".join(store.chunks([chunk_id])[chunk_id].text.split())
    for page, lines in enumerate((FIRST, SECOND), 1):
        first, last = parsed.page_span(page)
        text = parsed.text[first:last]
        for line in lines:
            view = parser.draw_page(
                data,
                page=page,
                text=text,
                spans=[(text.index(line), text.index(line) + len(line))],
                words=store.recognised_words(version, page),
            )
            assert view.matched
            (box,) = view.boxes
            assert overlap(box, places[page - 1][line]) > 0.6
            assert box.width > 0.9 * (places[page - 1][line][2] - places[page - 1][line][0])


@needs_tesseract
def test_only_the_pages_that_are_pictures_are_recognised(parser: Parser, tmp_path: Path) -> None:
    recogniser = find_recogniser("eng")
    assert recogniser is not None
    picture = Image.open(BytesIO(_first_page(scanned(FIRST)[0], parser)))

    def draw(paper: Any, number: int) -> None:
        from reportlab.lib.utils import ImageReader

        if number == 1:
            paper.drawImage(ImageReader(picture), 0, 0, 576, 792)

    file = tmp_path / "mixed.pdf"
    file.write_bytes(pdf(["Typed words on the first page, which are not a picture."], [], draw=draw))
    document = parser.parse(file, recognition=Recognition(recogniser=recogniser)).document
    assert document.text.startswith("Typed words on the first page")
    assert " ".join(FIRST) in " ".join(document.text.split())
    assert [page.page for page in document.recognised] == [2]
    assert document.warnings == ()


def _first_page(data: bytes, parser: Parser) -> bytes:
    return parser.draw_page(data, page=1, text="").image


@needs_tesseract
@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are of Linux")
def test_requirement_15_tesseract_runs_under_the_limits_of_the_reader() -> None:
    recogniser = find_recogniser("eng")
    assert recogniser is not None
    blank = BytesIO()
    Image.new("L", (400, 400), 255).save(blank, format="PNG")
    picture = Picture(blank.getvalue(), 100.0, 100.0)
    assert recogniser.words(picture, ("eng",), LIMITS) == ()
    starved = replace(LIMITS, memory_bytes=40 << 20)
    assert recogniser.words(picture, ("eng",), starved) is None
    assert recogniser.words(picture, ("eng",), replace(LIMITS, wall_seconds=0.01)) is None


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are of Linux")
def test_requirement_15_a_confined_program_reaches_no_network_and_writes_no_file(tmp_path: Path) -> None:
    from index.isolation import child_environment, network_barrier

    if network_barrier() != "network namespace":
        pytest.skip("this kernel gives unprivileged processes no network namespace")
    target = tmp_path / "kept.txt"
    target.write_bytes(b"kept")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        # A shell that was told to: bash opens the connection by itself, without another program.
        script = (
            f"(exec 3<>/dev/tcp/127.0.0.1/{listener.getsockname()[1]}) 2>/dev/null && echo reached;"
            f" trap '' XFSZ; (echo changed > {target}) 2>/dev/null || echo unwritten"
        )
        command = [sys.executable, "-B", "-P", "-m", "index.confined", str(1 << 30), "10"]
        done = subprocess.run(
            [*command, shutil.which("bash") or "/bin/bash", "-c", script],
            env=child_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert "reached" not in done.stdout
    assert "changed" not in target.read_text(encoding="utf-8")


def test_a_scan_is_read_once_recognition_is_there_and_kept_when_it_goes(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    file = tmp_path / "docs" / "scan.pdf"
    file.parent.mkdir()
    file.write_bytes(scanned(FIRST)[0])
    assert ingest(store, parser, file, None) == ["failed"]
    (row,) = store.documents()
    assert row.problem == "no_text"
    assert "Tesseract" in row.hint
    assert ingest(store, parser, file, None) == ["failed"]
    assert ingest(store, parser, file, Fixed()) == ["changed"]
    (row,) = store.documents()
    assert store.text(row.version_id or 0) == "Ferries sail daily."
    for recogniser in (Fixed(), None):
        assert ingest(store, parser, file, recogniser) == ["unchanged"]
    store.remove([row.doc_id])
    store.purge(undo_seconds=0)
    assert store.check() == []
    with store.catalog.reading() as connection:
        assert connection.execute("SELECT count(*) FROM recognised_pages").fetchone()[0] == 0


def _drawing(paper: Any, number: int) -> None:
    if number == 1:
        for at in range(200):
            paper.line(at, 0, 0, at)


def test_a_document_with_a_page_that_is_a_picture_is_read_again_with_recognition_and_only_once(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    file = tmp_path / "plan.pdf"
    file.write_bytes(pdf(["Typed words on the first page, which are not a picture."], [], draw=_drawing))
    assert ingest(store, parser, file, None) == ["added"]
    (row,) = store.documents()
    assert (row.state, row.health.unread_pages if row.health else None) == ("partial", (2,))
    roots = named_roots([file], "Documents")
    plan = plan_roots(store, EMBEDDER, parser, roots, options=IngestOptions(recogniser=Fixed()))
    assert [(outcome.outcome, outcome.reason, outcome.to_recognise) for outcome in plan.outcomes] == [
        ("changed", "", 1)
    ]
    assert ingest(store, parser, file, Fixed(read=())) == ["changed"]  # in vain: there are no words on it
    (row,) = store.documents()
    assert (row.state, row.health.unread_pages if row.health else None) == ("ready", ())
    assert row.recognised_pages == ()
    assert ingest(store, parser, file, Fixed()) == ["unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unasked(Recogniser):
    """Must not be asked."""

    program: str = ""
    languages: tuple[str, ...] = ("eng",)

    def words(self, picture: Picture, languages: Sequence[str], limits: RecognitionLimits) -> None:
        raise AssertionError


def test_a_plan_recognises_nothing_and_says_how_many_pages_are_to_be(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    data, _ = scanned(FIRST, SECOND)
    for name in ("copy.pdf", "scan.pdf"):
        (folder / name).write_bytes(data)
    Image.new("L", (300, 200), 255).save(folder / "notice.png")
    (folder / "typed.txt").write_text("Dogs travel free.")
    (folder / "blank.pdf").write_bytes(pdf([]))

    def planned(recogniser: Recogniser | None) -> list[tuple[str, str, int]]:
        roots = named_roots([folder], "Documents")
        plan = plan_roots(store, EMBEDDER, parser, roots, options=IngestOptions(recogniser=recogniser))
        return [(Path(line.path).name, line.outcome, line.to_recognise) for line in plan.outcomes]

    # One that would fail on the first page that it is asked for.
    assert planned(Unasked()) == [
        ("blank.pdf", "failed", 0),
        ("copy.pdf", "added", 2),
        ("notice.png", "added", 1),
        ("scan.pdf", "added", 0),
        ("typed.txt", "added", 0),
    ]
    assert [outcome for _, outcome, _ in planned(None)] == ["failed", "failed", "failed", "failed", "added"]
    assert ingest(store, parser, folder, Fixed()) == ["failed", "added", "added", "added", "added"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivingUp(Recogniser):
    """Meets a limit on every page."""

    program: str = ""
    languages: tuple[str, ...] = ("eng",)

    def words(self, picture: Picture, languages: Sequence[str], limits: RecognitionLimits) -> None:
        return None


def test_a_page_on_which_recognition_gives_up_is_named_and_not_tried_at_every_run(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    file = tmp_path / "plan.pdf"
    file.write_bytes(pdf(["Typed words on the first page, which are not a picture."], [], draw=_drawing))
    assert ingest(store, parser, file, GivingUp()) == ["added"]
    (row,) = store.documents()
    assert (row.state, row.health.unread_pages if row.health else None) == ("partial", ())
    assert row.reason.startswith("Text recognition gave up on page 2")
    assert ingest(store, parser, file, GivingUp()) == ["unchanged"]


def test_a_document_of_pages_that_cannot_be_read_in_time_costs_minutes_and_not_hours() -> None:
    now, drawn = [0.0], []

    def draw(number: int) -> Picture | None:
        drawn.append(number)
        now[0] += 60  # a picture that takes all the time that there is
        return None if number % 2 else Picture(b"\x89PNG", 500.0, 700.0)

    recognition = Recognition(recogniser=Fixed(), clock=lambda: now[0])
    pages = recognition.pages(range(1, 501), draw, LIMITS, language="en")
    assert [page.page for page in pages] == list(range(1, 501))
    assert len(drawn) < 20
    assert [page.gave_up for page in pages[:4]] == [True, False, True, False]
    assert all(page.gave_up for page in pages[len(drawn) :])


def test_a_long_scan_is_read_to_its_end_however_long_it_takes() -> None:
    now = [0.0]

    def draw(_number: int) -> Picture:
        now[0] += 60
        return Picture(b"\x89PNG", 500.0, 700.0)

    recognition = Recognition(recogniser=Fixed(), clock=lambda: now[0])
    pages = recognition.pages(range(1, 101), draw, LIMITS, language="en")
    assert not any(page.gave_up for page in pages)


def test_a_scan_without_words_fails_for_good(store: Store, parser: Parser, tmp_path: Path) -> None:
    file = tmp_path / "blank.pdf"
    file.write_bytes(scanned([])[0])
    assert ingest(store, parser, file, Fixed(read=())) == ["failed"]
    (row,) = store.documents()
    assert row.problem == "no_words"
    assert ingest(store, parser, file, Fixed()) == ["failed"]


def test_recognition_stops_between_pages_and_leaves_the_document_as_it_was(
    store: Store, parser: Parser, tmp_path: Path
) -> None:
    file = tmp_path / "scan.pdf"
    file.write_bytes(scanned(*[FIRST] * 12)[0])
    asked: list[tuple[int, int]] = []

    def go_on(done: int, total: int) -> bool:
        asked.append((done, total))
        return len(asked) < 2

    with pytest.raises(RecognitionStopped):
        parser.parse(file, recognition=Recognition(recogniser=Fixed(), go_on=go_on))
    assert asked[0] == (0, 12)
    assert 0 < asked[1][0] < 12
    stop = iter([False, False, True])
    options = IngestOptions(recogniser=Fixed(), cancelled=lambda: next(stop, True))
    report = ingest_paths(store, EMBEDDER, parser, [file], options=options)
    assert (report.cancelled, report.outcomes, store.documents()) == (True, (), [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Multilingual(Fixed):
    """Notes which languages it was asked for."""

    asked: list[tuple[str, ...]]
    read: tuple[str, ...] = ("Die", "Fähre", "fährt", "um", "neun", "und", "kommt", "am", "Abend", "zurück.")
    languages: tuple[str, ...] = ("eng", "deu", "fra", "spa")

    def words(
        self, picture: Picture, languages: Sequence[str], limits: RecognitionLimits
    ) -> tuple[RecognisedWord, ...]:
        self.asked.append(tuple(languages))
        return Fixed.words(self, picture, languages, limits)


def test_the_first_page_decides_the_language_of_the_others() -> None:
    asked: list[tuple[str, ...]] = []
    recognition = Recognition(recogniser=Multilingual(asked=asked))
    picture = Picture(b"\x89PNG", 500.0, 700.0)
    recognition.pages([1, 2], lambda _: picture, LIMITS)
    assert asked == [("eng", "deu", "fra"), ("deu",), ("deu",)]
    asked.clear()
    recognition.pages([1], lambda _: picture, LIMITS, language="es")
    assert asked == [("spa",)]


@needs_tesseract
def test_a_language_that_is_not_installed_is_named() -> None:
    with pytest.raises(FootnoteError, match="does not read xxx") as caught:
        find_recogniser("eng+xxx")
    assert "tesseract-ocr-xxx" in caught.value.hint
    assert find_recogniser("eng") == Recogniser(program=shutil.which("tesseract") or "", languages=("eng",))


def test_without_tesseract_there_is_no_recogniser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_recogniser() is None
