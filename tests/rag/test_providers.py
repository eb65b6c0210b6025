"""Where questions go, said truthfully."""

from __future__ import annotations

import pytest

from rag.providers import Destination, destination, key_is_set, provider_named
from rag.settings import GenerationSettings

VARIABLES = ("OLLAMA_HOST", "OPENAI_API_BASE", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "OPENAI_API_KEY")


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def to(model: str, base_url: str = "") -> Destination | None:
    return destination(GenerationSettings(model=model, base_url=base_url))


def test_built_in_and_local_models_send_nothing() -> None:
    assert to("") is None
    assert to("huggingface:/models/small") is None


@pytest.mark.parametrize(
    ("model", "base_url", "address", "here"),
    [
        ("ollama:llama3.1", "", "http://localhost:11434", True),
        ("ollama:llama3.1", "http://[::1]:1234", "http://[::1]:1234", True),
        ("ollama:llama3.1", "http://192.168.0.7:11434", "http://192.168.0.7:11434", False),
        ("ollama:llama3.1", "http://localhost.example.com", "http://localhost.example.com", False),
        ("openai:gpt", "", "https://api.openai.com", False),
        ("openai:gpt", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1", True),
        ("anthropic:claude", "https://me:secret@proxy.example/v1", "https://proxy.example/v1", False),
        ("mistralai:small", "", "", False),
    ],
)
def test_the_address_is_told_and_whether_it_is_here(
    model: str, base_url: str, address: str, here: bool
) -> None:
    goes_to = to(model, base_url)
    assert goes_to is not None
    assert (goes_to.address, goes_to.on_this_computer) == (address, here)


def test_a_variable_that_redirects_the_client_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "models.example:11434")
    goes_to = to("ollama:llama3.1")
    assert goes_to is not None
    assert (goes_to.address, goes_to.on_this_computer) == ("models.example:11434", False)


def test_a_key_is_seen_but_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert provider_named("openai").key == "OPENAI_API_KEY"
    assert not key_is_set(provider_named("openai"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    assert key_is_set(provider_named("openai"))
    assert not key_is_set(provider_named("ollama"))
