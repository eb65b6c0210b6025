from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.compiled import processors
from index.documents import ParsedDocument
from index.store import Store
from rag.answers import Answer, Delta, Done, Event, Found, Stage, Turn
from rag.ask import NOTED_WAIT_SECONDS, Assistant, never
from rag.build import build_assistant
from rag.providers import PROVIDERS
from rag.settings import AnswerSettings, GenerationSettings, Settings
from tests.fakes import WordCountEmbedder
from tests.rag.corpus import CORPUS, VOCABULARY, indexed, unread
from tests.rag.llm_stub import Stub, serving


def with_model(url: str, *, timeout_seconds: float = 20.0) -> Settings:
    return Settings(
        generation=GenerationSettings(model="ollama:stub", base_url=url, timeout_seconds=timeout_seconds)
    )


def last(events: Sequence[Event]) -> Answer:
    assert isinstance(events[-1], Done)
    return events[-1].answer


def texts(answer: Answer) -> list[str]:
    return [sentence.text for sentence in answer.sentences]


# -- the built-in answer ---------------------------------------------------------------------------


def test_the_answer_is_a_sentence_of_the_documents_with_its_place(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, assistant):
        answer = assistant.ask("What is the capital of France?")
        (citation,) = answer.citations
        assert store.text(citation.version_id) == CORPUS["france.txt"]
    assert answer.status == "answered"
    assert texts(answer) == ["Paris is the capital of France."]
    assert answer.sentences[0].verdict == "quoted"
    assert answer.text == "Paris is the capital of France. [1]"
    assert (citation.path, citation.marker) == ("france.txt", 1)
    assert CORPUS["france.txt"][citation.start : citation.end] == citation.quote == texts(answer)[0]
    assert answer.confidence > 0.6
    assert answer.generator == "built-in"


def test_a_second_sentence_comes_when_it_adds_what_was_asked(tmp_path: Path) -> None:
    with indexed(tmp_path) as (_, assistant):
        answer = assistant.ask("What are the months of warranty and battery?")
    assert texts(answer) == [
        "The warranty of the phone lasts 24 months.",
        "The battery is covered for 12 months only.",
    ] or texts(answer) == [
        "The battery is covered for 12 months only.",
        "The warranty of the phone lasts 24 months.",
    ]
    assert [sentence.markers for sentence in answer.sentences] == [(1,), (2,)]


def test_what_the_documents_do_not_hold_is_refused_helpfully(tmp_path: Path) -> None:
    with indexed(tmp_path) as (_, assistant):
        answer = assistant.ask("Which elephants migrate through Botswana?")
    assert answer.status == "abstained"
    assert texts(answer) == [
        "Not in your documents.",
        "Searched 3 passages of 3 documents.",
        "Found in none of them: elephants, migrate, botswana.",
    ]
    assert answer.citations == ()
    assert len(answer.passages) == 3


def test_strictness_moves_the_bar(tmp_path: Path) -> None:
    question = "Which river flows through Elbonia?"
    outcomes = []
    for strictness in ("strict", "open"):
        chosen = Settings(answer=AnswerSettings.model_validate({"strictness": strictness}))
        with indexed(tmp_path / strictness, settings=chosen) as (_, assistant):
            outcomes.append(assistant.ask(question))
    assert outcomes[0].confidence == outcomes[1].confidence
    assert [answer.status for answer in outcomes] == ["abstained", "answered"]


