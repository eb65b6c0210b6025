"""Carrying out indexing requests: what the worker process and the command line have in common.

A request is one of:

    {"kind": "uploads", "files": [[TEMPORARY_PATH, NAME], ...], "collection": "Uploads"}
    {"kind": "paths", "paths": [PATH, ...], "collection": "Documents"}   no paths: every folder indexed before
    {"kind": "update", "paths": [PATH, ...], "folders": [[FOLDER, COLLECTION], ...]}   what changed in folders
    {"kind": "reindex", "doc_ids": [DOC_ID, ...]}
    {"kind": "samples"}

``collection`` may be left out. A ``label`` may be given: what to call the job on the page. ``"force": true``
reads files again although they have not changed. Paths are absolute: a job may be resumed from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import SourceError
from index.report import never
from ui.plaintext import count

if TYPE_CHECKING:
    from index.embeddings import Embedder
    from index.ingest import IngestOptions
    from index.parsing import Parser
    from index.report import IngestReport, Progress
    from index.store import Store
    from rag.settings import Settings

SAMPLES = "Samples"
UPLOADS = "Uploads"

Request = Mapping[str, Any]  # it crosses a pipe as JSON


def label(request: Request) -> str:
    """What to call a job on the page: ``report.pdf``, ``3 files``, ``Samples``."""
    given = request.get("label")
    if isinstance(given, str) and given:
        return given
    match request:
        case {"kind": "uploads", "files": [*files]}:
            names = [Path(str(name)).name for _, name in files]
        case {"kind": "paths" | "update", "paths": [*paths]}:
            names = [Path(str(path)).name or str(path) for path in paths]
        case {"kind": "reindex", "doc_ids": [*doc_ids]}:
            return count(len(doc_ids), "document")
        case _:
            return SAMPLES if request.get("kind") == "samples" else ""
    if not names:
        return "All folders"
    return names[0] if len(names) == 1 else count(len(names), "file")


def sample_files() -> list[tuple[Path, str]]:
    """The documents that ship with Footnote, as (path, name), by name."""
    from seeds import sample_paths

    return [(path, path.name) for path in sample_paths()]


class Indexer:
    """Everything an ingest needs, loaded once and kept warm: store, embedding model, parser."""

    def __init__(self, settings: Settings, *, embedder: Embedder | None = None) -> None:
        self._settings = settings
        self._embedder = embedder
        self._store: Store | None = None
        self._parser: Parser | None = None

    @property
    def store(self) -> Store:
        """The store, opened at first use."""
        if self._store is None:
            from index.store import Store

            self._store = Store.open(self._settings.data)
        return self._store

    def close(self) -> None:
        """End the parser's process and close the store."""
        if self._parser is not None:
            self._parser.close()
        if self._store is not None:
            self._store.close()

    def run(
        self,
        request: Request,
        *,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        paused: Callable[[], bool] = never,
    ) -> IngestReport:
        """Carry out one request (see the top of this module).

        Raises:
            FootnoteError: As the functions of ``index.ingest`` do, or the request makes no sense.
        """
        from index.ingest import IngestOptions, ingest_paths, ingest_uploads, reindex
        from index.update import update_paths
        from rag.build import chunk_limits

        options = IngestOptions(
            limits=chunk_limits(self._settings),
            progress=progress,
            cancelled=cancelled,
            paused=paused,
            force=bool(request.get("force")),
        )
        collection = str(request.get("collection") or "")
        match request:
            case {"kind": "paths", "paths": []}:
                return self._check_again(options)
            case {"kind": "paths", "paths": [*names]}:
                paths = [Path(name) for name in names]
                collection = collection or self._settings.index.collection
                return ingest_paths(*self._tools(), paths, collection=collection, options=options)
            case {"kind": "update", "paths": [*names], "folders": [*pairs]}:
                folders = [(Path(folder), str(name)) for folder, name in pairs]
                paths = [Path(name) for name in names]
                return update_paths(*self._tools(), paths, folders=folders, options=options)
            case {"kind": "uploads", "files": [*pairs]}:
                files = [(Path(path), str(name)) for path, name in pairs]
                return ingest_uploads(
                    *self._tools(), files, collection=collection or UPLOADS, options=options
                )
            case {"kind": "samples"}:
                return ingest_uploads(*self._tools(), sample_files(), collection=SAMPLES, options=options)
            case {"kind": "reindex", "doc_ids": [*doc_ids]}:
                return reindex(*self._tools(), doc_ids, options=options)
            case _:
                raise SourceError(
                    f"There is no such indexing request: {request!r}.", hint="Report this as a bug."
                )

    def _check_again(self, options: IngestOptions) -> IngestReport:
        """Look for changes in every folder that was indexed; one that is not there keeps its documents."""
        from index.ingest import ingest_paths
        from index.update import away

        folders: dict[str, list[Path]] = {}
        for folder in self.store.folders():
            folders.setdefault(folder.collection, []).append(Path(folder.path))
        if not folders:
            raise SourceError("No folder was indexed before.", hint="Name one: footnote index PATH")
        reports = []
        for collection, paths in sorted(folders.items()):
            there = [path for path in paths if path.is_dir()]
            report = ingest_paths(*self._tools(), there, collection=collection, options=options)
            gone = tuple(away(path) for path in paths if path not in there)
            reports.append(replace(report, outcomes=report.outcomes + gone))
        return replace(
            reports[-1],
            outcomes=tuple(outcome for report in reports for outcome in report.outcomes),
            seconds=sum(report.seconds for report in reports),
            cancelled=any(report.cancelled for report in reports),
        )

    def _tools(self) -> tuple[Store, Embedder, Parser]:
        """Store, model and parser, loaded at first use."""
        if self._embedder is None:
            from rag.build import build_embedder

            self._embedder = build_embedder(self._settings)
        if self._parser is None:
            from index.parsing import Parser

            self._parser = Parser()
        return self.store, self._embedder, self._parser
