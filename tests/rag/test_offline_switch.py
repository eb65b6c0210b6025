"""The offline switch refuses what would leave this computer, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import EmbeddingError
from rag.build import build_embedder
from rag.errors import GenerationError, SettingsError
from rag.llm import LanguageModel, try_model
from rag.offline import leaves_this_computer, refuse_leaving
from rag.settings import GenerationSettings, Settings, load_settings
from tests.rag.corpus import indexed

VARIABLES = ("OLLAMA_HOST", "OPENAI_API_BASE", "OPENAI_BASE_URL", "ANTHROPIC_API_URL", "ANTHROPIC_BASE_URL")


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def settings(**said: object) -> Settings:
    return load_settings({name.replace("__", "."): value for name, value in said.items()})


@pytest.mark.parametrize(
    ("model", "base_url", "leaves"),
    [
        ("", "", False),
        ("huggingface:/models/small", "", False),
        ("ollama:llama3.1", "", False),
        ("ollama:llama3.1", "http://127.0.0.1:9999", False),
        ("ollama:llama3.1", "http://[::1]:9999", False),
        ("ollama:llama3.1", "http://10.0.0.7:11434", True),
        ("openai:gpt", "", True),
        ("openai:gpt", "http://localhost:1234/v1", False),
        ("openai:gpt", "https://localhost.example.org/v1", True),
        ("openai:gpt", "http://localhost@example.org/v1", True),
        ("anthropic:claude", "", True),
        ("groq:llama", "", True),
        ("groq:llama", "http://localhost:1234", True),  # nobody knows whether it heeds the address
    ],
)
def test_what_is_not_on_this_computer_leaves_it(model: str, base_url: str, leaves: bool) -> None:
    generation = GenerationSettings(model=model, base_url=base_url)
    assert leaves_this_computer(generation) is leaves
    wanted = settings(generation__model=model, generation__base_url=base_url, privacy__offline=True)
    if leaves:
        with pytest.raises(SettingsError, match="stay offline") as caught:
            refuse_leaving(wanted, {"generation.model"})
        assert "privacy.offline" in caught.value.hint
    else:
        refuse_leaving(wanted, {"generation.model"})


def test_an_address_in_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1234/v1")
    assert not leaves_this_computer(GenerationSettings(model="openai:gpt"))
    monkeypatch.setenv("OLLAMA_HOST", "http://gpu.example:11434")
    assert leaves_this_computer(GenerationSettings(model="ollama:llama3.1"))


def test_only_what_is_set_is_refused_and_only_while_the_switch_is_on() -> None:
    leaving = {"generation__model": "openai:gpt", "embedding__model": "someone/model"}
    refuse_leaving(settings(**leaving), {"generation.model", "embedding.model"})
    offline = settings(**leaving, privacy__offline=True)
    refuse_leaving(offline, {"privacy.offline", "retrieval.passages", "generation.temperature"})
    for name in ("generation.model", "generation.base_url", "embedding.model"):
        with pytest.raises(SettingsError):
            refuse_leaving(offline, {name})


def test_a_model_elsewhere_is_refused_among_the_others_too() -> None:
    chosen = settings(generation__others="ollama:here, openai:gpt", privacy__offline=True)
    with pytest.raises(SettingsError, match="openai:gpt answers at"):
        refuse_leaving(chosen, {"generation.others"})
    refuse_leaving(settings(generation__others="ollama:here", privacy__offline=True), {"generation.others"})


def test_a_model_elsewhere_is_not_even_imported_when_an_answer_would_use_it() -> None:
    generation = GenerationSettings(model="nobody:knows")
    model = LanguageModel(generation, offline=True)
    with pytest.raises(GenerationError, match=r"stay offline, and nobody:knows answers") as caught:
        list(model.stream("Answer.", "Why?"))
    model.close()
    assert "privacy.offline" in caught.value.hint
    with pytest.raises(GenerationError, match="stay offline"):
        try_model(generation, offline=True)


def test_quotes_answer_in_its_place_and_say_why(tmp_path: Path) -> None:
    data = tmp_path / "data"
    offline = settings(data=data, generation__model="openai:gpt", privacy__offline=True)
    with indexed(data, settings=offline) as (_, assistant):
        answer = assistant.ask("What is the capital of France?")
    assert answer.generator == "built-in"
    assert answer.citations
    assert "stay offline" in answer.notice


def test_a_name_on_the_hub_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match=r"stay offline, and the embedding model someone/model"):
        build_embedder(settings(embedding__model="someone/model", privacy__offline=True))
    # A folder is here; what is wrong with this one is said by whoever loads it.
    (tmp_path / "folder").mkdir()
    refuse_leaving(
        settings(embedding__model=str(tmp_path / "folder"), privacy__offline=True), {"embedding.model"}
    )
