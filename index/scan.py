"""Walk a folder and say of every file whether it is indexed, or why not."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.errors import SourceError
from index.loaders import supported

# What programs keep for themselves; thousands of files that nobody means when they name a folder.
_PRIVATE_FOLDERS = frozenset(
    ("node_modules", "__pycache__", "site-packages", "venv", "lost+found", "$RECYCLE.BIN")
)
# Lock and leftover files that Office and editors put beside a document.
_LEFTOVERS = ("~$", ".~lock.", "._")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file to index; ``size`` in bytes, ``mtime_ns`` as the file system gives it."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A file or folder that is left out, and why, in words for people."""

    path: Path
    reason: str


def scan(root: Path, *, exclude: Sequence[Path] = ()) -> Iterator[FoundFile | Skipped]:
    """Every file at or below ``root``, in order of the names; the same tree gives the same sequence.

    Hidden files and folders, and folders that programs keep for themselves (``node_modules``), are passed
    over silently; whatever else is left out comes as :class:`Skipped`. A link is followed only while it stays
    inside ``root``, and to a file; a folder is then found where it really is. Names that are not UTF-8
    survive in the path.

    Args:
        root: A folder, or one file (which may be hidden: it was named).
        exclude: Files and folders to pass over silently, for example the data folder.

    Raises:
        SourceError: ``root`` does not exist or may not be read.
    """
    root = Path(os.path.abspath(root.expanduser()))  # noqa: PTH100  resolve() would follow links
    try:
        real_root = root.resolve(strict=True)
        is_folder = real_root.is_dir()
        if is_folder:
            os.listdir(root)  # noqa: PTH208  only to learn now whether it may be read
    except (OSError, RuntimeError) as exc:
        raise _source_error(root, exc) from exc
    excluded = frozenset(path.expanduser().resolve() for path in exclude)
    if is_folder:
        return _walk(root, real_root, excluded)
    return _one_file(root)


def _one_file(path: Path) -> Iterator[FoundFile | Skipped]:
    yield _judge_file(path, path)


def _walk(root: Path, real_root: Path, excluded: frozenset[Path]) -> Iterator[FoundFile | Skipped]:
    waiting = [root]
    while waiting:
        path = waiting.pop()
        name = path.name
        if path != root and (name.startswith(".") or name in _PRIVATE_FOLDERS or name.startswith(_LEFTOVERS)):
            continue
        try:
            real = path.resolve(strict=True)
            if real in excluded:
                continue
            is_folder = real.is_dir()
            if path != root and path.is_symlink():
                if not real.is_relative_to(real_root):
                    yield Skipped(path=path, reason="It is a link to a place outside this folder.")
                    continue
                if is_folder:
                    continue  # what it points to is found in its own place
            if is_folder:
                children = sorted(path.iterdir(), key=lambda child: os.fsencode(child.name), reverse=True)
        except FileNotFoundError:
            if path.is_symlink():
                yield Skipped(path=path, reason="It is a link to something that does not exist.")
            continue  # otherwise it was deleted while we looked
        except (OSError, RuntimeError) as exc:  # RuntimeError: a link that leads to itself
            yield Skipped(path=path, reason=_reason(exc))
            continue
        if is_folder:
            waiting.extend(children)
        else:
            yield _judge_file(path, real)


def _judge_file(path: Path, real: Path) -> FoundFile | Skipped:
    if not supported(path.name):
        kind = path.suffix.lower()
        reason = f"Files of the type {kind} are not read." if kind else "The type of this file is not known."
        return Skipped(path=path, reason=reason)
    try:
        status = real.stat()
        if not stat.S_ISREG(status.st_mode):
            return Skipped(path=path, reason="It is a device or a pipe, not a file.")
        if not os.access(real, os.R_OK):
            return Skipped(path=path, reason="You do not have permission to read it.")
    except OSError as exc:
        return Skipped(path=path, reason=_reason(exc))
    return FoundFile(path=path, size=status.st_size, mtime_ns=status.st_mtime_ns)


def _reason(exc: Exception) -> str:
    if isinstance(exc, PermissionError):
        return "You do not have permission to read it."
    if isinstance(exc, RuntimeError) or getattr(exc, "errno", None) == errno.ELOOP:
        return "It is a link that leads to itself."
    return f"It cannot be read: {getattr(exc, 'strerror', None) or exc}."


def _source_error(root: Path, exc: Exception) -> SourceError:
    shown = str(root).encode("utf-8", "backslashreplace").decode()
    if isinstance(exc, FileNotFoundError):
        return SourceError(f"{shown} does not exist.", hint="Check the spelling of the path.")
    if isinstance(exc, PermissionError):
        return SourceError(
            f"{shown} may not be read.", hint="Correct its permissions, or choose another folder."
        )
    return SourceError(f"{shown} cannot be read: {exc}", hint="Check the path and the disk it is on.")
