"""The comparison of ways to cut: what a chunk counts for."""

from __future__ import annotations

from index.documents import ParsedDocument
from rag.answers import Passage
from rag.scoring import Question
from tests.quality.chunking import IN_CHARACTERS, IN_FIVE, answer_found, files_of, paragraphs_in

DOCUMENTS = [
    (name, ParsedDocument(text=text, title=title))
    for name, title, text in [
        ("f0", "Ferries", "They sail at nine."),
        ("f1", "Ferries", "On Sundays they rest."),
        ("d0", "Dogs", "They travel free of charge."),
    ]
]
TEXT = "Ferries\n\nThey sail at nine.\n\nOn Sundays they rest.\n\nDogs\n\nThey travel free of charge."


def passage(words: str) -> Passage:
    start = TEXT.index(words)
    return Passage(
        chunk_id=1,
        doc_id="d",
        version_id=1,
        collection="Documents",
        path="0.txt",
        title="",
        page=None,
        heading_path=(),
        start=start,
        end=start + len(words),
        text=words,
        score=1.0,
        cosine=1.0,
        bm25=1.0,
    )


def test_paragraphs_are_joined_under_their_headings_and_found_again_by_offsets() -> None:
    [(name, document)], spans = files_of(DOCUMENTS, flat=False)
    assert (name, document.text) == ("0.txt", TEXT)
    assert [heading.title for heading in document.headings] == ["Ferries", "Dogs"]
    assert [TEXT[start:end] for start, end, _ in spans[name]] == [each.text for _, each in DOCUMENTS]
    assert files_of(DOCUMENTS, flat=True)[0][0][1].headings == ()


def test_a_chunk_counts_for_the_paragraphs_that_it_holds_or_lies_in() -> None:
    _, spans = files_of(DOCUMENTS, flat=False)
    found = {
        words: list(paragraphs_in(passage(words), spans))
        for words in (
            "sail at nine.\n\nOn Sundays they rest",
            "nine.\n\nOn Sundays they rest.",
            "travel free",
        )
    }
    assert list(found.values()) == [["f1", "f0"], ["f1"], ["d0"]]


def test_an_answer_counts_where_it_stands_in_the_right_paragraph() -> None:
    _, spans = files_of(DOCUMENTS, flat=False)
    question = Question(question_id="q", text="When?", answers=("nine",))
    found = [passage("They travel free of charge."), passage("They sail at nine.")]
    assert answer_found(found, question, {"f0"}, spans) == {IN_FIVE: 1.0, IN_CHARACTERS: 1.0}
    assert answer_found(found, question, {"d0"}, spans) == {IN_FIVE: 0.0, IN_CHARACTERS: 0.0}
    late = [passage("They travel free of charge.")] * 5 + found[1:]
    assert answer_found(late, question, {"f0"}, spans) == {IN_FIVE: 0.0, IN_CHARACTERS: 1.0}
