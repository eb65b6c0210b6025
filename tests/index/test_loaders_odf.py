"""OpenDocument: texts, presentations and spreadsheets."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from index.errors import DocumentError
from index.loaders import load
from index.loaders.names import supported

_NAMES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
    for short, long in [("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"),
                        ("presentation", "presentation")]
)  # fmt: skip


def odf(kind: str, content: str, **more: str) -> bytes:
    entries = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": f"<office:document-content {_NAMES}><office:body><office:{kind}>{content}"
        f"</office:{kind}></office:body></office:document-content>",
    } | more
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


TEXT = """<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>
<text:h text:outline-level="1">The dam</text:h><text:p>It is <text:span>old</text:span><text:s/>and
 tall.<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Built 1931.</text:p>
</text:note-body></text:note></text:p><text:section><text:list><text:list-item><text:p>One</text:p><text:list>
<text:list-item><text:p>Inner</text:p></text:list-item></text:list></text:list-item><text:list-item>
<text:p>Two</text:p></text:list-item></text:list></text:section><table:table><table:table-header-rows>
<table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p>
</table:table-cell></table:table-row></table:table-header-rows><table:table-row><table:table-cell/>
<table:table-cell><text:p>c</text:p></table:table-cell></table:table-row></table:table>"""
SHEET = """<table:table table:name="Prices"><table:table-row><table:table-cell><text:p>Item</text:p>
</table:table-cell><table:table-cell><text:p>Price</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="1024"/>
</table:table-row><table:table-row><table:table-cell><text:p>Pump</text:p></table:table-cell><table:table-cell>
<text:p>12,50 €</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="1048570"><table:table-cell/></table:table-row></table:table>"""
SLIDES = """<draw:page/>
<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Why now</text:p>
</draw:text-box></draw:frame>
<draw:frame presentation:class="outline"><draw:text-box><text:list><text:list-item>
<text:p>It leaks.</text:p></text:list-item></text:list></draw:text-box></draw:frame><presentation:notes>
<draw:frame><draw:text-box><text:p>Mention 2013.</text:p></draw:text-box></draw:frame></presentation:notes>
</draw:page>"""


def test_a_text_has_headings_lists_tables_and_notes() -> None:
    document = load(odf("text", TEXT), "a.odt")
    assert document.text == (
        "The dam\n\nIt is old and tall. [Built 1931.]\n\n- One\n  - Inner\n- Two\n\na | b\nb: c"
    )
    assert document.title == "The dam"
    assert [(h.level, h.title) for h in document.headings] == [(1, "The dam")]
    assert document.media_type == "application/vnd.oasis.opendocument.text"


def test_what_is_merged_over_rows_is_said_in_each() -> None:
    def cell(text: str, **more: str) -> str:
        said = "".join(f' table:{name.replace("_", "-")}="{value}"' for name, value in more.items())
        return f"<table:table-cell{said}><text:p>{text}</text:p></table:table-cell>"

    rows = (
        cell("Month") + cell("Ship") + cell("Guests"),
        cell("May", number_rows_spanned="2") + cell("Ann") + cell("310"),
        "<table:covered-table-cell/>" + cell("Bea") + cell("290"),
    )
    table = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    for kind in ("text", "spreadsheet"):
        document = load(odf(kind, f'<table:table table:name="Trips">{table}</table:table>'), "a.odt")
        assert document.text.endswith(
            "Month: May | Ship: Ann | Guests: 310\nMonth: May | Ship: Bea | Guests: 290"
        )


def test_a_spreadsheet_has_rows_with_their_numbers() -> None:
    document = load(odf("spreadsheet", SHEET), "a.ods")
    assert document.text == "Prices\n\nItem | Price\nItem: Pump | Price: 12,50 €"
    assert document.locator_at(document.text.index("Pump")) == "sheet Prices, row 5"


def test_a_presentation_has_slides() -> None:
    document = load(odf("presentation", SLIDES), "a.odp")
    assert document.text == "Why now\n\n- It leaks.\n\nNotes\n\nMention 2013."
    assert document.locator_at(document.text.index("leaks")) == "slide 2"
    assert document.page_at(document.text.index("leaks")) == 2


def problem(data: bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        load(data, "a.odt")
    assert caught.value.hint.endswith(".")
    return caught.value.problem


def test_what_cannot_be_read_is_refused() -> None:
    assert supported("A.ODT")
    assert problem(odf("text", "")) == "no_text"
    assert problem(odf("text", "<text:p>")) == "damaged"
    assert problem(odf("drawing", "<draw:page/>")) == "unsupported"
    assert problem(odf("text", "<text:section>" * 900 + "</text:section>" * 900)) == "damaged"
    box = (
        "<text:p>"
        + "<draw:frame><draw:text-box><text:p>x" * 40
        + "</text:p></draw:text-box></draw:frame>" * 40
    )
    assert load(odf("text", box + "</text:p>"), "a.odt").text.count("x") == 40  # each once, not 2 ** 40 times
    encrypted = "<manifest><file-entry><encryption-data/></file-entry></manifest>"
    assert problem(odf("text", TEXT, **{"META-INF/manifest.xml": encrypted})) == "password"
    wide = '<table:table table:name="x"><table:table-row table:number-rows-repeated="1000"><table:table-cell'
    wide += ' table:number-columns-repeated="16000"><text:p>x</text:p></table:table-cell></table:table-row>'
    assert problem(odf("spreadsheet", wide + "</table:table>")) == "too_large"
