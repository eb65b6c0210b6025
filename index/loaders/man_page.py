"""Manual pages (troff with the ``man`` or ``mdoc`` macros): the text that ``man`` shows, with its headings.

Macros for layout are left out, those that hold text are read. Not a typesetter: where a page defines
macros or computes something, the text is what stands in its lines.
"""

from __future__ import annotations

import re

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders.cleaning import clean, decode, one_line
from index.loaders.composing import Composition

MEDIA_TYPE = "text/troff"
_TITLE_LINE = re.compile(rb"^\.(?:TH|Dd)[ \t]", re.MULTILINE)
_ANOTHER = b".so "
_LOOKED_AT = 20_000
_END_OF_DEFINITION = re.compile(r"[.'][ \t]*\.")  # it may stand indented
_ARGUMENT = re.compile(r'"((?:[^"]|"")*)"?|(\S+)')
_SPECIAL = {
    "em": "—", "en": "–", "hy": "-", "bu": "•", "aq": "'", "dq": '"', "lq": "“", "rq": "”", "oq": "‘",
    "cq": "’", "co": "©", "rg": "®", "tm": "™", "ti": "~", "ha": "^", "rs": "\\", "ga": "`", "mi": "−",
    "<=": "≤", ">=": "≥", "!=": "≠", "->": "→", "<-": "←", "mu": "×", "ss": "ß", ":a": "ä", ":o": "ö",
    ":u": "ü", ":A": "Ä", ":O": "Ö", ":U": "Ü", "'e": "é", "`e": "è", "eu": "€", "sc": "§", "de": "°",
    "at": "@", "sh": "#",
}  # fmt: skip
_CODE_POINT = re.compile(r"u[0-9A-F]{4,5}")
_ESCAPE = re.compile(
    r"\\(?:f(?:\[[^\]\n]{0,30}\]|\([^\n]{2}|[^\n])|s[-+]?(?:\d{1,2}|\[[^\]\n]{0,9}\])"
    r"|\((?P<two>[^\n]{2})|\[(?P<named>[^\]\n]{1,40})\]|\*\((?P<string>[^\n]{2})|[*n](?:\([^\n]{2}|\[[^\]\n]{0,40}\]|[^\n])"
    r"|[hvwmFkXYDlL]'[^'\n]{0,200}'|[mMF]\[[^\]\n]{0,40}\]|\"[^\n]*|#[^\n]*|(?P<one>[^\n])|$)"
)
# Strings that converters to troff define in each file.
_STRINGS = {
    "--": "—",
    "PI": "π",
    'L"': "“",
    'R"': "”",
    "lq": "“",
    "rq": "”",
    "Aq": "'",
    "C+": "C++",
    "Tm": "™",
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
    "t": "\t",
    "^": "",
    "|": "",
}


def _words(spelled: str) -> frozenset[str]:
    return frozenset(spelled.split())


# Requests whose arguments are text that goes on in the paragraph.
_FONTS = _words("B I R SM SB")
_ALTERNATING = _words("BR RB BI IB RI IR")
_PARAGRAPHS = _words("PP P LP sp Pp HP IP TP TQ RS RE SY YS It Bl El Bd Ed")
_INLINE = _words(  # of mdoc; their arguments may name further ones
    "Nm Fl Ar Cm Op Pa Va Dv Ev Er Fa Fn Ft Li Em Sy Xr Dq Sq Ql Pq Bq Aq Ns Oo Oc No Ic "
    "Tn Ux An Lk Mt Vt Cd In Nd"
)


def is_man_page(data: bytes) -> bool:
    """Whether the file begins as manual pages do, whatever it is called."""
    head = data[:_LOOKED_AT].lstrip()
    return head.startswith(_ANOTHER) or (head[:1] in (b".", b"'") and _TITLE_LINE.search(head) is not None)


def load_man_page(data: bytes, *, max_chars: int) -> ParsedDocument:
    """The title is name and section: ``ls(1)``.

    Raises DocumentError ``binary``, ``too_large``, or ``no_text`` where it only names another page.
    """
    if data.lstrip().startswith(_ANOTHER):
        raise DocumentError(
            "no_text", "This manual page only names another one.", hint="Index the page that it names."
        )
    reader = _Reader(Composition(max_chars))
    for line in clean(decode(data)).split("\n"):
        reader.read(line)
    return reader.document()


