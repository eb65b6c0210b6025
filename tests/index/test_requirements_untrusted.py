"""RELIABILITY parts B and E, number by number: what no other test says.

15: also test_isolation, test_parsing, test_hostile_files. 16: also test_loaders_docx. 17: also
test_hostile_files, and test_scan for links. 18: test_patterns. 19: tests/test_source. 33: chunks in
test_chunker and test_sentences, highlights in ui/test_render, the citation parser in rag/test_citations.
34: test_fuzz.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.analysis import query_terms
from index.errors import DocumentError
from index.loaders import MAX_PAGES, MAX_TEXT_CHARS, archive, load
from index.loaders.archive import Archive
from index.parsing import ParseLimits, Parser
from index.passages import MAX_CHUNKS, cut
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.hostile_archives import container, packed
from tests.index.killed import OPTIONS
from tests.index.support import EMBEDDER, put


def problem_of(data: bytes, name: str) -> str:
    with pytest.raises(DocumentError) as caught:
        load(data, name)
    return caught.value.problem


def test_requirement_15_the_limits_of_a_document_are_the_promised_ones() -> None:
    limits = ParseLimits()
    assert (limits.cpu_seconds, limits.wall_seconds, limits.memory_bytes) == (60, 120.0, 1 << 30)
    assert (limits.file_bytes, limits.pages, limits.documents_per_child) == (50 << 20, 5_000, 50)
    assert (limits.text_chars, MAX_CHUNKS) == (20_000_000, 20_000)
    assert (limits.pages, limits.text_chars) == (MAX_PAGES, MAX_TEXT_CHARS)


def test_requirement_15_a_document_of_too_many_passages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = WordCountEmbedder(("cats",))
    document = load(b"Cats sleep on warm stones. Dogs guard the old gate.\n\n" * 100, "a.txt")
    passages = len(cut(document, embedder, OPTIONS.limits).chunks)
    assert passages > 1
    monkeypatch.setattr("index.passages.MAX_CHUNKS", passages - 1)
    with pytest.raises(DocumentError) as caught:
        cut(document, embedder, OPTIONS.limits)
    assert caught.value.problem == "too_large"


def test_requirement_16_the_limits_of_an_archive_are_the_promised_ones() -> None:
    assert archive.MAX_TOTAL_BYTES == 200 << 20
    assert archive.MAX_RATIO == 100
    assert archive.MAX_ENTRIES == 2_000


def test_requirement_16_what_all_entries_unpack_to_is_counted_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noise = random.Random(1).randbytes(60_000)
    data = packed({"a": noise, "b": noise})
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 100_000)
    with Archive(data) as opened:
        assert opened.read("a") == noise
        with pytest.raises(DocumentError) as caught:
            opened.read("b")
    assert caught.value.problem == "too_large"


def test_requirement_16_a_small_entry_may_be_regular_and_a_large_one_may_not() -> None:
    with Archive(packed({"small": bytes(1 << 20), "large": bytes((1 << 20) + (1 << 16))})) as opened:
        assert opened.read("small") == bytes(1 << 20)
        with pytest.raises(DocumentError) as caught:
            opened.read("large")
    assert caught.value.problem == "too_large"


def test_requirement_16_an_archive_is_known_by_its_content() -> None:
    assert load(container("docx"), "a.txt").text == "Hostile words in a file."
    assert problem_of(b"words", "a.docx") == "damaged"
    assert problem_of(packed({"a.txt": b"words"}), "a.docx") == "unsupported"


def test_requirement_17_no_parser_of_the_loaders_resolves_an_external_entity(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary", encoding="utf-8")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    for name, source in {
        "a.html": f"{entity}<html><body><p>words &e;</p></body></html>",
        "a.xhtml": f'<?xml version="1.0"?>{entity}<html><body><p>words &e;</p></body></html>',
        "a.xml": f'<?xml version="1.0"?>{entity}<x>words &e;</x>',
        "a.md": f"{entity}\n\nwords &e;\n",
    }.items():
        text = load(source.encode(), name).text
        assert "words" in text
        assert "canary" not in text


# -- 33 ------------------------------------------------------------------------------------------

PATHS = tuple(f"/{name}.txt" for name in "abc")
SENTENCES = ("Cats sleep on warm stones.", "Dogs guard the old gate.", "Birds sing before sunrise.")
WORDS = ("cats", "dogs", "birds")

operations = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            st.sampled_from(PATHS),
            st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=3),
        ),
        st.tuples(st.just("remove"), st.sampled_from(PATHS), st.just([])),
        st.tuples(st.sampled_from(("checkpoint", "purge", "reopen")), st.just(""), st.just([])),
    ),
    max_size=12,
)


def held(store: Store) -> dict[str, list[str]]:
    """Path and sentences of every document, as the catalog tells them and both indexes confirm."""
    store.refresh()
    told: dict[str, list[str]] = {}
    for row in store.documents():
        assert row.version_id is not None
        told[row.path] = (store.text(row.version_id) or "").split("\n")
    found = {
        text
        for word in WORDS
        for text in _texts(store, [key for key, _ in store.snapshot().lexical(query_terms(word, ["en"]), 50)])
    }
    assert found == {sentence for sentences in told.values() for sentence in sentences}
    return told


def _texts(store: Store, ids: list[int]) -> Iterator[str]:
    rows = store.chunks(ids)
    return (rows[chunk_id].text for chunk_id in ids)


def apply(store: Store, model: dict[str, list[str]], operation: tuple[str, str, list[str]]) -> None:
    what, path, sentences = operation
    if what == "put":
        store.publish(puts=[put(path, *sentences)], embedder=EMBEDDER)
        model[path] = sentences
    elif what == "remove":
        known = store.find("Documents", path)
        assert (known is not None) == (path in model)
        if known is not None:
            store.remove([known.doc_id])
            del model[path]
    elif what == "checkpoint":
        store.write_checkpoint()
    elif what == "purge":
        store.purge(undo_seconds=0)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sequence=operations)
def test_requirement_33_any_sequence_of_operations_equals_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, sequence: list[tuple[str, str, list[str]]]
) -> None:
    data = tmp_path_factory.mktemp("model") / "data"
    model: dict[str, list[str]] = {}
    store = Store.open(data)
    try:
        for operation in sequence:
            if operation[0] == "reopen":
                store.close()
                store = Store.open(data)
            else:
                apply(store, model, operation)
            assert held(store) == model
        assert store.check() == []
    finally:
        store.close()


@settings(max_examples=10, deadline=None)
@given(sentences=st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=3), purged=st.booleans())
def test_requirement_33_adding_removing_and_adding_is_adding(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[str], purged: bool
) -> None:
    with Store.open(tmp_path_factory.mktemp("again") / "data") as store:
        model: dict[str, list[str]] = {}
        apply(store, model, ("put", "/a.txt", sentences))
        once = held(store)
        counts = store.status()
        apply(store, model, ("remove", "/a.txt", []))
        if purged:
            apply(store, model, ("purge", "", []))
        assert held(store) == {}
        apply(store, model, ("put", "/a.txt", sentences))
        assert held(store) == once == {"/a.txt": sentences}
        again = store.status()
        assert (again.documents, again.ready, again.passages) == (counts.documents, 1, counts.passages)
        assert store.check() == []


def test_requirement_34_a_reader_of_documents_answers_the_same_bytes_the_same_way() -> None:
    data = container("docx")
    with Parser() as parser:
        assert (
            parser.parse_bytes(data, "a.docx") == parser.parse_bytes(data, "a.docx") == load(data, "a.docx")
        )
