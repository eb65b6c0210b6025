"""Requirement 19: what the code must never do, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for part in ("index", "rag", "ui", "seeds") for path in (ROOT / part).rglob("*.py"))

MODULES = (
    *("pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"),
    *(
        "jinja2",
        "mako",
        "langchain_community",
        "langchain_core.load",
        "langchain.load",
        "langchain_core.prompts",
    ),
)
CALLS = frozenset(("eval", "exec", "compile", "__import__"))
METHODS = frozenset(
    (
        *("torch.load", "torch.hub.load", "torch.jit.load", "numpy.load", "np.load", "joblib.load"),
        *("yaml.load", "yaml.unsafe_load", "os.system", "os.popen", "string.Template"),
    )
)
TRUE_FLAGS = frozenset(("trust_remote_code", "allow_dangerous_deserialization", "allow_pickle", "shell"))
TEMPLATES = frozenset(("format", "format_map", "from_template", "substitute", "safe_substitute"))


def offences(source: str) -> Iterator[str]:
    """Each thing in a source that must not be there, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _is_refused(alias.name):
                    yield f"{node.lineno}: imports {alias.name}"
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if _is_refused(node.module) or _is_refused(f"{node.module}.{alias.name}"):
                    yield f"{node.lineno}: imports {node.module}.{alias.name}"
        elif isinstance(node, ast.Call):
            yield from _call(node)


def _is_refused(module: str) -> bool:
    return any(module == refused or module.startswith(f"{refused}.") for refused in MODULES)


def _call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    if name in CALLS or name in METHODS:
        yield f"{node.lineno}: calls {name}"
    if name.endswith("import_module") and node.args and isinstance(node.args[0], ast.Constant):
        module = str(node.args[0].value)
        if _is_refused(module):
            yield f"{node.lineno}: imports {module}"
    for keyword in node.keywords:
        if keyword.arg in TRUE_FLAGS and not _is_false(keyword.value):
            yield f"{node.lineno}: {keyword.arg}={ast.unparse(keyword.value)}"
    if isinstance(node.func, ast.Attribute) and node.func.attr in TEMPLATES:
        template = node.func.value if node.func.attr != "from_template" else (node.args or [node])[0]
        if not isinstance(template, ast.Constant) and not _is_constant_name(template):
            yield f"{node.lineno}: a template that is no constant: {ast.unparse(node)}"


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def _is_constant_name(value: ast.expr) -> bool:
    """A name in capital letters, which is a constant of a module."""
    name = value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
    return name.isupper()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_requirement_19_nothing_dangerous_is_called(path: Path) -> None:
    assert list(offences(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import langchain_core.load.load",
        "from langchain_core import load",
        "from langchain_community.vectorstores import FAISS",
        "import importlib\nimportlib.import_module('dill')",
        "FAISS.load_local('x', e, allow_dangerous_deserialization=True)",
        "AutoModel.from_pretrained('x', trust_remote_code=flag)",
        "numpy.load('x')",
        "torch.load('x')",
        "from jinja2 import Template",
        "text.format(name='x')",
        "PromptTemplate.from_template(document.text)",
        "eval(text)",
        "subprocess.run(command, shell=True)",
    ],
)
def test_requirement_19_this_test_catches(source: str) -> None:
    assert len(list(offences(source))) == 1


def test_requirement_19_this_test_allows_what_is_harmless() -> None:
    harmless = """
re.compile('x')
model.eval()
'{} s'.format(1)
load('x', trust_remote_code=False)
TEXT.format(a=1)
"""
    assert list(offences(harmless)) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_process_of_ours_imports_nothing_from_the_folder_where_it_is_started(path: Path) -> None:
    """Many a project has a folder ``ui`` or ``index``; without ``-P`` it would be taken for ours."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.List | ast.Tuple):
            words = [ast.unparse(each) for each in node.elts]
            if "sys.executable" in words and "'-m'" in words:
                assert "'-P'" in words, f"line {node.lineno}"
