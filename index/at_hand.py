"""The files that a run has at hand: those that are read, those that are embedded, and the next ones."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from itertools import chain, islice

from index.passages import ReadFile
from index.report import FileAtHand, FileStage
from index.survey import Target

# They are told with every step of a run, so they must be few.
MOST_LISTED = 6
_MOST_EMBEDDED = 3  # of them; the others are the one that is read, and the next ones

_Key = tuple[str, str]  # collection, path


class FilesAtHand:
    """Kept by the run and by the thread that reads for it; safe to use from both.

    It lives as long as the run, and nothing of it is stored with a document: what a run that broke off
    leaves behind is never "reading".
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[_Key, FileAtHand] = {}  # in the order in which the run came to them

    def note(self, target: Target, stage: FileStage, *, passages: int = 0) -> None:
        """A file came to a stage; once it was read, it is known how many passages are to be embedded."""
        self._set((target.collection, target.path), stage, 0, passages)

    def embedded(self, items: Sequence[ReadFile], lacking: Sequence[int]) -> None:
        """Of each of these files, so many passages are still to be embedded."""
        for item, left in zip(items, lacking, strict=True):
            target, passages = item.decision.target, len(item.passages.chunks)
            self._set((target.collection, target.path), "embedding", passages - left, passages)

    def finish(self, collection: str, path: str) -> None:
        """What became of a file is decided."""
        with self._lock:
            self._files.pop((collection, path), None)

    def clear(self) -> None:
        """The run is over."""
        with self._lock:
            self._files.clear()

    def listed(self) -> tuple[FileAtHand, ...]:
        """At most :data:`MOST_LISTED` of them: what is embedded, what is read, and what comes next."""
        with self._lock:
            files = list(self._files.values())
        embedded = [file for file in files if file.stage == "embedding"]
        # Of a batch of small files, most wait for the others; the one that takes time is not hidden by them.
        embedded.sort(key=lambda file: file.passages_done == file.passages_total)
        inside = (file for file in files if file.stage == "reading")
        queued = (file for file in files if file.stage == "queued")
        return tuple(islice(chain(embedded[:_MOST_EMBEDDED], inside, queued), MOST_LISTED))

    def _set(self, key: _Key, stage: FileStage, done: int, total: int) -> None:
        collection, path = key
        file = FileAtHand(
            path=path, collection=collection, stage=stage, passages_done=done, passages_total=total
        )
        with self._lock:
            self._files[key] = file


class Lacking:
    """How many passages of each file of a batch are still to be embedded. A text that stands in several of
    them is embedded once, for all.
    """

    def __init__(self, items: Sequence[ReadFile], missing: Sequence[bytes]) -> None:
        self._files: dict[bytes, list[int]] = {text_hash: [] for text_hash in missing}
        for number, item in enumerate(items):
            for text_hash in item.passages.text_hashes:
                if text_hash in self._files:
                    self._files[text_hash].append(number)
        self._left = Counter(number for files in self._files.values() for number in files)
        self._numbers = range(len(items))

    def take(self, text_hashes: Sequence[bytes]) -> None:
        """These were embedded."""
        for text_hash in text_hashes:
            self._left.subtract(self._files[text_hash])

    def counts(self) -> list[int]:
        """By file, in the order of the batch."""
        return [self._left[number] for number in self._numbers]