class _Reader:
    def __init__(self, composition: Composition) -> None:
        self._composition = composition
        self._paragraph: list[str] = []
        self._tag: str | None = None  # of a list item, once its own line is read
        self._tag_follows = False
        self._as_typed = False
        self._skipped = False  # inside the definition of a macro
        self._title = ""
        self._name = ""

    def read(self, line: str) -> None:
        if self._skipped:
            self._skipped = _END_OF_DEFINITION.match(line) is None
            return
        if line[:1] in (".", "'") and len(line) > 1:
            request, _, rest = line[1:].strip().partition(" ")
            self._request(request, rest.strip())
        elif line[:1] not in (".", "'"):
            self._text(_plain(line))

    def document(self) -> ParsedDocument:
        self._end_paragraph()
        return self._composition.document(media_type=MEDIA_TYPE, title=self._title)

    def _request(self, request: str, rest: str) -> None:
        arguments = [(quoted or bare).replace('""', '"') for quoted, bare in _ARGUMENT.findall(rest)]
        texts = [_plain(each) for each in arguments]
        if request in ("TH", "Dt") and texts:
            section = texts[1] if len(texts) > 1 else ""
            self._title = one_line(f"{texts[0].lower()}({section})" if section else texts[0].lower())
        elif request in ("SH", "SS", "Sh", "Ss") and texts:
            self._end_paragraph()
            self._composition.add_heading(" ".join(texts), 1 if request[1] in "Hh" else 2)
        elif request in _FONTS:
            self._text(" ".join(texts))
        elif request in _ALTERNATING:
            self._text("".join(texts))
        elif request in ("nf", "EX"):
            self._end_paragraph()
            self._as_typed = True
        elif request in ("fi", "EE"):
            self._end_paragraph()
            self._as_typed = False
        elif request in ("UR", "MT", "OP"):
            self._text(" ".join(texts))
        elif request in ("de", "ig", "am"):
            self._skipped = True
        elif request == "br":
            if self._paragraph:
                self._paragraph.append("\n")
        elif request in _PARAGRAPHS:
            self._begin_paragraph(request, arguments, texts)
        elif request in _INLINE:
            self._inline(request, arguments)

    def _begin_paragraph(self, request: str, arguments: list[str], texts: list[str]) -> None:
        self._end_paragraph()
        if request in ("TP", "TQ"):
            self._tag_follows = True
        elif request == "IP" and texts:
            self._paragraph.append("-" if texts[0] in ("•", "*", "-", "o") else texts[0])
            self._tag = "" if self._paragraph[0] == "-" else ":"
        elif request == "It" and arguments:
            self._inline("", arguments)
            self._tag_follows = False

    def _inline(self, request: str, arguments: list[str]) -> None:
        """A line of mdoc: words, and among them names of macros that say how the next ones look."""
        pieces: list[str] = []
        glued = False
        if request == "Xr" and len(arguments) > 1:
            arguments = [f"{arguments[0]}({arguments[1]})", *arguments[2:]]
        elif request == "Ux":
            arguments = ["UNIX", *arguments]
        elif request == "Nm":
            if not arguments:
                arguments = [self._name]
            elif not self._name:
                self._name = arguments[0]
        prefix = "-" if request == "Fl" else ""
        for word in arguments:
            if word in _INLINE:
                prefix = "-" if word == "Fl" else ""
                glued = glued or word == "Ns"
                continue
            text = prefix + _plain(word)
            prefix = ""
            if pieces and (glued or text in (",", ".", ";", ":", ")", "]")):
                pieces[-1] += text
            else:
                pieces.append(text)
            glued = False
        said = " ".join(pieces)
        if request == "Op":
            said = f"[{said}]"
        elif request == "Nd":
            said = f"— {said}"
        self._text(said)

    def _text(self, text: str) -> None:
        if not text.strip():
            if text == "" and not self._as_typed:
                self._end_paragraph()
            return
        if self._as_typed:
            self._composition.add(text.rstrip(), newlines=1)
            return
        self._paragraph.append(text.strip())
        if self._tag_follows:
            self._tag_follows = False
            self._tag = ":"
        elif self._tag is not None:
            # "--all: do not ignore entries": an option and what it does are found and quoted together.
            self._paragraph[-2] += self._tag
            self._tag = None

    def _end_paragraph(self) -> None:
        lines = " ".join(self._paragraph).split("\n")
        self._composition.add("\n".join(filter(None, (" ".join(line.split()) for line in lines))))
        self._paragraph, self._tag, self._tag_follows = [], None, False


def _plain(text: str) -> str:
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    name = match["two"] or match["named"]
    if name is not None:
        if _CODE_POINT.fullmatch(name):
            return clean(chr(int(name[1:], 16)))
        return _SPECIAL.get(name, "")
    if match["string"] is not None:
        return _STRINGS.get(match["string"], "")
    return _ONE.get(match["one"] or "", "")
