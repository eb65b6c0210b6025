"""A test question that is typed in the Quality view, and what should answer it, if anything should."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from index.errors import SourceError
from rag.feedback import Feedback, Place
from ui.named import matching
from ui.render import button, escape

if TYPE_CHECKING:
    from index.rows import DocumentRow

QUESTION, DOCUMENT = "question", "document"
MOST_CHARS = 1000


def question_form(draft: Mapping[str, str]) -> str:
    """Two fields and two buttons.

    Args:
        draft: What stands in the fields, by their names.
    """
    fields = "".join(
        f'<input class="fn-field" data-set="{name}" value="{escape(draft.get(name, ""))}" '
        f'maxlength="{MOST_CHARS}" placeholder="{label}" aria-label="{label}" autocomplete="off">'
        for name, label in ((QUESTION, "A question"), (DOCUMENT, "Right document: any, or its name"))
    )
    add = {"act": "add-question", "typed": ""}
    answered = button("Add", "fn-btn", {**add, "verdict": "helpful"}, title="It should be answered")
    refused = button(
        "Add as not in my documents",
        "fn-btn",
        {**add, "verdict": "not_in_documents"},
        title="It should be refused",
    )
    return f'<div class="fn-bar fn-add-question">{fields}{answered}{refused}</div>'


def typed_question(draft: Mapping[str, str], verdict: str, rows: Sequence[DocumentRow]) -> Feedback:
    """What was typed as a test question.

    Args:
        draft: The fields, by their names.
        verdict: Which button was pressed.
        rows: All documents.

    Raises:
        SourceError: There is no question, or no such document.
    """
    question, document = (" ".join(draft.get(name, "").split()) for name in (QUESTION, DOCUMENT))
    if not question:
        raise SourceError("There is no question yet.", hint="Type one, then add it.")
    if verdict == "not_in_documents":
        return Feedback(question=question, verdict="not_in_documents")
    right = matching(rows, [document]) if document else []
    # The whole document is meant, so no words are: an empty span, and the hash of nothing.
    places = tuple(Place(document=row.path, start=0, end=0, sha256="") for row in right)
    return Feedback(question=question, verdict="helpful", cited=places)


def is_typed(entry: Feedback) -> bool:
    """Whether a question that is to be answered was typed here, and no answer to it was called helpful."""
    return entry.verdict == "helpful" and not any(place.sha256 for place in entry.cited)
