"""The settings as the page changes them: saved, applied where that goes without a restart, and tried out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from index.errors import FootnoteError
from rag.offline import refuse_leaving
from rag.settings_file import (
    Sourced,
    check_settings,
    save_settings,
    setting_value,
    sourced_settings,
)
from ui.render import explain

if TYPE_CHECKING:
    from rag.settings import GenerationSettings, Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of the last test of a language model. ``verbatim`` is what its own client said."""

    model: str
    state: Literal["running", "ready", "failed"]
    words: str = ""
    verbatim: str = ""


class Preferences:
    """The settings of one data folder while the page is open; safe to use from any thread."""

    def __init__(self, settings: Settings, *, apply: Callable[[Settings, Settings], None]) -> None:
        """Begin with the settings that the server was started with.

        Args:
            settings: What they say other than the files and the environment was said on the command line.
            apply: Called with the settings before and after a change, one change at a time.
        """
        self.settings = settings
        self.tried: Tried | None = None
        self._apply = apply
        self._lock = threading.Lock()
        self._overrides = _said_at_the_start(settings)
        self.sources: Mapping[str, Sourced] = sourced_settings(self._overrides)

    def check(self, changes: Mapping[str, object]) -> Settings:
        """The settings with these changes, see ``rag.settings_file.check_settings``; nothing is saved.

        Raises:
            SettingsError: They cannot be made.
        """
        return check_settings(changes, self._overrides)

    def renew(self) -> None:
        """Take over what was changed outside this page, in the files or by another process.

        Raises:
            SettingsError: A file cannot be used.
        """
        with self._lock:
            self.settings = check_settings({}, self._overrides)
            self.sources = sourced_settings(self._overrides)

    def save(self, changes: Mapping[str, object]) -> None:
        """Save the changes and apply them.

        Raises:
            SettingsError: They cannot be made, or contradict the offline switch; none of them is, then.
            StorageError: The file cannot be written.
        """
        with self._lock:
            refuse_leaving(check_settings(changes, self._overrides), changes.keys())
            before, self.settings = self.settings, save_settings(changes, self._overrides)
            self.sources = sourced_settings(self._overrides)
            self._apply(before, self.settings)

    def try_model(self, settings: GenerationSettings, *, offline: bool = False) -> None:
        """Ask the language model of these settings for a word, in the background; see ``tried``."""
        if self.tried is not None and self.tried.state == "running":
            return
        self.tried = Tried(model=settings.model, state="running")
        threading.Thread(target=self._try, args=(settings, offline), name="try-model", daemon=True).start()

    def _try(self, settings: GenerationSettings, offline: bool) -> None:
        from rag.llm import try_model

        try:
            trial = try_model(settings, offline=offline)
        except FootnoteError as exc:
            verbatim = "" if exc.__cause__ is None else f"{type(exc.__cause__).__name__}: {exc.__cause__}"
            self.tried = Tried(model=settings.model, state="failed", words=explain(exc), verbatim=verbatim)
        except Exception as exc:
            # The page would wait for ever; the person sees the words, the log the place.
            logger.exception("the test of a language model broke off")
            verbatim = f"{type(exc).__name__}: {exc}"
            words = "The test broke off. The log in the data folder says where."
            self.tried = Tried(model=settings.model, state="failed", words=words, verbatim=verbatim)
        else:
            words = f"First word after {trial.first_seconds:.2f} s, done after {trial.seconds:.2f} s."
            self.tried = Tried(
                model=settings.model, state="ready", words=words, verbatim=" ".join(trial.text.split())[:200]
            )


def _said_at_the_start(settings: Settings) -> dict[str, object]:
    said: dict[str, object] = {"data": settings.data}
    for name, sourced in sourced_settings(said).items():
        value = setting_value(settings, tuple(name.split(".")))
        if value != sourced.value:
            said[name] = value
    return said
