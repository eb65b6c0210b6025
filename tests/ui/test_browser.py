"""The real page in headless Chromium: what a person does on the first day, and what must never happen."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect, sync_playwright
from reportlab.pdfgen.canvas import Canvas

from index.store import Store
from tests.index.support import files_with
from tests.rag.llm_stub import Stub, serving
from tests.ui.light_server import HOSTILE_HEADING
from tests.ui.payloads import HOSTILE
from tests.ui.test_chats import TEXT, exchange, put, quoted_answer
from ui.chats import Chats

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
# What Chromium and Gradio say of a server that a test has stopped, and of a page that is left meanwhile.
AWAY = re.compile("net::ERR_|Failed to fetch|signal is aborted|Connection errored out")
PATIENCE = 90_000  # milliseconds; the models load meanwhile, perhaps on a busy machine
RAFAH = "What does the United States propose instead of a ground invasion of Rafah?"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium is installed"),
]


@dataclass
class Server:
    """Footnote's page, served by the real command over one data folder."""

    data: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    light: bool = False  # without a model, over the documents of ``light_server``
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "ui", "serve", "--no-browser"]
        command += ["--port", str(self.port), "--data", str(self.data)]
        if self.light:
            command = [sys.executable, "-m", "tests.ui.light_server", str(self.data), str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **self.environment})
        deadline = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the server ended"
            try:
                with urllib.request.urlopen(self.url):
                    return
            except urllib.error.URLError:
                time.sleep(0.1)
        raise AssertionError("the page did not come up")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=60)
            self.process = None


