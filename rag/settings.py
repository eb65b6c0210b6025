"""Every setting with its default, and the one place that reads the environment and the settings files."""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rag.errors import SettingsError

Strictness = Literal["strict", "balanced", "open"]
Runtime = Literal["auto", "torch"]
Ocr = Literal["auto", "off"]
Theme = Literal["system", "light", "dark"]
TextSize = Literal["normal", "large", "largest"]

ENVIRONMENT_PREFIX = "FOOTNOTE_"
FILE_IN_DATA = "settings.toml"
FILE_IN_WORKING_FOLDER = "footnote.toml"
_FILE_BYTES = 100_000  # all settings together are some hundred
_SHOWN_CHARS = 200


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class EmbeddingSettings(_Group):
    """The model that turns text into vectors. Another one means indexing everything again."""

    model: str = ""  # "" is all-MiniLM-L6-v2, installed with Footnote; else a folder or a hub name
    device: str = ""  # "" takes the best there is; else "cpu", "cuda", "mps"
    batch_size: int = Field(default=16, ge=1, le=1024)
    runtime: Runtime = "auto"  # on a CPU: compiled by OpenVINO where that works, or torch
    compiled: str = ""  # folder of compiled networks; "" is the one in the data folder


class IndexSettings(_Group):
    """How documents are cut. A change applies to documents that are indexed from then on."""

    collection: str = Field(default="Documents", min_length=1, max_length=200)
    chunk_tokens: int = Field(default=200, ge=32, le=4096)
    chunk_chars: int = Field(default=2000, ge=200, le=40_000)
    overlap_sentences: int = Field(default=1, ge=0, le=5)


class LoadersSettings(_Group):
    """How files are read."""

    ocr: Ocr = "auto"  # pages that are pictures: read by Tesseract where it is installed, or not at all
    ocr_languages: str = ""  # Tesseract's codes to choose from, "deu+eng"; "" for all that are installed


class WatchSettings(_Group):
    """How changes in watched folders are noticed."""

    polling: bool = False  # for network drives, which send no notifications: look again and again instead
    poll_seconds: float = Field(default=2.0, ge=0.1, le=3600)  # between two looks


class RetrievalSettings(_Group):
    """How passages are found."""

    dense_weight: float = Field(default=0.4, ge=0, le=1)  # share of the meaning score, the rest is keywords
    candidates: int = Field(default=100, ge=1, le=1000)  # taken from each of the two sides
    passages: int = Field(default=6, ge=1, le=50)  # shown, and given to the language model
    read: int = Field(default=8, ge=0, le=50)  # of the best, by the reader, at most; 0 answers without it


class AnswerSettings(_Group):
    """When to answer."""

    strictness: Strictness = "balanced"  # how sure the evidence must be before there is an answer


class GenerationSettings(_Group):
    """The language model. Keys are never settings: each provider reads its own environment variable."""

    model: str = ""  # "" is the built-in answerer; else "ollama:llama3.1", "openai:...", "huggingface:FOLDER"
    others: str = ""  # models that an answer can be asked of again, "ollama:qwen3, openai:gpt-4o"
    base_url: str = ""  # "" is the provider's own address
    timeout_seconds: float = Field(default=60.0, gt=0, le=3600)
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=700, ge=16, le=32_000)

    @field_validator("model")
    @classmethod
    def _names_provider_and_model(cls, value: str) -> str:
        if value and not _names_a_model(value):
            raise ValueError('write it as "provider:model", for example "ollama:llama3.1"')
        return value

    @field_validator("others")
    @classmethod
    def _names_models(cls, value: str) -> str:
        if not all(map(_names_a_model, _listed(value))):
            raise ValueError('write each as "provider:model", with commas between them')
        return value

    @property
    def other_models(self) -> tuple[str, ...]:
        """``others`` one by one, without the one that is asked anyway."""
        return tuple(name for name in dict.fromkeys(_listed(self.others)) if name != self.model)

    def with_model(self, name: str) -> GenerationSettings:
        """The same for another model. The address counts for models of the same provider only, and for all
        where the answers are built in.
        """
        same = not self.model or name.partition(":")[0] == self.model.partition(":")[0]
        return self.model_copy(update={"model": name, "base_url": self.base_url if same else ""})


def _names_a_model(text: str) -> bool:
    provider, _, model = text.partition(":")
    return bool(provider and model)


