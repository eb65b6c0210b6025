"""Passages about the things that a question, or the best passages for it, name.

A question may need two documents of which only one looks like it: "Who directed the film that was shot in
Leland?" finds Leland, and Leland names the film. So names of the question and of the best passages are
looked up among titles and headings. On 100 HotpotQA questions over 4,053 paragraphs both documents are
among the first five for 79 of them with it, for 58 without (``python -m tests.quality.linked``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from index.analysis import query_terms, words
from rag.answers import Passage
from rag.overlap import WeightedWord, covered, forms_in, share, weighted_words

if TYPE_CHECKING:
    from index.scope import Scope
    from index.snapshot import Snapshot
    from index.store import ChunkRow, DocumentRow, Store

LINKED = 2  # passages at most
BEHIND = 3  # they follow the best three, which are what the question itself found
_LOOKED_IN = 2  # of the best passages, for names
_NAMES = 16  # looked up at most
_NAME_CHARS = (4, 80)
_HITS = 4  # of each name
_COVERED = 0.95  # of the question's words in one passage: nothing is missing then

# Words with capitals, joined by what may stand inside a name. Bounded repetition: matching is linear.
_NAME = re.compile(
    r"[A-Z][\w'’.-]{0,40}(?: (?:(?:of|the|and|de|von|van|in|for|du|la|&) )?[A-Z0-9][\w'’.-]{0,40}){0,6}"
)
_ADDITION = re.compile(r" \(|,")  # "Lilu (mythology)", "Leland, North Carolina"


def linked_chunks(
    query: str, passages: Sequence[Passage], store: Store, snapshot: Snapshot, scope: Scope
) -> list[tuple[ChunkRow, DocumentRow]]:
    """Chunks whose document or section is called as something is that the query or the best passages name.

    Args:
        passages: What the query found, best first.

    Returns:
        At most :data:`LINKED`, best first: what the query names itself, then by how many of the words
        they hold that the best passage lacks. None where the best passage holds all words of the query.
    """
    wanted = weighted_words(query, snapshot)
    if not passages or not wanted:
        return []
    lacking = _lacking(passages[0], wanted, snapshot)
    if share(wanted, frozenset(word.word for word in lacking)) <= 1 - _COVERED:
        return []
    asked = dict.fromkeys(_names(query))
    named = [name for passage in passages[:_LOOKED_IN] for name in _names(passage.text)]
    names = list(dict.fromkeys([*asked, *named]))[:_NAMES]
    known = {passage.version_id for passage in passages[:BEHIND]}
    found: dict[int, tuple[float, ChunkRow, DocumentRow]] = {}
    for name, chunk, source in _about(names, store, snapshot, scope):
        if chunk.version_id in known or chunk.chunk_id in found:
            continue
        text = f"{source.title} {chunk.text}"
        helps = share(lacking, covered(lacking, forms_in(text, snapshot.languages)))
        found[chunk.chunk_id] = (2.0 if name in asked else helps, chunk, source)
    ranked = sorted(found.values(), key=lambda each: (-each[0], each[1].chunk_id))
    return [(chunk, source) for _, chunk, source in ranked[:LINKED]]


def _lacking(
    passage: Passage, wanted: Sequence[WeightedWord], snapshot: Snapshot
) -> tuple[WeightedWord, ...]:
    text = " ".join((passage.title, *passage.heading_path, passage.text))
    held = covered(wanted, forms_in(text, snapshot.languages))
    return tuple(word for word in wanted if word.word not in held)


def _names(text: str) -> Iterator[str]:
    for match in _NAME.finditer(text):
        name = match[0].rstrip(".'’-")
        if _NAME_CHARS[0] <= len(name) <= _NAME_CHARS[1]:
            yield name


def _about(
    names: Iterable[str], store: Store, snapshot: Snapshot, scope: Scope
) -> Iterator[tuple[str, ChunkRow, DocumentRow]]:
    """For each name the best chunk of a document or section that is called so."""
    hits = {
        name: [
            chunk_id for chunk_id, _ in snapshot.lexical(query_terms(name, snapshot.languages), _HITS, scope)
        ]
        for name in names
    }
    chunks = store.chunks([chunk_id for ids in hits.values() for chunk_id in ids])
    sources: dict[int, DocumentRow | None] = {}
    for name, ids in hits.items():
        called = _spelled(name)
        for chunk in (chunks[chunk_id] for chunk_id in ids if chunk_id in chunks):
            if chunk.version_id not in sources:
                held = store.sources_of(chunk.version_id)
                sources[chunk.version_id] = next((each for each in held if scope.holds(each)), None)
            source = sources[chunk.version_id]
            if source is None:
                continue
            titles = (source.title, *chunk.heading_path)
            if any(called in (_spelled(title), _spelled(_ADDITION.split(title)[0])) for title in titles):
                yield name, chunk, source
                break


def _spelled(name: str) -> tuple[str, ...]:
    return tuple(word for word, _, _ in words(name))
