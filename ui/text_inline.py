"""Marks inside a line of Markdown: what is bold, slanted, code or a link, and the signs that say so."""

from __future__ import annotations

import re
from collections.abc import Callable

_DEEPEST = 3  # emphasis in emphasis
# Each is bounded, so that a sign without its partner costs no more than a glance ahead.
_INLINE = re.compile(
    r"""(?<!\\)(?:
    (?P<tick>`{1,3})(?P<code>[^`\n]{1,300})(?P=tick)
  | \*\*(?=\S)(?P<strong>(?:(?!\*\*(?!\*)|\n[ \t]*\n).){1,600})(?<=\S)\*\*
  | (?<!\w)__(?=\S)(?P<strong_>(?:(?!__|\n[ \t]*\n).){1,600})(?<=\S)__(?!\w)
  | \*(?=[^\s*])(?P<slanted>[^*]{1,300})(?<=\S)\*(?!\*)
  | (?<!\w)_(?=[^\s_])(?P<slanted_>[^_]{1,300})(?<=\S)_(?!\w)
  | ~~(?=\S)(?P<struck>(?:(?!~~).){1,300})(?<=\S)~~
  | !?\[(?P<words>[^\[\]]{1,300})\]\((?:[^()\s]|\([^()\s]{0,200}\)){1,2000}(?:[ ]"[^"\n]{0,200}")?\)
  | <(?P<address>(?:https?://|mailto:)[^<>\s]{1,2000})>
    )""",
    re.VERBOSE | re.DOTALL,
)
_TAGS = {"strong": "b", "strong_": "b", "slanted": "i", "slanted_": "i", "struck": "s", "code": "code"}

Draw = Callable[[int, int], str]


def inline_html(text: str, start: int, end: int, *, seen: Draw, hidden: Draw, depth: int = 0) -> str:
    """A stretch of Markdown with its marks drawn; every character of it is given to one of the two functions.

    Args:
        seen: Draws what a reader reads.
        hidden: Draws signs and the addresses of links, so that they are there but not seen.
    """
    pieces: list[str] = []
    at = start
    for match in _INLINE.finditer(text, start, end):
        name = match.lastgroup or ""
        first, last = match.span(name)
        if name == "code" or depth == _DEEPEST:
            inside = seen(first, last)
        else:
            inside = inline_html(text, first, last, seen=seen, hidden=hidden, depth=depth + 1)
        tag = _TAGS.get(name)
        pieces += (
            seen(at, match.start()) if at < match.start() else "",
            hidden(match.start(), first),
            f"<{tag}>{inside}</{tag}>" if tag else inside,
            hidden(last, match.end()),
        )
        at = match.end()
    if at < end:
        pieces.append(seen(at, end))
    return "".join(pieces)
