"""Ctrl-C while a command works, and what ends it in another way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks to stop, a second one does not wait; yields whether to stop."""
    import signal

    stopping = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopping
        if stopping:
            raise KeyboardInterrupt
        stopping = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: stopping
    finally:
        signal.signal(signal.SIGINT, before)


class _Terminated(BaseException):
    """The process was told to end."""


@contextmanager
def closed_on_terminate() -> Iterator[None]:
    """The body closes what it has opened when the process is told to end, which it then does.

    That is SIGTERM, or SIGHUP, which comes when the window of the terminal is closed. By itself Python ends
    at once; and uvicorn, which hears of the first before it, tells Python when it is done. Either way what
    stands in a ``finally`` around it never runs. Told a second time, it does not wait. Main thread only.
    """
    import signal

    def stop(_signal: int, _frame: object) -> None:
        raise _Terminated

    def stop_too(_signal: int, _frame: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    handlers = {signal.SIGTERM: signal.signal(signal.SIGTERM, stop)}
    hangup = getattr(signal, "SIGHUP", None)  # not on Windows; and `nohup` has it ignored
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:
        handlers[hangup] = signal.signal(hangup, stop_too)
    try:
        yield
    except _Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)  # whoever started it sees what ended it
    finally:
        for number, before in handlers.items():
            signal.signal(number, before)
