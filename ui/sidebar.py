"""The sidebar, the top bar and the empty state: conversations, what is indexed, and which model answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache

from index.jobs import Job
from index.report import Progress
from index.rows import StoreStatus
from ui.beginning import beginning_html
from ui.chats import Chat
from ui.export import EXPORTS
from ui.render import ago, button, count, escape, escape_line
from ui.sources import scope_html

BRAND = '<div class="fn-brand">Footnote<sup>1</sup></div>'

# As in the address (``?view=``) and in page.js -> on the tab.
VIEWS = {"chat": "Chat", "documents": "Documents", "quality": "Quality", "settings": "Settings"}
_EDITING = (
    '<div class="fn-editing"><span>Editing your last question. Its answer stays as a variant.</span>'
    f"{button('Cancel', 'fn-link', {'act': 'edit-cancel'}, title='Cancel (Esc)')}</div>"
)
_ATTACH = (
    '<button type="button" class="fn-attach" data-do="files" aria-label="Add files" '
    'title="Add files to your documents">+</button>'
)


def sidebar_html(
    chats: Sequence[Chat],
    current: str,
    status: StoreStatus,
    job: Job | None,
    model: str,
    model_problem: str,
    now: float | None = None,
    *,
    built_in: bool = True,
    answering: int = 0,
    passages: int = 0,
    changed: int = 0,
    sources: str = "",
    listed: int = 100,
    wanted: str = "",
    deleted: str | None = None,
    reindex: bool = False,
) -> str:
    """Conversations by day, what is searched, then the state of the index and the answering model.

    Args:
        chats: The one used last first.
        current: Id of the conversation on the screen, "" for none.
        status: Of the index.
        job: The indexing job that runs now.
        model: What answers, in words.
        model_problem: Why nothing can answer now, or not as it should; "" when all is well.
        now: Unix seconds; the present when None.
        built_in: Whether that needs nothing else; of a language model nobody knows before it has answered.
        answering: How many documents can answer: those that were read and are not disabled.
        passages: How many passages these have.
        changed: How many files in the folders are known not to be as they are indexed.
        sources: The block of what the conversation searches, as HTML.
        listed: How many of ``chats`` are shown; a button leads to the others.
        wanted: The words that ``chats`` were searched for, "" when these are all.
        reindex: Whether everything is to be embedded anew, with another model.
        deleted: Title of the conversation that was deleted a moment ago and can be brought back.
    """
    moment = time.time() if now is None else now
    today = time.localtime(moment)[:3]
    groups: dict[str, list[str]] = {"Today": [], "Earlier": []}
    for chat in chats[:listed]:
        day = "Today" if time.localtime(chat.updated_at)[:3] == today else "Earlier"
        groups[day].append(_chat(chat, on_screen=chat.chat_id == current))
    lists = "".join(
        f'<p class="fn-h">{title}</p><ul class="fn-list">{"".join(items)}</ul>'
        for title, items in groups.items()
        if items
    )
    if len(chats) > listed:
        lists += button("Older chats", "fn-link fn-older", {"act": "older"})
    if wanted and not chats:
        clear = button("Clear", "fn-link", {"act": "find", "find": "clear"})
        lists = f'<p class="fn-no-chats">Nothing was said of “{escape_line(wanted)}”. {clear}</p>'
    undo = ""
    if deleted is not None:
        back = button("Undo", "fn-link", {"act": "undelete"})
        gone = f"<span>Deleted <bdi>{escape_line(deleted)}</bdi></span>"
        undo = f'<p class="fn-deleted" data-say>{gone}{back}</p>'
    index = _index_line(status, job, moment, changed=changed, reindex=reindex) + (
        '<button type="button" class="fn-line" data-view="documents">'
        f"{count(answering, 'document')}, {count(passages, 'passage')}</button>"
    )
    return (
        f'<div class="fn-side">{undo}'
        f'<nav class="fn-chats" aria-label="Conversations">{lists}</nav>'
        f"{sources}"
        f'<div class="fn-status">{index}{_model_line(model, model_problem, built_in=built_in)}'
        f"{button('Keys', 'fn-line', {'dialog': 'keys'}, title='List of keys (Ctrl+/)')}</div></div>"
    )


def head_html() -> str:
    """The top of the sidebar; static, so that typing in its field is never interrupted."""
    skip = button("Skip to the page", "fn-btn fn-skip", {"skip": ""})
    new = button("New chat", "fn-new", {"act": "new"}, title="New chat (Ctrl+Shift+O)")
    return (
        f'{skip}<div class="fn-head">{BRAND}{new}'
        '<input class="fn-field fn-find" type="search" maxlength="200" '
        'placeholder="Search chats" aria-label="Search chats"></div>'
    )


@lru_cache(maxsize=1000)  # every tab draws all that it lists with every change
def _chat(chat: Chat, *, on_screen: bool) -> str:
    on = ' aria-current="page"' if on_screen else ""
    title = escape_line(chat.title)
    rename = button("Rename", "fn-plain", {"rename": chat.chat_id})
    exports = "".join(
        button(label, "fn-plain", {"export": form, "chat": chat.chat_id}) for form, label in EXPORTS.items()
    )
    delete = button("Delete this chat", "fn-danger", {"act": "delete", "chat": chat.chat_id})
    return (
        f'<li class="fn-item"{on}><button type="button" class="fn-open" data-act="open" '
        f'data-chat="{escape(chat.chat_id)}" title="{title}"><bdi>{title}</bdi></button>'
        '<details class="fn-menu"><summary aria-label="More about this chat">⋯</summary><div class="fn-pop">'
        f'{rename}<div class="fn-exports"><span>Export</span>{exports}</div>{delete}</div></details></li>'
    )


def composer_html(searched: Sequence[str], *, editing: bool, left_out: Sequence[str] = ()) -> str:
    """What stands in the composer beside the question: adding files, that one is edited, what is searched.

    Args:
        searched: Names of what is selected; empty for everything.
        editing: Whether the last question is edited.
        left_out: Names of the files that are not selected.
    """
    return _ATTACH + (_EDITING if editing else "") + scope_html(searched, left_out)


def _index_line(status: StoreStatus, job: Job | None, now: float, *, changed: int, reindex: bool) -> str:
    act = ""
    if job is not None:
        verb = "Checking" if job.kind == "plan" else "Indexing"
        dot = "fn-idle" if job.state == "paused" else "fn-busy"
        line = f'<span class="fn-dot {dot}"></span>{progress_words(job.progress, verb)}'
    elif reindex:
        line = '<span class="fn-dot fn-warn"></span>Re-index needed'
    elif status.documents == 0:
        line = '<span class="fn-dot fn-idle"></span>No documents yet'
    elif changed:
        act = ' data-act="review"'
        line = f'<span class="fn-dot fn-warn"></span>{count(changed, "file")} changed · <u>Review</u>'
    elif status.failed:
        line = f'<span class="fn-dot fn-warn"></span>{count(status.failed, "document")} could not be read'
    else:
        when = "" if status.last_indexed_at is None else f" · {ago(status.last_indexed_at, now)}"
        line = f'<span class="fn-dot"></span>Up to date{escape_line(when) and " " + escape_line(when)}'
    return f'<button type="button" class="fn-line" data-view="documents"{act}>{line}</button>'


def progress_words(progress: Progress | None, verb: str = "Indexing") -> str:
    """One line about a running job: ``Indexing 12 of 40``."""
    if progress is not None and progress.files_total == 0 and progress.passages_total:
        verb = "Paused at" if progress.stage == "paused" else "Embedding"
        return f"{verb} {progress.passages_done:,} of {progress.passages_total:,}"
    if progress is None or progress.files_total == 0:
        return "Preparing to index" if verb == "Indexing" else "Looking for changes"
    if progress.stage == "paused":
        verb = "Paused at"
    return f"{verb} {progress.files_done:,} of {progress.files_total:,}"


def _model_line(model: str, problem: str, *, built_in: bool) -> str:
    dot = f'<span class="fn-dot{" fn-off" if problem else ""}"></span>' if problem or built_in else ""
    line = f"{dot}{escape_line(problem or model)}"
    settings = button("Settings", "fn-line", {"view": "settings"})
    return f'<div class="fn-line fn-model">{line}</div>{settings}'


def top_html(title: str, chat_id: str, tab: str) -> str:
    """The bar above every view.

    Args:
        title: Of the conversation.
        chat_id: The page reads it to keep the address up to date.
        tab: The key of the tab, which its pulse carries; "" until it is open.
    """
    tabs = "".join(button(label, "", {"view": view}) for view, label in VIEWS.items())
    titles = "".join(
        f'<span data-title="{view}">{label}</span>' for view, label in VIEWS.items() if view != "chat"
    )
    return (
        f'<header class="fn-top" data-chat="{escape(chat_id)}" data-tab="{escape(tab)}">'
        '<button type="button" class="fn-quiet fn-burger" data-view="side" aria-label="Conversations">☰'
        "</button>"
        f'<h1><span class="fn-chat-title"><bdi>{escape_line(title)}</bdi></span>'
        f"{titles}</h1><nav>{tabs}</nav></header>"
    )


def welcome_html(questions: Sequence[str], *, documents: int, samples: bool, indexing: bool) -> str:
    """What an empty conversation shows.

    Args:
        questions: Examples that the documents answer.
        documents: How many there are.
        samples: Whether the samples are among them.
        indexing: Whether a job runs now.
    """
    if not documents and indexing:
        return (
            '<div class="fn-hello"><h2>Reading documents</h2>'
            "<p>The first documents are being indexed. In a moment you can ask about them.</p></div>"
        )
    if not documents:
        return (
            '<div class="fn-hello"><h2>Ask your own documents</h2>'
            f"<p>They stay on this computer.</p>{beginning_html()}</div>"
        )
    examples = "".join(
        button(question, "fn-example", {"act": "ask", "text": question}) for question in questions
    )
    about = "the samples that came with Footnote, or your own documents" if samples else "your documents"
    return (
        f'<div class="fn-hello"><h2>What would you like to know?</h2><p>Ask about {about}. '
        "Every sentence of an answer carries a mark; click it to see the exact words it rests on.</p>"
        f'<div class="fn-examples">{examples}</div></div>'
    )
