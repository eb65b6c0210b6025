"""What answers have used goes back to the system: when all is quiet, and in time where it never is."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from ui.memory import FreeMemory

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do it by themselves")

# Memory that is freed, but not at the top of the heap, where it would go back by itself.
HOLES = """
import psutil
from ui.memory import give_back_free_memory
kept = [bytearray(50_000) for _ in range(2_000)]
holes = [kept.pop(at) for at in range(len(kept) - 2, 0, -1) if at % 8]
before = psutil.Process().memory_info().rss
del holes
freed = psutil.Process().memory_info().rss
give_back_free_memory()
print(before - freed, before - psutil.Process().memory_info().rss)
"""

# A thread that needs memory at the same time as others gets an arena: 64 MB, beginning at a multiple of that,
# of which what is not used yet is out of reach. A file may be mapped at such a place by chance.
ARENAS = """
import sys, threading
from ui.memory import use_few_arenas
if sys.argv[1] == "few":
    use_few_arenas()
everyone = threading.Barrier(8)
def keep():
    mine = [bytearray(5_000) for _ in range(20)]
    everyone.wait()
    everyone.wait()
threads = [threading.Thread(target=keep) for _ in range(7)]
for thread in threads:
    thread.start()
everyone.wait()
mapped = [line.split() for line in open("/proc/self/maps")]
places = [[int(end, 16) for end in words[0].split("-")] for words in mapped]
print(sum(
    start % (64 << 20) == 0 and words[1] == "rw-p" and rest[1] == "---p" and end == begin
    and stop == start + (64 << 20)
    for (start, end), words, (begin, stop), rest in zip(places, mapped, places[1:], mapped[1:])
))
everyone.wait()
"""


class Server:
    """A clock, whether anything is answered, and when memory was given back."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.answering = False
        self.given_back: list[float] = []
        self.memory = FreeMemory(
            lambda: self.answering,
            give_back=lambda: self.given_back.append(self.seconds - 100.0),
            clock=lambda: self.seconds,
        )

    def run(self, seconds: int, *, answering: bool) -> None:
        """So many seconds pass."""
        self.answering = answering
        for _ in range(seconds):
            self.memory.look()
            self.seconds += 1.0


def test_memory_is_given_back_once_when_all_is_quiet() -> None:
    server = Server()
    server.run(10, answering=False)
    assert server.given_back == []
    for _ in range(2):
        server.run(5, answering=True)
        server.run(1, answering=False)  # the next question comes soon
        server.run(5, answering=True)
        server.run(30, answering=False)
    assert server.given_back == [22.0, 63.0]


def test_memory_is_given_back_in_time_where_answers_never_cease() -> None:
    server = Server()
    server.run(150, answering=True)
    assert server.given_back == [60.0, 121.0]


@glibc
def test_what_is_freed_between_what_stays_goes_back_to_the_system() -> None:
    by_itself, afterwards = run_alone(HOLES)
    assert int(by_itself) < 10_000_000
    assert int(afterwards) > 60_000_000


@glibc
def test_threads_share_few_arenas() -> None:
    (many,), (few,) = run_alone(ARENAS, "many"), run_alone(ARENAS, "few")
    assert int(few) == 1  # and the one that all programs have
    assert int(many) > 1


def run_alone(script: str, *arguments: str) -> list[str]:
    """The words that a script prints in a process of its own."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
