"""Following the embedding model: which one answers, which one the settings name, and when to load another."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ui.render import explain

if TYPE_CHECKING:
    from index.embedders import StoredModel
    from index.embeddings import Embedder
    from index.store import Store
    from rag.build import ModelChoice
    from rag.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """What the page says of embedding models.

    ``index`` is the one the index was made with and ``before`` the one from before, to which there is a
    way back. ``needed`` is the name of the one that the settings name, if it is another one than that of
    the index and everything has to be embedded anew; ``answers`` says whether questions are answered
    meanwhile. ``problem`` is why the model of the settings cannot be loaded. ``settable`` says whether the
    page may change the setting.
    """

    index: StoredModel | None = None
    before: StoredModel | None = None
    needed: str = ""
    answers: bool = True
    problem: str = ""
    settable: bool = True


class ModelFollower:
    """Chooses the embedding model whenever the settings or the index name another one."""

    def __init__(self, settings: Settings, *, load: Callable[[Settings], Embedder] | None = None) -> None:
        """Load nothing yet.

        Args:
            settings: Those that a model was loaded for that the caller has already, if it has one.
            load: Loads the embedding model of some settings; by default as ``rag.build`` does.
        """
        self._chosen_for = settings.embedding
        self._load = load
        self._choice: ModelChoice | None = None
        self._tried: str | None = None

    def choose(self, settings: Settings, store: Store, loaded: Embedder | None) -> Embedder:
        """The model that is to answer now.

        Args:
            loaded: The one that has answered so far.

        Raises:
            EmbeddingError: No model that would do can be loaded.
        """
        from rag.build import build_embedder, choose_embedder

        unchanged = settings.embedding == self._chosen_for
        if loaded is not None and unchanged and store.fingerprint in (None, loaded.fingerprint):
            return loaded
        choice = choose_embedder(settings, store, loaded, load=self._load or build_embedder)
        self._choice, self._chosen_for = choice, settings.embedding
        return choice.embedder

    def has_moved(self, store: Store, embedder: Embedder) -> bool:
        """Whether the index has moved on to another model than the one that answers; said once of each."""
        fingerprint = store.fingerprint
        if fingerprint in (None, embedder.fingerprint, self._tried):
            return False
        self._tried = fingerprint
        return True

    def state(self, index: StoredModel | None, before: StoredModel | None, *, settable: bool) -> ModelState:
        """What to say of a published index, with these models."""
        choice = self._choice
        if choice is None or index is None:
            return ModelState(index=index, before=before, settable=settable)
        return ModelState(
            index=index,
            before=before,
            needed="" if choice.wanted in (None, index.fingerprint) else choice.name,
            answers=choice.embedder.fingerprint == index.fingerprint,
            problem="" if choice.problem is None else explain(choice.problem),
            settable=settable,
        )
