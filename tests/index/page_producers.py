"""PDF files by several producers, for the test that boxes stand around the words that they are for.

Two come with the development tools (reportlab, fpdf2), some are written here by hand, and where they are
installed, as in CI, Chromium prints some and groff typesets some.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.index.hostile_pdf import one_page, stream, written_pdf
from tests.index.page_fixtures import (
    ACCENTS,
    ARABIC,
    DEJAVU,
    HEBREW,
    HEBREW_LINES,
    MIXED_ARABIC,
    MIXED_HEBREW,
    MORE,
    POINTED,
    STORY,
    Maker,
    by_reportlab,
    turned,
    wrapped,
)

GROFF = shutil.which("groff") if shutil.which("gropdf") else None
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# -- fpdf2 ---------------------------------------------------------------------------------------


def fpdf(build: Callable[[Any], None], **options: Any) -> bytes:
    """A file of fpdf2; ``build`` fills it from its first page on."""
    from fpdf import FPDF

    document = FPDF(**options)
    document.set_font("Times", size=12)
    document.add_page()
    build(document)
    return bytes(document.output())


def fpdf_columns(document: Any) -> None:
    with document.text_columns(ncols=2, gutter=8, text_align="J") as columns:
        columns.write(f"{STORY}\n\n{MORE}")


def fpdf_table(document: Any) -> None:
    with document.table() as table:
        for cells in (("Item", "Price"), ("Return ticket", "14.50"), ("Dog, on a lead", "2.00")):
            row = table.row()
            for cell in cells:
                row.cell(cell)


def fpdf_font(text: str, font: Path) -> Callable[[Any], None]:
    def build(document: Any) -> None:
        document.add_font("Own", fname=str(font))
        document.set_font("Own", size=11)
        document.multi_cell(0, text=text)

    return build


def fpdf_spaced(document: Any) -> None:
    document.set_char_spacing(1.5)
    document.set_font("Helvetica", size=8)
    document.multi_cell(0, text=STORY)


def fpdf_markdown(document: Any) -> None:
    document.multi_cell(0, text=f"**{STORY[:60]}**{STORY[60:]} __{MORE}__", markdown=True)


def reportlab_fonts() -> Path:
    import reportlab

    return Path(str(reportlab.__file__)).with_name("fonts")


def by_fpdf2() -> Iterator[tuple[str, Maker]]:
    yield "ragged", lambda: fpdf(lambda it: it.multi_cell(0, text=f"{STORY}\n\n{MORE}", align="L"))
    yield "justified", lambda: fpdf(lambda it: it.multi_cell(0, text=f"{STORY}\n\n{MORE}", align="J"))
    yield "centred", lambda: fpdf(lambda it: it.multi_cell(0, text=STORY, align="C"))
    yield "accents", lambda: fpdf(fpdf_font(ACCENTS, reportlab_fonts() / "Vera.ttf"))
    yield "two columns", lambda: fpdf(fpdf_columns)
    yield "table", lambda: fpdf(fpdf_table)
    yield "landscape", lambda: fpdf(lambda it: it.multi_cell(0, text=STORY), orientation="L")
    yield "spaced letters", lambda: fpdf(fpdf_spaced)
    yield "bold and italic", lambda: fpdf(fpdf_markdown)
    yield (
        "over pages",
        lambda: fpdf(lambda it: it.multi_cell(0, text=f"{STORY} {MORE} " * 3), format=(100, 120)),
    )
    yield "small paper", lambda: fpdf(lambda it: it.multi_cell(0, text=MORE), format=(90, 120))
    if DEJAVU is not None:
        font = DEJAVU
        turned_round = "\n".join(line[::-1] for line in HEBREW_LINES)
        yield "hebrew", lambda: fpdf(fpdf_font(turned_round, font))
        yield "greek and cyrillic", lambda: fpdf(fpdf_font("Το πλοίο φεύγει. Паром уходит в девять.", font))


# -- by hand -------------------------------------------------------------------------------------


def written(*operators: str) -> bytes:
    """A page of these operators, with a font of the standard encoding."""
    content = stream(" ".join(("BT", *operators, "ET")).encode("latin-1"))
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman /Encoding /StandardEncoding >>"
    return one_page(content=content, font=font)


def kerned() -> bytes:
    shown = "".join(f"({letter}) {-20 if letter in 'aeiou' else 10} " for letter in "Wave after wave came.")
    return written("/F1 14 Tf 72 700 Td", f"[{shown}] TJ")


def words_set_apart() -> bytes:
    """No spaces: each word has a place of its own."""
    words = ["Every", "word", "has", "its", "own", "place", "here."]
    return written("/F1 12 Tf 72 700 Td", *(f"({word}) Tj {8 + 6 * len(word)} 0 Td" for word in words))


def from_below() -> bytes:
    """The last line is drawn first."""
    lines = wrapped(STORY.replace("(", "").replace(")", ""))
    placed = list(enumerate(lines))[::-1]
    return written("/F1 11 Tf", *(f"1 0 0 1 72 {700 - 14 * row} Tm ({line}) Tj" for row, line in placed))


def by_hand() -> Iterator[tuple[str, Maker]]:
    # \256 and \257 are the ligatures fi and fl of the standard encoding.
    yield (
        "ligatures",
        lambda: written(
            "/F1 12 Tf 72 700 Td (The of\\256cial \\257ag was \\256rst seen in a \\257ood.) Tj"
            " 0 -15 Td (It was \\256ne and \\257at, and of\\256cers saluted it.) Tj"
        ),
    )
    yield "kerned", kerned
    yield "words set apart", words_set_apart
    yield "from below", from_below
    yield "form that inherits its size", form_that_inherits_its_size
    yield (
        "scaled and slanted",
        lambda: written(
            "/F1 1 Tf 24 0 6 12 72 700 Tm (Wide and slanted letters stand here.) Tj",
            "10 0 0 10 72 660 Tm (Small ones stand below them.) Tj",
        ),
    )


def askew() -> bytes:
    """A line of red words that goes up to the right."""
    form = stream(
        b"BT 1 0 0 rg /F1 12 Tf 10 20 Td (Words in a form stand where it is put.) Tj ET",
        b"/Type /XObject /Subtype /Form /BBox [0 0 400 50] /Resources << /Font << /F1 5 0 R >> >>",
    )
    return written_pdf(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /XObject << /X 6 0 R >> >> >>",
            4: stream(b"q 0.9 0.4 -0.4 0.9 120 500 cm /X Do Q"),
            5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            6: form,
        }
    )


def form_that_inherits_its_size() -> bytes:
    """The pages have no size of their own but that of the whole file, and it is not that of Letter."""
    font = b"/Resources << /Font << /F1 5 0 R >> >>"
    return written_pdf(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] >> >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 420 900] >>",
            3: b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [6 0 R] " + font + b" >>",
            4: stream(b"BT /F1 12 Tf 50 860 Td (Fill in the name of the guest.) Tj ET"),
            5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            6: b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (guest) /V (Ann Example) /P 3 0 R /F 4"
            b" /Rect [50 820 250 840] /AP << /N 7 0 R >> >>",
            7: stream(
                b"BT /F1 12 Tf 2 5 Td (Ann Example comes on Friday.) Tj ET",
                b"/Type /XObject /Subtype /Form /BBox [0 0 200 20] " + font,
            ),
        }
    )


# -- Chromium ------------------------------------------------------------------------------------

PRINTED = {
    "article": f'<body lang=en style="font:12pt serif;text-align:justify;hyphens:auto;width:300px">'
    f"<h1>Official flags</h1><p>{STORY}</p><p>The first five officers found a flat field. {MORE}</p>",
    "columns": f'<body style="columns:2;font:10pt sans-serif"><p>{STORY}</p><p>{MORE}</p><p>{STORY}</p>',
    "table": "<table border=1><tr><th>Item<th>Price<tr><td>Return ticket<td>14.50"
    "<tr><td>Dog, on a lead<td>2.00</table><p>" + MORE,
    "right to left": f'<html dir=rtl><body style="font-size:14pt"><p>{HEBREW}</p><p>{ARABIC}</p>',
    "right to left with numbers and names": '<html dir=rtl><body style="font-size:14pt;width:400px">'
    f"<p>{MIXED_HEBREW}</p><p>{MIXED_ARABIC}</p>",
    "vowel signs": f'<html dir=rtl><body style="font-size:14pt"><p>{POINTED}</p>',
    "right to left in columns": '<html dir=rtl><body style="font:10pt sans-serif;columns:2">'
    f"<p>{HEBREW * 4}</p><p>{HEBREW * 4}</p>",
    "hebrew words in an english text": "<p>The Hebrew word שלום (peace) and the Arabic word سلام are 2 words."
    f"<p>{MORE}",
    "monospaced": f'<pre style="font-size:9pt;white-space:pre-wrap">def ferry():\n    return\n\n{MORE}</pre>',
}


def printed_by_chromium(html: str) -> bytes:
    """What Chromium prints of a page."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory() as folder:
        page, target = Path(folder, "page.html"), Path(folder, "page.pdf")
        page.write_text(f"<!doctype html><meta charset=utf-8>{html}", encoding="utf-8")
        subprocess.run(
            [
                *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--no-pdf-header-footer", f"--user-data-dir={folder}/profile", f"--print-to-pdf={target}"),
                page.as_uri(),
            ],
            check=True,
            timeout=120,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": folder},
        )
        return target.read_bytes()


