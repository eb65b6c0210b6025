"""Writes the two seed documents that are not plain text: the report (PDF) and its briefing note (DOCX).

Run it on purpose, after a change to the words below::

    .venv/bin/python -m tests.seeds.build_seeds

The same words give the same bytes on one machine: no clock and no random ids are in them.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle
from reportlab.platypus.flowables import Flowable

import seeds

REPORT = "border-plan.pdf"
BRIEFING = "border-plan-briefing.docx"

REPORT_TITLE = "A Guarded Border Instead of an Invasion"
REPORT_SUBTITLE = "What Washington is about to put to Israel over Rafah. A report, March 2024"

IN_BRIEF = """
The Biden administration is about to offer Israel several alternatives to a ground invasion of Rafah.

The core of the offer is a joint security initiative along the border between Gaza and Egypt.

Prime Minister Netanyahu of Israel has agreed to send a delegation to Washington to discuss the
proposals.
"""

# A page each; "#" and "##" are headings, a blank line ends a paragraph.
REPORT_PAGES = (
    """
# 1 Background

## 1.1 Worry about civilians

Worry about civilian casualties in the war in Gaza has been growing. The conflict between Israel and
Hamas has escalated, and Gaza is in a humanitarian crisis. The United States therefore presses Israel
for options that are less invasive than a full ground invasion.

## 1.2 A change of strategy

The American approach is a change of strategy. The new strategy is to contain and disrupt the military
capability of Hamas without putting the people of Gaza in further danger.
""",
    """
# 2 The proposal

## 2.1 A joint security initiative

Instead of a ground invasion of Rafah, the United States proposes a joint security initiative along
the border between Gaza and Egypt. The purpose of the initiative is to stop weapons from being
smuggled into Gaza. Three parties would take part in the border initiative: the United States, Egypt
and Israel.

## 2.2 What the initiative is for

The border initiative has two aims: fewer civilian casualties, and a way to meet the escalating
conflict with Hamas. Fortifying the border is also part of a wider effort to calm the situation and
to relieve the humanitarian crisis. The plan is a sign of the weight that international cooperation
and diplomacy carry.

## 2.3 Why Egypt takes part

Making Egypt part of the border plan is meant to stabilise the region and to lower the risk that Hamas
militants cross into Sinai.
""",
    """
# 3 Talks and outlook

## 3.1 A delegation to Washington

Prime Minister Netanyahu has agreed to send an Israeli delegation to Washington, where the American
proposals will be discussed. Sending the delegation is called a critical point for relations between
the United States and Israel, and for the war in Gaza.

## 3.2 What could follow

The offer is described as a turning point in the Middle East peace process. Guarding the border and
stopping the smuggling of arms are a pragmatic way to protect civilians and to keep the region
stable. The outcome of the talks between American and Israeli officials could shape the course of
the conflict and the search for peace.
""",
)

BRIEFING_TITLE = "Briefing note: the border initiative at Gaza and Egypt"
BRIEFING_LEAD = """
This note sums up the report “A Guarded Border Instead of an Invasion” on one page, for readers who
want the parties, the aims and the next step at a glance.
"""
PARTIES = (
    ("Party", "Part in the initiative"),
    ("United States", "Makes the offer to Israel and receives the Israeli delegation in Washington."),
    ("Israel", "Weighs the offer and sends a delegation to the talks."),
    ("Egypt", "Secures the border together with the other two, so that the region becomes more stable."),
)
AIMS = (
    "Keep weapons from reaching Gaza across the Egyptian border.",
    "Spare civilians: a guarded border is meant to endanger fewer lives than a full invasion.",
    "Weaken Hamas by containing and disrupting what its fighters can do.",
    "Keep Hamas militants from crossing into the Sinai.",
    "Ease the humanitarian crisis by calming the situation.",
)
BRIEFING_QUESTIONS = """
## Why does Washington want another way?

American concern over civilian casualties has risen, and Washington looks for means that are less
invasive than sending an army into Rafah.

## What part does diplomacy play?

Three governments would act together at the border. The report sees in that the importance of
international cooperation and diplomacy.

## What happens next?

