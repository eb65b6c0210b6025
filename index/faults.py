"""Named places in the code where a test may end the process, to see what a crash there leaves behind.

Every step of a publish, a checkpoint, a roll-forward, a removal and of keeping an upload has one.
"""

from __future__ import annotations

from collections.abc import Callable

_action: Callable[[str], None] | None = None


def fault(point: str) -> None:
    """Mark a place by a name, ``what.step``; does nothing unless a test has armed it."""
    if _action is not None:
        _action(point)


def arm(action: Callable[[str], None] | None) -> None:
    """Call ``action`` with the name of every point that this process passes; None: no more."""
    global _action
    _action = action
