"""The tick boxes of the documents table in headless Chromium, and what is done with all that is ticked."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from index.store import Store
from tests.index.support import put
from tests.ui.test_browser import Watched, chromium, document_row, pytestmark, served_lightly, watched

__all__ = ["chromium", "pytestmark", "watched"]  # fixtures and marks of this file, too


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("checkbox", name=f"Select {name}", exact=True)


def bar(page: Page) -> Locator:
    return page.get_by_role("group", name="Selected documents")


def test_several_documents_are_disabled_deleted_and_brought_back(watched: Watched, tmp_path: Path) -> None:
    page, data = watched.page, tmp_path / "data"
    with served_lightly(data) as server:
        page.goto(f"{server.url}/?view=documents")
        expect(bar(page)).to_be_hidden()
        place = document_row(page, "note.txt").bounding_box()
        box(page, "border.txt").click()
        box(page, "letter.txt").click()
        expect(bar(page)).to_contain_text("2 selected")
        assert document_row(page, "note.txt").bounding_box() == place  # the bar moves nothing
        expect(bar(page).get_by_role("button", name="Enable")).to_be_hidden()

        bar(page).get_by_role("button", name="Disable").focus()
        page.keyboard.press("Enter")
        for name in ("border.txt", "letter.txt"):
            expect(document_row(page, name)).to_contain_text("Disabled")
            expect(box(page, name)).to_be_checked()  # in the table that was drawn anew
        expect(document_row(page, "note.txt")).to_contain_text("Ready")
        expect(bar(page).get_by_role("button", name="Disable")).to_be_hidden()

        expect(bar(page).get_by_role("button", name="Enable")).to_be_focused()  # what had the focus is gone

        box(page, "note.txt").click()
        bar(page).get_by_role("button", name="Enable").click()  # it fits two of the three
        expect(document_row(page, "letter.txt")).to_contain_text("Ready")

        bar(page).get_by_text("Delete", exact=True).click()
        bar(page).get_by_role("button", name="Delete the selected").click()
        expect(page.locator(".fn-toast")).to_contain_text("3 documents removed.")
        expect(page.locator(".fn-table tbody tr")).to_have_count(1)
        expect(bar(page)).to_be_hidden()
        page.locator(".fn-toast").get_by_role("button", name="Undo").click()
        expect(page.locator(".fn-table tbody tr")).to_have_count(4)
        expect(box(page, "note.txt")).not_to_be_checked()


def test_the_box_in_the_head_ticks_what_the_filter_shows_and_nothing_else(
    watched: Watched, tmp_path: Path
) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=documents")
        every = page.get_by_role("checkbox", name="Select all documents in the table")
        filtered = page.get_by_label("Filter documents")
        box(page, "note.txt").click()
        expect(every).to_have_js_property("indeterminate", value=True)
        filtered.fill("Letters")
        expect(page.locator(".fn-table tbody tr")).to_have_count(2)
        expect(bar(page)).to_be_hidden()  # nothing is done to what nobody sees
        every.focus()
        page.keyboard.press("Space")
        expect(bar(page)).to_contain_text("2 selected")
        expect(every).to_be_focused()
        filtered.fill("")
        expect(page.locator(".fn-table tbody tr")).to_have_count(4)
        assert [box(page, name).is_checked() for name in ("border.txt", "letter.txt", "note.txt")] == [
            True,
            True,
            False,
        ]
        expect(every).not_to_be_checked()
        every.click()
        expect(bar(page)).to_contain_text("4 selected")
        bar(page).get_by_role("button", name="Clear").focus()
        page.keyboard.press("Enter")
        expect(bar(page)).to_be_hidden()
        expect(every).to_be_focused()
        box(page, "note.txt").click()
        box(page, "letter.txt").click(modifiers=["Shift"])
        expect(bar(page)).to_contain_text("3 selected")


def test_a_document_that_comes_meanwhile_leaves_the_ticks_and_the_focus_alone(
    watched: Watched, tmp_path: Path
) -> None:
    page, data = watched.page, tmp_path / "data"
    with served_lightly(data) as server:
        page.goto(f"{server.url}/?view=documents")
        box(page, "letter.txt").focus()
        page.keyboard.press("Space")
        with Store.open(data, create=False) as store:
            store.publish(puts=[replace(put("/docs/new.txt", "x"), version=None, state="failed")])
        expect(document_row(page, "new.txt")).to_be_visible()
        expect(box(page, "letter.txt")).to_be_checked()
        expect(box(page, "letter.txt")).to_be_focused()
        expect(box(page, "new.txt")).not_to_be_checked()
        expect(bar(page)).to_contain_text("1 selected")


def test_in_a_narrow_window_the_question_of_the_bar_can_be_read_whole(
    watched: Watched, tmp_path: Path
) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{server.url}/?view=documents")
        for name, act in (("letter.txt", "Disable"), ("note.txt", "")):
            box(page, name).click()
            if act:
                bar(page).get_by_role("button", name=act).click()
                expect(document_row(page, name)).to_contain_text("Disabled")
        bar(page).get_by_text("Delete", exact=True).click()
        asked = bar(page).locator(".fn-pop")
        expect(asked).to_be_visible()
        assert asked.evaluate(
            "each => (({ x, right }) => x >= 0 && right <= innerWidth)(each.getBoundingClientRect())"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_empty_box_can_be_seen_in_either_theme(chromium: Browser, tmp_path: Path) -> None:
    with served_lightly(tmp_path / "data") as server:
        for theme in ("light", "dark"):
            page = chromium.new_page(color_scheme="dark" if theme == "dark" else "light")
            page.goto(f"{server.url}/?view=documents")
            edge = box(page, "note.txt").evaluate("each => getComputedStyle(each).borderColor")
            paper = page.evaluate("getComputedStyle(document.querySelector('#fn-main')).backgroundColor")
            assert contrast(edge, paper) >= 3, (theme, edge, paper)
            page.close()


def contrast(one: str, other: str) -> float:
    """Of two colours as the browser computes them, by WCAG 2: from 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
