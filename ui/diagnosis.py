"""What `footnote doctor` looks at: each finding in words, with what to do about what is wrong.

Nothing here may depend on anything else being sound: a part that cannot be looked at is a finding too.
Nothing is changed, no model is loaded, and the name of the home folder is left out: it is a report to show.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from index.errors import FootnoteError
from index.room import free_bytes
from rag.settings import GenerationSettings, Settings, load_settings, read_layers, variable
from ui.render import count, file_size

State = Literal["ok", "note", "wrong"]

_LITTLE_SPACE = 1_000_000_000
_NO_SPACE = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``remedy`` is the next step, where there is one."""

    about: str
    state: State
    words: str
    remedy: str = ""


Look = Callable[[Settings], Iterator[Finding]]


def diagnose(overrides: Mapping[str, object], *, deep: bool = False) -> list[Finding]:
    """Look at everything.

    Args:
        overrides: Of the command line, as for ``load_settings``.
        deep: Read every passage and vector of the index too.
    """
    looks: list[tuple[str, Look]] = [
        ("Embedding model", _embedding_model),
        ("Reader", _reader),
        ("Runtime", _runtime),
        ("Text recognition", _text_recognition),
        ("Language model", _language_models),
        ("Data folder", _data_folder),
        ("Index", _index_deep if deep else _index),
        ("Server", _server),
    ]
    findings = [*_settled("Footnote", _footnote), *_settled("Packages", _packages)]
    settings, problem = _settings(overrides)
    findings.append(problem)
    for about, look in looks:
        findings += _settled(about, lambda look=look: look(settings))  # type: ignore[misc]
    return [_redacted(finding) for finding in findings]


def finding_lines(findings: list[Finding]) -> Iterator[str]:
    """The findings, what is wrong marked and followed by its remedy, and a summary."""
    width = max(len(finding.about) for finding in findings)
    marks: dict[State, str] = {"ok": "ok", "note": "note", "wrong": "WRONG"}
    for finding in findings:
        yield f"{marks[finding.state]:<5}  {finding.about:<{width}}  {finding.words}"
        if finding.remedy:
            yield f"{'':<{width + 9}}{'Next: ' if finding.state == 'wrong' else ''}{finding.remedy}"
    wrong = sum(finding.state == "wrong" for finding in findings)
    yield f"{count(wrong, 'thing')} to put right." if wrong else "Nothing is wrong."


