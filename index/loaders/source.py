"""Source code: the text as it stands, with its classes and functions as headings.

Python is read by its own parser. For all other languages one rule looks at single lines, so it misses what is
written unusually, and may take a line for a heading that is none: of a heading, nothing but context is made.
The headings are empty places before what they name, since a signature is to be found and quoted as well.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from itertools import accumulate

from index.documents import Heading, ParsedDocument
from index.loaders.cleaning import clean, decode, one_line

_DEEPEST = 6
_LONGEST_LINE = 300
_TITLE_CHARS = 200

_MODIFIER = (
    r"(?:export|default|public|private|protected|internal|static|final|abstract|sealed|open|async|inline|extern"
    r"|virtual|override|unsafe|const|data|suspend|partial|pub(?:\([a-z]{1,10}\))?|create|or\s+replace)"
)
_NAMED = re.compile(
    rf"(?P<indent>[ \t]*)(?:{_MODIFIER}\s+){{0,5}}"
    r"(?P<title>(?:class|interface|struct|enum|trait|impl|module|namespace|protocol|extension|record"
    r"|object|contract|function\*?|func|fn|fun|def|defmodule|sub|procedure|table|view|message|service)"
    r"\s+(?:\([^()]{0,80}\)\s*)?[A-Za-z_$\"`'][\w$.:!?\"`'-]{0,100})"
    r"\s*(?:$|[<({:=;\[]|(?:extends|implements|inherits|where|for|do|as|begin|returns?)\b)",
    re.IGNORECASE,
)
_FUNCTION = re.compile(
    r"(?P<indent>[ \t]*)(?:[\w<>\[\],.?&*:~]+\s+){0,6}[*&]{0,2}(?P<title>[A-Za-z_$~][\w$:~]{0,100}\s?\()"
    r"[^;{}]{0,250}\)[^;{}()]{0,60}\{\s*"
)
_SECTION = re.compile(r"(?P<indent>)(?P<title>\[{1,2}[^\[\]\n]{1,100}\]{1,2})\s*(?:[#;].{0,100})?")
_CHANGED_FILE = re.compile(r"(?P<indent>)(?P<title>diff --git \S.{0,250})")
_NO_FUNCTIONS = frozenset(
    (
        *("if", "for", "while", "switch", "catch", "return", "else", "elif", "do", "with", "using", "lock"),
        *("foreach", "until", "when", "match", "new", "throw", "await"),
    )
)


def load_python(data: bytes, *, media_type: str) -> ParsedDocument:
    """Classes and functions by Python's parser; a file that it refuses is read by the rule for all languages.

    Raises DocumentError ``binary``.
    """
    text = clean(decode(data))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in the strings of a file that is not run here
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ParsedDocument(text=text, media_type=media_type, headings=tuple(_by_lines(text)))
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    headings = tuple(sorted(_definitions(text, starts, tree, 1), key=lambda heading: heading.start))
    said = ast.get_docstring(tree) or ""
    return ParsedDocument(
        text=text,
        title=one_line(said.split("\n", 1)[0], _TITLE_CHARS),
        media_type=media_type,
        headings=headings,
    )


def load_source(data: bytes, *, media_type: str) -> ParsedDocument:
    """Code in any language, settings, logs.

    Raises DocumentError ``binary``.
    """
    text = clean(decode(data))
    return ParsedDocument(text=text, media_type=media_type, headings=tuple(_by_lines(text)))


def _definitions(text: str, starts: list[int], parent: ast.AST, level: int) -> Iterator[Heading]:
    """What a module or a class defines; what is defined within a function is a part of that function."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            start = starts[first - 1] + node.col_offset  # a decorator is indented as what it decorates
            kind = {ast.ClassDef: "class", ast.FunctionDef: "def"}.get(type(node), "async def")
            yield Heading(start=start, end=start, level=level, title=f"{kind} {node.name}")
            if isinstance(node, ast.ClassDef) and level < _DEEPEST:
                yield from _definitions(text, starts, node, level + 1)
        elif isinstance(node, ast.If | ast.Try):
            yield from _definitions(text, starts, node, level)


def _by_lines(text: str) -> Iterator[Heading]:
    """Lines that name what follows them; one that is indented further stands below the one before it."""
    indents: list[int] = []
    offset = 0
    for line in text.split("\n"):
        start, offset = offset, offset + len(line) + 1
        if not line.strip() or len(line) > _LONGEST_LINE:
            continue
        found = _named(line)
        if found is None:
            continue
        indent = len(found["indent"].expandtabs(4))
        while indents and indents[-1] >= indent:
            indents.pop()
        indents.append(indent)
        start += len(found["indent"])
        yield Heading(
            start=start,
            end=start,
            level=min(len(indents), _DEEPEST),
            title=" ".join(found["title"].rstrip("(: ").split()),
        )


def _named(line: str) -> re.Match[str] | None:
    found = _NAMED.match(line) or _SECTION.fullmatch(line) or _CHANGED_FILE.match(line)
    if found is not None:
        return found
    found = _FUNCTION.fullmatch(line)
    if found is None:
        return None
    words = line.split("(", 1)[0].split()
    return None if any(word in _NO_FUNCTIONS for word in words) else found
