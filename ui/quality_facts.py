"""What the Quality view shows of the files of a data folder, read again only when they have changed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from index.errors import FootnoteError
from rag.feedback import Feedback, FeedbackFile
from rag.runs import FOLDER, Case, Run, failing_cases, stored_runs
from ui.chats import Chats
from ui.render import explain

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cited:
    """What the stored answers cite."""

    answered: frozenset[int]  # positions of the answers
    by_answer: Mapping[int, frozenset[str]]  # ids of documents
    counts: Mapping[str, int]


class QualityFacts:
    """Noted questions, runs and citations, as of now; every open tab asks once a second."""

    def __init__(self, data: Path, feedback: FeedbackFile, chats: Chats) -> None:
        self._data = data
        self._feedback = feedback
        self._chats = chats
        self._runs: tuple[int, list[Run]] = (-1, [])
        self._cases: tuple[str, list[Case]] = ("", [])
        self._cited = _Cited(answered=frozenset(), by_answer={}, counts={})
        self.problem = ""  # why the noted questions cannot be read

    def entries(self) -> list[Feedback]:
        """Noted questions, oldest first; none, and a ``problem``, when they cannot be read."""
        try:
            entries = self._feedback.entries()
        except FootnoteError as exc:
            self.problem = explain(exc)
            return []
        self.problem = ""
        return entries

    def runs(self) -> list[Run]:
        """The newest first."""
        try:
            stamp = (self._data / FOLDER).stat().st_mtime_ns
        except OSError:
            return []
        if stamp != self._runs[0]:
            self._runs = stamp, stored_runs(self._data)
        return self._runs[1]

    def cases(self) -> list[Case]:
        """What went wrong in the newest run."""
        runs = self.runs()
        if not runs:
            return []
        if runs[0].name != self._cases[0]:
            try:
                self._cases = runs[0].name, failing_cases(runs[0])
            except FootnoteError as exc:
                logger.warning("the cases of a run could not be read: %s", type(exc).__name__)
                self._cases = runs[0].name, []
        return self._cases[1]

    def cited(self) -> Mapping[str, int]:
        """How many stored answers cite a document, by its id."""
        answered = self._chats.answered()
        known = self._cited
        if answered is not known.answered:
            # Only what is new is read: with many people there is a new answer every second.
            by_answer = {at: cited for at, cited in known.by_answer.items() if at in answered}
            by_answer |= self._chats.cited_documents(answered - by_answer.keys())
            counts = Counter(document for cited in by_answer.values() for document in cited)
            known = self._cited = _Cited(answered=answered, by_answer=by_answer, counts=counts)
        return known.counts
