"""Pictures (scans, photographs, screenshots): pages whose words only text recognition can read.

To be shown and recognised, a page of a picture becomes a PDF of one page; from there on it is like a scan.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from index.documents import ParsedDocument, RecognisedPage
from index.errors import DocumentError
from index.loaders.layout import Row, compose
from index.loaders.names import shows_no_words
from index.loaders.recognised import RecognisedLines, gave_up_on
from index.loaders.refusals import RECOGNISE, damaged, too_much_text

PIXELS_TO_READ = 12_000_000
PIXELS_TO_SHOW = 3_000_000
_MOST_PIXELS = 100_000_000
_DOTS = 96  # to the inch, where the file does not say: screenshots
_LEAST_DOTS, _MOST_DOTS = 50, 2_400  # what else a file says is no resolution
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
_QUALITY = 90


def is_picture(data: bytes) -> bool:
    """Whether a file begins as the pictures do that are read."""
    return (
        data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*"))
        or (data.startswith(b"RIFF") and data[8:12] == b"WEBP")
        or (data.startswith(b"BM") and data[6:10] == bytes(4))
    )


def load_picture(
    data: bytes,
    *,
    media_type: str,
    max_pages: int,
    max_chars: int,
    recognised: Sequence[RecognisedPage] = (),
) -> ParsedDocument:
    """The text that was recognised on its pages: one, or several in a TIFF.

    Raises:
        DocumentError: ``damaged``, ``too_large``; ``no_text`` as long as no page was recognised, ``no_words``
            when nothing was found on them, or it is too small for any.
    """
    with _opened(data) as image:
        count = _count(image)
        if count > max_pages:
            raise DocumentError(
                "too_large",
                f"It has {count:,} pages; the limit is {max_pages:,}.",
                hint="Split the file into smaller ones and index those.",
            )
        heights = [_size(image, page)[1] for page in range(1, count + 1)]
        if not recognised:
            if count == 1 and shows_no_words(*image.size):
                raise DocumentError(
                    "no_words",
                    "The picture is too small to show words that could be read.",
                    hint="If it is an icon, there is nothing to do; if it shows words, save it larger.",
                )
            _frame(image, 1).load()  # a damaged file is not one that could be recognised
            raise DocumentError(
                "no_text", "This is a picture: its words are not text that can be read.", hint=RECOGNISE
            )
    pages: list[list[Row]] = [[] for _ in heights]
    for each in recognised:
        if 1 <= each.page <= count:
            pages[each.page - 1] = list(RecognisedLines(each.words, heights[each.page - 1]).rows())
    if not any(pages):
        raise DocumentError(
            "no_words",
            "Text recognition (OCR) found no words on this picture.",
            hint="If it shows some, scan or photograph it again, upright, sharp and large enough to be read.",
        )
    if sum(len(line.text) for rows in pages for row in rows for line in row) > max_chars:
        raise too_much_text(max_chars)
    composed = compose(pages, [])
    given_up = [each.page for each in recognised if each.gave_up]
    return ParsedDocument(
        text=composed.text,
        title=composed.title,
        media_type=media_type,
        page_starts=composed.page_starts,
        headings=composed.headings,
        warnings=(gave_up_on(given_up),) if given_up else (),
        recognised=tuple(recognised),
    )


def pages_of_picture(data: bytes) -> list[int]:
    """Its pages, none of which has a text; the first is 1.

    Raises:
        DocumentError: As :func:`load_picture`.
    """
    with _opened(data) as image:
        return list(range(1, _count(image) + 1))


def page_as_pdf(data: bytes, page: int, *, most_pixels: int) -> bytes:
    """One page of a picture as a PDF, as large in points as the picture says that it is.

    Raises:
        DocumentError: ``damaged``, also where there is no such page.
    """
    with _opened(data) as image:
        if not 1 <= page <= _count(image):
            raise damaged()
        width, _ = _size(image, page)
        frame = _frame(image, page)
        frame.draft("RGB", _fitting(frame.size, most_pixels))  # a JPEG can be read smaller at once
        frame = ImageOps.exif_transpose(frame)
        if frame.mode not in ("L", "RGB"):
            frame = _on_white(frame)
        frame.thumbnail(_fitting(frame.size, most_pixels))
        packed = BytesIO()
        frame.save(packed, format="PDF", resolution=72 * frame.width / width, quality=_QUALITY)
        return packed.getvalue()


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """Translates what Pillow says of a broken file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what can be read all the same, and of many pixels, see below
            with Image.open(BytesIO(data), formats=_FORMATS) as image:
                yield image
    except Image.DecompressionBombError as exc:
        raise _too_many_pixels() from exc
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        LookupError,
        TypeError,
    ) as exc:
        raise damaged() from exc


def _count(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1  # others are animations


def _frame(image: Image.Image, page: int) -> Image.Image:
    if page > 1 or image.format == "TIFF":
        image.seek(page - 1)
    if image.width * image.height > _MOST_PIXELS:
        raise _too_many_pixels()
    return image


def _too_many_pixels() -> DocumentError:
    return DocumentError(
        "too_large",
        f"It has more than {_MOST_PIXELS // 1_000_000} million pixels.",
        hint="Save it smaller, or cut it into several pictures, and index those.",
    )


def _size(image: Image.Image, page: int) -> tuple[float, float]:
    """Width and height in points of a page as it is shown, turned as the camera says."""
    frame = _frame(image, page)
    said = frame.info.get("dpi", (0, 0))
    dots = float(said[0]) if isinstance(said, tuple) and said else 0.0
    points = 72 / (dots if _LEAST_DOTS <= dots <= _MOST_DOTS else _DOTS)
    width, height = frame.width * points, frame.height * points
    turned = frame.getexif().get(0x0112, 1) in (5, 6, 7, 8)  # its tag Orientation
    return (height, width) if turned else (width, height)


def _fitting(size: tuple[int, int], most_pixels: int) -> tuple[int, int]:
    share = min(1.0, math.sqrt(most_pixels / max(size[0] * size[1], 1)))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _on_white(frame: Image.Image) -> Image.Image:
    """Without transparency: what is behind a page is paper."""
    if frame.mode in ("1", "I", "I;16", "F"):
        return frame.convert("L")
    if frame.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in frame.info:
        frame = frame.convert("RGBA")
        paper = Image.new("RGBA", frame.size, "white")
        paper.alpha_composite(frame)
        frame = paper
    return frame.convert("RGB")
