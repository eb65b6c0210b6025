"""What opens over the page: the list of keys, and lines about what is done, or that nobody answers."""

from __future__ import annotations

from ui.render import button, escape

SINGLE_KEYS = (
    (("/",), "Go to the question"),
    (("[", "]"), "Previous and next citation"),
    (("1 – 9",), "Open that citation of the last answer"),
)
KEYS = (
    (("Ctrl+K",), "Go to the question"),
    (("Enter",), "Send the question"),
    (("Shift+Enter",), "New line in the question"),
    (("↑",), "Edit the last question, when the field is empty"),
    (("Ctrl+Shift+O",), "New chat"),
    (("Ctrl+Shift+C",), "Copy the last answer with its sources"),
    (("Esc",), "Stop the answer; give up an edit; close the evidence"),
    (("Ctrl+/",), "This list"),
)


def dialogs_html() -> str:
    """Every dialog, closed; static. The browser keeps the focus inside an open one, and Escape closes it."""
    close = button("Close", "fn-btn", {"dialog": "close"})
    return (
        '<p class="fn-sr" id="fn-live" aria-live="polite"></p>'
        '<div role="status"><p class="fn-notice" id="fn-away" hidden>Footnote does not answer. '
        "If it was closed, start it again: this page then goes on by itself.</p></div>"
        '<dialog class="fn-dialog" id="fn-keys" aria-labelledby="fn-keys-title">'
        f'<h2 id="fn-keys-title">Keys</h2><dl>{_rows(KEYS)}</dl>'
        '<label class="fn-switch"><input type="checkbox" id="fn-single-keys" checked>'
        "<span>Single keys, while nothing is typed</span></label>"
        f"<dl>{_rows(SINGLE_KEYS)}</dl>"
        '<p class="fn-quiet-line">On a Mac, ⌘ stands for Ctrl.</p>'
        f'<div class="fn-dialog-end">{close}</div></dialog>'
    )


def _rows(keys: tuple[tuple[tuple[str, ...], str], ...]) -> str:
    return "".join(
        f"<div><dt>{' '.join(f'<kbd>{escape(name)}</kbd>' for name in names)}</dt><dd>{what}</dd></div>"
        for names, what in keys
    )
