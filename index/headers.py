"""The headers of Markdown tables: what a passage that begins further down in one is told of its columns.

Other formats repeat the names of the columns in each row, but the text of Markdown is its source.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from index.documents import ParsedDocument

_MARKDOWN = "text/markdown"
_DELIMITERS = re.compile(
    r"^[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+$", re.MULTILINE
)
_PIPE = re.compile(r"(?<!\\)\|")
_LONGEST_HEADER = 2_000  # characters; what is longer says too little for its room


class TableHeaders:
    """The tables of one document."""

    def __init__(self, document: ParsedDocument) -> None:
        self._starts: list[int] = []  # of the rows below a header
        self._tables: list[tuple[int, str]] = []  # where they end, and what the header says
        if document.media_type != _MARKDOWN:
            return
        text = document.text
        for match in _DELIMITERS.finditer(text):
            if "|" not in match[0] or (self._tables and match.start() < self._tables[-1][0]):
                continue
            above = text.rfind("\n", 0, max(0, match.start() - 1)) + 1
            names = text[above : match.start()].strip()
            if "|" not in names or len(names) > _LONGEST_HEADER:
                continue
            words = " | ".join(filter(None, (cell.strip() for cell in _PIPE.split(names))))
            self._starts.append(match.end())
            self._tables.append((_end(text, match.end() + 1), words))

    def above(self, offset: int) -> str:
        """``Item | Price`` for a place in a table below its header, else ""."""
        at = bisect_right(self._starts, offset) - 1
        if at < 0:
            return ""
        end, words = self._tables[at]
        return words if offset < end else ""


def _end(text: str, start: int) -> int:
    """Where the rows that begin here end: at the first line without a bar."""
    while start < len(text):
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        if text.find("|", start, stop) < 0:
            break
        start = stop + 1
    return start
