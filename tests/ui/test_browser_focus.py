"""The keyboard in headless Chromium: no drawing takes the focus away from whoever works with it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from rag.feedback import Feedback, FeedbackFile
from tests.ui.test_browser import (
    Watched,
    ask,
    chromium,
    document_row,
    pytestmark,
    served,
    served_lightly,
    watched,
)
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
            expect(page.locator("#fn-said")).to_have_text("Saved." if act == "Save" else "")
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


def test_after_a_plan_the_keyboard_goes_on_with_what_came_of_it(watched: Watched, tmp_path: Path) -> None:
    page, folder = watched.page, tmp_path / "folder"
    folder.mkdir()
    for number in range(150):
        text = f"Boat {number} lies at the lake, and its oars stand in boathouse {number % 7}.\n"
        (folder / f"boat {number}.txt").write_text(text, encoding="utf-8")
    with served(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=documents")
        expect(page.locator(".fn-table .fn-ok")).to_have_count(5)
        page.get_by_role("button", name="Add folder").click()
        page.get_by_label("Folder on this computer").fill(str(folder))
        page.get_by_role("button", name="Preview").focus()
        page.keyboard.press("Enter")
        plan = page.get_by_role("region", name="Plan")
        said = page.locator("#fn-said")
        expect(said).to_contain_text("150 of 150 passages to embed")
        plan.get_by_role("button", name="Apply").focus()
        page.keyboard.press("Enter")
        indexing = page.get_by_role("region", name="Indexing")
        expect(indexing.get_by_role("heading")).to_be_focused()
        expect(plan).to_have_count(0)
        page.keyboard.press("Tab")
        expect(indexing.get_by_role("button", name="Pause")).to_be_focused()
        # When it is done, its card and the button in it are gone.
        expect(page.get_by_role("group", name="The index")).to_be_focused()
        expect(page.get_by_role("group", name="The index")).to_contain_text("155documents")

        check = page.get_by_role("button", name="Check for changes")
        check.focus()
        page.keyboard.press("Enter")
        plan.get_by_role("button", name="Close").focus()
        page.keyboard.press("Enter")
        expect(plan).to_have_count(0)
        expect(check).to_be_focused()


def steps(page: Page, key: str, number: int) -> list[str]:
    """What the focus passes: the id of the part of the page that it is in, "" where nobody sees it."""
    passed: list[str] = []
    for _ in range(number):
        page.keyboard.press(key)
        passed.append(
            page.evaluate(
                """() => {
                  const at = document.activeElement;
                  if (!document.hasFocus() || at === document.body) return "browser";
                  const { left, top, width, height } = at.getBoundingClientRect();
                  const x = Math.min(innerWidth - 1, left + width / 2);
                  const y = Math.min(innerHeight - 1, top + Math.min(height, 20) / 2);
                  const seen = document.elementFromPoint(x, y);
                  const inSight = seen && (at.contains(seen) || seen.contains(at));
                  return inSight ? at.closest("#fn-shell > *").id : "";
                }"""
            )
        )
    return passed


def reached(page: Page, target: Locator, key: str = "Tab") -> Locator:
    """Go to something with the keyboard alone; it fails where that does not lead there."""
    target.wait_for()
    for _ in range(60):
        if target.evaluate("each => each === document.activeElement"):
            return target
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {target}")


def test_the_whole_way_on_a_phone_with_the_keyboard_alone(chromium: Browser, tmp_path: Path) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    box, pane = page.get_by_label("Your question"), page.locator(".fn-pane")
    tabs = page.locator(".fn-top nav")
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        expect(page.locator(".fn-example").first).to_be_visible()
        # A step that is left behind before there is a conversation.
        reached(page, page.get_by_role("button", name="Conversations"))
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        reached(page, box)
        page.keyboard.type(PRESSURE)
        page.keyboard.press("Enter")
        expect(page.locator("#fn-chat .fn-foot")).to_be_visible()
        expect(box).to_be_focused()

        # The evidence lies over the page: what is beneath is out of reach until it is closed.
        mark = reached(page, page.locator('#fn-chat p a[href^="#cite-"]').first, "Shift+Tab")
        for close in ("Escape", "Enter"):
            page.keyboard.press("Enter")
            expect(pane.get_by_role("heading").first).to_be_focused()
            assert set(steps(page, "Tab", 12)) <= {"fn-evidence", "browser"}
            if close == "Enter":
                reached(page, pane.get_by_role("button", name="Back"))
            page.keyboard.press(close)
            expect(pane).to_have_count(0)
            expect(mark).to_be_focused()

        for view in ("Documents", "Settings"):
            reached(
                page, tabs.get_by_role("button", name=view), "Shift+Tab" if view == "Documents" else "Tab"
            )
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name=view, exact=True).first).to_be_focused()
            assert "" not in steps(page, "Tab", 12)
        reached(page, page.get_by_label("Passages", exact=True))  # of the settings
        for view in ("Documents", "Chat"):
            page.go_back()
            expect(tabs.get_by_role("button", name=view)).to_be_focused()

        # Back takes away what lies over the page, and nothing else.
        for opener, over in (
            (mark, pane),
            (page.get_by_role("button", name="Conversations"), page.get_by_role("button", name="New chat")),
        ):
            for _ in range(2):
                reached(page, opener, "Shift+Tab" if over is pane else "Tab")
                page.keyboard.press("Enter")
                expect(over).to_be_visible()
                page.go_back()
                expect(over).to_be_hidden()
                expect(opener).to_be_focused()
                expect(page.locator("#fn-chat .fn-foot")).to_be_visible()
                expect(tabs.get_by_role("button", name="Chat")).to_have_attribute("aria-current", "page")

        # The sidebar lies over the page, too.
        conversations = reached(page, page.get_by_role("button", name="Conversations"), "Shift+Tab")
        for key in ("Escape", "Enter"):
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name="New chat")).to_be_focused()
            assert set(steps(page, "Tab", 12)) <= {"fn-side", "browser"}
            if key == "Enter":
                reached(page, page.locator(".fn-item .fn-open"))
            page.keyboard.press(key)
            expect(conversations if key == "Escape" else box).to_be_focused()
            expect(conversations).to_have_attribute("aria-expanded", "false")
        reached(page, conversations)
        page.keyboard.press("Enter")
        reached(page, page.locator("#fn-side").get_by_role("button", name="Settings"))
        page.keyboard.press("Enter")
        expect(tabs.get_by_role("button", name="Settings")).to_be_focused()
    page.close()
