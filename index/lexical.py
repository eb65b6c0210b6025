"""Keyword search: BM25 by tantivy over terms that our own analysis has made.

The index is derived from the catalog and rolls forward: a marker document carries the catalog's
identity and the generation that the index has reached; whatever came later is read from the catalog.
The Python binding has no commit payload, hence the marker.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from numpy.typing import NDArray

from index.analysis import QueryTerms, stemmed_words, words
from index.durable import make_folder
from index.errors import DamagedError
from index.faults import fault
from index.manifest import damage, segments, unclean_segments, write_manifest

_ANALYZER = "terms"  # our terms are joined by spaces, so splitting at spaces gives them back
_WRITER_BYTES = 32_000_000

# An exact word says a little more than its stem alone. Against stems only, 0.3 is worth +0.003 nDCG@10
# on SQuAD 2 and +0.002 on SciFact, and costs 0.001 on HotpotQA (dense weight 0.4).
WORDS_WEIGHT = 0.3
STEMS_WEIGHT = 1.0

FEW_IDS = 2_000  # that a search is filtered by
# So many ids are looked up one by one, more as a set: 200 of 200,000 take 1.0 ms so and 2.7 ms as a set,
# 8,000 take 25 ms and 14 ms.
ONE_BY_ONE = 500


class UnreadableLexicalError(Exception):
    """The folder holds no index, or one that is damaged; :meth:`LexicalIndex.recreate` is the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalDocument:
    """One chunk as the lexical index takes it. ``text`` is context and chunk, unanalysed."""

    chunk_id: int
    text: str
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """How far an index has come: ``generation`` of the catalog ``catalog_id``, and with how many passages."""

    catalog_id: str
    generation: int
    passages: int


@contextmanager
def _translated() -> Iterator[None]:
    """Turn whatever tantivy raises while it reads into our error.

    The binding reports failures as ValueError, some damage as KeyError, and a panic of its Rust code as an
    exception that is no Exception and can be told by its name only.
    """
    try:
        yield
    except (ValueError, KeyError, OSError) as exc:
        raise UnreadableLexicalError(str(exc)) from exc
    except BaseException as exc:
        if not _is_panic(exc):
            raise
        raise UnreadableLexicalError(f"tantivy broke off: {exc}") from exc


@contextmanager
def _in_use() -> Iterator[None]:
    """The same for a search: files that were sound when they were opened are no more."""
    try:
        with _translated():
            yield
    except UnreadableLexicalError as exc:
        raise DamagedError(
            "The keyword index was damaged while it was in use.",
            hint="Restart Footnote; the index is then made anew, and no document is lost.",
        ) from exc


