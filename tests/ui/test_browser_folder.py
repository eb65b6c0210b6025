"""A folder as people have them: files of one name, and a broken one among those that can be read."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from index.ingest import ingest_paths
from index.jobs import Jobs
from index.parsing import Parser
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.ui.light_server import VOCABULARY
from tests.ui.test_browser import (  # noqa: F401  fixtures
    Watched,
    ask,
    chromium,
    document_row,
    open_documents,
    pdf,
    pytestmark,
    served,
    served_lightly,
    settle,
    watched,
)
from tests.ui.test_job_files import PROGRESS

NORTH = "The zebrafish tank of the north hall is cleaned on Mondays."
SOUTH = "The swordfish tank of the south hall is cleaned on Fridays."


def test_files_of_one_name_both_answer_and_a_broken_one_stops_nobody(
    watched: Watched,  # noqa: F811
    tmp_path: Path,
) -> None:
    page, folder = watched.page, tmp_path / "folder"
    for name, text in (("north", NORTH), ("south", SOUTH)):
        (folder / name).mkdir(parents=True)
        (folder / name / "readme.md").write_text(f"# Tanks\n\n{text}\n", encoding="utf-8")
    whole = pdf(tmp_path / "whole.pdf", "A page about nothing much.").read_bytes()
    (folder / "broken.pdf").write_bytes(whole[: len(whole) // 3])
    with served(tmp_path / "data") as server:
        page.goto(server.url)
        open_documents(page)
        page.get_by_role("button", name="Add folder").click()
        page.get_by_label("Folder on this computer").fill(str(folder))
        page.keyboard.press("Enter")
        rows = document_row(page, "readme.md")
        expect(rows.filter(has=page.locator(".fn-ok"))).to_have_count(2)
        broken = document_row(page, "broken.pdf")
        expect(broken.locator(".fn-bad")).to_have_text("Failed")
        expect(broken.locator(".fn-fix")).not_to_be_empty()
        expect(broken.get_by_role("button", name="Retry")).to_be_visible()
        expect(page.get_by_role("region", name="Last report")).to_contain_text("broken.pdf failed")

        page.locator(".fn-top").get_by_role("button", name="Chat").click()
        pane = page.locator(".fn-pane")
        for question, words in (
            ("When is the zebrafish tank cleaned?", NORTH),
            ("When is the swordfish tank cleaned?", SOUTH),
        ):
            mark = ask(page, question).locator("p a[href^='#cite-']").first
            mark.focus()
            page.keyboard.press("Enter")  # a mark is a link like any other
            expect(pane.locator("mark").first).to_be_attached()
            expect(pane.get_by_role("heading", level=2)).to_be_focused()
            assert settle(page, "".join(pane.locator("mark").all_inner_texts())) == words
            page.keyboard.press("Escape")
            expect(mark).to_be_focused()
            expect(pane).to_have_count(0)

        # One of the two goes; the other still answers, and nobody takes it for the one that is gone.
        open_documents(page)
        south = rows.filter(has_text="south")
        south.get_by_text("Delete", exact=True).click()
        south.get_by_role("button", name="Delete document").click()
        expect(rows).to_have_count(1)
        page.locator(".fn-top").get_by_role("button", name="Chat").click()
        expect(page.locator("#fn-chat")).to_contain_text("source removed")
        expect(page.locator("#fn-chat")).to_contain_text("cleaned on Mondays")
        expect(page.locator("#fn-chat")).not_to_contain_text("cleaned on Fridays")


def test_a_folder_that_is_unplugged_is_missing_until_it_is_back(
    watched: Watched,  # noqa: F811
    tmp_path: Path,
) -> None:
    page, folder, away = watched.page, tmp_path / "disk", tmp_path / "away"
    folder.mkdir()
    (folder / "tank.txt").write_text(NORTH, encoding="utf-8")
    with Store.open(tmp_path / "data") as store, Parser() as parser:
        ingest_paths(store, WordCountEmbedder(VOCABULARY), parser, [folder])
    folder.rename(away)
    with served_lightly(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=documents")
        row = document_row(page, "tank.txt")
        expect(row.locator(".fn-st")).to_have_text("Missing")
        expect(row.locator(".fn-fix")).to_contain_text(f"Its folder {folder} is out of reach")
        expect(page.locator(".fn-sum")).to_contain_text("1missing")
        row.get_by_role("link", name="tank.txt", exact=True).click()  # what was read of it is still there
        expect(page.locator(".fn-pane")).to_contain_text(NORTH)
        expect(page.locator(".fn-pane .fn-badge")).to_have_text("Not reachable")
        expect(page.locator(".fn-pane")).to_contain_text(f"Its folder {folder} is out of reach")
        page.keyboard.press("Escape")
        away.rename(folder)
        expect(row.locator(".fn-st")).to_have_text("Ready", timeout=60_000)
        expect(row.locator(".fn-fix")).to_have_count(0)


def test_the_files_of_a_job_are_named_while_it_runs_and_no_longer(
    watched: Watched,  # noqa: F811
    tmp_path: Path,
) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=documents")
        expect(document_row(page, "letter.txt")).to_be_visible()
        files = page.get_by_role("region", name="Files of the job")
        expect(files).to_have_count(0)
        jobs = Jobs(tmp_path / "data")  # any process may be the one that indexes
        job_id = jobs.start("paths", "manuals")
        jobs.update(job_id, PROGRESS)
        expect(files.locator("tbody .fn-st")).to_have_text(["Embedding 120 of 340", "Reading", "Queued"])
        expect(files).to_contain_text("4,200 more files queued.")
        expect(document_row(page, "pump.pdf")).to_contain_text("Ready")  # of another collection
        jobs.finish(job_id, "done")
        jobs.close()
        expect(files).to_have_count(0)


def test_an_error_in_the_console_is_seen(watched: Watched) -> None:  # noqa: F811
    with watched.page.expect_console_message():
        watched.page.evaluate("console.error('something is wrong')")
    assert watched.errors == ["something is wrong"]
    watched.errors.clear()
