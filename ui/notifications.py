"""Waiting for the notifications of one folder: what may have changed there, and when some were missed."""

from __future__ import annotations

import logging
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from index.watched import WatchedFolder

if TYPE_CHECKING:
    from rag.settings import WatchSettings

logger = logging.getLogger(__name__)

AWAY_SECONDS = 1.0  # between two looks whether a folder is there again
_BEAT_SECONDS = 0.5  # between two looks whether it still is

WatchState = Literal["starting", "watching", "away"]


class Notifications(threading.Thread):
    """Waits for the notifications of one folder, for as long as it is there; and for it to come back."""

    def __init__(
        self,
        folder: WatchedFolder,
        settings: WatchSettings,
        *,
        changed: Callable[[WatchedFolder, set[Path]], None],
        missed: Callable[[WatchedFolder], None],
    ) -> None:
        """Watch ``folder`` once started.

        Args:
            folder: The folder.
            settings: How to watch.
            changed: Called with paths that may have changed.
            missed: Called when changes may have been missed: at the start, and whenever watching goes on.
        """
        super().__init__(name="watch-folder", daemon=True)
        self.state: WatchState = "starting"
        self._folder = folder
        self._root = Path(folder.path)
        self._changed = changed
        self._missed = missed
        self._polling = settings.polling or None  # None: WATCHFILES_FORCE_POLLING decides
        self._poll_ms = round(settings.poll_seconds * 1000)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End the thread; waits for it."""
        self._stopping.set()
        if self.ident is not None:
            self.join(timeout=5)

    def run(self) -> None:
        while not self._stopping.is_set():
            mark = _identity(self._root)
            if mark is None:
                self.state = "away"
                self._stopping.wait(AWAY_SECONDS)
                continue
            self.state = "starting"
            try:
                self._watch(mark)
            except FileNotFoundError:
                continue  # it vanished in this moment
            except (OSError, RuntimeError) as exc:  # RuntimeError: from the library's core
                if not self._begun() and not self._polling:
                    # Most often there are more folders in it than the system's limit on notifications.
                    logger.warning("no notifications from a watched folder, so it is polled: %s", exc)
                    self._polling = True
                else:
                    # For example a name that is not UTF-8, which the library cannot tell.
                    logger.info("watching a folder begins again: %s", exc)
                    self._stopping.wait(AWAY_SECONDS)

    def _begun(self) -> bool:
        return self.state == "watching"

    def _watch(self, mark: tuple[int, int]) -> None:
        """Pass notifications on until the folder is not the one any more that it was."""
        from watchfiles import Change, watch

        # The system names what changed by the real path of the folder, a person by the one they typed.
        real = self._root.resolve(strict=True)
        heard = watch(
            real,
            watch_filter=None,
            debounce=400,
            step=50,
            rust_timeout=round(_BEAT_SECONDS * 1000),
            yield_on_timeout=True,
            stop_event=self._stopping,
            raise_interrupt=False,
            force_polling=self._polling,
            poll_delay_ms=self._poll_ms,
            ignore_permission_denied=True,
        )
        with closing(heard):
            for changes in heard:
                if not self._begun():
                    # Only now, so that nothing falls between looking through the folder and watching it.
                    self.state = "watching"
                    self._missed(self._folder)
                paths = {
                    Path(path)
                    for change, path in changes
                    # Whatever changed in a folder has a notification of its own.
                    if change is not Change.modified or not _is_folder(Path(path))
                }
                inside = {self._root / path.relative_to(real) for path in paths if path.is_relative_to(real)}
                if inside - {self._root}:
                    self._changed(self._folder, inside - {self._root})
                if self._root in inside or _identity(self._root) != mark:
                    return


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a folder from another one under its name; None when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _is_folder(path: Path) -> bool:
    return _identity(path) is not None
