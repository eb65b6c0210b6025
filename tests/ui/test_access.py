"""No screen has a serious violation of the accessibility rules that axe-core checks, in either theme."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.rag.llm_stub import Stub, serving
from tests.ui.test_browser import CHROMIUM, ask, chromium, document_row, served_lightly
from tests.ui.test_browser_chat import PRESSURE, copied

__all__ = ["chromium"]  # a fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium is installed"),
]


def violations(page: Page) -> list[str]:
    """The serious and critical ones, a line for each element."""
    page.wait_for_timeout(300)  # what moves has come to rest
    return [
        f"{found['impact']} {found['id']}: {node['html'][:120]}"
        for found in Axe().run(page).response["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_screen_has_a_serious_violation(chromium: Browser, tmp_path: Path, theme: str, width: int) -> None:
    found: dict[str, list[str]] = {}
    page = chromium.new_page(
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        viewport={"width": width, "height": 900},
    )
    copied(tmp_path / "data")
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        expect(page.locator(".fn-hello")).to_be_visible()
        found["empty"] = violations(page)
        if width < 900:
            page.get_by_role("button", name="Conversations").click()
        page.get_by_role("button", name="Files of Letters").click()
        page.get_by_role("checkbox", name="letter.txt").click()
        expect(page.locator("#fn-composer .fn-scope")).to_be_visible()
        found["sources"] = violations(page)
        page.get_by_role("button", name="New chat").click()
        answer = ask(page, PRESSURE)
        expect(page.get_by_role("group", name="Ask next")).to_be_visible()
        answer.get_by_text("How I searched").click()
        answer.locator(".fn-judged > summary").click()
        answer.get_by_text("Retry").click()
        found["answer"] = violations(page)
        answer.locator('p a[href^="#cite-"]').first.click()
        expect(page.locator("#fn-evidence mark:visible, .fn-leaf img:visible").first).to_be_visible()
        page.locator(".fn-pane-foot").get_by_text("Same text also in").click()
        found["evidence"] = violations(page)
        page.keyboard.press("Escape")
        ask(page, "How tall is the Eiffel Tower?")
        found["refusal"] = violations(page)
        page.keyboard.press("Control+/")
        expect(page.get_by_role("dialog")).to_be_visible()
        found["keys"] = violations(page)
        page.keyboard.press("Escape")
        for view in ("Documents", "Quality", "Settings"):
            page.locator(".fn-top").get_by_role("button", name=view).click()
            found[view] = violations(page)
        page.locator(".fn-top").get_by_role("button", name="Documents").click()
        page.get_by_role("checkbox", name="Select letter.txt").click()
        page.get_by_role("group", name="Selected documents").get_by_text("Delete", exact=True).click()
        found["selected"] = violations(page)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Clear", exact=True).click()
        page.get_by_label("Filter documents").fill("nothing of the kind")
        expect(page.locator(".fn-none")).to_be_visible()
        found["nothing found"] = violations(page)
        page.get_by_role("button", name="Clear filter").click()
        for name in ("copy.pdf", "pump.pdf"):
            row = document_row(page, name)
            row.get_by_text("Delete", exact=True).click()
            row.get_by_role("button", name="Delete document").click()
            expect(row).to_have_count(0)
        found["deleted"] = violations(page)
        page.locator(".fn-top").get_by_role("button", name="Chat").click()
        expect(answer).to_contain_text("source removed")
        answer.locator('p a[href$="-gone"]').first.click()
        expect(page.locator(".fn-pane")).to_contain_text("was removed")
        found["source removed"] = violations(page)
    page.close()
    assert found == {screen: [] for screen in found}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_ways_on_from_a_model_that_fails_are_links_in_both_themes(
    chromium: Browser, tmp_path: Path, theme: str
) -> None:
    page = chromium.new_page(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    stub = Stub(status=500)
    with (
        serving(stub),
        served_lightly(tmp_path / "data", **stub.environment) as server,
    ):
        page.goto(server.url)
        answer = ask(page, PRESSURE)
        expect(answer.locator(".fn-notice").get_by_role("link")).to_have_text(["Retry", "Settings"])
        assert violations(page) == []
    page.close()


def test_a_violation_is_seen(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content('<main><h1>Title</h1><p style="color:#ccc;background:#fff">pale</p><img src="x"></main>')
    assert len(violations(page)) >= 2
    page.close()
