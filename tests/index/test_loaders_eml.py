"""E-mails: headers, the text that is preferred, what is attached, and broken ones."""

from __future__ import annotations

import gzip
from email.message import EmailMessage

import pytest

from index.errors import DocumentError
from index.loaders import load
from tests.index.files import docx_paragraphs


def mail(
    text: str = "The pump arrives on Monday.\n\n> When?\n", *, subject: str = "Pumpe für Größe 3"
) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Anna Müller <anna@example.org>"
    message["To"] = "ben@example.org"
    message["Date"] = "Mon, 04 Mar 2024 09:15:00 +0100"
    message.set_content(text)
    return message


def test_a_mail_is_its_subject_its_headers_and_its_text() -> None:
    document = load(bytes(mail()), "a.eml")
    assert document.title == "Pumpe für Größe 3"
    assert document.text == (
        "Pumpe für Größe 3\n\nFrom: Anna Müller <anna@example.org>\n\nTo: ben@example.org\n\n"
        "Date: Mon, 04 Mar 2024 09:15:00 +0100\n\nThe pump arrives on Monday.\n\n> When?"
    )
    assert document.media_type == "message/rfc822"
    assert document.locators == ()


def test_plain_text_is_preferred_to_html() -> None:
    message = mail("Plain words.")
    message.add_alternative("<p>Marked words.</p>", subtype="html")
    text = load(bytes(message), "a.eml").text
    assert "Plain words." in text
    assert "Marked" not in text


def test_html_alone_is_read_as_html() -> None:
    message = mail()
    message.set_content("<h1>News</h1><p>Fresh <b>fish</b>.</p><script>x</script>", subtype="html")
    document = load(bytes(message), "a.eml")
    assert document.text.endswith("News\n\nFresh fish.")
    assert [(h.level, h.title) for h in document.headings] == [(1, "Pumpe für Größe 3"), (2, "News")]


def test_attachments_are_listed_and_read() -> None:
    message = mail("See below.")
    message.add_attachment(b"Item,Price\nPump,12\n", maintype="text", subtype="csv", filename="prices.csv")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="photo.png")
    message.add_attachment(
        docx_paragraphs("The contract ends in May."),
        maintype="application",
        subtype="x",
        filename="deal.docx",
    )
    document = load(bytes(message), "a.eml")
    assert document.text.partition("See below.")[2] == (
        "\n\nAttachments: prices.csv, photo.png, deal.docx\n\nAttachment: prices.csv\n\n"
        "Item | Price\nItem: Pump | Price: 12\n\nAttachment: deal.docx\n\nThe contract ends in May."
    )
    assert document.locator_at(document.text.index("Pump | ")) == "attachment prices.csv, row 2"
    assert document.locator_at(document.text.index("contract")) == "attachment deal.docx"
    assert document.heading_path(document.text.index("contract")) == ("Attachment: deal.docx",)
    assert document.warnings == ()


def test_a_compressed_mail_is_no_way_to_a_second_level() -> None:
    message = mail("See below.")
    message.add_attachment(
        gzip.compress(bytes(mail("Inner words."))),
        maintype="application",
        subtype="gzip",
        filename="a.eml.gz",
    )
    text = load(bytes(message), "a.eml").text
    assert text.endswith("Attachments: a.eml.gz")


def test_an_attachment_that_cannot_be_read_is_a_warning() -> None:
    message = mail("See below.")
    message.add_attachment(b"%PDF-1.4 broken", maintype="application", subtype="pdf", filename="a.pdf")
    [warning] = load(bytes(message), "a.eml").warnings
    assert warning.startswith("The attachment a.pdf was not read: ")


def test_a_forwarded_mail_is_read_but_not_what_is_attached_to_it() -> None:
    inner = mail("Inner words.", subject="Offer")
    inner.add_attachment(b"Item,Price\nPump,12\n", maintype="text", subtype="csv", filename="prices.csv")
    outer = mail("Please look.")
    outer.add_attachment(inner)
    text = load(bytes(outer), "a.eml").text
    assert "Attachment: Offer" in text
    assert "Inner words." in text
    assert "Attachments: prices.csv" in text
    assert "Item: Pump" not in text


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "iso-2022-jp", "koi8-r"])
def test_encodings(charset: str) -> None:
    words = {"iso-2022-jp": "会議は月曜日です", "koi8-r": "Встреча в понедельник"}.get(
        charset, "Größe über alles"
    )
    message = mail()
    message.set_content(words, charset=charset)
    assert load(bytes(message), "a.eml").text.endswith(words)


@pytest.mark.parametrize(
    "source",
    [
        b"Subject: =?utf-8?b?####?=\nFrom: a\n\ntext",
        b"Subject: =?nonsense?q?a?=\nFrom: <<<>>> ,;:\n\ntext",
        b'Subject: x\nContent-Type: text/plain; charset="\xff"\n\ntext',
        b"Subject: x\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\ntext",
        b"Subject: x\nContent-Transfer-Encoding: base64\n\ndGV4dA=\n",
    ],
)
def test_broken_mails_are_read_as_far_as_they_go(source: bytes) -> None:
    assert "text" in load(source, "a.eml").text


def test_an_endless_header_takes_no_time() -> None:
    subject = b"=?a?q?" * 200_000
    assert "text" in load(b"Subject: " + subject + b"\nFrom: a\n\ntext", "a.eml").text


def problem(source: bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        load(source, "a.eml")
    assert caught.value.hint.endswith(".")
    return caught.value.problem


def test_what_is_no_mail_or_nests_too_deeply_is_refused() -> None:
    assert problem(b"just a text\n") == "damaged"
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(60))
    assert problem(b"Subject: x\n" + deep + b"\ntext") == "too_large"
    deeper = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000))
    assert problem(b"Subject: x\n" + deeper + b"\ntext") in ("damaged", "too_large")
