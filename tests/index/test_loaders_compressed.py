"""Compressed files and manual pages, as the documentation of a Linux system comes."""

from __future__ import annotations

import gzip

import pytest

from index.errors import DocumentError
from index.loaders import compressed, load
from index.loaders.names import supported

PAGE = rb""".\" A comment
.de XX
not shown
..
.TH FROB 1 "May 2024"
.SH NAME
frob \- turn \fBwidgets\fR over
.SH OPTIONS
Widgets are
turned gently.
.TP
.BR \-a ", " \-\-all
turn all of them
.IP \(bu 2
one more
.nf
frob   -a
  x
.fi
See
.BR ls (1).
"""
MDOC = rb""".Dd May 1, 2024
.Dt FROB 8
.Os
.Sh NAME
.Nm frob
.Nd turn widgets over
.Sh DESCRIPTION
.Nm
reads
.Xr passwd 5 ,
with
.Fl a .
"""


@pytest.mark.parametrize(
    ("name", "tried"),
    [
        ("a.txt.gz", True),
        ("A.CSV.GZ", True),
        ("readme.gz", True),
        ("changelog.Debian.gz", True),
        ("README.Debian", True),
        ("NEWS.old", True),
        ("changelog.Debian.amd64.gz", True),
        ("history.gif", False),
        ("Copyright.svg.gz", False),
        ("copyrights", False),
        ("ls.1", True),
        ("printf.3posix.gz", True),
        ("a.tar.gz", False),
        ("a.gz", False),
        ("libm.so.6", False),
        ("python3.1", False),
        ("mkfs.ext2.8.gz", True),
        ("X25519.7ssl", True),
        ("libz.so.1.gz", False),
    ],
)
def test_what_is_tried_depends_on_the_name_below_the_compression(name: str, tried: bool) -> None:
    assert supported(name) is tried


def test_a_compressed_file_reads_as_what_it_holds() -> None:
    packed = gzip.compress(b"Item,Price\nPump,12\n")
    assert load(packed, "a.csv.gz") == load(b"Item,Price\nPump,12\n", "a.csv")
    assert load(gzip.compress(b"one ") + gzip.compress(b"two"), "a.txt.gz").text == "one two"


def problem(data: bytes, name: str = "a.txt.gz") -> str:
    with pytest.raises(DocumentError) as caught:
        load(data, name)
    assert caught.value.hint.endswith(".")
    return caught.value.problem


def test_what_cannot_be_unpacked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"word " * 50_000)
    assert problem(packed[:50]) == "damaged"
    assert problem(packed[:20] + b"\xff" * 40) == "damaged"
    assert problem(gzip.compress(packed)) == "binary"
    assert problem(packed, "a.tar.gz") == "unsupported"
    assert problem(gzip.compress(b" \n")) == "empty"
    monkeypatch.setattr(compressed, "MAX_BYTES", 100_000)
    assert problem(packed) == "too_large"


def test_a_manual_page_reads_as_man_shows_it() -> None:
    document = load(gzip.compress(PAGE), "frob.1.gz")
    assert document.text == (
        "NAME\n\nfrob - turn widgets over\n\nOPTIONS\n\nWidgets are turned gently.\n\n"
        "-a, --all: turn all of them\n\n- one more\nfrob   -a\n  x\n\nSee ls(1)."
    )
    assert document.title == "frob(1)"
    assert [(h.level, h.title) for h in document.headings] == [(1, "NAME"), (1, "OPTIONS")]


def test_a_page_whose_name_ends_with_a_number_is_read() -> None:
    document = load(gzip.compress(PAGE), "mkfs.ext2.8.gz")
    assert (document.title, document.media_type) == ("frob(1)", "text/troff")
    assert load(gzip.compress(b"Plain words."), "ChangeLog-3.1.gz").media_type == "text/plain"


def test_a_page_with_the_macros_of_bsd() -> None:
    document = load(MDOC, "frob.8")
    assert (
        document.text == "NAME\n\nfrob — turn widgets over\n\nDESCRIPTION\n\nfrob reads passwd(5), with -a."
    )
    assert document.title == "frob(8)"


def test_a_page_that_only_names_another_one_has_no_text() -> None:
    assert problem(b".so man1/frob.1\n", "turn.1") == "no_text"


def test_a_text_with_such_a_name_stays_a_text() -> None:
    assert load(b"May 1 boot\nMay 2 boot\n", "syslog.1").text == "May 1 boot\nMay 2 boot\n"


def man(*lines: str) -> str:
    """What is read below the heading of a page of these lines."""
    page = "\n".join((".TH FROB 1", ".SH NAME", *lines, ""))
    return load(page.encode(), "frob.1").text.removeprefix("NAME\n\n")


