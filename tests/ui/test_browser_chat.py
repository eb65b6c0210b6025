"""The chat in headless Chromium: asking again, finding, removing and keeping conversations, the keys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from index.ingest import ingest_documents
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.rag.llm_stub import Stub, serving
from tests.ui.light_server import COLLECTIONS, HOSTILE_HEADING, VOCABULARY
from tests.ui.test_browser import CHROMIUM, Watched, ask, chromium, served_lightly, watched

__all__ = ["chromium", "watched"]  # fixtures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium is installed"),
]

PRESSURE = "What pressure does the garden pump reach?"
CLEANING = "How is the garden pump cleaned?"


def test_a_question_comes_into_view_wherever_the_conversation_was_read(
    watched: Watched, tmp_path: Path
) -> None:
    page = watched.page
    page.set_viewport_size({"width": 1000, "height": 460})
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        for _ in range(3):
            ask(page, PRESSURE)
        page.locator("#fn-chat").hover()
        panel = page.locator("#fn-chat .panel-wrap")
        for _ in range(20):  # Gradio may still be on its way to the bottom
            page.mouse.wheel(0, -5000)
            page.wait_for_timeout(100)
        assert panel.evaluate("each => each.scrollTop") == 0
        answer = ask(page, CLEANING)
        expect(page.locator("#fn-chat [data-testid='user']").nth(3)).to_be_in_viewport()
        expect(answer.locator(".fn-foot")).to_be_in_viewport()


def test_the_last_question_is_asked_again_and_edited(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        questions = page.locator("#fn-chat [data-testid='user']")
        answers = page.locator("#fn-chat [data-testid='bot']")
        box = page.get_by_label("Your question")
        ask(page, PRESSURE)

        # Retry: the same once more, and the earlier answer is a click away.
        answers.first.get_by_role("link", name="Retry").click()
        expect(answers.first.locator(".fn-variants")).to_contain_text("2 of 2")
        expect(answers).to_have_count(1)

        # The arrow in an empty composer brings the question back; Escape brings the draft back.
        box.fill("")
        box.press("ArrowUp")
        expect(box).to_have_value(PRESSURE)
        expect(page.locator(".fn-editing")).to_be_visible()
        box.press("Escape")
        expect(box).to_have_value("")
        expect(page.locator(".fn-editing")).to_have_count(0)

        # The pencil: what is sent takes the place of the question, and the draft comes back.
        box.fill("a draft")
        questions.first.get_by_role("link", name="Edit this question").click()
        expect(box).to_have_value(PRESSURE)
        box.fill(CLEANING)
        box.press("Enter")
        expect(questions.first).to_contain_text(CLEANING)
        expect(answers.first).to_contain_text("cleaned with water")
        expect(answers.first.locator(".fn-variants")).to_contain_text("3 of 3")
        expect(box).to_have_value("a draft")
        expect(answers).to_have_count(1)

        answers.first.get_by_role("link", name="Earlier variant").click()
        expect(questions.first).to_contain_text(PRESSURE)
        expect(answers.first).to_contain_text("47 bar")

        # All of it is there after a reload, and only the last exchange can be edited.
        page.reload()
        expect(answers.first.locator(".fn-variants")).to_contain_text("2 of 3")
        box.fill("")
        ask(page, "What of the roses?")
        expect(questions.nth(0).get_by_role("link")).to_have_count(0)
        expect(questions.nth(1).get_by_role("link", name="Edit this question")).to_be_visible()
        assert page.evaluate("window.pwned") is None


def test_another_model_is_asked_once_from_the_menu(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    stub = Stub(pieces=("The garden pump reaches 47 bar [1].",))
    with (
        serving(stub),
        served_lightly(
            tmp_path / "data",
            FOOTNOTE_GENERATION__OTHERS="ollama:second",
            FOOTNOTE_GENERATION__BASE_URL=stub.url,
        ) as server,
    ):
        page.goto(server.url)
        answers = page.locator("#fn-chat [data-testid='bot']")
        ask(page, PRESSURE)
        assert stub.requests == []
        answers.first.get_by_text("Retry").click()
        answers.first.get_by_role("link", name="With second via Ollama").click()
        expect(answers.first).to_contain_text("The garden pump reaches 47 bar")
        expect(answers.first.locator(".fn-variants")).to_contain_text("2 of 2")
        assert [request["model"] for request in stub.requests] == ["second"]


def test_conversations_are_found_renamed_deleted_and_kept_as_files(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        ask(page, PRESSURE)
        page.get_by_role("button", name="New chat").click()
        expect(page.locator(".fn-hello")).to_be_visible()
        ask(page, "What of the roses?")
        items = page.locator(".fn-item")
        expect(items).to_have_count(2)

        # Found by the words of an answer; a search that finds nothing is cleared with one click.
        finder = page.get_by_label("Search chats")
        finder.fill("47 bar")
        expect(items).to_have_count(1)
        expect(items).to_contain_text("pressure")
        finder.fill("47 elephants")
        expect(page.locator(".fn-no-chats")).to_contain_text("47 elephants")
        page.get_by_role("button", name="Clear", exact=True).click()
        expect(items).to_have_count(2)
        expect(finder).to_have_value("")

        # Renamed in place.
        pump = items.filter(has_text="pressure")
        pump.hover()
        pump.locator("summary").click()
        pump.get_by_role("button", name="Rename").click()
        field = page.get_by_label("Title")
        expect(field).to_be_focused()
        expect(pump.get_by_role("button", name="Rename")).to_be_hidden()  # its menu lies over nothing
        field.fill("The <i>pump</i>")
        field.press("Enter")
        pump = items.filter(has_text="The <i>pump</i>")
        expect(pump).to_have_count(1)

        # Kept as a file, with its footnotes.
        pump.hover()
        pump.locator("summary").click()
        with page.expect_download() as download:
            pump.get_by_role("button", name="Markdown").click()
        assert download.value.suggested_filename == "The-i-pump-i.md"
        kept = Path(download.value.path()).read_text(encoding="utf-8").replace("\\", "")
        assert "reaches a pressure of 47 bar.[^1]" in kept
        assert "[^1]: pump.pdf (Manuals)" in kept

        # Deleted at once, and back with Undo; ten seconds later it is gone for good.
        pump.hover()
        pump.locator("summary").click()
        pump.get_by_role("button", name="Delete this chat").click()
        expect(items).to_have_count(1)
        page.get_by_role("button", name="Undo").click()
        expect(items).to_have_count(2)
        expect(page.locator(".fn-deleted")).to_have_count(0)


def test_the_menu_of_a_conversation_stays_open_while_the_sidebar_changes(
    watched: Watched, tmp_path: Path
) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        ask(page, PRESSURE)
        pump = page.locator(".fn-item").filter(has_text="pressure")
        pump.hover()
        pump.locator("summary").click()
        other = page.context.new_page()
        other.goto(server.url)
        ask(other, "What of the roses?")
        other.close()
        expect(page.locator(".fn-item")).to_have_count(2)  # the sidebar was drawn again
        expect(pump.get_by_role("button", name="Delete this chat")).to_be_visible()
        pump.locator("summary").click()
        expect(pump.get_by_role("button", name="Delete this chat")).to_be_hidden()


def test_every_key_does_what_the_list_says(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        ask(page, PRESSURE)
        box, pane = page.get_by_label("Your question"), page.locator(".fn-pane")
        keys = page.get_by_role("dialog", name="Keys")

        # The list opens over the page, holds the focus, and Escape gives it back.
        box.focus()
        page.keyboard.press("Control+/")
        expect(keys).to_be_visible()
        for _ in range(5):
            page.keyboard.press("Tab")
            assert page.evaluate(
                "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
            )
        page.keyboard.press("1")
        page.keyboard.press("Escape")
        expect(keys).not_to_be_visible()
        expect(box).to_be_focused()
        expect(pane).to_have_count(0)

        page.keyboard.press("Control+Shift+C")
        copied = page.locator("#fn-chat").get_by_role("link", name="Copied")
        expect(copied).to_be_visible()
        text = page.evaluate("navigator.clipboard.readText()")
        assert text == "The garden pump reaches a pressure of 47 bar. [1]\n\n[1] pump.pdf (Manuals)"

        box.blur()
        page.keyboard.press("1")
        expect(pane).to_be_visible()
        page.keyboard.press("Escape")
        expect(pane).to_have_count(0)
        page.keyboard.press("/")
        expect(box).to_be_focused()

        # Switched off, single keys do nothing, also after a reload; the others still work.
        page.get_by_role("button", name="Keys").click()
        keys.get_by_label("Single keys").uncheck()
        keys.get_by_role("button", name="Close").click()
        page.reload()
        expect(page.locator("#fn-chat .fn-foot")).to_be_visible()
        box.blur()
        page.keyboard.press("/")
        page.keyboard.press("1")
        expect(box).not_to_be_focused()
        page.keyboard.press("Control+k")
        expect(box).to_be_focused()
        expect(pane).to_have_count(0)

        # So do the others, once they are switched off too.
        page.get_by_role("button", name="Keys").click()
        keys.get_by_label("Shortcuts").uncheck()
        keys.get_by_role("button", name="Close").click()
        page.reload()
        expect(page.locator("#fn-chat .fn-foot")).to_be_visible()
        box.focus()
        for key in ("ArrowUp", "Control+Shift+O", "Control+Shift+C", "Control+/"):
            page.keyboard.press(key)
        box.blur()
        page.keyboard.press("Control+k")
        expect(box).not_to_be_focused()
        expect(box).to_have_value("")
        expect(keys).not_to_be_visible()
        expect(page.locator("#fn-chat .fn-foot")).to_be_visible()
        expect(page.locator("#fn-chat").get_by_role("link", name="Copied")).to_have_count(0)


def test_the_evidence_of_each_sentence_is_listed(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        answer = ask(page, PRESSURE)
        assert page.locator("#fn-chat [role='log']").get_attribute("aria-live") == "off"
        judged = answer.locator(".fn-judged")
        expect(judged.locator("ol")).not_to_be_visible()
        judged.get_by_text("Evidence: 1 of 1 sentence quoted").click()
        expect(judged.locator("li")).to_have_text("QuotedThe garden pump reaches a pressure of 47 bar. 1")
        judged.get_by_role("link", name="1").click()
        expect(page.locator(".fn-pane mark")).to_have_text("The garden pump reaches a pressure of 47 bar.")

        # What a screen reader hears is of the newest answer, also where that came at once or is a refusal.
        heard = page.locator("#fn-live")
        expect(heard).to_have_text("Answer complete. Evidence: 1 of 1 sentence quoted")
        ask(page, "What is the boiling point of tungsten?")
        expect(heard).to_have_text("Answer complete. Not in your documents.")


def test_a_search_is_narrowed_to_single_files(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        sources, chip = page.locator(".fn-sources"), page.locator("#fn-composer .fn-scope")
        finder = sources.get_by_label("Find a file")
        expect(sources.get_by_role("checkbox")).to_have_count(3)

        # Found by name while typing goes on: no drawing takes a letter, the caret or the focus away.
        finder.press_sequentially("bor", delay=120)
        expect(sources.get_by_role("checkbox", name="border.txt")).to_be_checked()
        expect(sources.get_by_role("checkbox")).to_have_count(2)
        expect(finder).to_be_focused()
        finder.press_sequentially("der", delay=120)
        expect(finder).to_have_value("border")
        border = sources.locator(".fn-files .fn-source", has_text="border.txt")
        border.hover()
        border.get_by_role("button", name="only").click()
        expect(chip).to_contain_text("Searching: border.txt")
        expect(sources).to_contain_text("1 of 4 selected")
        expect(sources.get_by_role("checkbox", name="border.txt")).to_be_disabled()
        finder.press("Escape")
        expect(finder).to_have_value("")

        # The answer lies in the other letter: that file is named, and everything is one click away.
        refusal = ask(page, "What of the roses, dear Ann?")
        expect(refusal).to_contain_text("The border of roses")
        refusal = ask(page, PRESSURE)
        expect(refusal).to_contain_text("Searched 1 passage of 1 document in border.txt.")
        expect(refusal).to_contain_text("Found in Manuals, outside your selection.")

        # Another file is ticked beside it; its collection is neither ticked nor empty, and says so.
        letters = sources.get_by_role("checkbox", name="Letters")
        assert letters.evaluate("box => box.indeterminate")
        sources.get_by_role("button", name="Files of Manuals").click()
        sources.get_by_role("checkbox", name="pump.pdf").click()
        expect(chip).to_contain_text("Searching: border.txt and pump.pdf")
        page.wait_for_function("document.activeElement.dataset.act === 'file'")
        expect(ask(page, PRESSURE)).to_contain_text("47 bar")

        # It belongs to the conversation, also after a reload.
        page.reload()
        expect(chip).to_contain_text("Searching: border.txt and pump.pdf")
        page.get_by_role("button", name="Search all sources again").click()
        expect(chip).to_have_count(0)
        expect(sources).to_contain_text("All 4 documents")
        assert page.evaluate("window.pwned") is None


def test_what_to_ask_next_is_a_click_away(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        answers = page.locator("#fn-chat [data-testid='bot']")
        offers = page.get_by_role("group", name="Ask next").get_by_role("button")
        ask(page, PRESSURE)
        expect(offers).to_have_text([HOSTILE_HEADING])
        top = answers.first.bounding_box()

        # It is there after a reload, where the answer stands as before; and asked, it is answered.
        page.reload()
        expect(offers).to_have_text([HOSTILE_HEADING])
        assert answers.first.bounding_box() == top
        page.get_by_label("Your question").fill("a draft")
        offers.first.click()
        expect(answers.nth(1)).to_contain_text("cleaned with water")
        expect(page.get_by_label("Your question")).to_have_value("a draft")
        expect(offers).to_have_count(0)  # what there was to ask was asked
        assert page.evaluate("window.pwned") is None


def test_the_passages_are_there_before_the_text_and_move_nothing(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    stub = Stub(pieces=("The garden pump ", "reaches 47 bar [1]."), silent_after=1)
    with (
        serving(stub),
        served_lightly(tmp_path / "data", **stub.environment) as server,
    ):
        page.goto(server.url)
        box = page.get_by_label("Your question")
        box.fill(PRESSURE)
        box.press("Enter")
        found = page.get_by_role("group", name="Passages found").get_by_role("link")
        expect(found.first).to_have_text("pump.pdf")
        answer = page.locator("#fn-chat [data-testid='bot']")
        expect(answer).to_contain_text("The garden pump")
        expect(answer.locator(".fn-stage")).to_contain_text("Writing with")
        places = [answer.bounding_box(), page.locator("#fn-composer").bounding_box()]

        # One of them is read while the model still writes.
        found.first.click()
        pane = page.locator(".fn-pane")
        expect(pane.locator("mark", has_text="a pressure of 47 bar")).to_be_visible()
        expect(pane.get_by_role("heading", level=2)).to_have_text("pump.pdf")
        page.keyboard.press("[")  # there is no citation to go to
        pane.get_by_role("button", name="Close").click()
        expect(pane).to_have_count(0)

        page.get_by_role("button", name="Stop").click()
        expect(answer).to_contain_text("Stopped")
        expect(found).to_have_count(0)
        assert page.locator("#fn-composer").bounding_box() == places[1]
        after = answer.bounding_box()
        assert after is not None
        assert places[0] is not None
        assert (after["x"], after["y"]) == (places[0]["x"], places[0]["y"])
        stub.release.set()


def copied(data: Path) -> None:
    """Put a copy of the pump's manual into an index that is served afterwards."""
    with Store.open(data) as store:
        manual = COLLECTIONS["Manuals"]["pump.pdf"]
        ingest_documents(store, WordCountEmbedder(VOCABULARY), [("copy.pdf", manual)], collection="Archive")


def test_the_same_text_in_another_file_opens_in_the_pane(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    copied(tmp_path / "data")
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        citation = ask(page, PRESSURE).locator('p a[href^="#cite-"]').first
        citation.click()
        pane = page.locator(".fn-pane")
        name = pane.get_by_role("heading", level=2)
        first = name.inner_text()
        (other,) = {"pump.pdf", "copy.pdf"} - {first}
        folded = pane.locator(".fn-pane-foot").get_by_text(f"Same text also in: {other}")
        expect(pane.locator(".fn-pane-foot").get_by_role("link", name=other)).not_to_be_visible()
        folded.click()
        pane.locator(".fn-pane-foot").get_by_role("link", name=other).press("Enter")
        expect(name).to_have_text(other)
        expect(pane.locator("mark", has_text="a pressure of 47 bar")).to_be_visible()
        # The focus goes back to where the pane was opened from.
        page.keyboard.press("Escape")
        expect(pane).to_have_count(0)
        expect(citation).to_be_focused()
