"""Scans, drawn by the tests, and a recogniser that needs no Tesseract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from index.documents import RecognisedWord
from index.page_images import PageBox, Picture
from index.recognition import Recogniser, RecognitionLimits

DOTS = 200  # to the inch, of the pictures that tests draw

Place = tuple[float, float, float, float]  # left, top, right, bottom in points


def overlap(box: PageBox, place: Place) -> float:
    """Share of the box that lies in the place."""
    width = min(box.left + box.width, place[2]) - max(box.left, place[0])
    height = min(box.top + box.height, place[3]) - max(box.top, place[1])
    return max(width, 0.0) * max(height, 0.0) / (box.width * box.height)


def scanned(*pages: Sequence[str]) -> tuple[bytes, list[dict[str, Place]]]:
    """A PDF of pictures with lines of text; and for each page, where each line was drawn."""
    font = ImageFont.load_default(size=34)
    images: list[Image.Image] = []
    places: list[dict[str, Place]] = []
    for lines in pages:
        image = Image.new("L", (8 * DOTS, 11 * DOTS), 255)
        draw = ImageDraw.Draw(image)
        found: dict[str, Place] = {}
        for number, line in enumerate(lines):
            at = (DOTS, DOTS + 60 * number)
            draw.text(at, line, font=font, fill=0)
            left, top, right, bottom = (72 / DOTS * each for each in draw.textbbox(at, line, font=font))
            found[line] = (left, top, right, bottom)
        images.append(image)
        places.append(found)
    packed = BytesIO()
    images[0].save(packed, format="PDF", resolution=DOTS, save_all=True, append_images=images[1:])
    return packed.getvalue(), places


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed(Recogniser):
    """Reads the same words on every page."""

    read: tuple[str, ...] = ("Ferries", "sail", "daily.")
    program: str = ""
    languages: tuple[str, ...] = ("eng",)

    def words(
        self, picture: Picture, languages: Sequence[str], limits: RecognitionLimits
    ) -> tuple[RecognisedWord, ...]:
        assert picture.png.startswith(b"\x89PNG")
        return tuple(
            RecognisedWord(text, 72.0 + 60 * at, 100.0, 120.0 + 60 * at, 112.0, 0)
            for at, text in enumerate(self.read)
        )