@contextmanager
def served(data: Path, **environment: str) -> Iterator[Server]:
    server = Server(data=data, environment=environment)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def served_lightly(data: Path, **environment: str) -> Iterator[Server]:
    server = Server(data=data, environment=environment, light=True)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page, and what it did that it must not do."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def saw_request(self, request: Request) -> None:
        if not re.match(r"https?://127\.0\.0\.1[:/]|data:|blob:", request.url):
            self.foreign.append(request.url)

    def saw_message(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not AWAY.search(message.text):
            self.errors.append(message.text)


@pytest.fixture
def watched(chromium: Browser) -> Iterator[Watched]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    seen = Watched(page=context.new_page())
    context.on("request", seen.saw_request)
    seen.page.on("console", seen.saw_message)
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    yield seen
    context.close()
    assert seen.foreign == []
    assert seen.errors == []


def ask(page: Page, question: str) -> Locator:
    """Ask, wait for the whole answer, and give its message."""
    answers = page.locator("#fn-chat [data-testid='bot']")
    before = answers.count()
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    answer = answers.nth(before)
    expect(answer.locator(".fn-foot")).to_be_visible(timeout=PATIENCE)
    return answer


def open_documents(page: Page) -> None:
    page.locator(".fn-top").get_by_role("button", name="Documents").click()


def document_row(page: Page, name: str) -> Locator:
    named = page.locator(".fn-doc bdi", has_text=re.compile(rf"^{re.escape(name)}$"))  # a copy names it too
    return page.locator("#fn-table-html tr", has=named)


def settle(page: Page, text: str) -> str:
    return " ".join(text.split())


def pdf(path: Path, *pages: str) -> Path:
    canvas = Canvas(str(path))
    for text in pages:
        for number, line in enumerate(text.splitlines()):
            canvas.drawString(72, 760 - 18 * number, line)
        canvas.showPage()
    canvas.save()
    return path


def test_an_opinion_on_an_answer_is_noted_and_taken_back(watched: Watched, tmp_path: Path) -> None:
    page, data = watched.page, tmp_path / "data"
    with Store.open(data) as store:  # an answer from before; none has to be made
        put(store, TEXT)
        chats = Chats(data)
        chat_id = exchange(chats, quoted_answer(store)).chat_id
        chats.close()
    with served(data) as server:
        page.goto(f"{server.url}/?chat={chat_id}")
        said = page.locator("#fn-chat .fn-say")
        said.get_by_role("link", name="Wrong citation").click()
        expect(said.locator(".fn-op-said")).to_have_text("✓ Wrong citation")
        expect(said).to_contain_text("Noted as a test question")
        noted = (data / "feedback.jsonl").read_text(encoding="utf-8")
        assert '"wrong_citation"' in noted
        assert "zebrafish" not in noted

        page.reload()
        expect(said.locator(".fn-op-said")).to_have_text("✓ Wrong citation")
        said.get_by_role("link", name="Wrong citation").click()
        expect(said.locator(".fn-op-said")).to_have_count(0)
        assert (data / "feedback.jsonl").read_text(encoding="utf-8") == ""

        # The same from beside the words themselves, and both places agree.
        page.locator("#fn-chat p a[href^='#cite-']").first.click()
        wrong = page.locator(".fn-pane-foot a.fn-say-wrong")
        expect(wrong).to_have_text("This passage is wrong")
        wrong.click()
        expect(wrong).to_have_text("✓ This passage is wrong")
        expect(said.locator(".fn-op-said")).to_have_text("✓ Wrong citation")
        assert '"wrong_citation"' in (data / "feedback.jsonl").read_text(encoding="utf-8")
        page.keyboard.press("Escape")
        page.locator("#fn-chat p a[href^='#cite-']").first.click()
        expect(wrong).to_have_text("✓ This passage is wrong")
        said.get_by_role("link", name="Wrong citation").click()
        expect(wrong).to_have_text("This passage is wrong")
        assert (data / "feedback.jsonl").read_text(encoding="utf-8") == ""


def test_the_first_day(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with served(tmp_path / "data") as server:
        # The samples are indexed, and an example is one click away.
        page.goto(server.url)
        page.get_by_role("button", name=RAFAH).click()
        answer = page.locator("#fn-chat [data-testid='bot']").first
        expect(answer.locator(".fn-foot")).to_be_visible(timeout=PATIENCE)
        expect(answer).to_contain_text("border")
        expect(page.locator(".fn-top h1")).to_contain_text("What does the United States")

        # A click on a mark opens the evidence, with exactly the quoted words marked.
        answer.locator("p a[href^='#cite-']").first.click()
        pane = page.locator(".fn-pane")
        expect(pane).to_be_visible()
        expect(pane.locator("mark").first).to_be_attached()
        quote = settle(page, "".join(pane.locator("mark").all_inner_texts()))
        assert quote
        assert quote in settle(page, answer.inner_text())
        expect(pane).to_contain_text("Current")
        assert page.evaluate("document.activeElement.tagName") == "H2"
        page.keyboard.press("Escape")
        expect(pane).not_to_be_visible()
        page.keyboard.press("1")
        expect(pane).to_be_visible()
        page.keyboard.press("Escape")

        # A question nothing answers is refused, with the nearest passages.
        refusal = ask(page, "What is the boiling point of tungsten?")
        expect(refusal).to_contain_text("Not in your documents")
        expect(refusal).to_contain_text("Nearest, below the bar")

        # A document of one's own: uploaded, indexed, asked about.
        own = pdf(
            tmp_path / "pump guide.pdf",
            "Pump guide\n\nThis guide is about the garden pump.",
            "Pressure\n\nThe garden pump reaches its maximum pressure of 47 bar after nine minutes.",
        )
        open_documents(page)
        page.locator("#fn-files").set_input_files(own)
        row = document_row(page, "pump guide.pdf")
        expect(row).to_contain_text("Ready")
        page.locator(".fn-top").get_by_role("button", name="Chat").click()
        about = ask(page, "What is the maximum pressure of the garden pump?")
        expect(about).to_contain_text("47 bar")
        about.locator("p a[href^='#cite-']").first.click()
        expect(pane).to_contain_text("page 2 of 2")
        expect(pane.locator("mark")).to_contain_text("47 bar")
        page.keyboard.press("Escape")

        # Deleted, it no longer answers, and the old answer no longer holds its words.
        open_documents(page)
        row.get_by_text("Delete", exact=True).click()
        row.get_by_role("button", name="Delete document").click()
        expect(row).to_have_count(0)
        page.reload()
        page.locator(".fn-top").get_by_role("button", name="Chat").click()
        expect(page.locator("#fn-chat")).to_contain_text("source removed")
        expect(page.locator("#fn-chat")).not_to_contain_text("47 bar")
        again = ask(page, "What is the maximum pressure of the garden pump?")
        expect(again).not_to_contain_text("47 bar")

        # After a restart the conversation is still there, and its citations still open.
        address = page.url
        page.goto("about:blank")  # an open page loads itself again, and would be in the way
        server.stop()
        server.start()
        page.goto(address)
        expect(page.locator("#fn-chat [data-testid='user']").first).to_contain_text(RAFAH)
        expect(page.locator(".fn-item[aria-current]")).to_contain_text("What does the United States")
        page.locator("#fn-chat p a[href^='#cite-']").first.click()
        expect(pane.locator("mark").first).to_be_attached()
        assert settle(page, "".join(pane.locator("mark").all_inner_texts())) == quote

        # And when it is too late to undo, the server that runs now erases what the other one deleted.
        deadline = time.monotonic() + PATIENCE / 1000
        while files_with(tmp_path / "data", "47 bar") and time.monotonic() < deadline:
            time.sleep(0.5)
        assert files_with(tmp_path / "data", "47 bar") == []


def test_requirement_24_hostile_documents_stay_text_everywhere(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    folder = tmp_path / "<img src=x onerror=window.pwned=1>"
    folder.mkdir()
    for number, (kind, payload) in enumerate(HOSTILE.items()):
        safe = re.sub(r"[\x00/\ud800-\udfff]", "_", payload)[:60]
        text = re.sub("[\x00\ud800-\udfff]", " ", payload)
        path = folder / f"{number} {safe}.txt"
        path.write_text(
            f"The zebra of {kind} number {number} says {text} and nothing else.\n", encoding="utf-8"
        )
    with served(tmp_path / "data") as server:
        page.goto(server.url)
        open_documents(page)
        page.get_by_role("button", name="Add folder").click()
        page.get_by_label("Folder on this computer").fill(str(folder))
        page.keyboard.press("Enter")
        expect(page.locator(".fn-table .fn-ok")).to_have_count(len(HOSTILE) + 5)
        page.locator(".fn-table tr", has_text="onerror").locator(".fn-doc a").first.click()
        expect(page.locator(".fn-pane")).to_contain_text("zebra")
        page.keyboard.press("Escape")
        page.locator(".fn-top").get_by_role("button", name="Chat").click()
        for kind in ("img onerror", "markdown image", "template", "css import", "svg onload"):
            answer = ask(page, f"What does the zebra of {kind} say? {HOSTILE[kind]}")
            mark = answer.locator("p a[href^='#cite-']")
            if mark.count():
                mark.first.click()
                expect(page.locator(".fn-pane mark").first).to_be_visible()
                page.keyboard.press("Escape")
        assert page.evaluate("window.pwned") is None
        assert page.locator("#fn-shell img, #fn-shell iframe, #fn-shell video, #fn-shell base").count() == 0


def test_a_folder_is_previewed_before_it_is_indexed(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "boat.txt").write_text("The boathouse stands at the lake.\n", encoding="utf-8")
    (folder / "song.mp3").write_bytes(b"la")
    with served(tmp_path / "data") as server:
        page.goto(server.url)
        open_documents(page)
        expect(page.locator(".fn-table .fn-ok")).to_have_count(5)
        page.get_by_role("button", name="Add folder").click()
        page.get_by_label("Folder on this computer").fill(str(folder))
        page.get_by_role("button", name="Preview").click()
        card = page.get_by_role("region", name="Plan")
        expect(card).to_contain_text("1 of 1 passage to embed. Time: about")  # the samples were measured
        card.get_by_text("1 new: 1 of 1 passage to embed").click()
        expect(card.locator("li", has_text="boat.txt")).to_be_visible()
        expect(card).to_contain_text("1 skipped")
        assert document_row(page, "boat.txt").count() == 0
        card.get_by_role("button", name="Apply").click()
        expect(document_row(page, "boat.txt").locator(".fn-ok")).to_be_visible()
        expect(card).to_have_count(0)

        (folder / "boat.txt").rename(folder / "ship.txt")
        page.get_by_role("button", name="Check for changes").click()
        card.get_by_text("1 renamed: nothing to embed").click()
        expect(card).to_contain_text(f"(was {folder / 'boat.txt'})")
        card.get_by_role("button", name="Discard").click()
        expect(card).to_have_count(0)
        expect(document_row(page, "boat.txt").locator(".fn-ok")).to_be_visible()


def test_an_idle_page_rests_and_an_outdated_one_mends_itself(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    asked_again: list[str] = []
    page.on(
        "request", lambda it: asked_again.append(it.url) if '"act":"show"' in (it.post_data or "") else None
    )
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        answer = ask(page, "What pressure does the garden pump reach?")
        page.wait_for_timeout(2_000)
        page.evaluate(
            "window.drawn = 0; new MutationObserver((all) => (window.drawn += all.length))"
            ".observe(document.querySelector('#fn-chat'), { childList: true, subtree: true })"
        )
        page.wait_for_timeout(3_000)  # three beats
        assert page.evaluate("window.drawn") == 0
        assert asked_again == []

        # A message that the page does not show: it is asked for once, not with every beat.
        answer.evaluate("(message) => message.removeAttribute('data-testid')")
        page.wait_for_timeout(6_000)
        assert len(asked_again) == 1

        # The server is started anew: the old page loads itself again, with its conversation.
        page.evaluate("window.old = true")
        page.get_by_label("Your question").fill("And how is it")
        server.stop()
        away = page.get_by_text("Footnote does not answer")
        expect(away).to_be_visible()
        page.get_by_label("Your question").press_sequentially(" cleaned?")
        server.start()
        page.wait_for_function("window.old === undefined")
        expect(page.locator("#fn-chat [data-testid='bot']").first).to_contain_text("47 bar")
        expect(page.get_by_label("Your question")).to_have_value("And how is it cleaned?")
        expect(away).not_to_be_visible()


def test_what_is_removed_leaves_the_answer_and_the_evidence_that_are_open(
    watched: Watched, tmp_path: Path
) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        answer = ask(page, "What pressure does the garden pump reach?")
        answer.locator('p a[href^="#cite-"]').first.click()
        pane = page.locator(".fn-pane")
        expect(pane.locator("mark")).to_contain_text("47 bar")
        expect(pane.get_by_role("heading", level=2)).to_be_focused()

        other = page.context.new_page()
        other.goto(f"{server.url}/?view=documents")
        row = document_row(other, "pump.pdf")
        row.get_by_text("Delete", exact=True).click()
        row.get_by_role("button", name="Delete document").click()
        expect(answer).to_contain_text("source removed")
        expect(pane).to_contain_text("The document was removed")
        expect(page.locator("#fn-chat, #fn-evidence").filter(has_text="47 bar")).to_have_count(0)
        expect(pane.get_by_role("heading", level=2)).to_be_focused()

        # Brought back, it is there again.
        other.locator(".fn-toast").get_by_role("button", name="Undo").click()
        expect(answer).to_contain_text("47 bar")
        expect(pane.locator("mark")).to_contain_text("47 bar")
        page.get_by_role("button", name="New chat").click()
        expect(page.get_by_label("Your question")).to_be_focused()


def test_an_answer_survives_a_reload_and_can_be_stopped(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    stub = Stub(
        pieces=("Washington offers ", "a joint effort ", "at the border ", "never sent"), silent_after=3
    )
    with (
        serving(stub),
        served(tmp_path / "data", **stub.environment) as server,
    ):
        page.goto(server.url)
        expect(page.locator(".fn-side")).to_contain_text("via Ollama")
        page.get_by_role("button", name=RAFAH).click()
        running = page.locator("#fn-chat [data-testid='bot']").last
        expect(running).to_contain_text("a joint effort at the border")
        page.reload()
        expect(running).to_contain_text("a joint effort at the border")

        # Whoever turns to an answer that is being written can turn away from it again.
        egypt = "Why is Egypt part of the border plan?"
        page.get_by_role("button", name="New chat").click()
        page.get_by_role("button", name=egypt).click()
        expect(running).to_contain_text("a joint effort at the border")
        chats = page.locator(".fn-side .fn-open")
        asked = page.locator("#fn-chat [data-testid='user']")
        for question in (RAFAH, egypt, RAFAH):
            chats.filter(has_text=question[:15]).click()
            expect(asked).to_contain_text(question)
            expect(running).to_contain_text("a joint effort at the border")
        page.get_by_role("button", name="Stop").click()
        expect(running).to_contain_text("Stopped")
        expect(running).to_contain_text("a joint effort at the border")
        expect(page.get_by_role("button", name="Send")).to_be_visible()
        stub.release.set()


def test_the_samples_go_with_one_click_and_stay_away(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with served(tmp_path / "data") as server:
        page.goto(f"{server.url}/?view=documents")
        expect(document_row(page, "border-plan.pdf")).to_contain_text("Ready")
        expect(page.locator(".fn-card")).to_have_count(0)
        page.get_by_role("button", name="Remove the samples").click()
        expect(page.locator(".fn-table")).to_have_count(0)
        page.goto("about:blank")
        server.stop()
        server.start()
        page.goto(f"{server.url}/?view=documents")
        expect(page.get_by_role("button", name="Bring back the samples").last).to_be_visible()


def test_a_narrow_screen_shows_the_evidence_as_a_sheet(chromium: Browser, tmp_path: Path) -> None:
    context = chromium.new_context(viewport={"width": 420, "height": 860}, color_scheme="dark")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    with served(tmp_path / "data") as server:
        page.goto(server.url)
        page.get_by_role("button", name=RAFAH).click()
        page.locator("#fn-chat p a[href^='#cite-']").first.click()
        expect(page.locator("#fn-evidence")).to_be_visible()
        box = page.locator("#fn-evidence").bounding_box()
        assert box is not None
        assert (round(box["x"]), round(box["width"])) == (0, 420)
        page.get_by_role("button", name="Back").click()
        expect(page.locator(".fn-pane")).not_to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        page.get_by_role("button", name="Conversations").click()
        expect(page.locator(".fn-item").first).to_be_visible()
    context.close()


def test_a_search_is_narrowed_refused_and_widened(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with served_lightly(tmp_path / "data") as server:
        page.goto(server.url)
        sources = page.locator(".fn-sources")
        expect(sources.get_by_role("checkbox")).to_have_count(3)
        expect(sources).to_contain_text("All 4 documents")
        expect(sources).to_contain_text("<b>Notes</b>")
        chip = page.locator("#fn-composer .fn-scope")
        expect(chip).to_have_count(0)

        # Narrowed to the letters before the conversation begins: the pump is not in them, but elsewhere.
        sources.get_by_role("checkbox", name="Manuals").click()
        expect(sources).to_contain_text("3 of 4 selected")
        expect(sources.get_by_role("checkbox", name="Manuals")).not_to_be_checked()
        page.wait_for_function("document.activeElement.dataset.act === 'scope'")
        sources.get_by_role("checkbox", name="Notes").click()
        expect(chip).to_contain_text("Searching: Letters")
        expect(sources.get_by_role("checkbox", name="Letters")).to_be_disabled()
        question = "Which pressure does the garden pump reach?"
        refusal = ask(page, question)
        expect(refusal).to_contain_text("Not in your documents")
        expect(refusal).to_contain_text("Searched 2 passages of 2 documents in Letters.")
        expect(refusal).to_contain_text("Found in Manuals, outside your selection.")

        # The selection belongs to the conversation: a reload keeps it, a new one searches everything.
        page.reload()
        expect(chip).to_contain_text("Searching: Letters")
        page.get_by_role("button", name="New chat").click()
        expect(chip).to_have_count(0)
        page.locator(".fn-item .fn-open", has_text=question).click()
        expect(chip).to_contain_text("Searching: Letters")

        # "Search all" asks the same again of everything, and a draft in the composer stays.
        page.get_by_label("Your question").fill("a draft")
        page.locator("#fn-chat").get_by_role("button", name="Search all").click()
        expect(page.locator("#fn-chat [data-testid='bot']").nth(1)).to_contain_text("47 bar")
        expect(page.locator("#fn-chat [data-testid='user']").nth(1)).to_contain_text(question)
        expect(chip).to_have_count(0)
        expect(page.get_by_label("Your question")).to_have_value("a draft")

        # Headings are offered as they stand in the document, whatever they hold, and asking one works.
        page.locator(".fn-source", has_text="Manuals").hover()
        page.locator(".fn-source", has_text="Manuals").get_by_role("button", name="only").click()
        expect(chip).to_contain_text("Searching: Manuals")
        narrowed = ask(page, "Which elephants in Botswana have seen the cleaning of a pump?")
        expect(narrowed).to_contain_text("Found in none of them: elephants, botswana, seen.")
        offer = narrowed.get_by_role("button", name="cleaning of the pump")
        expect(offer).to_contain_text(HOSTILE_HEADING)
        offer.click()
        expect(page.locator("#fn-chat [data-testid='bot']").nth(3)).to_contain_text("cleaned with water")

        # The x of the chip widens what is asked next.
        page.get_by_role("button", name="Search all sources again").click()
        expect(chip).to_have_count(0)
        expect(sources).to_contain_text("All 4 documents")
        assert page.evaluate("window.pwned") is None
        assert page.locator("#fn-shell img, .fn-sources b").count() == 0
