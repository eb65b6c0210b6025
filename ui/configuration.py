"""Every setting with its value and where that comes from, for `footnote config`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from rag.providers import without_secrets
from rag.settings_file import Sourced

_DEFAULT = "by default"


def shown_settings(sources: Mapping[str, Sourced]) -> dict[str, dict[str, object]]:
    """Value, default and origin by dotted name; a password that stands in an address is left out."""
    return {
        name: {
            "value": _shown(sourced.value),
            "default": _shown(sourced.default),
            "origin": sourced.origin or _DEFAULT,
        }
        for name, sourced in sources.items()
    }


def configuration_lines(data: Path, shown: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """A line for each setting: ``server.port = 7860  (by default)``."""
    yield f"data = {data}"
    for name, each in shown.items():
        value = each["value"]
        yield f"{name} = {_words(value)}  ({each['origin']})"


def said_lines(said: Mapping[str, tuple[object, str]]) -> Iterator[str]:
    """What the sources say, when it does not add up to settings that can be used."""
    for name, (value, origin) in said.items():
        yield f"{name} = {_words(_shown(value))}  (set {origin})"


def _words(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) or '""'


def _shown(value: object) -> object:
    if not isinstance(value, str):
        return value
    shown = without_secrets(value) if "@" in value else value
    address, mark, _ = shown.partition("?")  # some put a key there
    return f"{address}?…" if mark and "//" in address else shown
