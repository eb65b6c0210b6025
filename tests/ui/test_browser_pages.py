"""Citations into PDFs in headless Chromium: the page, its boxes, and the ways around it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from index.store import Store
from tests.ui.cited_pdf import STEPS, add_upload, cite, island_pdf, places
from tests.ui.test_browser import Watched, chromium, pytestmark, served_lightly, watched
from ui.chats import Chats

__all__ = ["chromium", "pytestmark", "watched"]  # fixtures and marks of this file, too


def conversation(data: Path, folder: Path) -> str:
    """A chat whose answer cites the second and the fourth page of a PDF; returns its id."""
    path = folder / "island.pdf"
    path.write_bytes(island_pdf())
    with Store.open(data) as store:
        doc_id = add_upload(store, path)
        found = places(store, doc_id, STEPS)
        chats = Chats(data)
        chat_id, _ = cite(store, chats, doc_id, found[2], found[-1])
        chats.close()
    return chat_id


def loaded(page: Page, number: int) -> None:
    """Wait for a page's picture."""
    expect(page.locator(".fn-sheet-bar")).to_contain_text(f"page {number} of 4")
    page.wait_for_function("document.querySelector('.fn-leaf img')?.naturalWidth > 500")


def ink_in_boxes(page: Page) -> list[bool]:
    """For each box, whether the picture has dark pixels where it stands, and white ones beside the margin."""
    result: list[bool] = page.evaluate(
        """() => {
          const image = document.querySelector('.fn-leaf img');
          const canvas = Object.assign(document.createElement('canvas'),
            { width: image.naturalWidth, height: image.naturalHeight });
          const paper = canvas.getContext('2d');
          paper.drawImage(image, 0, 0);
          const leaf = image.getBoundingClientRect();
          return [...document.querySelectorAll('.fn-box')].map((each) => {
            const box = each.getBoundingClientRect();
            const scale = image.naturalWidth / leaf.width;
            const pixels = paper.getImageData((box.left - leaf.left) * scale, (box.top - leaf.top) * scale,
              box.width * scale, box.height * scale).data;
            let dark = 0;
            for (let at = 0; at < pixels.length; at += 4) dark += pixels[at] < 100;
            return dark / (pixels.length / 4) > 0.05;
          });
        }"""
    )
    return result


def test_a_citation_opens_its_page_with_the_words_boxed(watched: Watched, tmp_path: Path) -> None:
    page, data = watched.page, tmp_path / "data"
    chat_id = conversation(data, tmp_path)
    with served_lightly(data) as server:
        page.goto(f"{server.url}/?chat={chat_id}")
        page.locator("#fn-chat p a[href^='#cite-']").first.click()
        loaded(page, 2)
        boxes = page.locator(".fn-box")
        expect(boxes).to_have_count(2)
        assert ink_in_boxes(page) == [True, True]
        expect(boxes.first).to_be_in_viewport()
        expect(page.get_by_role("img", name=f"Page 2 of island.pdf, marked: “{STEPS}”")).to_be_visible()

        # To another page and back, with the keyboard.
        page.get_by_role("button", name="Next page").focus()
        page.keyboard.press("Enter")
        loaded(page, 3)
        expect(boxes).to_have_count(0)
        expect(page.get_by_role("button", name="Next page")).to_be_focused()
        page.keyboard.press("Enter")
        loaded(page, 4)
        expect(page.get_by_role("button", name="Next page")).to_be_disabled()
        page.get_by_role("button", name="Back to page 2").click()
        loaded(page, 2)
        expect(boxes).to_have_count(2)

        # Larger and smaller: the boxes stay on their words.
        leaf = page.locator(".fn-leaf")
        before = leaf.bounding_box()
        page.get_by_role("button", name="Larger").click()
        page.get_by_role("button", name="Larger").click()
        after = leaf.bounding_box()
        assert before is not None
        assert after is not None
        assert round(after["width"] / before["width"], 1) == 1.5
        assert ink_in_boxes(page) == [True, True]
        expect(boxes.first).to_be_in_viewport()
        page.get_by_role("button", name="Fit to the width").click()
        assert leaf.bounding_box() == before

        # The text, with the same words marked; the next citation opens as text, too.
        page.get_by_role("button", name="Text", exact=True).click()
        expect(page.locator(".fn-leaf")).not_to_be_visible()
        mark = page.locator(".fn-pane mark")
        expect(mark).to_have_text(STEPS)
        expect(mark).to_be_in_viewport()
        page.keyboard.press("]")
        expect(page.locator(".fn-meta")).to_contain_text("page 4 of 4")
        expect(mark).to_be_visible()
        page.get_by_role("button", name="Page", exact=True).click()
        loaded(page, 4)
        expect(boxes.first).to_be_in_viewport()

        # The original, in a tab of its own.
        address = page.locator(".fn-original").get_attribute("href")
        reply = page.request.get(f"{server.url}{address}")
        assert (reply.status, reply.body()[:5]) == (200, b"%PDF-")
        page.keyboard.press("Escape")
        expect(page.locator(".fn-pane")).to_have_count(0)


def test_a_page_whose_file_changed_says_so_and_its_text_can_be_read(watched: Watched, tmp_path: Path) -> None:
    page, data = watched.page, tmp_path / "data"
    chat_id = conversation(data, tmp_path)
    (kept,) = (data / "originals").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1] + b"%")
    with served_lightly(data) as server:
        page.goto(f"{server.url}/?chat={chat_id}")
        page.locator("#fn-chat p a[href^='#cite-']").first.click()
        expect(page.locator(".fn-undrawn")).to_contain_text("it changed since it was indexed")
        page.get_by_role("button", name="Show the text").click()
        expect(page.locator(".fn-pane mark")).to_have_text(STEPS)
        expect(page.locator(".fn-pane mark")).to_be_visible()


def test_the_page_view_fits_a_narrow_screen_in_the_dark(watched: Watched, tmp_path: Path) -> None:
    page, data = watched.page, tmp_path / "data"
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    chat_id = conversation(data, tmp_path)
    with served_lightly(data) as server:
        page.goto(f"{server.url}/?chat={chat_id}")
        page.locator("#fn-chat p a[href^='#cite-']").first.click()
        loaded(page, 2)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        paper = page.locator(".fn-leaf").evaluate("(leaf) => getComputedStyle(leaf).backgroundColor")
        assert paper == "rgb(255, 255, 255)"
        expect(page.locator(".fn-box").first).to_be_in_viewport()


def test_from_a_documents_row_its_pages_stand_beside_what_was_read_of_them(
    watched: Watched, tmp_path: Path
) -> None:
    page, data = watched.page, tmp_path / "data"
    conversation(data, tmp_path)
    with served_lightly(data) as server:
        page.goto(f"{server.url}/?view=documents")
        page.get_by_role("link", name="What was read of island.pdf").click()
        loaded(page, 1)
        read, picture = page.locator(".fn-read"), page.locator(".fn-leaf img")
        expect(read).to_be_visible()
        expect(page.get_by_role("button", name="Side by side")).to_have_attribute("aria-pressed", "true")
        left, right = picture.bounding_box(), read.bounding_box()
        assert left is not None
        assert right is not None
        assert left["x"] + left["width"] <= right["x"]
        first = read.inner_text()
        page.get_by_role("button", name="Next page").click()
        loaded(page, 2)
        expect(page.get_by_role("button", name="Side by side")).to_have_attribute("aria-pressed", "true")
        expect(read).to_be_visible()
        assert read.inner_text() != first
        page.get_by_role("button", name="Page", exact=True).click()
        expect(read).to_be_hidden()
        expect(picture).to_be_visible()
