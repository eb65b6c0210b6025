"""What is served: the newest snapshot, and the last of the model before while that one still answers."""

from __future__ import annotations

import sqlite3
import threading
import time

from index.catalog import Catalog, get_meta
from index.checkpoints import Checkpoints
from index.errors import BusyError
from index.keywords import Keywords
from index.lexical import LexicalSearcher
from index.rows import languages, marker, published_generation
from index.scope import Scope
from index.snapshot import Snapshot

_KEPT_SCOPES = 8  # each is a bit a passage, and the ids of those that are inside
# Generation of the catalog and of the snapshot, collections, documents, outside.
_ScopeKey = tuple[int, int, frozenset[str] | None, frozenset[str] | None, bool]


class Snapshots:
    """The snapshots of one open data folder. Safe to use from several threads."""

    def __init__(
        self, catalog: Catalog, keywords: Keywords, checkpoints: Checkpoints, *, seconds: float
    ) -> None:
        """Load nothing yet.

        Args:
            catalog: Says which generation is the newest.
            keywords: The lexical index.
            checkpoints: The dense index.
            seconds: How long to wait for a writer whose commit the lexical index has not followed yet.
        """
        self._catalog = catalog
        self._keywords = keywords
        self._checkpoints = checkpoints
        self._seconds = seconds
        self._refresh_mutex = threading.Lock()
        # The newest, and the last of the embedding model before; swapped as a whole.
        self._served: tuple[Snapshot, Snapshot | None] | None = None
        self._scope_mutex = threading.Lock()
        self._scopes: dict[_ScopeKey, Scope] = {}

    def current(self, fingerprint: str | None) -> Snapshot:
        """The newest one, or the last that the model with this fingerprint can search."""
        if self._served is None:
            self.refresh()
        served = self._served
        assert served is not None
        newest, earlier = served
        if fingerprint is None or earlier is None:
            return newest
        if newest.fingerprint == fingerprint:
            self._forget_earlier(served)
        return earlier if fingerprint == earlier.fingerprint != newest.fingerprint else newest

    def _forget_earlier(self, served: tuple[Snapshot, Snapshot | None]) -> None:
        """The model of the newest snapshot answers now. Whoever still uses the other one holds it."""
        if self._refresh_mutex.acquire(blocking=False):  # else the next question does it
            try:
                if self._served is served:
                    self._served = (served[0], None)
            finally:
                self._refresh_mutex.release()

    def scope(
        self,
        snapshot: Snapshot,
        collections: frozenset[str] | None,
        documents: frozenset[str] | None,
        *,
        outside: bool,
    ) -> Scope:
        """What of a snapshot may answer; the last few are remembered."""
        with self._catalog.reading() as connection:
            key = (published_generation(connection), snapshot.generation, collections, documents, outside)
            with self._scope_mutex:
                known = self._scopes.get(key)
            if known is not None:
                return known
            scope = snapshot.scope(connection, collections, documents, outside=outside)
        with self._scope_mutex:
            self._scopes[key] = scope
            while len(self._scopes) > _KEPT_SCOPES:
                self._scopes.pop(next(iter(self._scopes)))
        return scope

    def refresh(self) -> bool:
        """Swap to the newest published generation; returns whether there was another one."""
        with self._refresh_mutex:
            current, earlier = self._served or (None, None)
            if current is not None and current.generation == self._published():
                return False
            newest = self._load()
            if current is not None and current.fingerprint not in (None, newest.fingerprint):
                earlier = current
            self._served = (newest, earlier)
            return True

    def _published(self) -> int:
        with self._catalog.reading() as connection:
            return published_generation(connection)

    def _load(self) -> Snapshot:
        # The lexical commit follows the catalog's by some milliseconds; wait for the writer, and if
        # there is none any more, roll the index forward ourselves.
        deadline = time.monotonic() + self._seconds
        while True:
            with self._catalog.reading() as connection:
                wanted = marker(connection)
                searcher = self._keywords.searcher_at(wanted)
                if searcher is not None:
                    return self._build(connection, searcher, wanted.generation)
            if self._keywords.roll_forward_if_free():
                continue
            if time.monotonic() > deadline:
                raise BusyError(
                    "The index is being written and cannot be read yet.", hint="Try again in a moment."
                )
            time.sleep(0.02)

    def _build(self, connection: sqlite3.Connection, searcher: LexicalSearcher, generation: int) -> Snapshot:
        documents = connection.execute("SELECT count(*) FROM documents WHERE version_id IS NOT NULL")
        return Snapshot(
            generation=generation,
            fingerprint=get_meta(connection, "fingerprint"),
            n_documents=int(documents.fetchone()[0]),
            languages=tuple(languages(connection))[:4],
            _dense=self._checkpoints.dense(connection),
            _lexical=searcher,
        )
