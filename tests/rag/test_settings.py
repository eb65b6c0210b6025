from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder and a data folder of their own, and an environment without our variables."""
    working, data = tmp_path / "working", tmp_path / "data"
    working.mkdir()
    data.mkdir()
    monkeypatch.chdir(working)
    for name in list(os.environ):
        if name.startswith("FOOTNOTE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FOOTNOTE_DATA", str(data))
    return data


def test_the_nearest_source_wins(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("footnote.toml").write_text(
        "[server]\nport = 1\n[retrieval]\npassages = 1\ncandidates = 11\ndense_weight = 0.1\n",
        encoding="utf-8",
    )
    (data / "settings.toml").write_text(
        "[server]\nport = 2\n[retrieval]\npassages = 2\ncandidates = 12\n", encoding="utf-8"
    )
    monkeypatch.setenv("FOOTNOTE_SERVER__PORT", "3")
    monkeypatch.setenv("FOOTNOTE_RETRIEVAL__PASSAGES", "3")
    settings = load_settings({"server": {"port": 4}})
    assert settings.server.port == 4
    assert settings.retrieval.passages == 3
    assert settings.retrieval.candidates == 12
    assert settings.retrieval.dense_weight == 0.1
    assert settings.answer == Settings().answer


def test_the_data_folder_comes_from_the_command_line_before_the_environment(
    tmp_path: Path, data: Path
) -> None:
    assert load_settings().data == data
    assert load_settings({"data": tmp_path / "other"}).data == tmp_path / "other"


def test_the_strictness_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_ANSWER__STRICTNESS", "open")
    assert load_settings().answer.strictness == "open"
    assert load_settings({"answer.strictness": "strict"}).answer.strictness == "strict"


def test_dotted_names_and_none_are_understood() -> None:
    settings = load_settings({"server.port": 80, "server.host": None, "answer": {"strictness": None}})
    assert settings.server.port == 80
    assert settings.server.host == "127.0.0.1"


def test_a_misspelt_variable_is_refused_with_the_name_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_GENRATION__MODEL", "ollama:llama3.1")
    with pytest.raises(SettingsError, match="FOOTNOTE_GENRATION__MODEL") as caught:
        load_settings()
    assert caught.value.hint == "Did you mean generation.model?"


@pytest.mark.parametrize(
    "text", ["[server]\nprot = 1\n", "prot = 1\n", "server = 1\n", "[server.port]\nx = 1\n"]
)
def test_an_unknown_name_in_a_file_is_refused(text: str) -> None:
    Path("footnote.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"footnote\.toml"):
        load_settings()


def test_an_unknown_override_is_refused() -> None:
    with pytest.raises(SettingsError, match="command line"):
        load_settings({"server.prot": 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVER__PORT", "many"),
        ("ANSWER__STRICTNESS", "lax"),
        ("GENERATION__MODEL", "llama3.1"),
        ("RETRIEVAL__PASSAGES", "0"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_place(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"FOOTNOTE_{name}", value)
    with pytest.raises(SettingsError, match=f"cannot be '{value}' .*FOOTNOTE_{name}"):
        load_settings()


def test_a_file_that_is_no_toml_is_named(data: Path) -> None:
    (data / "settings.toml").write_text("port = = 1", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"settings\.toml is not valid TOML"):
        load_settings()


@pytest.mark.parametrize(
    "text",
    [
        f"[server]\nport = {'9' * 5_000}\n",
        f"a = {'[' * 20_000}{']' * 20_000}\n",
        f"a = {'{a=' * 20_000}1{'}' * 20_000}\n",
    ],
    ids=["digits", "lists", "tables"],
)
def test_toml_that_its_own_reader_breaks_off_at_is_named(data: Path, text: str) -> None:
    (data / "settings.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"settings\.toml is not valid TOML") as caught:
        load_settings()
    assert caught.value.hint == "Correct or remove that file."


def test_a_file_of_settings_has_the_size_of_one(data: Path) -> None:
    (data / "settings.toml").write_text(f"a{'.a' * 100_000} = 1\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"settings\.toml is too large .*200,006 bytes"):
        load_settings()


def test_a_value_of_many_characters_is_shown_by_its_beginning(data: Path) -> None:
    (data / "settings.toml").write_text(f"[server]\nport = '{'9' * 50_000}'\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"server\.port cannot be '999") as caught:
        load_settings()
    assert len(str(caught.value)) < 600


def test_the_mark_that_editors_begin_a_file_with_is_no_part_of_it(data: Path) -> None:
    (data / "settings.toml").write_text("[server]\nport = 80\n", encoding="utf-8-sig")
    assert load_settings().server.port == 80


def test_a_file_in_another_encoding_is_named(data: Path) -> None:
    (data / "settings.toml").write_text("[server]\nport = 80\n", encoding="utf-16")
    with pytest.raises(SettingsError, match=r"settings\.toml is not in UTF-8") as caught:
        load_settings()
    assert "Save it as UTF-8" in caught.value.hint


def test_what_stands_in_the_place_of_a_file_is_named_and_never_waited_for(data: Path) -> None:
    (data / "settings.toml").mkdir()
    with pytest.raises(SettingsError, match=r"settings\.toml is not a file"):
        load_settings()
    if hasattr(os, "mkfifo"):
        (data / "settings.toml").rmdir()
        os.mkfifo(data / "settings.toml")
        with pytest.raises(SettingsError, match=r"settings\.toml is not a file"):
            load_settings()


def test_the_working_folder_is_no_place_for_data_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOOTNOTE_DATA")
    default = load_settings().data
    Path("footnote.toml").write_text('data = ""\n', encoding="utf-8")
    assert load_settings().data == default


def test_a_data_folder_whose_name_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOOTNOTE_DATA")
    Path("footnote.toml").write_text('data = "a\\u0000b"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="null character") as caught:
        load_settings()
    assert "--data" in caught.value.hint


def test_the_file_in_the_data_folder_cannot_move_the_data_folder(data: Path) -> None:
    (data / "settings.toml").write_text('data = "/elsewhere"', encoding="utf-8")
    with pytest.raises(SettingsError, match="data cannot be set"):
        load_settings()


def test_other_models_are_listed_with_commas() -> None:
    said = {"generation.model": "ollama:a", "generation.others": " ollama:b,ollama:a, openai:c,, "}
    assert load_settings(said).generation.other_models == ("ollama:b", "openai:c")
    assert load_settings().generation.other_models == ()
    with pytest.raises(SettingsError, match="with commas between them"):
        load_settings({"generation.others": "ollama:b, gpt"})


def test_an_address_counts_for_the_models_of_its_provider() -> None:
    said = {"generation.model": "openai:a", "generation.base_url": "http://localhost:1234/v1"}
    generation = load_settings(said).generation
    assert generation.with_model("openai:b").base_url == "http://localhost:1234/v1"
    assert generation.with_model("ollama:b").base_url == ""
    built_in = load_settings(said | {"generation.model": ""}).generation
    assert built_in.with_model("openai:b").base_url == "http://localhost:1234/v1"


def test_settings_cannot_change() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.server.port = 1


@pytest.mark.skipif(os.name == "nt", reason="there every name has a home")
def test_the_home_of_nobody_is_no_place_for_data() -> None:
    with pytest.raises(SettingsError, match="no such home folder"):
        load_settings({"data": "~nobody-of-that-name/footnote"})
