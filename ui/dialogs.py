"""What opens over the page: the list of keys, and lines about what is done, or that nobody answers."""

from __future__ import annotations

from ui.render import button, escape

SINGLE_KEYS = (
    (("/",), "Go to the question"),
    (("[", "]"), "Previous and next citation"),
    (("1 – 9",), "Open that citation of the last answer"),
)
SHORTCUTS = (
    (("Ctrl+K",), "Go to the question"),
    (("↑",), "Edit the last question, when the field is empty"),
    (("Ctrl+Shift+O",), "New chat"),
    (("Ctrl+Shift+C",), "Copy the last answer with its sources"),
    (("Ctrl+/",), "This list"),
)
KEYS = (
    (("Enter",), "Send the question"),
    (("Shift+Enter",), "New line in the question"),
    (("Esc",), "Stop the answer; give up an edit; close the evidence"),
)


def dialogs_html() -> str:
    """Every dialog, closed; static. The browser keeps the focus inside an open one, and Escape closes it."""
    close = button("Close", "fn-btn", {"dialog": "close"})
    return (
        '<p class="fn-sr" id="fn-live" aria-live="polite"></p>'
        '<p class="fn-sr" id="fn-said" aria-live="polite"></p>'
        '<div role="status"><p class="fn-notice" id="fn-away" hidden>Footnote does not answer. '
        "If it was closed, start it again: this page then goes on by itself.</p></div>"
        '<dialog class="fn-dialog" id="fn-keys" aria-labelledby="fn-keys-title">'
        f'<h2 id="fn-keys-title">Keys</h2><dl>{_rows(KEYS)}</dl>'
        f"{_switch('shortcut', 'Shortcuts')}<dl>{_rows(SHORTCUTS)}</dl>"
        f"{_switch('single', 'Single keys, while nothing is typed')}<dl>{_rows(SINGLE_KEYS)}</dl>"
        '<p class="fn-quiet-line">On a Mac, ⌘ stands for Ctrl.</p>'
        f'<div class="fn-dialog-end">{close}</div></dialog>'
    )


def _switch(keys: str, label: str) -> str:
    """Turns off keys that a browser, a screen reader or a person may want for something else."""
    box = f'<input type="checkbox" data-keys="{keys}" checked>'
    return f'<label class="fn-switch">{box}<span>{label}</span></label>'


def _rows(keys: tuple[tuple[tuple[str, ...], str], ...]) -> str:
    return "".join(
        f"<div><dt>{' '.join(f'<kbd>{escape(name)}</kbd>' for name in names)}</dt><dd>{what}</dd></div>"
        for names, what in keys
    )
