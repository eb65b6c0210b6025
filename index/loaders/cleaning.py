"""Bytes to text, in the form that every loader promises: no NUL, no lone surrogate, lines end in ``\\n``."""

from __future__ import annotations

import re

from index.errors import DocumentError

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_SAMPLE_BYTES = 65_536
# Tab, line feed, vertical tab, form feed, carriage return, escape, backspace occur in honest text.
_HONEST_CONTROLS = frozenset(b"\t\n\v\f\r\x1b\x08")
_CONTROL_BYTES = bytes(b for b in range(32) if b not in _HONEST_CONTROLS) + b"\x7f"
_BINARY_SHARE = 0.02  # random bytes have 0.10, executables 0.3 and more; a log with a few NULs far less

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
_TERMINAL_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])|[^\n]\x08")
_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x01-\x08\x0e-\x1f\x7f\ufeff\ufffe\uffff]")


def clean(text: str) -> str:
    """The text as documents hold it; it always encodes to UTF-8.

    Line ends of every kind become ``\\n``, NUL and lone surrogates U+FFFD; colour codes of a terminal,
    other control characters, and byte order marks inside the text are dropped, as no reader sees them.
    """
    text = _LINE_ENDS.sub("\n", text)
    if "\x1b" in text or "\x08" in text:
        text = _TERMINAL_CODES.sub("", text)
    text = text.replace("\x00", "\ufffd")
    text = _SURROGATES.sub("\ufffd", text)
    return _CONTROLS.sub("", text)


def one_line(text: str, limit: int = 300) -> str:
    """A title: cleaned, white space collapsed, at most ``limit`` characters."""
    text = " ".join(clean(text).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def decode(data: bytes, *, declared: str | None = None) -> str:
    """Decode a text file: UTF-8 first, then a byte order mark, then what the bytes look like.

    Args:
        declared: An encoding that the file names itself (HTML ``<meta charset>``); believed after UTF-8
            and a byte order mark.

    Raises:
        DocumentError: ``binary`` when this is no text.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, "replace")
    wide = _wide_encoding(data)
    if wide:
        return data.decode(wide, "replace")
    if looks_binary(data):
        raise DocumentError(
            "binary",
            "This is not a text file, although its name says so.",
            hint="Give the file its right extension, or export it as text or PDF and index that.",
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if declared:
        try:
            return data.decode(declared)
        except (UnicodeDecodeError, LookupError, ValueError):
            pass  # a wrong declaration is common; the bytes decide
    return _decode_guessed(data)


def looks_binary(data: bytes) -> bool:
    """Whether the bytes hold more control characters than any text does."""
    sample = data[:_SAMPLE_BYTES]
    return len(sample) - len(sample.translate(None, _CONTROL_BYTES)) > _BINARY_SHARE * len(sample)


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 without a byte order mark: Latin text in it has NULs on every other place, and only there."""
    sample = data[:4096]
    sample = sample[: len(sample) // 2 * 2]
    if len(sample) < 4:
        return None
    even, odd = sample[::2], sample[1::2]
    even_nul, odd_nul = even.count(0) / len(even), odd.count(0) / len(odd)
    for share, other, encoding in ((odd_nul, even_nul, "utf-16-le"), (even_nul, odd_nul, "utf-16-be")):
        if share > 0.6 and other < 0.01:
            text = sample.decode(encoding, "replace")
            if sum(c.isprintable() or c.isspace() for c in text) > 0.98 * len(text):
                return encoding
    return None


def _decode_guessed(data: bytes) -> str:
    lenient = data.decode("utf-8", "replace")
    broken = lenient.count("\ufffd")
    whole = sum(1 for c in lenient[:_SAMPLE_BYTES] if c > "\x7f" and c != "\ufffd")
    if whole > 20 * broken or (whole and data.startswith(b"\xef\xbb\xbf")):
        return lenient  # UTF-8 with a few damaged characters, or cut in the middle of one

    from charset_normalizer import from_bytes

    matches = list(
        from_bytes(_telling_lines(data), cp_isolation=list(_ENCODINGS), preemptive_behaviour=False)
    )
    encoding = matches[0].encoding if matches else "cp1252"
    for match in matches:
        # Short Western text passes for several encodings; where they tie, Windows-1252 is the common one.
        if (
            match.encoding == "cp1252"
            and match.chaos <= matches[0].chaos
            and match.coherence >= matches[0].coherence - 0.05
        ):
            encoding = "cp1252"
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return data.decode("cp1252", "replace")


_ENCODINGS = (
    *("cp1252", "cp1250", "iso8859_2", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949", "cp874"),
)


def _telling_lines(data: bytes) -> bytes:
    """Up to a sample's worth of the lines that are not plain ASCII: only they say anything."""
    kept: list[bytes] = []
    size = 0
    for line in data.splitlines():
        if not line.isascii():
            kept.append(line[:_SAMPLE_BYTES])
            size += len(line)
            if size > _SAMPLE_BYTES:
                break
    return b"\n".join(kept)


_SENSELESS_TITLE = re.compile(
    r"(?:untitled|unbenannt|sans titre|\(?anonymous\)?|\(?unspecified\)?|slide \d+|"
    r"(?:word |powerpoint |microsoft word )?document ?\d*|presentation ?\d*|title|none|null|about:blank)\Z",
    re.IGNORECASE,
)
_PROGRAM_PREFIX = re.compile(r"Microsoft (?:Word|PowerPoint|Excel) - ", re.IGNORECASE)
_FILE_NAME = re.compile(
    r"(?:\S*[/\\])?\S+\.(?:docx?|pdf|tex|dvi|indd|qxd|pptx?|xlsx?|rtf|odt|html?|txt|pages|ps|fm|wpd)\Z", re.I
)


def sensible_title(text: str) -> str:
    """A title from a file's properties, or "" when a program put it there and not a person."""
    title = one_line(_PROGRAM_PREFIX.sub("", text, count=1))
    if len(title) > 250 or sum(c.isalpha() for c in title) < max(3, len(title) // 3):
        return ""
    return "" if _SENSELESS_TITLE.match(title) or _FILE_NAME.match(title) else title
