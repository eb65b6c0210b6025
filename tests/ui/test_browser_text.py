"""Citations into documents of many formats in headless Chromium: what is marked is the quote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from index.store import Store
from tests.ui.cited_pdf import add_upload, cite
from tests.ui.every_format import document_of
from tests.ui.test_browser import Watched, chromium, pytestmark, served_lightly, watched
from ui.chats import Chats

__all__ = ["chromium", "pytestmark", "watched"]  # fixtures and marks of this file, too

# What is cited of each document: over cells, list items, lines and headings, where the format has them.
CITED: Mapping[str, tuple[str, str]] = {  # first and last words of the quote
    "a.docx": ("Ticket: Adult", "Price: 2.00"),
    "a.pptx": ("- Dogs sail", "Adults pay 14.50."),
    "a.xlsx": ("Day: May 40", "Remark: full"),
    "a.csv": ("Ticket: Kind 90", "or 91 cats"),
    "a.html": ("- Tickets are", "the bell rings."),
    "a.md": ("| Adult", "- Children"),
    "a.py": ("def timetable", "json.loads(day)"),
    "a.eml": ("the ferry leaves", "in storms?"),
    "a.epub": ("It swam", "The Ship"),
    "a.odt": ("It is old", "- Inner"),
}


def conversations(data: Path, folder: Path) -> dict[str, tuple[str, str]]:
    """A chat about each document, by the document's name: its id, and the quote."""
    found: dict[str, tuple[str, str]] = {}
    with Store.open(data) as store:
        chats = Chats(data)
        for name, (first, last) in CITED.items():
            path = folder / name
            path.write_bytes(document_of(name))
            doc_id = add_upload(store, path)
            version = store.document(doc_id)
            assert version is not None
            assert version.version_id is not None
            text = store.text(version.version_id) or ""
            start = text.index(first)
            end = text.index(last, start) + len(last)
            chat_id, _ = cite(store, chats, doc_id, (start, end))
            found[name] = (chat_id, text[start:end])
        chats.close()
    return found


def open_citation(page: Page, url: str, chat_id: str, *, there: bool = True) -> None:
    """``there``: whether the words that it is about are still in the document."""
    page.goto(f"{url}/?chat={chat_id}")
    page.locator("#fn-chat p a[href^='#cite-']").first.click()
    expect(page.locator(".fn-pane mark" if there else ".fn-pane").first).to_be_attached()


def test_a_click_marks_the_quote_in_every_format(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    quotes = conversations(tmp_path / "data", tmp_path)
    shown: dict[str, str] = {}
    with served_lightly(tmp_path / "data") as server:
        for name, (chat_id, _) in quotes.items():
            open_citation(page, server.url, chat_id)
            expect(page.locator(".fn-pane mark:visible").first).to_be_in_viewport()
            shown[name] = "".join(page.locator(".fn-pane mark").all_text_contents())
    assert shown == {name: quote for name, (_, quote) in quotes.items()}


@pytest.mark.parametrize("width", [1440, 420])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_text_view_has_a_serious_violation_or_is_cut_off(
    watched: Watched, tmp_path: Path, theme: str, width: int
) -> None:
    page = watched.page
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    quotes = conversations(tmp_path / "data", tmp_path)
    with served_lightly(tmp_path / "data") as server:
        for name in ("a.md", "a.csv", "a.py", "a.pptx"):
            open_citation(page, server.url, quotes[name][0])
            page.wait_for_timeout(300)
            violations = Axe().run(page, context=".fn-pane").response["violations"]
            assert [each["id"] for each in violations if each["impact"] in ("serious", "critical")] == []
            # Only tables and code scroll sideways, each in a box of its own.
            scroll = page.locator(".fn-scroll")
            assert scroll.evaluate("it => it.scrollWidth - it.clientWidth") <= 0


def test_show_more_adds_rows_under_the_same_names(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    chat_id, quote = conversations(tmp_path / "data", tmp_path)["a.csv"]
    with served_lightly(tmp_path / "data") as server:
        open_citation(page, server.url, chat_id)
        rows = page.locator(".fn-pane tbody tr")
        before = rows.count()
        page.get_by_role("button", name="Show more").first.click()
        expect(rows.nth(before)).to_be_attached()
        assert page.locator(".fn-pane").get_by_role("columnheader", name="Remark").count() == 1
        assert "".join(page.locator(".fn-pane mark").all_text_contents()) == quote


@pytest.mark.parametrize("width", [1440, 420])
def test_selected_words_can_be_asked_about(watched: Watched, tmp_path: Path, width: int) -> None:
    page = watched.page
    page.set_viewport_size({"width": width, "height": 900})
    chat_id, _ = conversations(tmp_path / "data", tmp_path)["a.docx"]
    with served_lightly(tmp_path / "data") as server:
        open_citation(page, server.url, chat_id)
        offer = page.get_by_role("button", name="Ask about this")
        page.locator(".fn-pane h2").select_text()
        expect(offer).not_to_be_visible()  # that is no text of the document
        page.locator(".fn-pane .fn-text").get_by_text("They sail daily").select_text()
        expect(offer).to_be_in_viewport(ratio=1)
        offer.click()
        box = page.get_by_label("Your question")
        expect(box).to_have_value("“They sail daily, but not in storms.” ")
        expect(box).to_be_focused()
        expect(offer).not_to_be_visible()
        box.press_sequentially("Why?")
        box.press("Enter")
        expect(page.locator("#fn-chat [data-testid='user']").last).to_contain_text("storms.” Why?")
