"""A refusal that helps: what was searched, what was nearest, what lies outside the selection, what to ask.

Nothing in it is invented: a rewording is a heading that stands in a document, and it is offered only
after it was asked, and found to be answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from index.analysis import words
from rag.answers import Elsewhere, Passage, Refusal, Rewording
from rag.headings import heading_question
from rag.overlap import covered, forms_in, share, weighted_words

if TYPE_CHECKING:
    from index.scope import Scope
    from index.snapshot import Snapshot
    from index.store import Store
    from rag.evidence import Evidence, EvidenceSelector, EvidenceSentence
    from rag.rerank import Reranker
    from rag.retrieval import HybridRetriever

NEAREST = 3
REWORDINGS = 3
# A heading is near a question when their meanings are, or when it holds much of what the question's
# words tell. Of the headings of nine documents that fifteen refused questions were compared with, those
# a person would try had cosines of 0.41 to 0.54, and of the others few had more than 0.31.
NEAR_COSINE = 0.38
NEAR_SHARE = 0.4
_COMPARED = 24  # headings that are compared by meaning: embedding them is half of what a refusal costs
_ASKED = REWORDINGS + 1  # headings that are asked, to offer those that are answered


class Refuser:
    """Says what a refusal has to say. Safe to use from several threads."""

    def __init__(
        self,
        *,
        store: Store,
        retriever: HybridRetriever,
        reranker: Reranker,
        selector: EvidenceSelector,
        passages: int,
        bar: float,
    ) -> None:
        """Take the parts of the assistant that refuses.

        Args:
            passages: How many are looked at outside the selection.
            bar: Confidence in [0, 1] from which on there would have been an answer.
        """
        self._store = store
        self._retriever = retriever
        self._reranker = reranker
        self._selector = selector
        self._passages = passages
        self._bar = bar

    def refuse(
        self,
        query: str,
        evidence: Evidence,
        passages: Sequence[Passage],
        snapshot: Snapshot,
        scope: Scope,
        *,
        carried: Sequence[str] = (),
    ) -> Refusal:
        """The refusal of a question.

        Args:
            query: What was searched.
            evidence: What the passages hold for it, below the bar.
            passages: What was found, best first.
            carried: Words at the end of ``query`` that come from earlier turns.
        """
        return Refusal(
            passages=scope.n_chunks,
            documents=scope.n_documents,
            collections=tuple(sorted(scope.collections or ())),
            files=scope.files,
            unknown_words=evidence.unknown_words,
            nearest=tuple(passages[:NEAREST]),
            elsewhere=self._elsewhere(query, snapshot, scope, carried),
            rewordings=self._rewordings(query, passages, snapshot, scope),
            disabled=0 if scope.n_chunks else self._disabled(scope),
        )

    def _disabled(self, scope: Scope) -> int:
        """How many documents would have been searched if they were not disabled."""
        rows = self._store.documents()
        return sum(row.version_id is not None and not row.answers and scope.chose(row) for row in rows)

    def _elsewhere(
        self, query: str, snapshot: Snapshot, scope: Scope, carried: Sequence[str]
    ) -> tuple[Elsewhere, ...]:
        """What holds an answer outside the selection, found by one search over all of that.

        A collection; or a document, where others of its collection were selected.
        """
        if not scope.narrowed:
            return ()
        outside = self._store.scope(scope.collections, snapshot, documents=scope.documents, outside=True)
        if not outside.n_chunks:
            return ()
        found = self._retriever.search(query, k=self._passages, snapshot=snapshot, scope=outside)
        ranked = self._reranker.rank(query, found, snapshot, carried=carried)
        # All together first: most often nothing is there, and that is known after one look.
        if not self._clears(query, ranked.passages, snapshot, carried, ranked.sentences):
            return ()
        counts: dict[tuple[str, str], int] = {}
        for passage in ranked.passages:
            if self._clears(query, [passage], snapshot, carried, ranked.sentences):
                sources = self._store.sources_of(passage.version_id)
                for place in {
                    (source.collection, source.name if source.collection in scope.parts else "")
                    for source in sources
                    if outside.holds(source)
                }:
                    counts[place] = counts.get(place, 0) + 1
        by_count = sorted(counts, key=lambda place: (-counts[place], place))
        return tuple(
            Elsewhere(collection=collection, document=document, passages=counts[collection, document])
            for collection, document in by_count
        )

    def _clears(
        self,
        query: str,
        passages: Sequence[Passage],
        snapshot: Snapshot,
        carried: Sequence[str] = (),
        read: Sequence[EvidenceSentence] = (),
    ) -> bool:
        evidence = self._selector.select(query, passages, snapshot, carried=carried, read=read)
        return bool(evidence.sentences) and evidence.confidence >= self._bar

    # -- rewordings ------------------------------------------------------------------------------

    def _rewordings(
        self, query: str, passages: Sequence[Passage], snapshot: Snapshot, scope: Scope
    ) -> tuple[Rewording, ...]:
        """Headings near the question that are answered when they are asked, nearest first."""
        offered: list[Rewording] = []
        for candidate in self._near_headings(query, passages, snapshot)[:_ASKED]:
            found = self._retriever.search(candidate.text, k=2, snapshot=snapshot, scope=scope)
            if self._clears(candidate.text, found, snapshot):
                offered.append(candidate)
                if len(offered) == REWORDINGS:
                    break
        return tuple(offered)

    def _near_headings(self, query: str, passages: Sequence[Passage], snapshot: Snapshot) -> list[Rewording]:
        wanted = weighted_words(query, snapshot)
        shares = {
            candidate: share(wanted, covered(wanted, forms_in(candidate.text, snapshot.languages)))
            for candidate in self._headings(passages, {word for word, _, _ in words(query)})
        }
        # Headings over the passages themselves come first among equals: they are first in order.
        candidates = sorted(shares, key=lambda candidate: -shares[candidate])[:_COMPARED]
        if not candidates:
            return []
        embedder = self._retriever.embedder
        cosines = embedder.encode([candidate.text for candidate in candidates]) @ embedder.encode_query(query)
        scored = [
            (float(cosine) + shares[candidate], candidate)
            for candidate, cosine in zip(candidates, cosines, strict=True)
            if cosine >= NEAR_COSINE or shares[candidate] >= NEAR_SHARE
        ]
        return [candidate for _, candidate in sorted(scored, key=lambda item: -item[0])]

    def _headings(self, passages: Sequence[Passage], asked: set[str]) -> list[Rewording]:
        """The headings of the passages' documents, each title once; those above a passage come first."""
        above: list[Rewording] = []
        others: list[Rewording] = []
        seen_versions: set[int] = set()
        for passage in passages:
            if passage.version_id in seen_versions:
                continue
            seen_versions.add(passage.version_id)
            document = self._store.parsed(passage.version_id)
            if document is None:  # removed in this moment
                continue
            near = {
                title
                for other in passages
                if other.version_id == passage.version_id
                for title in other.heading_path
            }
            for heading in document.headings:
                candidate = heading_question(heading, document, passage)
                if candidate is not None and {word for word, _, _ in words(candidate.text)} != asked:
                    (above if heading.title in near else others).append(candidate)
        first: dict[str, Rewording] = {}
        for candidate in (*above, *others):
            first.setdefault(candidate.text.casefold(), candidate)
        return list(first.values())