def by_chromium() -> Iterator[tuple[str, Maker]]:
    if CHROMIUM is not None:
        for name, html in PRINTED.items():
            yield name, partial(printed_by_chromium, html)
        for angle in (90, 270):
            yield f"right to left turned by {angle}", partial(_turned_from_right, angle)


def _turned_from_right(angle: int) -> bytes:
    return turned(printed_by_chromium(PRINTED["right to left"]), angle)


# -- groff ---------------------------------------------------------------------------------------

_MANUSCRIPTS = {
    "article": f".TL\nFerries\n.NH\nTravelling\n.PP\n{STORY}\n.NH\nThe lighthouse\n.PP\n{MORE}\n",
    "two columns": f".2C\n.PP\n{STORY}\n.PP\n{MORE}\n.PP\n{STORY}\n.PP\n{MORE}\n",
    "narrow and hyphenated": f".nr LL 2.2i\n.PP\n{STORY}\n.PP\n{MORE}\n",
    "fonts and sizes": f".PP\nThe \\fBofficial\\fP \\fIflag\\fP is \\s+4large\\s-4, "
    f"and \\f(CWfixed\\fP. {MORE}\n",
    "table": ".TS\ntab(;) box;\nl l.\nItem;Price\nReturn ticket;14.50\nDog, on a lead;2.00\n.TE\n.PP\n"
    + MORE
    + "\n",
    "list": f".IP 1.\nWait on the pier.\n.IP 2.\nBoard when the bell rings.\n.LP\n{STORY}\n",
}


def typeset_by_groff(manuscript: str) -> bytes:
    """What groff makes of it with its macros ``ms``."""
    assert GROFF is not None
    made = subprocess.run(
        [GROFF, "-Tpdf", "-ms", "-t", "-Kutf8"],
        input=manuscript.encode(),
        check=True,
        timeout=60,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return made.stdout


def by_groff() -> Iterator[tuple[str, Maker]]:
    if GROFF is not None:
        for name, manuscript in _MANUSCRIPTS.items():
            yield name, partial(typeset_by_groff, manuscript)


def every_pdf() -> Sequence[tuple[str, str, Maker]]:
    """Producer, name and maker of each file."""
    producers = (
        ("reportlab", by_reportlab),
        ("fpdf2", by_fpdf2),
        ("hand", by_hand),
        ("Chromium", by_chromium),
        ("groff", by_groff),
    )
    return [(producer, name, make) for producer, files in producers for name, make in files()]
