"""Word files: order, headings, lists, tables, tracked changes, notes; and archives made to harm."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import pptx as python_pptx
import pytest
from docx.oxml import OxmlElement
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders import load
from tests.index.files import docx, docx_paragraphs, with_part, without

BODY = "word/document.xml"


def read(build: Callable[[Any], None]) -> ParsedDocument:
    return load(docx(build), "a.docx")


def read_body(xml: str) -> str:
    """The text of a file whose body is this; ``w`` is the prefix of Word's own elements."""

    def body(old: bytes) -> bytes:
        return old.partition(b"<w:body>")[0] + b"<w:body>" + xml.encode() + b"</w:body></w:document>"

    return load(with_part(docx_paragraphs("x"), BODY, body), "a.docx").text


def problem(data: bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        load(data, "a.docx")
    assert caught.value.hint
    return caught.value.problem


def test_headings_paragraphs_and_tables_come_in_order() -> None:
    def build(document: Any) -> None:
        document.add_heading("Ferry handbook", 0)
        document.add_heading("Fares", 1)
        document.add_paragraph("Tickets are  sold on board.")
        table = document.add_table(rows=2, cols=2)
        for cell, text in zip(
            (c for row in table.rows for c in row.cells), ("Who", "Price", "Dogs", "free"), strict=True
        ):
            cell.text = text
        document.add_heading("Islands", 2)
        document.add_paragraph("There are three\nof them.")

    document = read(build)
    assert document.text == (
        "Ferry handbook\n\nFares\n\nTickets are sold on board.\n\nWho | Price\nDogs | free\n\n"
        "Islands\n\nThere are three\nof them."
    )
    assert document.title == "Ferry handbook"
    assert [(h.level, h.title, document.text[h.start : h.end]) for h in document.headings] == [
        (1, "Fares", "Fares"),
        (2, "Islands", "Islands"),
    ]


def test_list_items_carry_the_labels_that_word_shows() -> None:
    def build(document: Any) -> None:
        document.add_paragraph("Bring:")
        document.add_paragraph("a coat", style="List Bullet")
        document.add_paragraph("food", style="List Bullet")
        document.add_paragraph("Then:")
        document.add_paragraph("board", style="List Number")
        document.add_paragraph("sail", style="List Number")

    assert read(build).text == "Bring:\n\n- a coat\n- food\n\nThen:\n\n1. board\n2. sail"


NUMBERING = b"""<?xml version="1.0"?>
<w:numbering xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">
<w:abstractNum w:abstractNumId="0">
<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl>
<w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="(%3)"/></w:lvl>
<w:lvl w:ilvl="3"><w:start w:val="4"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%4"/></w:lvl>
</w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="0"/>
<w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>
</w:numbering>"""


def test_nested_numbers_count_as_word_counts() -> None:
    items = [
        ("1", 0),
        ("1", 1),
        ("1", 1),
        ("1", 2),
        ("1", 3),
        ("1", 0),
        ("1", 1),
        ("2", 0),
        ("2", 0),
        ("9", 0),
    ]
    body = "".join(
        f'<w:p><w:pPr><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr></w:pPr>'
        f"<w:r><w:t>x</w:t></w:r></w:p>"
        for number, level in items
    )
    data = with_part(
        docx_paragraphs("x"),
        BODY,
        lambda old: old.partition(b"<w:body>")[0] + f"<w:body>{body}</w:body></w:document>".encode(),
    )
    text = load(with_part(data, "word/numbering.xml", lambda _: NUMBERING), "a.docx").text
    labels = [line.removesuffix("x").strip() for line in text.replace("\n\n", "\n").split("\n")]
    assert labels == ["1.", "1.1", "1.2", "(a)", "IV", "2.", "2.1", "7.", "8.", ""]


def test_a_heading_style_is_known_by_its_name_and_by_inheritance() -> None:
    def build(document: Any) -> None:
        from docx.enum.style import WD_STYLE_TYPE

        style = document.styles.add_style("Kapitel", WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = document.styles["Heading 2"]
        document.add_paragraph("Fares", style="Kapitel")
        document.add_paragraph("Text.")

    assert [(h.level, h.title) for h in read(build).headings] == [(2, "Fares")]


def run(inside: str) -> str:
    return f"<w:r>{inside}</w:r>"


def words(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        (
            f"<w:p><w:ins>{words('new')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del></w:p>",
            "new",
        ),
        (f"<w:sdt><w:sdtContent><w:p>{words('controlled')}</w:p></w:sdtContent></w:sdt>", "controlled"),
        (
            "<w:p><w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr>"
            f"<w:sdtContent>{words('Click here')}</w:sdtContent></w:sdt>{words('real')}</w:p>",
            "real",
        ),
        (f"<w:p>{run('<w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t>')}{words('seen')}</w:p>", "seen"),
        (
            f"<w:p>{run('<w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/>')}</w:p>",
            "a b\nc-",
        ),
        (
            f"<w:p><w:hyperlink>{words('link')}</w:hyperlink>{run('<w:instrText>PAGE</w:instrText>')}</w:p>",
            "link",
        ),
        (f"<w:p><w:r><w:sym w:char='F0E0'/></w:r>{words(' on')}</w:p>", "→ on"),
        (
            f"<w:p>{words('before')}<w:r><w:pict><w:txbxContent><w:p>{words('boxed')}</w:p></w:txbxContent>"
            f"</w:pict></w:r>{words(' after')}</w:p>",
            "before after\n\nboxed",
        ),
        (f"<w:tbl><w:tr><w:tc><w:p>{words('only cell')}</w:p></w:tc></w:tr></w:tbl>", "only cell"),
    ],
)
def test_what_a_reader_sees_is_read(xml: str, text: str) -> None:
    assert read_body(xml) == text


def test_footnotes_follow_the_text_under_their_marks() -> None:
    notes = (
        b'<w:footnotes xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        b'<w:footnote w:id="0"><w:p/></w:footnote>'
        b'<w:footnote w:id="5"><w:p><w:r><w:t>Except on Sundays.</w:t></w:r></w:p></w:footnote></w:footnotes>'
    )
    body = "<w:p><w:r><w:t>It runs daily.</w:t></w:r><w:r><w:footnoteReference w:id='5'/></w:r></w:p>"
    data = with_part(docx_paragraphs("x"), "word/footnotes.xml", lambda _: notes)
    data = with_part(
        data,
        "word/_rels/document.xml.rels",
        lambda old: old.replace(
            b"</Relationships>",
            b'<Relationship Id="rIdF" Type="http://x/footnotes" Target="footnotes.xml"/></Relationships>',
        ),
    )
    data = with_part(
        data,
        BODY,
        lambda old: old.partition(b"<w:body>")[0] + f"<w:body>{body}</w:body></w:document>".encode(),
    )
    assert load(data, "a.docx").text == "It runs daily.[1]\n\n[1] Except on Sundays."


def test_the_strict_variant_of_the_format_is_read() -> None:
    def strict(old: bytes) -> bytes:
        return old.replace(
            b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
            b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        )

    assert load(with_part(docx_paragraphs("Hello."), BODY, strict), "a.docx").text == "Hello."


def test_a_title_comes_from_the_properties_when_no_paragraph_is_one() -> None:
    def build(document: Any) -> None:
        document.core_properties.title = "Ferry handbook"
        document.add_paragraph("Text.")

    assert read(build).title == "Ferry handbook"


def test_pictures_only_is_no_text() -> None:
    assert problem(docx_paragraphs("")) == "no_text"


def test_a_truncated_file_is_damaged() -> None:
    data = docx_paragraphs("Hello.")
    assert problem(data[:-100]) == "damaged"
    assert problem(data[: len(data) // 2]) == "damaged"
    assert problem(b"PK\x03\x04" + bytes(100)) == "damaged"


BOMB = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><d>&b;</d>'
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>'


@pytest.mark.parametrize("attack", [BOMB, OUTSIDE, BOMB.decode().encode("utf-16")])
def test_entities_are_not_expanded(attack: bytes) -> None:
    assert problem(with_part(docx_paragraphs("x"), BODY, lambda _: attack)) == "damaged"


def test_deep_nesting_is_damaged_and_no_crash() -> None:
    depth = 50_000
    with pytest.raises(DocumentError) as caught:
        read_body("<w:sdt>" * depth + "</w:sdt>" * depth)
    assert caught.value.problem == "damaged"


def archive(entries: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return buffer.getvalue()


def test_a_zip_bomb_is_not_unpacked() -> None:
    assert problem(archive({BODY: b"<w:document>" + b" " * (20 << 20)})) == "too_large"


def test_a_declared_size_is_not_believed() -> None:
    data = bytearray(archive({BODY: bytes(50 << 20)}))
    position = data.rfind(b"PK\x01\x02")
    data[position + 24 : position + 28] = (100).to_bytes(4, "little")  # uncompressed size
    assert problem(bytes(data)) in ("too_large", "damaged")


def test_archives_with_odd_names_or_too_many_parts_are_refused() -> None:
    assert problem(archive({"../evil": b"", BODY: b"<d/>"})) == "too_large"
    assert problem(archive({"/etc/evil": b"", BODY: b"<d/>"})) == "too_large"
    assert problem(archive({BODY: b"<d/>"} | {f"word/{i}": b"" for i in range(2_000)})) == "too_large"


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"[Content_Types].xml": b"", "xl/workbook.bin": b""}, "Excel"),
        ({"photo.jpg": b""}, "archive"),
    ],
)
def test_other_zip_archives_are_called_by_their_name(entries: dict[str, bytes], words: str) -> None:
    with pytest.raises(DocumentError, match=words) as caught:
        load(archive(entries), "a.zip")
    assert caught.value.problem == "unsupported"


