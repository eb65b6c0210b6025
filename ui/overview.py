"""What every open tab shows of the index: read once for each generation, however many tabs there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from index.rows import StoreStatus
from index.store import Store
from ui.document_list import DocumentList
from ui.examples import example_questions
from ui.models import ModelFollower, ModelState
from ui.selection import Sources

if TYPE_CHECKING:
    from index.embedders import StoredModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The state of the index in one generation."""

    generation: int
    status: StoreStatus
    documents: DocumentList
    sources: Sources  # what a conversation can be narrowed to
    questions: list[str]  # examples for an empty conversation
    models: ModelState


class OverviewReader:
    """Reads the overview of a store, and remembers it until something else is published."""

    def __init__(self, store: Store, models: ModelFollower, *, settable: Callable[[], bool]) -> None:
        """Read nothing yet.

        Args:
            store: Whose overview it is.
            models: Knows which embedding model answers.
            settable: Whether the page can change the embedding model now.
        """
        self._store = store
        self._models = models
        self._settable = settable
        self._known: Overview | None = None

    def newest(self) -> Overview:
        """The state of the index, as of its newest generation."""
        generation = self._store.generation
        known = self._known
        if known is not None and known.generation == generation:
            models = self._model_state(known.models.index, known.models.before)
            if known.models != models:  # a model was loaded, or the settings name another one
                known = self._known = replace(known, models=models)
        else:
            rows = self._store.documents()
            known = Overview(
                generation=generation,
                status=self._store.status(),
                documents=DocumentList(rows),
                sources=Sources(rows),
                questions=example_questions(self._store, rows),
                models=self._model_state(self._store.model, self._store.model_before),
            )
            self._known = known
        return known

    def _model_state(self, index: StoredModel | None, before: StoredModel | None) -> ModelState:
        return self._models.state(index, before, settable=self._settable())
