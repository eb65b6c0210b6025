"""What is done with documents and told of them: set aside, ticked, changed in a folder, called wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from index.ingest import ingest_paths
from index.parsing import Parser
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.support import put
from tests.screens.camera import Shoot, pages
from tests.ui.light_server import VOCABULARY
from tests.ui.test_browser import Server, ask, served_lightly
from tests.ui.test_browser_chat import PRESSURE, copied

_ROSES = "Are the roses in flower this week?"
_UNREAD = ("cut off.pdf", "empty.docx")


def shoot_aside(browser: Browser, folder: Path, out: Path) -> None:
    """Every state, in both themes and widths."""
    data = folder / "data"
    copied(data)
    _changed_folder(data, folder / "reports")
    with served_lightly(data) as server:
        chats = _set_aside(browser, server)
        for page, shoot, narrow in pages(browser, out):
            _documents(page, server, shoot, narrow=narrow)
            _evidence(page, server, shoot, chats)
            _programs(page, server, shoot)
    _missing(browser, folder, out)


def _changed_folder(data: Path, folder: Path) -> None:
    """A folder of the index where a file has changed and another has come; and two that cannot be read."""
    folder.mkdir()
    (folder / "july.txt").write_text("The border was watered in July.", encoding="utf-8")
    with Store.open(data) as store, Parser() as parser:
        ingest_paths(store, WordCountEmbedder(VOCABULARY), parser, [folder], collection="Reports")
        troubles = [
            replace(
                put(f"/letters/{name}", "x"),
                version=None,
                state="failed",
                reason="The file is damaged.",
                hint="Save it again with the program it comes from, then retry.",
            )
            for name in _UNREAD
        ]
        store.publish(puts=troubles)
    (folder / "july.txt").write_text("The border was watered in July and in August.", encoding="utf-8")
    (folder / "august.txt").write_text("The pump was cleaned in August.", encoding="utf-8")


def _set_aside(browser: Browser, server: Server) -> dict[str, str]:
    """Set some documents aside; the addresses of two conversations, one of which cites one of these."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    found = {}
    for name, question in (("disabled", _ROSES), ("current", PRESSURE)):
        page.goto(server.url)
        page.get_by_role("button", name="New chat").click()
        ask(page, question)
        found[name] = page.url
    page.goto(f"{server.url}/?view=documents")
    for name, act in (("letter.txt", "Disable"), ("border.txt", "Disable"), (_UNREAD[0], "Ignore")):
        _row(page, name).get_by_role("button", name=act).click()
        expect(_row(page, name)).to_contain_text(f"{act}d")
    expect(page.locator(".fn-status")).to_contain_text("2 files changed")
    page.close()
    return found


def _documents(page: Page, server: Server, shoot: Shoot, *, narrow: bool) -> None:
    page.goto(f"{server.url}/?view=documents")
    expect(_row(page, "note.txt")).to_be_visible()
    page.locator("#fn-table-html .fn-table").evaluate("each => each.scrollIntoView()")
    shoot("50-set-aside")
    for name in ("letter.txt", "note.txt", _UNREAD[1]):
        page.get_by_role("checkbox", name=f"Select {name}").click()
    shoot("51-selected")
    page.get_by_role("group", name="Selected documents").get_by_text("Delete", exact=True).click()
    shoot("51-selected-delete-asks")
    page.keyboard.press("Escape")
    if narrow:
        page.get_by_role("button", name="Conversations").click()
    expect(page.locator(".fn-status")).to_contain_text("2 files changed")
    shoot("52-files-changed")


def _evidence(page: Page, server: Server, shoot: Shoot, chats: dict[str, str]) -> None:
    for name, label in (("disabled", "53-disabled-evidence"), ("current", "54-foot")):
        page.goto(chats[name])
        page.locator("#fn-chat p a[href^='#cite-']").first.click()
        foot = page.locator(".fn-pane-foot")
        expect(foot).to_be_visible()
        if name == "current":
            for each in foot.locator("summary").all():
                each.click()
            wrong = foot.get_by_role("link", name="This passage is wrong")
            wrong.click()
            expect(wrong).to_contain_text("✓")
            foot.evaluate("each => each.scrollIntoView({ block: 'end' })")
        shoot(label)
        if name == "current":
            wrong.click()
            expect(wrong).not_to_contain_text("✓")
        page.keyboard.press("Escape")
        shoot(f"{label}-answer")


def _programs(page: Page, server: Server, shoot: Shoot) -> None:
    page.goto(f"{server.url}/?view=settings")
    page.get_by_role("heading", name="From other programs").evaluate("each => each.scrollIntoView()")
    page.get_by_role("button", name="Copy: Ask").focus()
    shoot("55-other-programs")


def _missing(browser: Browser, folder: Path, out: Path) -> None:
    """A folder whose disk is not connected."""
    data, disk = folder / "data", folder / "reports"
    disk.rename(folder / "unplugged")
    with served_lightly(data) as server:
        for page, shoot, _ in pages(browser, out):
            page.goto(f"{server.url}/?view=documents")
            missing = _row(page, "july.txt")
            expect(missing).to_contain_text("Missing")
            missing.evaluate("each => each.scrollIntoView({ block: 'center' })")
            shoot("56-missing")
            missing.get_by_role("link", name="july.txt", exact=True).click()
            expect(page.locator(".fn-pane")).to_contain_text("Not reachable")
            shoot("57-not-reachable")


def _row(page: Page, name: str) -> Locator:
    """In the table of documents: Quality names them in a table too."""
    return page.locator("#fn-table-html tr", has_text=name)
