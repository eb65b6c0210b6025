"""A plan on its way to a person: grouped, in words, across the pipe, on the page and in a terminal."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import SimpleQueue

import gradio as gr
import pytest
from selectolax.lexbor import LexborHTMLParser
from typer.testing import CliRunner

import rag.build
from index.errors import StorageError
from index.jobs import Jobs
from index.plan import Plan
from index.report import FileOutcome, IngestReport, ignore_progress, never
from index.room import Room
from index.store import Store
from rag.settings import Settings, load_settings
from tests.fakes import WordCountEmbedder
from tests.ui.payloads import HOSTILE
from ui.cli import app
from ui.desk import Desk
from ui.indexer import IndexerClient, work
from ui.indexing import Indexer, Request
from ui.page import Page
from ui.plan_card import plan_card
from ui.planning import (
    PlanSummary,
    plan_lines,
    summarize,
    summary_from_json,
    summary_json,
    time_words,
)
from ui.tab import View

ROOT = Path(__file__).resolve().parents[2]
REQUEST: Request = {"kind": "plan", "paths": ["/docs"]}
NOTHING_ADDED = Room(needed=0, free=1)


def made(
    *outcomes: FileOutcome,
    estimate: tuple[float, float] | None = (20.0, 50.0),
    listed: int = 2,
    room: Room = NOTHING_ADDED,
) -> PlanSummary:
    plan = Plan(outcomes=outcomes, generation=7, seconds=1.0, cancelled=False, estimate=estimate, room=room)
    return summarize(plan, REQUEST, listed=listed)


EVERYTHING = (
    FileOutcome(path="/docs/a.pdf", outcome="added", passages=40, embedded=40),
    FileOutcome(path="/docs/copy.pdf", outcome="added", passages=40, same_as="/docs/a.pdf"),
    FileOutcome(path="/docs/third.pdf", outcome="added", passages=1, embedded=1),
    FileOutcome(path="/docs/b.md", outcome="changed", passages=30, embedded=2),
    FileOutcome(path="/docs/new.md", outcome="renamed", passages=3, same_as="/docs/old.md"),
    FileOutcome(path="/docs/gone.md", outcome="removed", passages=5),
    FileOutcome(path="/docs/scan.pdf", outcome="failed", reason="No text.", hint="Run OCR."),
    FileOutcome(path="/docs/song.mp3", outcome="skipped", reason="Not read."),
    FileOutcome(path="/docs/same.md", outcome="unchanged", passages=9),
)


def test_a_terminal_gets_every_group_the_first_files_of_each_and_the_cost() -> None:
    assert list(plan_lines(made(*EVERYTHING))) == [
        "3 new: 41 of 81 passages to embed",
        "    /docs/a.pdf (40 of 40 passages to embed)",
        "    /docs/copy.pdf (nothing to embed; same content as /docs/a.pdf)",
        "    and 1 more",
        "1 changed: 2 of 30 passages to embed",
        "    /docs/b.md (2 of 30 passages to embed)",
        "1 renamed: nothing to embed",
        "    /docs/new.md (was /docs/old.md)",
        "1 removed: 5 passages leave the index",
        "    /docs/gone.md",
        "1 cannot be indexed",
        "    /docs/scan.pdf (No text. Run OCR.)",
        "1 skipped",
        "    /docs/song.mp3 (Not read.)",
        "1 unchanged",
        "43 of 111 passages to embed. Time: about 20 to 50 s.",
        "This is a plan; nothing was changed.",
    ]


def test_pages_to_recognise_are_counted_apart_and_their_time_is_not_promised() -> None:
    scan = FileOutcome(path="/docs/scan.pdf", outcome="added", to_recognise=12)
    mixed = FileOutcome(path="/docs/mixed.pdf", outcome="added", passages=4, embedded=3, to_recognise=1)
    assert list(plan_lines(made(scan, mixed)))[:4] == [
        "2 new: 3 of 4 passages to embed, 13 pages to recognise",
        "    /docs/scan.pdf (12 pages to recognise)",
        "    /docs/mixed.pdf (3 of 4 passages to embed, 1 page to recognise)",
        "3 of 4 passages to embed, 13 pages to recognise. Time: about 20 to 50 s,"
        " and that of text recognition.",
    ]
    assert made(scan).words == "12 pages to recognise. Time: about 20 to 50 s, and that of text recognition."


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (None, "unknown until the first run"),
        ((0.01, 0.02), "about 1 s"),
        ((20.0, 20.4), "about 20 s"),
        ((80.0, 200.0), "about 1 to 3 min"),
        ((3000.0, 9000.0), "about 1 to 2 h"),
    ],
)
def test_a_time_is_a_range_where_the_last_runs_differed(
    estimate: tuple[float, float] | None, words: str
) -> None:
    assert time_words(estimate) == words


def test_when_nothing_has_changed_there_is_nothing_to_apply() -> None:
    plan = made(FileOutcome(path="/docs/same.md", outcome="unchanged", passages=9))
    assert (plan.changes, plan.words) == (False, "Nothing has changed.")
    assert actions(plan_card(plan, generation=8)) == ["discard"]


def test_a_summary_survives_the_pipe() -> None:
    outcome = FileOutcome(path="/caf\udce9.txt", outcome="added", passages=1, embedded=1)
    for plan in (made(*EVERYTHING), made(outcome, estimate=None, room=Room(needed=5, free=3))):
        assert summary_from_json(json.loads(json.dumps(summary_json(plan)))) == plan


def actions(markup: str) -> list[str | None]:
    return [node.attributes["data-act"] for node in LexborHTMLParser(markup).css("button")]


def test_the_card_shows_the_counts_unfolds_the_files_and_can_be_applied() -> None:
    card = LexborHTMLParser(plan_card(made(*EVERYTHING), generation=7))
    assert [node.text() for node in card.css("summary")][:2] == [
        "3 new: 41 of 81 passages to embed",
        "1 changed: 2 of 30 passages to embed",
    ]
    assert [node.text().strip() for node in card.css("details:first-of-type li")] == [
        "/docs/a.pdf (40 of 40 passages to embed)",
        "/docs/copy.pdf (nothing to embed; same content as /docs/a.pdf)",
        "and 1 more",
    ]
    assert "43 of 111 passages to embed. Time: about 20 to 50 s." in card.text()
    assert actions(card.html or "") == ["apply", "discard"]
    assert "has changed since" not in card.text()
    assert "has changed since" in LexborHTMLParser(plan_card(made(*EVERYTHING), generation=8)).text()


def hostile_card(payload: str) -> list[str]:
    outcomes = (
        FileOutcome(path=payload, outcome="added", same_as=payload),
        FileOutcome(path=payload, outcome="renamed", same_as=payload),
        FileOutcome(path=payload, outcome="failed", reason=payload, hint=payload),
    )
    plan = Plan(
        outcomes=outcomes, generation=7, seconds=1.0, cancelled=False, estimate=None, room=NOTHING_ADDED
    )
    summary = summarize(plan, {"kind": "plan", "paths": [payload], "label": payload}, listed=2)
    tree = LexborHTMLParser(f"<body>{plan_card(summary, generation=7)}</body>")
    assert tree.body is not None
    return [str(node.tag) for node in tree.body.traverse(include_text=False)]


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_add_no_element_to_the_card(payload: str) -> None:
    assert hostile_card(payload) == hostile_card("plain")


# -- the worker, its client and the page -----------------------------------------------------------


class InThisProcess:
    """Carries requests out at once, with the worker's loop and a word-count embedding."""

    pending = 0
    planned: PlanSummary | None = None

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.submitted: list[Request] = []

    def submit(self, request: Request) -> None:
        self.submitted.append(request)
        queue: SimpleQueue[Request | None] = SimpleQueue()
        queue.put(request)
        queue.put(None)
        indexer = Indexer(self._settings, embedder=WordCountEmbedder(["river", "bridge"]))
        jobs = Jobs(self._settings.data)
        try:
            work(indexer, jobs, queue, reply=self._hear, closing=threading.Event())
        finally:
            jobs.close()
            indexer.close()

    def _hear(self, message: Mapping[str, object]) -> None:
        reply = json.loads(json.dumps(message))
        if "plan" in reply:
            self.planned = summary_from_json(reply["plan"])

    def close(self) -> None:
        pass


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"data": tmp_path / "data"})


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    opened = Desk(settings, indexer=InThisProcess(settings))
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "a.txt").write_text("The bridge crosses the river.", encoding="utf-8")
    return path


