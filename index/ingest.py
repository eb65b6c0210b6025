"""The ingest story: load → changed? → split → embed → store → publish → report.

What happens to a file is decided in ``index.decisions``, and ``index.plan`` shows it beforehand. Files
are read one by one, ahead of the rest by a thread (``index.read_ahead``), embedded in batches that may
span files, and published in one commit per batch.
Whatever was published stays, however the run ends; what was not costs only its own batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath

from index.batch import IngestOptions, Run, running
from index.catalog import translated
from index.decisions import Decider, Decision, decisions, recipe_of, refused, was_too_large
from index.documents import ParsedDocument
from index.durable import make_folder, write_durably
from index.embeddings import Embedder
from index.errors import DocumentError
from index.faults import fault
from index.file_bytes import hash_file, too_large, unreadable
from index.health import health_of
from index.parsing import ParsedFile, Parser
from index.passages import READ_ATTEMPTS, ReadFile, changed_while_reading, cut
from index.places import remember_places
from index.read_ahead import ReadAhead, UnreadFile
from index.report import FileOutcome, IngestReport, Progress
from index.rows import DocumentRow
from index.store import Store
from index.survey import Root, Survey, Target, named_roots, survey

__all__ = [
    "FileOutcome",
    "IngestOptions",
    "IngestReport",
    "Progress",
    "ingest_documents",
    "ingest_paths",
    "ingest_roots",
    "ingest_uploads",
    "reindex",
]


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
    return ingest_roots(store, embedder, parser, named_roots(paths, collection), options=options)


def ingest_roots(
    store: Store,
    embedder: Embedder,
    parser: Parser,
    roots: Sequence[Root],
    *,
    options: IngestOptions | None = None,
) -> IngestReport:
    """As :func:`ingest_paths`, for roots that were named or remembered; a file that moved between them is a
    rename. A remembered one that is out of reach is skipped, and keeps its documents.
    """
    with running(store, embedder, options or IngestOptions()) as run:
        run.tell("scanning", "")
        follow(run, parser, survey(store, roots))
        return run.report()


def follow(run: Run, parser: Parser, found: Survey) -> set[str]:
    """Make the index hold what was found.

    Returns:
        The ``doc_id`` of each source that was found again in another place.
    """
    run.files_total = len(found.files)
    for outcome in found.skipped:
        run.skipped(outcome)
    gone = (*found.gone, *found.away)
    decider = _decider(run, parser, gone)
    look = partial(_tell_scanning, run)
    _carry_out(run, parser, decisions(found, decider, tell=look, cancelled=run.cancelled))
    for folder in () if run.cancelled() else found.folders:
        path, collection = str(folder.root.path), folder.root.collection
        run.flush(folder=(path, collection))
        remember_places(run.store.catalog, path, collection, folder.holds)
    return decider.moved


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
        _carry_out(run, parser, _uploads(run, parser, files, collection))
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
        _carry_out(run, parser, _known_ones(run, parser, rows))
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
            if known is not None and known.content_hash == content_hash and not options.force:
                run.done(FileOutcome(path=path, outcome="unchanged", passages=known.passages))
                continue
            size = len(document.text.encode())
            parsed = ParsedFile(
                content_hash=content_hash, size=size, document=document, health=health_of(document)
            )
            decision = Decision(
                action="read",
                target=Target(path, collection, "folder", known),
                file=Path(path),
                recipe=recipe_of(path, run.options.limits),
                content_hash=content_hash,
                size=size,
            )
            try:
                passages = cut(document, embedder, run.options.limits)
            except DocumentError as exc:
                run.failed(decision.target, content_hash, size, exc)
            else:
                run.add(ReadFile(decision, parsed, passages))
        return run.report()


# -- what is to be read ------------------------------------------------------------------------------------


def _uploads(
    run: Run, parser: Parser, files: Sequence[tuple[Path, str]], collection: str
) -> Iterator[Decision]:
    """Decisions about uploads, each once a copy of it is kept."""
    decider = _decider(run, parser)
    names: dict[str, str] = {}  # by content: the same bytes again are the same document
    for path, full_name in files:
        if run.cancelled():
            return
        name = PurePath(full_name.replace("\\", "/")).name or "unnamed"
        run.tell("reading", name)
        rows = run.store.documents(collection)
        taken = {row.path for row in rows} | run.names
        size = 0
        try:
            size = path.stat().st_size
            if size > parser.limits.file_bytes:
                raise too_large(size, parser.limits.file_bytes)  # before it is read, and kept
            content_hash = _keep_original(run.store, path)
        except (OSError, DocumentError) as exc:
            problem = unreadable(exc) if isinstance(exc, OSError) else exc
            again = next((row for row in rows if row.path == name and was_too_large(row, size)), None)
            name = _free_name(name, taken) if again is None else name  # another document stays what it is
            run.names.add(name)
            yield refused(path, Target(name, collection, "upload", again), problem, size=size)
            continue
        fault("ingest.original_kept")
        same = next(
            (row for row in rows if row.content_hash == content_hash and row.origin == "upload"), None
        )
        name = names.get(content_hash) or (same.path if same is not None else _free_name(name, taken))
        names[content_hash] = name
        run.names.add(name)
        yield decider.decide(run.store.originals / content_hash, Target(name, collection, "upload", same))


def _known_ones(run: Run, parser: Parser, rows: Sequence[DocumentRow]) -> Iterator[Decision]:
    """Decisions about documents that are to be read again."""
    decider = _decider(run, parser)
    for row in rows:
        if run.cancelled():
            return
        kept = row.origin == "upload"
        file = run.store.originals / (row.content_hash or "") if kept else Path(row.path)
        run.tell("reading", PurePath(row.path).name)
        yield decider.decide(file, Target(row.path, row.collection, row.origin, row))


def _decider(run: Run, parser: Parser, gone: Sequence[DocumentRow] = ()) -> Decider:
    options = run.options
    return Decider(
        run.store,
        options.limits,
        most_bytes=parser.limits.file_bytes,
        force=options.force,
        recognises=options.recogniser is not None,
        gone=gone,
    )


def _tell_scanning(run: Run, path: str) -> None:
    run.tell("scanning", PurePath(path).name)


def _carry_out(run: Run, parser: Parser, wanted: Iterable[Decision]) -> None:
    """Carry decisions out in their order. Files are read while those before them are embedded and stored."""
    with ReadAhead(run, parser) as ahead:
        for item in ahead.results(wanted):
            if isinstance(item, Decision):
                run.carry_out(item)
            elif isinstance(item, UnreadFile):
                decision = item.decision
                run.failed(decision.target, item.content_hash, item.size, item.error, moved=decision.moved)
            else:
                run.tell("reading", item.decision.target.name)
                run.add(item)


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    pure = PurePath(name)
    number = 2
    while (candidate := f"{pure.stem} ({number}){pure.suffix}") in taken:
        number += 1
    return candidate


def _keep_original(store: Store, path: Path) -> str:
    """Keep a copy of an upload under its hash, durably, before anything refers to it.

    Returns:
        The hash.

    Raises:
        OSError: The upload cannot be read.
        DocumentError: It kept changing while it was read.
        StorageError: The copy cannot be written.
    """
    for _ in range(READ_ATTEMPTS):
        content_hash = hash_file(path)
        kept = store.originals / content_hash
        with translated(store.data):
            if kept.exists() and hash_file(kept) == content_hash:
                return content_hash
            make_folder(store.originals)
            with suppress(_ChangedError):
                write_durably(kept, _copied(path, content_hash), kind="original")
                return content_hash
    raise changed_while_reading()


class _ChangedError(Exception):
    """A file is not any more what it was a moment ago."""


def _copied(path: Path, content_hash: str) -> Iterator[bytes]:
    """The bytes of a file; at their end :class:`_ChangedError`, if they are not those of the hash."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
            yield part
    if digest.hexdigest() != content_hash:
        raise _ChangedError