def _listed(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


class AppearanceSettings(_Group):
    """How the page looks, in every browser that opens it."""

    theme: Theme = "system"
    text_size: TextSize = "normal"


class PrivacySettings(_Group):
    """What may leave this computer, and how long conversations stay on it."""

    offline: bool = False  # nothing: a language model elsewhere, or a name on the model hub, is refused
    keep_days: int = Field(
        default=-1, ge=-1, le=36_500
    )  # conversations, untouched; -1 for ever, 0 not at all


class ServerSettings(_Group):
    """Where the page is served."""

    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65_535)  # 0 takes any free port


def _default_data() -> Path:
    return Path(platformdirs.user_data_dir("footnote", appauthor=False))


class Settings(_Group):
    """All settings of one run. A value: it is complete, it cannot change, and it builds nothing."""

    data: Path = Field(default_factory=_default_data)
    data_on_network: bool = False  # take a data folder on a network drive, where locks may not hold
    embedding: EmbeddingSettings = EmbeddingSettings()
    index: IndexSettings = IndexSettings()
    loaders: LoadersSettings = LoadersSettings()
    watch: WatchSettings = WatchSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    answer: AnswerSettings = AnswerSettings()
    generation: GenerationSettings = GenerationSettings()
    appearance: AppearanceSettings = AppearanceSettings()
    privacy: PrivacySettings = PrivacySettings()
    server: ServerSettings = ServerSettings()