class Tab:
    """One open page, whose Documents view is clicked."""

    def __init__(self, desk: Desk) -> None:
        self.page, self.view = Page(desk), View()
        # What the layout gives the page: a part of it is known by its component.
        for part in ("side", "scope", "top", "hello", "state", "table"):
            setattr(self.page.components, part, part)

    def click(self, act: str, value: str = "") -> str:
        """Returns the text above the table, as it is afterwards."""
        self.page.documents.action(self.view, gr.EventData(None, {"act": act, "value": value}))
        return LexborHTMLParser(self.view.shown.html["state"]).text(separator=" ")


def test_a_folder_is_previewed_then_applied(desk: Desk, folder: Path) -> None:
    tab = Tab(desk)
    shown = tab.click("plan", str(folder))
    assert "What indexing will do: folder" in shown
    assert "1 new: 1 of 1 passage to embed" in shown
    assert str(folder / "a.txt") in shown
    assert desk.store.documents() == []
    assert "What indexing" not in tab.click("apply")
    assert [row.name for row in desk.store.documents()] == ["a.txt"]
    assert tab.click("apply") == tab.click("discard")
    assert isinstance(desk.indexer, InThisProcess)
    assert [request["kind"] for request in desk.indexer.submitted] == ["plan", "paths"]


def test_changes_in_all_folders_are_previewed_and_can_be_discarded(desk: Desk, folder: Path) -> None:
    tab = Tab(desk)
    assert "No folder was added yet" in tab.click("plan-all")
    tab.click("folder", str(folder))
    (folder / "a.txt").rename(folder / "b.txt")
    generation = desk.store.generation
    shown = tab.click("plan-all")
    assert "What indexing will do: all folders" in shown
    assert f"{folder / 'b.txt'}  (was {folder / 'a.txt'})" in shown
    assert "What indexing" not in tab.click("discard")
    assert desk.store.generation == generation
    assert "There is no folder" in tab.click("plan", str(folder / "nowhere"))


