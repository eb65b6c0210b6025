"""A plan for people: its files grouped by what happens to them, in words, for the page and a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from index.errors import StorageError
from index.report import FileOutcome, Outcome
from index.room import Room
from ui.indexing import Request, label
from ui.plaintext import count
from ui.render import explain, file_size

if TYPE_CHECKING:
    from index.plan import Plan

LISTED_ON_PAGE = 100
LISTED_IN_TERMINAL = 10
# In this order: what costs time or takes something away comes first.
TITLES: dict[Outcome, str] = {
    "added": "new",
    "changed": "changed",
    "renamed": "renamed",
    "removed": "removed",
    "failed": "cannot be indexed",
    "skipped": "skipped",
    "unchanged": "unchanged",
}
_DOING: tuple[Outcome, ...] = ("added", "changed", "renamed", "removed", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanGroup:
    """The files of a plan that share an outcome; ``lines`` are the first of them, none for ``unchanged``."""

    outcome: Outcome
    files: int
    passages: int
    embedded: int
    to_recognise: int
    lines: tuple[FileOutcome, ...]

    @property
    def words(self) -> str:
        """``2 changed: 3 of 40 passages to embed``."""
        words = f"{self.files:,} {TITLES[self.outcome]}"
        if self.outcome in ("added", "changed"):
            return f"{words}: {_cost(self.embedded, self.passages, self.to_recognise)}"
        if self.outcome == "renamed":
            return f"{words}: nothing to embed"
        if self.outcome == "removed" and self.passages:
            verb = "leaves" if self.passages == 1 else "leave"
            return f"{words}: {count(self.passages, 'passage')} {verb} the index"
        return words


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """A plan cut to what is shown. ``request`` carries it out; ``estimate`` as in ``index.plan.Plan``."""

    request: Request
    groups: tuple[PlanGroup, ...]
    passages: int
    embedded: int
    to_recognise: int
    estimate: tuple[float, float] | None
    room: Room
    generation: int

    @property
    def changes(self) -> bool:
        """Whether carrying it out would do anything."""
        return any(group.outcome in _DOING for group in self.groups)

    @property
    def changed_files(self) -> int:
        """How many files are not as they were indexed; those that cannot be read are no news."""
        return sum(group.files for group in self.groups if group.outcome in _DOING[:-1])

    @property
    def words(self) -> str:
        """What it costs, in one line."""
        if not self.changes:
            return "Nothing has changed."
        cost = _cost(self.embedded, self.passages, self.to_recognise)
        more = ", and that of text recognition" if self.to_recognise else ""
        return f"{cost[:1].upper()}{cost[1:]}. Time: {time_words(self.estimate)}{more}.{_room(self.room)}"

    @property
    def warning(self) -> str:
        """Why it cannot be carried out now, and what to do; "" where it can."""
        return room_warning(self.room)


def summarize(plan: Plan, request: Request, *, listed: int) -> PlanSummary:
    """Group a plan's files; at most ``listed`` of each group are kept by name."""
    groups = []
    for outcome in TITLES:
        files = [line for line in plan.outcomes if line.outcome == outcome]
        if files:
            group = PlanGroup(
                outcome=outcome,
                files=len(files),
                passages=sum(line.passages for line in files),
                embedded=sum(line.embedded for line in files),
                to_recognise=sum(line.to_recognise for line in files),
                lines=() if outcome == "unchanged" else tuple(files[:listed]),
            )
            groups.append(group)
    read = [group for group in groups if group.outcome in ("added", "changed")]
    return PlanSummary(
        request={**request, "kind": "paths", "label": label(request)},
        groups=tuple(groups),
        passages=sum(group.passages for group in read),
        embedded=plan.embedded,
        to_recognise=plan.to_recognise,
        estimate=plan.estimate,
        room=plan.room,
        generation=plan.generation,
    )


def summary_json(summary: PlanSummary) -> dict[str, Any]:
    """A summary as it crosses the pipe between the worker and the page."""
    return asdict(summary)


def summary_from_json(sent: Mapping[str, Any]) -> PlanSummary:
    """The inverse of :func:`summary_json`."""
    groups = (
        PlanGroup(**{**group, "lines": tuple(FileOutcome(**line) for line in group["lines"])})
        for group in sent["groups"]
    )
    estimate = sent["estimate"]
    return PlanSummary(
        **{
            **sent,
            "groups": tuple(groups),
            "room": Room(**sent["room"]),
            "estimate": None if estimate is None else (float(estimate[0]), float(estimate[1])),
        }
    )


def plan_lines(summary: PlanSummary) -> Iterator[str]:
    """What would happen, group by group, and what it would cost."""
    for group in summary.groups:
        yield group.words
        for line in group.lines:
            yield f"    {' '.join(filter(None, (line.path, line_words(line))))}"
        if group.lines and group.files > len(group.lines):
            yield f"    and {group.files - len(group.lines):,} more"
    yield summary.words if summary.groups else "No files were found."
    if summary.warning:
        yield summary.warning
    yield "This is a plan; nothing was changed."


def line_words(line: FileOutcome) -> str:
    """What happens to one file, after its name; "" when its group says it all."""
    match line.outcome:
        case "renamed":
            return f"(was {line.same_as})"
        case "added" | "changed":
            twin = f"; same content as {line.same_as}" if line.same_as else ""
            return f"({_cost(line.embedded, line.passages, line.to_recognise)}{twin})"
        case "failed" | "skipped":
            return f"({' '.join(filter(None, (line.reason, line.hint)))})"
    return ""


def time_words(estimate: tuple[float, float] | None) -> str:
    """An estimate in seconds for people: ``about 2 to 5 min``."""
    if estimate is None:
        return "unknown until the first run"
    size, unit = (1, "s") if estimate[1] < 90 else (60, "min") if estimate[1] < 5400 else (3600, "h")
    least, most = (max(1, round(seconds / size)) for seconds in estimate)
    return f"about {least:,} {unit}" if least == most else f"about {least:,} to {most:,} {unit}"


def room_warning(room: Room) -> str:
    """That the disk cannot hold a run, and what to do; "" when it can."""
    try:
        room.require()
    except StorageError as exc:
        return explain(exc)
    return ""


def _room(room: Room) -> str:
    """`` Disk: about 75 MB more, 12 GB are free.``; "" when nothing is added."""
    if not room.needed:
        return ""
    return f" Disk: about {file_size(room.needed)} more, {file_size(room.free)} are free."


def _cost(embedded: int, passages: int, to_recognise: int) -> str:
    """``3 of 40 passages to embed, 2 pages to recognise``."""
    pages = f"{count(to_recognise, 'page')} to recognise" if to_recognise else ""
    if not embedded:
        return pages or "nothing to embed"
    return ", ".join(filter(None, (f"{embedded:,} of {count(passages, 'passage')} to embed", pages)))
