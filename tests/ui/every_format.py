"""One document of each format that is shown as text, with what it is good for: tables, lists, code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from functools import cache
from typing import Any

from tests.index.files import docx
from tests.index.test_loaders_compressed import PAGE
from tests.index.test_loaders_epub import book
from tests.index.test_loaders_odf import SHEET, SLIDES, TEXT, odf
from tests.index.test_loaders_pptx import slides
from tests.index.test_loaders_source import PYTHON
from tests.index.test_loaders_xlsx import workbook

HTML = """<!doctype html><title>Ferries</title><h1>Ferries of the island</h1><p>They sail <b>daily</b>,
but not in storms &amp; on Sundays.</p><h2>Fares</h2>
<table><tr><th>Ticket<th>Price<tr><td>Adult | single<td>14.50
<tr><td>Dog<td>free</table><ul><li>Tickets are sold on board.<li>Children:
<ul><li>under six travel free</ul></ul>
<ol><li>Wait on the pier.<li>Board when the bell rings.</ol><pre>09:00  pier
  10:15  island</pre><p>Mind the <q>gap</q>.</p>"""
MARKDOWN = """---
title: Ferries
---
# Ferries of the *island*

They sail daily, but not
in storms.

Fares
-----

| Ticket | Price |
|:-------|------:|
| Adult  | 14.50 |
| Dog \\| cat | free |

- Tickets are sold on board.
- Children
  - under six travel free

> The captain decides,
> and his word is final.

```sh

ferry --to island | tee log
```

***

1. Wait on the pier.
2. Board when the bell rings.
"""
RST = """=======
Ferries
=======

They sail daily, but not
in storms.

Fares
-----

- Adults pay 14.50.
- Dogs sail free.
"""
PROSE = """The ferry

It leaves at nine | it comes back at four.
    Indented lines keep their place.

 - Dogs are welcome.
"""
JAVASCRIPT = "export class Ferry {\n\n  sail(to) {\n    return to || `island`;\n  }\n}\n"
CSV = "Ticket,Price,Remark\n" + "".join(
    f'Kind {number},{number}.50,"with a dog, or {number} cats"\n' for number in range(1, 120)
)
JSON = json.dumps({"ferry": {"name": "Ann", "decks": [1, 2]}, "trips": [{"day": "May 1", "guests": 310}] * 3})
JSON_LINES = "".join(json.dumps({"day": f"May {day}", "guests": 300 + day}) + "\n" for day in range(1, 9))


def _word(document: Any) -> None:
    document.add_heading("Ferries of the island", 0)
    document.add_paragraph("They sail daily, but not in storms.")
    document.add_heading("Fares", 1)
    rows = (("Ticket", "Class", "Price"), ("Adult", "second", "14.50"), ("Dog", "", "2.00"))
    table = document.add_table(rows=3, cols=3)
    for at, text in enumerate(text for row in rows for text in row):
        table.cell(at // 3, at % 3).text = text
    document.add_heading("On board", 2)
    for text in ("Tickets are sold on board.", "Dogs must be kept on a lead."):
        document.add_paragraph(text, style="List Bullet")


def _slides(presentation: Any) -> None:
    for title, text in (("Ferries", "They sail daily.\nDogs sail free."), ("Fares", "Adults pay 14.50.")):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
    table = slide.shapes.add_table(2, 2, 0, 0, 9_000_000, 3_000_000).table
    for at, text in enumerate(("Ticket", "Price", "Dog", "free")):
        table.cell(at // 2, at % 2).text = text


def _workbook(book: Any) -> None:
    book.active.title = "Fares"
    for row in (["Ticket", "Price"], ["Adult", 14.5], [], ["Dog", 0]):
        book.active.append(row)
    trips = book.create_sheet("Trips")
    for number in range(1, 60):
        trips.append(["Day", "Guests", "Remark"] if number == 1 else [f"May {number}", 300 + number, "full"])


def _mail() -> bytes:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "The ferry", "Ann <ann@example.org>", "bo@example.org"
    mail.set_content(
        "Dear Bo,\n\nthe ferry leaves at nine.\n\n> Does it sail on Sundays?\n> Or in storms?\n\nAnn\n"
    )
    mail.add_attachment(
        b"Ticket,Price\nAdult,14.50\nDog,free\n", maintype="text", subtype="csv", filename="a.csv"
    )
    return bytes(mail)


_MAKERS: Mapping[str, Callable[[], bytes]] = {
    "a.docx": lambda: docx(_word),
    "a.pptx": lambda: slides(_slides),
    "a.xlsx": lambda: workbook(_workbook),
    "a.csv": CSV.encode,
    "a.tsv": CSV.replace(",", "\t").encode,
    "a.html": HTML.encode,
    "a.epub": book,
    "a.md": MARKDOWN.encode,
    "a.rst": RST.encode,
    "a.txt": PROSE.encode,
    "a.py": PYTHON.encode,
    "a.js": JAVASCRIPT.encode,
    "a.toml": b"[ferry]\nname = 'Ann'\n\n[fares]\nadult = 14.5\n".__bytes__,
    "a.xml": b'<?xml version="1.0"?>\n<ferry name="Ann">\n  <deck/>\n</ferry>\n'.__bytes__,
    "a.json": JSON.encode,
    "a.jsonl": JSON_LINES.encode,
    "a.eml": _mail,
    "a.odt": lambda: odf("text", TEXT),
    "a.ods": lambda: odf("spreadsheet", SHEET),
    "a.odp": lambda: odf("presentation", SLIDES),
    "a.1": lambda: PAGE,
}
NAMES = tuple(_MAKERS)


@cache
def document_of(name: str) -> bytes:
    """The file of that name."""
    return _MAKERS[name]()
