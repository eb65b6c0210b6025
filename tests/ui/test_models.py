"""The embedding model is changed while the page is open: the old one answers until the new one can."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from numpy.typing import NDArray

from index.documents import ParsedDocument
from index.embedders import StoredModel
from index.embeddings import Embedder
from index.errors import EmbeddingError, FootnoteError
from index.ingest import ingest_documents
from index.jobs import Jobs
from index.reembedding import embed_anew, roll_back
from index.store import Store
from rag.build import choose_embedder
from rag.settings import Settings, load_settings
from tests.fakes import WordCountEmbedder
from ui.desk import Desk
from ui.indexing import Indexer, Request
from ui.job_runs import run_job
from ui.model_card import model_card
from ui.models import ModelState
from ui.page import Page
from ui.planning import PlanSummary
from ui.tab import View

TEXT = "The river is wide. The bridge is old."


class Named(WordCountEmbedder):
    """Counts words, and has a name that the settings can give."""

    def __init__(self, source: str, *vocabulary: str) -> None:
        super().__init__(vocabulary)
        self.name, self.source = f"model {source}", source


@dataclass
class Shelf:
    """The models that can be loaded, by the name that the settings give them."""

    models: dict[str, Embedder] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)

    def __call__(self, settings: Settings) -> Embedder:
        name = settings.embedding.model
        if name not in self.models:
            raise EmbeddingError(f"There is no model {name}.", hint="Choose another one.")
        self.loaded.append(name)
        return self.models[name]


class HereIndexer:
    """Carries requests out at once, in this process, as the worker process would."""

    pending = 0
    planned: PlanSummary | None = None

    def __init__(self, data: Path, shelf: Shelf) -> None:
        self.data, self.shelf = data, shelf

    def submit(self, request: Request) -> None:
        settings = load_settings({"data": self.data, "retrieval.read": 0})
        indexer = Indexer(settings, embedder=self.shelf(settings))
        jobs = Jobs(self.data)
        try:
            run_job(indexer, jobs, request)
        finally:
            jobs.close()
            indexer.close()

    def close(self) -> None:
        """There is no process."""


@pytest.fixture
def shelf() -> Shelf:
    return Shelf({"old": Named("old", "river", "bridge"), "new": Named("new", "wide", "bridge", "old")})


@pytest.fixture
def data(tmp_path: Path, shelf: Shelf) -> Path:
    folder = tmp_path / "data"
    with Store.open(folder) as store:
        add(store, shelf.models["old"], "/a.txt", TEXT)
    (folder / "settings.toml").write_text('[embedding]\nmodel = "old"\n', encoding="utf-8")
    return folder


def add(store: Store, embedder: Embedder, path: str, text: str) -> None:
    ingest_documents(store, embedder, [(path, ParsedDocument(text=text))])


@pytest.fixture
def desk(data: Path, shelf: Shelf) -> Iterator[Desk]:
    settings = load_settings({"data": data, "retrieval.read": 0})
    opened = Desk(settings, indexer=HereIndexer(data, shelf), load_embedder=shelf)
    opened.answering.load()
    # Of all that start() starts: the rest indexes the samples.
    threading.Thread(target=opened._follow_index, daemon=True).start()
    yield opened
    opened.close()


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def answering(desk: Desk) -> str:
    return desk.assistant.result(timeout=10).embedder.name


def found(desk: Desk) -> list[str]:
    """What is found now; raises when the model is not that of the index."""
    return [passage.text for passage in desk.assistant.result(timeout=10).search("bridge", k=3)]


@dataclass
class Clicks:
    """Clicks in the Documents view, and what it then shows."""

    desk: Desk
    view: View = field(default_factory=View)

    def __call__(self, act: str) -> str:
        page = Page(self.desk)
        page.components.state, page.components.table, page.components.side = "state", "table", "side"
        page.documents.action(self.view, gr.EventData(None, {"act": act}))
        return unescape(self.view.shown.html["state"] + self.view.shown.html["side"])


def test_another_model_is_set_rebuilt_with_and_left_again(desk: Desk, shelf: Shelf) -> None:
    clicks = Clicks(desk)
    assert "Re-index needed" not in clicks("filter")
    desk.preferences.save({"embedding.model": "new"})
    wait_for(lambda: desk.overview().models.needed == "model new")
    assert answering(desk) == "model old"
    assert found(desk) == [TEXT]
    shown = clicks("filter")
    assert shown.count("Re-index needed") == 2  # in the view, and below the conversations
    assert "Until then model old goes on answering." in shown

    clicks("rebuild")
    assert found(desk) == [TEXT]  # whichever of the two it is that answers in this moment
    wait_for(lambda: answering(desk) == "model new")
    assert found(desk) == [TEXT]
    assert desk.store.fingerprint == shelf.models["new"].fingerprint
    shown = clicks("filter")
    assert "Re-index needed" not in shown
    assert "Go back to model old" in shown
    assert desk.jobs.last() is not None

    add(desk.store, shelf.models["new"], "/b.txt", "Another bridge.")
    clicks("model-back")
    wait_for(lambda: answering(desk) == "model old")
    assert desk.settings.embedding.model == "old"
    assert sorted(found(desk)) == ["Another bridge.", TEXT]
    assert "Re-index needed" not in clicks("filter")
    assert desk.store.check() == []


def test_staying_with_the_model_of_the_index_sets_it_back(desk: Desk) -> None:
    desk.preferences.save({"embedding.model": "new"})
    wait_for(lambda: bool(desk.overview().models.needed))
    clicks = Clicks(desk)
    assert "Stay with model old" in clicks("filter")
    clicks("model-keep")
    wait_for(lambda: not desk.overview().models.needed)
    assert "Stay with model old" not in clicks("filter")
    assert desk.settings.embedding.model == "old"
    assert answering(desk) == "model old"


def test_a_model_that_is_not_there_is_explained_and_the_old_one_goes_on(desk: Desk) -> None:
    desk.preferences.save({"embedding.model": "nowhere"})
    wait_for(lambda: bool(desk.overview().models.problem))
    shown = Clicks(desk)("filter")
    assert "There is no model nowhere." in shown
    assert "Stay with model old" in shown
    assert "Rebuild with" not in shown
    assert found(desk) == [TEXT]


def test_where_the_old_model_is_gone_the_sidebar_says_that_nothing_answers(data: Path, shelf: Shelf) -> None:
    (data / "settings.toml").write_text('[embedding]\nmodel = "new"\n', encoding="utf-8")
    old = shelf.models.pop("old")
    settings = load_settings({"data": data, "retrieval.read": 0})
    opened = Desk(settings, indexer=HereIndexer(data, shelf), load_embedder=shelf)
    try:
        opened.answering.load()
        clicks = Clicks(opened)
        assert "Nothing can answer until the documents are embedded anew" in clicks("filter")
        shelf.models["old"] = old
        opened.rebuild()
        opened.store.refresh()
        assert "Nothing can answer" not in clicks("filter")
        assert found(opened) == [TEXT]
    finally:
        opened.close()


def test_what_another_process_made_anew_is_followed(desk: Desk, data: Path, shelf: Shelf) -> None:
    assert found(desk) == [TEXT]
    (data / "settings.toml").write_text('[embedding]\nmodel = "new"\n', encoding="utf-8")
    with Store.open(data) as other:
        embed_anew(other, shelf.models["new"])
    while answering(desk) == "model old":
        assert found(desk) == [TEXT]
    assert found(desk) == [TEXT]
    assert desk.settings.embedding.model == "new"
    assert not desk.overview().models.needed
    with Store.open(data) as other:
        roll_back(other)
    wait_for(lambda: answering(desk) == "model old")
    wait_for(lambda: desk.overview().models.needed == "model new")  # as the settings still say
    assert found(desk) == [TEXT]


def test_where_no_model_of_the_index_is_left_questions_are_refused_until_it_is_made_anew(
    data: Path, shelf: Shelf
) -> None:
    del shelf.models["old"]
    (data / "settings.toml").write_text('[embedding]\nmodel = "new"\n', encoding="utf-8")
    settings = load_settings({"data": data, "retrieval.read": 0})
    opened = Desk(settings, indexer=HereIndexer(data, shelf), load_embedder=shelf)
    try:
        opened.answering.load()
        shown = Clicks(opened)("filter")
        assert "model old cannot be loaded any more" in shown
        assert "Stay with" not in shown
        answer = opened.assistant.result().ask("Is there a bridge?")
        assert answer.status == "failed"
        assert "Re-index in the Documents view" in answer.notice
        Clicks(opened)("rebuild")
        opened.store.refresh()
        assert found(opened) == [TEXT]
    finally:
        opened.close()


def test_a_model_is_loaded_again_only_where_that_is_needed(data: Path, shelf: Shelf) -> None:
    old = shelf.models["old"]
    settings = load_settings({"data": data})
    changed = settings.model_copy(
        update={"embedding": settings.embedding.model_copy(update={"model": "new"})}
    )
    with Store.open(data) as store:
        assert choose_embedder(settings, store, old, load=shelf).embedder is old
        assert shelf.loaded == []
        choice = choose_embedder(changed, store, old, load=shelf)
        assert (choice.embedder, choice.wanted) == (old, shelf.models["new"].fingerprint)
        assert shelf.loaded == ["new"]
        # What is there under the old name is not the model any more.
        shelf.models["old"] = Named("old", "other")
        choice = choose_embedder(changed, store, None, load=shelf)
        assert choice.embedder is shelf.models["new"]
    with Store.open(data.parent / "empty") as store:
        assert choose_embedder(changed, store, old, load=shelf).embedder is shelf.models["new"]
        del shelf.models["new"]
        with pytest.raises(EmbeddingError):
            choose_embedder(changed, store, old, load=shelf)


def test_where_nothing_is_indexed_another_model_needs_no_rebuild(desk: Desk, shelf: Shelf) -> None:
    desk.store.remove([row.doc_id for row in desk.store.documents()])
    desk.store.purge(undo_seconds=0)
    desk.preferences.save({"embedding.model": "new"})
    wait_for(lambda: answering(desk) == "model new")
    assert "Re-index needed" not in Clicks(desk)("filter")
    add(desk.store, shelf.models["new"], "/b.txt", "Another bridge.")
    desk.store.refresh()
    assert found(desk) == ["Another bridge."]


def test_a_change_of_the_model_is_a_job_that_can_be_cancelled_and_goes_on(data: Path, shelf: Shelf) -> None:
    class Slow(Named):
        """Has the job cancelled while it embeds."""

        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            current = jobs.current()
            if current is not None and len(texts) == 128:
                jobs.request_cancel(current.job_id)
                time.sleep(0.3)  # until it is looked at again
            return super().encode(texts)

    with Store.open(data) as store:
        for number in range(200):
            add(store, shelf.models["old"], f"/{number}.txt", f"Bridge number {number}.")
    shelf.models["new"] = Slow("new", "wide", "bridge", "old")
    jobs = Jobs(data)
    indexer = Indexer(load_settings({"data": data}), embedder=shelf.models["new"])
    try:
        report = run_job(indexer, jobs, {"kind": "rebuild"})
        assert report.cancelled
        [job] = jobs.recent()
        assert (job.kind, job.state, job.resumable) == ("rebuild", "cancelled", True)
        assert job.progress is not None
        assert (job.progress.passages_done, job.progress.passages_total) == (128, 201)
        assert indexer.store.fingerprint == shelf.models["old"].fingerprint
        assert not run_job(indexer, jobs, {"kind": "rebuild"}).cancelled
        assert "read with model new · 201 passages" in jobs.recent()[0].message
        assert indexer.store.fingerprint == shelf.models["new"].fingerprint
        assert indexer.store.check() == []
    finally:
        jobs.close()
        indexer.close()


def test_a_model_that_is_set_outside_the_page_cannot_be_set_on_it(
    data: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTNOTE_EMBEDDING__MODEL", "new")
    settings = load_settings({"data": data, "retrieval.read": 0})
    opened = Desk(settings, indexer=HereIndexer(data, shelf), load_embedder=shelf)
    try:
        opened.answering.load()
        shown = Clicks(opened)("filter")
        assert "Rebuild with model new" in shown
        assert "Stay with" not in shown
        assert "set outside this page" in shown
        with pytest.raises(FootnoteError):
            opened.use_stored_model(before=True)
    finally:
        opened.close()


def test_names_of_models_are_shown_as_text() -> None:
    name = "<img src=x onerror=1>"
    model = StoredModel(fingerprint="a", name=name, source=name)
    for state in (
        ModelState(index=model, needed=name),
        ModelState(index=model, problem=name),
        ModelState(index=model, before=model),
    ):
        shown = model_card(state, busy=False)
        assert name not in shown
        assert "&#60;img" in shown
    assert model_card(ModelState(index=model), busy=False) == ""
    assert "Rebuild" not in model_card(ModelState(index=model, needed="b"), busy=True)
