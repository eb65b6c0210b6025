"""What a person thought of an answer, kept as test questions in ``feedback.jsonl`` in the data folder.

A line holds what the person typed and *where* the answer pointed: document, offsets and a hash of the
words, never the words. So a deleted document leaves none of its text here, and whether the same place is
cited again can still be told.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from index.errors import SourceError
from rag.answers import digest
from rag.private_file import replace_private_file
from rag.scoring import Cited, Outcome

FILE_NAME = "feedback.jsonl"

Opinion = Literal["helpful", "wrong_citation", "not_in_documents"]
OPINIONS: tuple[Opinion, ...] = get_args(Opinion)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A span that an answer cited: offsets into the text of ``document`` (a path) as it was then."""

    document: str
    start: int
    end: int
    sha256: str  # hex digest of the words, see ``rag.answers.digest``
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One opinion on the answer to one question.

    ``earlier`` are the person's own questions before it, oldest first, for one that leans on them.
    """

    question: str
    verdict: Opinion
    cited: tuple[Place, ...] = ()
    earlier: tuple[str, ...] = ()
    time: float = 0.0  # unix seconds

    @property
    def key(self) -> tuple[str, tuple[str, ...], Opinion]:
        """What makes two of them the same test question: how it was typed does not matter."""
        return _plain(self.question), tuple(map(_plain, self.earlier)), self.verdict


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def parsed_line(line: str) -> Any:
    """A line of JSON as what it stands for.

    Raises:
        ValueError: It is no JSON, or nested so deep that it cannot be read; the message says which.
    """
    try:
        return json.loads(line)
    except RecursionError as exc:
        raise ValueError("it is nested too deep") from exc


def is_feedback(row: object) -> bool:
    """Whether a parsed line of JSON means to be one of these."""
    return isinstance(row, dict) and "verdict" in row


def feedback_from(row: dict[str, Any]) -> Feedback:
    """A parsed line.

    Raises:
        ValueError: It is not in the form that :class:`FeedbackFile` writes; the message says where.
    """
    try:
        cited = tuple(
            Place(
                document=str(each["document"]),
                start=int(each["start"]),
                end=int(each["end"]),
                sha256=str(each["sha256"]),
                page=None if each.get("page") is None else int(each["page"]),
            )
            for each in row.get("cited") or ()
        )
        feedback = Feedback(
            question=str(row["question"]),
            verdict=row["verdict"],
            cited=cited,
            earlier=tuple(map(str, row.get("earlier") or ())),
            time=float(row.get("time") or 0.0),
        )
    except KeyError as exc:
        raise ValueError(f"the field {exc} is missing") from exc
    except (TypeError, AttributeError, OverflowError) as exc:
        raise ValueError(f"a field has the wrong form ({exc})") from exc
    if not feedback.question.strip():
        raise ValueError("the question is empty")
    if feedback.verdict not in OPINIONS:
        raise ValueError(f"the verdict is {feedback.verdict!r}, not one of {', '.join(OPINIONS)}")
    return feedback


class FeedbackFile:
    """All feedback of one data folder; safe to use from any thread of the one process that writes it."""

    def __init__(self, data: Path) -> None:
        """The file in ``data``, which need not exist yet."""
        self.path = data / FILE_NAME
        self._lock = threading.Lock()
        self._known: tuple[tuple[int, int], list[Feedback]] = ((0, 0), [])

    def entries(self) -> list[Feedback]:
        """Everything that was noted, oldest first.

        Raises:
            SourceError: The file cannot be read, or a line of it cannot be understood.
        """
        with self._lock:
            return list(self._entries())

    def add(self, feedback: Feedback) -> None:
        """Note an opinion; the same one on the same question again only adds the places it is about.

        Raises:
            SourceError: The file holds a line that cannot be understood; nothing is overwritten then.
            StorageError: The file cannot be written.
        """
        feedback = replace(feedback, time=feedback.time or time.time())
        with self._lock:
            entries = self._entries()
            at = _position(entries, feedback)
            if at is None:
                entries.append(feedback)
            else:
                known = entries[at].cited
                hashes = {place.sha256 for place in known}
                more = tuple(place for place in feedback.cited if place.sha256 not in hashes)
                entries[at] = replace(entries[at], cited=(*known, *more), time=feedback.time)
            self._write(entries)

    def withdraw(self, feedback: Feedback) -> None:
        """Take an opinion back; of a wrong citation, only the places that are named here.

        Raises:
            SourceError, StorageError: As for :meth:`add`.
        """
        with self._lock:
            entries = self._entries()
            at = _position(entries, feedback)
            if at is None:
                return
            hashes = {place.sha256 for place in feedback.cited}
            kept = tuple(place for place in entries[at].cited if place.sha256 not in hashes)
            if kept and feedback.verdict == "wrong_citation":
                entries[at] = replace(entries[at], cited=kept)
            else:
                del entries[at]
            self._write(entries)

    def _entries(self) -> list[Feedback]:
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._known[0]:
                self._known = stamp, self._read()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as exc:
            raise SourceError(
                f"{self.path} cannot be read: {exc}", hint="Correct or remove that file."
            ) from exc
        return list(self._known[1])

    def _read(self) -> list[Feedback]:
        entries: list[Feedback] = []
        for number, line in enumerate(self.path.read_text(encoding="utf-8-sig").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                entries.append(feedback_from(parsed_line(line)))
            except ValueError as exc:  # of the JSON too
                raise SourceError(
                    f"{self.path}, line {number}: {exc}.", hint="Correct or remove that line."
                ) from exc
        return entries

    def _write(self, entries: Sequence[Feedback]) -> None:
        # ASCII only: a path need not be Unicode.
        replace_private_file(self.path, (json.dumps(asdict(entry)) + "\n" for entry in entries))


def _position(entries: Sequence[Feedback], feedback: Feedback) -> int | None:
    return next((at for at, known in enumerate(entries) if known.key == feedback.key), None)


# -- as test questions -----------------------------------------------------------------------------


def judge_feedback(
    feedback: Feedback, outcome: Outcome, text_of: Callable[[str], Collection[str]]
) -> tuple[bool, str]:
    """Whether the pipeline now does what the person wanted, and in one word why not.

    A wrong citation is right once none of the places is cited any more, a question whose answer is not
    in the documents once it is refused, a helpful answer as long as one is given from the same document.

    Args:
        feedback: The opinion.
        outcome: What the pipeline makes of the question now.
        text_of: The texts that are indexed under a path now.
    """
    if outcome.failed:
        return False, "failed"
    match feedback.verdict:
        case "not_in_documents":
            return (True, "ok") if outcome.refused else (False, "wrongly_answered")
        case "wrong_citation":
            wrong = any(_cites(outcome.cited, place, text_of(place.document)) for place in feedback.cited)
            return (False, "wrong_sentence") if wrong else (True, "ok")
        case "helpful":
            if outcome.refused:
                read = outcome.read & {place.document for place in feedback.cited}
                return False, "wrongly_refused" if read else "not_found"
            same = any(
                each.document == place.document or digest(each.quote) == place.sha256
                for each in outcome.cited
                for place in feedback.cited
            )
            return (True, "ok") if same or not feedback.cited else (False, "wrong_sentence")


def _cites(cited: Sequence[Cited], place: Place, texts: Collection[str]) -> bool:
    """Whether one of the citations shows the words of the place, or a part of them."""
    if any(digest(each.quote) == place.sha256 for each in cited):
        return True  # there, elsewhere in a newer text, or in a copy of the file
    # Offsets mean something only while the words still stand there.
    if not any(digest(text[place.start : place.end]) == place.sha256 for text in texts):
        return False
    return any(
        each.document == place.document and each.start < place.end and place.start < each.end
        for each in cited
    )
