"""All documents of one generation of the index, looked through once and not with every beat of every tab."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

from index.rows import DocumentRow
from ui.health import needs_a_look


class DocumentList:
    """The rows, by collection and path, and what the views say of all of them, found out when first asked."""

    def __init__(self, rows: Sequence[DocumentRow]) -> None:
        """``rows`` do not change any more."""
        self.rows = rows

    @cached_property
    def by_id(self) -> Mapping[str, DocumentRow]:
        """Each document by its id."""
        return {row.doc_id: row for row in self.rows}

    @cached_property
    def by_place(self) -> Mapping[tuple[str, str], DocumentRow]:
        """Each document by its collection and path."""
        return {(row.collection, row.path): row for row in self.rows}

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """How many documents each collection has, by its name, in the order of names."""
        return dict(sorted(Counter(row.collection for row in self.rows).items()))

    @cached_property
    def ignored(self) -> frozenset[str]:
        """The paths of those that are ignored."""
        return frozenset(row.path for row in self.rows if row.state == "ignored")

    @cached_property
    def troubled(self) -> Sequence[DocumentRow]:
        """Those that could not be read, or not whole, or not well."""
        return [row for row in self.rows if needs_a_look(row)]
