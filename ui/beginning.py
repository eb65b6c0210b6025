"""What there is to do where no document is, in the chat and in Documents: three choices, and what to ask."""

from __future__ import annotations

from ui.examples import ABOUT_SAMPLES
from ui.landing import JOB, SUMMARY
from ui.render import button


def beginning_html() -> str:
    """The choices with a word on each, and questions that bring the samples back and are then answered."""
    leads = {"soon": f"#{JOB}", "next": f"#{SUMMARY}"}
    choices = (
        (
            button("Add files", "fn-btn fn-primary", {"do": "files"}),
            "PDF, Word, HTML, Markdown, text and more. Or drop them anywhere on this page.",
        ),
        (
            button("Add a folder", "fn-btn", {"do": "folder"}),
            "Everything in it that can be read, where it is. Your files stay as they are.",
        ),
        (
            button("Bring back the samples", "fn-btn", {"act": "samples", **leads}),
            "Five short documents that come with Footnote, to see how it answers.",
        ),
    )
    items = "".join(f"<li>{choice}<p>{words}</p></li>" for choice, words in choices)
    questions = "".join(
        button(question, "fn-example", {"try": question}, title="Bring back the samples, and ask them this")
        for question in ABOUT_SAMPLES
    )
    return (
        f'<div class="fn-beginning"><ul>{items}</ul>'
        f'<p>What the samples answer:</p><div class="fn-examples">{questions}</div></div>'
    )
