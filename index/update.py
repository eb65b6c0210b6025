"""Following named changes: files that appeared, changed, moved or vanished inside indexed folders.

Whoever noticed the changes need not know what they were. The file system is looked at, under the rules
of a run over the whole folder, but only where it is said to have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from index.batch import IngestOptions, running
from index.embeddings import Embedder
from index.ingest import follow
from index.outcomes import away, deleted_here, looks_empty
from index.parsing import Parser
from index.places import known_places, remember_places, sort_lost
from index.report import FileOutcome, IngestReport
from index.rows import DocumentRow
from index.scan import FoundFile, holds_documents, scan_below
from index.store import Store
from index.survey import Survey, Target


def update_paths(
    store: Store,
    embedder: Embedder,
    parser: Parser,
    paths: Sequence[Path],
    *,
    folders: Sequence[tuple[Path, str]],
    options: IngestOptions | None = None,
) -> IngestReport:
    """Bring the index up to date with what stands at these paths now.

    A file that moved, also from one of the folders to another, is followed without embedding anything when
    its old and its new path are both named. A folder that is named stands for everything in it. What may be
    on a disk that is not connected is kept, see ``index.places``.

    Args:
        paths: Files and folders, absolute; those outside ``folders`` are ignored.
        folders: Indexed folders (absolute) with the collection of each.

    Raises:
        BusyError, EmbedderMismatchError, StorageError: As for :func:`index.ingest.ingest_paths`.
    """
    holds = partial(holds_documents, exclude=[store.data])
    with running(store, embedder, options or IngestOptions()) as run:
        files: dict[tuple[str, str], Target] = {}  # by collection and path: folders may lie in each other
        gone: dict[str, DocumentRow] = {}  # by doc_id
        skipped: list[FileOutcome] = []
        kept: dict[Path, list[DocumentRow]] = {}  # what may be out of reach, by place
        for root, collection in folders:
            named = [path for path in paths if path.is_relative_to(root)]
            if not named:
                continue
            run.tell("scanning", root.name)
            if root.is_dir():
                there, missing, left_out = _differences(store, root, collection, named)
                files |= {(collection, target.path): target for target in there}
                gone |= {row.doc_id: row for row in missing}
                skipped += left_out
                places = known_places(store.catalog, str(root), collection)
                _, hidden = sort_lost(missing, str(root), places, holds=holds)
                kept |= {Path(place): rows for place, rows in hidden.items()}
            else:
                skipped.append(away(root))
        kept_ids = {row.doc_id for rows in kept.values() for row in rows}
        left = [row for row in gone.values() if (row.collection, row.path) not in files]
        found = Survey(
            files=tuple(files.values()),
            gone=tuple(row for row in left if row.doc_id not in kept_ids),
            skipped=tuple(skipped),
            away=tuple(row for row in left if row.doc_id in kept_ids),
        )
        moved = follow(run, parser, found)
        run.flush()
        for root, collection in folders:
            within = [path for name, path in files if name == collection and Path(path).is_relative_to(root)]
            remember_places(store.catalog, str(root), collection, within)
        for place, rows in kept.items():
            still = [row for row in rows if row.doc_id not in moved]
            if still:
                run.skipped(looks_empty(place, len(still)))
        return run.report()


def _differences(
    store: Store, root: Path, collection: str, named: Sequence[Path]
) -> tuple[list[Target], list[DocumentRow], list[FileOutcome]]:
    """What there is to read at or below the named paths, the sources that are gone, and what is left out."""
    files: list[Target] = []
    gone: list[DocumentRow] = []
    skipped: list[FileOutcome] = []
    left_out = store.left_out(collection)
    looked_at: set[Path] = set()
    waiting = list(_outermost(named))
    for path in waiting:  # it grows by the links to what is named
        if path in looked_at:
            continue
        looked_at.add(path)
        rows = store.documents_under(collection, str(path))
        known = {row.path: row for row in rows if row.origin == "folder"}
        present: set[str] = set()
        unseen: list[Path] = []  # what could not be looked at is not gone
        for item in scan_below(root, path, exclude=[store.data]):
            name = str(item.path)
            if name in left_out:
                skipped.append(deleted_here(name))
            elif isinstance(item, FoundFile):
                present.add(name)
                files.append(Target(name, collection, "folder", known.get(name)))
            else:
                unseen.append(item.path)
                skipped.append(FileOutcome(path=name, outcome="skipped", reason=item.reason))
        gone += [
            row
            for row in known.values()
            if row.path not in present and not any(Path(row.path).is_relative_to(hidden) for hidden in unseen)
        ]
        waiting += _links_to(store, known.values(), root)
    return files, gone, skipped


def _links_to(store: Store, rows: Iterable[DocumentRow], root: Path) -> Iterator[Path]:
    """Links inside the folder to files that changed: what they lead to changed, but they did not."""
    for row in rows:
        for other in store.sources_of(row.version_id) if row.version_id is not None else ():
            path = Path(other.path)
            if (
                other.doc_id != row.doc_id
                and other.collection == row.collection
                and other.origin == "folder"
                and path.is_relative_to(root)
                and path.is_symlink()
            ):
                yield path


def _outermost(paths: Sequence[Path]) -> Iterator[Path]:
    """The paths without those that lie inside another one of them, in order."""
    last: Path | None = None
    for path in sorted(set(paths), key=lambda path: path.parts):
        if last is None or not path.is_relative_to(last):
            last = path
            yield path
