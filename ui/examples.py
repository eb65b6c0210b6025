"""Example questions for an empty conversation, made from what is really indexed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.headings import plain_title
from ui.documents_view import SAMPLES

if TYPE_CHECKING:
    from index.rows import DocumentRow
    from index.store import Store

ABOUT_SAMPLES = (
    "What does the United States propose instead of a ground invasion of Rafah?",
    "Why is Egypt part of the border plan?",
    "How does Footnote answer without a language model?",
    "What happens when I delete a document?",
)
_MOST = 4
_HEADING_CHARS = (8, 70)


def example_questions(store: Store, rows: list[DocumentRow]) -> list[str]:
    """At most four questions the documents speak of: own documents first, then the samples."""
    ready = [row for row in rows if row.answers and row.passages]
    own = sorted((row for row in ready if row.collection != SAMPLES), key=lambda row: -row.indexed_at)
    questions: list[str] = []
    for row in own[: _MOST * 2]:
        heading = _telling_heading(store, row)
        if heading:
            question = f"What does {row.name} say about “{heading}”?"
            if question not in questions:
                questions.append(question)
        if len(questions) == _MOST // 2:
            break
    if any(row.collection == SAMPLES for row in ready):
        questions.extend(ABOUT_SAMPLES)
    return questions[:_MOST]


def _telling_heading(store: Store, row: DocumentRow) -> str:
    parsed = store.parsed(row.version_id) if row.version_id is not None else None
    if parsed is None:
        return ""
    shortest, longest = _HEADING_CHARS
    titles = [plain_title(heading.title, parsed.media_type) for heading in parsed.headings]
    fitting = [title for title in titles if shortest <= len(title) <= longest and " " in title]
    # The first heading is most often the title, which says least about what can be asked.
    return next(
        iter(fitting[1:] or fitting or ([row.title] if shortest <= len(row.title) <= longest else [])), ""
    )
