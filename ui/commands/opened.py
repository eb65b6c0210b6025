"""What a command works on: its settings, the index that they name, and the assistant over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import SourceError

if TYPE_CHECKING:
    from index.store import Store
    from rag.ask import Assistant
    from rag.settings import Settings


def settings_of(data: Path | None, more: dict[str, object] | None = None) -> Settings:
    """The settings of this run.

    Args:
        data: The folder that ``--data`` names; None: the environment, a file or the default says which.
        more: Dotted name -> value of the other options that are settings; None counts as not given.

    Raises:
        SettingsError: A name or a value cannot be used.
        BusyError: A backup is being restored to the data folder.
        StorageError: The data folder is on a network drive, and the settings do not allow that.
    """
    from index.exchange import settle_exchange
    from index.network_drives import refuse_network_drive
    from rag.settings import load_settings

    overrides = {"data": data, **(more or {})}
    settings = load_settings(overrides)
    if settle_exchange(settings.data):
        settings = load_settings(overrides)  # a part of them stands in the data folder
    refuse_network_drive(settings.data, forced=settings.data_on_network)
    return settings


@contextmanager
def assistant_of(settings: Settings, collections: frozenset[str] | None = None) -> Iterator[Assistant]:
    """The assistant over the index of the settings.

    An empty index, or a collection that does not exist, is refused before models load.
    """
    with opened(settings, collections) as (_, assistant):
        yield assistant


@contextmanager
def opened(
    settings: Settings, collections: frozenset[str] | None = None
) -> Iterator[tuple[Store, Assistant]]:
    """The index of the settings and the assistant over it, see ``assistant_of``."""
    from index.store import Store

    with Store.open(settings.data, create=False) as store:
        _require_passages(store)
        store.scope(collections)
        from rag.build import build_assistant
        from ui.bars import waiting
        from ui.eraser import start_eraser

        with waiting("Loading the embedding model …"):
            assistant = build_assistant(settings, store)
        try:
            yield store, assistant
        finally:
            assistant.close()
            start_eraser(store)


def document_ids(settings: Settings, named: list[str] | None) -> frozenset[str] | None:
    """The ids of the documents that were named; None for none, before a model loads.

    Raises:
        SourceError: A name is not that of a document.
    """
    if not named:
        return None
    from index.store import Store
    from ui.named import matching

    with Store.open(settings.data, create=False) as store:
        _require_passages(store)
        return frozenset(row.doc_id for row in matching(store.documents(), named))


def _require_passages(store: Store) -> None:
    if not store.status().passages:
        raise SourceError(
            f"Nothing is indexed in {store.data}.", hint="Index some documents first: footnote index PATH"
        )
