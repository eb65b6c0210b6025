"""PDF files by several producers, for the test that boxes stand around the words that they are for.

Two come with the development tools (reportlab, fpdf2), some are written here by hand, and Chromium prints
some where it is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.index.files import pdf
from tests.index.hostile_pdf import one_page, stream, written_pdf

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DEJAVU = next(
    (path for path in (Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),) if path.exists()), None
)

STORY = (
    "The ferry to the island leaves at nine in the morning and comes back at four in the afternoon. "
    "On Sundays it does not run at all, because the crew rests and the harbour office is closed. "
    "Tickets are sold on board; a return ticket costs 14.50 pounds, and children under six travel free. "
    "Dogs must be kept on a lead while they are on the upper deck (the lower one is for cars). "
    "In a storm the captain decides whether the ship sails, and his word is final."
)
MORE = (
    "The lighthouse was built in 1874 by two brothers who had never seen the sea before. "
    "Its lamp burned oil for sixty years, until a cable was laid from the mainland. "
    "Visitors may climb the 212 steps between May and September, at their own risk. "
    "From the gallery one sees the whole coast, and on clear days the hills behind it. "
    "A keeper still lives in the house beside it, with a cat and a great many books."
)
ACCENTS = (
    "Im Café «Zürich» saßen fünf müde Gäste über ihren Entwürfen und schwiegen. "
    "L'été dernier, la forêt brûlait déjà près de Nîmes où nous étions allés. "
    "El niño comió piñas en la montaña, ¿verdad? Ça va très bien, señor."
)
JAPANESE = (
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"
    "何でも薄暗いじめじめした所で泣いていた事だけは記憶している。"
)
HEBREW = "הספינה יוצאת בשעה תשע בבוקר. היא חוזרת בארבע אחר הצהריים. הכרטיסים נמכרים על הסיפון."
ARABIC = "تغادر السفينة في التاسعة صباحا. وتعود في الرابعة بعد الظهر."
# As the old programs draw it that know no other direction: each line turned round before.
HEBREW_LINES = ("הספינה יוצאת בשעה תשע בבוקר. היא חוזרת", "בארבע אחר הצהריים. הכרטיסים נמכרים על הסיפון.")
MIXED_HEBREW = (
    'הספינה (האחרונה) יוצאת בשעה 9:30 בבוקר עם PDF Reader 12 וגם "אורחים", 50% הנחה; טלפון 03-1234567.'
)
MIXED_ARABIC = "سعر التذكرة 14.50 جنيها (للكبار) في عام 2024، انظر Figure 3 للتفاصيل."
POINTED = "لا إله إلا الله، السلامُ عليكم صَباحا، שָלום לכולם."
HYPHENATED = (
    "The installation of the new heating began with a long prepa-",
    "ration, and the well-known firm that did it called it a self-contained and low-",
    "maintenance system; the heating itself was delivered in May, as the part-",
    "ners had promised in the contract. A well-",
    "known engineer came with it to look after the heat-",
    "ing of the whole house.",
)

Maker = Callable[[], bytes]


def wrapped(text: str, width: int = 78) -> list[str]:
    """Lines of at most so many characters."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def changed(data: bytes, change: Callable[[Any], None]) -> bytes:
    """The file after something was changed on every page with pdfium."""
    import pypdfium2

    with pypdfium2.PdfDocument(data) as source:
        for page in source:
            change(page)
        buffer = BytesIO()
        source.save(buffer)
    return buffer.getvalue()


def turned(data: bytes, angle: int) -> bytes:
    """The same, shown turned by so many degrees."""
    return changed(data, lambda page: page.set_rotation(angle))


def cropped(data: bytes, *box: float) -> bytes:
    """The same, shown only within left, bottom, right, top."""
    return changed(data, lambda page: page.set_cropbox(*box))


# -- reportlab -----------------------------------------------------------------------------------


def flowing(
    *paragraphs: str, columns: int = 1, font: str = "Times-Roman", size: float = 11, justified: bool = True
) -> bytes:
    """Paragraphs as reportlab sets them: justified, over columns and pages."""
    from reportlab.lib.enums import TA_JUSTIFY, TA_LEFT
    from reportlab.lib.pagesizes import A5
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph

    buffer = BytesIO()
    document = BaseDocTemplate(buffer, pagesize=A5, invariant=1)
    width = (A5[0] - 80) / columns
    frames = [Frame(40 + i * width, 40, width - 8, A5[1] - 80) for i in range(columns)]
    document.addPageTemplates(PageTemplate(frames=frames))
    style = ParagraphStyle(
        "body",
        fontName=font,
        fontSize=size,
        leading=1.3 * size,
        spaceAfter=size,
        alignment=TA_JUSTIFY if justified else TA_LEFT,
    )
    document.build([Paragraph(text, style) for text in paragraphs])
    return buffer.getvalue()


def drawn(draw: Callable[[Any], None]) -> bytes:
    """One page of reportlab's canvas."""
    return pdf([], draw=lambda paper, _: draw(paper))


def columns_on_one_baseline(paper: Any) -> None:
    paper.setFont("Helvetica", 9)
    for x, text in ((60, STORY), (310, MORE)):
        for row, line in enumerate(wrapped(text, 46)):
            paper.drawString(x, 740 - 12 * row, line)


def turned_text(angle: int) -> Callable[[Any], None]:
    def draw(paper: Any) -> None:
        paper.translate(300, 400)
        paper.rotate(angle)
        paper.setFont("Helvetica", 11)
        for row, line in enumerate(wrapped(STORY)):
            paper.drawString(-240, 100 - 14 * row, line)

    return draw


