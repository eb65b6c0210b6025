"""The keyboard in headless Chromium: no drawing takes the focus away from whoever works with it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from rag.feedback import Feedback, FeedbackFile
from tests.ui.test_browser import Watched, ask, chromium, document_row, pytestmark, served_lightly, watched
from tests.ui.test_browser_chat import PRESSURE

__all__ = ["chromium", "pytestmark", "watched"]  # fixtures and marks of this file, too


def test_the_focus_stays_with_what_is_drawn_anew(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        example = page.locator(".fn-example").first
        example.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#fn-chat .fn-foot")).to_be_visible()
        expect(page.get_by_label("Your question")).to_be_focused()  # the example is gone

        helpful = page.locator("#fn-chat a", has_text="Helpful")
        for said in ("✓ Helpful", "Helpful"):
            helpful.focus()
            page.keyboard.press("Enter")
            expect(helpful).to_have_text(said)
            expect(helpful).to_be_focused()

        tick = page.get_by_role("checkbox", name="Letters")
        tick.focus()
        for on in (False, True):
            page.keyboard.press("Space")
            expect(tick).to_be_checked(checked=on)
            expect(tick).to_be_focused()

        ask(page, PRESSURE)
        page.locator(".fn-item[aria-current] summary").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Delete this chat").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".fn-deleted").get_by_role("button", name="Undo")).to_be_focused()


def test_what_is_deleted_with_the_keyboard_can_be_brought_back_with_it(
    watched: Watched, tmp_path: Path
) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=documents")
        document_row(page, "note.txt").get_by_text("Delete", exact=True).focus()
        page.keyboard.press("Enter")
        document_row(page, "note.txt").get_by_role("button", name="Delete document").focus()
        page.keyboard.press("Enter")
        undo = page.locator(".fn-toast").get_by_role("button", name="Undo")
        expect(undo).to_be_focused()
        page.keyboard.press("Enter")
        expect(document_row(page, "note.txt")).to_be_visible()
        expect(undo).to_have_count(0)
        expect(page.locator(".fn-top").get_by_role("button", name="Documents")).to_be_focused()


def test_a_button_that_has_done_its_work_leaves_the_focus_in_its_place(
    watched: Watched, tmp_path: Path
) -> None:
    page, data = watched.page, tmp_path / "data"
    with served_lightly(data) as server:
        page.goto(f"{server.url}/?view=settings")
        passages = page.get_by_label("Passages", exact=True)
        passages.fill("3")
        passages.press("Enter")
        page.get_by_role("button", name="Reset").focus()
        page.keyboard.press("Enter")
        expect(passages).to_have_value("6")
        expect(passages).to_be_focused()
        expect(passages).to_be_in_viewport()
        for act in ("Save", "Discard"):
            page.get_by_label("Temperature").fill("0.5" if act == "Save" else "0.7")
            page.keyboard.press("Tab")
            page.get_by_role("button", name=act).focus()
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name=act)).to_have_count(0)
            expect(
                page.get_by_label("Longest answer")
            ).to_be_focused()  # the last that is left of the section

        notes = FeedbackFile(data)
        for question in (PRESSURE, "When are the roses in flower?"):
            notes.add(Feedback(question=question, verdict="not_in_documents"))
        page.goto(f"{server.url}/?view=quality")
        run = page.get_by_role("button", name="Run", exact=True)
        run.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("region", name="Last run")).to_be_visible()
        expect(run).to_be_focused()

        # What was unfolded stays so, and the next one can be deleted.
        page.get_by_text("Show them").focus()
        page.keyboard.press("Enter")
        deletes = page.get_by_role("region", name="Test questions").get_by_role("button", name="Delete")
        deletes.first.focus()
        page.keyboard.press("Enter")
        expect(deletes).to_have_count(1)
        expect(deletes).to_be_visible()
        expect(deletes).to_be_focused()


def test_the_first_stop_of_the_keyboard_leads_past_the_sidebar(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=settings")
        expect(page.get_by_label("Passages", exact=True)).to_be_visible()
        skip = page.get_by_role("button", name="Skip to the page")
        page.locator("body").focus()
        page.keyboard.press("Tab")
        expect(skip).to_be_focused()
        assert page.evaluate("document.activeElement.getBoundingClientRect().width") > 40  # it can be seen
        page.keyboard.press("Enter")
        assert page.evaluate("Boolean(document.activeElement.closest('#fn-settings-view'))")
        page.goto(server.url)
        expect(page.locator(".fn-example").first).to_be_visible()
        skip.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Your question")).to_be_focused()
