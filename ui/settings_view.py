"""The Settings view: every setting with its default, who set it, and what is wrong with what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from index.recutting import Recutting
from rag.offline import (
    EMBEDDING_MODEL,
    MODEL,
    embedding_model_refusal,
    language_models_refusal,
    leaves_this_computer,
)
from rag.providers import Destination, destination, key_is_set, model_words, provider_named
from rag.settings import Settings
from rag.settings_file import Sourced
from ui.planning import time_words
from ui.preferences import Tried
from ui.programs import programs_html
from ui.render import button, count, escape, escape_line
from ui.settings_fields import PROVIDER_OPTIONS, SECTIONS, Field, Option, Section


@dataclass(slots=True)
class Drafts:
    """What was typed in one tab and is not saved: the text of each setting, and what is wrong with it."""

    texts: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    notice: str = ""  # what the last action has to say
    going: int = 0  # conversations that what was typed deletes once it is saved

    def drop(self, name: str) -> None:
        """Forget what was typed for a setting."""
        self.texts.pop(name, None)
        self.problems.pop(name, None)


def text_of_value(value: object) -> str:
    """A value as a person would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings_html(
    settings: Settings,
    sources: Mapping[str, Sourced],
    drafts: Drafts,
    *,
    tried: Tried | None = None,
    goes_to: Destination | None = None,
    chats: bool = False,
    cost: Recutting | None = None,
) -> str:
    """The whole view.

    Args:
        settings: Those that count now.
        sources: Every setting by its dotted name.
        drafts: What this tab has typed.
        tried: The last test of a language model.
        goes_to: Where questions go to be answered; None: nowhere.
        chats: Whether there are conversations. Their number would change with every question of anybody.
        cost: What the typed limits would mean for the documents that are indexed; None: nothing.
    """
    appearance = settings.appearance
    sections = []
    for section in SECTIONS:
        words, more = section.words, ""
        refused = _refused(settings, drafts, section.name)
        if section.name == "answering":
            more = _answering(sources, drafts, tried, refused)
        elif section.name == "index":
            more = _index(drafts, section, cost, refused)
        elif section.name == "privacy":
            words, more = _leaving(settings, goes_to), _kept(settings)
        elif section.name == "history":
            more = _history(drafts) + _delete_all(chats)
        sections.append(_section(section, words, sources, drafts, more))
    sections.insert(-2, programs_html(settings.data))
    notice = ""
    if drafts.notice:
        notice = f'<p class="fn-notice fn-toast" data-say>{escape_line(drafts.notice)}</p>'
    return (
        f'<div class="fn-settings" data-theme="{appearance.theme}" data-text-size="{appearance.text_size}">'
        f"{notice}{''.join(sections)}</div>"
    )


def _refused(settings: Settings, drafts: Drafts, section: str) -> str:
    """What the offline switch refuses of a section as it is typed: a model and its address are one thing."""
    if not settings.privacy.offline:
        return ""
    typed = {name: text for name, text in drafts.texts.items() if name not in drafts.problems}
    if section == "answering":
        generation = settings.generation
        wanted = {
            "model": typed.get("generation.model", generation.model),
            "others": typed.get("generation.others", generation.others),
            "base_url": typed.get("generation.base_url", generation.base_url),
        }
        message, hint = language_models_refusal(generation.model_copy(update=wanted))
    elif section == "index":
        message, hint = embedding_model_refusal(typed.get("embedding.model", settings.embedding.model))
    else:
        return ""
    if not message:
        return ""
    return f'<p class="fn-wrong" role="alert">{escape_line(f"{message} {hint}")}</p>'


def _section(section: Section, words: str, sources: Mapping[str, Sourced], drafts: Drafts, more: str) -> str:
    fields = "".join(_field(each, sources[each.name], drafts) for each in section.fields)
    return (
        f'<section class="fn-sheet fn-set" aria-labelledby="fn-set-{section.name}">'
        f'<h2 id="fn-set-{section.name}">{section.title}</h2>'
        f'<p class="fn-lead">{escape_line(words)}</p>{fields}{more}</section>'
    )


def _field(each: Field, sourced: Sourced, drafts: Drafts) -> str:
    text = drafts.texts.get(each.name, text_of_value(sourced.value))
    identifier = f"fn-{each.name.replace('.', '-')}"
    problem = drafts.problems.get(each.name, "")
    if each.kind == "choice":
        control, label = _choices(each, text, sourced.locked), f'<p class="fn-label">{each.label}</p>'
    else:
        control = _model(text, sourced.locked) if each.kind == "model" else ""
        control = control or _input(each, identifier, text, sourced.locked, problem)
        label = f'<label class="fn-label" for="{identifier}">{each.label}</label>'
    wrong = ""
    if problem:
        wrong = f'<p class="fn-wrong" id="{identifier}-wrong" role="alert">{escape_line(problem)}</p>'
    return (
        f'<div class="fn-setting">{label}<div class="fn-value">{control}'
        f"{wrong}{_about(each, sourced, identifier, changed=each.name in drafts.texts)}</div></div>"
    )