def _is_panic(exc: BaseException) -> bool:
    return type(exc).__name__ == "PanicException"


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    # An unsigned field kills the writer when it is given a Python integer; a signed one does not.
    builder.add_integer_field("chunk_id", indexed=True, fast=True)
    builder.add_text_field("words", tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_text_field("stems", tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_integer_field("generation", stored=True, indexed=True)
    builder.add_text_field("catalog_id", stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


class LexicalSearcher:
    """One committed state of the index; stays as it is while the index moves on."""

    def __init__(self, schema: Any, searcher: Any) -> None:
        self._schema = schema
        self._searcher = searcher

    def marker(self) -> Marker | None:
        """How far this state has come; None for an empty index.

        Raises:
            UnreadableLexicalError: Its files are damaged.
        """
        with _translated():
            hits = self._searcher.search(
                tantivy.Query.range_query(self._schema, "generation", tantivy.FieldType.Integer, 0, 2**62),
                limit=1,
            ).hits
            if not hits:
                return None
            stored = self._searcher.doc(hits[0][1])
            return Marker(
                catalog_id=str(stored.get_first("catalog_id")),
                generation=int(stored.get_first("generation")),
                passages=int(self._searcher.num_docs) - 1,  # the marker is a document too
            )

    def search(self, query: QueryTerms, k: int) -> list[tuple[int, float]]:
        """The best ``k`` chunks as ``(chunk_id, BM25)``, best first; only chunks with a positive score."""
        built = self._query(query)
        return [] if built is None else self._run(built, k)

    def search_among(self, query: QueryTerms, k: int, ids: NDArray[np.int64]) -> list[tuple[int, float]]:
        """The best ``k`` of the chunks ``ids`` (ascending) as :meth:`search` gives them: the same scores.

        All ``k`` are found if so many of them match, however many better ones lie outside.
        """
        built = self._query(query)
        if built is None or not len(ids) or k < 1:
            return []
        if len(ids) <= FEW_IDS:
            return self._run(self._also_among(built, ids.tolist()), k)
        # A filter by many ids costs more than reading further down the ranking, so that is what is done.
        everything = max(1, int(self._searcher.num_docs))
        wanted = min(everything, 2 * k * everything // len(ids))
        while True:
            hits = self._run(built, wanted)
            found = np.fromiter((chunk_id for chunk_id, _ in hits), dtype=np.int64, count=len(hits))
            inside = [hits[position] for position in np.flatnonzero(np.isin(found, ids))]
            if len(inside) >= k or len(hits) < wanted or wanted == everything:
                return inside[:k]
            wanted = min(everything, 8 * wanted)

    def scores(self, query: QueryTerms, chunk_ids: Sequence[int]) -> dict[int, float]:
        """The BM25 score of each of these chunks, 0.0 where no term matches."""
        result = dict.fromkeys(chunk_ids, 0.0)
        built = self._query(query)
        if built is None or not chunk_ids:
            return result
        result.update(self._run(self._also_among(built, chunk_ids), len(chunk_ids)))
        return result

    def document_frequency(self, stem: str) -> int:
        """Chunks whose stems hold this term (chunks removed since the last merge may still count)."""
        with _in_use():
            return int(self._searcher.doc_freq("stems", stem))

    def ids(self, segments: Collection[int] | None = None) -> list[int]:
        """Every chunk id in this state, or in some of its segments by number, in no order."""
        with _in_use():
            everything = self._searcher.search(
                tantivy.Query.all_query(), limit=max(1, self._searcher.num_docs), count=False
            )
            addresses = [
                address
                for _, address in everything.hits
                if segments is None or address.segment_ord in segments
            ]
            values = self._searcher.fast_field_values("chunk_id", addresses)
        return [int(value) for value in values if value is not None]

    def _query(self, query: QueryTerms) -> Any | None:
        # Built term by term: the query parser raises on ordinary text such as an open bracket.
        clauses = self._clauses(query, 1.0)
        if query.context is not None:
            clauses += self._clauses(query.context, query.context_weight)
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _clauses(self, query: QueryTerms, share: float) -> list[Any]:
        return [
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(
                    tantivy.Query.term_query(self._schema, field, term, "freq"), share * weight
                ),
            )
            for field, weight, found in (
                ("words", WORDS_WEIGHT, query.words),
                ("stems", STEMS_WEIGHT, query.stems),
            )
            for term in found
        ]

    def _also_among(self, built: Any, chunk_ids: Sequence[int]) -> Any:
        """A query for the same chunks, and with the same scores, as far as they are ``chunk_ids``."""
        if len(chunk_ids) <= ONE_BY_ONE:
            each = [
                (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "chunk_id", chunk_id))
                for chunk_id in chunk_ids
            ]
            among = tantivy.Query.boolean_query(each)
        else:
            among = tantivy.Query.term_set_query(self._schema, "chunk_id", list(chunk_ids))
        among = tantivy.Query.const_score_query(among, 0.0)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, among), (tantivy.Occur.Must, built)])

    def _run(self, query: Any, k: int) -> list[tuple[int, float]]:
        with _in_use():
            hits = self._searcher.search(query, limit=max(1, k), count=False).hits
            ids = self._searcher.fast_field_values("chunk_id", [address for _, address in hits])
        return [
            (int(chunk_id), float(score))
            for (score, _), chunk_id in zip(hits, ids, strict=True)
            if chunk_id is not None
        ]


