from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rag.errors import GenerationError
from rag.llm import LanguageModel, Piece
from rag.settings import GenerationSettings
from tests.rag.llm_stub import Stub, serving

PROVIDERS = ("openai", "ollama", "anthropic")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")


@contextmanager
def language_model(provider: str, url: str, *, timeout_seconds: float = 20.0) -> Iterator[LanguageModel]:
    base = f"{url}/v1" if provider == "openai" else url
    model = LanguageModel(
        GenerationSettings(model=f"{provider}:stub", base_url=base, timeout_seconds=timeout_seconds)
    )
    try:
        yield model
    finally:
        model.close()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_text_streams_in_the_pieces_it_came_in(provider: str) -> None:
    with (
        serving(Stub(pieces=["Paris is ", "the capital", " [1]."])) as stub,
        language_model(provider, stub.url) as model,
    ):
        pieces = list(model.stream("Rules.", "Question?"))
    assert [piece.text for piece in pieces] == ["Paris is ", "the capital", " [1]."]
    sent = str(stub.requests)
    assert "Rules." in sent
    assert "Question?" in sent


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_second_question_uses_the_same_model(provider: str) -> None:
    with serving(Stub(pieces=["Yes."])) as stub, language_model(provider, stub.url) as model:
        for _ in range(2):
            assert [piece.text for piece in model.stream("", "Question?")] == ["Yes."]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_answer_that_hit_the_length_limit_says_so(provider: str) -> None:
    with (
        serving(Stub(pieces=["Paris is"], finish="length")) as stub,
        language_model(provider, stub.url) as model,
    ):
        assert list(model.stream("", "Question?")) == [Piece(text="Paris is"), Piece(text="", cut=True)]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_server_error_is_named(provider: str) -> None:
    with (
        serving(Stub(status=500)) as stub,
        language_model(provider, stub.url) as model,
        pytest.raises(GenerationError, match="HTTP 500"),
    ):
        list(model.stream("", "Question?"))
    assert len(stub.requests) == 1  # no quiet retries


@pytest.mark.parametrize(
    ("status", "message"), [(401, "key"), (404, "does not know the model"), (429, "too many")]
)
def test_a_refusal_is_named(status: int, message: str) -> None:
    with (
        serving(Stub(status=status)) as stub,
        language_model("openai", stub.url) as model,
        pytest.raises(GenerationError, match=message),
    ):
        list(model.stream("", "Question?"))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_model_that_is_not_there_is_named(provider: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        language_model(provider, f"http://127.0.0.1:{port}") as model,
        pytest.raises(GenerationError, match="is not answering at http://127"),
    ):
        list(model.stream("", "Question?"))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_cut_answer_is_a_failure(provider: str) -> None:
    with (
        serving(Stub(pieces=["Paris ", "is ", "the"], cut_after=2)) as stub,
        language_model(provider, stub.url) as model,
        pytest.raises(GenerationError, match="broke off"),
    ):
        list(model.stream("", "Question?"))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_silence_ends_at_the_time_limit(provider: str) -> None:
    with (
        serving(Stub(pieces=["Paris ", "is"], silent_after=1)) as stub,
        language_model(provider, stub.url, timeout_seconds=0.5) as model,
        pytest.raises(GenerationError, match=r"said nothing for 0\.5 seconds"),
    ):
        list(model.stream("", "Question?"))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_stopping_a_silent_model_drops_the_connection(provider: str) -> None:
    stub = Stub(pieces=["Paris ", "is"], silent_after=1)
    with serving(stub), language_model(provider, stub.url) as model:
        started = time.monotonic()
        stream = model.stream("", "Question?", stopped=lambda: time.monotonic() - started > 1.0)
        seen = [piece.text for piece in stream]
        assert stub.dropped.wait(5)
    assert seen == ["Paris "]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_who_has_words_gives_way_to_those_who_have_none(provider: str) -> None:
    words = [f"word{number} " for number in range(12)]
    crowded = [True] * 5 + [False] * len(words)
    with serving(Stub(pieces=words)) as stub, language_model(provider, stub.url) as model:
        list(model.stream("", "Load the model."))
        pieces = model.stream("", "Question?", give_way=lambda: crowded.pop(0))
        arrived = [(time.monotonic(), piece.text) for piece in pieces]
    assert [text for _, text in arrived] == words
    assert arrived[5][0] - arrived[0][0] >= 5 * 0.2  # they are taken a quarter of a second apart
    assert len(crowded) == 5  # asked once after each piece that says something


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    model = LanguageModel(GenerationSettings(model="openai:stub"))
    with pytest.raises(GenerationError, match="key") as caught:
        list(model.stream("", "Question?"))
    assert "OPENAI_API_KEY" in caught.value.hint
    model.close()


def test_an_unknown_provider_is_named() -> None:
    model = LanguageModel(GenerationSettings(model="nobody:stub"))
    with pytest.raises(GenerationError, match="nobody:stub cannot be used"):
        list(model.stream("", "Question?"))
    model.close()


def test_tracing_from_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Stub()) as tracer, serving(Stub(pieces=["Yes."])) as stub:
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        monkeypatch.setenv("LANGCHAIN_TRACING_V2", "true")
        monkeypatch.setenv("LANGSMITH_API_KEY", "test")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", tracer.url)
        with language_model("ollama", stub.url) as model:
            assert [piece.text for piece in model.stream("", "Question?")] == ["Yes."]
        time.sleep(0.5)
    assert tracer.requests == []
