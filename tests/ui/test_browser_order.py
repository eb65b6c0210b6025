"""What a person does in one instant is done in its order, in headless Chromium."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Route, expect

from tests.ui.test_browser import Watched, ask, chromium, pytestmark, served_lightly, watched
from tests.ui.test_browser_chat import PRESSURE

__all__ = ["chromium", "pytestmark", "watched"]  # fixtures and marks of this file, too

ROSES = "When are the roses in flower?"


def test_a_question_after_new_chat_is_asked_in_the_new_chat_whichever_arrives_first(
    watched: Watched, tmp_path: Path
) -> None:
    page = watched.page
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        ask(page, PRESSURE)
        expect(page.get_by_role("group", name="Ask next")).to_be_visible()
        page.get_by_label("Your question").fill(ROSES)
        with page.expect_response("**/queue/join**"):  # of the question, which overtakes the new chat
            page.route("**/queue/join**", hold_the_first)
            page.get_by_role("button", name="New chat").click()
            page.get_by_label("Your question").press("Enter")
        assert len(held) == 1
        held[0].continue_()
        expect(page.locator("#fn-chat .fn-foot")).to_have_count(1)
        expect(page.locator("#fn-chat [data-testid='user']")).to_contain_text([ROSES])
        expect(page.locator(".fn-item")).to_have_count(2)
