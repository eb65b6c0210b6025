"""``python -m tests.screens --out FOLDER``: pictures of every screen, light and dark, wide and narrow.

Serves the real page over the samples and a few files that cannot be read, goes through it once for each
theme and width, and writes ``NAME-THEME-WIDTH.png``. To be looked at by a person. ``0-front`` is the picture
of the README.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.index.scans import scanned
from tests.ui.test_browser import CHROMIUM, FLAGS, PATIENCE, RAFAH, ask, served

WIDTHS = {1440: 900, 390: 844}  # and the height of each
REFUSED = "How tall is the Eiffel Tower?"


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE)
    with tempfile.TemporaryDirectory(prefix="footnote-screens-") as folder, sync_playwright() as playwright:
        broken = _unreadable_files(Path(folder) / "reports")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with served(Path(folder) / "data") as server:
            first = True
            for theme in ("light", "dark"):
                for width, height in WIDTHS.items():
                    page = browser.new_page(
                        viewport={"width": width, "height": height},
                        color_scheme="dark" if theme == "dark" else "light",
                        reduced_motion="reduce",
                    )
                    page.goto(server.url)
                    shoot = _camera(page, given.out, theme, width)
                    if first:
                        _front(page)
                        shoot("0-front")
                        _index(page, broken)
                        first = False
                    _go_through(page, shoot, narrow=width < 900)
                    page.close()
        browser.close()


def _camera(page: Page, out: Path, theme: str, width: int) -> Callable[[str], None]:
    def shoot(name: str) -> None:
        page.wait_for_timeout(400)  # what moves has come to rest
        page.screenshot(path=out / f"{name}-{theme}-{width}.png")

    return shoot


def _unreadable_files(folder: Path) -> Path:
    folder.mkdir()
    (folder / "cut off.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog")
    (folder / "empty.docx").write_bytes(b"")
    (folder / "scan.pdf").write_bytes(
        scanned(["The ferry to the island leaves at nine", "and comes back late in the afternoon."])[0]
    )
    (folder / "prices.csv").write_text("Item,Price\nPump,12\nSeal,3\n", encoding="utf-8")
    return folder


def _front(page: Page) -> None:
    page.locator(".fn-top").get_by_role("button", name="Documents").click()
    expect(page.locator("#fn-table-html")).to_contain_text("questions-people-ask.txt")
    page.locator(".fn-top").get_by_role("button", name="Chat").click()
    answer = ask(page, RAFAH)
    ask(page, "Why does Egypt take part in it?")
    answer.locator('p a[href^="#cite-"]').first.click()
    expect(page.locator(".fn-leaf img")).to_be_visible()
    page.locator("#fn-chat").get_by_text("Not in my documents").last.scroll_into_view_if_needed()


def _index(page: Page, folder: Path) -> None:
    page.locator(".fn-top").get_by_role("button", name="Documents").click()
    expect(page.locator("#fn-table-html")).to_contain_text("border-plan.pdf")
    expect(page.locator("#fn-state-html")).not_to_contain_text("Cancel")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add folder").click()
    page.locator(".fn-folder input").fill(str(folder))
    page.keyboard.press("Enter")
    expect(page.locator("#fn-table-html")).to_contain_text("prices.csv")
    page.get_by_role("button", name="New chat").click()


def _go_through(page: Page, shoot: Callable[[str], None], *, narrow: bool) -> None:
    expect(page.locator(".fn-hello")).to_be_visible()
    shoot("1-empty")
    answer = ask(page, RAFAH)
    expect(page.get_by_role("group", name="Ask next")).to_be_visible()
    shoot("2-answer")
    answer.locator('p a[href^="#cite-"]').first.click()
    expect(page.locator(".fn-leaf img:visible, #fn-evidence mark:visible").first).to_be_visible()
    shoot("3-evidence")
    text = page.locator('#fn-evidence [data-as="text"]:visible')
    if text.count():
        text.first.click()
        shoot("4-evidence-text")
    page.keyboard.press("Escape")
    answer.get_by_text("How I searched").click()
    shoot("5-how")
    ask(page, REFUSED)
    shoot("6-refusal")
    page.keyboard.press("Control+/")
    shoot("7-keys")
    page.keyboard.press("Escape")
    page.locator(".fn-top").get_by_role("button", name="Documents").click()
    page.get_by_role("link", name="What was read of border-plan.pdf").click()
    expect(page.locator(".fn-leaf img")).to_be_visible()
    shoot("12-what-was-read")
    page.locator(".fn-pane").get_by_role("button", name="Page", exact=True).click()
    page.keyboard.press("Escape")
    read = page.get_by_role("link", name="What was read of scan.pdf")
    if read.count():  # where Tesseract is installed
        read.click()
        expect(page.locator(".fn-leaf img")).to_be_visible()
        shoot("13-scan")
        page.locator(".fn-pane").get_by_role("button", name="Page", exact=True).click()
        page.keyboard.press("Escape")
    for number, view in enumerate(("Documents", "Quality", "Settings"), 8):
        page.locator(".fn-top").get_by_role("button", name=view).click()
        shoot(f"{number}-{view.lower()}")
    if narrow:
        page.locator('[data-view="side"]').first.click()
        shoot("11-sidebar")
    page.get_by_role("button", name="Files of Samples").click()
    page.get_by_role("checkbox", name="border-plan.pdf").click()
    shoot("12-sources")
    page.locator(".fn-sources").get_by_role("button", name="Search all").click()
    page.get_by_role("button", name="Files of Samples").click()


if __name__ == "__main__":
    main()
