"""Text into HTML: the one escaping function, highlights from offsets, and words for places and times."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from index.errors import FootnoteError

# Every ASCII character that HTML, Markdown, JavaScript templates or Handlebars could give a meaning to
# becomes a character reference. A reference is inert in all four, so the same string is safe as HTML
# text, as a quoted attribute, as Markdown, and inside ``${}`` and ``{{}}``.
_REFERENCES: dict[int, str] = {
    code: f"&#{code};" for code in range(0x21, 0x7F) if not chr(code).isalnum() and chr(code) != ","
}
# What cannot be seen cannot be allowed to act: control characters (tab and line feed excepted), lone
# surrogates (file names that are not UTF-8), and the characters that reorder the text around them.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]")


def escape(text: str) -> str:
    """Make any text inert in HTML, in an attribute, and in Markdown.

    Every byte that comes from a document, a file name, a person, a model or an error message reaches
    the page through here and nowhere else. Line feeds stay; callers whose markup gives them a meaning
    use ``escape_line``.
    """
    return _INVISIBLE.sub("\ufffd", text).translate(_REFERENCES)


def escape_line(text: str) -> str:
    """``escape`` with all white space, line breaks included, as single spaces.

    In Markdown a blank line ends a block and four spaces begin code, so a quote in the chat is one line.
    """
    return escape(" ".join(text.split()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Highlight:
    """A span of a text to wrap in ``tag``; ``start``/``end`` are character offsets, end exclusive."""

    start: int
    end: int
    tag: str  # "mark", or "span" for the tint of a passage
    css: str


def highlight(text: str, highlights: Sequence[Highlight]) -> str:
    """Escape ``text`` and wrap the spans, from offsets, after escaping.

    Spans may overlap: at a border, what does not go on is closed with all that stands in it, and the rest of
    that is opened again, so the tags always nest. Stripping the tags gives ``escape(text)`` back.
    """
    outermost_first = sorted(highlights, key=lambda each: (each.start, -each.end))
    borders = {0, len(text)}
    for each in highlights:
        borders |= {min(max(each.start, 0), len(text)), min(max(each.end, 0), len(text))}
    cuts = sorted(borders)
    pieces: list[str] = []
    opened: list[Highlight] = []
    for start, end in pairwise(cuts):
        over = [each for each in outermost_first if each.start <= start and end <= each.end]
        kept = sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], zip(opened, over, strict=False)))
        pieces += [f"</{each.tag}>" for each in reversed(opened[kept:])]
        pieces += [f'<{each.tag} class="{each.css}">' for each in over[kept:]]
        pieces.append(escape(text[start:end]))
        opened = over
    pieces += [f"</{each.tag}>" for each in reversed(opened)]
    return "".join(pieces)


def button(label: str, css: str, data: Mapping[str, str], *, title: str = "") -> str:
    """A button; ``data`` become its ``data-`` attributes, which say what a click does."""
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    hover = f' title="{escape_line(title)}"' if title else ""
    return f'<button type="button" class="{css}"{attributes}{hover}>{escape_line(label)}</button>'


def place(name: str, locator: str) -> str:
    """Where a citation points, in plain text: ``border-plan.pdf, p. 2``."""
    return f"{name}, {locator}" if locator else name


def count(number: int, word: str, plural: str = "") -> str:
    """``1 document``, ``4,120 passages``."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def file_size(size: int) -> str:
    """Bytes for people: ``38 MB``."""
    amount = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if amount >= 10 or unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.0f} GB"


def clock(moment: float, now: float | None = None) -> str:
    """A moment (unix seconds, local time) for people: ``today 09:12``, ``3 Nov 09:12``, ``3 Nov 2024``."""
    then = time.localtime(moment)
    today = time.localtime(time.time() if now is None else now)
    if then[:3] == today[:3]:
        return time.strftime("today %H:%M", then)
    day = f"{then.tm_mday} {time.strftime('%b', then)}"
    return (
        f"{day} {then.tm_year}" if then.tm_year != today.tm_year else f"{day} {time.strftime('%H:%M', then)}"
    )


def ago(moment: float, now: float | None = None) -> str:
    """How long ago, in one short phrase: ``just now``, ``2 min ago``, then the clock."""
    seconds = (time.time() if now is None else now) - moment
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min ago"
    return clock(moment, now)


def duration(seconds: float) -> str:
    """A remaining time for people: ``about 2 min``."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def explain(error: FootnoteError) -> str:
    """An expected failure in one line: what happened, and the next step."""
    message, hint = str(error).rstrip(), error.hint.strip()
    return f"{message if message.endswith(('.', '!', '?')) else message + '.'} {hint[:1].upper()}{hint[1:]}"
