"""Pictures as documents: their words are recognised, shown with boxes, and without Tesseract they say so."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from index.batch import IngestOptions
from index.documents import RecognisedPage, RecognisedWord
from index.errors import DocumentError
from index.ingest import ingest_paths
from index.loaders import draw, load, picture, unread_pages
from index.loaders.names import supported
from index.loaders.pictures import page_as_pdf
from index.parsing import Parser
from index.recognition import Recogniser, Recognition, find_recogniser
from index.store import Store
from tests.fakes import WordCountEmbedder
from tests.index.files import docx
from tests.index.scans import Fixed, overlap
from tests.index.test_recognition import needs_tesseract

LINES = ["The ferry to the island leaves at nine", "and comes back late in the afternoon."]
WORDS = (
    RecognisedWord("Ferries", 10, 10, 60, 22, 0),
    RecognisedWord("sail.", 64, 10, 90, 22, 0),
)


def photographed(kind: str, *, mode: str = "RGB", lines: list[str] = LINES, **saved: Any) -> bytes:
    """A picture of lines of text, 150 dots to the inch."""
    image = Image.new("RGB", (1200, 600), "white")
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        pen.text((60, 60 + 60 * number), line, font=ImageFont.load_default(size=34), fill="black")
    packed = BytesIO()
    image.convert(mode).save(packed, format=kind, dpi=(150, 150), **saved)
    return packed.getvalue()


def problem(data: bytes, name: str = "a.png", **more: Any) -> tuple[str, str]:
    with pytest.raises(DocumentError) as caught:
        load(data, name, **more)
    assert caught.value.hint.endswith(".")
    return caught.value.problem, str(caught.value)


KINDS = [
    ("a.png", "PNG", "RGB", {}),
    ("a.png", "PNG", "P", {}),
    ("a.png", "PNG", "LA", {}),
    ("a.jpg", "JPEG", "RGB", {}),
    ("a.jpeg", "JPEG", "CMYK", {}),
    ("a.tif", "TIFF", "1", {"compression": "group4"}),
    ("a.tiff", "TIFF", "L", {}),
    ("a.webp", "WEBP", "RGB", {"lossless": True}),
    ("a.bmp", "BMP", "RGB", {}),
]


@needs_tesseract
@pytest.mark.parametrize(("name", "kind", "mode", "saved"), KINDS)
def test_the_words_of_a_picture_are_read_and_have_their_boxes(
    name: str, kind: str, mode: str, saved: dict[str, Any], tmp_path: Path
) -> None:
    data = photographed(kind, mode=mode, **saved)
    (tmp_path / name).write_bytes(data)
    recogniser = find_recogniser("eng")
    assert recogniser is not None
    with Parser() as parser:
        document = parser.parse(tmp_path / name, recognition=Recognition(recogniser=recogniser)).document
        assert " ".join(document.text.split()) == " ".join(LINES)
        assert (document.media_type.partition("/")[0], document.page_starts) == ("image", (0,))
        (page,) = document.recognised
        start = document.text.index(LINES[1])
        view = parser.draw_page(
            data, page=1, text=document.text, spans=[(start, start + len(LINES[1]))], words=page.words
        )
    assert view.matched
    (box,) = view.boxes
    per_inch = 150 if kind != "WEBP" else 96  # which does not say
    left, top = 60 * 72 / per_inch, 120 * 72 / per_inch
    assert overlap(box, (left - 2, top - 2, left + 660 * 72 / per_inch, top + 44 * 72 / per_inch)) > 0.9
    shown = Image.open(BytesIO(view.image))
    assert shown.width / shown.height == pytest.approx(2, abs=0.01)
    assert view.width == pytest.approx(1200 * 72 / per_inch, abs=1)


def test_without_tesseract_a_picture_says_so_and_with_it_it_is_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "notice.png"
    file.write_bytes(photographed("PNG"))
    embedder = WordCountEmbedder(["ferries"])

    def ingested(recogniser: Recogniser | None) -> str:
        options = IngestOptions(recogniser=recogniser)
        (outcome,) = ingest_paths(store, embedder, parser, [file], options=options).outcomes
        return outcome.outcome

    with Store.open(tmp_path / "data") as store, Parser() as parser:
        assert ingested(None) == "failed"
        (row,) = store.documents()
        assert (row.state, row.problem) == ("failed", "no_text")
        assert row.reason == "This is a picture: its words are not text that can be read."
        assert "install Tesseract" in row.hint
        assert ingested(Fixed()) == "changed"
        (row,) = store.documents()
        assert (row.state, row.media_type, row.pages, row.has_pages) == ("ready", "image/png", 1, True)
        assert ingested(Fixed()) == "unchanged"


def test_each_page_of_a_tiff_is_a_page() -> None:
    first, second = (Image.open(BytesIO(photographed("PNG", lines=[line]))) for line in LINES)
    higher = second.resize((600, 900))
    packed = BytesIO()
    first.save(packed, format="TIFF", save_all=True, append_images=[higher], dpi=(150, 150))
    data = packed.getvalue()
    assert unread_pages(data) == [1, 2]
    document = load(data, "a.tif", recognised=[RecognisedPage(page=2, words=WORDS), RecognisedPage(page=1)])
    assert (document.text, document.page_starts) == ("Ferries sail.", (0, 0))
    assert draw(data, page=2, text="", spans=[]).height == pytest.approx(900 * 72 / 150, abs=1)
    assert problem(data, "a.tif", max_pages=1)[0] == "too_large"
    with pytest.raises(DocumentError, match="damaged"):
        picture(data, page=3)


def test_a_photograph_is_shown_as_the_camera_was_held() -> None:
    turned = Image.open(BytesIO(photographed("PNG"))).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # the right side of what is stored is the top
    packed = BytesIO()
    turned.save(packed, format="JPEG", exif=exif, dpi=(150, 150))
    data = packed.getvalue()
    upright = picture(data, page=1)
    assert upright.width == pytest.approx(576, abs=1)
    assert upright.height == pytest.approx(288, abs=1)
    read = load(data, "a.jpg", recognised=[RecognisedPage(page=1, words=WORDS)])
    view = draw(data, page=1, text=read.text, spans=[(0, 7)], words=WORDS)
    assert [(box.left, box.top) for box in view.boxes] == [(10, 10)]


def test_what_is_no_picture_or_a_broken_one_says_so() -> None:
    data = photographed("PNG")
    assert problem(data[: len(data) // 2])[0] == "damaged"
    assert problem(data[:16])[0] == "damaged"
    assert problem(b"<html>Not found</html>")[1] == "This is not a PNG file, although its name says so."
    assert problem(data, "a.txt")[0] == "binary"
    assert problem(data, recognised=[RecognisedPage(page=1)])[0] == "no_words"
    assert problem(photographed("GIF"), "a.gif")[0] == "unsupported"
    assert not supported("a.gif")


def test_a_picture_of_very_many_pixels_is_refused_before_it_is_unpacked() -> None:
    packed = BytesIO()
    Image.new("1", (20_000, 20_000)).save(packed, format="PNG")
    assert problem(packed.getvalue())[0] == "too_large"


@pytest.mark.parametrize("size", [(16, 16), (63, 64), (2_000, 8)])
def test_an_icon_is_not_worth_recognising(size: tuple[int, int]) -> None:
    packed = BytesIO()
    Image.new("L", size, 255).save(packed, format="PNG")
    assert problem(packed.getvalue()) == (
        "no_words",
        "The picture is too small to show words that could be read.",
    )


def test_a_large_picture_becomes_no_larger_page() -> None:
    packed = BytesIO()
    Image.new("L", (6_000, 4_000), 200).save(packed, format="JPEG", dpi=(600, 600))
    view = draw(packed.getvalue(), page=1, text="", spans=[])
    assert view.width == pytest.approx(720, abs=1)
    assert view.height == pytest.approx(480, abs=1)
    assert len(page_as_pdf(packed.getvalue(), 1, most_pixels=1_000_000)) < 100_000


@pytest.mark.parametrize("name", ["a.docx", "turn.1", "a.html"])
def test_text_recognition_leaves_the_cause_where_there_are_no_pages(name: str, tmp_path: Path) -> None:
    blank = b"<html><body></body></html>"
    bodies = {"a.docx": docx(lambda _: None), "turn.1": b".so man1/frob.1\n", "a.html": blank}
    (tmp_path / name).write_bytes(bodies[name])
    with Parser() as parser:
        causes = []
        for recognition in (None, Recognition(recogniser=Fixed())):
            with pytest.raises(DocumentError) as caught:
                parser.parse(tmp_path / name, recognition=recognition)
            causes.append((caught.value.problem, str(caught.value)))
    assert causes[0] == causes[1]
