"""The child process that reads files: what it answers, and what it survives."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.health import health_of
from index.loaders import load
from index.parsing import ParsedFile, ParseLimits, Parser
from tests.index.files import docx_paragraphs, pdf

QUICK = ParseLimits(wall_seconds=20, cpu_seconds=10)


@pytest.fixture(autouse=True)
def importable_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))


@pytest.fixture
def parser() -> Iterator[Parser]:
    with Parser(QUICK) as ready:
        yield ready


def problem(parser: Parser, path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        parser.parse(path)
    assert str(caught.value)
    assert caught.value.hint
    return caught.value.problem


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_file_comes_back_with_the_hash_of_its_bytes(parser: Parser, tmp_path: Path) -> None:
    data = b"# Title\n\nSome text, for example \xc3\xa4.\n"
    parsed = parser.parse(written(tmp_path / "a.md", data))
    document = load(data, "a.md")
    assert parsed == ParsedFile(
        content_hash=hashlib.sha256(data).hexdigest(),
        size=len(data),
        document=document,
        health=health_of(document),
    )


def test_every_format_comes_through_the_child_unchanged(parser: Parser, tmp_path: Path) -> None:
    for name, data in {
        "a.pdf": pdf(["Page one."], ["Page two."], title="Two pages"),
        "a.docx": docx_paragraphs("One.", "Two."),
        "a.html": b"<h1>One</h1><p>Two",
    }.items():
        assert parser.parse(written(tmp_path / name, data)).document == load(data, name)


def test_the_given_name_decides_for_a_temporary_path(parser: Parser, tmp_path: Path) -> None:
    path = written(tmp_path / "upload-1234", b"# Title\n")
    assert parser.parse(path, name="notes.md").document.media_type == "text/markdown"
    assert parser.parse(path, name="odd \udcff.md").document.title == "Title"


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", bytes(100), "binary"),
        ("a.pdf", pdf(["secret"], password="x"), "password"),
        ("a.pdf", pdf(["some text"])[:300], "damaged"),
        ("a.pdf", pdf([]), "no_text"),
        ("a.docx", docx_paragraphs("some text")[:-200], "damaged"),
        ("a.xyz", b"text", "unsupported"),
    ],
)
def test_errors_of_a_document_come_through_the_child(
    parser: Parser, tmp_path: Path, name: str, data: bytes, expected: str
) -> None:
    assert problem(parser, written(tmp_path / name, data)) == expected


def test_files_that_cannot_be_opened_say_so(parser: Parser, tmp_path: Path) -> None:
    assert problem(parser, tmp_path / "missing.txt") == "unreadable"
    assert problem(parser, tmp_path) == "unreadable"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(parser: Parser, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert problem(parser, tmp_path / "pipe.txt") == "unreadable"


def test_a_file_over_the_size_limit_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", b"x" * 2000)
    with Parser(ParseLimits(file_bytes=1000)) as parser:
        assert problem(parser, path) == "too_large"


def test_limits_of_pages_and_text_reach_the_loader(tmp_path: Path) -> None:
    with Parser(replace(QUICK, pages=1, text_chars=50)) as parser:
        assert problem(parser, written(tmp_path / "a.pdf", pdf(["a"], ["b"]))) == "too_large"
        assert problem(parser, written(tmp_path / "a.txt", b"x" * 51)) == "too_large"
        assert parser.parse(written(tmp_path / "b.txt", b"x" * 50)).size == 50


def test_a_loader_that_hangs_is_stopped_and_the_next_file_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", b"text")
    started = time.monotonic()
    with Parser(ParseLimits(wall_seconds=1), loader="tests.index.files:hang") as parser:
        assert problem(parser, path) == "timeout"
        assert problem(parser, path) == "timeout"
    assert time.monotonic() - started < 30


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on processor time there")
def test_a_loader_that_spins_is_stopped_by_its_processor_time(tmp_path: Path) -> None:
    limits = ParseLimits(cpu_seconds=1, wall_seconds=120)
    with Parser(limits, loader="tests.index.files:spin") as parser:
        assert problem(parser, written(tmp_path / "a.txt", b"text")) == "timeout"


def test_a_crash_costs_one_document(tmp_path: Path) -> None:
    with Parser(QUICK, loader="tests.index.files:crash") as parser:
        assert parser.parse(written(tmp_path / "a.txt", b"one")).document.text == "one"
        assert problem(parser, written(tmp_path / "b.txt", b"crash")) == "crashed"
        assert parser.parse(written(tmp_path / "c.txt", b"two")).document.text == "two"


def test_an_unexpected_exception_is_a_crash(tmp_path: Path) -> None:
    with Parser(QUICK, loader="tests.index.files:stumble") as parser:
        assert problem(parser, written(tmp_path / "a.txt", b"text")) == "crashed"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_document_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    with Parser(QUICK, loader="tests.index.files:devour") as parser:
        assert problem(parser, written(tmp_path / "a.txt", b"text")) == "too_large"


def test_the_child_is_warm_and_replaced_after_some_documents(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", b"text")
    with Parser(replace(QUICK, documents_per_child=2), loader="tests.index.files:chatter") as parser:
        children = [parser.parse(path).document.text for _ in range(5)]
    assert children[0] == children[1]
    assert children[2] == children[3]
    assert len(set(children)) == 3


def test_a_document_reaches_neither_the_network_nor_the_disk(tmp_path: Path) -> None:
    target = written(tmp_path / "kept.txt", b"kept")
    with Parser(QUICK, loader="tests.index.files:escape") as parser:
        document = parser.parse_bytes(os.fsencode(target), "a.txt")
    assert document.text == "connect look up start shell write remove make"
    assert target.read_bytes() == b"kept"
    assert sorted(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_child_killed_between_documents_is_replaced(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", b"text")
    with Parser(QUICK, loader="tests.index.files:chatter") as parser:
        child = int(parser.parse(path).document.text)
        os.kill(child, signal.SIGKILL)
        time.sleep(0.2)
        assert int(parser.parse(path).document.text) != child


def test_a_closed_parser_leaves_no_process_and_can_be_used_again(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", b"text")
    parser = Parser(QUICK, loader="tests.index.files:chatter")
    first = int(parser.parse(path).document.text)
    parser.close()
    parser.close()
    if sys.platform != "win32":
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
    assert int(parser.parse(path).document.text) != first
    parser.close()


def test_a_file_that_grows_while_it_is_read_is_reported(tmp_path: Path) -> None:
    import threading

    path = written(tmp_path / "a.log", b"line\n" * 6_000_000)
    stop = threading.Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"more\n")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with Parser(QUICK) as parser:
            assert problem(parser, path) == "changed_while_reading"
    finally:
        stop.set()
        writer.join()


def test_a_large_text_fits_into_the_limits(parser: Parser, tmp_path: Path) -> None:
    text = "A line of text with some words, äöü.\n" * 300_000
    document = parser.parse(written(tmp_path / "a.txt", text.encode())).document
    assert document == ParsedDocument(text=text)


def test_the_names_of_parts_come_through_the_pipe(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Item,Price\nPump,12\n", encoding="utf-8")
    with Parser() as parser:
        document = parser.parse(path).document
    assert document == load(path.read_bytes(), "list.csv")
    assert [locator.words for locator in document.locators] == ["row 1", "row 2"]
