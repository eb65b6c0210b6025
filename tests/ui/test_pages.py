"""Pages of PDFs in the evidence pane, and the routes that give pictures of pages and originals out."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image
from selectolax.lexbor import LexborHTMLParser

from index.batch import IngestOptions
from index.ingest import ingest_uploads
from index.parsing import ParseLimits, Parser
from rag.settings import Settings
from tests.fakes import WordCountEmbedder
from tests.index.scans import Fixed, scanned
from tests.ui.cited_pdf import STEPS, add_file, add_upload, cite, island_pdf, places
from tests.ui.light_server import VOCABULARY, NothingToIndex
from ui.desk import Desk
from ui.document_routes import DOCUMENT_POLICY, add_document_routes
from ui.guard import Guard
from ui.page_images import PageImages


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(Settings(data=tmp_path / "data"), indexer=NothingToIndex())
    yield opened
    opened.close()


@pytest.fixture
def island(tmp_path: Path) -> Path:
    path = tmp_path / "island.pdf"
    path.write_bytes(island_pdf())
    return path


def get(desk: Desk, path: str, **headers: str) -> httpx.Response:
    """What a browser gets, past the guard."""
    app = FastAPI()
    add_document_routes(app, desk)
    app.add_middleware(Guard, hosts=frozenset({"127.0.0.1"}), first_page=threading.Event())

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


def version(desk: Desk, doc_id: str) -> int | None:
    row = desk.store.document(doc_id)
    return row.version_id if row is not None else None


def image(desk: Desk, doc_id: str, page: int = 1) -> str:
    return f"/page-image/{doc_id}/{version(desk, doc_id)}/{page}.png"


def original(desk: Desk, doc_id: str) -> str:
    return f"/original/{doc_id}/{version(desk, doc_id)}"


# -- pictures of pages


def test_a_page_is_given_out_as_a_picture_and_asked_for_each_time(desk: Desk, island: Path) -> None:
    doc_id = add_upload(desk.store, island)
    reply = get(desk, image(desk, doc_id, 2))
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
    assert reply.content.startswith(b"\x89PNG")
    assert reply.headers["cache-control"] == "private, no-cache"
    assert reply.headers["x-content-type-options"] == "nosniff"
    again = get(desk, image(desk, doc_id, 2), **{"if-none-match": reply.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = get(desk, image(desk, doc_id, 3), **{"if-none-match": reply.headers["etag"]})
    assert other.status_code == 200


def test_requirement_22_a_picture_of_a_page_acts_on_nothing(desk: Desk, island: Path) -> None:
    reply = get(desk, image(desk, add_upload(desk.store, island)))
    assert reply.headers["content-type"] == "image/png"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-security-policy"] == DOCUMENT_POLICY


def test_a_removed_document_gives_no_page_and_no_original_at_once(desk: Desk, island: Path) -> None:
    doc_id = add_upload(desk.store, island)
    paths = image(desk, doc_id), original(desk, doc_id)
    tag = get(desk, paths[0]).headers["etag"]
    assert get(desk, paths[1]).status_code == 200
    desk.store.remove([doc_id])
    assert [get(desk, path, **{"if-none-match": tag}).status_code for path in paths] == [404, 404]


def test_only_the_version_that_is_asked_for_is_given_out(desk: Desk, island: Path) -> None:
    doc_id = add_file(desk.store, island)
    paths = image(desk, doc_id), original(desk, doc_id)
    assert [get(desk, path).status_code for path in paths] == [200, 200]
    data = island.read_bytes()
    island.write_bytes(data[:-20] + b"%" + data[-19:])  # the same size, other bytes
    desk.pages.close()
    desk.pages = PageImages(desk.store, desk.references)  # one that remembers no picture of before
    replies = [get(desk, path) for path in paths]
    assert [reply.status_code for reply in replies] == [404, 404]
    assert "changed since it was indexed" in replies[0].text
    add_file(desk.store, island)
    assert [get(desk, path).status_code for path in paths] == [404, 404]
    assert get(desk, original(desk, doc_id)).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/page-image/{doc}/{version}/0.png",
        "/page-image/{doc}/{version}/5.png",
        "/page-image/{doc}/{version}/-1.png",
        f"/page-image/{{doc}}/{{version}}/{'9' * 5_000}.png",
        "/page-image/{doc}/{version}/one.png",
        "/page-image/{doc}/{version}/1.png/../../../etc/passwd",
        "/page-image/{doc}/999/1.png",
        "/page-image/ffff/{version}/1.png",
        "/original/ffff/{version}",
        "/original/{doc}/999",
        "/original/..%2f..%2fetc%2fpasswd/1",
        "/original/",
    ],
)
def test_what_is_no_current_page_or_document_is_not_there(desk: Desk, island: Path, path: str) -> None:
    doc_id = add_upload(desk.store, island)
    wanted = path.replace("{doc}", doc_id).replace("{version}", str(version(desk, doc_id)))
    assert get(desk, wanted).status_code == 404


def test_a_text_has_no_pages_to_draw(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("The pump is cleaned with water.", encoding="utf-8")
    assert get(desk, image(desk, add_upload(desk.store, path))).status_code == 404


def test_a_foreign_host_name_gets_no_page(desk: Desk, island: Path) -> None:
    doc_id = add_upload(desk.store, island)
    assert get(desk, image(desk, doc_id), host="evil.example").status_code == 421
    assert get(desk, original(desk, doc_id), host="evil.example").status_code == 421


# -- originals


def test_requirement_22_a_pdf_opens_in_a_sandbox_and_with_its_name(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / 'Insel "1" – Plan.pdf'
    path.write_bytes(island_pdf())
    reply = get(desk, original(desk, add_file(desk.store, path)))
    assert reply.content == path.read_bytes()
    assert reply.headers["content-type"] == "application/pdf"
    assert reply.headers["content-disposition"] == (
        "inline; filename*=UTF-8''Insel%20%221%22%20%E2%80%93%20Plan.pdf"
    )
    assert reply.headers["content-security-policy"] == DOCUMENT_POLICY
    assert "sandbox" in DOCUMENT_POLICY
    assert reply.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("name", ["page.html", "note.txt", "list.csv"])
def test_requirement_22_anything_else_is_a_download_that_the_browser_does_not_look_into(
    desk: Desk, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_text("<!doctype html><script>alert(1)</script><p>The pump, it is cleaned.", encoding="utf-8")
    reply = get(desk, original(desk, add_upload(desk.store, path)))
    assert reply.content == path.read_bytes()
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-disposition"] == f"attachment; filename*=UTF-8''{name}"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-security-policy"] == DOCUMENT_POLICY


# -- the pane


def test_a_citation_into_a_pdf_opens_its_page_and_has_its_text_beside(desk: Desk, island: Path) -> None:
    doc_id = add_upload(desk.store, island)
    _, message = cite(desk.store, desk.chats, doc_id, *places(desk.store, doc_id, STEPS)[2:3])
    pane = LexborHTMLParser(desk.pane.html(f"#cite-{message}-1"))
    section = pane.css_first(".fn-pane")
    assert section is not None
    assert section.attributes["data-as"] == "page"
    sheet = pane.css_first(".fn-sheet")
    assert sheet is not None
    assert sheet.attributes["data-page"] == "2"
    assert "page 2 of 4" in sheet.text()
    assert "".join(mark.text() for mark in pane.css("mark")) == STEPS
    link = pane.css_first(".fn-original")
    assert link is not None
    assert link.attributes["href"] == original(desk, doc_id)
    as_text = LexborHTMLParser(desk.pane.html(f"#cite-{message}-1", shown_as="text")).css_first(".fn-pane")
    assert as_text is not None
    assert as_text.attributes["data-as"] == "text"


def test_the_sheet_has_the_picture_boxes_over_it_and_says_what_it_shows(desk: Desk, island: Path) -> None:
    doc_id = add_upload(desk.store, island)
    _, message = cite(desk.store, desk.chats, doc_id, *places(desk.store, doc_id, STEPS)[2:3])
    sheet = LexborHTMLParser(desk.pane.sheet(f"#cite-{message}-1", 2, desk.pages))
    picture = sheet.css_first("img")
    assert picture is not None
    assert picture.attributes["src"] == image(desk, doc_id, 2)
    assert picture.attributes["alt"] == f"Page 2 of island.pdf, marked: “{STEPS}”"
    boxes = [box.attributes["style"] or "" for box in sheet.css(".fn-box")]
    assert len(boxes) == 2
    shares = [[float(share) for share in re.findall(r"([\d.]+)%", style)] for style in boxes]
    assert all(0 <= left < left + width <= 100 for left, _, width, _ in shares)
    assert all(0 <= top < top + height <= 100 for _, top, _, height in shares)
    other = LexborHTMLParser(desk.pane.sheet(f"#cite-{message}-1", 3, desk.pages))
    assert other.css(".fn-box") == []
    assert "Back to page 2" in other.text()


@pytest.mark.parametrize("name", ["scan.pdf", "scan.png", "scan.tif"])
def test_a_quote_from_a_scan_is_marked_on_its_picture(desk: Desk, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".pdf"):
        path.write_bytes(scanned(["Ferries sail daily."])[0])
    else:
        Image.new("L", (8 * 200, 11 * 200), "white").save(path, dpi=(200, 200))
    options = IngestOptions(recogniser=Fixed())
    with Parser() as parser:
        ingest_uploads(
            desk.store, WordCountEmbedder(VOCABULARY), parser, [(path, path.name)], options=options
        )
    desk.store.refresh()
    (row,) = desk.store.documents()
    _, message = cite(desk.store, desk.chats, row.doc_id, *places(desk.store, row.doc_id, "sail daily."))
    sheet = LexborHTMLParser(desk.pane.sheet(f"#cite-{message}-1", 1, desk.pages))
    (box,) = sheet.css(".fn-box")
    left, top, width, height = map(float, re.findall(r"([\d.]+)%", box.attributes["style"] or ""))
    assert (left, top) == pytest.approx((100 * 132 / 576, 100 * 100 / 792), abs=0.5)
    assert (width, height) == pytest.approx((100 * 108 / 576, 100 * 12 / 792), abs=0.5)
    assert [mark.text() for mark in sheet.css(".fn-read .fn-mark")] == ["sail daily."]
    assert "text recognition on page 1" in LexborHTMLParser(desk.pane.html(f"#doc-{row.doc_id}")).text()


def test_beside_the_picture_stands_what_was_read_of_that_page(desk: Desk, island: Path) -> None:
    doc_id = add_upload(desk.store, island)
    row = desk.store.document(doc_id)
    assert row is not None
    parsed = desk.store.parsed(row.version_id or 0)
    assert parsed is not None
    for page in (2, 4):
        sheet = LexborHTMLParser(desk.pane.sheet(f"#doc-{doc_id}", page, desk.pages))
        (read,) = sheet.css(".fn-beside > .fn-read")
        first, last = parsed.page_span(page)
        assert "".join(read.text().split()) == "".join(parsed.text[first:last].split())
    _, message = cite(desk.store, desk.chats, doc_id, *places(desk.store, doc_id, STEPS)[2:3])
    sheet = LexborHTMLParser(desk.pane.sheet(f"#cite-{message}-1", 2, desk.pages))
    assert "".join(mark.text() for mark in sheet.css(".fn-read .fn-mark")) == STEPS
    both = desk.pane.html(f"#doc-{doc_id}", shown_as="both")
    assert 'data-as="both"' in both
    assert "English" in both


def test_a_quote_over_two_pages_is_marked_on_both(desk: Desk, island: Path) -> None:
    doc_id = add_upload(desk.store, island)
    row = desk.store.document(doc_id)
    assert row is not None
    assert row.version_id is not None
    parsed = desk.store.parsed(row.version_id)
    assert parsed is not None
    border = parsed.page_starts[1]
    _, message = cite(desk.store, desk.chats, doc_id, (border - 60, border + 60))
    for page in (1, 2):
        assert 'class="fn-box"' in desk.pane.sheet(f"#cite-{message}-1", page, desk.pages)


def test_without_its_file_a_pdf_is_shown_as_text(desk: Desk, island: Path) -> None:
    doc_id = add_file(desk.store, island)
    _, message = cite(desk.store, desk.chats, doc_id, *places(desk.store, doc_id, STEPS)[:1])
    island.unlink()
    pane = desk.pane.html(f"#cite-{message}-1")
    assert 'data-as="text"' in pane
    assert "fn-sheet" not in pane
    assert "Open original" not in pane
    assert '<mark class="fn-mark">' in pane


def test_a_page_that_cannot_be_drawn_says_so_and_offers_the_text(desk: Desk, island: Path) -> None:
    doc_id = add_file(desk.store, island)
    _, message = cite(desk.store, desk.chats, doc_id, *places(desk.store, doc_id, STEPS)[:1])
    slow = Parser(ParseLimits(wall_seconds=0.5), drawer="tests.index.files:hang_drawing")
    pages = PageImages(desk.store, desk.references, slow)
    shown = LexborHTMLParser(desk.pane.sheet(f"#cite-{message}-1", 1, pages))
    pages.close()
    assert "This page cannot be drawn." in shown.text()
    assert [node.attributes["data-as"] for node in shown.css(".fn-undrawn button")] == ["text"]

    island.write_bytes(island.read_bytes()[:-1] + b"%")
    shown = LexborHTMLParser(desk.pane.sheet(f"#cite-{message}-1", 1, desk.pages))
    assert "The file is gone, or it changed since it was indexed." in shown.text()
    assert desk.pane.sheet("#cite-ffff-1", 1, desk.pages).count("There is no such page") == 1


def test_other_formats_have_no_page_view(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("The pump is cleaned with water.", encoding="utf-8")
    pane = desk.pane.html(f"#doc-{add_upload(desk.store, path)}")
    assert "fn-views" not in pane
    assert "Open original" in pane
