"""Texts and pages that a person would not write: broken encodings, endless lines, markup that acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

SIZE = 30_000  # of a text that should make a pattern slow

# What each family of our patterns would have to give back, were it not written with care.
ADVERSARIES: dict[str, str] = {
    "bullets": "- ",
    "rules of stars": "* * * ",
    "rules that end otherwise": "- - - - - - - - x\n",
    "numbers of sections": "1.1.1.1.",
    "quote marks": "> ",
    "fences": "```\n",
    "dots": ".",
    "dots and blanks": ". ",
    "initials": "A.B.C.D. ",
    "words with dots": "a.b'c-d.",
    "references": "word.[1][2][3]",
    "Japanese full stops": "。」』",
    "closing marks": ".)]}*_`~",
    "white space": " \t",
    "no-break spaces": "a.\u00a0\u202f",
    "line ends": "\r",
    "escapes": "\x1b[",
    "escapes that go on": "\x1b[0;0;0;0",
    "backspaces": "a\x08\x08",
    "brackets": "[",
    "links": "[a](",
    "images": "![a][",
    "emphasis": "*a **b ",
    "code spans": "` `` ```",
    "angle brackets": "<",
    "comments": "<!--",
    "tags": "<a b=",
    "tags that close themselves": "<a /",
    "meta tags": "<meta charset",
    "entities": "&amp;&#",
    "adornments": "=====\n-----\n",
    "front matter": "---\na: b\n",
    "bars": "| a | b ",
    "lists in lists": "- - - - a\n",
    "digits": "1234567890",
    "letters of one word": "abcdefghij",
    "Thai without blanks": "กขคงจฉชซ",
    "combining marks": "a\u0301\u0302\u0303\u0304",
    "emoji joined": "🐈\u200d",
    "capital letters": "ABCDEFGH",
    "quotation marks": "\"'“‘«",
    "paths": "/a\\b/",
    "dates": "1. 2. 3. ",
}


def hostile_texts() -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Name, expected state (see ``hostile_files``) and maker of each file."""
    words = "Words of a hostile text. "
    yield "a few NULs.txt", "ready", lambda: (words * 50).encode() + b"\0\0" + words.encode()
    yield "all NULs.txt", "failed binary", lambda: bytes(100_000)
    yield (
        "lone surrogates.txt",
        "ready",
        lambda: words.encode() + b"\xed\xa0\x80\xed\xbf\xbf " + words.encode() * 9,
    )
    yield "overlong UTF-8.txt", "ready", lambda: words.encode() * 9 + b"\xc0\xaf\xe0\x80\xaf"
    yield (
        "mixed encodings.txt",
        "ready",
        lambda: b"".join(
            f"Käse für {code} naïve\n".encode(code) for code in ("utf-8", "cp1252", "cp850", "mac-roman")
        ),
    )
    yield "UTF-16 cut in a unit.txt", "ready", lambda: words.encode("utf-16")[:-1]
    yield "UTF-16 with lone surrogates.txt", "ready", lambda: words.encode("utf-16") + b"\x00\xd8" * 9
    yield "UTF-32 above its range.txt", "ready", lambda: words.encode("utf-32") + b"\xff\xff\xff\x7f"
    yield (
        "a mark of one order and text of the other.txt",
        "ready",
        lambda: b"\xff\xfe" + words.encode("utf-16-be"),
    )
    yield "two byte order marks.txt", "ready", lambda: b"\xef\xbb\xbf\xef\xbb\xbf" + words.encode()
    yield "only a byte order mark.txt", "failed empty", lambda: b"\xef\xbb\xbf"
    yield "UTF-8 cut in a character.txt", "ready", lambda: (words * 5 + "é").encode()[:-1]
    yield "zalgo.txt", "ready", lambda: ("z" + "\u0301\u0316\u0489" * 500).encode() * 20
    yield "bidi controls.txt", "ready", lambda: f"\u202e{words}\u2066\u2069\u202c".encode() * 50
    yield "invisible.txt", "any", lambda: "\u200b\u2060\u200d".encode() * 500
    yield "no characters.txt", "any", lambda: "\ufffe\uffff\U0010ffff".encode() * 50 + words.encode()
    yield "control characters.txt", "any", lambda: bytes(range(1, 32)) * 5 + words.encode() * 20
    yield "controls of a terminal.txt", "ready", lambda: b"\x1b]0;evil\x07\x1b[2J" + words.encode() * 9
    for number, (name, piece) in enumerate(ADVERSARIES.items()):
        extension = ("txt", "md", "rst", "html")[number % 4]
        yield f"{name}.{extension}", "any", lambda piece=piece: (piece * (SIZE // len(piece))).encode()  # type: ignore[misc]
    yield "front matter without end.md", "ready", lambda: b"---\n" + b"a: b\n" * 20_000
    yield "quotes in quotes.md", "ready", lambda: (">" * 50_000 + words).encode()
    yield (
        "lists in lists in lists.md",
        "ready",
        lambda: "".join(f"{' ' * 2 * n}- a\n" for n in range(500)).encode(),
    )
    yield "brackets.json", "any", lambda: b"[" * 100_000
    yield "objects.json", "any", lambda: b'{"a":' * 100_000
    yield "numbers.json", "any", lambda: b"[" + b"1" * 1_000_000 + b"]"
    yield "one key many times.json", "any", lambda: b"{" + b'"a": "words",' * 20_000 + b'"a": 1}'
    yield "formulas.csv", "any", lambda: b'a,b\n=cmd|"/C calc"!A0,@SUM(1)\n'
    yield "a quote without end.csv", "any", lambda: b'a,b\n"' + b"word, " * 50_000
    yield "columns.csv", "any", lambda: b"a," * 100_000
    yield "parts in parts.eml", "any", lambda: _nested_mail(500)
    yield "headers.eml", "any", lambda: b"Subject: " + b"=?utf-8?q?=00?= " * 20_000 + b"\n\nwords\n"


def hostile_pages(url: str) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """As :func:`hostile_texts`; whatever in them loads something, loads it from ``url``."""

    def page(body: str, head: str = "") -> Callable[[], bytes]:
        return lambda: f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>".encode()

    words = "<p>Words of a hostile page.</p>"
    deep = 100_000
    yield (
        "a billion laughs.xml",
        "ready",
        lambda: (
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">'
            + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
            + b"]><x>&j;</x>"
        ),
    )
    yield (
        "a file of the system.xml",
        "ready",
        lambda: (
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e; words</x>'
        ),
    )
    yield (
        "a parameter entity.xml",
        "ready",
        lambda: f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY % p SYSTEM "{url}p"> %p;]><x>words</x>'.encode(),
    )
    yield (
        "a DTD from the network.xhtml",
        "ready",
        lambda: f'<?xml version="1.0"?><!DOCTYPE html SYSTEM "{url}x.dtd"><html>{words}</html>'.encode(),
    )
    yield (
        "included.xml",
        "ready",
        lambda: (
            b'<x xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include '
            b'href="file:///etc/passwd" parse="text"/></x>'
        ),
    )
    yield "a hundred thousand deep.html", "ready", page("<div>" * deep + "Words." + "</div>" * deep)
    yield "a hundred thousand fonts.html", "ready", page("<font>" * deep + "Words.")
    yield "a hundred thousand tables.html", "ready", page("<table><tr><td>" * deep + "Words.")
    # The parser compares each attribute of an element with all others.
    yield (
        "a million attributes.html",
        "ready|failed timeout",
        page("<p " + " ".join(f"a{n}=1" for n in range(1_000_000)) + ">Words of a hostile page.</p>"),
    )
    yield "one attribute of a megabyte.html", "ready", page(f'<p title="{"x" * 1_000_000}">Words.</p>')
    yield "tags without end.html", "ready", page(words + "<b><i><u>" * 2000)
    yield "a tag without end.html", "ready", page(words + "<a href='" + "x" * 100_000)
    yield "a comment without end.html", "ready", page(words + "<!-- " + "x " * 100_000)
    yield "only scripts.html", "failed no_text", page("<script>while(1);</script><style>p{}</style>")
    yield (
        "templates and noscript.html",
        "ready",
        page(f"<template><p>hidden</p></template><noscript><img src='{url}n'></noscript>{words}"),
    )
    yield (
        "loads.html",
        "ready",
        page(
            f"<img src='{url}i' srcset='{url}s 2x'><video poster='{url}v'></video>"
            f"<iframe src='{url}f'></iframe>"
            f"<object data='{url}o'></object><form action='{url}a'><input autofocus></form>{words}",
            f"<link rel=stylesheet href='{url}c'><base href='{url}'>"
            f"<meta http-equiv=refresh content='0;url={url}m'>"
            f"<style>@import '{url}t'; p {{background: url({url}b)}}</style>",
        ),
    )
    yield "data URLs.html", "ready", page(f"<a href='data:text/html,<script>1</script>'>Words.</a>{words}")
    yield (
        "a drawing with a page in it.html",
        "ready",
        page(f"<svg onload='x'><foreignObject><p>hidden</p><img src='{url}g'></foreignObject></svg>{words}"),
    )
    yield "a name that is a drawing.svg", "skipped", lambda: f"<svg onload='fetch(\"{url}\")'/>".encode()
    yield (
        "an encoding that does not exist.html",
        "ready",
        page(words + "<p>\u00e9", "<meta charset=utf-evil>"),
    )
    yield (
        "an encoding that is a codec of bytes.html",
        "ready",
        lambda: b"<meta charset=hex><p>Words of a hostile page \xe9\xff.",
    )
    yield (
        "entities of odd numbers.html",
        "ready",
        page("<p>&#0;&#xD800;&#x110000;&#99999999999;&#1; Words.</p>"),
    )
    yield "frames that hold themselves.html", "any", page(f"<frameset><frame src='{url}'></frameset>")
    yield "a plaintext element.html", "any", page("<plaintext>" + words)


def _nested_mail(depth: int) -> bytes:
    lines = ["Subject: Words", "MIME-Version: 1.0"]
    for level in range(depth):
        lines += [f'Content-Type: multipart/mixed; boundary="b{level}"', "", f"--b{level}"]
    return "\n".join([*lines, "Content-Type: text/plain", "", "Words."]).encode()
