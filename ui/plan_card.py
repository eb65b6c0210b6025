"""The plan card of the Documents view: what a re-index would do, to apply or to discard."""

from __future__ import annotations

from ui.indexing import label
from ui.landing import CHECK, ENDED, JOB
from ui.planning import PlanGroup, PlanSummary, line_words
from ui.render import button, escape_line


def plan_card(plan: PlanSummary, *, generation: int) -> str:
    """The counts, the files of each group to unfold, the cost, and the two buttons.

    Args:
        generation: Of the index now; when it is not the plan's, the card says that it is out of date.

    What the disk cannot hold is said too. It can be applied all the same, for the disk may have been made
    free since; the run looks again before it begins.
    """
    title = escape_line(f"What indexing will do: {label(plan.request)}")
    stale = ""
    if plan.changes and generation != plan.generation:
        words = "The index has changed since. Applying does what is needed by then."
        stale = f"<p>{escape_line(words)}</p>"
    short = ""
    if plan.warning:
        short = f'<p class="fn-wrong" role="alert">{escape_line(plan.warning)}</p>'
    begins = {"act": "apply", "soon": f"#{JOB}", "next": ENDED}
    apply = button("Apply", "fn-btn fn-primary", begins) if plan.changes else ""
    discard = button("Discard" if plan.changes else "Close", "fn-btn", {"act": "discard", "next": CHECK})
    return (
        f'<section class="fn-card fn-plan" aria-label="Plan"><h2><bdi>{title}</bdi></h2>'
        f"<p data-say>{escape_line(plan.words)}</p>{stale}{short}"
        f"{''.join(_group(group) for group in plan.groups)}"
        f'<div class="fn-bar">{apply}{discard}</div></section>'
    )


def _group(group: PlanGroup) -> str:
    words = escape_line(group.words)
    if not group.lines:
        return f"<p>{words}</p>"
    items = "".join(
        f"<li><bdi><b>{escape_line(line.path)}</b></bdi> {escape_line(line_words(line))}</li>"
        for line in group.lines
    )
    rest = group.files - len(group.lines)
    more = f"<li>and {rest:,} more</li>" if rest > 0 else ""
    return f'<details><summary>{words}</summary><ul tabindex="0">{items}{more}</ul></details>'
