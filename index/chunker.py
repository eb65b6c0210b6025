"""Documents are cut into chunks of whole sentences, under their headings, with exact offsets.

Chunking is our own because a citation stands on it: LangChain's splitters guess where a chunk was by
searching for its text, and are wrong on repeated text.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import regex

from index.documents import ChunkSpan, Heading, ParsedDocument
from index.sentences import sentence_spans

TokenSpans = Callable[[str], Sequence[tuple[int, int]]]
"""Character spans of an embedding model's tokens, over a whole text, ascending."""

# A "sentence" longer than this (a file without a line break) is tokenised in parts, to bound memory.
_TOKENISED_CHARS = 50_000
# A sentence that is too long is parted after one of these, if there is one in its second half, else at a space.
_CLAUSE_END = regex.compile(r".*(?:[,;:)–—](?=\s)|[，；：、،؛])", regex.DOTALL)
_SPACE = regex.compile(r".*[^\S\x0b\x0c\x1c-\x1f\x85](?=\S)", regex.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkLimits:
    """How large a chunk may be.

    ``tokens`` and ``context_tokens`` together must stay within what the embedding model reads, so that
    nothing is cut silently; :meth:`within` sees to it. ``chars`` bounds what tokens do not: WordPiece
    reads a "word" of more than 100 characters as one unknown token.
    """

    tokens: int = 200
    context_tokens: int = 48
    chars: int = 2000
    minimum_tokens: int = 40  # a section with less is joined to the next
    overlap_sentences: int = 1  # whole sentences, where they are short

    def within(self, max_tokens: int) -> ChunkLimits:
        """These limits, lowered to a model that reads ``max_tokens`` content tokens."""
        context = min(self.context_tokens, max_tokens // 4)
        tokens = max(1, min(self.tokens, max_tokens - context))
        return ChunkLimits(
            tokens=tokens,
            context_tokens=context,
            chars=self.chars,
            minimum_tokens=min(self.minimum_tokens, tokens // 4),
            overlap_sentences=self.overlap_sentences,
        )


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, or a piece of one that is too long by itself."""

    start: int
    end: int
    tokens: int
    heading: bool  # lies inside a heading
    detached: bool  # a tokeniser reads it apart from what stands before it


def split(
    document: ParsedDocument, *, token_spans: TokenSpans, limits: ChunkLimits | None = None
) -> list[ChunkSpan]:
    """Cut a document into chunks, in the order of the text.

    Chunks together cover everything that is not blank, and none is larger than the limits: its tokens
    are at most ``tokens``, with its context at most ``tokens + context_tokens``. A chunk stays under one
    heading, unless what stands there is very little. Sections are cut into parts of about equal size;
    neighbours share ``overlap_sentences`` whole sentences where these are short.

    Args:
        token_spans: Of the embedding model. Each character is given to it about once.
    """
    limits = limits or ChunkLimits()
    outline = _Outline(document, token_spans, limits)
    chunks: list[ChunkSpan] = []
    for section in _sections(list(_units(document, token_spans, limits)), document.headings, limits):
        for first, last in _parts(section, limits):
            chunks.append(outline.chunk(section[first].start, section[last - 1].end))
    return chunks


# From text to units


def _units(document: ParsedDocument, token_spans: TokenSpans, limits: ChunkLimits) -> Iterator[_Unit]:
    text = document.text
    # Plain text may hold a heading that the rules for sentences do not see; there a sentence is cut.
    cuts = sorted({offset for heading in document.headings for offset in (heading.start, heading.end)})
    ends = [heading.end for heading in document.headings]
    starts = [heading.start for heading in document.headings]
    next_cut = 0
    for start, end in sentence_spans(text):
        while next_cut < len(cuts) and cuts[next_cut] <= start:
            next_cut += 1
        edges = [start]
        while next_cut < len(cuts) and cuts[next_cut] < end:
            edges.append(cuts[next_cut])
            next_cut += 1
        edges.append(end)
        for begin, finish in zip(edges, edges[1:], strict=False):
            at = bisect_right(starts, begin) - 1
            heading = at >= 0 and begin < ends[at]
            for piece_start, piece_end, tokens in _pieces(text, begin, finish, token_spans, limits):
                yield _Unit(piece_start, piece_end, tokens, heading, _detached(text, piece_start))


def _detached(text: str, position: int) -> bool:
    """Whether every tokeniser sees a border before this character.

    Where it does not (inside a long word, after a control character) the tokens on both sides are not
    those of the joined text.
    """
    if position == 0:
        return True
    before = text[position - 1]
    return before in " \n\t\r" or unicodedata.category(before)[0] in "ZP"


def _pieces(
    text: str, start: int, end: int, token_spans: TokenSpans, limits: ChunkLimits
) -> Iterator[tuple[int, int, int]]:
    """A stretch within the limits as it is, a longer one in pieces, as ``(start, end, tokens)``."""
    while True:
        start, end = _trimmed(text, start, end)
        if start == end:
            return
        if end - start <= _TOKENISED_CHARS:
            break
        cut = _natural_cut(text, start, start + _TOKENISED_CHARS) or start + _TOKENISED_CHARS
        yield from _pieces(text, start, cut, token_spans, limits)
        start = cut
    firsts = [start + first for first, _ in token_spans(text[start:end])]
    done = 0  # tokens before start
    while len(firsts) - done > limits.tokens or end - start > limits.chars:
        hard = min(start + limits.chars, end)
        if done + limits.tokens < len(firsts):
            hard = min(hard, firsts[done + limits.tokens])
        hard = max(hard, start + 1)
        cut = _natural_cut(text, start, hard)
        if cut is not None:
            after = bisect_right(firsts, cut - 1)
            tokens = after - done
        else:
            # Half a word has other tokens than the whole, and may have more.
            cut = hard
            tokens = len(token_spans(text[start:cut]))
            while tokens > limits.tokens and cut - start > 1:
                cut = start + (cut - start) // 2
                tokens = len(token_spans(text[start:cut]))
        piece = _trimmed(text, start, cut)
        if piece[0] < piece[1]:
            yield (*piece, tokens)
        attached = not _detached(text, cut)
        start = _trimmed(text, cut, end)[0]
        done = bisect_right(firsts, start - 1)
        if attached:
            # What is left begins inside a word: counted anew, up to the next border.
            yield from _pieces(text, start, end, token_spans, limits)
            return
    if start < end:
        yield start, end, len(firsts) - done


def _natural_cut(text: str, start: int, end: int) -> int | None:
    """Where to cut before ``end``, in the second half: after a clause, else at white space; None if nowhere."""
    middle = start + (end - start) // 2
    for pattern in (_CLAUSE_END, _SPACE):
        found = pattern.match(text, middle, end)
        if found is not None and start < found.end() < end:
            return int(found.end())
    return end if end < len(text) and text[end].isspace() and _detached(text, end + 1) else None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    stripped = piece.strip()
    first = start + len(piece) - len(piece.lstrip())
    return (first, first + len(stripped)) if stripped else (end, end)


# From units to parts of sections


def _sections(
    units: Sequence[_Unit], headings: Sequence[Heading], limits: ChunkLimits
) -> Iterator[Sequence[_Unit]]:
    """Runs of units under one heading. A run that is too small takes the next one in, unless that ranks higher."""
    starts = [heading.start for heading in headings]
    first = 0
    current = -1  # index of the heading that the run began with; -1 before any
    tokens = 0
    body = False
    for position, unit in enumerate(units):
        at = bisect_right(starts, unit.start) - 1
        if at != current and unit.heading and position > first:
            higher = current >= 0 and headings[at].level < headings[current].level
            if tokens >= limits.minimum_tokens or (higher and body):
                yield units[first:position]
                first, tokens, body = position, 0, False
                current = at
        if position == first:
            current = at
        tokens += unit.tokens
        body = body or not unit.heading
    if units:
        yield units[first:]


def _parts(section: Sequence[_Unit], limits: ChunkLimits) -> Iterator[tuple[int, int]]:
    """Ranges of units, each within the limits, of about equal size, with the overlap at their beginning."""
    total = sum(unit.tokens for unit in section)
    # When there is more than one part, some room is kept for the overlap.
    room = limits.tokens if total <= limits.tokens else limits.tokens - limits.tokens // 8
    target = total / max(1, math.ceil(total / max(1, room)))
    first = 0
    start = 0  # of the part, overlap included
    tokens = 0
    for position, unit in enumerate(section):
        if position > first:
            full = tokens + unit.tokens > limits.tokens or unit.end - section[start].start > limits.chars
            enough = tokens + unit.tokens / 2 > target
            if full or enough or not unit.detached:
                last = _without_headings(section, first, position) if unit.detached else position
                yield start, last
                first = last
                start = _overlap_start(section, first, position, limits)
                tokens = sum(each.tokens for each in section[start:position])
        tokens += unit.tokens
    yield start, len(section)


def _without_headings(section: Sequence[_Unit], first: int, last: int) -> int:
    """The end of a part, moved before headings at its end: they belong to what follows."""
    end = last
    while end > first and section[end - 1].heading:
        end -= 1
    return end if end > first else last


def _overlap_start(section: Sequence[_Unit], first: int, position: int, limits: ChunkLimits) -> int:
    """Where a part that has ``first`` to ``position`` to hold begins, with the sentences it repeats."""
    start = first
    fixed = sum(unit.tokens for unit in section[first : position + 1])
    if not all(unit.detached for unit in section[first : position + 1]):
        return first
    repeated = 0
    for earlier in range(first - 1, max(-1, first - 1 - limits.overlap_sentences), -1):
        unit = section[earlier]
        repeated += unit.tokens
        chars = section[position].end - unit.start
        fits = repeated <= limits.tokens // 4 and fixed + repeated <= limits.tokens and chars <= limits.chars
        if not fits or unit.heading:
            break
        start = earlier
        if not unit.detached:
            break
    return start


# What stands above a chunk


class _Outline:
    """The headings above every place of a document, and the context that a chunk gets from them."""

    def __init__(self, document: ParsedDocument, token_spans: TokenSpans, limits: ChunkLimits) -> None:
        self._document = document
        self._token_spans = token_spans
        self._limits = limits
        self._starts = [heading.start for heading in document.headings]
        self._paths: list[tuple[Heading, ...]] = []
        self._contexts: dict[tuple[str, ...], str] = {}
        path: list[Heading] = []
        for heading in document.headings:
            while path and path[-1].level >= heading.level:
                path.pop()
            path.append(heading)
            self._paths.append(tuple(path))

    def chunk(self, start: int, end: int) -> ChunkSpan:
        path = self._path(start)
        below = self._path(end - 1)
        # Of joined sections only what stands above all of them; what the chunk itself holds is not repeated.
        above = tuple(one.title for one in path if one.start < start and any(one is other for other in below))
        title = self._document.title
        if title and all(title != heading.title for heading in path):
            beginning = self._document.text[start : start + len(title) + 20]
            if not beginning.lstrip("#=*_ \t\n").startswith(title):
                above = (title, *above)
        return ChunkSpan(
            start=start,
            end=end,
            page=self._document.page_at(start),
            heading_path=tuple(heading.title for heading in path),
            context=self._context(above),
        )

    def _path(self, offset: int) -> tuple[Heading, ...]:
        at = bisect_right(self._starts, offset) - 1
        return self._paths[at] if at >= 0 else ()

    def _context(self, titles: tuple[str, ...]) -> str:
        """Titles joined by " > ". If that is too long: first and last, the last alone, the last one's beginning."""
        if titles not in self._contexts:
            lines = tuple(" ".join(title.split()) for title in titles)
            candidates = [lines, lines[:1] + lines[-1:], lines[-1:]] if len(lines) > 1 else [lines]
            joined = (" > ".join(filter(None, candidate)) for candidate in candidates)
            fitting = (text for text in joined if self._count(text) <= self._limits.context_tokens)
            context = next(fitting, None)
            self._contexts[titles] = self._beginning(lines[-1]) if context is None else context
        return self._contexts[titles]

    def _beginning(self, title: str) -> str:
        spans = self._token_spans(title)
        cut = (
            title[: spans[self._limits.context_tokens][0]]
            if len(spans) > self._limits.context_tokens
            else title
        )
        while self._count(cut) > self._limits.context_tokens:
            cut = cut[: len(cut) // 2]
        return cut.rstrip()

    def _count(self, text: str) -> int:
        # A title of a million characters is no title; tokenising it would not tell more.
        return len(self._token_spans(text[: 20 * self._limits.context_tokens])) if text else 0