# What one source sets: full name -> (value, where it was set). Later merges are plain dict unions.
Name = tuple[str, ...]
Layer = dict[Name, tuple[object, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """What each source sets. ``stronger`` and ``weaker`` are said from where ``settings.toml`` stands."""

    data: Path
    stronger: Layer  # command line, environment
    in_data: Layer  # settings.toml
    weaker: Layer  # footnote.toml

    @property
    def merged(self) -> Layer:
        """What counts, by name; a name that no source sets is not there."""
        return self.weaker | self.in_data | self.stronger


def load_settings(overrides: Mapping[str, object] | None = None) -> Settings:
    """Put the settings together; what comes first wins.

    1. ``overrides`` (the command line), 2. environment variables ``FOOTNOTE_GROUP__NAME`` (and
    ``FOOTNOTE_DATA``), 3. ``settings.toml`` in the data folder, 4. ``footnote.toml`` in the working
    folder, 5. the defaults.

    Args:
        overrides: Nested (``{"server": {"port": 80}}``) or dotted (``{"server.port": 80}``) names;
            a value of None counts as not given.

    Raises:
        SettingsError: A name is unknown (in any source), a value cannot be used, or a file is unreadable.
    """
    return validated(read_layers(overrides))


def read_layers(overrides: Mapping[str, object] | None = None) -> Layers:
    """What each source sets, read anew; see ``load_settings``.

    Raises:
        SettingsError: A file cannot be read, or ``settings.toml`` names the data folder.
    """
    # pydantic-settings would ignore a misspelt group in the environment and forgets which source a
    # wrong value came from. Four mappings laid over each other need neither.
    stronger = _from_environment(os.environ) | layer(overrides or {}, "on the command line")
    weaker = _from_file(Path(FILE_IN_WORKING_FOLDER))
    located = (weaker | stronger).get(("data",))
    data = _data_folder(located[0]) if located else _default_data()
    in_data = _from_file(data / FILE_IN_DATA)
    if ("data",) in in_data:
        raise SettingsError(
            f"data cannot be set {in_data['data',][1]}: the data folder is what finds that file.",
            hint="Set it with --data or the environment variable FOOTNOTE_DATA.",
        )
    return Layers(data=data, stronger=stronger, in_data=in_data, weaker=weaker)


def validated(layers: Layers) -> Settings:
    """The settings that the sources add up to.

    Raises:
        SettingsError: A name is unknown, or a value cannot be used.
    """
    merged = layers.merged
    try:
        settings = Settings.model_validate(_tree(merged))
    except ValidationError as exc:
        raise _explained(exc, merged) from exc
    return settings.model_copy(update={"data": _data_folder(settings.data).absolute()})


def _data_folder(value: object) -> Path:
    """The data folder as it was set, ``~`` written out."""
    try:
        folder = Path(str(value)).expanduser()
    except RuntimeError as exc:
        raise SettingsError(
            f"The data folder cannot be {value}: there is no such home folder.",
            hint="Name another one with --data or FOOTNOTE_DATA.",
        ) from exc
    if "\0" in str(folder):
        raise SettingsError(
            "The data folder cannot have a null character in its name.",
            hint="Name another one with --data or FOOTNOTE_DATA.",
        )
    return folder


def variable(name: str) -> str:
    """What another program's environment variable holds, such as a provider's key; "" when it is not set."""
    return os.environ.get(name, "")


def _from_environment(environment: Mapping[str, str]) -> Layer:
    return {
        tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")): (
            value,
            f"in the environment ({name})",
        )
        for name, value in environment.items()
        # An empty path would be the working folder, which nobody means.
        if name.startswith(ENVIRONMENT_PREFIX) and (value or name != f"{ENVIRONMENT_PREFIX}DATA")
    }


def _from_file(path: Path) -> Layer:
    """The settings in one TOML file; a file that is not there sets nothing."""
    try:
        values = layer(tomllib.loads(read_settings_text(path)), f"in {path}")
    except RecursionError as exc:
        raise SettingsError(
            f"{path} is not valid TOML: it is nested too deep.", hint="Correct or remove that file."
        ) from exc
    except ValueError as exc:  # beside what is no TOML, numbers of thousands of digits
        raise SettingsError(f"{path} is not valid TOML: {exc}", hint="Correct or remove that file.") from exc
    if values.get(("data",), ("", ""))[0] == "":
        values.pop(("data",), None)  # as in the environment
    return values


def read_settings_text(path: Path) -> str:
    """What stands in a settings file, without the mark that some editors put first; "" if it is not there.

    Raises:
        SettingsError: It is no file, or too large for one of settings, or not in UTF-8, or unreadable.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
            raise SettingsError(f"{path} is not a file.", hint="Move away what stands in its place.")
        if status.st_size > _FILE_BYTES:
            raise SettingsError(
                f"{path} is too large for a file of settings ({status.st_size:,} bytes).",
                hint="Correct or remove that file.",
            )
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except UnicodeDecodeError as exc:
        raise SettingsError(
            f"{path} is not in UTF-8 ({exc.reason} at byte {exc.start}).",
            hint="Save it as UTF-8 in your editor, or remove it.",
        ) from exc
    except OSError as exc:
        raise SettingsError(
            f"{shortened(str(path))} cannot be read: {exc.strerror or exc}.",
            hint="Correct or remove that file.",
        ) from exc


def shortened(value: str) -> str:
    """A value as a message shows it: whoever set thousands of characters recognises the first of them."""
    return value if len(value) <= _SHOWN_CHARS else f"{value[:_SHOWN_CHARS]}…"


def layer(values: Mapping[str, object], origin: str) -> Layer:
    """Nested or dotted names as a layer; a value of None counts as not given."""
    return {name: (value, origin) for name, value in _flat(values)}


def _flat(values: Mapping[str, object], above: Name = ()) -> Iterator[tuple[Name, object]]:
    for key, value in values.items():
        name = (*above, *key.split("."))
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        elif value is not None:
            yield name, value


def _tree(layer: Layer) -> dict[str, object]:
    """The layer as nested mappings.

    Raises:
        SettingsError: A group is given a value, or a value is treated as a group.
    """
    known = known_names()
    tree: dict[str, object] = {}
    for name, (value, origin) in layer.items():
        if name not in known:
            raise _unknown(name, origin, known)
        *groups, last = name
        node = tree
        for group in groups:
            inner = node.setdefault(group, {})
            assert isinstance(inner, dict)  # no setting's name begins another's
            node = inner
        node[last] = value
    return tree


def known_names() -> set[Name]:
    """Every setting there is: ``("answer", "strictness")``."""
    names: set[Name] = set()
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, _Group):
            names |= {(name, inner) for inner in field.annotation.model_fields}
        else:
            names.add((name,))
    return names


def _unknown(name: Name, origin: str, known: set[Name]) -> SettingsError:
    dotted = sorted(".".join(parts) for parts in known)
    close = difflib.get_close_matches(".".join(name), dotted, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"Settings are: {', '.join(dotted)}."
    return SettingsError(f"There is no setting {shortened('.'.join(name))} (set {origin}).", hint=hint)


def _explained(exc: ValidationError, merged: Layer) -> SettingsError:
    """The first complaint of pydantic, as a sentence that names the setting and where it was set."""
    first = exc.errors(include_url=False, include_context=False)[0]
    name = tuple(str(part) for part in first["loc"])
    origin = merged[name][1] if name in merged else "by default"
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return SettingsError(
        f"{'.'.join(name)} cannot be {shortened(repr(first['input']))} (set {origin}): {message}.",
        hint="Give it another value, or remove it to use the default.",
    )
