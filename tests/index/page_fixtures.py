"""PDF files by reportlab, and the texts of all sample PDFs: boxes must stand around their words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.index.files import pdf

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
