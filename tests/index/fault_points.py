"""The fault points of index/, read from its source, so that a new one cannot be forgotten."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import index
from index.durable import Kind

PACKAGE = Path(index.__file__).parent


def fault_points() -> list[str]:
    """Every name that ``fault`` is called with, in alphabetical order."""
    names: set[str] = set()
    for source in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "fault":
                names |= _names(node.args[0])
    return sorted(names)


def _names(argument: ast.expr) -> set[str]:
    match argument:
        case ast.Constant(value=str(name)):
            return {name}
        case ast.JoinedStr(values=[ast.FormattedValue(), ast.Constant(value=str(step))]):
            return {f"{kind}{step}" for kind in get_args(Kind)}
    raise AssertionError(f"the name of a fault point is not to be read: {ast.unparse(argument)}")
