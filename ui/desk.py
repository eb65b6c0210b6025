"""What stands behind the page: store, conversations, answering model and indexer of one data folder."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from index.errors import FootnoteError, SourceError
from index.jobs import Job, Jobs
from index.recutting import Recutting, recutting
from index.removal import UNDO_SECONDS
from index.scan import typed_path
from index.store import Store
from index.watched import WatchedFolder
from rag.build import chunk_limits
from rag.feedback import FeedbackFile
from rag.offline import leaves_this_computer
from rag.providers import model_words
from ui.answering import Answering
from ui.asking import Asking
from ui.chat_search import ChatSearch
from ui.chats import Chats
from ui.checking import StartCheck
from ui.documents_view import SAMPLES
from ui.evidence_pane import EvidencePane
from ui.folders_view import FolderLine
from ui.indexer import IndexerClient
from ui.indexing import Request
from ui.job_control import JobAction, control_job
from ui.looking import FolderLook
from ui.measuring import Measuring
from ui.memory import FreeMemory
from ui.overview import Overview, OverviewReader
from ui.page_images import PageImages
from ui.planning import PlanSummary
from ui.preferences import Preferences
from ui.quality_facts import QualityFacts
from ui.references import References
from ui.retention import Retention
from ui.uploads import clear_uploads, uploads_folder
from ui.watching import FolderWatcher

if TYPE_CHECKING:
    from index.embeddings import Embedder
    from rag.ask import Assistant
    from rag.settings import Settings

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 0.1  # what was saved in a watched folder is to be found at once
_LOOK_SECONDS = 0.5
# Uploads are copied into the store by the indexer; the temporary files go when it has long been idle.
_IDLE_SECONDS = 15.0
_ERASE_SECONDS = 1.0
_SAMPLES_NOTE = "samples"
_MODEL = "embedding.model"


class Indexing(Protocol):
    """What the page needs of the indexing process."""

    planned: PlanSummary | None
    """What the last request for a plan found, until it is applied or discarded."""

    @property
    def pending(self) -> int:
        """Requests that are not done yet."""

    def submit(self, request: Request) -> None:
        """Queue a request; returns at once."""

    def close(self) -> None:
        """End the process."""


class Desk:
    """Opens a data folder for the page. ``start`` loads the models, in the background."""

    def __init__(
        self,
        settings: Settings,
        *,
        indexer: Indexing | None = None,
        load_embedder: Callable[[Settings], Embedder] | None = None,
    ) -> None:
        """Open the store and the conversations; no model is loaded.

        Args:
            settings: Of this run.
            indexer: Another indexing process, for tests.
            load_embedder: Loads the embedding model of some settings, by default as ``rag.build`` does.

        Raises:
            StoreError: the data folder cannot be used.
        """
        self.preferences = Preferences(settings, apply=self._apply)
        self.store = Store.open(settings.data)
        self.chats = Chats(settings.data)
        self.retention = Retention(self.chats)
        self.feedback = FeedbackFile(settings.data)
        self.jobs = Jobs(settings.data, catalog=self.store.catalog)
        self.references = References(self.store)
        self.answering = Answering(self.preferences, self.store, load_embedder=load_embedder)
        self.asking = Asking(
            self.chats,
            self.references,
            self.assistant,
            first_documents=self._first_documents,
            suggest=True,
        )
        self.answering.followed_by(self.asking.use)
        self._overviews = OverviewReader(
            self.store,
            self.answering.models,
            settable=lambda: not self.preferences.sources[_MODEL].locked,
        )
        self.chat_search = ChatSearch(self.chats, self.store, self.asking.plain_text)
        self.pane = EvidencePane(
            self.store, self.chats, self.references, out_of_reach=lambda: self.looking.out_of_reach
        )
        self.pages = PageImages(self.store, self.references)
        self.indexer: Indexing = (
            # A change in a watched folder is to be found at once, and loading the model takes seconds.
            IndexerClient(
                settings.data,
                keep_warm=lambda: self.watcher.active,
                tell_problem=self._note_indexing_problem,
            )
            if indexer is None
            else indexer
        )
        self.watcher = FolderWatcher(self.store, self.jobs, self.indexer, settings.watch)
        self.looking = FolderLook(self.store, busy=self.is_indexing, watched=lambda: self.watcher.folders)
        self.checking = StartCheck(self.store, busy=self.is_indexing)
        self.uploads = uploads_folder(settings.data)
        self.quality = QualityFacts(settings.data, self.feedback, self.chats)
        self.measuring = Measuring(
            store=self.store,
            feedback=self.feedback,
            assistant=lambda: self.assistant,
            settings=lambda: self.settings,
        )
        self.indexing_problem = ""  # why the last request could not become a job
        self._free_memory = FreeMemory(busy=lambda: self.asking.busy)
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Load the assistant, follow the index, and index the samples if this is the first start."""
        for name, target in (
            ("load-assistant", self.answering.load),
            ("follow-index", self._follow_index),
            ("erase-removed", self._erase_removed),
            ("free-memory", partial(self._free_memory.follow, self._closing)),
        ):
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        if self.chats.note(_SAMPLES_NOTE) is None and not self.store.documents():
            self.indexer.submit({"kind": "samples"})
        self.watcher.start()
        self.looking.start()
        self.checking.start()

    def close(self) -> None:
        """Stop the threads and close the files; waits for what is being written."""
        self._closing.set()
        self.looking.close()
        self.checking.close()
        self.measuring.close()
        self.asking.close()
        self.watcher.close()
        self.indexer.close()
        for thread in self._threads:
            thread.join(timeout=10)
        self.answering.close()
        self.pages.close()
        self.chats.close()
        self.jobs.close()
        self.store.close()

    @property
    def settings(self) -> Settings:
        """Those that count now."""
        return self.preferences.settings

    @property
    def first_documents_to_come(self) -> bool:
        """Whether this is the first start, and the samples are about to be asked for."""
        return not self._threads and self.chats.note(_SAMPLES_NOTE) is None and not self.store.documents()

    @property
    def model_name(self) -> str:
        """What answers, in words."""
        model = self.settings.generation.model
        return model_words(model) if model else "Built-in answers, offline"

    @property
    def other_models(self) -> list[str]:
        """The names of the models that an answer can be asked of again, beside the one that is set."""
        generation, offline = self.settings.generation, self.settings.privacy.offline
        return [
            name
            for name in generation.other_models
            if not (offline and leaves_this_computer(generation.with_model(name)))
        ]

    @property
    def assistant(self) -> Future[Assistant]:
        """What answers; it may still be loading, or have failed to."""
        return self.answering.assistant

    @property
    def model_problem(self) -> str:
        """Why nothing can answer, or not as it should; "" while all is well or still loading."""
        if self.answering.problem or not self.asking.model_failed:
            return self.answering.problem
        return f"{self.model_name} did not answer; quotes were shown instead"

    def overview(self) -> Overview:
        """The state of the index, as of its newest generation."""
        return self._overviews.newest()

    def rebuild(self) -> None:
        """Have everything embedded with the model of the settings; the one before answers meanwhile."""
        self.indexer.submit({"kind": "rebuild"})

    def use_stored_model(self, *, before: bool) -> None:
        """Set the embedding model that the index was made with, or go back to the one ``before`` that.

        Raises:
            SourceError: It is not known how to load it.
            SettingsError, StorageError: It cannot be set.
        """
        model = self.store.model_before if before else self.store.model
        if model is None or model.source is None:
            raise SourceError(
                "There is no earlier embedding model to go back to.",
                hint="Set the embedding model in the Settings view.",
            )
        self.preferences.save({_MODEL: model.source})
        if before:
            self.rebuild()  # embeds what was indexed since; the rest is kept

    def is_indexing(self) -> bool:
        """Whether something is being indexed or looked through, or is about to be."""
        return self.indexer.pending > 0 or self.jobs.current() is not None

    def check_folders(self) -> None:
        """Make the plan of what re-indexing all folders would do."""
        self.indexer.planned = None
        self.indexer.submit({"kind": "plan", "paths": [], "label": "all folders"})

    def changed_files(self, generation: int) -> int:
        """How many files in the folders are known not to be as the index has them, in this generation."""
        plan = self.indexer.planned
        if plan is not None and not plan.request["paths"] and plan.generation == generation:
            return plan.changed_files
        return self.looking.changed

    def latest_jobs(self) -> tuple[Job | None, Job | None]:
        """The job that runs now, and the newest one that ended."""
        return self.jobs.current(), self.jobs.last()

    def control_job(self, job_id: int, action: JobAction) -> None:
        """Pause, resume or cancel a job, whichever process runs it; one that broke off is done again here.

        Raises:
            SourceError: It does not allow that any more.
        """
        _, request = control_job(self.jobs, action, job_id)
        if request is not None:
            self.indexer.submit(request)

    def folders(self) -> list[FolderLine]:
        """The folders that were indexed or are watched, by path."""
        watched = self.watcher.folders
        indexed = {
            WatchedFolder(path=row.path, collection=row.collection): row.indexed_at
            for row in self.store.folders()
        }
        return [
            FolderLine(folder=folder, indexed_at=indexed.get(folder), watch=watched.get(folder, "off"))
            for folder in sorted(indexed.keys() | watched.keys())
        ]

    def watch(self, path: Path) -> None:
        """Keep a folder in step, in every collection that it was indexed into.

        Raises:
            SourceError: There is no such folder.
        """
        name = str(typed_path(path))
        known = [line.folder for line in self.folders() if line.folder.path == name]
        collection = self.settings.index.collection
        for folder in known or [WatchedFolder(path=name, collection=collection)]:
            self.watcher.turn_on(folder)

    def remove_samples(self) -> int:
        """Remove the samples; they stay away until they are asked for. Returns what to undo."""
        self.chats.set_note(_SAMPLES_NOTE, "removed")
        return self.store.remove([row.doc_id for row in self.store.documents(SAMPLES)])

    def reindex_all(self) -> bool:
        """Read every document again, as the settings are now; returns whether there is one."""
        doc_ids = [row.doc_id for row in self.overview().documents.rows if row.version_id is not None]
        if doc_ids:
            self.indexer.submit({"kind": "reindex", "doc_ids": doc_ids, "label": "all documents"})
        return bool(doc_ids)

    def recutting_cost(self, changes: Mapping[str, str]) -> Recutting | None:
        """What these unsaved settings would mean for what is indexed; None: nothing.

        Args:
            changes: Dotted name -> text; those that cannot be used count as not made.
        """
        limits = {name: text for name, text in changes.items() if name.startswith("index.")}
        assistant = self.answering.ready
        if not limits or assistant is None:
            return None
        try:
            after = chunk_limits(self.preferences.check(limits))
        except FootnoteError:
            return None  # said beside the field
        before, reads = chunk_limits(self.settings), assistant.embedder.max_tokens
        return None if before == after else recutting(self.store, before, after, reads)

    def delete_conversations(self) -> int:
        """Delete every conversation for good; answers that are being written end. Returns how many."""
        for chat in self.chats.chats():
            self.asking.stop(chat.chat_id)
        return self.chats.delete_all()

    def _note_indexing_problem(self, problem: str) -> None:
        self.indexing_problem = problem

    def _apply(self, before: Settings, after: Settings) -> None:
        """Put changed settings into effect. Those of the indexer are read before each of its jobs."""
        answering = ("retrieval", "answer", "generation", "embedding", "privacy")
        if any(getattr(before, group) != getattr(after, group) for group in answering):
            self.answering.renew()
        if before.privacy.keep_days != after.privacy.keep_days:
            if after.privacy.keep_days == 0:
                self.delete_conversations()  # also one that is being answered
            else:
                self.retention.delete(after.privacy.keep_days)

    def _follow_index(self) -> None:
        idle_since = looked_at = time.monotonic()
        while not self._closing.wait(REFRESH_SECONDS):
            try:
                self.store.refresh()
                if time.monotonic() - looked_at < _LOOK_SECONDS:
                    continue
                looked_at = time.monotonic()
                self.answering.follow_index()
                if self.indexer.pending or self.jobs.current() is not None:
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > _IDLE_SECONDS:
                    clear_uploads(self.uploads, self.jobs, idle_seconds=_IDLE_SECONDS)
                    self._note_samples()
            except FootnoteError as exc:
                logger.warning("the index could not be followed: %s", exc)
                self._closing.wait(_LOOK_SECONDS)

    def _erase_removed(self) -> None:
        """Erase what can no longer be undone, and what a purge that was interrupted has left."""
        while not self._closing.wait(_ERASE_SECONDS):
            try:
                self.chats.save_unsaved()
                self.chats.erase_hidden(undo_seconds=UNDO_SECONDS)
                self.retention.delete_daily(self.settings.privacy.keep_days)
                self.store.purge()
            except FootnoteError as exc:
                logger.warning("what was removed could not be erased yet: %s", type(exc).__name__)

    def _first_documents(self) -> bool:
        """Whether the first documents are on their way: nothing can be answered yet, but soon."""
        if self.store.snapshot().n_chunks:
            return False
        coming = self.indexer.pending > 0 or self.jobs.current() is not None
        self.store.refresh()
        return coming and not self.store.snapshot().n_chunks

    def _note_samples(self) -> None:
        if self.chats.note(_SAMPLES_NOTE) is None and self.store.documents(SAMPLES):
            self.chats.set_note(_SAMPLES_NOTE, "indexed")