def leaders(paper: Any) -> None:
    paper.setFont("Times-Roman", 11)
    for row, (title, page) in enumerate((("1 Travelling", 3), ("2 Fares and tickets", 14), ("3 Dogs", 27))):
        paper.drawString(72, 740 - 15 * row, f"{title} {'.' * (60 - len(title))} {page}")
    for row, line in enumerate(wrapped(STORY)):
        paper.drawString(72, 640 - 14 * row, line)


def _turned_lines(angle: int) -> bytes:
    return turned(pdf(wrapped(STORY)), angle)


def reportlab_table() -> bytes:
    from reportlab.lib import colors
    from reportlab.platypus import SimpleDocTemplate, Table, TableStyle

    rows = [["Month", "Trips", "Guests", "Remarks"]]
    rows += [["May", "31", "2,400", "first trips"], ["June", "30", "3,100", "two ships"]]
    rows += [["July", "31", "5,250", "all tickets sold"], ["August", "31", "5,900", "storm on the 12th"]]
    table = Table(rows)
    table.setStyle(TableStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.black)]))
    buffer = BytesIO()
    SimpleDocTemplate(buffer, invariant=1).build([table])
    return buffer.getvalue()


def handbook() -> bytes:
    """Running heads and page numbers, which the text leaves out."""

    def edges(paper: Any, number: int) -> None:
        paper.setFont("Helvetica", 9)
        paper.drawString(72, 810, "The ferry handbook")
        paper.drawRightString(520, 810, "Edition of May")
        paper.drawString(300, 30, str(number + 1))

    return pdf(*(wrapped(text) for text in (STORY, MORE, STORY, MORE)), draw=edges)


def with_a_form() -> bytes:
    def form(paper: Any, _number: int) -> None:
        paper.acroForm.textfield(name="who", value="Ann Example", x=200, y=500, width=200, height=20)

    return pdf([*wrapped(STORY), "Name of the guest:"], draw=form)


def vera() -> str:
    """A TrueType font that reportlab brings along, by the name that reportlab knows it by now."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
    return "Vera"


def japanese(paper: Any) -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont

    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiMin-W3"))
    paper.setFont("HeiseiMin-W3", 12)
    for row in range(0, len(JAPANESE), 25):
        paper.drawString(72, 740 - 18 * (row // 25), JAPANESE[row : row + 25])


def hebrew_turned_round(paper: Any) -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont("DejaVu", str(DEJAVU)))
    paper.setFont("DejaVu", 12)
    for row, line in enumerate(HEBREW_LINES):
        paper.drawRightString(520, 740 - 16 * row, line[::-1])


def by_reportlab() -> Iterator[tuple[str, Maker]]:
    yield "lines", lambda: pdf(wrapped(STORY), wrapped(MORE))
    yield "justified", lambda: flowing(STORY, MORE)
    yield "ragged", lambda: flowing(STORY, MORE, font="Courier", size=9, justified=False)
    yield "two columns", lambda: flowing(STORY, MORE, STORY, MORE, columns=2, size=9)
    yield "columns on one baseline", lambda: drawn(columns_on_one_baseline)
    yield "over pages", lambda: flowing(*(f"{STORY} {MORE}" for _ in range(6)), size=13)
    yield (
        "mixed fonts and sizes",
        lambda: flowing(
            "<b>The ferry</b> to the <i>island</i> leaves at <font size=16>nine</font> in the "
            '<font name="Courier">morning</font>. It comes back<super>1</super> at four, says '
            "H<sub>2</sub>O <u>weekly</u>. " + MORE
        ),
    )
    yield "accents", lambda: flowing(ACCENTS, font=vera())
    yield "japanese", lambda: drawn(japanese)
    yield "hyphenated", lambda: pdf(HYPHENATED)
    yield "table", reportlab_table
    yield "dot leaders", lambda: drawn(leaders)
    yield "running heads", handbook
    yield "form", with_a_form
    yield "headings", lambda: pdf(["# Ferries", *wrapped(STORY), "", "# Lighthouses", *wrapped(MORE)])
    for angle in (90, 180, 270):
        yield f"turned by {angle}", partial(_turned_lines, angle)
        yield f"text turned by {angle}", partial(drawn, turned_text(angle))
    yield "text and page turned", lambda: turned(drawn(turned_text(90)), 90)
    yield "cropped", lambda: cropped(pdf(wrapped(STORY)), 50, 600, 560, 800)
    yield "cropped and turned", lambda: turned(cropped(pdf(wrapped(STORY)), 50, 600, 560, 800), 270)
    if DEJAVU is not None:
        yield "hebrew", lambda: drawn(hebrew_turned_round)
    yield (
        "paper that begins elsewhere",
        lambda: changed(pdf(wrapped(STORY)), lambda page: page.set_mediabox(30, 500, 580, 830)),
    )


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


# -- Chromium ------------------------------------------------------------------------------------

_PAGES = {
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
        for name, html in _PAGES.items():
            yield name, partial(printed_by_chromium, html)
        for angle in (90, 270):
            yield f"right to left turned by {angle}", partial(_turned_from_right, angle)


def _turned_from_right(angle: int) -> bytes:
    return turned(printed_by_chromium(_PAGES["right to left"]), angle)


def every_pdf() -> Sequence[tuple[str, str, Maker]]:
    """Producer, name and maker of each file."""
    producers = (
        ("reportlab", by_reportlab),
        ("fpdf2", by_fpdf2),
        ("hand", by_hand),
        ("Chromium", by_chromium),
    )
    return [(producer, name, make) for producer, files in producers for name, make in files()]
