"""What the views say of all documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from index.rows import DocumentRow
from index.store import Store
from tests.ui.desk import Tab, desk_over
from tests.ui.test_render import row
from ui.document_list import DocumentList

ROWS = [
    row(doc_id="a", collection="Manuals", path="/m/a.pdf", state="failed"),
    row(doc_id="b", collection="Manuals", path="/m/b.pdf", state="ignored"),
    row(doc_id="c", collection="Archive", path="/m/a.pdf", version_id=3),
]


def test_documents_are_found_by_id_and_by_place() -> None:
    documents = DocumentList(ROWS)
    assert documents.by_id["b"] is ROWS[1]
    assert documents.by_place["Archive", "/m/a.pdf"] is ROWS[2]
    assert documents.by_place["Manuals", "/m/a.pdf"] is ROWS[0]


def test_collections_are_counted_in_the_order_of_their_names() -> None:
    assert list(DocumentList(ROWS).sizes.items()) == [("Archive", 1), ("Manuals", 2)]
    assert DocumentList([]).sizes == {}


def test_those_that_need_a_look_are_told_from_those_that_are_ignored() -> None:
    documents = DocumentList(ROWS)
    assert [each.doc_id for each in documents.troubled] == ["a"]
    assert documents.ignored == {"/m/b.pdf"}


class Watched(list[DocumentRow]):
    """A list that knows how often somebody went through it."""

    passes = 0

    def __iter__(self) -> Iterator[DocumentRow]:
        self.passes += 1
        return super().__iter__()


def test_a_tab_that_is_open_does_not_go_through_all_documents_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Watched(ROWS)
    monkeypatch.setattr(Store, "documents", lambda *_: rows)
    with desk_over(tmp_path) as desk:
        tab = Tab(desk)
        first = tab.page.around.html(tab.view)
        before = rows.passes
        assert before > 0
        assert tab.page.around.html(tab.view).keys() == first.keys()
        assert rows.passes == before
