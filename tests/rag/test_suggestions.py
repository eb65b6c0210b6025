"""What is suggested to ask next is answered when it is asked, and shows something new."""

from __future__ import annotations

from pathlib import Path

from index.documents import ParsedDocument
from rag.answers import Turn, digest
from rag.ask import Assistant
from rag.suggestions import Span, Suggestion
from tests.fakes import OverlapReader
from tests.rag.corpus import FRANCE, indexed, with_headings

WARRANTY = "How many months does the warranty last?"
HANDBOOK = with_headings(
    ("1. Paris the capital", "Paris is the capital of France."),
    ("2. Elephants of Botswana", "What of them?"),
    ("3. Warranty in months", "The warranty lasts 24 months."),
    ("4. Battery", "The battery is covered too."),
    ("5. Leader of the Norse", "The Norse leader was called Rollo."),
    ("6. River Seine", "The river Seine flows slowly."),
)


def suggested(
    assistant: Assistant,
    question: str = WARRANTY,
    *earlier: str,
    shown: tuple[Span, ...] = (),
    documents: frozenset[str] | None = None,
) -> tuple[Suggestion, ...]:
    history = [Turn(role="user", text=text) for text in earlier]
    answer = assistant.ask(question, history, documents=documents)
    assert answer.status == "answered"
    history += [Turn(role="user", text=question), Turn(role="assistant", text=answer.text)]
    return assistant.suggest(answer, history, shown=shown, documents=documents)


def texts(found: tuple[Suggestion, ...]) -> list[str]:
    return [each.heading.text for each in found]


def test_the_nearest_headings_that_are_answered_are_offered(tmp_path: Path) -> None:
    with indexed(tmp_path, {"handbook.md": HANDBOOK}) as (store, assistant):
        found = suggested(assistant)
        # Neither the heading that was answered just now, nor one that no passage answers.
        assert texts(found) == ["Battery", "Leader of the Norse", "Paris the capital"]
        (row,) = store.documents()
        assert row.version_id is not None
        text = store.text(row.version_id) or ""
        for each in found:
            assert text[each.heading.start : each.heading.end] == each.heading.quote
            assert text[each.evidence.start : each.evidence.end] == each.evidence.quote
        assert found[0].evidence.quote == "The battery is covered too."


def test_every_suggestion_is_answered_with_what_was_found_for_it(tmp_path: Path) -> None:
    with indexed(tmp_path, {"handbook.md": HANDBOOK}, reader=OverlapReader()) as (_, assistant):
        answer = assistant.ask(WARRANTY)
        history = [Turn(role="user", text=WARRANTY), Turn(role="assistant", text=answer.text)]
        found = assistant.suggest(answer, history)
        assert found
        for each in found:
            asked = assistant.ask(each.heading.text, history)
            assert asked.status == "answered"
            assert asked.citations[0] == each.evidence


def test_what_was_shown_or_asked_already_is_not_offered(tmp_path: Path) -> None:
    with indexed(tmp_path, {"handbook.md": HANDBOOK}) as (_, assistant):
        battery = suggested(assistant)[0].evidence
        shown = Span(
            version_id=battery.version_id, start=battery.start, end=battery.end, sha256=digest(battery.quote)
        )
        assert "Battery" not in texts(suggested(assistant, shown=(shown,)))
        # The same words count wherever they stand.
        copy = Span(version_id=999, start=0, end=9, sha256=digest(battery.quote))
        assert "Battery" not in texts(suggested(assistant, shown=(copy,)))
        assert "Battery" not in texts(suggested(assistant, WARRANTY, "battery?"))


def test_a_suggestion_keeps_to_the_selection_and_ends_when_it_is_told(tmp_path: Path) -> None:
    shelf: dict[str, str | ParsedDocument] = {
        "handbook.md": with_headings(
            ("Warranty in months", "The warranty lasts 24 months."), ("Capital of France", "See elsewhere.")
        ),
        "france.txt": FRANCE,
    }
    with indexed(tmp_path, shelf) as (store, assistant):
        ids = {row.path: row.doc_id for row in store.documents()}
        everywhere = suggested(assistant)
        assert texts(everywhere) == ["Capital of France"]
        assert everywhere[0].evidence.path == "france.txt"
        assert suggested(assistant, documents=frozenset({ids["handbook.md"]})) == ()
        answer = assistant.ask(WARRANTY)
        assert assistant.suggest(answer, [], stopped=lambda: True) == ()


def test_without_a_heading_or_a_citation_there_is_nothing_to_offer(tmp_path: Path) -> None:
    with indexed(tmp_path, {"france.txt": FRANCE}) as (_, assistant):
        assert suggested(assistant, "What is the capital of France?") == ()
        refused = assistant.ask("Which elephants migrate?")
        assert refused.status == "abstained"
        assert assistant.suggest(refused, []) == ()