class LexicalIndex:
    """The folder that tantivy keeps. Searching needs no lock; writing needs the store's writer lock."""

    def __init__(self, folder: Path) -> None:
        """Open the index that is in ``folder``, if it is byte for byte what was written.

        Raises:
            UnreadableLexicalError: There is none, or it is damaged, or a commit is going on.
        """
        self._folder = folder
        self._schema = _schema()
        if not (folder / "meta.json").exists():
            raise UnreadableLexicalError("there is none yet")
        # First: damaged files can answer wrongly, or break the process off, before anything is noticed.
        if problem := damage(folder):
            raise UnreadableLexicalError(problem)
        with _translated():
            self._index = self._opened()
            self._index.config_reader(reload_policy="manual")
            self._index.searcher()

    def _opened(self) -> tantivy.Index:
        opened = tantivy.Index(self._schema, path=str(self._folder))
        opened.register_tokenizer(
            _ANALYZER, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        )
        return opened

    @classmethod
    def recreate(cls, folder: Path) -> LexicalIndex:
        """Replace whatever is in ``folder`` by an empty index. Needs the writer lock; raises OSError."""
        fault("lexical.recreate")
        if folder.exists():
            shutil.rmtree(folder)
        fault("lexical.cleared")
        make_folder(folder)
        try:
            tantivy.Index(_schema(), path=str(folder))
            fault("lexical.created")
            write_manifest(folder)
            return cls(folder)
        except (ValueError, UnreadableLexicalError) as exc:
            raise OSError(f"the lexical index cannot be created: {exc}") from exc

    def searcher(self) -> LexicalSearcher:
        """The newest committed state.

        Raises:
            UnreadableLexicalError: Its files are damaged or gone.
        """
        with _translated():
            self._index.reload()
            return LexicalSearcher(self._schema, self._index.searcher())

    def ids_beside_removed(self) -> list[int] | None:
        """The chunks, ascending, in segments that hold deleted ones too; None when there is no such segment.

        Needs the writer lock.
        """
        known = unclean_segments(self._folder)
        unclean = {
            number for number, each in enumerate(segments(self._folder)) if each["segment_id"] in known
        }
        return sorted(self.searcher().ids(unclean)) if unclean else None

    def write(
        self, *, added: Iterable[LexicalDocument], removed: Sequence[int], marker: Marker, rebuild: bool
    ) -> None:
        """Bring the index to ``marker`` in one commit.

        Args:
            added: Chunks to add. One that is there already is replaced, so a repeat is harmless.
            removed: Ids to delete.
            rebuild: Throw away what is there first; ``added`` is then everything.

        Raises:
            OSError: The folder cannot be written.
            UnreadableLexicalError: What is there is damaged.
        """
        try:
            unclean = unclean_segments(self._folder)
            before = {each["segment_id"] for each in segments(self._folder)}
            self._index.reload()
            # Opened anew: an index knows the files of other writers only as they were when it was opened.
            writer = self._opened().writer(heap_size=_WRITER_BYTES, num_threads=1)
            try:
                # A killed writer leaves files that no commit names, and tantivy refuses to write one again.
                writer.garbage_collect_files()
                fault("lexical.opened")
                if rebuild:
                    writer.delete_all_documents()
                else:
                    unclean |= self._delete(writer, removed)
                for batch in _batches(added, 500):
                    if not rebuild:
                        unclean |= self._delete(writer, [document.chunk_id for document in batch])
                    for document in batch:
                        writer.add_document(_lexical_document(document))
                    fault("lexical.added")
                writer.delete_documents_by_query(
                    tantivy.Query.range_query(self._schema, "generation", tantivy.FieldType.Integer, 0, 2**62)
                )
                mark = tantivy.Document()
                mark.add_integer("generation", marker.generation)
                mark.add_text("catalog_id", marker.catalog_id)
                writer.add_document(mark)
                fault("lexical.before_commit")
                writer.commit()
                fault("lexical.committed")
            finally:
                writer.wait_merging_threads()
            fault("lexical.merged")
            # A merge that ran while passages were deleted may have taken them along.
            unclean |= {
                each["segment_id"]
                for each in segments(self._folder)
                if each["deletes"] and each["segment_id"] not in before
            }
            write_manifest(self._folder, unclean)
        except ValueError as exc:  # the binding reports every failure, a full disk included, as ValueError
            raise OSError(f"the lexical index cannot be written: {exc}") from exc
        except BaseException as exc:
            if not _is_panic(exc):
                raise
            raise UnreadableLexicalError(f"tantivy broke off: {exc}") from exc

    def _delete(self, writer: Any, chunk_ids: Sequence[int]) -> set[str]:
        """Delete chunks; returns the ids of the segments that hold them until they are merged."""
        if not chunk_ids:
            return set()
        query = tantivy.Query.term_set_query(self._schema, "chunk_id", list(chunk_ids))
        writer.delete_documents_by_query(query)
        hits = self._index.searcher().search(query, limit=len(chunk_ids), count=False).hits
        numbers = {address.segment_ord for _, address in hits}
        return {each["segment_id"] for number, each in enumerate(segments(self._folder)) if number in numbers}


def _lexical_document(document: LexicalDocument) -> Any:
    entry = tantivy.Document()
    entry.add_integer("chunk_id", document.chunk_id)
    spelled = [word for word, _, _ in words(document.text)]
    entry.add_text("words", " ".join(spelled))
    entry.add_text("stems", " ".join(stemmed_words(spelled, document.language)))
    return entry


def _batches(documents: Iterable[LexicalDocument], size: int) -> Iterator[list[LexicalDocument]]:
    batch: list[LexicalDocument] = []
    for document in documents:
        batch.append(document)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