def test_every_document_is_read_again(desk: Desk, folder: Path) -> None:
    tab = Tab(desk)
    assert "There is no document to read again" in tab.click("read-all")
    tab.click("folder", str(folder))
    (before,) = desk.store.documents()
    tab.click("read-all")
    (after,) = desk.store.documents()
    assert (after.doc_id, after.state) == (before.doc_id, "ready")
    assert after.indexed_at > before.indexed_at
    (last,) = desk.jobs.recent(1)
    assert (last.label, last.state) == ("all documents", "done")
    assert [(line.path, line.embedded) for line in last.outcomes] == [(after.path, 0)]  # it is known


@pytest.mark.parametrize("act", ["folder", "plan"])
@pytest.mark.parametrize("name", ["~nobody-of-that-name/papers", f"/{'a' * 300}", "/a\0b"])
def test_what_no_folder_can_be_called_is_said_to_be_none(desk: Desk, act: str, name: str) -> None:
    assert "There is no folder" in Tab(desk).click(act, name)


@pytest.mark.parametrize("name", ["/a\0b", "a" * 300, "/etc/passwd", "..", ""])
def test_a_path_that_is_no_upload_is_left_out(desk: Desk, name: str) -> None:
    tab = Tab(desk)
    event = gr.EventData(None, {"act": "upload", "files": [{"path": name, "name": "a.txt"}]})
    tab.page.documents.action(tab.view, event)
    assert isinstance(desk.indexer, InThisProcess)
    assert desk.indexer.submitted == []


def test_a_plan_that_fails_says_why_and_one_that_is_made_has_no_report(desk: Desk, folder: Path) -> None:
    tab = Tab(desk)
    tab.click("folder", str(folder))
    tab.click("plan-all")
    assert desk.latest_jobs()[1] == desk.jobs.recent()[1]
    desk.indexer.submit({"kind": "plan", "paths": [str(folder / "nowhere")]})
    assert "Looking for changes failed: nowhere" in tab.click("discard")


def test_a_job_that_looks_for_changes_does_not_say_that_it_indexes(desk: Desk) -> None:
    desk.jobs.start("plan", "all folders")
    tab = Tab(desk)
    shown = tab.click("filter")
    assert "Looking for changes: all folders" in shown
    assert "keep what is done" not in shown
    assert "Indexing" not in LexborHTMLParser(tab.view.shown.html["side"]).text()


FAKE_WORKER = """
import json, sys
from pathlib import Path
from index.errors import StorageError
from index.jobs import Jobs
jobs = Jobs(Path(sys.argv[1]))
for line in sys.stdin:
    job_id = jobs.start("plan", "")
    jobs.finish(job_id, "done")
    print(json.dumps({"event": "ended", "job_id": job_id, "plan": json.loads(sys.argv[2])}), flush=True)
"""


def test_the_client_keeps_the_plan_that_the_worker_sends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    Store.open(settings.data).close()
    sent = made(*EVERYTHING)
    command = [sys.executable, "-c", FAKE_WORKER, str(settings.data), json.dumps(summary_json(sent))]
    client = IndexerClient(settings.data, command=command)
    client.submit(REQUEST)
    waited = threading.Event()
    for _ in range(600):
        if client.planned is not None or waited.wait(0.1):
            break
    client.close()
    assert client.planned == sent