def test_a_definition_may_end_indented_or_with_a_name_of_its_own() -> None:
    # As a widespread converter writes it: everything below was once left out.
    assert man(".if \\n[.g] \\{\\", ".  am URL", ".    ad l", ".  .", ".\\}", "Shown.") == "Shown."
    assert man(".de XX YY", "not shown", "..", ".YY", ".ig ZZ", "nor this", ".ZZ", "Shown.") == "Shown."
    assert man(".de1 XX", "not shown", "..", "Shown.") == "Shown."


def test_letters_with_accents_are_read_however_they_are_written() -> None:
    assert man(r"direct\('orio n\(~ao t\(^em \(,c\[u0065_0301] \(/l\('od\('z \(vs\(oa") == (
        "directório não têm çé łódź šå"
    )


def test_strings_that_a_page_defines_are_put_in() -> None:
    lines = (".ds tk X Toolkit", r'.ds xT "\*(tk Intrinsics \- C', r"The \*(xT, \*[tk] and \*(??.")
    assert man(*lines) == "The X Toolkit Intrinsics - C, X Toolkit and ."


def test_what_a_string_stands_for_does_not_grow_without_bounds() -> None:
    doubled = [
        rf".ds {after} \*{before}\*{before}" for before, after in zip("abcdefghij", "bcdefghijk", strict=True)
    ]
    assert len(man(".ds a " + 100 * "x", *doubled, r"\*k")) == 200


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        (".if n One.|.if t Two.|.if !t Three.", "One. Three."),
        (".ie n One.|.el Two.", "One."),
        (".ie t One.|.el .if n Two.", "Two."),
        (".if !'po4a'hide' .BR \\-d \", \" \\-\\-debug", "-d, --debug"),
        (".ie t \\{\\|One.|.  if n \\{ x|.  \\}|.\\}|.el\\{\\|Two.|.\\}|Three.", "Two. Three."),
        (".if \\n(.g One.|.if \\n(zZ=1 Two.|.if \\n(.H>23 .if \\n(.V>19 \\|\\{\\|Three.|.\\}", "One."),
        (".if '\\*x'' One.|.el Two.", "One."),
    ],
)
def test_of_what_depends_on_a_condition_the_terminals_share_is_read(page: str, shown: str) -> None:
    assert man(*page.split("|")) == shown


def test_links_and_lines_as_typed_keep_their_words() -> None:
    assert man('.URL "https://example.org/" "the site" ","') == "the site <https://example.org/>,"
    assert man("Begin:", ".Vb 2", "\\&  a = 1", "\\&  b", ".Ve", "End.") == "Begin:\n  a = 1\n  b\n\nEnd."
    assert man("one \\", "two", '.\\" a comment \\', "three") == "one two three"


def test_an_indented_part_stands_with_the_term_that_it_explains() -> None:
    lines = (
        ".PP",
        r"\fB\-\-all\fR",
        ".RS 4",
        "turn all",
        "of them",
        ".RE",
        ".PP",
        "For example:",
        ".RS 4",
        "frob",
    )
    assert man(*lines) == "--all: turn all of them\n\nFor example:\n\nfrob"
    assert man("term", ".RS 4", ".RE", "End.") == "term\n\nEnd."
    assert man("term", ".RS 4", ".nf", "a = 1", ".fi") == "term\na = 1"


def test_a_row_of_a_table_names_its_columns() -> None:
    rows = man(
        ".TS", "allbox tab(;);", "lb lb lb", "l l r.", "Signal;Action;Number", "_", r"\fBSIGHUP\fP;Term;1",
        "SIGINT;T{", "Term, from", ".B the keyboard", "T};2", ".TE", "End.",
    )  # fmt: skip
    assert rows == (
        "Signal | Action | Number\nSignal: SIGHUP | Action: Term | Number: 1\n"
        "Signal: SIGINT | Action: Term, from the keyboard | Number: 2\n\nEnd."
    )
    for lines in (("l l.", "Day\tShip", "_", "May\tAnn"), ("l l", "___", "l l.", "Day\tShip", "May\tAnn")):
        assert man(".TS", *lines, ".TE") == "Day | Ship\nDay: May | Ship: Ann"
    assert man(".TS", "l l.", "One\tTwo\tT{", "cut off") == "One | Two | cut off"


@pytest.mark.parametrize(
    "unit",
    [
        rb"\f",
        rb"\*a",
        b".if n ",
        b".if 'a",
        b".ie t \\{\n",
        b"\\\n",
        b".TS\n",
        b"T{\n",
        b".ds a b\n",
        rb"\*(",
        rb"\[",
        b'"',
        rb".IP " + b'"',
        b"\\h'",
        b".B \\(",
        b"\n.TP",
    ],
)
def test_a_hostile_page_takes_linear_time(unit: bytes) -> None:
    load(b".TH A 1\n.SH B\nx " + unit * (500_000 // len(unit)), "a.1")
