"""The views beside the chat in headless Chromium: the way between them, Settings, Quality, access."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from index.parsing import ParseLimits
from rag.feedback import Feedback, FeedbackFile
from tests.ui.test_browser import (  # noqa: F401  the fixtures are found by their names
    Watched,
    ask,
    chromium,
    pytestmark,
    served,
    served_lightly,
    watched,
)
from ui.chats import Chats
from ui.programs import snippets


def turn_to(page: Page, view: str) -> None:
    page.locator(".fn-top").get_by_role("button", name=view).click()
    expect(page.locator(f".fn-top [aria-current='page']:text-is('{view}')")).to_be_visible()


def test_the_views_are_steps_of_the_history_and_the_chat_keeps_its_state(
    watched: Watched,  # noqa: F811
    tmp_path: Path,
) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        ask(page, "What pressure does the garden pump reach?")
        page.get_by_label("Your question").fill("a draft")
        turn_to(page, "Documents")
        turn_to(page, "Settings")
        expect(page).to_have_url(re.compile("view=settings"))
        expect(page.get_by_role("heading", name="Settings")).to_be_visible()
        assert page.locator("#fn-docs-view, #fn-chat-view").evaluate_all(
            "(all) => all.every((each) => !each.checkVisibility())"
        )
        page.go_back()
        expect(page.get_by_role("heading", name="Documents")).to_be_visible()
        page.go_back()
        expect(page.get_by_label("Your question")).to_have_value("a draft")
        expect(page.locator("#fn-chat")).to_contain_text("47 bar")
        page.go_forward()
        page.reload()
        expect(page.get_by_role("heading", name="Documents")).to_be_visible()


def test_without_documents_there_are_three_ways_to_begin(watched: Watched, tmp_path: Path) -> None:  # noqa: F811
    page = watched.page
    chats = Chats(tmp_path / "data")
    chats.set_note("samples", "removed")  # they would come with the first start
    chats.close()
    with served(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=documents")
        beginning = page.locator("#fn-table-html .fn-beginning")
        with page.expect_file_chooser():
            beginning.get_by_role("button", name="Add files").click()
        beginning.get_by_role("button", name="Add a folder").click()
        expect(page.get_by_label("Folder on this computer")).to_be_focused()
        expect(beginning.get_by_role("button", name="Bring back the samples")).to_be_visible()
        # A question about the samples brings them back, and is answered from them.
        question = "What happens when I delete a document?"
        beginning.get_by_role("button", name=question).click()
        expect(page.get_by_role("heading", name=question)).to_be_visible()
        answer = page.locator("#fn-chat [data-testid='bot']")
        expect(answer.locator('p a[href^="#cite-"]').first).to_be_visible()
        expect(answer).not_to_contain_text("Not in your documents")
        turn_to(page, "Documents")
        expect(page.locator(".fn-table .fn-ok")).to_have_count(5)
        expect(beginning).to_have_count(0)


def test_a_file_that_is_not_uploaded_is_named_with_the_cause(watched: Watched, tmp_path: Path) -> None:  # noqa: F811
    page = watched.page
    large, small = tmp_path / "large.txt", tmp_path / "small.txt"
    with large.open("wb") as file:
        file.truncate(ParseLimits().file_bytes + 1)  # all holes
    small.write_text("The ferry leaves at nine.", encoding="utf-8")
    sent: list[str] = []

    def fail(route: Route) -> None:
        sent.append(route.request.url)
        route.fulfill(status=500)

    with served_lightly(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=documents")
        page.route("**/gradio_api/upload**", fail)
        page.locator("#fn-files").set_input_files([large, small])
        told = page.locator(".fn-upload")
        expect(told).to_contain_text("no file may have more than 50 MB: large.txt.")
        expect(told).to_contain_text("small.txt. The connection broke, or there is no space left on the disk")
    assert len(sent) == 1
    assert all("status of 500" in error for error in watched.errors)  # the upload that was to fail
    watched.errors.clear()


def test_a_setting_is_changed_refused_and_reset(watched: Watched, tmp_path: Path) -> None:  # noqa: F811
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=settings")
        passages = page.get_by_label("Passages", exact=True)
        passages.fill("many")
        passages.press("Enter")
        expect(page.locator(".fn-wrong")).to_contain_text("Give it another value")
        expect(passages).to_be_focused()
        expect(passages).to_have_value("many")
        passages.fill("3")
        passages.press("Tab")
        expect(page.locator(".fn-wrong")).to_have_count(0)
        expect(page.get_by_role("button", name="Reset")).to_have_count(1)
        assert "passages = 3" in (tmp_path / "data" / "settings.toml").read_text(encoding="utf-8")
        page.get_by_role("button", name="Reset").click()
        expect(passages).to_have_value("6")

        # What was begun in a field is not lost to what changes elsewhere.
        expect(page.get_by_label("Read closely")).to_be_disabled()  # set when this server was started
        page.get_by_label("Who answers").select_option("ollama")
        name = page.get_by_label("Model", exact=True)
        name.fill("sma")
        page.wait_for_timeout(1_500)
        expect(name).to_be_focused()
        name.press_sequentially("ll")
        name.press("Enter")
        page.get_by_label("Address").fill("http://127.0.0.1:9")
        page.get_by_label("Address").press("Tab")
        page.get_by_role("button", name="Test", exact=True).click()
        tried = page.locator(".fn-tried")
        expect(tried).to_contain_text("Failed")
        expect(tried).to_contain_text("Ollama is not answering at http://127.0.0.1:9")
        expect(tried.locator("pre")).to_contain_text("Connect")
        page.get_by_role("button", name="Discard").click()
        expect(page.get_by_label("Who answers")).to_have_value("")


def test_a_command_line_is_copied_whole(watched: Watched, tmp_path: Path) -> None:  # noqa: F811
    page, data = watched.page, tmp_path / "data"
    with served_lightly(data) as server:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(f"{server.url}/?view=settings")
        page.get_by_role("button", name="Copy: Search").click()
        expect(page.get_by_role("button", name="Copy: Search")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == snippets(data)[1].command


def test_the_theme_and_the_text_size_hold_in_every_view(watched: Watched, tmp_path: Path) -> None:  # noqa: F811
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=settings")
        paper = "getComputedStyle(document.querySelector('#fn-main')).backgroundColor"
        page.get_by_label("Dark").click()
        page.wait_for_function(f"{paper} === 'rgb(20, 23, 29)'")
        page.get_by_label("Largest").click()
        page.wait_for_function("document.documentElement.dataset.textSize === 'largest'")
        page.reload()
        expect(page.get_by_label("Dark")).to_be_checked()
        assert page.evaluate(paper) == "rgb(20, 23, 29)"
        turn_to(page, "Chat")
        box = page.locator("#fn-composer").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_a_failing_case_is_asked_again_with_its_search(watched: Watched, tmp_path: Path) -> None:  # noqa: F811
    page, data = watched.page, tmp_path / "data"
    question = "What pressure does the garden pump reach?"
    with served_lightly(data) as server:
        FeedbackFile(data).add(Feedback(question=question, verdict="not_in_documents"))
        page.goto(f"{server.url}/?view=quality")
        page.get_by_role("button", name="Run", exact=True).click()
        last = page.get_by_role("region", name="Last run")
        expect(last).to_contain_text("Answered, although the documents do not hold it.")
        last.get_by_role("button", name="Ask in a new chat").click()
        answer = page.locator("#fn-chat [data-testid='bot']").last
        expect(answer).to_contain_text("47 bar")
        expect(answer.locator(".fn-steps")).to_be_visible()
        expect(page.locator(".fn-item[aria-current]")).to_contain_text(question)


def test_a_button_that_is_drawn_anew_under_the_pointer_is_clicked(watched: Watched, tmp_path: Path) -> None:  # noqa: F811
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=documents")
        button = page.get_by_role("button", name="Check for changes")
        said = page.locator("#fn-state-html").get_by_text("No folder was added yet")
        again = "each => (each.outerHTML = each.outerHTML)"
        for away in (200, 0):  # pressed and drawn away: given up; pressed and released: a click
            expect(said).to_have_count(0)
            box = button.bounding_box()
            assert box is not None
            page.mouse.move(box["x"] + 5, box["y"] + 5)
            page.mouse.down()
            button.evaluate(again)
            page.mouse.move(box["x"] + 5, box["y"] + 5 + away)
            page.mouse.up()
            page.wait_for_timeout(300)
        expect(said).to_be_visible()


_SHAPES = """(all) => all.map((each) => {
  const { top, bottom } = each.getBoundingClientRect();
  return [Math.round((top + bottom) / 2), Math.round(bottom - top)];
})"""


def test_fields_stand_in_line_with_what_is_beside_them(watched: Watched, tmp_path: Path) -> None:  # noqa: F811
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=documents")
        page.get_by_role("button", name="Add folder").click()
        folder = page.locator(".fn-folder .fn-field, .fn-folder .fn-btn").evaluate_all(_SHAPES)
        assert max(middle for middle, _ in folder) - min(middle for middle, _ in folder) <= 1
        turn_to(page, "Settings")
        page.locator("#fn-generation-model").select_option("ollama")
        expect(page.get_by_label("Model", exact=True)).to_be_visible()
        (provider, model) = page.locator(".fn-pair .fn-field").evaluate_all(_SHAPES)
        assert provider == model


def test_the_path_of_a_folder_can_be_read_on_a_narrow_screen(watched: Watched, tmp_path: Path) -> None:  # noqa: F811
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{server.url}/?view=documents")
        page.get_by_role("button", name="Add folder").click()
        field = page.locator(".fn-folder .fn-field").bounding_box()
        assert field is not None
        assert field["width"] >= 240


def test_what_is_ticked_has_the_accent_of_the_page(watched: Watched, tmp_path: Path) -> None:  # noqa: F811
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=settings")
        expect(page.get_by_role("radio", name="Balanced")).to_be_checked()
        page.get_by_role("button", name="Files of Letters").click()
        page.get_by_role("checkbox", name="letter.txt").click()  # and its collection is ticked by half
        expect(page.locator("#fn-side input:indeterminate")).to_be_visible()
        page.mouse.move(0, 0)
        colours = page.locator("#fn-shell input:is(:checked, :indeterminate)").evaluate_all(
            "(all) => all.map((each) => each.checkVisibility() && getComputedStyle(each).backgroundColor)"
        )
        shown = [colour for colour in colours if colour]
        assert len(shown) > 3
        assert set(shown) == {"rgb(31, 95, 139)"}