def _about(each: Field, sourced: Sourced, identifier: str, *, changed: bool) -> str:
    """What a setting does, when it takes effect, its default, and what else has a say in it."""
    default = text_of_value(sourced.default)
    if each.kind in ("choice", "model", "switch"):
        names = {option.value: option.label for option in each.options or PROVIDER_OPTIONS}
        default = {"true": "on", "false": "off"}.get(default, names.get(default, default))
    words = [each.words, each.when, f"Default: {default or 'empty'}."]
    reset = ""
    if sourced.locked:
        words.append(f"Set {sourced.origin}, which counts more than this page: change it there.")
    elif sourced.saved or changed:
        reset = " " + button("Reset", "fn-link", {"act": "reset", "name": each.name}, title=each.label)
    elif sourced.origin:
        words.append(f"Set {sourced.origin}.")
    line = escape_line(" ".join(filter(None, words)))
    return f'<p class="fn-about" id="{identifier}-about">{line}{reset}</p>'


def _input(each: Field, identifier: str, text: str, locked: bool, problem: str) -> str:
    about = f"{identifier}-about" + (f" {identifier}-wrong" if problem else "")
    wrong = ' aria-invalid="true"' if problem else ""
    attributes = (
        f'id="{identifier}" data-set="{each.name}" aria-describedby="{about}"'
        f"{' disabled' if locked else ''}{wrong}"
    )
    if each.kind == "switch":
        return f'<input type="checkbox" {attributes}{" checked" if text == "true" else ""}>'
    # Not type="number": what cannot be a number would come as nothing, and could not be explained.
    mode = ' inputmode="decimal"' if each.kind == "number" else ""
    size = " fn-short" if each.kind == "number" else ""
    return (
        f'<input class="fn-field{size}" {attributes}{mode} value="{escape(text)}" '
        'spellcheck="false" autocomplete="off">'
    )


def _choices(each: Field, text: str, locked: bool) -> str:
    rows = []
    known = any(option.value == text for option in each.options)  # a file may say another number
    for option in each.options if known else (*each.options, Option(value=text, label=escape_line(text))):
        state = (" checked" if option.value == text else "") + (" disabled" if locked else "")
        words = f"<small>{escape_line(option.words)}</small>" if option.words else ""
        rows.append(
            f'<label class="fn-option"><input type="radio" name="fn-{each.name}" data-set="{each.name}" '
            f'value="{escape(option.value)}"{state}><span>{option.label}{words}</span></label>'
        )
    return f'<div class="fn-options" role="radiogroup" aria-label="{each.label}">{"".join(rows)}</div>'


def _model(text: str, locked: bool) -> str:
    """Provider and name of a language model, which are one setting."""
    provider, _, name = text.partition(":")
    options = list(PROVIDER_OPTIONS)
    known = {option.value for option in options}
    shown = [(option.value, option.label) for option in options]
    if provider not in known:
        shown.append((provider, provider))
    items = "".join(
        f'<option value="{escape(value)}"{" selected" if value == provider else ""}>'
        f"{escape_line(label)}</option>"
        for value, label in shown
    )
    state = " disabled" if locked else ""
    what = "Folder" if provider == "huggingface" else "Model"
    field = ""
    if provider:
        field = (
            f'<input class="fn-field" data-set="generation.model" data-part="name" value="{escape(name)}" '
            f'aria-label="{what}" placeholder="{what}" spellcheck="false" autocomplete="off"{state}>'
        )
    return (
        f'<div class="fn-pair"><select class="fn-field" id="fn-generation-model" '
        f'data-set="generation.model" data-part="provider"{state}>{items}</select>{field}</div>'
    )


def _answering(sources: Mapping[str, Sourced], drafts: Drafts, tried: Tried | None, refused: str) -> str:
    """The key that is needed, the buttons, and what became of the last test."""
    model = drafts.texts.get("generation.model", str(sources["generation.model"].value))
    provider = provider_named(model.partition(":")[0])
    key = ""
    if provider.key:
        held = "It is set." if key_is_set(provider) else "It is not set: set it, then start Footnote again."
        words = f"The key is read from the environment variable {provider.key}, and never stored. {held}"
        key = f'<p class="fn-about">{escape_line(words)}</p>'
    test = (
        button("Test", "fn-btn", {"act": "test", "typed": ""}, title="Ask the model for one word")
        if model and not refused
        else ""
    )
    return f"{key}{refused}{_buttons('answering', drafts, test, refused)}{_tried(tried)}"


def _tried(tried: Tried | None) -> str:
    if tried is None:
        return ""
    model = f"<bdi>{escape_line(tried.model)}</bdi>"
    if tried.state == "running":
        return f'<p class="fn-tried" data-say><span class="fn-pulse"></span>Testing {model}</p>'
    css, mark = ("fn-ok", "Ready") if tried.state == "ready" else ("fn-bad", "Failed")
    said = f"<pre>{escape(tried.verbatim)}</pre>" if tried.verbatim else ""
    return (
        f'<div class="fn-tried" data-say><p><span class="fn-st {css}">{mark}</span> {model}: '
        f"{escape_line(tried.words)}</p>{said}</div>"
    )


