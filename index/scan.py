"""Walk a folder, or a part of it, and say of every file whether it is indexed, or why not."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.errors import SourceError
from index.loaders.names import is_icon, is_picture_name, supported

# What programs keep for themselves; thousands of files that nobody means when they name a folder.
_PRIVATE_FOLDERS = frozenset(
    ("node_modules", "__pycache__", "site-packages", "venv", "lost+found", "$RECYCLE.BIN")
)
_HEAD_BYTES = 24  # tell the size of a PNG
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
        root: A folder, or one file (which may be hidden, or an icon: it was named).
        exclude: Files and folders to pass over silently, for example the data folder.

    Raises:
        SourceError: ``root`` does not exist or may not be read.
    """
    root, real_root, excluded = _prepared(root, exclude)
    if real_root.is_dir():
        return _walk(root, root, real_root, excluded)
    return _one_file(root)


def holds_documents(root: str | Path, *, exclude: Sequence[Path] = ()) -> bool:
    """Whether there is a file to index at or below ``root``; of one that is not there, that there is none."""
    try:
        return any(isinstance(item, FoundFile) for item in scan(Path(root), exclude=exclude))
    except SourceError:
        return False


def scan_below(root: Path, start: Path, *, exclude: Sequence[Path] = ()) -> Iterator[FoundFile | Skipped]:
    """The part of :func:`scan` that is at or below ``start``; looks at nothing beside it.

    What is not there any more, or lies in a place that a scan of ``root`` passes over, gives nothing.

    Args:
        root: The folder whose scan it is a part of.
        start: A file or a folder below it, as an absolute path without links between the two.
        exclude: As for :func:`scan`.

    Raises:
        SourceError: ``root`` does not exist or may not be read.
    """
    root, real_root, excluded = _prepared(root, exclude)
    return _walk_below(root, start, real_root, excluded)


def typed_path(words: str | Path) -> Path:
    """The absolute path that a person means, links kept; nothing is looked up but home folders.

    ``~somebody`` stays as it is where there is no such person: then no file is found there.
    """
    # Of pathlib, expanduser() raises RuntimeError for them, and resolve() would follow links.
    return Path(os.path.abspath(os.path.expanduser(words)))  # noqa: PTH100, PTH111


def passed_over(name: str) -> bool:
    """Whether files and folders of this name are left out silently wherever they are below a folder."""
    return name.startswith((".", *_LEFTOVERS)) or name in _PRIVATE_FOLDERS


def _prepared(root: Path, exclude: Sequence[Path]) -> tuple[Path, Path, frozenset[Path]]:
    root = typed_path(root)
    try:
        real_root = root.resolve(strict=True)
        if real_root.is_dir():
            os.listdir(root)  # noqa: PTH208  only to learn now whether it may be read
    except (OSError, RuntimeError, ValueError) as exc:  # ValueError: a NUL in the name
        raise _source_error(root, exc) from exc
    return root, real_root, frozenset(typed_path(path).resolve() for path in exclude)


def _one_file(path: Path) -> Iterator[FoundFile | Skipped]:
    yield _judge_file(path, path, named=True)


def _walk_below(
    root: Path, start: Path, real_root: Path, excluded: frozenset[Path]
) -> Iterator[FoundFile | Skipped]:
    above = root
    for name in start.relative_to(root).parts[:-1]:
        above /= name
        try:
            # What a link to a folder points to is found in its own place.
            if (
                passed_over(name)
                or above.is_symlink()
                or not stat.S_ISDIR(above.stat().st_mode)
                or above.resolve(strict=True) in excluded
            ):
                return
        except FileNotFoundError:
            return
        except (OSError, RuntimeError) as exc:
            yield Skipped(path=above, reason=_reason(exc))
            return
    yield from _walk(root, start, real_root, excluded)


def _walk(
    root: Path, start: Path, real_root: Path, excluded: frozenset[Path]
) -> Iterator[FoundFile | Skipped]:
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path != root and passed_over(path.name):
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


def _judge_file(path: Path, real: Path, *, named: bool = False) -> FoundFile | Skipped:
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
        if not named and is_picture_name(path.name) and _is_icon(real):
            return Skipped(path=path, reason="The picture is too small to show words.")
    except OSError as exc:
        return Skipped(path=path, reason=_reason(exc))
    return FoundFile(path=path, size=status.st_size, mtime_ns=status.st_mtime_ns)


def _is_icon(path: Path) -> bool:
    with path.open("rb") as file:
        return is_icon(file.read(_HEAD_BYTES))


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
