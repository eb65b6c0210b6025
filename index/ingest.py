"""The ingest story: load → changed? → split → embed → store → publish → report.

Files are read one by one, embedded in batches that may span files, and published in one commit per
batch. Whatever was published stays, however the run ends; what was not costs only its own batch.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from index.batch import IngestOptions, Run, Target, running
from index.catalog import translated
from index.chunker import ChunkLimits
from index.documents import ParsedDocument
from index.embeddings import Embedder
from index.errors import DocumentError, SourceError
from index.parsing import ParsedFile, Parser
from index.report import FileOutcome, IngestReport, Progress
from index.rows import DocumentRow, Origin
from index.scan import FoundFile, scan
from index.store import Store

__all__ = [
    "FileOutcome",
    "IngestOptions",
    "IngestReport",
    "Progress",
    "ingest_documents",
    "ingest_paths",
    "ingest_uploads",
    "reindex",
]

# Raise it when a reader or the chunker changes what it makes of the same bytes: documents are then
# made anew on the next run, and only passages whose text differs are embedded again.
RECIPE_VERSION = 1
READ_ATTEMPTS = 3
# Problems that may pass by themselves; the others wait until the file's content changes.
PASSING_PROBLEMS = ("timeout", "crashed", "unreadable", "changed_while_reading")


def ingest_paths(
    store: Store,
    embedder: Embedder,
    parser: Parser,
    paths: Sequence[Path],
    *,
    collection: str = "Documents",
    options: IngestOptions | None = None,
) -> IngestReport:
    """Bring files and folders into the index; what is gone from a folder leaves the index too.

    Raises:
        SourceError: A path does not exist or may not be read (nothing was changed).
        BusyError: Another process is indexing.
        EmbedderMismatchError: The index was built with another embedding model.
        StorageError: The disk refused; what was published before stays.
    """
    options = options or IngestOptions()
    for path in paths:
        _require(path)
    with running(store, embedder, options) as run:
        for path in paths:
            # Not resolve(): a person finds the document again under the path that they typed.
            _ingest_path(run, parser, Path(os.path.abspath(path)), collection)  # noqa: PTH100
        return run.report()


def ingest_uploads(
    store: Store,
    embedder: Embedder,
    parser: Parser,
    files: Sequence[tuple[Path, str]],
    *,
    collection: str = "Uploads",
    options: IngestOptions | None = None,
) -> IngestReport:
    """Bring in files that a person handed over: ``(where the bytes are, name to show)``.

    The bytes are kept under their hash, so the document survives its temporary file. The content is
    the identity: the same bytes again are unchanged; other bytes under a name that is taken become
    ``name (2).ext``.
    """
    options = options or IngestOptions()
    with running(store, embedder, options) as run:
        run.files_total = len(files)
        for path, name in files:
            if run.cancelled():
                break
            _ingest_upload(run, parser, path, PurePath(name.replace("\\", "/")).name or "unnamed", collection)
        return run.report()


def reindex(
    store: Store,
    embedder: Embedder,
    parser: Parser,
    doc_ids: Sequence[str],
    *,
    options: IngestOptions | None = None,
) -> IngestReport:
    """Read these documents again, whether they seem changed or not; only new text is embedded."""
    options = replace(options or IngestOptions(), force=True)
    with running(store, embedder, options) as run:
        rows = [row for row in map(store.document, doc_ids) if row is not None]
        run.files_total = len(rows)
        for row in rows:
            if run.cancelled():
                break
            kept = row.origin == "upload"
            path = store.originals / (row.content_hash or "") if kept else Path(row.path)
            _ingest_file(run, parser, path, row.path, row.collection, row.origin, row)
        return run.report()


def ingest_documents(
    store: Store,
    embedder: Embedder,
    items: Iterable[tuple[str, ParsedDocument]],
    *,
    collection: str = "Documents",
    options: IngestOptions | None = None,
) -> IngestReport:
    """Bring in documents that are parsed already, each under the path it comes with."""
    options = options or IngestOptions()
    with running(store, embedder, options) as run:
        for path, document in items:
            if run.cancelled():
                break
            content_hash = hashlib.sha256(f"{document.title}\0{document.text}".encode()).hexdigest()
            known = store.find(collection, path)
            recipe = _recipe(path, run.options.limits)
            if known is not None and known.content_hash == content_hash and not options.force:
                run.done(FileOutcome(path=path, outcome="unchanged", passages=known.passages))
                continue
            size = len(document.text.encode())
            parsed = ParsedFile(content_hash=content_hash, size=size, document=document)
            run.add(Target(path, collection, "folder", known), parsed, recipe)
        return run.report()


# -- one file ------------------------------------------------------------------------------------


def _require(path: Path) -> None:
    try:
        path.stat()
    except FileNotFoundError as exc:
        raise SourceError(f"{path} does not exist.", hint="Check the spelling; nothing was changed.") from exc
    except OSError as exc:
        raise SourceError(
            f"{path} cannot be reached: {exc.strerror or exc}.",
            hint="Check the path and its permissions; nothing was changed.",
        ) from exc


def _ingest_path(run: Run, parser: Parser, root: Path, collection: str) -> None:
    run.tell("scanning", root.name)
    found: list[FoundFile] = []
    unseen: list[Path] = []  # what could not be looked at is not gone
    for item in scan(root, exclude=[run.store.data]):
        if isinstance(item, FoundFile):
            found.append(item)
        else:
            unseen.append(item.path)
            run.skipped(FileOutcome(path=str(item.path), outcome="skipped", reason=item.reason))
    run.files_total += len(found)
    known = {row.path: row for row in run.store.documents(collection) if row.origin == "folder"}
    present = {str(item.path) for item in found}
    gone = (
        [
            row
            for path, row in known.items()
            if path not in present
            and _is_under(path, root)
            and not any(_is_under(path, skipped) for skipped in unseen)
        ]
        if root.is_dir()
        else []
    )
    if gone and not found:
        run.skipped(looks_empty(root, len(gone)))
        gone = []
    files = [(item.path, collection, known.get(str(item.path))) for item in found]
    follow_files(run, parser, files, gone, folder=(str(root), collection) if root.is_dir() else None)


def follow_files(
    run: Run,
    parser: Parser,
    files: Sequence[tuple[Path, str, DocumentRow | None]],
    gone: Sequence[DocumentRow],
    *,
    keep: Collection[str] = (),
    folder: tuple[str, str] | None = None,
) -> None:
    """Bring in what was found in folders, then remove what is gone from them and did not only move.

    Args:
        files: What was found: where, the collection it belongs to, and the source that stands there.
        gone: Sources whose place is empty.
        keep: ``doc_id`` of those among them that are not removed, only followed if they moved.
        folder: ``(path, collection)`` of the one folder that was looked through as a whole.
    """
    run.leaving = {row.content_hash: row for row in gone if row.content_hash and not _is_there(row.path)}
    for path, collection, known in files:
        if run.cancelled():
            return
        _ingest_file(run, parser, path, str(path), collection, "folder", known)
    run.flush()
    renamed = run.renamed
    for row in gone:
        if row.doc_id not in renamed and row.doc_id not in keep:
            run.gone(row)
    run.flush(folder=folder)


def looks_empty(root: Path, kept: int) -> FileOutcome:
    """What is said of a folder that holds nothing any more, while ``kept`` documents of it are indexed."""
    return FileOutcome(
        path=str(root),
        outcome="skipped",
        reason=f"The folder holds no documents any more; its {kept} indexed ones were kept,"
        " because a folder also looks empty while its disk is not connected.",
        hint="Delete the documents in the Documents view if they are really gone.",
    )


def _ingest_upload(run: Run, parser: Parser, path: Path, name: str, collection: str) -> None:
    try:
        content_hash = _hash_file(path)
    except OSError as exc:
        run.failed(Target(name, collection, "upload", None), None, 0, _unreadable(exc))
        return
    rows = run.store.documents(collection)
    same = next((row for row in rows if row.content_hash == content_hash and row.origin == "upload"), None)
    if same is not None:
        name = same.path
    else:
        taken = {row.path for row in rows} | run.names
        name = _free_name(name, taken)
    run.names.add(name)
    with translated(run.store.data):
        _keep_original(run.store.originals, path, content_hash)
    _ingest_file(run, parser, run.store.originals / content_hash, name, collection, "upload", same)


def _ingest_file(
    run: Run,
    parser: Parser,
    file: Path,
    path: str,
    collection: str,
    origin: Origin,
    known: DocumentRow | None = None,
) -> None:
    """Load, decide whether anything changed, and hand the content to the batch."""
    run.tell("reading", PurePath(path).name)
    known = known or run.store.find(collection, path)
    target = Target(path, collection, origin, known)
    recipe = _recipe(path, run.options.limits)
    content_hash: str | None = None
    try:
        content_hash = _hash_file(file)
        if not run.options.force:
            if (
                known is not None
                and known.content_hash == content_hash
                and _settled(run.store, known, recipe)
            ):
                run.unchanged(known)
                return
            version_id = run.store.version_with(content_hash, recipe)
            if version_id is not None:
                run.point(target, content_hash, file.stat().st_size, version_id)
                return
        parsed = _read_steadily(parser, file, path, content_hash)
    except OSError as exc:
        run.failed(target, content_hash, 0, _unreadable(exc))
    except DocumentError as exc:
        run.failed(target, content_hash, _size(file), exc)
    else:
        run.add(target, parsed, recipe)


def _read_steadily(parser: Parser, file: Path, path: str, content_hash: str) -> ParsedFile:
    """Parse a file; one that changes while it is read is read again, at most three times."""
    for _ in range(READ_ATTEMPTS):
        parsed = parser.parse(file, name=PurePath(path).name)
        if parsed.content_hash == content_hash:
            return parsed
        content_hash = _hash_file(file)
        if parsed.content_hash == content_hash:
            return parsed
    raise DocumentError(
        "changed_while_reading",
        "The file kept changing while it was read.",
        hint="Index it again when the program that writes it is done.",
    )


def _settled(store: Store, known: DocumentRow, recipe: str) -> bool:
    """Whether there is nothing to do for a file whose content is as it was."""
    if known.state == "failed":
        return known.problem not in PASSING_PROBLEMS
    return (
        known.version_id is not None
        and store.version_with(known.content_hash or "", recipe) == known.version_id
    )


def _unreadable(exc: OSError) -> DocumentError:
    return DocumentError(
        "unreadable",
        f"The file cannot be read: {exc.strerror or exc}.",
        hint="Check that it exists and that you may read it, then index it again.",
    )


def _recipe(path: str, limits: ChunkLimits) -> str:
    """What else than the bytes decides the chunks: the format that the name asks for, and how text is cut."""
    return f"{RECIPE_VERSION}|{PurePath(path).suffix.lower()}|{limits!r}"


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a folder on the way may not be entered
        return True


def _is_under(path: str, root: Path) -> bool:
    return Path(path).is_relative_to(root)


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    pure = PurePath(name)
    number = 2
    while (candidate := f"{pure.stem} ({number}){pure.suffix}") in taken:
        number += 1
    return candidate


def _keep_original(originals: Path, path: Path, content_hash: str) -> None:
    kept = originals / content_hash
    if kept.exists():
        return
    originals.mkdir(mode=0o700, exist_ok=True)
    temporary = originals / f"{content_hash}.tmp"
    try:
        with path.open("rb") as source, temporary.open("wb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        temporary.replace(kept)
    finally:
        temporary.unlink(missing_ok=True)
