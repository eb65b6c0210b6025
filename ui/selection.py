"""What a conversation searches: whole collections and single documents, or everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.rows import DocumentRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Less than everything: these collections, whatever comes into them, and these documents (ids)."""

    collections: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()


class Sources:
    """The documents that can answer, by collection, and what becomes of a selection when one is clicked.

    A selection that is None is everything. None of the methods gives back one that holds nothing.
    """

    def __init__(self, rows: Iterable[DocumentRow]) -> None:
        """Take the documents of an index, by collection and path."""
        shelves: dict[str, dict[str, DocumentRow]] = {}
        for row in rows:
            if row.answers:
                shelves.setdefault(row.collection, {})[row.doc_id] = row
        self.collections: Mapping[str, Mapping[str, DocumentRow]] = shelves
        self._documents = {doc_id: row for shelf in shelves.values() for doc_id, row in shelf.items()}
        # How many passages these documents have; those of the same content are counted once.
        self.passages = sum({row.version_id: row.passages for row in self._documents.values()}.values())

    def document(self, doc_id: str) -> DocumentRow | None:
        """One of them, None for any other."""
        return self._documents.get(doc_id)

    def count(self, selection: Selection | None) -> int:
        """How many documents a selection holds."""
        if selection is None:
            return len(self._documents)
        whole = sum(len(self.collections.get(name, ())) for name in selection.collections)
        return whole + sum(row.collection not in selection.collections for row in self._single(selection))

    def names(self, selection: Selection) -> list[str]:
        """What a selection holds, for people: collections, then files, each by name."""
        return [*sorted(selection.collections), *sorted(row.name for row in self._single(selection))]

    def left_out(self, selection: Selection, *, most: int) -> list[str]:
        """The names of the documents that a selection does not hold, by name; none if there are more."""
        if len(self._documents) - self.count(selection) > most:
            return []
        return sorted(
            row.name
            for row in self._documents.values()
            if row.collection not in selection.collections and row.doc_id not in selection.documents
        )

    def present(self, selection: Selection | None) -> Selection | None:
        """A selection without what is gone; None if nothing is left of it, or if it leaves nothing out."""
        if selection is None:
            return None
        # What a frozen set and the keys of a mapping have in common is a set that can be changed.
        left = Selection(
            collections=frozenset(selection.collections & self.collections.keys()),
            documents=frozenset(selection.documents & self._documents.keys()),
        )
        held = self.count(left)
        return left if 0 < held < len(self._documents) else None

    def with_collection(self, selection: Selection | None, name: str, *, on: bool) -> Selection | None:
        """Tick a collection, or take the tick away."""
        chosen = self._explicit(selection)
        shelf = self.collections.get(name, {})
        return self._kept(
            selection,
            Selection(
                collections=chosen.collections | {name} if on else chosen.collections - {name},
                documents=chosen.documents - shelf.keys(),
            ),
        )

    def with_document(self, selection: Selection | None, doc_id: str, *, on: bool) -> Selection | None:
        """Tick a document, or take the tick away: of a ticked collection all the others then stay."""
        row = self._documents.get(doc_id)
        if row is None:
            return selection
        chosen = self._explicit(selection)
        shelf = self.collections[row.collection]
        if row.collection in chosen.collections:
            chosen = Selection(
                collections=chosen.collections - {row.collection}, documents=chosen.documents | shelf.keys()
            )
        documents = chosen.documents | {doc_id} if on else chosen.documents - {doc_id}
        if len(shelf) > 1 and shelf.keys() <= documents:  # all of them again: the collection itself
            chosen = replace(chosen, collections=chosen.collections | {row.collection})
            documents -= shelf.keys()
        return self._kept(selection, replace(chosen, documents=documents))

    def _single(self, selection: Selection) -> list[DocumentRow]:
        return [self._documents[doc_id] for doc_id in selection.documents if doc_id in self._documents]

    def _explicit(self, selection: Selection | None) -> Selection:
        return Selection(collections=frozenset(self.collections)) if selection is None else selection

    def _kept(self, before: Selection | None, after: Selection) -> Selection | None:
        """The last tick stays: a conversation that searches nothing could answer nothing."""
        return self.present(after) if self.count(after) else before
