"""A refusal says what was searched, what is nearest, where else to look, and what can be asked instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from index.changes import PutDocument
from index.documents import ParsedDocument
from index.errors import UnknownCollectionError
from index.ingest import ingest_documents
from index.store import Store
from rag.answers import Answer, Done, Elsewhere, Stage, Turn
from rag.ask import WEAK, Assistant
from rag.build import build_assistant
from rag.headings import without_number
from rag.prompts import NOT_FOUND
from rag.refusal import listed
from rag.settings import AnswerSettings, GenerationSettings, Settings
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import FRANCE, NORMANS, PHONE, VOCABULARY, indexed, unread, with_headings
from tests.rag.llm_stub import Stub, serving

Collections = Mapping[str, Mapping[str, str | ParsedDocument]]
LIBRARY: Collections = {
    "Travel": {"france.txt": FRANCE},
    "History": {"normans.txt": NORMANS},
    "Manuals": {"phone.txt": PHONE},
}
ELEPHANTS = "Which elephants migrate through Botswana?"
WARRANTY = "How many months does the warranty of the phone last?"


HANDBOOK = with_headings(
    ("3.1 Battery", "The battery is covered for 12 months only."),
    ("3.2 Warranty", "The warranty of the phone lasts 24 months."),
    ("Seine", "The river Seine flows through Paris."),
)


@contextmanager
def library(
    data: Path, collections: Collections = LIBRARY, settings: Settings | None = None
) -> Iterator[tuple[Store, Assistant]]:
    embedder = WordCountEmbedder(VOCABULARY)
    with Store.open(data) as store:
        for name, texts in collections.items():
            items = [
                (path, text if isinstance(text, ParsedDocument) else ParsedDocument(text=text))
                for path, text in texts.items()
            ]
            ingest_documents(store, embedder, items, collection=name)
        store.refresh()
        assistant = build_assistant(unread(settings or Settings(data=data)), store, embedder)
        try:
            yield store, assistant
        finally:
            assistant.close()


def texts(answer: Answer) -> list[str]:
    return [sentence.text for sentence in answer.sentences]


def only(*names: str) -> frozenset[str]:
    return frozenset(names)


# -- the scope of a question -------------------------------------------------------------------------


def test_an_answer_comes_from_the_selected_collections_only(tmp_path: Path) -> None:
    with library(tmp_path) as (_, assistant):
        inside = assistant.ask(WARRANTY, collections=only("Manuals", "Travel"))
        outside = assistant.ask(WARRANTY, collections=only("Travel"))
        found = assistant.search("warranty", k=10, collections=only("History", "Travel"))
    assert (inside.status, [citation.collection for citation in inside.citations]) == (
        "answered",
        ["Manuals"],
    )
    assert outside.status == "abstained"
    assert [passage.collection for passage in outside.passages] == ["Travel"]
    assert sorted(passage.collection for passage in found) == ["History", "Travel"]
    assert inside.refusal is None


def test_the_source_that_is_named_lies_inside_the_selection(tmp_path: Path) -> None:
    copies = {"A": {"one.txt": PHONE}, "B": {"two.txt": PHONE}, "C": {"three.txt": PHONE}}
    with library(tmp_path, copies) as (_, assistant):
        for name, path in (("A", "one.txt"), ("B", "two.txt"), ("C", "three.txt")):
            (citation, *_) = assistant.ask(WARRANTY, collections=only(name)).citations
            assert (citation.collection, citation.path) == (name, path)


def test_what_is_disabled_does_not_answer(tmp_path: Path) -> None:
    with library(tmp_path) as (store, assistant):
        (row,) = store.documents("Manuals")
        assert row.content_hash is not None
        store.publish(
            puts=[
                PutDocument(
                    collection=row.collection, path=row.path, origin=row.origin, size=row.size,
                    content_hash=row.content_hash, version=row.version_id, state="disabled",
                )
            ]
        )  # fmt: skip
        store.refresh()
        answer = assistant.ask(WARRANTY)
        assert answer.status == "abstained"
        assert sorted(passage.collection for passage in answer.passages) == ["History", "Travel"]
        assert texts(answer)[1] == "Searched 2 passages of 2 documents."
        # Nor is it pointed at from another selection.
        refused = assistant.ask(WARRANTY, collections=only("Travel")).refusal
        assert refused is not None
        assert refused.elsewhere == ()


def test_an_unknown_collection_fails_with_the_names_there_are(tmp_path: Path) -> None:
    with library(tmp_path) as (_, assistant):
        answer = assistant.ask(WARRANTY, collections=only("Manual"))
        with pytest.raises(UnknownCollectionError):
            assistant.search("warranty", collections=only("Manual"))
    assert answer.status == "failed"
    assert answer.notice == "There is no collection Manual. Collections are: History, Manuals, Travel."


def test_what_is_searched_is_said_while_it_is_searched(tmp_path: Path) -> None:
    with library(tmp_path) as (_, assistant):
        events = list(assistant.stream(WARRANTY, collections=only("Manuals", "Travel")))
    assert events[0] == Stage(name="retrieve", detail="Searching 2 passages in Manuals and Travel")
    assert isinstance(events[-1], Done)
    assert events[-1].answer.steps[1].detail == "2 of 2 passages in Manuals and Travel"


# -- what a refusal says -------------------------------------------------------------------------


def test_a_refusal_holds_what_was_searched_and_what_is_nowhere(tmp_path: Path) -> None:
    with library(tmp_path) as (_, assistant):
        answer = assistant.ask(ELEPHANTS)
    refusal = answer.refusal
    assert refusal is not None
    assert (refusal.passages, refusal.documents, refusal.collections) == (3, 3, ())
    assert refusal.unknown_words == ("elephants", "migrate", "botswana")
    assert refusal.nearest == answer.passages[:3]
    assert (refusal.elsewhere, refusal.rewordings) == ((), ())


def test_words_of_earlier_questions_are_not_said_to_be_missing(tmp_path: Path) -> None:
    with library(tmp_path) as (_, assistant):
        answer = assistant.ask("And the giraffes?", [Turn(role="user", text=ELEPHANTS)])
    assert answer.query.startswith("And the giraffes? elephants")
    assert answer.refusal is not None
    assert answer.refusal.unknown_words == ("giraffes",)


def test_at_most_three_passages_are_nearest(tmp_path: Path) -> None:
    many = {"Documents": {f"{number}.txt": f"River number {number}." for number in range(6)}}
    with library(tmp_path, many) as (_, assistant):
        answer = assistant.ask(ELEPHANTS)
    assert answer.refusal is not None
    assert answer.refusal.nearest == answer.passages[:3]
    assert len(answer.passages) == 6


def test_an_answer_outside_the_selection_is_pointed_at(tmp_path: Path) -> None:
    with library(tmp_path) as (_, assistant):
        answer = assistant.ask(WARRANTY, collections=only("Travel"))
    assert answer.refusal is not None
    assert answer.refusal.elsewhere == (Elsewhere(collection="Manuals", passages=1),)
    assert answer.refusal.collections == ("Travel",)
    assert texts(answer) == [
        "Not in your documents.",
        "Searched 1 passage of 1 document in Travel.",
        "Found in Manuals, outside your selection.",
    ]


def test_an_answer_in_another_file_than_the_selected_one_is_pointed_at(tmp_path: Path) -> None:
    shelves = {"Travel": {"france.txt": FRANCE}, "Manuals": {"phone.txt": PHONE, "normans.txt": NORMANS}}
    with library(tmp_path, shelves) as (store, assistant):
        ids = {row.name: row.doc_id for row in store.documents()}
        inside = assistant.ask(WARRANTY, documents=only(ids["phone.txt"]))
        beside = assistant.ask(WARRANTY, documents=only(ids["normans.txt"]))
        elsewhere = assistant.ask(WARRANTY, documents=only(ids["france.txt"]))
        found = assistant.search("warranty", documents=only(ids["normans.txt"], ids["france.txt"]))
    assert [citation.path for citation in inside.citations] == ["phone.txt"]
    assert texts(beside) == [
        "Not in your documents.",
        "Searched 1 passage of 1 document in normans.txt.",
        "Found in phone.txt, outside your selection.",
    ]
    assert beside.refusal is not None
    assert (beside.refusal.collections, beside.refusal.files) == ((), ("normans.txt",))
    assert beside.refusal.elsewhere == (Elsewhere(collection="Manuals", document="phone.txt", passages=1),)
    # Nothing of that collection was selected, so the collection is named.
    assert texts(elsewhere)[-1] == "Found in Manuals, outside your selection."
    assert sorted(passage.path for passage in found) == ["france.txt", "normans.txt"]


def test_a_selected_document_that_is_gone_makes_the_answer_fail(tmp_path: Path) -> None:
    with library(tmp_path) as (store, assistant):
        (row,) = store.documents("Manuals")
        store.remove([row.doc_id])
        answer = assistant.ask(WARRANTY, documents=only(row.doc_id))
    assert (answer.status, answer.notice) == (
        "failed",
        "A document that was selected cannot be found any more. Choose again what to search.",
    )


def test_the_collection_with_most_of_it_comes_first(tmp_path: Path) -> None:
    more = {
        **LIBRARY,
        "Archive": {
            "a.txt": "The warranty of the phone lasts 24 months in each country.",
            "b.txt": "The warranty of the phone lasts 24 months from the day of purchase.",
        },
    }
    with library(tmp_path, more) as (_, assistant):
        answer = assistant.ask(WARRANTY, collections=only("Travel"))
    assert answer.refusal is not None
    assert answer.refusal.elsewhere == (
        Elsewhere(collection="Archive", passages=2),
        Elsewhere(collection="Manuals", passages=1),
    )
    assert texts(answer)[-1] == "Found in Archive and Manuals, outside your selection."


def test_what_is_nowhere_is_not_claimed_to_be_elsewhere(tmp_path: Path) -> None:
    with library(tmp_path) as (_, assistant):
        answer = assistant.ask(ELEPHANTS, collections=only("Travel"))
    assert answer.refusal is not None
    assert answer.refusal.elsewhere == ()


def test_a_selection_without_a_passage_says_so(tmp_path: Path) -> None:
    with library(tmp_path) as (store, assistant):
        store.publish(
            puts=[
                PutDocument(
                    collection="Scans", path="scan.pdf", origin="folder", size=1, content_hash=None,
                    version=None, state="failed", problem="no_text",
                )
            ]
        )  # fmt: skip
        answer = assistant.ask(WARRANTY, collections=only("Scans"))
    assert texts(answer) == [
        "Nothing is indexed in Scans yet.",
        "Add documents and ask again.",
        "Found in Manuals, outside your selection.",
    ]


def test_a_model_that_finds_nothing_refuses_as_helpfully(tmp_path: Path) -> None:
    stub = Stub(pieces=[NOT_FOUND])
    with serving(stub):
        chosen = Settings(generation=GenerationSettings(model="ollama:stub", base_url=stub.url))
        with library(tmp_path, settings=chosen) as (_, assistant):
            answer = assistant.ask(WARRANTY)
    assert answer.status == "abstained"
    assert answer.refusal is not None
    assert answer.refusal.nearest == answer.passages[:3]


# -- rewordings ----------------------------------------------------------------------------------


def test_headings_near_the_question_are_offered_and_are_answered(tmp_path: Path) -> None:
    question = "Does Botswana have warranty rules for elephants?"
    with library(tmp_path, {"Documents": {"handbook.pdf": HANDBOOK}}) as (store, assistant):
        answer = assistant.ask(question)
        assert answer.status == "abstained"
        assert answer.refusal is not None
        (rewording,) = answer.refusal.rewordings
        assert (rewording.text, rewording.name) == ("Warranty", "handbook.pdf")
        text = store.text(rewording.version_id) or ""
        assert text[rewording.start : rewording.end] == rewording.quote == "Warranty"
        assert text[: rewording.start].endswith("3.2 ")
        again = assistant.ask(rewording.text)
    assert again.status == "answered"
    assert texts(again) == ["The warranty of the phone lasts 24 months."]


def test_no_heading_is_offered_when_none_is_near(tmp_path: Path) -> None:
    with library(tmp_path, {"Documents": {"handbook.pdf": HANDBOOK}}) as (_, assistant):
        answer = assistant.ask(ELEPHANTS)
    assert answer.refusal is not None
    assert answer.refusal.rewordings == ()


def test_a_heading_that_would_be_refused_is_not_offered(tmp_path: Path) -> None:
    misleading = with_headings(("Capital of France", "The battery is covered for 12 months only."))
    with library(tmp_path, {"Documents": {"a.pdf": misleading}}) as (_, assistant):
        asked = assistant.ask("Which elephants left the capital of France for Botswana?")
        heading = assistant.ask("Capital of France")
    assert (asked.status, heading.status) == ("abstained", "abstained")
    assert asked.refusal is not None
    assert asked.refusal.rewordings == ()


def test_at_most_three_headings_each_once(tmp_path: Path) -> None:
    sections = [(f"{n}. Warranty in land {n % 5}", "The warranty lasts 24 months.") for n in range(1, 12)]
    with library(tmp_path, {"Documents": {"a.pdf": with_headings(*sections)}}) as (_, assistant):
        answer = assistant.ask("Which elephants of Botswana have a warranty for migrating quickly?")
    assert answer.refusal is not None
    offered = [rewording.text for rewording in answer.refusal.rewordings]
    assert len(offered) == len(set(offered)) == 3
    assert set(offered) <= {f"Warranty in land {n}" for n in range(5)}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("3.2 Warranty", "Warranty"),
        ("1. The border", "The border"),
        ("IV. Results", "Results"),
        ("a) First case", "First case"),
        ("Chapter 3 Storms", "Storms"),
        ("Part 2: Storms", "Storms"),
        ("2024", "2024"),
        ("1984", "1984"),
        ("24 months of warranty", "24 months of warranty"),
        ("3.5 million people", "3.5 million people"),
        ("3 Terms", "3 Terms"),
        ("Particular storms", "Particular storms"),
        ("A warranty", "A warranty"),
        ("I was there", "I was there"),
        ("What is covered?", "What is covered?"),
        ("Two\nlines", "Two lines"),
    ],
)
def test_a_heading_loses_the_number_before_it(title: str, expected: str) -> None:
    assert without_number(title) == expected


def test_names_are_listed_as_a_sentence_holds_them() -> None:
    assert [listed(["A", "B", "C", "D"][:count]) for count in range(5)] == [
        "", "A", "A and B", "A, B and C", "A, B and 2 more",
    ]  # fmt: skip


# -- strictness ----------------------------------------------------------------------------------


def test_open_answers_below_the_balanced_bar_and_says_that_it_is_weak(tmp_path: Path) -> None:
    question = "Which river flows through Elbonia?"
    for strictness in ("balanced", "open"):
        chosen = Settings(answer=AnswerSettings.model_validate({"strictness": strictness}))
        with library(tmp_path / strictness, settings=chosen) as (_, assistant):
            weak, sure = assistant.ask(question), assistant.ask("What is the capital of France?")
        assert (sure.status, sure.notice) == ("answered", "")
        if strictness == "balanced":
            assert weak.status == "abstained"
        else:
            assert (weak.status, weak.notice) == ("answered", WEAK)
            assert [sentence.verdict for sentence in weak.sentences] == ["quoted"]
            assert WEAK.startswith("Weak evidence: ")


def test_where_everything_is_disabled_it_is_said_and_not_that_nothing_is_indexed(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, assistant):
        ids = {row.name: row.doc_id for row in store.documents()}
        chosen = frozenset({ids["france.txt"]})
        store.disable([ids["france.txt"]])
        one = assistant.ask("What is the capital of France?", documents=chosen)
        store.disable(list(ids.values()))
        every = assistant.ask("What is the capital of France?")
    assert one.text.startswith("Nothing was searched in france.txt: 1 document disabled. Enable it and")
    assert every.text == "Nothing was searched: 3 documents disabled. Enable some and ask again."
