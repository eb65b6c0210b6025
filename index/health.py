"""How well the text of a document came out of its file, measured when the file is read.

A file can be read without an error and still give little: scanned pages, letters that came out as others,
tables. What is measured here is shown beside the document, so that a person need not find out by asking.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

from index.blocks import is_table_row
from index.documents import ParsedDocument

GARBLED_SHARE = 0.01  # of the characters; with more, quotes and searches suffer

# U+FFFD stands for what could not be decoded; the private use areas mean what one font says they mean; the
# other control characters are dropped or turned into line ends when text is cleaned, but not in every format.
_SENSELESS = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010fffd\x00-\x08\x0e-\x1f\x7f-\x9f]")
_ROWS_OF_A_TABLE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was found in a document's text.

    Attributes:
        chars: Characters that are not white space, those that the reader had to leave out among them.
        garbled: Of them, those that say nothing: undecodable, of private use, control characters, and
            letters of a text that was decoded wrongly ("Ã©" for "é").
        textless_pages: Pages without text, the first is 1, ascending.
        unread_pages: Those of them that show something, and that text recognition could try: scans, drawings,
            fonts that cannot be read.
        tables: Runs of table rows.
        encrypted: The file is encrypted and opened without a password.
    """

    chars: int
    garbled: int
    textless_pages: tuple[int, ...]
    unread_pages: tuple[int, ...]
    tables: int
    encrypted: bool

    @property
    def garbled_share(self) -> float:
        """In [0, 1]."""
        return self.garbled / self.chars if self.chars else 0.0

    @property
    def is_garbled(self) -> bool:
        """Whether so much is garbled that it is worth doing something about."""
        return self.garbled_share >= GARBLED_SHARE


def health_of(document: ParsedDocument) -> Health:
    """Measure a document; linear in its length."""
    text = document.text
    noticed = document.noticed
    return Health(
        chars=len("".join(text.split())) + noticed.lost_chars,
        garbled=_garbled(text) + noticed.lost_chars,
        textless_pages=tuple(_textless_pages(document)),
        unread_pages=noticed.unread_pages,
        tables=_tables(text) + noticed.tables,
        encrypted=noticed.encrypted,
    )


def senseless_chars(text: str) -> int:
    """How many characters of a text stand for no letter that anybody could read."""
    return len(_SENSELESS.findall(text))


def _garbled(text: str) -> int:
    found = senseless_chars(text)
    if not text.isascii():
        # Imported when it is needed, by the process that reads documents.
        from ftfy.badness import BADNESS_RE

        found += sum(len(_SENSELESS.sub("", match)) for match in BADNESS_RE.findall(text))
    return found


def _textless_pages(document: ParsedDocument) -> Iterator[int]:
    bounds = pairwise((*document.page_starts, len(document.text)))
    for page, (start, end) in enumerate(bounds, 1):
        if not document.text[start:end].strip():
            yield page


def _tables(text: str) -> int:
    rows = groupby(text.splitlines(), key=is_table_row)
    return sum(len(list(lines)) >= _ROWS_OF_A_TABLE for is_row, lines in rows if is_row)
