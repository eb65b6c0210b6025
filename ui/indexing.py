"""Carrying out indexing requests: what the worker process and the command line have in common.

A request is one of:

    {"kind": "uploads", "files": [[TEMPORARY_PATH, NAME], ...], "collection": "Uploads"}
    {"kind": "paths", "paths": [PATH, ...], "collection": "Documents"}   no paths: every folder indexed before
    {"kind": "plan", "paths": [PATH, ...], "collection": "Documents"}    what "paths" would do
    {"kind": "update", "paths": [PATH, ...], "folders": [[FOLDER, COLLECTION], ...]}   what changed in folders
    {"kind": "reindex", "doc_ids": [DOC_ID, ...]}
    {"kind": "samples"}
    {"kind": "rebuild"}    embed everything with the model of the settings, then let it answer

``collection`` may be left out. A ``label`` may be given: what to call the job on the page. ``"force": true``
reads files again although they have not changed. Paths are absolute: a job may be resumed from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import SourceError
from index.report import never
from index.room import free_bytes, may_be_short, require_room_for_copies
from ui.plaintext import count

if TYPE_CHECKING:
    from index.embeddings import Embedder
    from index.ingest import IngestOptions
    from index.parsing import Parser
    from index.plan import Plan
    from index.reader import CatalogReader
    from index.report import IngestReport, Progress
    from index.store import Store
    from index.survey import Root
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
        case {"kind": "paths" | "plan" | "update", "paths": [*paths]}:
            names = [Path(str(path)).name or str(path) for path in paths]
        case {"kind": "reindex", "doc_ids": [*doc_ids]}:
            return count(len(doc_ids), "document")
        case {"kind": "rebuild"}:
            return "everything anew"
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

    def __init__(
        self,
        settings: Settings,
        *,
        embedder: Embedder | None = None,
        renew: Callable[[], Settings] | None = None,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """Load nothing yet.

        Args:
            settings: Of this run.
            embedder: One that is loaded already.
            renew: Reads the settings anew before each request: how documents are cut may have changed.
            free: How many bytes the disk of a folder has left.
        """
        self._settings = settings
        self._free = free
        self._renew = renew
        self._embedder = embedder
        self._loaded_for = settings.embedding
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
        """End the parser's process and close the store; what left the index is erased by another process."""
        if self._parser is not None:
            self._parser.close()
        if self._store is not None:
            from ui.eraser import start_eraser

            start_eraser(self._store)
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
            FootnoteError: As the functions of ``index.ingest`` do, or the request makes no sense. What the
                disk cannot hold is refused before anything is indexed.
        """
        from index.ingest import ingest_roots, ingest_uploads, reindex
        from index.reembedding import reembed
        from index.update import update_paths

        options = self._options(request, progress, cancelled, paused)
        collection = str(request.get("collection") or "")
        match request:
            case {"kind": "paths", "paths": [*_]}:
                roots = self._roots(self.store, request)  # before the model loads: it may fail
                self._require_room(roots, options)
                return ingest_roots(*self._tools(), roots, options=options)
            case {"kind": "update", "paths": [*names], "folders": [*pairs]}:
                folders = [(Path(folder), str(name)) for folder, name in pairs]
                paths = [Path(name) for name in names]
                return update_paths(*self._tools(), paths, folders=folders, options=options)
            case {"kind": "uploads", "files": [*pairs]}:
                files = [(Path(path), str(name)) for path, name in pairs]
                require_room_for_copies([path for path, _ in files], self._free(self.store.data))
                return ingest_uploads(
                    *self._tools(), files, collection=collection or UPLOADS, options=options
                )
            case {"kind": "samples"}:
                return ingest_uploads(*self._tools(), sample_files(), collection=SAMPLES, options=options)
            case {"kind": "rebuild"}:
                return reembed(self.store, self._model(), options)
            case {"kind": "reindex", "doc_ids": [*doc_ids]}:
                return reindex(*self._tools(), doc_ids, options=options)
            case _:
                raise SourceError(
                    f"There is no such indexing request: {request!r}.", hint="Report this as a bug."
                )

    def plan(
        self,
        request: Request,
        *,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        paused: Callable[[], bool] = never,
    ) -> Plan:
        """What :meth:`run` would do with the same paths; changes nothing, and makes no data folder.

        Raises:
            FootnoteError: As :meth:`run` does.
        """
        from index.plan import catalog_of, plan_roots

        options = self._options(request, progress, cancelled, paused)
        with catalog_of(self._settings.data) as catalog:
            roots = self._roots(catalog, request)
            return plan_roots(catalog, *self._reading(), roots, options=options, free=self._free)

    def _require_room(self, roots: Sequence[Root], options: IngestOptions) -> None:
        """Refuse what the disk cannot hold. Where space is scarce, the files are read to find that out."""
        from index.plan import plan_roots
        from index.survey import survey

        if may_be_short(survey(self.store, roots).files, self._free(self.store.data)):
            planned = plan_roots(self.store, *self._reading(), roots, options=options, free=self._free)
            planned.room.require()

    def _roots(self, catalog: CatalogReader, request: Request) -> list[Root]:
        """Where to look: what the request names, or every folder that was indexed before."""
        from index.survey import named_roots, remembered_roots

        paths = [Path(name) for name in request["paths"]]
        collection = str(request.get("collection") or self._settings.index.collection)
        return named_roots(paths, collection) if paths else remembered_roots(catalog)

    def _options(
        self,
        request: Request,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        paused: Callable[[], bool],
    ) -> IngestOptions:
        from index.ingest import IngestOptions
        from rag.build import build_recogniser, chunk_limits

        if self._renew is not None:
            self._settings = self._renew()
        return IngestOptions(
            limits=chunk_limits(self._settings),
            progress=progress,
            cancelled=cancelled,
            paused=paused,
            force=bool(request.get("force")),
            recogniser=build_recogniser(self._settings),
        )

    def _tools(self) -> tuple[Store, Embedder, Parser]:
        """Store, model and parser, loaded at first use."""
        return self.store, *self._reading()

    def _model(self) -> Embedder:
        """The embedding model of the settings; another one when they have changed."""
        if self._embedder is None or self._loaded_for != self._settings.embedding:
            from rag.build import build_embedder

            self._embedder = None  # not two of them in memory
            self._embedder = build_embedder(self._settings)
            self._loaded_for = self._settings.embedding
        return self._embedder

    def _reading(self) -> tuple[Embedder, Parser]:
        embedder = self._model()
        if self._parser is None:
            from index.parsing import Parser

            self._parser = Parser()
        return embedder, self._parser
