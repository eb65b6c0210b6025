"""Documents are cut into chunks of whole sentences, under their headings, with exact offsets.

Chunking is our own because a citation stands on it: LangChain's splitters guess where a chunk was by
searching for its text, and are wrong on repeated text.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from index.documents import ChunkSpan, ParsedDocument
from index.sentences import sentence_spans

TokenSpans = Callable[[str], Sequence[tuple[int, int]]]

# WordPiece reads a longer "word" as one unknown token, so tokens alone do not bound a chunk.
_WORD_CHARS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkLimits:
    """How large a chunk may be.

    ``tokens`` + ``context_tokens`` must stay within what the embedding model reads (254 for MiniLM), so
    that nothing is cut silently. A section below ``minimum_tokens`` is joined to the next.
    """

    tokens: int = 200
    context_tokens: int = 48
    chars: int = 2000
    minimum_tokens: int = 40
    overlap_sentences: int = 1


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, or a piece of one that is too long by itself."""

    start: int
    end: int
    tokens: int


def split(
    document: ParsedDocument, *, token_spans: TokenSpans, limits: ChunkLimits | None = None
) -> list[ChunkSpan]:
    """Cut a document into chunks, in the order of the text.

    Chunks together cover everything that is not blank. Neighbours share ``overlap_sentences`` whole
    sentences where these are short. Sections of one document are cut into parts of about equal size.

    Args:
        token_spans: Gives ``(start, end)`` of the embedding model's tokens, ascending, over a whole text.
    """
    limits = limits or ChunkLimits()
    text = document.text
    starts = [start for start, _ in token_spans(text)]
    units = [
        unit for start, end in sentence_spans(text) for unit in _pieces(text, start, end, starts, limits)
    ]
    contexts = _Contexts(document, token_spans, limits)
    chunks: list[ChunkSpan] = []
    for section in _sections(units, document, limits):
        chunks += [contexts.chunk(part[0].start, part[-1].end) for part in _parts(section, limits)]
    return chunks


def _pieces(
    text: str, start: int, end: int, token_starts: Sequence[int], limits: ChunkLimits
) -> Iterator[_Unit]:
    """A sentence within the limits as it is, a longer one in pieces that end at white space if they can."""
    while start < end:
        first = bisect_left(token_starts, start)
        beyond = first + limits.tokens
        cut = token_starts[beyond] if beyond < len(token_starts) else end
        cut = min(cut, start + limits.chars, end)
        split_word = False
        if cut < end and not text[cut - 1].isspace() and not text[cut].isspace():
            space = max(text.rfind(character, start + 1, cut) for character in " \n\t")
            if space > start + (cut - start) // 2:
                cut = space
            else:
                split_word = True
        piece = text[start:cut].strip()
        if piece:
            begin = start + text[start:cut].index(piece[0])
            count = bisect_left(token_starts, cut) - first
            # The tokens of half a word are not those of the whole; each character may become one.
            tokens = (
                max(count, min(len(piece), _WORD_CHARS)) if split_word or _cuts_word(text, start) else count
            )
            yield _Unit(begin, begin + len(piece), max(1, min(tokens, limits.tokens)))
        start = cut


def _cuts_word(text: str, position: int) -> bool:
    """Whether a cut at ``position`` goes through a word."""
    return 0 < position < len(text) and not text[position - 1].isspace() and not text[position].isspace()


def _sections(units: Sequence[_Unit], document: ParsedDocument, limits: ChunkLimits) -> Iterator[list[_Unit]]:
    """Runs of units under one heading; a run that is too small takes the next one in."""
    headings = [heading.start for heading in document.headings]
    section: list[_Unit] = []
    tokens = 0
    for unit in units:
        at = bisect_left(headings, unit.start)
        begins = at < len(headings) and headings[at] < unit.end
        if begins and section and tokens >= limits.minimum_tokens:
            yield section
            section, tokens = [], 0
        section.append(unit)
        tokens += unit.tokens
    if section:
        yield section


def _parts(section: Sequence[_Unit], limits: ChunkLimits) -> Iterator[list[_Unit]]:
    """Parts of about equal size, none above the limits, each beginning with the end of the one before."""
    total = sum(unit.tokens for unit in section)
    target = total / math.ceil(total / limits.tokens)
    part: list[_Unit] = []
    tokens = 0
    for position, unit in enumerate(section):
        too_much = part and (tokens + unit.tokens > limits.tokens or unit.end - part[0].start > limits.chars)
        if too_much or (part and tokens >= target):
            yield part
            part = _overlap(section, position, limits)
            if part and unit.end - part[0].start > limits.chars:
                part = []
            tokens = sum(earlier.tokens for earlier in part)
            if tokens + unit.tokens > limits.tokens:
                part, tokens = [], 0
        part.append(unit)
        tokens += unit.tokens
    yield part


def _overlap(section: Sequence[_Unit], position: int, limits: ChunkLimits) -> list[_Unit]:
    """The last sentences before ``position``, if they are short enough to be worth repeating."""
    earlier = list(section[max(0, position - limits.overlap_sentences) : position])
    return earlier if sum(unit.tokens for unit in earlier) <= limits.tokens // 4 else []


class _Contexts:
    """What stands above each chunk, short enough for the model."""

    def __init__(self, document: ParsedDocument, token_spans: TokenSpans, limits: ChunkLimits) -> None:
        self._document = document
        self._token_spans = token_spans
        self._limits = limits
        self._short: dict[tuple[str, ...], str] = {}

    def chunk(self, start: int, end: int) -> ChunkSpan:
        path = self._document.heading_path(start)
        above = self._document.heading_path(start - 1) if start else ()
        inside = len(path) > len(above) or path[: len(above)] != above
        kept = tuple(title for title in path if title in above) if inside else path
        title = self._document.title
        text = self._document.text
        if title and title not in kept and not text.startswith(title, start):
            kept = (title, *kept)
        return ChunkSpan(
            start=start,
            end=end,
            page=self._document.page_at(start),
            heading_path=path,
            context=self._shortened(kept),
        )

    def _shortened(self, titles: tuple[str, ...]) -> str:
        """Titles joined by " > "; of a path that is too long the ends are kept, then the last alone, cut."""
        if titles not in self._short:
            candidates = [titles, (titles[0], titles[-1]), titles[-1:]] if titles else [()]
            joined = (" > ".join(" ".join(title.split()) for title in candidate) for candidate in candidates)
            fitting = (text for text in joined if len(self._token_spans(text)) <= self._limits.context_tokens)
            self._short[titles] = next(fitting, None) or self._cut(titles)
        return self._short[titles]

    def _cut(self, titles: tuple[str, ...]) -> str:
        if not titles:
            return ""
        title = " ".join(titles[-1].split())
        spans = self._token_spans(title)
        return title[: spans[self._limits.context_tokens][0]].rstrip() if spans else ""