def _settled(about: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What a look finds, or why it could not be done."""
    found: list[Finding] = []
    try:
        found.extend(look())
    except FootnoteError as exc:
        found.append(Finding(about=about, state="wrong", words=str(exc), remedy=exc.hint))
    except Exception as exc:  # noqa: BLE001  whatever is broken is what is looked for
        words = f"It cannot be looked at: {type(exc).__name__}: {exc}"
        remedy = "Install Footnote again; if that does not help, report this as a bug."
        found.append(Finding(about=about, state="wrong", words=words, remedy=remedy))
    return found


def _redacted(finding: Finding) -> Finding:
    home = str(Path.home())
    if len(home) < 2:
        return finding
    return Finding(
        about=finding.about,
        state=finding.state,
        words=finding.words.replace(home, "~"),
        remedy=finding.remedy.replace(home, "~"),
    )


# -- the program -----------------------------------------------------------------------------------


def _footnote() -> Iterator[Finding]:
    try:
        installed = version("footnote")
    except PackageNotFoundError:
        installed = "from a source folder"
    words = f"{installed}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Finding(about="Footnote", state="ok", words=words)


def _packages() -> Iterator[Finding]:
    """Each package that Footnote needs, unless it is there in a version that is right."""
    from packaging.requirements import Requirement

    try:
        needed = [Requirement(line) for line in requires("footnote") or ()]
    except PackageNotFoundError:
        words = "Footnote is not installed, so what it needs is not known."
        yield Finding(about="Packages", state="note", words=words, remedy="pip install -e .")
        return
    there = []
    for each in needed:
        if each.marker is not None and not each.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(each.name)
        except PackageNotFoundError:
            found = ""
        if found and each.specifier.contains(found, prereleases=True):
            there.append(f"{each.name} {found}")
            continue
        words = (
            f"{each.name} is {found}, not {each.specifier}." if found else f"{each.name} is not installed."
        )
        remedy = f'pip install "{each.name}{each.specifier}"'
        yield Finding(about="Packages", state="wrong", words=words, remedy=remedy)
    yield Finding(about="Packages", state="ok", words=", ".join(there))


def _settings(overrides: Mapping[str, object]) -> tuple[Settings, Finding]:
    """The settings; those that are built in, where the ones that were made cannot be used."""
    try:
        settings = load_settings(overrides)
        return settings, Finding(about="Settings", state="ok", words="They can all be used.")
    except FootnoteError as exc:
        wrong = Finding(about="Settings", state="wrong", words=str(exc), remedy=exc.hint)
    try:
        data = read_layers(overrides).data
    except FootnoteError:  # a file of settings; the folder is said elsewhere
        data = Path(str(overrides.get("data") or variable("FOOTNOTE_DATA") or Settings().data))
    return Settings(data=data.absolute()), wrong


# -- the models ------------------------------------------------------------------------------------


def _embedding_model(settings: Settings) -> Iterator[Finding]:
    from index.model_files import DEFAULT_NAME, model_folder, packaged_model, refuse_programs

    packaged_model()
    built_in = f"{DEFAULT_NAME}: the files are those that were published."
    yield Finding(about="Embedding model", state="ok", words=built_in)
    model = settings.embedding.model
    if not model:
        return
    if not os.path.isdir(os.path.expanduser(model)) and not model.startswith((".", "~", os.sep)):  # noqa: PTH111, PTH112
        words = f"{model} is a name on the model hub; that was not asked."
        yield Finding(about="Embedding model", state="note", words=words)
        return
    folder = model_folder(model)
    refuse_programs(folder)
    if not any(folder.rglob("*.safetensors")):
        remedy = "Choose a folder with a model in the safetensors format for embedding.model."
        yield Finding(
            about="Embedding model", state="wrong", words=f"{folder} holds no safetensors.", remedy=remedy
        )
        return
    yield Finding(about="Embedding model", state="ok", words=f"{folder} is there.")


def _reader(settings: Settings) -> Iterator[Finding]:
    from rag.reader.weights import check_weights

    check_weights()
    use = "in use" if settings.retrieval.read else "there, and turned off (retrieval.read is 0)"
    yield Finding(about="Reader", state="ok", words=f"The weights are whole; it is {use}.")


def _runtime(settings: Settings) -> Iterator[Finding]:
    from rag.build import runtime_in_use

    runtime = runtime_in_use(settings)
    more = ""
    if runtime == "torch" and settings.embedding.runtime == "auto":
        more = ", until a network was compiled for this processor, at the first use"
    yield Finding(about="Runtime", state="ok", words=f"{runtime}{more}.")


def _text_recognition(settings: Settings) -> Iterator[Finding]:
    from rag.build import build_recogniser

    if settings.loaders.ocr == "off":
        yield Finding(about="Text recognition", state="ok", words="Turned off (loaders.ocr).")
        return
    recogniser = build_recogniser(settings)
    if recogniser is None:
        yield Finding(
            about="Text recognition",
            state="note",
            words="Tesseract is not installed, or has no language: pages that are pictures are not read.",
            remedy="To have them read, install it (on Debian: apt install tesseract-ocr).",
        )
        return
    words = f"Tesseract ({recogniser.program}) reads {', '.join(recogniser.languages)}."
    yield Finding(about="Text recognition", state="ok", words=words)


def _language_models(settings: Settings) -> Iterator[Finding]:
    generation = settings.generation
    if generation.model:
        yield from _language_model(generation, 'set generation.model to ""')
    else:
        yield Finding(about="Language model", state="ok", words="None: answers are quotes.")
    for name in generation.other_models:
        yield from _language_model(generation.with_model(name), "take it out of generation.others")


def _language_model(generation: GenerationSettings, without: str) -> Iterator[Finding]:
    """Whether a model could be asked; ``without`` is how to do without it."""
    from importlib.util import find_spec

    from rag.providers import destination, key_is_set, provider_named

    model = generation.model
    provider = provider_named(model.partition(":")[0])
    if provider.package and find_spec(provider.package) is None:
        yield Finding(
            about="Language model",
            state="wrong",
            words=f"{model} needs the package {provider.package.replace('_', '-')}, which is not installed.",
            remedy=f"pip install {provider.package.replace('_', '-')}, or {without}.",
        )
    goes_to = destination(generation)
    if provider.key and not key_is_set(provider) and not (goes_to and goes_to.on_this_computer):
        yield Finding(
            about="Language model",
            state="wrong",
            words=f"{model} needs a key, and {provider.key} is not set.",
            remedy=f"Set {provider.key} in the environment, or {without}.",
        )
    where = "in this process" if goes_to is None else f"at {goes_to.address or 'an address of its own'}"
    yield Finding(about="Language model", state="ok", words=f"{model}, {where}; it was not asked.")


# -- the data folder -------------------------------------------------------------------------------


def _data_folder(settings: Settings) -> Iterator[Finding]:
    from index.data_folder import require_folder
    from index.network_drives import file_system, refuse_network_drive

    data = settings.data
    require_folder(data)
    refuse_network_drive(data, forced=settings.data_on_network)
    kind = file_system(data)
    place = f"{data}{f' ({kind})' if kind else ''}"
    if not data.is_dir():
        yield Finding(about="Data folder", state="ok", words=f"{place} will be made at the first use.")
    else:
        try:
            with tempfile.TemporaryFile(dir=data):
                pass
        except OSError as exc:
            yield Finding(
                about="Data folder",
                state="wrong",
                words=f"{place} cannot be written ({exc.strerror or exc}): it can be asked, and not changed.",
                remedy="Correct its permissions, or name another folder with --data.",
            )
        else:
            yield Finding(about="Data folder", state="ok", words=f"{place} can be written.")
    free = free_bytes(data)
    words = f"{file_size(free)} are free."
    if free < _NO_SPACE:
        remedy = "Make room on this disk before you index anything."
        yield Finding(about="Free space", state="wrong", words=words, remedy=remedy)
    elif free < _LITTLE_SPACE:
        remedy = "`footnote index --plan PATH` says how much a folder takes."
        yield Finding(about="Free space", state="note", words=words, remedy=remedy)
    else:
        yield Finding(about="Free space", state="ok", words=words)


def _index(settings: Settings) -> Iterator[Finding]:
    from index.quick_look import quick_look

    look = quick_look(settings.data)
    if look is None:
        remedy = "Index some documents: footnote index PATH"
        yield Finding(about="Index", state="note", words="There is none yet.", remedy=remedy)
        return
    holds = f"{count(look.documents, 'document')}, {count(look.passages, 'passage')}"
    for fault in look.faults:
        remedy = "Repair it: footnote check --repair"
        yield Finding(about="Index", state="wrong", words=f"{fault}.", remedy=remedy)
    if not look.faults:
        how = "sound at a first look" if look.whole else "too large for a first look"
        more = "--deep reads every passage and vector."
        yield Finding(about="Index", state="ok", words=f"{holds}; {how}. {more}")


def _index_deep(settings: Settings) -> Iterator[Finding]:
    from index.quick_look import quick_look
    from index.store import Store

    if quick_look(settings.data) is None:
        yield from _index(settings)
        return
    with Store.open(settings.data, create=False) as store:
        faults, status = store.check(), store.status()
    for fault in faults:
        remedy = "Repair it: footnote check --repair"
        yield Finding(about="Index", state="wrong", words=f"{fault}.", remedy=remedy)
    if not faults:
        holds = f"{count(status.documents, 'document')}, {count(status.passages, 'passage')}"
        yield Finding(about="Index", state="ok", words=f"{holds}; every passage and vector is sound.")


def _server(settings: Settings) -> Iterator[Finding]:
    from ui.server_lock import is_served

    words = "The page is open for this data folder." if is_served(settings.data) else "Not running."
    yield Finding(about="Server", state="ok", words=words)
