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
from index.loaders.man_tables import ManTable
from index.loaders.troff import Strings, joined

MEDIA_TYPE = "text/troff"
_TITLE_LINE = re.compile(rb"^\.(?:TH|Dd)[ \t]", re.MULTILINE)
_ANOTHER = b".so "
_LOOKED_AT = 20_000
_END_OF_DEFINITION = re.compile(r"[.'][ \t]*\.")  # it may stand indented
_ARGUMENT = re.compile(r'"((?:[^"]|"")*)"?|(\S+)')
_TERM_CHARS = 100
_NO_TERM = (".", ":", ";", ",", "!", "?")
_BLOCK_EDGES = re.compile(r"\\[{}]")


def _words(spelled: str) -> frozenset[str]:
    return frozenset(spelled.split())


# Requests whose arguments are text that goes on in the paragraph.
_FONTS = _words("B I R SM SB CR CW D1 Dl ZN")
_ALTERNATING = _words("BR RB BI IB RI IR")
_PARAGRAPHS = _words("PP P LP sp Sp Pp HP IP TP TPx TQ RS RE SY YS It Bl El Bd Ed INDENT UNINDENT bP")
_LINKS = _words("URL MTO")  # of a converter: address, words, what follows without a space
_INLINE = _words(  # of mdoc; their arguments may name further ones
    "Nm Fl Ar Cm Op Pa Va Dv Ev Er Fa Fn Ft Li Em Sy Xr Dq Sq Ql Pq Bq Aq Ns Oo Oc No Ic "
    "Tn Ux An Lk Mt Vt Cd In Nd Sx"
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
    for line in joined(clean(decode(data))).split("\n"):
        reader.read(line)
    return reader.document()


class _Reader:
    def __init__(self, composition: Composition) -> None:
        self._composition = composition
        self._strings = Strings()
        self._paragraph: list[str] = []
        self._tag: str | None = None  # of a list item, once its own line is read
        self._tag_follows = False
        self._as_typed = False
        self._table: ManTable | None = None
        self._skipped_until: str | None = None  # inside a definition: the request that ends it
        self._depth_left_out = 0  # of blocks whose condition does not hold
        self._answers: list[bool] = []  # of conditions that an "else" may follow
        self._title = ""
        self._name = ""

    def read(self, line: str) -> None:
        if self._skipped_until is not None:
            if _END_OF_DEFINITION.match(line) or (
                self._skipped_until and line[1:].split()[:1] == [self._skipped_until]
            ):
                self._skipped_until = None
        elif self._depth_left_out:
            self._leave_out(line)
        elif (taken := self._taken(line)) is not None:
            self._read_taken(taken)

    def _taken(self, line: str) -> str | None:
        """What is left of a line once its conditions are answered; None where they do not hold."""
        while line[:1] in (".", "'"):
            request, _, rest = line[1:].lstrip().partition(" ")
            if request in ("if", "ie"):
                holds, rest = self._strings.holds(rest.lstrip())
                if request == "ie":
                    self._answers.append(holds)
            elif request == "el" or request.startswith("el\\{"):
                rest = f"{request[2:]} {rest}".strip()
                holds = not (self._answers.pop() if self._answers else True)
            else:
                return line
            if not holds:
                self._leave_out(rest)
                return None
            line = rest.removeprefix("\\{").lstrip()
        return line

    def _leave_out(self, line: str) -> None:
        for edge in _BLOCK_EDGES.findall(line):
            self._depth_left_out = max(self._depth_left_out + (1 if edge == "\\{" else -1), 0)

    def _read_taken(self, line: str) -> None:
        is_request = line[:1] in (".", "'") and len(line) > 1
        request, _, rest = line[1:].strip().partition(" ") if is_request else ("", "", "")
        if self._table is not None and request != "TE":
            self._table.add(line)
        elif is_request:
            self._request(request.removesuffix("\\}"), rest.strip())
        elif line[:1] not in (".", "'"):
            self._text(self._strings.plain(line))

    def document(self) -> ParsedDocument:
        self._end_table()
        self._end_paragraph()
        return self._composition.document(media_type=MEDIA_TYPE, title=self._title)

    def _request(self, request: str, rest: str) -> None:
        arguments = _arguments(rest)
        texts = [self._strings.plain(each) for each in arguments]
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
        elif request in ("nf", "EX", "Vb") or (
            request == "Bd" and arguments[:1] in (["-literal"], ["-unfilled"])
        ):
            self._end_paragraph()
            self._as_typed = True
        elif request in ("fi", "EE", "Ve", "Ed"):
            self._end_paragraph()
            self._as_typed = False
        elif request in ("UR", "MT", "OP"):
            self._text(" ".join(texts))
        elif request in _LINKS and texts:
            address, words, after = [*texts, "", ""][:3]
            self._text(f"{words} <{address}>{after}" if words else f"<{address}>{after}")
        elif request in ("de", "de1", "dei", "am", "am1", "ami"):
            self._skipped_until = arguments[1] if len(arguments) > 1 else ""
        elif request == "ig":
            self._skipped_until = arguments[0] if arguments else ""
        elif request in ("ds", "ds1"):
            self._strings.define(rest)
        elif request == "TS":
            self._end_paragraph()
            self._table = ManTable(self._said)
        elif request == "TE":
            self._end_table()
        elif request == "br":
            if self._paragraph:
                self._paragraph.append("\n")
        elif request in _PARAGRAPHS:
            self._begin_paragraph(request, arguments, texts)
        elif request in _INLINE:
            self._inline(request, arguments)

    def _begin_paragraph(self, request: str, arguments: list[str], texts: list[str]) -> None:
        if request == "RS" and self._is_term():
            self._tag = ":"
            return
        self._end_paragraph()
        if request in ("TP", "TQ"):
            self._tag_follows = True
        elif request == "IP" and texts:
            self._paragraph.append("-" if texts[0] in ("•", "*", "-", "o") else texts[0])
            self._tag = "" if self._paragraph[0] == "-" else ":"
        elif request == "It" and arguments:
            self._inline("", arguments)
            self._tag_follows = False

    def _is_term(self) -> bool:
        """Whether what stands above an indented part is what that part explains, as converters write it."""
        if len(self._paragraph) != 1 or self._tag is not None or self._tag_follows:
            return False
        term = self._paragraph[0].strip()
        return 0 < len(term) <= _TERM_CHARS and not term.endswith(_NO_TERM)

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
            text = prefix + self._strings.plain(word)
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

    def _said(self, line: str) -> str:
        """What a line in a cell of a table says."""
        if line[:1] not in (".", "'"):
            return self._strings.plain(line)
        request, _, rest = line[1:].strip().partition(" ")
        if request not in _FONTS | _ALTERNATING:
            return ""
        texts = map(self._strings.plain, _arguments(rest))
        return ("" if request in _ALTERNATING else " ").join(texts)

    def _end_table(self) -> None:
        if self._table is not None:
            self._composition.add("\n".join(self._table.lines()))
            self._table = None

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


def _arguments(rest: str) -> list[str]:
    return [(quoted or bare).replace('""', '"') for quoted, bare in _ARGUMENT.findall(rest)]
