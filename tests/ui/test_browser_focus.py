"""The keyboard in headless Chromium: no drawing takes the focus away from whoever works with it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

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
