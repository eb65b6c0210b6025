"""What the views say of all documents."""

from __future__ import annotations

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
