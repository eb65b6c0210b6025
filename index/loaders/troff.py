"""What stands within the lines of troff: escapes, special characters, strings of a page, and conditions.

Conditions are answered as for a terminal; what a page computes in registers is taken for zero, which is
what troff takes a register for that nobody set.
"""

from __future__ import annotations

import re
import unicodedata

from index.loaders.cleaning import clean

_SPECIAL = {
    "em": "—", "en": "–", "hy": "-", "bu": "•", "aq": "'", "dq": '"', "lq": "“", "rq": "”", "oq": "‘",
    "cq": "’", "Bq": "„", "bq": "‚", "Fo": "«", "Fc": "»", "fo": "‹", "fc": "›", "co": "©", "rg": "®",
    "tm": "™", "ti": "~", "ha": "^", "rs": "\\", "ga": "`", "mi": "−", "pl": "+", "eq": "=", "sl": "/",
    "<=": "≤", ">=": "≥", "!=": "≠", "==": "≡", "+-": "±", "~~": "≈", "->": "→", "<-": "←", "<>": "↔",
    "ua": "↑", "da": "↓", "mu": "×", "di": "÷", "if": "∞", "sq": "□", "ci": "○", "mc": "µ", "*m": "µ",
    "*a": "α", "*b": "β", "*p": "π", "*l": "λ", "*W": "Ω", "eu": "€", "Po": "£", "Ye": "¥", "ct": "¢",
    "sc": "§", "ps": "¶", "de": "°", "dg": "†", "dd": "‡", "fm": "′", "at": "@", "sh": "#", "Do": "$",
    "lB": "[", "rB": "]", "lC": "{", "rC": "}", "la": "⟨", "ra": "⟩", "ba": "|", "bv": "|", "or": "|",
    "ul": "_", "12": "½", "14": "¼", "34": "¾", "S1": "¹", "S2": "²", "S3": "³", "Of": "ª", "Om": "º",
    "r!": "¡", "r?": "¿", "ss": "ß", "AE": "Æ", "ae": "æ", "OE": "Œ", "oe": "œ", "/L": "Ł", "/l": "ł",
    "/O": "Ø", "/o": "ø", "oA": "Å", "oa": "å", "-D": "Ð", "Sd": "ð", "TP": "Þ", "Tp": "þ", ".i": "ı",
    "ff": "ff", "fi": "fi", "fl": "fl", "Fi": "ffi", "Fl": "ffl",
}  # fmt: skip
_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", ":": "\u0308", ",": "\u0327",
    "v": "\u030c", "o": "\u030a",
}  # fmt: skip
_CODE_POINT = re.compile(r"u[0-9A-F]{4,5}")
_NAME = r"(?:\((?P<{0}2>[^\n]{{2}})|\[(?P<{0}>[^\]\n]{{0,40}})\]|(?P<{0}1>[^\n]))"
_ESCAPE = re.compile(
    r"\\(?:f(?:\[[^\]\n]{0,30}\]|\([^\n]{2}|[^\n])|s[-+]?(?:\d{1,2}|\[[^\]\n]{0,9}\])"
    r"|\((?P<two>[^\n]{2})|\[(?P<named>[^\]\n]{1,40})\]"
    r"|\*" + _NAME.format("string") + r"|n[-+]?(?:\([^\n]{2}|\[[^\]\n]{0,40}\]|[^\n])"
    r"|[hvwmFkXYDlL]'[^'\n]{0,200}'|[mMF]\[[^\]\n]{0,40}\]|k[^\n]|\"[^\n]*|#[^\n]*|(?P<one>[^\n])|$)"
)
# Strings that converters to troff define in each file, by moving the pen; what they mean.
_GIVEN = {
    "--": "—",
    "PI": "π",
    'L"': "“",
    'R"': "”",
    "lq": "“",
    "rq": "”",
    "Aq": "'",
    "C+": "C++",
    "Tm": "™",
    "R": "®",
    "S": "",
}
_ONE = {
    "-": "-",
    "e": "\\",
    "\\": "\\",
    "'": "'",
    "`": "`",
    " ": " ",
    "~": " ",
    "0": " ",
    ".": ".",
    "t": "\t",
    "^": "",
    "|": "",
}
_MOST_STRINGS = 500
_STRING_CHARS = 200
_CONDITION = re.compile(
    r"(?P<nots>!{0,9})[ \t]*(?:(?P<letter>[a-z])(?![a-z])"
    r"|(?P<quote>['\"\x07])(?P<one>[^\n]{0,200}?)(?P=quote)(?P<other>[^\n]{0,200}?)(?P=quote)"
    r"|(?P<groff>\\n(?:\(\.g|\[\.g\])(?![^\s.'\\]))|(?P<number>\d{1,9})(?![^\s.'\\])|\S{1,200})[ \t]*"
)
_CONTINUED = re.compile(r"(?<!\\)((?:\\\\){0,50})\\\n")
_COMMENT = re.compile(r"^[.'][ \t]*\\[\"#][^\n]*(?:\n|\Z)", re.MULTILINE)


def joined(text: str) -> str:
    """The text without comments, and with lines that end in a backslash joined to the next one."""
    return _CONTINUED.sub(r"\1", _COMMENT.sub("", text).replace("\\{\\\n", "\\{"))


class Strings:
    """What lines say once their escapes are read, with the strings of one page."""

    def __init__(self) -> None:
        self._defined: dict[str, str] = {}

    def define(self, arguments: str) -> None:
        """``.ds``: a name, and the text that stands for it from now on."""
        name, _, text = arguments.partition(" ")
        if name and len(self._defined) < _MOST_STRINGS:
            # Read at once, so that a string made of strings cannot grow without bounds.
            text = text.strip().removeprefix('"')[:_STRING_CHARS]
            self._defined[name] = self.plain(text)[:_STRING_CHARS]

    def plain(self, text: str) -> str:
        """A text as it is read, without fonts, sizes and movements."""
        return _ESCAPE.sub(self._unescaped, text)

    def _unescaped(self, match: re.Match[str]) -> str:
        name = match["two"] or match["named"]
        if name is not None:
            return _special(name)
        string = match["string2"] or match["string"] or match["string1"]
        if string is not None:
            return _GIVEN.get(string, self._defined.get(string, ""))
        return _ONE.get(match["one"] or "", "")

    def holds(self, condition: str) -> tuple[bool, str]:
        """Whether a condition holds on a terminal, and what stands behind it."""
        match = _CONDITION.match(condition)
        if match is None:
            return False, ""
        if match["letter"]:
            holds = match["letter"] in "no"  # a terminal; and an odd page, of one
        elif match["quote"]:
            holds = self.plain(match["one"]) == self.plain(match["other"])
        else:
            holds = match["groff"] is not None or int(match["number"] or 0) > 0
        return holds != (len(match["nots"]) % 2 == 1), condition[match.end() :]


def _special(name: str) -> str:
    if name in _SPECIAL:
        return _SPECIAL[name]
    if _CODE_POINT.fullmatch(name):
        return clean(chr(int(name[1:], 16)))
    if len(name) == 2 and name[0] in _ACCENTS and name[1].isalpha():
        return unicodedata.normalize("NFC", name[1] + _ACCENTS[name[0]])
    # "u0041_0301": a letter and what stands over it.
    parts = name.split("_")
    if len(parts) > 1 and all(
        _CODE_POINT.fullmatch(part if part[:1] == "u" else f"u{part}") for part in parts
    ):
        letters = "".join(chr(int(part.removeprefix("u"), 16)) for part in parts)
        return clean(unicodedata.normalize("NFC", letters))
    return ""
