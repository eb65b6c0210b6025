"""A data folder in one file, and back: what cannot be made again, with a hash of every part.

A backup holds the catalog, conversations, test questions, settings, and kept uploads. Indexes derived from
the catalog are left out; a restored folder builds them anew, without embedding. It can be made while the
server runs: SQLite copies one commit. What is deleted later stays in a backup that was made before.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import sqlite3
import struct
import time
import uuid
import zipfile
import zlib
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock

from index.catalog import FILE_NAME, SCHEMA_VERSION, connect, set_meta, translated
from index.database_owner import refuse_at_sight, refuse_foreign_tables, refuse_newer
from index.durable import disk
from index.erasure import forget_erasure
from index.errors import DamagedError, NewerDatabaseError, SourceError, StorageError
from index.exchange import exchange, settle_exchange, working_prefix
from index.faults import fault
from index.locks import held
from index.migrating import migrate
from index.migrations import MIGRATIONS
from index.read_only import connect_read_only, is_read_only
from index.removal import erase
from index.rows import published_generation
from index.working_folder import working_folder

MANIFEST = "manifest.json"
FORMAT = "footnote-backup"
FORMAT_VERSION = 1

_DATABASES = (FILE_NAME, "chats.sqlite")
_FILES = ("settings.toml", "feedback.jsonl")
_ORIGINAL = re.compile(r"originals/[0-9a-f]{64}")
_LOCKS = ("server.lock", "ingest.lock", "writer.lock")
_ATTEMPTS = 3  # an upload may be deleted between the copy of the catalog and its own
_BLOCK = 1 << 20
_MANIFEST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup holds. ``created_at`` in Unix seconds, ``size`` of all files in bytes, unpacked."""

    documents: int
    files: int
    size: int
    created_at: float


def write_backup(data: Path, target: Path) -> Backup:
    """Write the data folder to ``target``, a zip file; it is there completely or not at all.

    Raises:
        SourceError: There is no index in ``data``.
        NewerDatabaseError: A later release wrote it. (What an earlier one wrote is migrated in the backup.)
        DamagedError: A database in it is damaged.
        StorageError: ``target`` exists already or lies in the data folder, or the disk refused.
    """
    if not (data / FILE_NAME).exists():
        raise SourceError(
            f"There is no index in {data}.", hint="Index some documents first: footnote index PATH"
        )
    with translated(data):
        refuse_at_sight(data / FILE_NAME, SCHEMA_VERSION)
    if target.absolute().is_relative_to(data.absolute()):
        raise StorageError(
            f"{target} lies in the data folder, where what you delete has to be gone.",
            hint="Name a file outside of it, best on another disk.",
        )
    if target.exists():
        raise StorageError(f"{target} exists already.", hint="Name a new file, or remove that one first.")
    with translated(target.parent):
        for attempt in range(_ATTEMPTS):
            try:
                backup = _write(data, target)
                break
            except FileNotFoundError:
                if attempt == _ATTEMPTS - 1 or not (data / FILE_NAME).exists():
                    raise
        disk.sync_folder(target.parent)
    return backup


