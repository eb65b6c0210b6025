"""What happens in the Settings view: typing, saving, resetting, testing a model, deleting conversations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from index.errors import FootnoteError
from ui.around import Around
from ui.desk import Desk
from ui.render import count, explain
from ui.settings_fields import FIELDS, SECTIONS, Section
from ui.settings_view import Drafts, text_of_value
from ui.tab import Components, Update, View, entries_of, event_data, text_of

_MODEL = "generation.model"
_KEEP = "privacy.keep_days"


class SettingsPage:
    """Handlers of the Settings view."""

    def __init__(self, desk: Desk, components: Components, around: Around) -> None:
        self.desk = desk
        self.components = components
        self.around = around

    def action(self, view: View, event: gr.EventData) -> Update:
        """A click or an entry in the Settings view."""
        data = event_data(event)
        view.drafts.notice = ""
        try:
            self._carry_out(view, data)
        except FootnoteError as exc:
            view.drafts.notice = explain(exc)
        view.drafts.going = self._going(view.drafts)
        if view.chat_id and self.desk.chats.chat(view.chat_id) is None:
            view.chat_id, view.selection = "", None  # it was deleted
        return self.around.changes(view) or {self.components.side: gr.skip()}

    def _carry_out(self, view: View, data: Mapping[str, Any]) -> None:
        drafts, name = view.drafts, text_of(data, "name", 64)
        for each in entries_of(data):
            entered = text_of(each, "name", 64)
            if entered in FIELDS and FIELDS[entered][0].staged:
                self._set(drafts, entered, self._typed(drafts, entered, each))
        match text_of(data, "act", 20):
            case "set" if name in FIELDS:
                self._set(drafts, name, self._typed(drafts, name, data))
            case "reset" if name in FIELDS:
                drafts.drop(name)
                if self.desk.preferences.sources[name].saved:
                    self.desk.preferences.save({name: None})
                    drafts.notice = f"{FIELDS[name][1].label}: as it was set before, or by default."
            case "save" | "save-reindex" | "discard" as act:
                finished = "index" if act == "save-reindex" else text_of(data, "section", 20)
                for section in SECTIONS:
                    if section.name == finished:
                        self._finish(drafts, section, act)
            case "test":
                changes = _drafted(drafts, next(each for each in SECTIONS if each.name == "answering"))
                wanted = self.desk.preferences.check(changes)
                self.desk.preferences.try_model(wanted.generation, offline=wanted.privacy.offline)
            case "delete-chats":
                number = self.desk.delete_conversations()
                drafts.notice = f"{number:,} deleted."

    def _typed(self, drafts: Drafts, name: str, data: Mapping[str, Any]) -> str:
        """What the setting would be, in words; the two fields of a model make one."""
        value = text_of(data, "value", 500).strip()
        if name != _MODEL:
            return value
        saved = str(self.desk.preferences.sources[_MODEL].value)
        current = drafts.texts.get(_MODEL, saved)
        provider = current.partition(":")[0]
        if text_of(data, "part", 10) == "provider":
            # Another provider has other models; going back to the saved one brings its model back.
            kept = {saved.partition(":")[0]: saved, provider: current}
            return kept.get(value, f"{value}:" if value else "")
        return f"{provider}:{value}" if provider else ""

    def _set(self, drafts: Drafts, name: str, value: str) -> None:
        section, _ = FIELDS[name]
        preferences = self.desk.preferences
        drafts.drop(name)
        if value == text_of_value(preferences.sources[name].value):
            return
        drafts.texts[name] = value
        if name == _MODEL and value.endswith(":"):
            drafts.problems[name] = "Name the model too, for example llama3.1; or choose Built-in."
            return
        try:
            if section.staged:
                preferences.check({name: value})
            else:
                preferences.save({name: value})
                drafts.drop(name)
        except FootnoteError as exc:
            drafts.problems[name] = explain(exc)

    def _going(self, drafts: Drafts) -> int:
        """How many conversations what was typed would delete."""
        if _KEEP not in drafts.texts or _KEEP in drafts.problems:
            return 0
        wanted = self.desk.preferences.check({_KEEP: drafts.texts[_KEEP]})
        return self.desk.retention.would_delete(wanted.privacy.keep_days)

    def _finish(self, drafts: Drafts, section: Section, act: str) -> None:
        """Save or forget what was typed in a section."""
        changes = _drafted(drafts, section)
        if act != "discard":
            going = self._going(drafts)
            self.desk.preferences.save(changes)
            drafts.notice = f"Saved. {count(going, 'conversation')} deleted." if going else "Saved."
        for name in changes:
            drafts.drop(name)
        if act == "save-reindex":
            self.desk.reindex_all()
            drafts.notice = "Saved. Every document is read again; see Documents."


def _drafted(drafts: Drafts, section: Section) -> dict[str, object]:
    return {each.name: drafts.texts[each.name] for each in section.fields if each.name in drafts.texts}
