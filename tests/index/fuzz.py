"""``python -m tests.index.fuzz --minutes N``: valid files, changed at random, through the real reader.

Each must give a document that keeps the promises of ``ParsedDocument``, or a ``DocumentError`` that is no
crash and no timeout. Whatever else happens is a finding: its bytes are kept, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from index.documents import ParsedDocument, RecognisedPage, RecognisedWord
from index.errors import DocumentError
from index.loaders import load
from index.loaders.names import is_picture_name
from index.parsing import ParseLimits, Parser
from index.recognition import Recognition
from seeds import sample_paths
from tests.index.files import docx, pdf
from tests.index.hostile_archives import KINDS, container
from tests.index.hostile_pdf import one_page
from tests.index.scans import Fixed
from tests.index.test_loaders_compressed import MDOC, PAGE
from tests.index.test_loaders_epub import book
from tests.index.test_loaders_odf import SHEET, SLIDES, TEXT, odf
from tests.index.test_loaders_pptx import slides, two_slides
from tests.index.test_loaders_xlsx import sheet

LIMITS = ParseLimits(cpu_seconds=10, wall_seconds=30)
PATIENCE_BYTES = 2_000_000  # a larger one may take its time

# What formats give a meaning to.
TOKENS = (
    *(b"<", b">", b"&", b"]]>", b"<!--", b"<![CDATA[", b"<!DOCTYPE x [", b"&#0;", b"&#xD800;", b"</"),
    *(
        b"<w:tbl>",
        b"<w:p>",
        b"<w:numId w:val='-1'/>",
        b"<table>",
        b"<pre>",
        b"<ol start=999999999>",
        b"<plaintext>",
    ),
    *(
        b"endobj",
        b"endstream",
        b"stream\n",
        b"/Kids [1 0 R]",
        b"/Length 99999999",
        b"/Prev 0",
        b"<<",
        b">>",
        b"[[[",
    ),
    *(b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"%PDF-", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80"),
    *(b"\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"-1", b"4294967296", b"1e999"),
    *(b"---\n", b"```", b"===\n", b"\r", b"\x1b[", b"\x08", b"| ", b"\xe2\x80\xae", b"\xf4\x8f\xbf\xbf"),
)


@cache
def small_seeds() -> dict[str, bytes]:
    """One or more small valid files of each format, by name."""
    word = _word_file()
    return {
        "a.pdf": pdf(["# Title", "Some words."], ["More words."], title="T", outline=[("Title", 0, 0)]),
        "b.pdf": one_page(),
        "a.docx": word,
        "b.docx": unpacked(word),
        "a.html": b"<!DOCTYPE html><title>T</title><h1>A</h1><table><tr><td>b<td>c</table><ul><li>d</ul>",
        "a.xhtml": b'<?xml version="1.0"?><html><body><p id="a">b<br/>c</p><pre>d\n e</pre></body></html>',
        "a.md": b"---\ntitle: T\n---\n# A *b*\n\ntext\n\nc\n===\n\n> ## d\n\n```\n# e\n```\n",
        "a.rst": b"=====\nTitle\n=====\n\nPart\n----\n\ntext\n",
        "a.txt": "wörds, ".encode() * 30,
        "b.txt": ("wörds, " * 30).encode("utf-16"),
        "a.csv": b'name,number\n"a, b",1\nc,2\n',
        "b.csv": b'Item;Price\nPump;12\n"Valve\nsmall";"3,50"\n\nSeal;1\n',
        "a.json": b'{"a": [1, 2.5e3, "b\\u00e9", null], "c": {"d": true, "e": [{"f": "g\\n"}]}}',
        "a.jsonl": b'{"a": 1, "b": [2]}\n["c", {"d": 3}]\n"e"\n',
        "a.xml": b'<?xml version="1.0"?><x a="1"><y>words</y><!-- z --></x>',
        "a.eml": b"From: a@example.org\nSubject: =?utf-8?q?W=C3=B6rds?=\n\nWords.\n",
        "b.eml": _mail_file(),
        "a.xlsx": unpacked(sheet(["Item", "Day"], ["Pump", date(2024, 3, 5)], [], ["Seal", 0.5])),
        "a.pptx": unpacked(slides(two_slides)),
        "a.epub": book(),
        "a.odt": odf("text", TEXT),
        "a.ods": odf("spreadsheet", SHEET),
        "a.odp": odf("presentation", SLIDES),
        "a.8": MDOC,
        "a.1.gz": gzip.compress(PAGE, mtime=0),
        **{f"a.{kind}": _picture_file(kind) for kind in ("png", "jpeg", "webp", "bmp", "tiff")},
        **{f"c.{kind}": unpacked(container(kind)) for kind in KINDS},
    }


@cache
def all_seeds() -> dict[str, bytes]:
    """The small ones and the documents that ship."""
    return small_seeds() | {path.name: path.read_bytes() for path in sample_paths()}


def read_seed(data: bytes, name: str) -> ParsedDocument:
    """A seed, changed or not, as its loader reads it here; of a picture as if one word was recognised.

    Raises:
        DocumentError: It cannot be read.
    """
    word = RecognisedWord("Ferries", left=10, top=10, right=60, bottom=22, line=0)
    recognised = [RecognisedPage(page=1, words=(word,))] if is_picture_name(name) else []
    return load(data, name, recognised=recognised)


def _word_file() -> bytes:
    def build(document: Any) -> None:
        document.add_heading("Title", 0)
        document.add_heading("Part", 1)
        document.add_paragraph("item", style="List Number")
        document.add_table(rows=2, cols=2).cell(0, 0).text = "cell"

    return docx(build)


def _picture_file(kind: str) -> bytes:
    buffer = BytesIO()
    picture = Image.radial_gradient("L").resize((80, 60))
    pages = (
        {"save_all": True, "append_images": [picture], "compression": "tiff_lzw"} if kind == "tiff" else {}
    )
    picture.save(buffer, format=kind, **pages)
    return buffer.getvalue()


def _mail_file() -> bytes:
    mail = EmailMessage()
    mail["Subject"], mail["From"] = "Größe", "Anna <anna@example.org>"
    mail.set_content("Plain words.")
    mail.add_alternative("<p>Marked words.</p>", subtype="html")
    mail.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="a.csv")
    return bytes(mail)


def unpacked(archive: bytes) -> bytes:
    """The same entries without compression, so that changes reach the XML."""
    return _repacked(archive, lambda _, data: data, zipfile.ZIP_STORED)


def _repacked(archive: bytes, change: Callable[[str, bytes], bytes], compression: int) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", compression) as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))  # the time of day would be among the bytes
            entry.compress_type = compression
            new.writestr(entry, change(name, old.read(name)))
    return buffer.getvalue()


def changed(data: bytes, rng: random.Random, others: Mapping[str, bytes]) -> bytes:
    """The bytes with one to four changes; the parts of an archive are sometimes changed inside it."""
    if data.startswith(b"PK\x03\x04") and rng.random() < 0.4:
        target = rng.choice(zipfile.ZipFile(BytesIO(data)).namelist())
        return _repacked(
            data,
            lambda name, part: _changed(part, rng, others) if name == target else part,
            zipfile.ZIP_DEFLATED,
        )
    return _changed(data, rng, others)


def _changed(data: bytes, rng: random.Random, others: Mapping[str, bytes]) -> bytes:
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not result:
            break
        position = rng.randrange(len(result))
        way = rng.randrange(8)
        if way == 0:
            del result[position:]
        elif way == 1:
            del result[position : position + rng.randrange(1, 60)]
        elif way == 2:
            piece = result[position : position + rng.randrange(1, 200)] * rng.choice((1, 1, 1, 50))
            target = rng.randrange(len(result))
            result[target:target] = piece
        elif way == 3:
            other = others[rng.choice(sorted(others))]
            start = rng.randrange(len(other))
            result[position : position + rng.randrange(200)] = other[start : start + rng.randrange(1, 2000)]
        elif way == 4:
            result[position:position] = rng.choice(TOKENS) * rng.choice((1, 1, 1, 3, 500))
        elif way == 5:
            token = rng.choice(TOKENS)
            result[position : position + len(token)] = token
        else:
            for _ in range(rng.choice((1, 3, 30))):
                result[rng.randrange(len(result))] = rng.randrange(256)
    return bytes(result)


def check(document: ParsedDocument) -> None:
    """What ``ParsedDocument`` promises."""
    for text in (document.text, document.title, *document.warnings):
        text.encode()
        assert "\0" not in text
    assert document.text.strip()
    assert list(document.page_starts) == sorted(document.page_starts)
    if document.page_starts:
        assert document.page_starts[0] == 0
        assert document.page_starts[-1] <= len(document.text)
    places = [locator.start for locator in document.locators]
    assert places == sorted(set(places))
    for locator in document.locators:
        assert locator.words.strip()
        assert 0 <= locator.start < len(document.text)
        locator.words.encode()
    starts = [heading.start for heading in document.headings]
    assert starts == sorted(set(starts))
    for heading in document.headings:
        assert heading.title
        assert heading.title in document.text[heading.start : heading.end]
        assert heading.level >= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One changed file and how it ended: ``document``, the problem of a DocumentError, or ``broken``."""

    number: int
    name: str
    data: bytes
    ending: str
    detail: str
    seconds: float

    @property
    def is_finding(self) -> bool:
        """Whether it must not happen."""
        slow = self.ending == "timeout" and len(self.data) < PATIENCE_BYTES
        return self.ending in ("broken", "crashed") or slow