def _write(data: Path, target: Path) -> Backup:
    with working_folder(target.parent, ".footnote-backup-") as folder:
        for database in _DATABASES:
            if (data / database).exists():
                _copy_database(data / database, folder / database)
        _bring_up_to_date(folder / FILE_NAME, data)
        documents, originals = _settle_catalog(folder / FILE_NAME)
        parts = [(database, folder / database) for database in _DATABASES if (folder / database).exists()]
        parts += [(file, data / file) for file in _FILES if (data / file).exists()]
        parts += [(f"originals/{sha256}", data / "originals" / sha256) for sha256 in originals]
        listed = []
        temporary = folder / "backup.zip"
        with os.fdopen(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            # Uploads are compressed in themselves most often.
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
                for part, path in parts:
                    entry = zipfile.ZipInfo(part, _zip_time(time.time()))
                    if not _ORIGINAL.fullmatch(part):
                        entry.compress_type = zipfile.ZIP_DEFLATED
                    with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as packed:
                        sha256, size = _digest(source, packed)
                    listed.append({"name": part, "size": size, "sha256": sha256})
                backup = Backup(
                    documents=documents,
                    files=len(listed),
                    size=sum(int(str(each["size"])) for each in listed),
                    created_at=time.time(),
                )
                manifest = {
                    "format": FORMAT,
                    "version": FORMAT_VERSION,
                    "schema": SCHEMA_VERSION,
                    "created_at": backup.created_at,
                    "documents": documents,
                    "files": listed,
                }
                entry = zipfile.ZipInfo(MANIFEST, _zip_time(backup.created_at))
                archive.writestr(entry, json.dumps(manifest, indent=1), zipfile.ZIP_DEFLATED)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    return backup


def _copy_database(source: Path, target: Path) -> None:
    with ExitStack() as opened:
        try:
            original = opened.enter_context(closing(_source(source)))
            original.execute("PRAGMA schema_version").fetchone()
        except sqlite3.OperationalError as exc:
            raise StorageError(
                f"{source} cannot be read: {exc}.", hint="Check its permissions, then try again."
            ) from exc
        except sqlite3.DatabaseError as exc:
            raise DamagedError(
                f"{source} is damaged: {exc}.", hint="Move it away, or restore the data folder from a backup."
            ) from exc
        original.backup(opened.enter_context(closing(sqlite3.connect(target))))


def _source(database: Path) -> sqlite3.Connection:
    return connect_read_only(database) if is_read_only(database) else sqlite3.connect(database, timeout=10.0)


def _zip_time(moment: float) -> tuple[int, int, int, int, int, int]:
    """A moment (unix seconds) as local date and time; a zip file knows no years before 1980 or after 2107.

    Some computers begin in 1970 each time, until they have found a network.
    """
    year, *rest = time.localtime(moment)[:6]
    month, day, hour, minute, second = rest
    return min(max(year, 1980), 2107), month, day, hour, minute, second


def _bring_up_to_date(copy: Path, data: Path) -> None:
    """What was removed can only be left out of a catalog whose tables are known."""
    with closing(sqlite3.connect(copy)) as connection:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        refuse_newer(data / FILE_NAME, version, SCHEMA_VERSION)
        refuse_foreign_tables(data / FILE_NAME, connection)
    if version < SCHEMA_VERSION:
        migrate(copy, MIGRATIONS)


def _settle_catalog(path: Path) -> tuple[int, list[str]]:
    """Make the copy a catalog of its own; returns its number of documents and the uploads it needs.

    What was removed is not in it, also while that could still be undone.
    """
    with closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        erase(connection, published_generation(connection), time.time(), 0.0)
        connection.execute("DELETE FROM checkpoints")
        connection.execute("DELETE FROM removals")
        forget_erasure(connection)
        set_meta(connection, "removals_since", str(published_generation(connection)))
        set_meta(connection, "catalog_id", uuid.uuid4().hex)
        connection.commit()
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()
        documents = int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])
        originals = [
            str(row[0])
            for row in connection.execute(
                "SELECT DISTINCT content_hash FROM documents WHERE origin = 'upload'"
                " AND version_id IS NOT NULL ORDER BY content_hash"
            )
        ]
    return documents, originals


def read_backup(archive: Path, data: Path, *, force: bool = False) -> tuple[Backup, Path | None]:
    """Restore a backup into ``data``. Until every byte of it is checked, nothing there is touched.

    A process that is killed leaves the old folder or the new one, whole: see ``index.exchange``.

    Args:
        archive: What :func:`write_backup` wrote.
        data: A folder that is empty or does not exist.
        force: Move a folder that is not empty aside.

    Returns:
        What was restored, and where the folder from before is now.

    Raises:
        SourceError: ``archive`` is not a backup, is damaged, or holds what does not belong there.
        NewerDatabaseError: A later release wrote it.
        StorageError: ``data`` is not empty, or the disk refused.
        BusyError: Another process uses ``data``.
    """
    data = data.absolute()
    settle_exchange(data)
    with translated(data):
        filled = data.exists() and (not data.is_dir() or any(data.iterdir()))
        if filled and not (force and data.is_dir()):
            raise StorageError(
                f"{data} is not empty.",
                hint="Name another folder with --data, or use --force, which moves this one aside.",
            )
        data.parent.mkdir(parents=True, exist_ok=True)
        with working_folder(data.parent, working_prefix(data)) as working:
            folder = working / "data"
            folder.mkdir(mode=0o700)
            backup = _unpack(archive, folder)
            fault("restore.unpacked")
            if filled:
                _require_unused(data)
            aside = exchange(data, folder)
    return backup, aside


