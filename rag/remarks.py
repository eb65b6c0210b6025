"""What an answer says about itself: what became of each passage, and what went wrong on the way."""

from __future__ import annotations

from rag.answers import Answer, Considered, Passage
from rag.refusal import counted
from rag.rerank import Ranked

MOST_QUESTION_CHARS = 8_000


def shown(ranked: Ranked, answer: Answer, *, most: int) -> tuple[Passage, ...]:
    """The best passages, best first: the first ``most``, and of those behind them what is cited."""
    cited = {citation.chunk_id for citation in answer.citations}
    behind = (passage for passage in ranked.passages[most:] if passage.chunk_id in cited)
    return (*ranked.passages[:most], *behind)


def considered(ranked: Ranked, answer: Answer) -> tuple[Considered, ...]:
    """What became of each passage that was looked at, best first."""
    marks: dict[int, list[int]] = {}
    for citation in answer.citations:
        marks.setdefault(citation.chunk_id, []).append(citation.marker)
    found: list[Considered] = []
    for passage in ranked.passages:
        if passage.chunk_id in marks:
            reason = "cited as " + ", ".join(f"[{marker}]" for marker in marks[passage.chunk_id])
        elif ranked.readings and passage.chunk_id not in ranked.readings:
            reason = "not read, too far down"
        elif answer.status == "abstained":
            reason = "below the bar"
        else:
            reason = "others answer better"
        if passage.also_in:
            reason += f"; the same text is in {', '.join(passage.also_in)}"
        found.append(Considered(passage=passage, kept=passage.chunk_id in marks, reason=reason))
    return tuple(found)


def unusable(question: str) -> str:
    """Why a question cannot be asked; "" if it can."""
    if not any(map(str.isalnum, question)):  # signs alone are about nothing, and near to whatever is odd
        return "There is no question. Type one in words and ask again."
    if len(question) > MOST_QUESTION_CHARS:
        return f"The question is longer than {MOST_QUESTION_CHARS:,} characters. Shorten it and ask again."
    return ""


def model_notice(*, dropped: int, cut: bool) -> str:
    """What a reader must know of a language model's answer; "" if nothing.

    Args:
        dropped: Marks that named no passage.
        cut: Whether the model came to its length limit.
    """
    parts: list[str] = []
    if dropped:
        parts.append(
            f"{counted(dropped, 'mark')} named no passage and {'was' if dropped == 1 else 'were'} left out."
        )
    if cut:
        parts.append("The model reached its length limit. Raise generation.max_tokens for longer answers.")
    return " ".join(parts)
