"""Documents are cut into chunks of whole sentences, under their headings, with exact offsets.

Chunking is our own because a citation stands on it: LangChain's splitters guess where a chunk was by
searching for its text, and are wrong on repeated text.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from index.documents import ChunkSpan, Heading, ParsedDocument
from index.headers import TableHeaders
from index.sentences import sentence_spans

TokenSpans = Callable[[str], Sequence[tuple[int, int]]]
"""Character spans of an embedding model's tokens, over a whole text, ascending."""

# A "sentence" longer than this (a file without a line break) is tokenised in parts, to bound memory.
_TOKENISED_CHARS = 50_000
# A sentence that is too long is parted after a clause if one ends in its second half, else at a space.
_CLAUSE_END = regex.compile(r".*(?:[,;:)–—](?=\s)|[，；：、،؛])", regex.DOTALL)
_SPACE = regex.compile(r".*[^\S\x0b\x0c\x1c-\x1f\x85](?=\S)", regex.DOTALL)

_TITLE_CHARS = 200  # of a title or heading go into the context


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
        for begin, finish in pairwise(edges):
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
    while end - start > _TOKENISED_CHARS:
        limit = start + _TOKENISED_CHARS
        cut = _natural_cut(text, start, limit) or limit
        yield from _pieces(text, start, cut, token_spans, limits)
        start = cut
    firsts = [start + first for first, _ in token_spans(text[start:end])]
    start = _skip_space(text, start, end)
    while start < end:
        before = bisect_left(firsts, start)
        natural: int | None = end
        hard = end
        if len(firsts) - before > limits.tokens or end - start > limits.chars:
            beyond = firsts[before + limits.tokens] if before + limits.tokens < len(firsts) else end
            hard = max(start + 1, min(start + limits.chars, beyond))
            natural = _natural_cut(text, start, hard)
        if natural is not None and _detached(text, start):
            cut = natural
            tokens = bisect_left(firsts, cut) - before
        else:
            # Half a word has other tokens than the whole, and may have more: counted anew.
            cut = natural or hard
            tokens = len(token_spans(text[start:cut]))
            while tokens > limits.tokens and cut - start > 1:
                cut = start + (cut - start) // 2
                tokens = len(token_spans(text[start:cut]))
        yield start, start + len(text[start:cut].rstrip()), tokens
        start = _skip_space(text, cut, end)


def _natural_cut(text: str, start: int, end: int) -> int | None:
    """Where to cut up to ``end``: after a clause, else at white space, in the second half; else None."""
    middle = start + (end - start) // 2
    for pattern in (_CLAUSE_END, _SPACE):
        found = pattern.match(text, middle, end)
        if found is not None:
            return int(found.end())
    follows_space = end < len(text) and text[end].isspace() and _detached(text, end + 1)
    return end if follows_space or _detached(text, end) else None


def _skip_space(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start


# From units to parts of sections


def _sections(
    units: Sequence[_Unit], headings: Sequence[Heading], limits: ChunkLimits
) -> Iterator[Sequence[_Unit]]:
    """Runs of units under one heading; one that is too small takes in the next, unless that ranks higher."""
    starts = [heading.start for heading in headings]
    first = 0
    begun = current = -1  # index of the heading that the run began with, and of the one last seen
    tokens = 0
    body = False
    for position, unit in enumerate(units):
        at = bisect_right(starts, unit.start) - 1
        if position and at != current:
            higher = begun >= 0 and headings[at].level < headings[begun].level
            if tokens >= limits.minimum_tokens or (higher and body):
                yield units[first:position]
                first, tokens, body = position, 0, False
        if position == first:
            begun = at
        current = at
        tokens += unit.tokens
        body = body or not unit.heading
    if units:
        yield units[first:]


def _parts(section: Sequence[_Unit], limits: ChunkLimits) -> Iterator[tuple[int, int]]:
    """Ranges of units, each within the limits, of about equal size, with the overlap at their beginning."""
    bounds = _partition(section, limits)
    for position, (first, last) in enumerate(bounds):
        yield (_overlap_start(section, first, last, limits) if position else first), last


def _partition(section: Sequence[_Unit], limits: ChunkLimits) -> list[tuple[int, int]]:
    total = sum(unit.tokens for unit in section)
    # When there is more than one part, some room is kept for the overlap.
    room = limits.tokens if total <= limits.tokens else limits.tokens - limits.tokens // 8
    target = total / max(1, math.ceil(total / max(1, room)))
    bounds: list[tuple[int, int]] = []
    first = 0
    tokens = 0
    for position, unit in enumerate(section):
        enough = tokens + unit.tokens / 2 > target
        if position > first and (enough or not _fits(section, first, position + 1, limits)):
            last = _without_headings(section, first, position, limits)
            bounds.append((first, last))
            first = last
            tokens = sum(each.tokens for each in section[first:position])
        tokens += unit.tokens
    if bounds and tokens < limits.minimum_tokens and _fits(section, bounds[-1][0], len(section), limits):
        first, _ = bounds.pop()
    bounds.append((first, len(section)))
    return bounds


def _fits(section: Sequence[_Unit], first: int, last: int, limits: ChunkLimits) -> bool:
    """Whether these units make one chunk within the limits, whose tokens are the sum of theirs."""
    return (
        section[last - 1].end - section[first].start <= limits.chars
        and sum(unit.tokens for unit in section[first:last]) <= limits.tokens
        and all(unit.detached for unit in section[first + 1 : last])
    )


def _without_headings(section: Sequence[_Unit], first: int, position: int, limits: ChunkLimits) -> int:
    """The end of a part before ``position``: headings at its end go with what follows, if they can."""
    end = position
    while end > first and section[end - 1].heading:
        end -= 1
    return end if end > first and _fits(section, end, position + 1, limits) else position


def _overlap_start(section: Sequence[_Unit], first: int, last: int, limits: ChunkLimits) -> int:
    """Where a part begins once the sentences that it repeats are counted in."""
    start = first
    for earlier in range(first - 1, max(-1, first - 1 - limits.overlap_sentences), -1):
        repeated = sum(unit.tokens for unit in section[earlier:first])
        short = repeated <= limits.tokens // 4 and not section[earlier].heading
        if not short or not _fits(section, earlier, last, limits):
            break
        start = earlier
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
        self._table_headers = TableHeaders(document)
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
        columns = self._table_headers.above(start)
        if columns:
            above = (*above, columns)
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
        """Titles joined by " > "; if that is too long, the first and the last, the last, or its beginning."""
        if titles not in self._contexts:
            lines = tuple(" ".join(title[:_TITLE_CHARS].split()) for title in titles)
            candidates = (lines, lines[:1] + lines[-1:], lines[-1:]) if len(lines) > 1 else (lines,)
            joined = [" > ".join(filter(None, candidate)) for candidate in candidates]
            while self._count(joined[-1]) > self._limits.context_tokens:
                joined.append(joined[-1][: len(joined[-1]) * 3 // 4].rstrip())
            self._contexts[titles] = next(
                text for text in joined if self._count(text) <= self._limits.context_tokens
            )
        return self._contexts[titles]

    def _count(self, text: str) -> int:
        return len(self._token_spans(text))
