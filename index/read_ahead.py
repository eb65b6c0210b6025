"""Files are read, and cut into passages, by a thread while those before them are embedded and stored.

Only this is done ahead: whatever is decided, embedded, stored or told stays with the run. What waits is
bounded by its passages, so that memory does not grow when reading is the quicker of the two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Condition, Event
from types import TracebackType
from typing import Self

from index.batch import BATCH_PASSAGES, PAUSE_SECONDS, Run
from index.decisions import Decision
from index.errors import DocumentError
from index.parsing import Parser
from index.passages import ReadFile, cut, read_file
from index.recognition import RecognitionStopped, recognition_of

MOST_PASSAGES = BATCH_PASSAGES  # that wait, and one file more: the next batch
MOST_FILES = 64  # to be read that are known at a time; small files make a batch of about as many
_LACKING = ("unreadable", "changed_while_reading")  # the bytes themselves could not be had


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A file that could not be read: why, and its hash and size in bytes as far as they are known."""

    decision: Decision
    content_hash: str | None
    size: int
    error: DocumentError


Carried = Decision | ReadFile | UnreadFile


class ReadAhead:
    """Reads files for a run. Leaving the ``with`` block ends what is still being read.

    The parser belongs to the thread until then.
    """

    def __init__(self, run: Run, parser: Parser) -> None:
        self._run = run
        self._parser = parser
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._room = Condition()
        self._waiting = 0  # passages that were read and not yet taken
        self._closed = False
        self._current = ""  # what is being read, for people
        self._idle = Event()  # nothing is being read
        self._idle.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._room:
            self._closed = True
            self._room.notify()
        # What is being read is not wanted any more, and may be minutes away. Again: its child may just start.
        while not self._idle.wait(PAUSE_SECONDS):
            self._parser.interrupt()
        self._thread.shutdown(cancel_futures=True)

    def results(self, decisions: Iterable[Decision]) -> Iterator[Carried]:
        """Decisions in their order, those to read as what was read; ends early when the run is cancelled.

        Behind the first that is to be read, as many as :data:`MOST_FILES` are asked for before it is given.
        """
        known: deque[Decision | Future[Carried]] = deque()
        for decision in decisions:
            if decision.action == "read":
                self._run.at_hand.note(decision.target, "queued")
                known.append(self._thread.submit(self._read, decision))
            elif known:
                known.append(decision)
            else:
                yield decision
            if len(known) > MOST_FILES:
                item = self._taken(known.popleft())
                if item is None:
                    return
                yield item
        while known and (item := self._taken(known.popleft())) is not None:
            yield item

    def _taken(self, item: Decision | Future[Carried]) -> Carried | None:
        """What became of a decision; None when the run is cancelled."""
        if isinstance(item, Decision):
            return item
        told = ""
        while not self._run.cancelled() and not wait([item], timeout=PAUSE_SECONDS).done:
            self._run.flush_if_due()  # what is ready does not wait for a file that takes long
            if self._current != told:
                told = self._current
                self._run.tell("reading", told)
        if not item.done() or self._run.cancelled():
            return None
        found = item.result()
        if isinstance(found, ReadFile):
            with self._room:
                self._waiting -= len(found.passages.chunks)
                self._room.notify()
        return found

    # in the thread

    def _read(self, decision: Decision) -> Carried:
        with self._room:
            self._room.wait_for(lambda: self._waiting < MOST_PASSAGES or self._closed)
            if self._closed:
                raise RecognitionStopped
            self._idle.clear()
        try:
            if self._halted():
                raise RecognitionStopped
            found = self._read_now(decision)
            if isinstance(found, UnreadFile):  # it may wait long to be told, behind those before it
                self._run.at_hand.finish(decision.target.collection, decision.target.path)
            return found
        finally:
            self._idle.set()

    def _read_now(self, decision: Decision) -> Carried:
        options = self._run.options
        name = decision.target.name
        self._note(name)
        self._run.at_hand.note(decision.target, "reading")
        recognition = recognition_of(options.recogniser, name, tell=self._note, cancelled=self._halted)
        try:
            parsed = read_file(self._parser, decision, recognition)
        except DocumentError as exc:
            # What could not be had any more was not read: what was read last stays.
            content_hash = None if exc.problem in _LACKING else decision.content_hash
            return UnreadFile(decision, content_hash, decision.size, exc)
        try:
            passages = cut(parsed.document, self._run.embedder, options.limits)
        except DocumentError as exc:
            return UnreadFile(decision, parsed.content_hash, parsed.size, exc)
        with self._room:
            self._waiting += len(passages.chunks)
        self._run.at_hand.note(decision.target, "embedding", passages=len(passages.chunks))
        return ReadFile(decision, parsed, passages)

    def _note(self, current: str) -> None:
        self._current = current

    def _halted(self) -> bool:
        """Whether nobody wants the rest; waits while the run is paused."""
        while not self._closed and not self._run.going.wait(PAUSE_SECONDS):
            pass
        return self._closed
