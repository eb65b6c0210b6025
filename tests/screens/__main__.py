"""``python -m tests.screens --out FOLDER``: pictures of every screen, light and dark, wide and narrow.

Serves the real page over the samples and a few files that cannot be read, goes through it once for each
theme and width, and writes ``NAME-THEME-WIDTH.png``; then the rare states, and those of documents that are
set aside (``--only`` takes one of the three alone). To be looked at by a person. ``0-front`` is the picture
of the README.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.index.scans import scanned
from tests.screens.aside import shoot_aside
from tests.screens.camera import Shoot, pages
from tests.screens.rare import shoot_rare
from tests.ui.test_browser import CHROMIUM, FLAGS, PATIENCE, RAFAH, ask, served

REFUSED = "How tall is the Eiffel Tower?"


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.screens", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=("usual", "rare", "aside"), help="these alone")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE)
    with tempfile.TemporaryDirectory(prefix="footnote-screens-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, shoot in (("usual", _shoot_usual), ("rare", shoot_rare), ("aside", shoot_aside)):
            if given.only in (None, name):
                (Path(folder) / name).mkdir()
                shoot(browser, Path(folder) / name, given.out)
        browser.close()


def _shoot_usual(browser: Browser, folder: Path, out: Path) -> None:
    broken = _unreadable_files(folder / "reports")
    with served(folder / "data") as server:
        first = True
        for page, shoot, narrow in pages(browser, out):
            page.goto(server.url)
            if first:
                _front(page)
                shoot("0-front")
                _index(page, broken)
                first = False
            _go_through(page, shoot, narrow=narrow)
        _job(browser, _many_files(folder / "many"), server.url, out)


def _unreadable_files(folder: Path) -> Path:
    folder.mkdir()
    (folder / "cut off.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog")
    (folder / "empty.docx").write_bytes(b"")
    (folder / "scan.pdf").write_bytes(
        scanned(["The ferry to the island leaves at nine", "and comes back late in the afternoon."])[0]
    )
    (folder / "prices.csv").write_text("Item,Price\nPump,12\nSeal,3\n", encoding="utf-8")
    return folder


def _many_files(folder: Path) -> Path:
    folder.mkdir()
    for number in range(400):
        text = f"Entry {number} of the register. " + "The river rose by a hand and fell again. " * 60
        (folder / f"entry {number}.txt").write_text(text, encoding="utf-8")
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


def _go_through(page: Page, shoot: Shoot, *, narrow: bool) -> None:
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
        page.locator(".fn-view:visible").evaluate("it => it.scrollTo(0, 0)")
        shoot(f"{number}-{view.lower()}")
    if narrow:
        page.locator('[data-view="side"]').first.click()
        shoot("11-sidebar")
    page.get_by_role("button", name="Files of Samples").click()
    page.get_by_role("checkbox", name="border-plan.pdf").click()
    shoot("12-sources")
    page.locator(".fn-sources").get_by_role("button", name="Search all").click()
    page.get_by_role("button", name="Files of Samples").click()


def _job(browser: Browser, folder: Path, url: str, out: Path) -> None:
    """A plan, and what it then does: paused for the pictures, and cancelled at the end."""
    planned = False
    for page, shoot, _ in pages(browser, out):
        page.goto(f"{url}/?view=documents")
        if not planned:
            page.get_by_role("button", name="Add folder").click()
            page.locator(".fn-folder input").fill(str(folder))
            page.get_by_label("Collection for what is added").fill("Register")
            page.get_by_role("button", name="Preview").click()
            planned = True
        page.get_by_role("region", name="Plan").get_by_text("new").first.click()
        shoot("14-plan")
    page = browser.new_page()
    page.goto(f"{url}/?view=documents")
    page.get_by_role("button", name="Apply").click()
    card = page.get_by_role("region", name="Indexing")
    expect(card).to_contain_text("of 400")
    card.get_by_role("button", name="Pause").click()
    page.close()
    for page, shoot, _ in pages(browser, out):
        page.goto(f"{url}/?view=documents")
        expect(page.get_by_role("region", name="Indexing")).to_contain_text("is paused")
        shoot("15-job")
        page.get_by_role("region", name="Files of the job").evaluate("each => each.scrollIntoView()")
        shoot("15-job-files")
    page = browser.new_page()
    page.goto(f"{url}/?view=documents")
    page.get_by_role("button", name="Cancel, keep what is done").click()
    expect(page.get_by_role("region", name="Indexing")).to_have_count(0)
    page.close()


if __name__ == "__main__":
    main()
