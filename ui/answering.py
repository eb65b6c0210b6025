"""The assistant that answers on the page: loaded behind it, and replaced when settings or index ask so."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from index.errors import FootnoteError
from ui.models import ModelFollower
from ui.render import explain

if TYPE_CHECKING:
    from index.embeddings import Embedder
    from index.store import Store
    from rag.ask import Assistant
    from rag.settings import Settings
    from ui.preferences import Preferences

logger = logging.getLogger(__name__)

_CLOSE_SECONDS = 10.0  # for what is being loaded


class Answering:
    """Holds the assistant of one data folder. Safe to use from several threads."""

    def __init__(
        self,
        preferences: Preferences,
        store: Store,
        *,
        load_embedder: Callable[[Settings], Embedder] | None = None,
    ) -> None:
        """Load nothing yet.

        Args:
            preferences: Whose settings count, as they are when something is loaded.
            store: What is asked.
            load_embedder: Loads the embedding model of some settings, by default as ``rag.build`` does.
        """
        self.assistant: Future[Assistant] = Future()
        self.models = ModelFollower(preferences.settings, load=load_embedder)
        self._preferences = preferences
        self._store = store
        self._tell: Callable[[Future[Assistant]], None] = lambda _assistant: None
        self._loading = threading.Lock()
        self._threads: list[threading.Thread] = []

    def followed_by(self, tell: Callable[[Future[Assistant]], None]) -> None:
        """Have every assistant that takes the place of another told to ``tell``."""
        self._tell = tell

    def close(self) -> None:
        """Wait for what is being loaded."""
        for thread in self._threads:
            thread.join(timeout=_CLOSE_SECONDS)

    @property
    def ready(self) -> Assistant | None:
        """The assistant, None while it is loading or could not be loaded."""
        done = self.assistant.done() and self.assistant.exception() is None
        return self.assistant.result() if done else None

    @property
    def problem(self) -> str:
        """Why nothing can answer, "" while all is well or still loading."""
        if not self.assistant.done():
            return ""
        error = self.assistant.exception()
        if error is None:
            return ""
        return (
            explain(error)
            if isinstance(error, FootnoteError)
            else "The answering model did not load; see the log"
        )

    def renew(self) -> None:
        """:meth:`load` in the background."""
        thread = threading.Thread(target=self.load, name="load-assistant", daemon=True)
        thread.start()
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]

    def load(self) -> None:
        """Make the assistant of the settings as they are now, from the loaded models if there are some."""
        from rag.build import build_assistant

        with self._loading:  # whoever comes last sees the newest settings
            started = time.perf_counter()
            settings, before = self._preferences.settings, self.ready
            coming: Future[Assistant] = Future() if self.assistant.done() else self.assistant
            try:
                embedder = self.models.choose(settings, self._store, before.embedder if before else None)
                assistant = build_assistant(
                    settings, self._store, embedder, before.reader if before else None
                )
            except FootnoteError as exc:
                logger.warning("the assistant could not be loaded: %s", exc)
                coming.set_exception(exc)
            except Exception as exc:
                # Questions that wait for the assistant must hear of any failure.
                logger.exception("the assistant could not be loaded")
                coming.set_exception(exc)
            else:
                logger.info("assistant ready after %.1f s", time.perf_counter() - started)
                coming.set_result(assistant)
            self.assistant = coming
            self._tell(coming)
            if before is not None:
                before.retire()

    def follow_index(self) -> None:
        """When the index was embedded anew, here or by another process, load the model that it needs now."""
        assistant = self.ready
        if assistant is not None and self.models.has_moved(self._store, assistant.embedder):
            logger.info("the index was made anew with another embedding model")
            try:
                self._preferences.renew()  # it may have been set by that process, too
            except FootnoteError as exc:
                logger.warning("the settings could not be read anew: %s", exc)
            self.renew()
