"""E-mails: subject, sender and date, the text, and after it the attachments that Footnote can read."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message

from index.documents import ParsedDocument
from index.errors import DocumentError
from index.loaders.cleaning import clean, decode, one_line
from index.loaders.composing import Composition
from index.loaders.refusals import damaged

_HEADERS = ("From", "To", "Cc", "Date")
_MAX_ATTACHMENTS = 100
_MAX_PARTS = 1_000
_MAX_DEPTH = 20
_HEADER_CHARS = 10_000
_SHIFTED = ("iso-2022", "utf-7", "hz")  # encodings whose bytes also pass for ASCII


@dataclass(frozen=True, slots=True)
class _Attachment:
    name: str
    data: bytes
    is_message: bool


def load_eml(
    data: bytes, *, media_type: str, max_pages: int, max_chars: int, attached: bool = True
) -> ParsedDocument:
    """The plain text is preferred to the same as HTML; what it quotes of earlier mails stays.

    Attachments are listed by name. Those of a format that Footnote reads follow under a heading of their
    own, but those of an attached e-mail are only listed; one that cannot be read is a warning.

    Args:
        attached: Whether to read attachments.

    Raises:
        DocumentError: ``damaged`` or ``too_large``.
    """
    try:
        # Not the newer policy: its parser of headers raises all kinds of errors on broken ones.
        message = message_from_bytes(data, policy=policy.compat32)
        contents = _Contents(message)
    except (RecursionError, MessageError) as exc:
        raise damaged() from exc
    subject = one_line(_header(message, "Subject"))
    if not subject and not any(message.get(name) for name in _HEADERS):
        raise DocumentError(
            "damaged",
            "This is not an e-mail, although its name says so.",
            hint="Save the message again from the mail program, as .eml.",
        )
    composition = Composition(max_chars)
    composition.add_heading(subject or "(no subject)", 1)
    for name in _HEADERS:
        value = one_line(_header(message, name), 1_000)
        if value:
            composition.add(f"{name}: {value}")
    for text in contents.texts:
        composition.insert(text, below=1, locator="")
    if contents.attachments:
        composition.add("Attachments: " + ", ".join(each.name for each in contents.attachments))
    warnings: list[str] = []
    for attachment in contents.attachments if attached else ():
        try:
            read = _read(attachment, max_pages=max_pages, max_chars=max_chars)
        except DocumentError as exc:
            warnings.append(f"The attachment {attachment.name} was not read: {exc}")
            continue
        if read is not None:
            composition.add_heading(f"Attachment: {attachment.name}", 1)
            composition.insert(read, below=1, locator=f"attachment {attachment.name}")
            warnings += (f"{attachment.name}: {warning}" for warning in read.warnings)
    return composition.document(media_type=media_type, title=subject, warnings=warnings)


def _read(attachment: _Attachment, *, max_pages: int, max_chars: int) -> ParsedDocument | None:
    """The attachment as a document; None for a format that is not read, such as a picture."""
    from index.loaders import load
    from index.loaders.names import is_picture_name, supported

    if attachment.is_message or attachment.name.lower().endswith(".eml"):
        return load_eml(
            attachment.data, media_type="message/rfc822", max_pages=max_pages, max_chars=max_chars,
            attached=False,
        )  # fmt: skip
    # Nor an e-mail in compressed form, which would be a way around the limit of one level.
    # Pictures are mostly logos and signatures, and nothing here recognises their words.
    if is_picture_name(attachment.name) or not supported(attachment.name):
        return None
    if attachment.name.lower().endswith(".eml.gz"):
        return None
    return load(attachment.data, attachment.name, max_pages=max_pages, max_chars=max_chars)


class _Contents:
    """The texts of a message in order, and what is attached to it."""

    def __init__(self, message: Message) -> None:
        self.texts: list[ParsedDocument] = []
        self.attachments: list[_Attachment] = []
        self._parts = 0
        self._read_part(message, 0)

    def _read_part(self, part: Message, depth: int) -> None:
        self._parts += 1
        if depth > _MAX_DEPTH or self._parts > _MAX_PARTS or len(self.attachments) > _MAX_ATTACHMENTS:
            raise DocumentError(
                "too_large",
                "The e-mail has more parts than are read.",
                hint="Save what you need of it as files of their own and index those.",
            )
        kind = part.get_content_type()
        if kind == "message/rfc822":
            self._attach(part)
        elif kind == "multipart/alternative":
            # Children say the same in different forms; what is attached inside any of them is kept.
            before, versions = self.texts, []
            for each in _children(part):
                self.texts = []
                self._read_part(each, depth + 1)
                versions.append((each.get_content_type() != "text/plain", self.texts))
            versions.sort(key=lambda version: version[0])
            self.texts = [*before, *next((texts for _, texts in versions if texts), [])]
        elif part.is_multipart():
            for each in _children(part):
                self._read_part(each, depth + 1)
        elif part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text":
            self._attach(part)
        elif (text := _text(part)) is not None:
            self.texts.append(text)

    def _attach(self, part: Message) -> None:
        is_message = part.get_content_type() == "message/rfc822"
        inner = next(_children(part), None) if is_message else None
        if inner is not None:
            name = one_line(_header(inner, "Subject"), 100) or "message"
            self.attachments.append(_Attachment(name, inner.as_bytes(), True))
            return
        name = one_line(_decoded(part.get_filename() or ""), 100).rpartition("/")[2]
        if name:
            self.attachments.append(_Attachment(name, _payload(part), False))


def _children(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    return (each for each in payload if isinstance(each, Message)) if isinstance(payload, list) else iter(())


def _text(part: Message) -> ParsedDocument | None:
    """A text part as a document; None when it is blank or no text."""
    data = _payload(part)
    charset = part.get_content_charset()
    try:
        if part.get_content_type() == "text/html":
            from index.loaders.html import load_html

            return load_html(data, media_type="text/html")
        text = clean(_decode(data, charset)).strip()
    except DocumentError:
        return None
    return ParsedDocument(text=text) if text else None


def _decode(data: bytes, charset: str | None) -> str:
    if charset is not None and charset.startswith(_SHIFTED):
        try:
            return data.decode(charset)
        except (LookupError, ValueError):
            pass  # the bytes decide
    return decode(data, declared="cp1252" if charset in ("iso-8859-1", "us-ascii") else charset)


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _header(message: Message, name: str) -> str:
    return _decoded(str(message.get(name) or ""))


def _decoded(value: str) -> str:
    """A header in words: ``=?utf-8?q?Gr=C3=BC=C3=9Fe?=`` is "Grüße"."""
    value = value[:_HEADER_CHARS]  # the time to decode it grows with its square
    try:
        pieces = decode_header(value)
    except (HeaderParseError, binascii.Error, ValueError):
        return value
    words: list[str] = []
    for piece, charset in pieces:
        if isinstance(piece, str):
            words.append(piece)
            continue
        try:
            words.append(piece.decode(charset or "utf-8", "replace"))
        except (LookupError, ValueError):  # a character set of no such name, or with a NUL in it
            words.append(piece.decode("utf-8", "replace"))
    return "".join(words)
