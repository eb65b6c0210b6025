"""What the page writes into ``settings.toml``, and what it must leave alone."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.settings import load_settings
from rag.settings_file import check_settings, save_settings, sourced_settings


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("FOOTNOTE_DATA", str(folder))
    return folder


def test_what_is_saved_is_loaded_again(data: Path) -> None:
    saved = save_settings({"answer.strictness": "open", "retrieval.passages": "9"})
    assert saved == load_settings()
    assert (saved.answer.strictness, saved.retrieval.passages) == ("open", 9)
    text = (data / "settings.toml").read_text(encoding="utf-8")
    assert text == '[answer]\nstrictness = "open"\n\n[retrieval]\npassages = 9\n'
    if sys.platform != "win32":
        assert stat.S_IMODE((data / "settings.toml").stat().st_mode) == 0o600


def test_comments_and_other_settings_stay(data: Path) -> None:
    path = data / "settings.toml"
    path.write_text("# mine\n[server]\nport = 80 # as at work\nhost = '::1'\n", encoding="utf-8")
    save_settings({"server.port": 81, "answer.strictness": "strict"})
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# mine\n[server]\nport = 81 # as at work\nhost = '::1'\n")
    assert load_settings().server.host == "::1"


@pytest.mark.parametrize("form", ["answer.strictness = 'open'\n", "answer = {strictness = 'open'}\n"])
def test_other_forms_of_the_same_setting_are_changed_in_place(data: Path, form: str) -> None:
    (data / "settings.toml").write_text(form, encoding="utf-8")
    save_settings({"answer.strictness": "strict"})
    assert load_settings().answer.strictness == "strict"
    save_settings({"answer.strictness": None})
    assert load_settings().answer.strictness == "balanced"


def test_a_form_that_cannot_be_changed_is_refused_and_stays(data: Path) -> None:
    path = data / "settings.toml"
    path.write_text("'answer.strictness' = 'open'\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be changed from here"):
        save_settings({"answer.strictness": None})
    assert path.read_text(encoding="utf-8") == "'answer.strictness' = 'open'\n"


def test_a_link_to_a_file_kept_elsewhere_stays_a_link(data: Path, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles" / "footnote.toml"
    kept.parent.mkdir()
    kept.write_text("# mine\n[server]\nport = 80\n", encoding="utf-8-sig")
    link = data / "settings.toml"
    try:
        link.symlink_to(kept)
    except OSError:
        pytest.skip("links are not allowed here")
    save_settings({"server.port": 81})
    assert link.is_symlink()
    assert kept.read_text(encoding="utf-8") == "# mine\n[server]\nport = 81\n"
    assert load_settings().server.port == 81


def test_taking_a_setting_out_brings_the_weaker_source_back() -> None:
    Path("footnote.toml").write_text("[retrieval]\npassages = 4\n", encoding="utf-8")
    assert save_settings({"retrieval.passages": 9}).retrieval.passages == 9
    assert save_settings({"retrieval.passages": None}).retrieval.passages == 4


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("retrieval.passages", "zero", r"retrieval\.passages cannot be 'zero' \(set here\)"),
        ("retrieval.passages", "0", "greater than or equal to 1"),
        ("generation.model", "llama3.1", "provider:model"),
        ("answer.strict", "x", "There is no setting answer.strict"),
        ("data", "/elsewhere", "data folder cannot be set here"),
    ],
)
def test_what_cannot_be_used_is_not_written(data: Path, name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        save_settings({"answer.strictness": "open", name: value})
    assert not (data / "settings.toml").exists()


def test_a_stronger_source_locks_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_ANSWER__STRICTNESS", "open")
    locked = sourced_settings({"server.port": 1234})
    assert locked["answer.strictness"].locked
    assert locked["answer.strictness"].origin == "in the environment (FOOTNOTE_ANSWER__STRICTNESS)"
    assert (locked["server.port"].value, locked["server.port"].default) == (1234, 7860)
    assert locked["server.port"].origin == "on the command line"
    assert not locked["retrieval.passages"].locked
    with pytest.raises(SettingsError, match="counts more than this page"):
        save_settings({"answer.strictness": "strict"})


def test_checking_writes_nothing(data: Path) -> None:
    assert check_settings({"retrieval.passages": "9"}).retrieval.passages == 9
    assert not (data / "settings.toml").exists()
    assert not sourced_settings()["retrieval.passages"].saved


def test_every_setting_but_the_data_folder_has_a_source() -> None:
    names = set(sourced_settings())
    assert {"embedding.model", "appearance.theme", "watch.polling"} <= names
    assert "data" not in names
