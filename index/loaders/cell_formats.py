"""Numbers of spreadsheet cells as the sheet shows them: dates, times, percentages, decimals, currencies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

# The formats that a file names only by number (ECMA-376, part 1, 18.8.30). Those that follow the
# reader's own language are written the ISO way, which no reader takes for another date.
_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%",
    14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM",
    20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00",
    40: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss", 49: "@",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 55), 57, 58), "yyyy-mm-dd"),
}  # fmt: skip
_MAX_FORMAT_CHARS = 255  # as spreadsheets allow
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EPOCH = datetime(1899, 12, 30)  # day 60 is the 29 February 1900 that never was; dates before it are rare
_EPOCH_1904 = datetime(1904, 1, 1)
_LAST_DAY = 2_958_466  # in the year 9999

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<elapsed>h+|m+|s+)\]'
    r"|\[[^\]]*\]|[_*].|(?P<half>AM/PM|A/P)|(?P<date>y+|m+|d+|h+|s+)(?P<fraction>\.0+)?"
    r"|(?P<digits>[0#?][0#?,.]*)|(?P<literal>.)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # literal, date, elapsed, half, digits
    text: str


def built_in_format(number: int) -> str:
    """The format code of that number; "General" for one that is not known."""
    return _BUILT_IN.get(number, "General")


def shown_number(value: str, code: str, *, epoch_1904: bool = False) -> str:
    """A stored number as its cell shows it.

    Args:
        value: As the file writes it; what is no number comes back as it is.
        code: The cell's format, for example ``#,##0.00``, ``d mmm yyyy`` or ``General``.
        epoch_1904: Whether days count from 1904, as old files of a Macintosh do.
    """
    try:
        number = float(value)
    except ValueError:
        return value
    if number != number or abs(number) == float("inf"):
        return value
    sections = _sections(code[:_MAX_FORMAT_CHARS])
    section = sections[0]
    unsigned = False
    if number < 0 and len(sections) > 1:
        section, unsigned = sections[1], True
    elif number == 0 and len(sections) > 2:
        section = sections[2]
    kinds = {token.kind for token in section}
    if kinds & {"date", "elapsed"}:
        shown = _date(number, section, epoch_1904)
        return _general(number) if shown is None else shown
    if "digits" not in kinds:
        # "General", "@", or words in place of a number: the number itself says more.
        return _general(number)
    return _decimal(abs(number) if unsigned else number, section)


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[tuple[_Token, ...], ...]:
    sections: list[list[_Token]] = [[]]
    if code.strip().lower() == "general":
        return ((),)
    for match in _TOKEN.finditer(code):
        kind, text = match.lastgroup, match.group()
        if kind == "literal" and text == ";":
            sections.append([])
        elif kind in ("quoted", "escaped", "currency", "literal"):
            sections[-1].append(_Token("literal", match[kind]))
        elif kind in ("date", "fraction"):
            sections[-1].append(_Token("date", match["date"].lower()))
        elif kind in ("elapsed", "half", "digits"):
            sections[-1].append(_Token(kind, match[kind].lower()))
    return tuple(tuple(section) for section in sections)


def _general(number: float) -> str:
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.12g}"  # 0.1 + 0.2 shows as 0.3


def _decimal(number: float, section: tuple[_Token, ...]) -> str:
    pattern = next(token.text for token in section if token.kind == "digits")
    whole, _, decimals = pattern.partition(".")
    thousands = len(pattern) - len(pattern.rstrip(","))  # each comma at the end divides by a thousand
    percent = any(token.kind == "literal" and "%" in token.text for token in section)
    number = number * (100 if percent else 1) / 1000**thousands
    places = len(decimals.replace(",", ""))
    grouped = "," in whole.rstrip(",")
    digits = f"{abs(number):,.{places}f}" if grouped else f"{abs(number):.{places}f}"
    optional = len(decimals) - len(decimals.rstrip("#?"))
    if optional and "." in digits:
        kept = digits[len(digits) - optional :].rstrip("0")
        digits = (digits[: len(digits) - optional] + kept).rstrip(".")
    required = whole.count("0")
    head, dot, tail = digits.partition(".")
    digits = head.rjust(required, "0") + dot + tail
    sign = "-" if number < 0 and digits.strip("0.,") else ""
    shown = ""
    written = False
    for token in section:
        if token.kind == "literal":
            shown += token.text
        elif token.kind == "digits" and not written:
            shown += digits
            written = True
    return sign + " ".join(shown.split())


def _date(number: float, section: tuple[_Token, ...], epoch_1904: bool) -> str | None:
    """The moment that a number of days is; None for one outside the calendar."""
    if not 0 <= number < _LAST_DAY - (1462 if epoch_1904 else 0):
        return None
    seconds = round(number * 86_400)
    moment = (_EPOCH_1904 if epoch_1904 else _EPOCH) + timedelta(seconds=seconds)
    half_days = any(token.kind == "half" for token in section)
    shown = ""
    for at, token in enumerate(section):
        text = token.text
        if token.kind == "literal":
            shown += text
        elif token.kind == "half":
            shown += "AM" if moment.hour < 12 else "PM"
        elif token.kind == "elapsed":
            shown += str(seconds // {"h": 3600, "m": 60, "s": 1}[text[0]]).rjust(len(text), "0")
        elif token.kind == "date":
            shown += _date_part(
                moment, text, minutes=text[0] == "m" and _is_minutes(section, at), half=half_days
            )
    return " ".join(shown.split())


def _is_minutes(section: tuple[_Token, ...], at: int) -> bool:
    """Whether an "m" is minutes: it follows hours, or comes before seconds."""
    timed = [token.text[0] if token.kind in ("date", "elapsed") else "" for token in section]
    before = next((letter for letter in reversed(timed[:at]) if letter), "")
    after = next((letter for letter in timed[at + 1 :] if letter), "")
    return len(section[at].text) <= 2 and (before == "h" or after == "s")


def _date_part(moment: datetime, text: str, *, minutes: bool, half: bool) -> str:
    letter, width = text[0], len(text)
    if letter == "y":
        return f"{moment.year:04}" if width > 2 else f"{moment.year % 100:02}"
    if minutes:
        return str(moment.minute).rjust(width, "0")
    if letter == "m" and width > 2:
        return _MONTHS[moment.month - 1][: 3 if width == 3 else 1 if width == 5 else None]
    if letter == "d" and width > 2:
        return _DAYS[moment.weekday()][: 3 if width == 3 else None]
    hour = (moment.hour - 1) % 12 + 1 if half else moment.hour
    value = {"m": moment.month, "d": moment.day, "h": hour, "s": moment.second}[letter]
    return str(value).rjust(min(width, 2), "0")