def word_table(document: Any, rows: Sequence[Sequence[str]], *, named: bool) -> Any:
    table = document.add_table(rows=len(rows), cols=len(rows[0]))
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    if named:
        table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    return table


def test_rows_repeat_the_names_of_their_columns() -> None:
    rows = (("Who", "Price"), ("Dogs", "free"), ("Adults", "14.50"))
    named = load(docx(lambda document: word_table(document, rows, named=True)), "a.docx").text
    assert named == "Who | Price\nWho: Dogs | Price: free\nWho: Adults | Price: 14.50"
    # Two columns without a header may as well be names and values.
    assert load(docx(lambda document: word_table(document, rows, named=False)), "a.docx").text == (
        "Who | Price\nDogs | free\nAdults | 14.50"
    )
    wide = (("Month", "Ship", "Guests"), ("May", "Ann", "310"), ("June", "Bea", "290"))
    assert load(docx(lambda document: word_table(document, wide, named=False)), "a.docx").text == (
        "Month | Ship | Guests\nMonth: May | Ship: Ann | Guests: 310\nMonth: June | Ship: Bea | Guests: 290"
    )


def test_merged_cells_keep_their_columns() -> None:
    def build(document: Any) -> None:
        rows = (("Month", "Ship", "Guests"), ("May", "Ann", "310"), ("", "none", ""), ("June", "Bea", "5"))
        table = word_table(document, rows, named=True)
        table.cell(1, 0).merge(table.cell(2, 0))
        table.cell(2, 1).merge(table.cell(2, 2))

    assert load(docx(build), "a.docx").text == (
        "Month | Ship | Guests\nMonth: May | Ship: Ann | Guests: 310\n"
        "Month: May | Ship: none\nMonth: June | Ship: Bea | Guests: 5"
    )