Israeli envoys travel to Washington and talk the alternatives over with American officials. How those
talks end could decide which way the war and the efforts for peace go.
"""

_INK, _ACCENT, _RULE = "#1f2328", "#8a3b12", "#d9cfc0"


def _paragraphs(source: str) -> Iterator[tuple[int, str]]:
    """The level of each heading or 0 for running text, and its words on one line."""
    for block in source.strip().split("\n\n"):
        text = block.lstrip("#")
        yield len(block) - len(text), " ".join(text.split())


def build_report() -> bytes:
    """The report as a PDF of three A5 pages with a title in its metadata."""
    body = ParagraphStyle(
        "body", fontName="Times-Roman", fontSize=11.5, leading=17, spaceAfter=8, textColor=HexColor(_INK)
    )
    styles = {
        0: body,
        1: ParagraphStyle("h1", body, fontName="Helvetica-Bold", fontSize=16, leading=20, spaceAfter=8),
        2: ParagraphStyle(
            "h2",
            body,
            fontName="Helvetica-Bold",
            fontSize=11,
            leading=14,
            spaceBefore=8,
            spaceAfter=4,
            textColor=HexColor(_ACCENT),
        ),
    }
    title = ParagraphStyle("title", body, fontName="Helvetica-Bold", fontSize=21, leading=25, spaceAfter=6)
    subtitle = ParagraphStyle(
        "subtitle", body, fontName="Times-Italic", fontSize=11.5, leading=15, spaceAfter=12
    )
    story: list[Flowable] = [Paragraph(REPORT_TITLE, title), Paragraph(REPORT_SUBTITLE, subtitle)]
    story += [_in_brief(body, styles[2]), Spacer(1, 6 * mm)]
    for number, page in enumerate(REPORT_PAGES):
        if number:
            story.append(PageBreak())
        story += [Paragraph(text, styles[level]) for level, text in _paragraphs(page)]

    out = io.BytesIO()
    SimpleDocTemplate(
        out,
        pagesize=A5,
        leftMargin=19 * mm,
        rightMargin=19 * mm,
        topMargin=20 * mm,
        bottomMargin=20 * mm,
        title=REPORT_TITLE,
        author="Footnote samples",
        subject="Alternatives to a ground invasion of Rafah",
        lang="en",
        invariant=1,  # fixed dates and ids
        pageCompression=0,  # readable, and independent of the zlib at hand
    ).build(story, onFirstPage=_page_number, onLaterPages=_page_number)
    return out.getvalue()


def _in_brief(body: ParagraphStyle, heading: ParagraphStyle) -> Table:
    text = ParagraphStyle("brief", body, fontSize=11, leading=15, spaceAfter=4)
    label = ParagraphStyle("label", heading, spaceBefore=0)
    box = Table(
        [[[Paragraph("In brief", label), *(Paragraph(line, text) for _, line in _paragraphs(IN_BRIEF))]]]
    )
    box.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), HexColor("#f7f2ea")),
                ("LINEBEFORE", (0, 0), (0, -1), 2, HexColor(_ACCENT)),
                ("LEFTPADDING", (0, 0), (-1, -1), 10),
                ("RIGHTPADDING", (0, 0), (-1, -1), 10),
                ("TOPPADDING", (0, 0), (-1, -1), 8),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
            ]
        )
    )
    return box


def _page_number(canvas: Canvas, _template: SimpleDocTemplate) -> None:
    width, _ = A5
    canvas.saveState()
    canvas.setStrokeColor(HexColor(_RULE))
    canvas.line(19 * mm, 15 * mm, width - 19 * mm, 15 * mm)
    canvas.setFont("Helvetica", 8)
    canvas.setFillColor(HexColor("#6b6459"))
    canvas.drawRightString(width - 19 * mm, 10.5 * mm, str(canvas.getPageNumber()))
    canvas.restoreState()


def build_briefing() -> bytes:
    """The briefing note as a DOCX with headings, a table, a list, and questions with answers."""
    document = docx.Document()
    _drop_thumbnail(document)
    _set_look(document)
    document.add_heading(BRIEFING_TITLE, level=0)
    for _, text in _paragraphs(BRIEFING_LEAD):
        document.add_paragraph(text)
    document.add_heading("Who takes part", level=1)
    _add_table(document, PARTIES)
    document.add_heading("What the initiative is meant to do", level=1)
    for aim in AIMS:
        document.add_paragraph(aim, style="List Bullet")
    document.add_heading("Questions and answers", level=1)
    for level, text in _paragraphs(BRIEFING_QUESTIONS):
        if level:
            document.add_heading(text, level=level)
        else:
            document.add_paragraph(text)

    properties = document.core_properties
    properties.title = BRIEFING_TITLE
    properties.author = properties.last_modified_by = "Footnote samples"
    properties.comments = ""
    properties.created = properties.modified = datetime(2024, 3, 1, tzinfo=UTC).replace(tzinfo=None)
    out = io.BytesIO()
    document.save(out)
    return _with_fixed_dates(out.getvalue())


def _drop_thumbnail(document: Document) -> None:
    """The template that python-docx starts from carries a picture of its own empty page."""
    relations = document.part.package.rels
    for key in [key for key, relation in relations.items() if relation.reltype.endswith("/thumbnail")]:
        del relations[key]


def _set_look(document: Document) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.6)
    section.top_margin = section.bottom_margin = Cm(2.2)
    for name, size in (("Normal", 11), ("Title", 20), ("Heading 1", 13.5), ("Heading 2", 11.5)):
        style = document.styles[name]
        style.font.name = "Georgia" if name == "Normal" else "Arial"
        style.font.size = Pt(size)
        style.font.color.rgb = RGBColor.from_string((_INK if name == "Normal" else _ACCENT).lstrip("#"))
        # The template names theme fonts, which win over a plain name.
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for attribute in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{attribute}"), None)


def _add_table(document: Document, rows: Sequence[tuple[str, str]]) -> None:
    table = document.add_table(rows=0, cols=2, style="Table Grid")
    for number, (left, right) in enumerate(rows):
        cells = table.add_row().cells
        for cell, text, width in zip(cells, (left, right), (Cm(4), Cm(11.8)), strict=True):
            cell.width = width
            paragraph = cell.paragraphs[0]
            paragraph.alignment = WD_ALIGN_PARAGRAPH.LEFT
            paragraph.add_run(text).bold = number == 0
    repeated = OxmlElement("w:tblHeader")
    table.rows[0]._tr.get_or_add_trPr().append(repeated)


def _with_fixed_dates(package: bytes) -> bytes:
    """The same zip package with every member dated 1980-01-01."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def main() -> None:
    """Write both files into ``seeds/``."""
    folder = Path(seeds.__file__).parent
    (folder / REPORT).write_bytes(build_report())
    (folder / BRIEFING).write_bytes(build_briefing())


if __name__ == "__main__":
    main()
