"""States that are seldom on the screen: tables and charts as text, what is removed, refused or empty.

Over the documents of ``light_server``, with an embedding that counts words: nothing has to be loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from index.store import Store
from rag.feedback import Feedback, FeedbackFile
from tests.index.test_loaders_pptx import slides
from tests.rag.llm_stub import Stub, serving
from tests.screens.camera import Shoot, pages
from tests.ui.cited_pdf import add_upload, cite
from tests.ui.test_browser import Server, ask, document_row, served_lightly
from tests.ui.test_browser_chat import PRESSURE, copied
from tests.ui.test_browser_text import conversations, open_citation
from ui.chats import Chats

_TEXTS = ("a.csv", "a.xlsx", "a.docx", "a.pptx", "a.py", "a.md", "a.eml")
_HEBREW = (
    "המעבורת לאי יוצאת בתשע בבוקר ושבה בארבע אחר הצהריים. הכרטיס למבוגר עולה 14.50 ₪ (כולל מס). "
    "כלבים נוסעים חינם, ראו example.org/dogs."
)
_LONG = (
    "The field Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft_of_the_whole_"
    f"register is at https://example.org/{'a-very-long-path/' * 12}index.html and holds "
    f"{'0123456789abcdef' * 8}."
)
_LONG_NAME = f"minutes_of_the_meeting_{'that_never_ends_' * 6}final (2).txt"


def shoot_rare(browser: Browser, folder: Path, out: Path) -> None:
    """Every state, in both themes and widths."""
    _texts_and_access(browser, folder / "texts", out)
    _jobs_and_empty(browser, folder / "jobs", out)
    _models(browser, folder / "models", out)
    _written(browser, folder / "written", out)


# ---- texts of many kinds, scripts and lengths; what is there twice; what is gone; 200 %


def _texts_and_access(browser: Browser, folder: Path, out: Path) -> None:
    folder.mkdir()
    data = folder / "data"
    copied(data)
    chats = {name: chat_id for name, (chat_id, _) in conversations(data, folder).items() if name in _TEXTS}
    with Store.open(data) as store:
        kept = Chats(data)
        for name, content, words in (
            ("chart.pptx", slides(_chart), "Category: June"),
            ("timetable.txt", _HEBREW.encode(), "הכרטיס למבוגר עולה 14.50 ₪ (כולל מס)."),
            (_LONG_NAME, _LONG.encode(), _LONG),
        ):
            (folder / name).write_bytes(content)
            doc_id = add_upload(store, folder / name)
            chats[name] = _cited(store, kept, doc_id, words)
        doc_id = add_upload(store, _written_to(folder / "gone.txt", "The bridge was closed in May 1987."))
        chats["gone"] = _cited(store, kept, doc_id, "The bridge was closed in May 1987.")
        kept.close()
    there = True
    with served_lightly(data) as server:
        for page, shoot, narrow in pages(browser, out):
            _go_through_texts(page, server, shoot, chats)
            open_citation(page, server.url, chats["gone"], there=there)
            if there:  # in front of the reader
                _delete_elsewhere(browser, server, "gone.txt")
                there = False
            expect(page.locator("#fn-chat a[href$='-gone']")).to_be_visible()
            expect(page.locator(".fn-pane")).to_contain_text("was removed")
            shoot("27-removed")
            _same_and_narrowed(page, server, shoot, narrow=narrow)
        for page, shoot, _ in pages(browser, out, zoomed=True):
            open_citation(page, server.url, chats["a.csv"])
            shoot("28-zoomed-evidence")
            page.keyboard.press("Escape")
            shoot("28-zoomed-answer")
            for view in ("Documents", "Settings"):
                page.locator(".fn-top").get_by_role("button", name=view).click()
                shoot(f"28-zoomed-{view.lower()}")


def _delete_elsewhere(browser: Browser, server: Server, name: str) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/?view=documents")
    row = document_row(page, name)
    row.get_by_text("Delete", exact=True).click()
    row.get_by_role("button", name="Delete document").click()
    expect(page.locator(".fn-toast")).to_be_visible()
    page.close()


def _go_through_texts(page: Page, server: Server, shoot: Shoot, chats: dict[str, str]) -> None:
    for name in _TEXTS:
        open_citation(page, server.url, chats[name])
        shoot(f"20-text-{name.rpartition('.')[2]}")
    open_citation(page, server.url, chats["chart.pptx"])
    shoot("21-chart")
    for label, name in (("22-right-to-left", "timetable.txt"), ("23-long", _LONG_NAME)):
        open_citation(page, server.url, chats[name])
        shoot(label)
        page.keyboard.press("Escape")
        shoot(f"{label}-answer")


def _same_and_narrowed(page: Page, server: Server, shoot: Shoot, *, narrow: bool) -> None:
    page.goto(server.url)
    answer = ask(page, PRESSURE)
    answer.locator('p a[href^="#cite-"]').first.click()
    page.locator(".fn-pane-foot").get_by_text("Same text also in").click()
    shoot("24-same-text")
    page.keyboard.press("Escape")
    if narrow:
        page.get_by_role("button", name="Conversations").click()
    page.get_by_label("Find a file").fill("letter")
    page.get_by_role("checkbox", name="letter.txt").click()
    expect(page.locator("#fn-composer .fn-scope")).to_be_visible()
    shoot("25-narrowed")
    page.get_by_label("Search chats").fill("nothing of the kind")
    expect(page.locator(".fn-no-chats")).to_be_visible()
    shoot("26-no-chats")
    if narrow:
        page.keyboard.press("Escape")
    ask(page, PRESSURE)
    shoot("25-outside")


# ---- nothing at all, a running job, a plan, a removal that can be undone, Quality with two runs


def _jobs_and_empty(browser: Browser, folder: Path, out: Path) -> None:
    folder.mkdir()
    data = folder / "data"
    with served_lightly(data) as server:
        notes = FeedbackFile(data)
        notes.add(Feedback(question=PRESSURE, verdict="not_in_documents"))
        notes.add(Feedback(question="When are the roses in flower?", verdict="helpful"))
        for page, shoot, narrow in pages(browser, out):
            _quality(page, server, shoot)
            _undo(page, server, shoot, narrow=narrow)
        for name in ("note.txt", "border.txt", "letter.txt", "pump.pdf"):
            _delete_elsewhere(browser, server, name)
        for page, shoot, _ in pages(browser, out):
            page.goto(server.url)
            expect(page.locator(".fn-hello .fn-beginning")).to_be_visible()
            shoot("34-no-documents")
            page.locator(".fn-top").get_by_role("button", name="Documents").click()
            shoot("35-documents-none")


def _quality(page: Page, server: Server, shoot: Shoot) -> None:
    page.goto(f"{server.url}/?view=quality")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("region", name="Last run")).to_be_visible()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    shoot("30-quality-run")
    compare = page.get_by_role("button", name="Compare")
    if not compare.count():
        page.get_by_role("button", name="Run", exact=True).click()
    compare.click()
    expect(page.get_by_label("Differences")).to_be_visible()
    compare.scroll_into_view_if_needed()
    shoot("31-quality-compared")


def _undo(page: Page, server: Server, shoot: Shoot, *, narrow: bool) -> None:
    page.goto(server.url)
    ask(page, PRESSURE)
    if narrow:
        page.get_by_role("button", name="Conversations").click()
    page.locator(".fn-item").first.hover()
    page.get_by_label("More about this chat").first.click()
    shoot("32-chat-menu")
    page.get_by_role("button", name="Delete this chat").first.click()
    expect(page.locator(".fn-deleted")).to_be_visible()
    shoot("32-chat-deleted")
    if narrow:
        page.keyboard.press("Escape")
    page.locator(".fn-top").get_by_role("button", name="Documents").click()
    page.get_by_label("Filter documents").fill("nothing of the kind")
    expect(page.locator(".fn-none")).to_be_visible()
    shoot("33-filter-none")
    page.get_by_role("button", name="Clear filter").click()
    row = page.locator(".fn-table tr", has_text="note.txt")
    row.get_by_text("Delete", exact=True).click()
    row.scroll_into_view_if_needed()
    shoot("33-delete-asks")
    row.get_by_role("button", name="Delete document").click()
    expect(page.locator(".fn-toast")).to_be_visible()
    shoot("33-deleted")
    page.locator(".fn-toast").get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()


# ---- another embedding model


def _models(browser: Browser, folder: Path, out: Path) -> None:
    data = folder / "data"
    data.mkdir(parents=True)
    (data / "settings.toml").write_text('[embedding]\nmodel = "larger-model"\n', encoding="utf-8")
    with served_lightly(data) as server:
        for page, shoot, _ in pages(browser, out):
            page.goto(f"{server.url}/?view=documents")
            expect(page.get_by_role("region", name="Embedding model")).to_be_visible()
            shoot("36-model-changed")


# ---- a language model: writing, stopped, not answering; and what it claims without a source


def _written(browser: Browser, folder: Path, out: Path) -> None:
    folder.mkdir()
    with _model(
        folder / "writing", pieces=("The garden pump ", "reaches 47 bar [1]."), silent_after=1
    ) as server:
        for page, shoot, _ in pages(browser, out):
            page.goto(server.url)
            page.get_by_label("Your question").fill(PRESSURE)
            page.keyboard.press("Enter")
            expect(page.get_by_role("group", name="Passages found")).to_be_visible()
            expect(page.locator("#fn-chat .fn-stage")).to_contain_text("Writing with")
            shoot("40-writing")
            page.get_by_role("button", name="Stop").click()
            expect(page.locator("#fn-chat")).to_contain_text("Stopped")
            shoot("41-stopped")
    said = "The garden pump reaches a pressure of 47 bar [1]. It is painted green. It reaches 74 bar [1]."
    with _model(folder / "said", pieces=(said,)) as server:
        for page, shoot, _ in pages(browser, out):
            page.goto(server.url)
            answer = ask(page, PRESSURE)
            answer.locator(".fn-judged > summary").click()
            answer.get_by_text("Retry").click()
            shoot("42-judged")
            answer.locator('p a[href^="#cite-"]').first.click()
            shoot("42-judged-evidence")
    with _model(folder / "failing", status=500) as server:
        for page, shoot, _ in pages(browser, out):
            page.goto(server.url)
            ask(page, PRESSURE)
            shoot("43-model-fails")


@contextmanager
def _model(data: Path, **how: Any) -> Iterator[Server]:
    stub = Stub(**how)
    with (
        serving(stub),
        served_lightly(data, **stub.environment) as server,
    ):
        yield server
        stub.release.set()


# ---- what the states are made from


def _cited(store: Store, chats: Chats, doc_id: str, words: str) -> str:
    document = store.document(doc_id)
    assert document is not None
    assert document.version_id is not None
    start = (store.text(document.version_id) or "").index(words)
    return cite(store, chats, doc_id, (start, start + len(words)))[0]


def _written_to(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _chart(presentation: Any) -> None:
    numbers: Any = CategoryChartData()  # type: ignore[no-untyped-call]
    numbers.categories = ["May", "June", "July"]
    numbers.add_series("Adults", (310, 290.5, None))
    numbers.add_series("Children", (25, 31, 40))
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    slide.shapes.title.text = "Guests"
    chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 9_000_000, 3_000_000, numbers).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Guests of the ferry"
