"""What a person sets on the page: where each value comes from, and the one writer of ``settings.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from rag.errors import SettingsError
from rag.private_file import replace_private_file
from rag.settings import (
    FILE_IN_DATA,
    Layer,
    Layers,
    Name,
    Settings,
    known_names,
    layer,
    read_layers,
    read_settings_text,
    validated,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """One setting: what it is, what it would be if nobody said anything, and who said it."""

    value: object
    default: object
    origin: str  # "in the environment (FOOTNOTE_SERVER__PORT)"; "" when it is the default
    locked: bool  # something stronger than settings.toml says it, so writing there changes nothing
    saved: bool  # settings.toml says it


def sourced_settings(overrides: Mapping[str, object] | None = None) -> dict[str, Sourced]:
    """Every setting but the data folder, by its dotted name.

    Args:
        overrides: Of the command line, as for ``load_settings``.

    Raises:
        SettingsError: As ``load_settings`` does.
    """
    layers = read_layers(overrides)
    settings, defaults = validated(layers), Settings()
    merged = layers.merged
    return {
        ".".join(name): Sourced(
            value=setting_value(settings, name),
            default=setting_value(defaults, name),
            origin=merged[name][1] if name in merged else "",
            locked=name in layers.stronger,
            saved=name in layers.in_data,
        )
        for name in sorted(known_names())
        if name != ("data",)
    }


def said_settings(overrides: Mapping[str, object] | None = None) -> dict[str, tuple[object, str]]:
    """What the sources say, by dotted name: (value, where). Nothing of it need be known, or make sense.

    Raises:
        SettingsError: A file cannot be read.
    """
    return {".".join(name): said for name, said in sorted(read_layers(overrides).merged.items())}


def check_settings(changes: Mapping[str, object], overrides: Mapping[str, object] | None = None) -> Settings:
    """The settings as they would be with these changes; writes nothing.

    Args:
        changes: Dotted name -> value, a text is understood like one from the environment; None takes the
            setting out of ``settings.toml``, so that the next weaker source counts, or the default.
        overrides: Of the command line, as for ``load_settings``.

    Raises:
        SettingsError: A name is unknown, a value cannot be used, or a stronger source says it already.
    """
    return validated(_changed(read_layers(overrides), changes))


def save_settings(changes: Mapping[str, object], overrides: Mapping[str, object] | None = None) -> Settings:
    """Change ``settings.toml`` in the data folder and return the settings that count from then on.

    Whatever else stands in the file stays: other settings, comments, order.

    Args:
        changes: As for ``check_settings``.
        overrides: Of the command line, as for ``load_settings``.

    Raises:
        SettingsError: As ``check_settings`` does; or the file is written in a form that cannot be changed
            piece by piece. Nothing is written then.
        StorageError: The file cannot be written.
    """
    layers = read_layers(overrides)
    wanted = _changed(layers, changes)
    settings = validated(wanted)
    path = layers.data / FILE_IN_DATA
    values = {
        name: None if value is None else setting_value(settings, _name(name))
        for name, value in changes.items()
    }
    text = _edited(path, values)
    expected = {name: value for name, (value, _) in wanted.in_data.items()}
    expected |= {_name(name): value for name, value in values.items() if value is not None}
    if {name: value for name, (value, _) in layer(tomllib.loads(text), "").items()} != expected:
        raise SettingsError(
            f"{path} is written in a form that cannot be changed from here.", hint="Change it in an editor."
        )
    replace_private_file(path, [text])
    return settings


def _changed(layers: Layers, changes: Mapping[str, object]) -> Layers:
    in_data: Layer = dict(layers.in_data)
    for dotted, value in changes.items():
        name = _name(dotted)
        if name == ("data",):
            raise SettingsError("The data folder cannot be set here.", hint="Use --data or FOOTNOTE_DATA.")
        if name in layers.stronger:
            raise SettingsError(
                f"{dotted} is set {layers.stronger[name][1]}, which counts more than this page.",
                hint="Change it there, or take it out there and set it here.",
            )
        if value is None:
            in_data.pop(name, None)
        else:
            in_data[name] = (value, "here")
    return replace(layers, in_data=in_data)


def _edited(path: Path, values: Mapping[str, object]) -> str:
    """The text of the file with these values in it; None takes one out."""
    try:
        document = tomlkit.parse(read_settings_text(path))
        for dotted, value in values.items():
            *groups, last = _name(dotted)
            node: tomlkit.TOMLDocument | tomlkit.items.Table = document
            for group in groups:
                if group not in node:
                    node[group] = tomlkit.table()
                node = node[group]  # type: ignore[assignment]  # a setting's group is a table
            if value is not None:
                node[last] = value
            elif last in node:
                del node[last]
    except (TOMLKitError, TypeError, AttributeError) as exc:
        raise SettingsError(f"{path} cannot be changed: {exc}", hint="Change it in an editor.") from exc
    return tomlkit.dumps(document)


def _name(dotted: str) -> Name:
    return tuple(dotted.split("."))


def setting_value(settings: Settings, name: Name) -> object:
    """The value of a setting that exists."""
    value: object = settings
    for part in name:
        value = getattr(value, part)
    return value