def _index(drafts: Drafts, section: Section, cost: Recutting | None, refused: str) -> str:
    if cost is None:
        return refused + _buttons(section.name, drafts, "", refused)
    words = (
        f"What is indexed stays as it is until it is read again. Reading all of it again:"
        f" {count(cost.documents, 'document')}, now {count(cost.passages, 'passage')}, then about"
        f" {cost.expected:,} to embed. Time: {time_words(cost.estimate)}, and what the reading takes."
    )
    again = (
        button("Save and re-index all", "fn-btn", {"act": "save-reindex", "typed": ""})
        if cost.documents
        else ""
    )
    buttons = _buttons(section.name, drafts, again, refused)
    return f'<p class="fn-notice">{escape_line(words)}</p>{refused}{buttons}'


def _buttons(section: str, drafts: Drafts, more: str, refused: str = "") -> str:
    """What to do with the drafts of a section; only what can be done, which saving a refused one cannot."""
    names = {each.name for each in next(one for one in SECTIONS if one.name == section).fields}
    if not names & drafts.texts.keys():
        return f'<div class="fn-choices">{more}</div>' if more else ""
    save = ""
    changed = names & drafts.texts.keys()
    contradicts = bool(refused) and not changed.isdisjoint(MODEL | EMBEDDING_MODEL)
    if not contradicts and not names & drafts.problems.keys():
        save = button("Save", "fn-btn fn-primary", {"act": "save", "section": section, "typed": ""})
    else:
        more = ""
    discard = button("Discard", "fn-btn", {"act": "discard", "section": section})
    return f'<div class="fn-choices">{save}{more}{discard}</div>'


def _leaving(settings: Settings, goes_to: Destination | None) -> str:
    """What leaves this computer with the settings as they are."""
    again = _leaving_again(settings)
    by_itself = "By itself nothing leaves" if again else "Nothing leaves"
    return f"{_leaving_as_set(settings, goes_to, by_itself)}{again}"


def _leaving_again(settings: Settings) -> str:
    """Where a question goes that is asked again of another model; "" where that is this computer."""
    generation = settings.generation
    others = [generation.with_model(name) for name in generation.other_models]
    leaving = [each for each in others if leaves_this_computer(each)]
    if settings.privacy.offline or not leaving:
        return ""
    places = ((model_words(each.model), destination(each)) for each in leaving)
    names = " or ".join(f"{name} ({to.address})" if to and to.address else name for name, to in places)
    return (
        f" A question that is asked again with {names} goes there, with what was asked before it and the"
        " passages found for it."
    )


def _leaving_as_set(settings: Settings, goes_to: Destination | None, nothing: str) -> str:
    model = settings.generation.model
    if settings.privacy.offline and leaves_this_computer(settings.generation):
        return f"{nothing} this computer: {model} is not asked while Footnote stays offline; quotes answer."
    if goes_to is None:
        return f"{nothing} this computer. Questions are answered here, from documents that stay here."
    if goes_to.on_this_computer:
        return f"{nothing} this computer: {goes_to.label} answers at {goes_to.address}, which is here too."
    place = goes_to.address or "its own address"
    return (
        f"Each question, what was asked before it, and the passages found for it go to"
        f" {goes_to.label} at {place} ({model}). Documents are indexed and searched here."
    )


def _history(drafts: Drafts) -> str:
    """What saving a shorter time deletes, before it does, and the buttons."""
    words = ""
    if "privacy.keep_days" in drafts.texts:
        gone = f"{count(drafts.going, 'conversation')} will be gone, for good, when you save this."
        none = "No conversation is that old: nothing is deleted when you save this."
        words = f'<p class="fn-notice">{escape_line(gone if drafts.going else none)}</p>'
    return f"{words}{_buttons('history', drafts, '')}"


def _delete_all(chats: bool) -> str:
    """The way to be rid of all conversations at once."""
    clear = ""
    if chats:
        words = (
            "All conversations and their answers will be gone, for good. Documents and noted test questions"
            " stay."
        )
        clear = (
            '<details class="fn-confirm"><summary class="fn-btn">Delete all conversations</summary>'
            f'<div class="fn-pop"><p>{words}</p>'
            f"{button('Delete all', 'fn-danger', {'act': 'delete-chats'})}</div></details>"
        )
    return f'<div class="fn-choices">{clear}</div>'


def _kept(settings: Settings) -> str:
    """Where everything is."""
    where = escape_line(str(settings.data))
    return (
        '<div class="fn-setting"><p class="fn-label">Kept in</p>'
        f'<div class="fn-value"><code><bdi>{where}</bdi></code><p class="fn-about">Index, conversations,'
        " copies of uploads, settings. Delete that folder and everything is gone.</p></div></div>"
    )
