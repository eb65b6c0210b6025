"""Example questions are made from headings as a person would say them."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.documents import ParsedDocument
from index.ingest import ingest_documents
from index.loaders.markdown import load_markdown
from index.store import Store
from rag.headings import plain_title
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import with_headings
from ui.examples import example_questions


def examples(data: Path, name: str, document: ParsedDocument) -> list[str]:
    with Store.open(data) as store:
        ingest_documents(store, WordCountEmbedder(["warranty"]), [(name, document)])
        return example_questions(store, store.documents())


def test_a_number_before_a_heading_is_not_asked_for(tmp_path: Path) -> None:
    document = with_headings(("1. Handbook of it", "Read it."), ("3.2 Warranty of parts", "24 months."))
    assert examples(tmp_path, "handbook.pdf", document) == [
        "What does handbook.pdf say about “Warranty of parts”?"
    ]


def test_marks_of_markdown_are_not_asked_for(tmp_path: Path) -> None:
    heading = b"3.2 The **long** `warranty` of [parts](parts.md) {#long}"
    text = b"# Handbook\n\nRead it.\n\n## " + heading + b"\n\n24 months.\n"
    document = load_markdown(text, media_type="text/markdown")
    assert examples(tmp_path, "handbook.md", document) == [
        "What does handbook.md say about “The long warranty of parts”?"
    ]


@pytest.mark.parametrize(
    ("title", "media_type", "said"),
    [
        ("**3.2** Warranty", "text/markdown", "Warranty"),
        ("Keys: `a_b_c` and *more*", "text/markdown", "Keys: a_b_c and more"),
        ("A <b>bold</b> plan", "text/markdown", "A bold plan"),
        ("Sets {a, b}", "text/markdown", "Sets {a, b}"),
        ("2 * 3 * 4 is 24", "text/markdown", "2 * 3 * 4 is 24"),
        ("The **long** `warranty`", "application/pdf", "The **long** `warranty`"),
    ],
)
def test_only_markdown_has_marks(title: str, media_type: str, said: str) -> None:
    assert plain_title(title, media_type) == said
