"""Asking the noted questions again in the background: how far it is, and how it ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from index.errors import FootnoteError
from rag.examination import Options
from rag.own_evaluation import run_own_questions
from rag.runs import new_run
from ui.render import explain

if TYPE_CHECKING:
    from index.store import Store
    from rag.ask import Assistant
    from rag.feedback import FeedbackFile
    from rag.settings import Settings

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A run on its way, or why the last one did not come to its end."""

    running: bool
    done: int = 0
    total: int = 0
    cancelling: bool = False
    problem: str = ""


class _CancelledError(Exception):
    """Ends a run between two questions."""


class Measuring:
    """Runs the noted questions through the assistant of the page, one run at a time."""

    def __init__(
        self,
        *,
        store: Store,
        feedback: FeedbackFile,
        assistant: Callable[[], Future[Assistant]],
        settings: Callable[[], Settings],
    ) -> None:
        """Take what a run needs; the assistant and the settings are those at its beginning."""
        self._store = store
        self._feedback = feedback
        self._assistant = assistant
        self._settings = settings
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.state = Measurement(running=False)

    def start(self) -> None:
        """Begin a run, unless there is one."""
        with self._lock:
            if self.state.running:
                return
            self.state = Measurement(running=True)
            self._thread = threading.Thread(target=self._run, name="measure", daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        """End the run after the question at hand; nothing is kept of it."""
        with self._lock:
            if self.state.running:
                self.state = replace(self.state, cancelling=True)

    def close(self) -> None:
        """Cancel, and wait for the end."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        problem = ""
        try:
            assistant, settings = self._wait(), self._settings()
            with new_run(settings.data) as out:
                run_own_questions(
                    self._feedback.path,
                    out,
                    settings=settings,
                    store=self._store,
                    assistant=assistant,
                    options=Options(words=False),
                    tell=self._tell,
                )
        except _CancelledError:
            logger.info("a run over the noted questions was cancelled")
        except FootnoteError as exc:
            problem = explain(exc)
        except Exception:
            # The page would show a run for ever.
            logger.exception("a run over the noted questions broke off")
            problem = "The run broke off. The log in the data folder says why."
        with self._lock:
            self.state = Measurement(running=False, problem=problem)

    def _wait(self) -> Assistant:
        """The assistant, which may still be loading."""
        while True:
            self._tell("", 0, 0)
            try:
                return self._assistant().result(timeout=_LOOK_SECONDS)
            except TimeoutError:
                continue

    def _tell(self, _stage: str, done: int, total: int) -> None:
        with self._lock:
            if self.state.cancelling:
                raise _CancelledError
            self.state = replace(self.state, done=done, total=total)
