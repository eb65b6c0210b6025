"""Requirement 18: every pattern of ``index`` takes a megabyte of adversarial text in less than a second.

The patterns are found by looking into the modules, and how each is used by reading their source: a new one
is covered by itself.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import regex

import index
from tests.index.hostile_markup import ADVERSARIES

SEARCHES = frozenset(("search", "finditer", "findall", "split", "sub", "subn"))
MATCHES = frozenset(("match", "fullmatch"))
COMPILERS = frozenset(
    ("compile", "match", "fullmatch", "search", "finditer", "findall", "split", "sub", "subn")
)

# Patterns that never see a whole text, and the most characters they do see, where the code says so.
BOUNDED: Mapping[str, int] = {
    "index.sentences._LAST_WORD": 48,  # _LOOK_BACK
    "index.sentences._NUMBER_AT_END": 48,
    "index.sentences._WORD_BEFORE_NUMBER": 48,
    "index.loaders.layout._WORD_BEFORE": 60,  # the end of a piece
    "index.loaders.cleaning._FILE_NAME": 300,  # a title, which one_line cuts
    "index.loaders.cell_formats._TOKEN": 255,  # _MAX_FORMAT_CHARS
}
# Used under another name: _natural_cut goes over both.
MATCHED = frozenset(("index.chunker._CLAUSE_END", "index.chunker._SPACE"))

# What a piece is repeated to be, and what comes after it, so that a match fails at its very end.
ENDINGS = ("", "\x00", "x\n", " ")


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(index.__path__, "index."):
        yield importlib.import_module(found.name)


@cache
def patterns() -> dict[str, Any]:
    """Compiled patterns by qualified name, also those inside tuples, lists and dictionaries of a module."""
    found: dict[str, Any] = {}
    for module in modules():
        for name, value in vars(module).items():
            for part, pattern in _within(value, 0):
                found[f"{module.__name__}.{name}{part}"] = pattern
    return found


def _within(value: object, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, re.Pattern | regex.Pattern):
        yield "", value
    elif depth < 3 and isinstance(value, list | tuple | frozenset):
        for number, item in enumerate(value):
            yield from ((f"[{number}]{part}", pattern) for part, pattern in _within(item, depth + 1))
    elif depth < 3 and isinstance(value, dict):
        for key, item in value.items():
            yield from ((f"[{key!r}]{part}", pattern) for part, pattern in _within(item, depth + 1))


@cache
def uses() -> dict[str, frozenset[str]]:
    """The methods that are called on each name anywhere in ``index``, by the name alone."""
    found: dict[str, set[str]] = defaultdict(set)
    for module in modules():
        for node in ast.walk(_source(module)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found[node.value.id].add(node.attr)
    return {name: frozenset(methods) for name, methods in found.items()}


def _source(module: ModuleType) -> ast.Module:
    assert module.__file__ is not None
    return ast.parse(Path(module.__file__).read_text(encoding="utf-8"))


def runs_of(name: str, pattern: Any) -> dict[str, Callable[[Any], object]]:
    """What to do with a text, as the code does it; everything, where that cannot be told."""
    methods = uses().get(name.rpartition(".")[2], frozenset())
    known = {"match"} if name in MATCHED else methods & (SEARCHES | MATCHES)
    runs: dict[str, Callable[[Any], object]] = {}
    if known & SEARCHES or not known:
        runs["search"] = lambda text: sum(1 for _ in pattern.finditer(text))
    if "match" in known or not known:
        runs["match"] = pattern.match
    if "fullmatch" in known or not known:
        runs["fullmatch"] = pattern.fullmatch
    return runs


def seconds(run: Callable[[Any], object], text: Any) -> float:
    """Processor time, the better of two where the first is not well below the limit."""
    best = float("inf")
    for _ in range(2):
        started = time.process_time()
        run(text)
        best = min(best, time.process_time() - started)
        if best < 0.3:
            break
    return best


def adversary(pattern: Any, piece: str, ending: str, size: int) -> Any:
    text = piece * (size // len(piece) + 1)
    text = text[: size - len(ending)] + ending
    return text.encode()[:size] if isinstance(pattern.pattern, bytes) else text


def test_requirement_18_the_patterns_are_found() -> None:
    found = patterns()
    assert len(found) > 50
    assert {
        "index.sentences._END",
        "index.loaders.html._HIDING_STYLE",
        "index.loaders.pdf_lines._WORD",
    } <= set(found)
    assert {*BOUNDED, *MATCHED} <= set(found)


@pytest.mark.parametrize("name", sorted(patterns()))
def test_requirement_18_a_pattern_takes_any_megabyte_in_less_than_a_second(name: str) -> None:
    pattern = patterns()[name]
    largest = BOUNDED.get(name, 1_000_000)
    small = min(10_000, largest)
    pieces = {**ADVERSARIES, **pieces_of(pattern)}
    for what, run in runs_of(name, pattern).items():
        costs: dict[tuple[str, str], float] = {}
        for label, piece in pieces.items():
            for ending in ENDINGS:
                cost = seconds(run, adversary(pattern, piece, ending, small))
                assert cost < 0.3, f"{what} of {name} over {label!r} and then {ending!r} is far from linear"
                costs[label, ending] = cost
        for label, ending in sorted(costs, key=lambda key: -costs[key])[:3]:
            slow = seconds(run, adversary(pattern, pieces[label], ending, largest))
            assert slow < 1.0, f"{what} of {name} over {label!r} and then {ending!r} takes {slow:.1f} s"


def pieces_of(pattern: Any) -> dict[str, str]:
    """Texts that this pattern nearly matches: the plain characters it names, alone and in a row."""
    source = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    plain = re.sub(r"\\[a-zA-Z]|\(\?[^)]{0,9}|[\\^$*+?{}()\[\]|]", "", source)[:60]
    return {f"its own {plain!r}": plain or "a"} | {f"its own {c!r}": c for c in dict.fromkeys(plain[:20])}


def test_requirement_18_no_pattern_is_made_where_it_would_not_be_found() -> None:
    hidden = []
    for module in modules():
        tree = _source(module)
        top = {
            id(node)
            for statement in tree.body
            if not _is_definition(statement)
            for node in ast.walk(statement)
        }
        hidden += [
            f"{module.__name__}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in ("re", "regex")
            and node.func.attr in COMPILERS
            and not (node.func.attr == "compile" and id(node) in top)
        ]
    assert hidden == []


def _is_definition(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def test_requirement_18_this_test_catches_a_pattern_that_is_not_linear() -> None:
    for bad in (re.compile(r"(?:a+)+$"), regex.compile(r"\s+$"), re.compile(r"\w+@")):
        run = runs_of("nowhere.NAMED", bad)["search"]
        piece = " " if bad.pattern.startswith(r"\s") else "a"
        size = 20 if bad.pattern.startswith("(?") else 10_000
        assert seconds(run, piece * size + "x!") > 0.03
