"""Indexing in a process of its own, so that questions stay quick: the client, and the worker behind it.

The client keeps the queue and gives one warm worker one request at a time, as a line of JSON. The
worker answers with a line when the job began and another when it ended; everything a person sees of
a job goes through ``index.jobs``. The worker ends when its standard input closes, so it never
outlives the process that started it, however that one ended.

Requests are described in ``ui.indexing``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from queue import Empty, Queue, SimpleQueue
from typing import TYPE_CHECKING

from index.errors import FootnoteError
from index.report import never
from ui.indexing import Indexer, Request, label
from ui.job_runs import run_job
from ui.planning import LISTED_ON_PAGE, PlanSummary, summarize, summary_from_json, summary_json
from ui.render import explain

if TYPE_CHECKING:
    from index.jobs import Jobs

logger = logging.getLogger(__name__)

IDLE_SECONDS = 600.0
CLOSE_SECONDS = 10.0  # for the file at hand; then the worker ends anyway, which loses nothing published
NICENESS = 10
_TURN_SECONDS = 0.2


# -- the client, in the server ---------------------------------------------------------------------


class IndexerClient:
    """Runs indexing requests one after the other in a worker process, which it starts when needed.

    A worker that dies fails the job it was at, and the next request starts another worker.
    """

    def __init__(
        self,
        data: Path,
        *,
        command: Sequence[str] | None = None,
        idle_seconds: float = IDLE_SECONDS,
        keep_warm: Callable[[], bool] = never,
        tell_problem: Callable[[str], None] = lambda _problem: None,
    ) -> None:
        """Start nothing yet.

        Args:
            data: The data folder.
            command: What starts the worker.
            idle_seconds: After which an idle worker is let go, with the memory that it holds.
            keep_warm: Whether it stays all the same, because the next request must be done at once.
            tell_problem: Called with why a request could not become a job, as on a full disk; with "" when
                the next one could.
        """
        self.planned: PlanSummary | None = None  # by the last request for a plan
        self._data = data
        self._command = list(command or (sys.executable, "-P", "-m", "ui.indexer", "--data", str(data)))
        self._idle_seconds = idle_seconds
        self._keep_warm = keep_warm
        self._tell_problem = tell_problem
        self._requests: Queue[Request | None] = Queue()
        self._worker: subprocess.Popen[str] | None = None
        self._closed = False
        self._unfinished = 0
        self._counting = threading.Lock()
        self._thread = threading.Thread(target=self._feed, name="indexer-client", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """How many requests are not done yet, the one that runs included."""
        return self._unfinished

    def submit(self, request: Request) -> None:
        """Queue a request (see ``ui.indexing``); returns at once."""
        self._count(1)
        self._requests.put(request)

    def close(self) -> None:
        """Forget what waits, let the worker finish the file it is at, and end it."""
        self._closed = True
        self._requests.put(None)
        worker = self._worker
        if worker is not None:
            _hang_up(worker)
        self._thread.join(CLOSE_SECONDS + 5)

    def _feed(self) -> None:
        while not self._closed:
            try:
                request = self._requests.get(timeout=self._idle_seconds)
            except Empty:
                if not self._keep_warm():
                    self._release()
                continue
            if request is not None and not self._closed:
                try:
                    self._run(request)
                except FootnoteError as exc:
                    logger.exception("the outcome of an indexing job could not be recorded")
                    self._tell_problem(explain(exc))
                finally:
                    self._count(-1)
        self._release()

    def _count(self, change: int) -> None:
        with self._counting:
            self._unfinished += change

    def _release(self) -> int | None:
        """Let the worker go, if there is one; returns its exit code."""
        worker, self._worker = self._worker, None
        return None if worker is None else _hang_up(worker)

    def _run(self, request: Request) -> None:
        """Have the request done, or recorded as failed."""
        # A worker that ended while idle is only noticed by writing to it, hence the second try. A
        # request that a job was begun for is never tried again: it may be what ended the worker.
        for _ in range(2):
            job_id, done = self._deliver(request)
            if done or self._closed:
                return
            code = self._release()
            if job_id is not None:
                self._record_death(job_id, code)
                return
        from index.jobs import Jobs

        jobs = Jobs(self._data)
        try:
            job_id = jobs.start(str(request.get("kind", "")), label(request), request)
            jobs.finish(
                job_id,
                "failed",
                message="The indexing process could not be started.",
                hint="footnote.log in the data folder says why; then try again.",
            )
        finally:
            jobs.close()

    def _deliver(self, request: Request) -> tuple[int | None, bool]:
        """Give the request to the worker and follow it: (the job it became, whether it came to its end)."""
        job_id: int | None = None
        try:
            if self._worker is None:
                self._worker = self._start()
            assert self._worker.stdin is not None
            assert self._worker.stdout is not None
            self._worker.stdin.write(json.dumps(request) + "\n")
            self._worker.stdin.flush()
            for line in self._worker.stdout:
                reply = json.loads(line)
                job_id = reply["job_id"]
                self._tell_problem(reply.get("problem", ""))
                if "plan" in reply:
                    self.planned = summary_from_json(reply["plan"])
                if reply["event"] == "ended":
                    return job_id, True
        except (OSError, ValueError) as exc:  # a broken pipe, a closed one, or half a line
            logger.info("the indexing process went away: %s", exc)
        return job_id, False

    def _start(self) -> subprocess.Popen[str]:
        logger.info("starting the indexing process")
        return subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="ascii", bufsize=1
        )

    def _record_death(self, job_id: int, code: int | None) -> None:
        from index.jobs import Jobs

        logger.error("the indexing process ended with code %s during job %s", code, job_id)
        killed = code is not None and code < 0
        jobs = Jobs(self._data)
        try:
            jobs.finish(
                job_id,
                "failed",
                message="The indexing process was killed." if killed else "The indexing process broke off.",
                hint="Start it again: what was finished is kept. If it was killed for lack of memory, close"
                " other programs first."
                if killed
                else "footnote.log in the data folder says why. What was finished is kept; start it again.",
            )
        finally:
            jobs.close()


def _hang_up(worker: subprocess.Popen[str]) -> int:
    """Close the worker's standard input, which ends it; kill it when it does not end in time.

    Returns:
        Its exit code.
    """
    assert worker.stdin is not None
    with contextlib.suppress(OSError):  # it may be gone already
        worker.stdin.close()
    try:
        worker.wait(CLOSE_SECONDS + 2)
    except subprocess.TimeoutExpired:
        worker.kill()
    code = worker.wait()
    if worker.stdout is not None:
        worker.stdout.close()
    return code


# -- the worker ------------------------------------------------------------------------------------


def work(
    indexer: Indexer,
    jobs: Jobs,
    requests: SimpleQueue[Request | None],
    *,
    reply: Callable[[Mapping[str, object]], None],
    closing: threading.Event,
) -> None:
    """Carry out requests until there is a None among them. Expected failures end a job, never the worker."""
    from index.plan import Plan

    while (request := _next_request(requests, jobs)) is not None and not closing.is_set():
        # Another process may be indexing, for example `footnote index` in a terminal: that job comes first.
        while jobs.current() is not None and not closing.wait(_TURN_SECONDS):
            _record_ends(jobs)
        if closing.is_set():
            return
        job_ids: list[int] = []

        def began(job_id: int, job_ids: list[int] = job_ids) -> None:
            job_ids.append(job_id)
            reply({"event": "began", "job_id": job_id})

        ended: dict[str, object] = {"event": "ended"}
        try:
            report = run_job(indexer, jobs, request, began=began, stopping=closing.is_set)
            if isinstance(report, Plan) and not report.cancelled:
                ended["plan"] = summary_json(summarize(report, request, listed=LISTED_ON_PAGE))
        except FootnoteError as exc:  # an expected failure, which is noted with the job if there is one
            if not job_ids:
                logger.warning("a request could not become a job: %s", exc)
                ended["problem"] = explain(exc)
        reply({**ended, "job_id": job_ids[0] if job_ids else None})


def _next_request(requests: SimpleQueue[Request | None], jobs: Jobs) -> Request | None:
    """Wait for a request. A job whose end a full disk would not take is ended as soon as it does."""
    while jobs.unrecorded:
        try:
            return requests.get(timeout=_TURN_SECONDS)
        except Empty:
            _record_ends(jobs)
    return requests.get()


def _record_ends(jobs: Jobs) -> None:
    if jobs.unrecorded:
        with contextlib.suppress(FootnoteError):  # another time
            jobs.record_ends()


def _read_requests(requests: SimpleQueue[Request | None], closing: threading.Event) -> None:
    """Queue what is asked; when the other side hangs up, stop the job and end the process in time."""
    # Not sys.stdin: the interpreter aborts when it ends while a thread reads from that one.
    with os.fdopen(os.dup(sys.stdin.fileno()), encoding="ascii") as lines:
        for line in lines:
            requests.put(json.loads(line))
    closing.set()
    requests.put(None)
    time.sleep(CLOSE_SECONDS)
    os._exit(0)  # the job is in the middle of something long; a store survives worse


def main() -> None:
    """The worker process: ``python -m ui.indexer --data DIR``."""
    arguments = argparse.ArgumentParser(description="Footnote's indexing worker; the server starts it.")
    arguments.add_argument("--data", type=Path, required=True)
    data: Path = arguments.parse_args().data

    # Ctrl-C in the server's terminal reaches this process too; the server decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    # Only replies may stand on standard output; what a library prints goes to standard error.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _log_to(data)

    from index.jobs import Jobs
    from rag.settings import load_settings

    requests: SimpleQueue[Request | None] = SimpleQueue()
    closing = threading.Event()
    threading.Thread(target=_read_requests, args=(requests, closing), daemon=True).start()

    def reply(message: Mapping[str, object]) -> None:
        try:
            replies.write(json.dumps(message) + "\n")
            replies.flush()
        except BrokenPipeError:
            closing.set()  # nobody listens any more

    try:
        renew = partial(load_settings, {"data": data})
        indexer = Indexer(renew(), renew=renew)
        jobs = Jobs(data)
        try:
            work(indexer, jobs, requests, reply=reply, closing=closing)
        finally:
            jobs.close()
            indexer.close()
    except FootnoteError as exc:
        logger.error("the indexing process cannot work: %s %s", exc, exc.hint)
        raise SystemExit(1) from exc
    except Exception:
        logger.exception("the indexing process broke off")  # the client records the job as failed
        raise


def _log_to(data: Path) -> None:
    from logging.handlers import WatchedFileHandler

    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    logging.raiseExceptions = False  # on a full disk, each line would be a traceback in the terminal
    # The server rotates this file; a watched handler follows it to the new one.
    handler = WatchedFileHandler(data / "footnote.log", encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    main()
