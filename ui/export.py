"""A conversation as a file: what was asked and answered, with footnotes and the quotes behind them.

It holds what the page would show at this moment: a quote whose document was removed is not in it.
"""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from ui.chats import Chats, Message
from ui.references import References
from ui.render import place

EXPORTS = {"md": "Markdown", "html": "HTML", "json": "JSON"}
_TYPES = {"md": "text/markdown", "html": "text/html", "json": "application/json"}
_GONE = {"removed": "source removed", "changed": "source changed"}
# Whatever Markdown gives a meaning to: wherever it stands, at the beginning, in an address. No more, so
# that the file also reads well as it is.
_MARKDOWN = re.compile(
    r"(?P<number>^\d{1,9}(?=[.)]))|[\\`*_{}\[\]<>#!|~^$&@]|^[-+=:]|\((?=http)|:(?=//)|(?<=\bwww)\.",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footnote:
    """What a mark stands for, as it is now. ``quote`` is "" when its words are gone."""

    number: int  # counted through the whole conversation, the first is 1
    document: str
    collection: str
    place: str  # "p. 3"; "" where only the document is known
    state: str  # current, moved, disabled, changed or removed
    quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of an answer; ``verdict`` is None when it was not checked."""

    text: str
    footnotes: tuple[int, ...]
    verdict: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question and its answer."""

    question: str
    asked_at: str  # ISO 8601 with the time zone
    searched: str  # "" when that is the question
    status: str  # of the answer; "unfinished" when there is none
    answered_by: str
    sentences: tuple[Sentence, ...]
    footnotes: tuple[Footnote, ...]
    notice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file to save."""

    name: str
    media_type: str
    text: str


def export_chat(chats: Chats, references: References, chat_id: str, form: str) -> Exported | None:
    """A conversation as a file; None when there is no such conversation or format.

    Args:
        form: A key of ``EXPORTS``.
    """
    chat = chats.chat(chat_id)
    writer = _WRITERS.get(form)
    if chat is None or writer is None:
        return None
    exchanges = _exchanges(chats.messages(chat_id), references)
    stem = "-".join(re.findall(r"\w+", chat.title)[:8])[:60] or "chat"
    return Exported(
        name=f"{stem}.{form}",
        media_type=_TYPES[form],
        text=writer(chat.title, _moment(time.time()), exchanges),
    )


def _exchanges(messages: Sequence[Message], references: References) -> list[Exchange]:
    exchanges: list[Exchange] = []
    number = 1
    for question, answer in zip(messages[::2], messages[1::2], strict=True):
        exchange = _exchange(question, answer, references, number)
        number += len(exchange.footnotes)
        exchanges.append(exchange)
    return exchanges


def _exchange(question: Message, message: Message, references: References, first: int) -> Exchange:
    answer = message.answer
    if answer is None:
        return Exchange(
            question=question.text,
            asked_at=_moment(question.created_at),
            searched="",
            status="unfinished",
            answered_by="",
            sentences=(),
            footnotes=(),
            notice="This answer is not finished.",
        )
    footnotes: dict[int, Footnote] = {}
    for number, (marker, ref) in enumerate(answer.citations, start=first):
        found = references.locate(ref)
        footnotes[marker] = Footnote(
            number=number,
            document=references.name_apart(found.document) if found.document is not None else ref.name,
            collection=ref.collection,
            place=found.locator_of(ref),
            state=found.state,
            quote=" ".join(found.quote.split()),
        )
    sentences: list[Sentence] = []
    for sentence in answer.sentences:
        behind = [footnotes[marker] for marker in sentence.markers if marker in footnotes]
        text = sentence.text
        if text is None:  # it is the quote behind its first mark
            text = (behind[0].quote or f"({_GONE.get(behind[0].state, _GONE['removed'])})") if behind else ""
        sentences.append(
            Sentence(
                text=" ".join(text.split()),
                footnotes=tuple(each.number for each in behind),
                verdict=sentence.verdict,
            )
        )
    return Exchange(
        question=question.text,
        asked_at=_moment(question.created_at),
        searched="" if answer.query == question.text else answer.query,
        status=answer.status,
        answered_by=answer.generator,
        sentences=tuple(sentences),
        footnotes=tuple(footnotes.values()),
        notice=answer.notice,
    )


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))


def _minute(moment: str) -> str:
    """A moment as a person writes it: the day and the minute."""
    return moment[:16].replace("T", " ")


def _source(footnote: Footnote) -> str:
    """A footnote's place, and what became of it."""
    where = f"{place(footnote.document, footnote.place)} ({footnote.collection})"
    return where if footnote.quote else f"{where}: {_GONE.get(footnote.state, _GONE['removed'])}"


# -- the formats ---------------------------------------------------------------------------------


def _markdown(title: str, exported_at: str, exchanges: Sequence[Exchange]) -> str:
    def inert(found: re.Match[str]) -> str:
        return f"{found[0]}\\" if found["number"] else f"\\{found[0]}"

    def plain(text: str) -> str:
        return _MARKDOWN.sub(inert, " ".join(text.split()))

    blocks = [f"# {plain(title)}", f"Exported from Footnote, {_minute(exported_at)}"]
    for exchange in exchanges:
        blocks.append(f"## {plain(exchange.question)}")
        if exchange.searched:
            blocks.append(f"Searched for: {plain(exchange.searched)}")
        said = [
            plain(sentence.text)
            + "".join(f"[^{number}]" for number in sentence.footnotes)
            + (" (no source)" if sentence.verdict == "unsupported" and not sentence.footnotes else "")
            for sentence in exchange.sentences
        ]
        if said:
            blocks.append(" ".join(said))
        if exchange.notice:
            blocks.append(f"> {plain(exchange.notice)}")
    for exchange in exchanges:
        for note in exchange.footnotes:
            quote = f" “{plain(note.quote)}”" if note.quote else ""
            blocks.append(f"[^{note.number}]: {plain(_source(note))}{quote}")
    return "\n\n".join(blocks) + "\n"


_STYLE = (
    "body{max-width:44rem;margin:2rem auto;padding:0 1rem;font:17px/1.6 Georgia,serif;color:#1d2433}"
    "h1,h2{font:600 1.15em/1.4 system-ui,sans-serif}h1{font-size:1.5em}h2{margin-top:2.2em}"
    ".meta,.notes{font:.85em/1.5 system-ui,sans-serif;color:#556075}sup a{text-decoration:none}"
    ".none{text-decoration:underline dotted #b3372f}"
    "@media(prefers-color-scheme:dark){body{background:#14171d;color:#e8eaf0}"
    ".meta,.notes{color:#a9b1c2}a{color:#7db8dd}}"
)


def _html(title: str, exported_at: str, exchanges: Sequence[Exchange]) -> str:
    def plain(text: str) -> str:
        return html.escape(" ".join(text.split()))

    body = [f"<h1>{plain(title)}</h1>", f'<p class="meta">Exported from Footnote, {_minute(exported_at)}</p>']
    for exchange in exchanges:
        body.append(f"<h2>{plain(exchange.question)}</h2>")
        if exchange.searched:
            body.append(f'<p class="meta">Searched for: <em>{plain(exchange.searched)}</em></p>')
        said: list[str] = []
        for sentence in exchange.sentences:
            text = plain(sentence.text)
            if sentence.verdict == "unsupported" and not sentence.footnotes:
                text = f'<span class="none">{text}</span> (no source)'
            marks = "".join(
                f'<sup><a href="#note-{number}" id="mark-{number}">[{number}]</a></sup>'
                for number in sentence.footnotes
            )
            said.append(text + marks)
        if said:
            body.append(f"<p>{' '.join(said)}</p>")
        if exchange.notice:
            body.append(f'<p class="meta">{plain(exchange.notice)}</p>')
        if exchange.footnotes:
            notes = "".join(
                f'<li id="note-{note.number}" value="{note.number}">{plain(_source(note))}'
                f"{f' <q>{plain(note.quote)}</q>' if note.quote else ''}</li>"
                for note in exchange.footnotes
            )
            body.append(f'<ol class="notes">{notes}</ol>')
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        # Nothing in the file loads or runs anything, whatever a document holds.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{plain(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _json(title: str, exported_at: str, exchanges: Sequence[Exchange]) -> str:
    exported = {
        "title": title,
        "exported_at": exported_at,
        "exchanges": [asdict(exchange) for exchange in exchanges],
    }
    return json.dumps(exported, ensure_ascii=False, indent=2).encode("utf-8", "replace").decode() + "\n"


_WRITERS: dict[str, Callable[[str, str, Sequence[Exchange]], str]] = {
    "md": _markdown,
    "html": _html,
    "json": _json,
}