def test_an_empty_index_says_so(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        answer = build_assistant(unread(Settings()), store, WordCountEmbedder(VOCABULARY)).ask("Anything?")
    assert answer.status == "abstained"
    assert texts(answer) == ["Nothing is indexed yet.", "Add documents and ask again."]


@pytest.mark.parametrize("question", ["", "   \n", "x" * 9_000])
def test_a_question_that_cannot_be_used_fails_with_the_next_step(question: str, tmp_path: Path) -> None:
    with indexed(tmp_path) as (_, assistant):
        answer = assistant.ask(question)
    assert answer.status == "failed"
    assert answer.notice.endswith("ask again.")


def test_another_embedding_model_ends_in_a_failed_answer(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, _):
        answer = build_assistant(unread(Settings()), store, WordCountEmbedder(["paris"])).ask("Paris?")
    assert answer.status == "failed"
    assert "embedding" in answer.notice


def test_headings_and_questions_are_no_answers(tmp_path: Path) -> None:
    text = (
        "# The capital of France\n\nWhat is the capital of France?\n\nThe capital of that country is Paris.\n"
    )
    with indexed(tmp_path, {"guide.md": text}) as (_, assistant):
        answer = assistant.ask("What is the capital of France?")
    assert texts(answer) == ["The capital of that country is Paris."]


def test_a_follow_up_searches_for_what_it_leans_on(tmp_path: Path) -> None:
    history = [
        Turn(role="user", text="What does the warranty of the phone cover?"),
        Turn(role="assistant", text="The battery is covered for 12 months only. [1]"),
    ]
    with indexed(tmp_path) as (_, assistant):
        answer = assistant.ask("And how long does it last?", history)
    assert "warranty" in answer.query
    assert answer.question == "And how long does it last?"
    assert answer.citations[0].path == "phone.txt"


@contextmanager
def all_places_taken(assistant: Assistant) -> Iterator[None]:
    """As when as many questions are being looked up as may be at once."""
    with ExitStack() as places:
        while not assistant._line.full:
            places.enter_context(assistant._line.turn(never))
        yield


def test_a_question_waits_while_as_many_as_may_be_are_looked_up(tmp_path: Path) -> None:
    with indexed(tmp_path) as (_, assistant), ThreadPoolExecutor(1) as pool:
        with all_places_taken(assistant):
            waiting = pool.submit(lambda: list(assistant.stream("What is the capital of France?")))
            time.sleep(3 * NOTED_WAIT_SECONDS)
            assert (waiting.done(), assistant.crowded) == (False, True)
        events = waiting.result(10)
        assert (waiting.done(), assistant.crowded) == (True, False)
    assert events[0] == Stage(name="wait", detail="Waiting for the questions before this one")
    answer = last(events)
    assert answer.status == "answered"
    assert [step.name for step in answer.steps][:3] == ["condense", "wait", "retrieve"]
    assert answer.steps[1].milliseconds > 1000 * NOTED_WAIT_SECONDS


def test_a_question_that_waits_can_be_stopped(tmp_path: Path) -> None:
    with indexed(tmp_path) as (_, assistant):
        with all_places_taken(assistant):
            answer = last(list(assistant.stream("What is the capital of France?", stopped=lambda: True)))
        assert assistant.ask("What is the capital of France?").status == "answered"
    assert answer.status == "stopped"


def test_a_question_that_waited_is_answered_from_what_is_indexed_by_then(tmp_path: Path) -> None:
    with indexed(tmp_path) as (store, assistant), ThreadPoolExecutor(1) as pool:
        with all_places_taken(assistant):
            waiting = pool.submit(assistant.ask, "What is the capital of France?")
            time.sleep(3 * NOTED_WAIT_SECONDS)
            (france,) = (row.doc_id for row in store.documents() if row.path == "france.txt")
            store.remove([france])
        answer = waiting.result(10)
        assert answer.generation == store.generation
    assert "Paris" not in answer.text


def test_who_reads_an_answer_slowly_holds_nobody_up(tmp_path: Path) -> None:
    with indexed(tmp_path) as (_, assistant):
        streams = [assistant.stream("What is the capital of France?") for _ in range(processors() + 5)]
        answers: list[Answer] = []
        for together in itertools.zip_longest(*streams):  # in turn, an event of each
            answers += [event.answer for event in together if isinstance(event, Done)]
        assert [answer.status for answer in answers] == ["answered"] * len(streams)
        for _ in assistant.stream("What is the capital of France?"):
            assert assistant.ask("What is the capital of France?").status == "answered"


def test_nobody_waits_for_what_a_model_is_writing(tmp_path: Path) -> None:
    with (
        serving(Stub(pieces=["Paris. [1]"])) as stub,
        indexed(tmp_path, settings=with_model(stub.url)) as (
            _,
            assistant,
        ),
    ):
        writing = []
        for _ in range(processors() + 2):
            stream = assistant.stream("What is the capital of France?")
            stages = iter(event.name for event in stream if isinstance(event, Stage))
            assert list(itertools.islice(stages, 2)) == ["retrieve", "generate"]
            writing.append(stream)
        answers = [last(list(stream)) for stream in writing]
    assert [answer.status for answer in answers] == ["answered"] * len(writing)


def test_the_events_come_in_order_and_every_step_is_timed(tmp_path: Path) -> None:
    with indexed(tmp_path) as (_, assistant):
        events = list(assistant.stream("What is the capital of France?"))
    assert [type(event) for event in events] == [Stage, Found, Delta, Done]
    answer = last(events)
    assert [step.name for step in answer.steps] == ["condense", "retrieve", "select", "cite"]
    assert all(step.milliseconds >= 0 for step in answer.steps)
    assert answer.generation == 1


def test_stopping_before_the_answer_keeps_the_passages(tmp_path: Path) -> None:
    with indexed(tmp_path) as (_, assistant):
        answer = last(list(assistant.stream("What is the capital of France?", stopped=lambda: True)))
    assert answer.status == "stopped"
    assert answer.passages[0].path == "france.txt"


def test_the_assistant_searches(tmp_path: Path) -> None:
    with indexed(tmp_path) as (_, assistant):
        assert [passage.path for passage in assistant.search("warranty", k=1)] == ["phone.txt"]


def test_a_search_with_a_history_finds_what_an_answer_would_rest_on(tmp_path: Path) -> None:
    history = [Turn(role="user", text="Who was Rollo?"), Turn(role="assistant", text="A leader. [1]")]
    with indexed(tmp_path) as (_, assistant):
        asked = assistant.ask("When did he swear it?", history)
        found = assistant.search("When did he swear it?", k=1, history=history)
    assert found[0].path == asked.passages[0].path == "normans.txt"
    assert found[0].bm25 == asked.passages[0].bm25


@given(text=st.text(min_size=1, max_size=300), question=st.text(min_size=1, max_size=60))
@settings(max_examples=25, deadline=None)
def test_every_citation_is_verbatim_in_any_text(
    text: str, question: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cleaned = text.replace("\0", "").replace("\r", "").encode("utf-8", "replace").decode()
    if not cleaned.strip():
        return
    chosen = Settings(answer=AnswerSettings(strictness="open"))
    with indexed(tmp_path_factory.mktemp("any"), {"any.txt": cleaned}, settings=chosen) as (store, assistant):
        for asked in (question, cleaned[:80]):
            answer = assistant.ask(asked)
            for citation in answer.citations:
                assert (store.text(citation.version_id) or "")[
                    citation.start : citation.end
                ] == citation.quote


def test_a_citation_names_the_page_of_its_own_sentence(tmp_path: Path) -> None:
    document = ParsedDocument(
        text="Lyon is large.\n\nParis is the capital of France.", page_starts=(0, 16), title="Cities"
    )
    with indexed(tmp_path, {"cities.pdf": document}) as (_, assistant):
        answer = assistant.ask("What is the capital of France?")
    assert answer.passages[0].page == 1  # one passage over both pages
    assert (answer.citations[0].title, answer.citations[0].page) == ("Cities", 2)


# -- with a language model ---------------------------------------------------------------------------


def test_a_model_writes_and_its_marks_become_citations(tmp_path: Path) -> None:
    stub = Stub(pieces=["The capital of France ", "is Paris [1]."])
    with serving(stub), indexed(tmp_path, settings=with_model(stub.url)) as (_, assistant):
        events = list(assistant.stream("What is the capital of France?"))
    answer = last(events)
    assert [event.text for event in events if isinstance(event, Delta)] == [
        "The capital of France ",
        "is Paris [1].",
    ]
    assert answer.status == "answered"
    assert answer.generator == "ollama:stub"
    assert answer.text == "The capital of France is Paris. [1]"
    assert answer.citations[0].quote == "Paris is the capital of France."
    assert [step.name for step in answer.steps] == ["condense", "retrieve", "select", "generate", "cite"]
    prompt = stub.requests[0]["messages"][-1]["content"]
    assert prompt.index('<passage number="1" source="france.txt">') < prompt.index("<question>")


def test_another_model_writes_once_it_is_asked_for(tmp_path: Path) -> None:
    stub = Stub(pieces=["The capital of France is Paris [1]."])
    with serving(stub):
        models = {"others": "ollama:second, ollama:stub"}
        generation = with_model(stub.url).generation.model_copy(update=models)
        with indexed(tmp_path, settings=Settings(generation=generation)) as (_, assistant):
            question = "What is the capital of France?"
            by = [last(list(assistant.stream(question, model=name))) for name in ("ollama:second", None, "")]
            unknown = last(list(assistant.stream(question, model="ollama:third")))
    assert [answer.generator for answer in by] == ["ollama:second", "ollama:stub", "built-in"]
    assert [request["model"] for request in stub.requests] == ["second", "stub"]
    assert unknown.status == "failed"
    assert "ollama:third is not one of the models" in unknown.notice


def test_unknown_marks_are_told(tmp_path: Path) -> None:
    stub = Stub(pieces=["The capital of France is Paris [1][9]."])
    with serving(stub), indexed(tmp_path, settings=with_model(stub.url)) as (_, assistant):
        answer = assistant.ask("What is the capital of France?")
    assert answer.notice == "1 mark named no passage and was left out."


def test_without_evidence_no_model_is_asked(tmp_path: Path) -> None:
    stub = Stub()
    with serving(stub), indexed(tmp_path, settings=with_model(stub.url)) as (_, assistant):
        answer = assistant.ask("Which elephants migrate through Botswana?")
    assert answer.status == "abstained"
    assert stub.requests == []


def test_a_model_that_finds_nothing_abstains(tmp_path: Path) -> None:
    stub = Stub(pieces=["NOT IN ", "THE DOCUMENTS."])
    with serving(stub), indexed(tmp_path, settings=with_model(stub.url)) as (_, assistant):
        answer = assistant.ask("What is the capital of France?")
    assert answer.status == "abstained"
    assert texts(answer)[0] == "Not in your documents."
    assert answer.generator == "ollama:stub"


@pytest.mark.parametrize(
    ("stub", "cause"),
    [
        (Stub(status=500), "HTTP 500"),
        (Stub(pieces=["The ", "capital"], cut_after=1), "broke off"),
        (Stub(pieces=["The ", "capital"], silent_after=1), "said nothing"),
        (Stub(pieces=[" "]), "wrote nothing"),
    ],
)
def test_a_model_that_fails_is_replaced_by_quotes_with_a_notice(
    stub: Stub, cause: str, tmp_path: Path
) -> None:
    with (
        serving(stub),
        indexed(tmp_path, settings=with_model(stub.url, timeout_seconds=0.5)) as (_, assistant),
    ):
        answer = assistant.ask("What is the capital of France?")
    assert answer.status == "answered"
    assert answer.generator == "built-in"
    assert texts(answer) == ["Paris is the capital of France."]
    assert cause in answer.notice
    assert "Showing quotes from your documents instead." in answer.notice


def test_a_model_that_is_not_running_is_replaced_by_quotes_with_a_notice(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with indexed(tmp_path, settings=with_model(url)) as (_, assistant):
        answer = assistant.ask("What is the capital of France?")
    assert answer.citations[0].path == "france.txt"
    assert answer.notice.startswith(f"Ollama is not answering at {url}. Showing quotes")
    assert "ollama serve" in answer.notice


def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = replace(PROVIDERS["ollama"], package="a_package_that_is_not_installed")
    monkeypatch.setitem(PROVIDERS, "ollama", absent)
    with indexed(tmp_path, settings=with_model("")) as (_, assistant):
        answer = assistant.ask("What is the capital of France?")
    assert answer.status == "answered"
    assert 'pip install "footnote[ollama]"' in answer.notice


def test_stopping_keeps_what_was_written(tmp_path: Path) -> None:
    stub = Stub(pieces=["The capital of France is Paris [1]. ", "It has"], silent_after=1)
    written: list[str] = []
    with serving(stub), indexed(tmp_path, settings=with_model(stub.url)) as (_, assistant):
        for event in assistant.stream("What is the capital of France?", stopped=lambda: bool(written)):
            if isinstance(event, Delta):
                written.append(event.text)
            elif isinstance(event, Done):
                answer = event.answer
        assert stub.dropped.wait(5)
    assert answer.status == "stopped"
    assert answer.text == "The capital of France is Paris. [1]"


def test_a_local_model_answers_offline(tmp_path: Path) -> None:
    from tests.rag.tiny_model import make_tiny_model

    folder = make_tiny_model(tmp_path / "model")
    chosen = Settings(generation=GenerationSettings(model=f"huggingface:{folder}", max_tokens=16))
    with indexed(tmp_path / "data", settings=chosen) as (_, assistant):
        events = list(assistant.stream("What is the capital of France?"))
    assert last(events).status in ("answered", "abstained")  # random weights: it may write no word at all
    streamed = "".join(event.text for event in events if isinstance(event, Delta))
    assert streamed
    assert "Rules:" not in streamed  # the prompt is not echoed


def test_an_assistant_without_a_model_closes(tmp_path: Path) -> None:
    with indexed(tmp_path) as (_, assistant):
        assert isinstance(assistant, Assistant)
        assistant.close()