def _unpack(archive: Path, folder: Path) -> Backup:
    try:
        with _opened(archive) as packed:
            backup, listed = _manifest(archive, packed)
            (folder / "originals").mkdir(mode=0o700)
            for name, size, sha256 in listed:
                with packed.open(name) as source, (folder / name).open("wb") as target:
                    if _digest(source, target, limit=size) != (sha256, size):
                        raise _damaged(archive, name)
                    target.flush()
                    os.fsync(target.fileno())
        disk.sync_folder(folder / "originals")
        disk.sync_folder(folder)
    except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError, ValueError, struct.error) as exc:
        raise _damaged(archive, str(exc)) from exc
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise _damaged(archive, FILE_NAME)
    return backup


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except FileNotFoundError as exc:
        raise SourceError(
            f"{archive} does not exist.", hint="Check the spelling; nothing was changed."
        ) from exc
    except OSError as exc:
        if exc.errno == errno.EINVAL:  # a place in the file that cannot be
            raise _damaged(archive, "it has no table of contents") from exc
        raise SourceError(
            f"{archive} cannot be read: {exc.strerror or exc}.", hint="Check the path and its permissions."
        ) from exc


def _manifest(archive: Path, packed: zipfile.ZipFile) -> tuple[Backup, list[tuple[str, int, str]]]:
    """What the archive says that it holds: only names that a backup can have, each once."""
    foreign = SourceError(
        f"{archive} is not a backup of Footnote.", hint="Name a file that `footnote backup` wrote."
    )
    names = packed.namelist()
    if MANIFEST not in names or packed.getinfo(MANIFEST).file_size > _MANIFEST_BYTES:
        raise foreign
    try:
        manifest = json.loads(packed.read(MANIFEST))
        if manifest["format"] != FORMAT:
            raise foreign
        version, schema = int(manifest["version"]), int(manifest["schema"])
        listed = [(str(f["name"]), int(f["size"]), str(f["sha256"])) for f in manifest["files"]]
        backup = Backup(
            documents=int(manifest["documents"]),
            files=len(listed),
            size=sum(size for _, size, _ in listed),
            created_at=float(manifest["created_at"]),
        )
    except (ValueError, TypeError, KeyError) as exc:
        raise foreign from exc
    if version > FORMAT_VERSION or schema > SCHEMA_VERSION:
        raise NewerDatabaseError(
            f"{archive} was written by a later release.", hint="Update Footnote and try again."
        )
    told = [name for name, _, _ in listed]
    possible = all(name in (*_DATABASES, *_FILES) or _ORIGINAL.fullmatch(name) for name in told)
    if not possible or len(set(told)) != len(told) or sorted(names) != sorted([*told, MANIFEST]):
        raise SourceError(
            f"{archive} holds files that are not part of a backup; nothing was changed.",
            hint="Use a backup that nobody has changed.",
        )
    if FILE_NAME not in told:
        raise foreign
    return backup, listed


def _require_unused(data: Path) -> None:
    message = f"Footnote is using {data}."
    hint = "Close the page where `footnote` runs (Ctrl-C), or wait for what is being indexed; then try again."
    for name in _LOCKS:
        with held(FileLock(data / name), data, seconds=0, message=message, hint=hint):
            pass


def _digest(
    source: IO[bytes], target: IO[bytes] | None = None, *, limit: int | None = None
) -> tuple[str, int]:
    """SHA-256 (hex) and length of a stream, copied to ``target``; reading stops beyond ``limit`` bytes."""
    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK):
        digest.update(block)
        size += len(block)
        if limit is not None and size > limit:
            break
        if target is not None:
            target.write(block)
    return digest.hexdigest(), size


def _damaged(archive: Path, what: str) -> SourceError:
    return SourceError(
        f"{archive} is damaged ({what}); nothing was changed.", hint="Use another copy of the backup."
    )