def trials(parser: Parser, seed: int, *, names: Mapping[str, bytes] | None = None) -> Iterator[Trial]:
    """Without end; the same seed gives the same files."""
    originals = all_seeds() if names is None else names
    for number in range(sys.maxsize):
        rng = random.Random(f"{seed} {number}")
        name = rng.choice(sorted(originals))
        data = changed(originals[name], rng, originals)
        started = time.monotonic()
        ending, detail = "document", ""
        try:
            recognition = Recognition(recogniser=Fixed()) if is_picture_name(name) else None
            check(parser.read(data, name, recognition)[0])
        except DocumentError as exc:
            ending, detail = exc.problem, str(exc)
        except AssertionError as exc:
            ending, detail = "broken", f"a promise of ParsedDocument: {exc}"
        yield Trial(
            number=number,
            name=name,
            data=data,
            ending=ending,
            detail=detail,
            seconds=time.monotonic() - started,
        )


def main() -> int:
    """Run for some minutes and print what happened."""
    arguments = argparse.ArgumentParser(prog="python -m tests.index.fuzz", description=__doc__)
    arguments.add_argument("--minutes", type=float, default=5.0, metavar="N", help="how long (5)")
    arguments.add_argument("--seed", type=int, default=0, metavar="N", help="of the changes (0)")
    arguments.add_argument("--only", default="", metavar="END", help="names that end so, for example .pdf")
    arguments.add_argument(
        "--keep", type=Path, default=Path("runs/fuzz"), metavar="FOLDER", help="for findings"
    )
    given = arguments.parse_args()
    originals = {name: data for name, data in all_seeds().items() if name.endswith(given.only)}
    endings: Counter[tuple[str, str]] = Counter()
    slowest = 0.0
    findings = 0
    until = time.monotonic() + 60 * given.minutes
    with Parser(LIMITS) as parser:
        for trial in trials(parser, given.seed, names=originals):
            endings[Path(trial.name).suffix, trial.ending] += 1
            slowest = max(slowest, trial.seconds)
            if trial.is_finding:
                findings += 1
                given.keep.mkdir(parents=True, exist_ok=True)
                kept = given.keep / f"{given.seed}-{trial.number}-{trial.name}"
                kept.write_bytes(trial.data)
                print(f"{trial.ending}: {kept} ({trial.seconds:.1f} s) {trial.detail}", flush=True)
            if time.monotonic() > until:
                break
    for (suffix, ending), number in sorted(endings.items()):
        print(f"{suffix:<7} {ending:<12} {number:>8,}")
    print(f"{endings.total():,} files, {findings} findings, the slowest took {slowest:.2f} s")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