def test_a_table_inside_a_cell_is_a_table_of_its_own() -> None:
    def build(document: Any) -> None:
        table = word_table(document, (("Left", "Right"), ("Words", "")), named=True)
        inner = table.cell(1, 1).add_table(rows=2, cols=2)
        for at, text in enumerate(("Item", "Price", "Pump", "12")):
            inner.cell(at // 2, at % 2).text = text
        inner.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))

    assert load(docx(build), "a.docx").text == (
        "Left | Right\n\nWords\n\nItem | Price\nItem: Pump | Price: 12"
    )


def with_chart(document: Any) -> None:
    """Three paragraphs; the second holds a chart, drawn twice."""
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part
    from docx.oxml import parse_xml

    data: Any = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["May", "June"]
    data.add_series("Adults", (310, 290.5))
    presentation = python_pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    made = slide.shapes.add_chart(XL_CHART_TYPE.LINE, 0, 0, 9_000_000, 3_000_000, data).chart
    made.has_title = True
    made.chart_title.text_frame.text = "Guests of the ferry"
    kind = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
    package = document.part.package
    chart = Part(PackURI("/word/charts/chart1.xml"), kind, made.part.blob, package)
    relation = document.part.relate_to(
        chart, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/chart"
    )
    document.add_paragraph("Before the chart.")
    drawing = (
        '<w:drawing xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
        ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        '<a:graphic><a:graphicData><c:chart xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
        ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
        f' r:id="{relation}"/></a:graphicData></a:graphic></w:drawing>'
    )
    run = document.add_paragraph("As the chart says:").add_run()
    for _ in range(2):
        run._r.append(parse_xml(drawing))
    document.add_paragraph("After the chart.")


def test_a_chart_has_its_title_and_the_numbers_it_draws_where_it_stands() -> None:
    assert read(with_chart).text == (
        "Before the chart.\n\nAs the chart says:\n\nGuests of the ferry\n\n"
        "Category | Adults\nCategory: May | Adults: 310\nCategory: June | Adults: 290.5\n\nAfter the chart."
    )


def test_a_chart_that_is_gone_or_broken_takes_nothing_with_it() -> None:
    data = docx(with_chart)
    for broken in (
        without(data, "word/charts/chart1.xml"),
        with_part(data, "word/charts/chart1.xml", lambda _: b"<c"),
    ):
        assert load(broken, "a.docx").text == "Before the chart.\n\nAs the chart says:\n\nAfter the chart."
