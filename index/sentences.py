"""Sentence boundaries by rule: what a reader would quote as one statement.

Linear in the length of the text, whatever it holds. A wrong cut never loses text: spans together
cover everything that is not blank.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import regex

# A run of final marks, what may close after it, and what has to follow. The look-behind lets a run
# match at its first character only, which keeps a megabyte of dots linear.
_END = regex.compile(
    r"""(?<![.!?…؟۔।॥。！？｡])
    (?:
        (?P<western>[.!?…؟۔।॥]++)(?P<closing>["'”’»›)\]}*_]*+)(?P<note>(?:\[\d{1,3}\])*+)(?=\s|$)
      | [。！？｡]++[”’」』）】》〉"')\]]*+
    )""",
    regex.VERBOSE,
)
_BULLET = regex.compile(r"[ \t]*(?:[-*+•‣◦▪–—][ \t]|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})[.)][ \t]|>[ \t])")
_HEADING = regex.compile(r"[ \t]{0,3}#{1,6}[ \t]|[ \t]*(?:=+|-{3,}|_{3,}|\*{3,})[ \t]*$")
_TABLE = regex.compile(r"[ \t]*\||[^|]*+ \| ")
_LAST_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:[.'’\-][\p{L}\p{M}\p{N}]+)*$")
_NEXT = regex.compile(r"\s*[\"'“‘«‹(\[{*_]*+(\S)")
_NEXT_WORD = regex.compile(r"\s*[\"'“‘«‹(\[{*_]*+([\p{L}\p{M}’']+)")
_ACRONYM = regex.compile(r"(?:\p{L}\.)+\p{L}$")

# After these a full stop does not end a sentence, whatever follows.
_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "rev",
        "hon",
        "st",
        "sen",
        "rep",
        "gov",
        "gen",
        "col",
        "maj",
        "capt",
        "lt",
        "sgt",
        "cmdr",
        "adm",
        "pres",
        "vs",
        "cf",
        "viz",
        "approx",
        "resp",
        "e.g",
        "i.e",
        "z.b",
        "d.h",
        "u.a",
        "bzw",
        "ca",
        "vgl",
        "bspw",
        "mme",
        "mlle",
        "sr",
        "sra",
    ]
)
# After these it does not when a number follows ("No. 5", "p. 12", "Fig. 3").
_NUMBERED = frozenset(
    [
        "no",
        "nos",
        "nr",
        "art",
        "sec",
        "ch",
        "chap",
        "fig",
        "figs",
        "eq",
        "eqs",
        "p",
        "pp",
        "vol",
        "vols",
        "ed",
        "para",
        "tab",
        "abs",
        "s",
        "ref",
        "refs",
        "app",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
        "c",
    ]
)
# These may end a sentence or not: they do when the next word looks like a beginning.
_EITHER = frozenset(
    [
        "etc",
        "inc",
        "ltd",
        "co",
        "corp",
        "llc",
        "jr",
        "sr",
        "bros",
        "dept",
        "univ",
        "assn",
        "al",
        "a.m",
        "p.m",
        "ph.d",
        "u.s",
        "u.k",
        "u.n",
        "e.u",
        "d.c",
    ]
)
_BEGINNINGS = frozenset(
    ["the", "a", "an", "in", "on", "at", "it", "its", "he", "she", "they", "we", "you", "i", "this", "that", "these", "those", "there", "here", "when", "while", "after", "before", "if", "but", "and", "however", "for", "as", "from", "by", "with", "to", "although", "because", "since", "under", "our", "their", "his", "her", "most", "many", "some", "all", "both", "each", "no", "not", "one", "two", "what", "who", "why", "how", "where", "which", "der", "die", "das", "ein", "eine", "im", "es", "er", "sie", "wir", "und", "aber"]
)  # fmt: skip
_BLOCK_SHARE = 0.6  # a line this much shorter than its block's longest did not wrap: it ended


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Spans ``(start, end)`` of the sentences of a text: ascending, end exclusive, trimmed, never blank.

    A blank line, a list item, a Markdown heading and a table row always start anew; a single line
    break inside a paragraph does not.
    """
    spans: list[tuple[int, int]] = []
    for start, end in _blocks(text):
        spans += _sentences(text, start, end)
    return spans


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Stretches that no sentence crosses."""
    start: int | None = None
    lines: list[tuple[int, int]] = []
    at = 0
    for line in text.splitlines(keepends=True):
        begin, at = at, at + len(line)
        end = begin + len(line.rstrip())
        if end == begin or not line.strip():
            if start is not None:
                yield from _split_short_lines(text, lines)
            start, lines = None, []
            continue
        alone = _HEADING.match(text, begin, end) is not None or _TABLE.match(text, begin, end) is not None
        if (alone or _BULLET.match(text, begin, end) is not None) and lines:
            yield from _split_short_lines(text, lines)
            lines = []
        lines.append((begin, end))
        start = begin
        if alone:
            yield begin, end
            start, lines = None, []
    if lines:
        yield from _split_short_lines(text, lines)


def _split_short_lines(text: str, lines: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Part lines that end on purpose ("Name: ...", verses) from lines that were only wrapped."""
    longest = max(end - begin for begin, end in lines)
    first = lines[0][0]
    for (begin, end), (next_begin, next_end) in pairwise(lines):
        opening = text[next_begin:next_end].lstrip()[0]
        if end - begin < _BLOCK_SHARE * longest and not opening.islower() and text[end - 1] not in ",;-–—(":
            yield first, end
            first = next_begin
    yield first, lines[-1][1]


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for match in _END.finditer(text, start, end):
        if match["western"] is not None and not _ends(text, begin, match, end):
            continue
        yield from _trimmed(text, begin, match.end())
        begin = match.end()
    yield from _trimmed(text, begin, end)


def _ends(text: str, begin: int, match: regex.Match[str], block_end: int) -> bool:
    """Whether a run of final marks really ends a sentence."""
    following = _NEXT.match(text, match.end(), block_end)
    if following is None:
        return True
    opening = following[1]
    if match["western"] != ".":
        # "Wait... what" goes on, and so does '"Was it?" he asked'.
        return not (
            opening.islower() and (match["closing"] or "." in match["western"] or "…" in match["western"])
        )
    if opening.islower():
        return False
    if not text[match.start() - 1].isalnum():
        return True
    before = text[max(begin, match.start() - 40) : match.start()]
    last = _LAST_WORD.search(before)
    if last is None:
        return True
    word = last[0].casefold()
    if word in _TITLES:
        return False
    if opening.isdigit() and word in _NUMBERED:
        return False
    alone = match.start() - begin <= 12 and not text[begin : match.start()].strip(" \t\n#>*-•(").removesuffix(last[0])
    if alone and (word.isdigit() or len(word) == 1):
        return False  # "1. Text" and "a. Text": the number belongs to what follows
    if word in _EITHER or _ACRONYM.search(last[0]) or len(word) == 1:
        following_word = _NEXT_WORD.match(text, match.end(), block_end)
        return following_word is not None and following_word[1].casefold() in _BEGINNINGS
    return True


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        first = start + len(piece) - len(piece.lstrip())
        yield first, first + len(stripped)
