"""`footnote doctor` and `footnote config`: quick, right about what is wrong, and not stopped by it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from statistics import median

import pytest
from safetensors.numpy import save_file

from index.store import Store
from rag.errors import ReaderError
from rag.reader.weights import check_weights
from tests.index.support import EMBEDDER, put
from tests.read_only import read_only
from tests.ui.test_cli import footnote, in_process
from ui.diagnosis import Finding, diagnose
from ui.server_lock import is_served, server_lock


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    with Store.open(folder) as store:
        store.publish(
            puts=[put("/docs/a.txt", "The river is deep.", "The bridge is old.")], embedder=EMBEDDER
        )
        store.write_checkpoint()
    return folder


def found(data: Path, about: str, *, deep: bool = False) -> list[Finding]:
    return [finding for finding in diagnose({"data": data}, deep=deep) if finding.about == about]


def state(data: Path, about: str, *, deep: bool = False) -> str:
    (finding,) = found(data, about, deep=deep)
    return finding.state


def test_a_sound_installation_has_nothing_wrong_and_everything_is_named(data: Path) -> None:
    findings = diagnose({"data": data})
    assert [finding for finding in findings if finding.state == "wrong"] == []
    assert {finding.about for finding in findings} == {
        *("Footnote", "Packages", "Settings", "Embedding model", "Reader", "Runtime", "Text recognition"),
        *("Language model", "Data folder", "Free space", "Index", "Server"),
    }
    (index,) = found(data, "Index")
    assert index.words.startswith("1 document, 2 passages; sound")
    (deep,) = found(data, "Index", deep=True)
    assert deep.words == "1 document, 2 passages; every passage and vector is sound."


def test_the_command_is_quick_and_ends_with_its_verdict(data: Path) -> None:
    done = footnote("doctor", data=data)
    assert done.stdout.splitlines()[-1] == "Nothing is wrong."
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        footnote("doctor", data=data)
        seconds.append(time.perf_counter() - started)
    assert median(seconds) <= 2.0


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert state(nowhere, "Index") == "note"
    assert state(nowhere, "Data folder") == "ok"
    assert not nowhere.exists()


def test_settings_that_cannot_be_used_are_named_and_the_rest_is_looked_at(data: Path) -> None:
    (data / "settings.toml").write_text("[server]\nport = 99999999\n", encoding="utf-8")
    done = footnote("doctor", "--json", data=data, expect=1)
    said = json.loads(done.stdout)
    assert said["sound"] is False
    wrong = [finding for finding in said["findings"] if finding["state"] == "wrong"]
    assert [finding["about"] for finding in wrong] == ["Settings"]
    assert "server.port cannot be 99999999" in wrong[0]["words"]
    assert wrong[0]["remedy"]
    index = next(finding for finding in said["findings"] if finding["about"] == "Index")
    assert index["words"].startswith("1 document")  # of the folder that was named


@pytest.mark.parametrize("text", ["[server\n", "port = {", "\0"])
def test_a_settings_file_that_is_none_hides_no_data_folder(data: Path, text: str) -> None:
    (data / "settings.toml").write_text(text, encoding="utf-8")
    assert state(data, "Settings") == "wrong"
    assert found(data, "Index")[0].words.startswith("1 document")


def test_a_damaged_catalog_is_wrong_and_has_a_remedy(data: Path) -> None:
    catalog = data / "catalog.sqlite"
    catalog.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    (finding,) = found(data, "Index")
    assert finding.state == "wrong"
    assert "backup" in finding.remedy
    assert state(data, "Index", deep=True) == "wrong"


def test_a_missing_file_of_vectors_is_noticed_and_repaired(data: Path) -> None:
    for base in (data / "checkpoints").glob("base-*"):
        base.unlink()
    (finding,) = found(data, "Index")
    assert finding.words.endswith("is missing.")
    assert finding.remedy == "Repair it: footnote check --repair"
    footnote("check", "--repair", data=data)
    assert state(data, "Index") == "ok"


def test_a_folder_that_cannot_be_written_is_wrong(data: Path) -> None:
    with read_only(data):
        assert state(data, "Data folder") == "wrong"
        assert found(data, "Index")[0].words.startswith("1 document")
    assert state(data, "Data folder") == "ok"


def test_a_file_where_the_folder_should_be_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert state(tmp_path / "file", "Data folder") == "wrong"


def test_a_language_model_without_its_key_is_wrong(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (data / "settings.toml").write_text('[generation]\nmodel = "openai:gpt"\n', encoding="utf-8")
    assert [finding.state for finding in found(data, "Language model")] == ["wrong", "ok"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert state(data, "Language model") == "ok"
    assert "sk-secret" not in str(diagnose({"data": data}))


def test_the_models_under_retry_are_looked_at_too(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (data / "settings.toml").write_text('[generation]\nothers = "openai:gpt"\n', encoding="utf-8")
    built_in, without_key, other = found(data, "Language model")
    assert built_in.words == "None: answers are quotes."
    assert without_key.remedy.endswith("or take it out of generation.others.")
    assert other.words.startswith("openai:gpt, at https://api.openai.com")


def test_a_language_of_scans_that_is_not_installed_is_wrong(data: Path) -> None:
    (data / "settings.toml").write_text('[loaders]\nocr_languages = "xyz"\n', encoding="utf-8")
    expected = "wrong" if in_path("tesseract") else "note"
    assert state(data, "Text recognition") == expected


def in_path(program: str) -> bool:
    return any((Path(folder) / program).exists() for folder in os.environ["PATH"].split(os.pathsep))


def test_the_home_folder_is_not_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(data.parent))
    words = " ".join(finding.words for finding in diagnose({"data": data}))
    assert str(data.parent) not in words
    assert f"~{os.sep}data" in words


def test_a_running_server_is_known(data: Path) -> None:
    assert not is_served(data)
    assert not (data / "server.lock").exists()
    with server_lock(data):
        assert found(data, "Server")[0].words == "The page is open for this data folder."
    assert not is_served(data)


def test_weights_that_are_cut_off_are_known_without_loading_them(tmp_path: Path) -> None:
    import numpy as np

    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    save_file({"a": np.zeros(1000, dtype=np.float32)}, whole)
    check_weights(whole)
    cut.write_bytes(whole.read_bytes()[:-10])
    for file in (cut, tmp_path / "none.safetensors"):
        with pytest.raises(ReaderError):
            check_weights(file)


# -- footnote config -------------------------------------------------------------------------------


def test_every_setting_is_shown_with_its_value_and_where_it_comes_from(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "settings.toml").write_text("[retrieval]\npassages = 8\n", encoding="utf-8")
    monkeypatch.setenv("FOOTNOTE_SERVER__PORT", "7999")
    lines = in_process("config", "--data", data).stdout.splitlines()
    assert lines[0] == f"data = {data}"
    assert f"retrieval.passages = 8  (in {data / 'settings.toml'})" in lines
    assert "server.port = 7999  (in the environment (FOOTNOTE_SERVER__PORT))" in lines
    assert 'generation.model = ""  (by default)' in lines
    assert "watch.polling = false  (by default)" in lines
    said = json.loads(in_process("config", "--json", "--data", data).stdout)
    assert said["settings"]["retrieval.passages"]["value"] == 8
    assert said["settings"]["retrieval.passages"]["default"] == 6


def test_what_is_secret_in_an_address_is_not_shown(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("FOOTNOTE_GENERATION__BASE_URL", "https://ann:pa55@box.example/v1?key=pa55")
    for arguments in (["config"], ["config", "--json"]):
        said = in_process(*arguments, "--data", data).stdout
        assert "box.example/v1" in said
        assert "pa55" not in said
        assert "sk-secret" not in said


def test_settings_that_cannot_be_used_are_shown_with_the_reason(data: Path) -> None:
    (data / "settings.toml").write_text("[retrieval]\npassages = 800\n", encoding="utf-8")
    done = footnote("config", data=data, expect=1)
    assert f"retrieval.passages = 800  (set in {data / 'settings.toml'})" in done.stdout
    assert "retrieval.passages cannot be 800" in done.stderr
    assert "Next: " in done.stderr