def refusal_sentences(refusal: Refusal) -> list[str]:
    """What to say instead of an answer: that there is none, what was searched, and what is elsewhere."""
    selected = (*refusal.collections, *refusal.files)
    inside = f" in {listed(selected)}" if selected else ""
    if not refusal.passages and refusal.disabled:
        documents = counted(refusal.disabled, "document")
        sentences = [f"Nothing was searched{inside}: {documents} disabled.", "Enable some and ask again."]
        if refusal.disabled == 1:
            sentences[1] = "Enable it and ask again."
    elif not refusal.passages:
        sentences = [f"Nothing is indexed{inside} yet.", "Add documents and ask again."]
    else:
        passages, documents = counted(refusal.passages, "passage"), counted(refusal.documents, "document")
        sentences = ["Not in your documents.", f"Searched {passages} of {documents}{inside}."]
        if refusal.unknown_words:
            sentences.append(f"Found in none of them: {', '.join(refusal.unknown_words)}.")
    if refusal.elsewhere:
        names = listed([each.name for each in refusal.elsewhere])
        sentences.append(f"Found in {names}, outside your selection.")
    return sentences


def listed(names: Sequence[str]) -> str:
    """Names as a sentence holds them: ``Contracts``, ``Contracts and Manuals``, ``A, B and 3 more``."""
    if len(names) > 3:
        return f"{', '.join(names[:2])} and {len(names) - 2} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def counted(number: int, noun: str) -> str:
    """``1 passage``, ``4,120 passages``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
