"""Walking a folder: what is found, in which order, and what is left out with which words."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from index.errors import SourceError
from index.scan import FoundFile, Skipped, scan

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX file names, links and permissions")


def put(path: Path, text: str = "text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def found(root: Path, *exclude: Path) -> list[str]:
    return [
        i.path.relative_to(root).as_posix() for i in scan(root, exclude=exclude) if isinstance(i, FoundFile)
    ]


def skipped(root: Path) -> dict[str, str]:
    return {i.path.relative_to(root).as_posix(): i.reason for i in scan(root) if isinstance(i, Skipped)}


def test_files_come_in_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.md", "a/b/c.txt", "a.txt", "c.pdf"):
        put(tmp_path / name)
    assert found(tmp_path) == ["a/b/c.txt", "a/z.md", "a.txt", "b.txt", "c.pdf"]


def test_size_and_time_are_those_of_the_file(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", "12345")
    os.utime(path, ns=(10**18, 10**18 + 7))
    assert list(scan(tmp_path)) == [FoundFile(path=path, size=5, mtime_ns=path.stat().st_mtime_ns)]


def test_one_file_can_be_named(tmp_path: Path) -> None:
    path = put(tmp_path / ".hidden.txt")
    assert [item.path for item in scan(path)] == [path]


def test_other_types_are_skipped_with_a_reason(tmp_path: Path) -> None:
    put(tmp_path / "photo.gif")
    put(tmp_path / "what")
    assert skipped(tmp_path) == {
        "photo.gif": "Files of the type .gif are not read.",
        "what": "The type of this file is not known.",
    }
    assert [type(item) for item in scan(tmp_path / "photo.gif")] == [Skipped]


def test_an_icon_is_left_out_unless_it_was_named(tmp_path: Path) -> None:
    for name, size in (("icon.png", (48, 48)), ("rule.png", (900, 4)), ("page.png", (300, 200))):
        Image.new("L", size).save(tmp_path / name)
    Image.new("L", (48, 48)).save(tmp_path / "small.jpg")  # what its size is takes more than a glance
    (tmp_path / "cut off.png").write_bytes((tmp_path / "icon.png").read_bytes()[:20])
    assert found(tmp_path) == ["cut off.png", "page.png", "small.jpg"]
    reason = "The picture is too small to show words."
    assert skipped(tmp_path) == {"icon.png": reason, "rule.png": reason}
    assert [item.path.name for item in scan(tmp_path / "icon.png") if isinstance(item, FoundFile)] == [
        "icon.png"
    ]


def test_hidden_and_private_places_are_passed_over(tmp_path: Path) -> None:
    for name in (
        ".git/a.txt",
        ".venv/a.txt",
        "node_modules/x/readme.md",
        "__pycache__/a.py",
        ".hidden.md",
        "~$letter.docx",
        ".DS_Store",
    ):
        put(tmp_path / name)
    assert list(scan(tmp_path)) == []


def test_excluded_places_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "a.txt")
    put(tmp_path / "data" / "b.txt")
    put(tmp_path / "c.txt")
    assert found(tmp_path, tmp_path / "data", tmp_path / "x" / ".." / "c.txt") == ["a.txt"]


def test_a_missing_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist") as caught:
        scan(tmp_path / "missing")
    assert caught.value.hint


@needs_posix
@pytest.mark.parametrize("name", ["~nobody-of-that-name/papers", f"/{'a' * 300}", "/a\0b"])
def test_a_root_that_nothing_can_be_called_is_an_error(name: str) -> None:
    with pytest.raises(SourceError, match=r"does not exist|cannot be read"):
        scan(Path(name))


@needs_posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_says_so(tmp_path: Path) -> None:
    put(tmp_path / "a.txt").chmod(0)
    (tmp_path / "closed").mkdir(mode=0)
    assert set(skipped(tmp_path).values()) == {"You do not have permission to read it."}
    with pytest.raises(SourceError, match="may not be read"):
        scan(tmp_path / "closed")


@needs_posix
def test_links_are_followed_inside_the_root_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root / "real" / "a.txt")
    put(tmp_path / "outside" / "secret.txt")
    (root / "inside.txt").symlink_to(root / "real" / "a.txt")
    (root / "folder").symlink_to(root / "real")
    (root / "away").symlink_to(tmp_path / "outside")
    (root / "away.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (root / "broken.txt").symlink_to(root / "nothing")
    (root / "self.txt").symlink_to(root / "self.txt")
    (root / "up").symlink_to(root)
    assert found(root) == ["inside.txt", "real/a.txt"]
    assert skipped(root) == {
        "away": "It is a link to a place outside this folder.",
        "away.txt": "It is a link to a place outside this folder.",
        "broken.txt": "It is a link to something that does not exist.",
        "self.txt": "It is a link that leads to itself.",
    }


@needs_posix
def test_a_root_that_is_a_link_is_walked_under_its_own_name(tmp_path: Path) -> None:
    put(tmp_path / "real" / "a.txt")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert [item.path for item in scan(tmp_path / "link")] == [tmp_path / "link" / "a.txt"]


@needs_posix
@pytest.mark.skipif(sys.platform == "darwin", reason="names are UTF-8 there")
def test_names_that_are_not_utf8_survive(tmp_path: Path) -> None:
    put(tmp_path / os.fsdecode(b"caf\xe9.txt"))
    (item,) = scan(tmp_path)
    assert os.fsencode(item.path.name) == b"caf\xe9.txt"
    assert item.path.read_text() == "text"


@needs_posix
def test_a_pipe_is_skipped(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert skipped(tmp_path) == {"pipe.txt": "It is a device or a pipe, not a file."}