# -- the command -----------------------------------------------------------------------------------


@pytest.fixture
def counting_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line with a word-count embedding in place of the model."""
    monkeypatch.setattr(rag.build, "build_embedder", lambda _: WordCountEmbedder(["river"]))


def footnote(*arguments: str | Path, expect: int = 0) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == expect, done.output
    return done.output


@pytest.mark.usefixtures("counting_words")
def test_the_command_plans_and_changes_nothing(folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    lines = footnote("index", "--plan", folder, "--data", data).splitlines()
    assert lines[0] == "1 new: 1 of 1 passage to embed"
    cost, last = lines[-2:]
    assert cost.startswith(
        "1 of 1 passage to embed. Time: unknown until the first run. Disk: about 20 MB more, "
    )
    assert last == "This is a plan; nothing was changed."
    assert not data.exists()

    footnote("index", folder, "--data", data)
    for number in range(30):
        shutil.copy(folder / "a.txt", folder / f"copy-{number:02}.txt")
    (folder / "empty.txt").touch()
    assert "    and 20 more" in footnote("index", "--plan", "--data", data).splitlines()
    planned = json.loads(footnote("index", "--plan", "--json", "--data", data))
    assert len(planned["outcomes"]) == 32
    assert planned["embedded"] == 0
    assert planned["outcomes"][-1]["outcome"] == "failed"
    report = json.loads(footnote("index", "--json", "--data", data))
    assert sorted(report["outcomes"], key=str) == sorted(planned["outcomes"], key=str)


@pytest.mark.usefixtures("counting_words")
def test_a_plan_of_nothing_and_one_of_the_samples_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert "footnote index PATH" in footnote("index", "--plan", "--data", data, expect=1)
    assert "does not exist" in footnote("index", "--plan", tmp_path / "no", "--data", data, expect=1)
    assert "--plan" in footnote("index", "--plan", "--samples", "--data", data, expect=2)
    assert not data.exists()


def test_what_is_added_goes_into_the_collection_that_is_named(desk: Desk, folder: Path) -> None:
    tab = Tab(desk)
    upload = desk.uploads / "1" / "b.txt"
    upload.parent.mkdir(parents=True)
    upload.write_text("The ferry sails at nine.", encoding="utf-8")
    sent = [{"path": str(upload), "name": "b.txt"}]
    for data in (
        {"act": "upload", "files": sent, "collection": " Trip \n to Rome "},
        {"act": "plan", "value": str(folder), "collection": "Bridges"},
        {"act": "apply"},
    ):
        tab.page.documents.action(tab.view, gr.EventData(None, data))
    assert {row.name: row.collection for row in desk.store.documents()} == {
        "a.txt": "Bridges",
        "b.txt": "Trip to Rome",
    }


# -- what the disk cannot hold ---------------------------------------------------------------------


def test_the_plan_says_what_it_adds_to_the_disk_and_warns_when_that_is_too_much() -> None:
    new = FileOutcome(path="/docs/a.pdf", outcome="added", passages=40, embedded=40)
    fits = made(new, room=Room(needed=75_000_000, free=12_000_000_000))
    assert fits.words.endswith("Disk: about 75 MB more, 12 GB are free.")
    assert "alert" not in plan_card(fits, generation=7)
    short = made(new, room=Room(needed=75_000_000, free=12_000_000))
    said = LexborHTMLParser(plan_card(short, generation=7)).css_first("[role=alert]")
    assert said is not None
    assert said.text() == short.warning
    assert "about 75 MB would be added, and 12 MB are free. Free some space" in short.warning
    assert short.warning in list(plan_lines(short))


@pytest.mark.parametrize("kind", ["paths", "uploads"])
def test_what_the_disk_cannot_hold_is_refused_before_anything_is_indexed(
    settings: Settings, folder: Path, kind: str
) -> None:
    def run(free: int) -> IngestReport:
        indexer = Indexer(settings, embedder=WordCountEmbedder(["river"]), free=lambda _folder: free)
        files = {"files": [[str(folder / "a.txt"), "a.txt"]]} if kind == "uploads" else {}
        try:
            return indexer.run(
                {"kind": kind, "paths": [str(folder)], **files}, progress=ignore_progress, cancelled=never
            )
        finally:
            indexer.close()

    with pytest.raises(StorageError, match="cannot hold this"):
        run(10)
    with Store.open(settings.data) as store:
        assert store.documents() == []
    assert run(10**9).count("added") == 1
    assert kind == "uploads" or run(10).count("unchanged") == 1  # that adds nothing
