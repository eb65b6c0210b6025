"""The foot of the evidence pane: where the same text stands too, what else was found, a word against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ui.references import Located, References
from ui.render import escape_line, place
from ui.stored import SpanRef, StoredAnswer

if TYPE_CHECKING:
    from index.rows import DocumentRow
    from index.store import Store

_MOST = 20  # files with the same text; a template may have a thousand copies
_NAMED = 2  # in the line that is there before it is opened
_SNIPPET_CHARS = 160


def part_link(doc_id: str, chunk_id: int) -> str:
    """The address, without its ``#``, of a passage that no message holds."""
    return f"part-{doc_id}-{chunk_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    link: str  # without its "#"
    label: str
    words: str = ""


class PaneFooter:
    """Draws the foot of the pane for one place at a time."""

    def __init__(self, store: Store, references: References) -> None:
        self._store = store
        self._references = references

    def html(
        self,
        found: Located,
        ref: SpanRef | None = None,
        answer: StoredAnswer | None = None,
        message_id: str = "",
        marker: int = 0,
    ) -> str:
        """Two lists and how the place was found, each folded, and a word against it; "" if there is nothing.

        Args:
            found: The place that the pane shows.
            ref: How the message remembers it; None for a place of no message.
            answer: That of the message.
            message_id: Of the message.
            marker: Of the citation in its answer that the place is; 0 for any other place.
        """
        if found.version_id is None or found.document is None:
            return ""
        same = self._same_text(found, found.document, ref, answer)
        others = self._others(found, ref, answer, message_id)
        lists = ""
        if same:
            named = ", ".join(line.label for line in same[:_NAMED])
            rest = f" and {len(same) - _NAMED} more" if len(same) > _NAMED else ""
            lists += _list(f"Same text also in: {named}{rest}", same)
        if others:
            lists += _list(f"Other passages from this file ({len(others)})", others)
        chunk = self._store.chunk_at(found.version_id, found.start)
        lists += _found_by(ref, answer, chunk.chunk_id if chunk is not None else 0)
        if marker and answer is not None and answer.status == "answered":
            lists += _wrong(message_id, marker)
        # Not a <footer>: those are hidden, as Gradio's own is.
        return f'<div class="fn-pane-foot">{lists}</div>' if lists else ""

    def _same_text(
        self, found: Located, shown: DocumentRow, ref: SpanRef | None, answer: StoredAnswer | None
    ) -> list[_Line]:
        """The other files that hold the passage: the same content, or one that was found to be nearly so."""
        lines: dict[str, _Line] = {}

        def add(document: DocumentRow, version_id: int, start: int) -> None:
            chunk = self._store.chunk_at(version_id, start)
            known = document.doc_id == shown.doc_id or document.doc_id in lines
            if chunk is not None and not known and document.answers and len(lines) < _MOST:
                label = place(self._references.name_apart(document), chunk.locator)
                lines[document.doc_id] = _Line(link=part_link(document.doc_id, chunk.chunk_id), label=label)

        assert found.version_id is not None
        for source in self._store.sources_of(found.version_id)[: _MOST + 1]:
            add(source, found.version_id, found.start)
        for original, twin in answer.twins if answer is not None else ():
            if ref is not None and _overlap(original, ref):
                there = self._references.locate(twin)
                if there.document is not None and there.version_id is not None:
                    add(there.document, there.version_id, there.start)
        return list(lines.values())

    def _others(
        self, found: Located, ref: SpanRef | None, answer: StoredAnswer | None, message_id: str
    ) -> list[_Line]:
        """What the search has found in this file besides, in the order of the file."""
        if answer is None or ref is None:
            return []
        lines: list[tuple[int, _Line]] = []
        for rank, passage in enumerate(answer.passages, start=1):
            there = self._references.locate(passage)
            apart = there.end <= found.start or found.end <= there.start
            if there.version_id == found.version_id and apart:
                words = " ".join(there.quote.split())[:_SNIPPET_CHARS]
                link = f"found-{message_id}-{rank}"
                lines.append((there.start, _Line(link=link, label=there.locator, words=words)))
        return [line for _, line in sorted(lines, key=lambda each: each[0])]


def _found_by(ref: SpanRef | None, answer: StoredAnswer | None, chunk_id: int) -> str:
    """How the search came to the passage of this place, and what it thought of it."""
    considered = answer.considered if ref is not None and answer is not None else ()
    for rank, each in enumerate(considered, start=1):
        if ref is not None and _overlap(each.place, ref):
            near = f" ({each.cosine:.2f} of 1)" if each.cosine is not None else ""
            facts = [
                f"by meaning #{each.dense_rank}{near}"
                if each.dense_rank is not None
                else "not found by its meaning",
                f"by words #{each.lexical_rank}"
                if each.lexical_rank is not None
                else "not found by its words",
                f"both together {each.fused:.2f} of 1",
            ]
            if each.reader is not None:
                facts.append(f"read closely: it answers with a chance of {each.reader:.0%}")
            facts += [f"all in all #{rank} of {len(considered)}", each.reason]
            if chunk_id:
                facts.append(f"passage {chunk_id} of the index")
            rows = "".join(f"<li>{escape_line(fact)}</li>" for fact in facts)
            return f"<details><summary>How this passage was found</summary><ul>{rows}</ul></details>"
    return ""


def _wrong(message_id: str, marker: int) -> str:
    """The same as *Wrong citation* under the answer; page.js repeats whether that is noted."""
    title = "Note a test question: the answer should not cite this. Another click takes it back"
    link = f"say-{message_id}-wrong_citation-{marker}"
    return f'<a class="fn-say-wrong" href="#{link}" title="{title}">This passage is wrong</a>'


def _overlap(one: SpanRef, other: SpanRef) -> bool:
    return one.version_id == other.version_id and one.start < other.end and other.start < one.end


def _list(summary: str, lines: Sequence[_Line]) -> str:
    rows = "".join(
        f'<li><a href="#{line.link}">{escape_line(" ".join(filter(None, (line.label, line.words))))}</a></li>'
        for line in lines
    )
    return f"<details><summary>{escape_line(summary)}</summary><ul>{rows}</ul></details>"
