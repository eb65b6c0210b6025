"""``python -m index.confined MEMORY CPU_SECONDS PROGRAM ARGUMENT...``: become a program that can do little.

The way out of the network, on Linux, and what is beyond the limits are given up before the program begins,
and it inherits that. An audit hook would not hold for another program: elsewhere than on Linux, a program
that is run here must be one that opens no connections by itself.
"""

from __future__ import annotations

import os
import sys

from index.isolation import confine


def main() -> None:
    """Give up what the arguments say, and become the program."""
    memory_bytes, cpu_seconds, program, *arguments = sys.argv[1:]
    confine(int(memory_bytes), cpu_seconds=int(cpu_seconds))
    os.execv(program, [program, *arguments])


if __name__ == "__main__":
    main()
