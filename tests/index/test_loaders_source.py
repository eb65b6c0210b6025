"""Source code is the text as it stands; its classes and functions are the headings above what they hold."""

from __future__ import annotations

import pytest

from index.chunker import ChunkLimits, split
from index.documents import ParsedDocument
from index.loaders import load
from index.loaders.names import is_source
from tests.fakes import WordCountEmbedder

PYTHON = '''"""Ferries and their timetables.

More.
"""

import json


class Ferry:
    """A ship."""

    @property
    def name(self) -> str:
        return "Ann"

    async def sail(
        self,
        to: str,
    ) -> None:
        def inner() -> int:
            return 1

    class Deck:
        def size(self): return 3


if True:
    def timetable(day):
        return json.loads(day)
'''


def headings(document: ParsedDocument) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in document.headings]


def test_python_is_read_by_its_own_parser() -> None:
    document = load(PYTHON.encode(), "ferry.py")
    assert document.text == PYTHON
    assert document.title == "Ferries and their timetables."
    assert headings(document) == [
        (1, "class Ferry"),
        (2, "def name"),
        (2, "async def sail"),
        (2, "class Deck"),
        (3, "def size"),
        (1, "def timetable"),
    ]
    assert document.heading_path(PYTHON.index('return "Ann"')) == ("class Ferry", "def name")
    assert document.heading_path(PYTHON.index("json.loads")) == ("def timetable",)
    begins = [PYTHON[heading.start :] for heading in document.headings]
    assert begins[0].startswith("class Ferry:")
    assert begins[1].startswith("@property\n    def name(self)")
    assert all(heading.start == heading.end for heading in document.headings)


def test_a_signature_is_text_to_be_found_and_quoted() -> None:
    document = load(PYTHON.encode(), "ferry.py")
    limits = ChunkLimits(tokens=12, context_tokens=12, minimum_tokens=1)
    chunks = split(document, token_spans=WordCountEmbedder(["sail"]).token_spans, limits=limits)
    (chunk,) = [chunk for chunk in chunks if "async def sail(" in PYTHON[chunk.start : chunk.end]]
    assert chunk.heading_path == ("class Ferry", "async def sail")
    assert PYTHON[chunk.start : chunk.end].startswith("async def sail(")
    assert "class Ferry" in chunk.context


def test_python_that_does_not_parse_still_has_headings() -> None:
    source = "class Ferry:\n    def name(self):\n        return (\n\nprint 'old'\n"
    assert headings(load(source.encode(), "old.py")) == [(1, "class Ferry"), (2, "def name")]


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        (
            "a.js",
            "export default class Ferry extends Ship {\n  sail(to) {\n    if (to) {\n      return;\n    }\n"
            "  }\n}\n"
            "export async function timetable(day) {\n}\n",
            [(1, "class Ferry"), (2, "sail"), (1, "function timetable")],
        ),
        (
            "a.java",
            "public final class Ferry {\n    public List<String> names(int of) throws IOException {\n"
            "        for (int i = 0; i < of; i++) {\n        }\n    }\n}\n",
            [(1, "class Ferry"), (2, "names")],
        ),
        (
            "a.c",
            "#include <x.h>\n\nstatic int sail(const char *to) {\n    return go(to);\n}\n",
            [(1, "sail")],
        ),
        (
            "a.rs",
            "pub struct Ferry {\n    name: String,\n}\n\nimpl Ferry {\n    pub fn sail(&self) -> bool {\n"
            "    }\n}\n",
            [(1, "struct Ferry"), (1, "impl Ferry"), (2, "fn sail")],
        ),
        ("a.go", "func (f *Ferry) Sail(to string) error {\n}\n", [(1, "func (f *Ferry) Sail")]),
        (
            "a.rb",
            "module Sea\n  class Ferry < Ship\n    def sail?\n",
            [(1, "module Sea"), (2, "class Ferry"), (3, "def sail?")],
        ),
        ("a.sh", "sail() {\n  echo sail\n}\n", [(1, "sail")]),
        ("a.sql", "CREATE OR REPLACE FUNCTION sail(x int) RETURNS int AS $$\n", [(1, "FUNCTION sail")]),
        (
            "a.toml",
            "[ferry]\nname = 'Ann'\n\n[[ferry.trips]]\nday = 1\n",
            [(1, "[ferry]"), (1, "[[ferry.trips]]")],
        ),
        ("a.log", "12:01 class of 2024 came aboard\n12:02 def not here\n", []),
        ("a.c", "// class of things\nclass of things here\nreturn (x) {\n", []),
    ],
)
def test_other_languages_are_read_by_their_lines(
    name: str, source: str, found: list[tuple[int, str]]
) -> None:
    document = load(source.encode(), name)
    assert document.text == source
    assert headings(document) == found
    assert is_source(document.media_type)
    for heading in document.headings:  # it stands where the words begin that it is about
        line = source[heading.start :].splitlines()[0]
        assert line == line.lstrip()


def test_prose_is_no_source() -> None:
    assert not is_source(load(b"Words.", "a.txt").media_type)
    assert is_source(load(b"all:\n\techo\n", "Makefile").media_type)


def test_code_nested_without_end_is_kept_as_text() -> None:
    source = "x = " + "(" * 5_000 + ")" * 5_000 + "\n"
    assert load(source.encode(), "deep.py").text == source
    deep = "\n".join(f"{' ' * level}if x:" for level in range(3_000))
    assert load(deep.encode(), "deep.py").text == deep


def test_warnings_about_the_code_are_no_warnings_here() -> None:
    assert load(b"x = '\\d'\nassert (1, 'x')\n", "a.py").text.startswith("x =")
