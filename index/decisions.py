"""What is to become of each file, decided from its place and its hash, before it is read or anything changes.

An ingest carries these decisions out and a plan shows them; neither of them decides anything itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Literal

from index.chunker import ChunkLimits
from index.documents import ParsedDocument
from index.errors import DocumentError
from index.file_bytes import hash_file, too_large, unreadable
from index.loaders.names import RECOGNISED_EXTENSIONS
from index.outcomes import failed_outcome, kept_outcome, removed
from index.reader import CatalogReader
from index.report import FileOutcome, Outcome
from index.rows import DocumentRow
from index.survey import Survey, Target

# Raise it when a reader or the chunker changes what it makes of the same bytes: documents are then
# made anew on the next run, and only passages whose text differs are embedded again.
RECIPE_VERSION = 4
# Problems that may pass by themselves; the others wait until the file's content changes.
PASSING_PROBLEMS = ("timeout", "crashed", "unreadable", "changed_while_reading")

# Ends the recipe of a version of which pages were read by text recognition, or were tried.
RECOGNISED = "|ocr"

Action = Literal["keep", "point", "read", "fail", "remove"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done about one file, and what the report will say of it.

    ``keep``: nothing. ``point``: its content is stored as ``version_id`` already (a rename, a copy, a
    file that went back to what it was). ``read``: it has to be parsed and split; its outcome, None here,
    shows only then. ``fail``: its bytes could not be had, or are too many (``error``). ``remove``: it is
    gone.

    ``moved`` is the source that a renamed file was before; ``same_as`` the path of another file with the
    same content, "" when none is known. ``size`` is in bytes.
    """

    action: Action
    target: Target
    file: Path
    recipe: str = ""
    content_hash: str | None = None
    size: int = 0
    version_id: int | None = None
    moved: DocumentRow | None = None
    same_as: str = ""
    error: DocumentError | None = None
    outcome: FileOutcome | None = None


class Decider:
    """Decides file by file. It remembers the contents that it met, so that a copy is known as one."""

    def __init__(
        self,
        catalog: CatalogReader,
        limits: ChunkLimits,
        *,
        most_bytes: int,
        force: bool = False,
        recognises: bool = False,
        gone: Sequence[DocumentRow] = (),
    ) -> None:
        """Decide for one run.

        Args:
            limits: How text is cut, lowered to what the embedding model reads.
            most_bytes: Of a file; what is larger is refused unread.
            force: Read files although their content is known.
            recognises: Pages that are pictures are read now, so files with such pages may give more.
            gone: Sources whose file is not where it was; a new file with the content of one is that one.
        """
        self._catalog = catalog
        self._limits = limits
        self._most_bytes = most_bytes
        self._force = force
        self._recognises = recognises
        self._leaving: dict[str, list[DocumentRow]] = {}
        for row in gone:
            if row.content_hash and not _is_there(row.path):
                self._leaving.setdefault(row.content_hash, []).append(row)
        self._met: dict[tuple[str, str], str] = {}
        self.moved: set[str] = set()  # doc_id of the sources that were found again elsewhere

    def decide(self, file: Path, target: Target) -> Decision:
        """Decide about one file; reads no more of it than its hash takes."""
        recipe = recipe_of(target.path, self._limits)
        try:
            size = file.stat().st_size
            if size > self._most_bytes:
                return self._refuse(file, target, size)
            content_hash = hash_file(file)
        except OSError as exc:
            if not self._force and target.known is not None and target.known.state == "ignored":
                return Decision(action="keep", target=target, file=file, outcome=kept_outcome(target.known))
            return refused(file, target, unreadable(exc))
        twin = self._met.setdefault((content_hash, recipe), target.path)
        same_as = twin if twin != target.path else ""
        if not self._force:
            known = target.known
            if known is not None and known.content_hash == content_hash and self._settled(known, recipe):
                return Decision(action="keep", target=target, file=file, outcome=kept_outcome(known))
        moved = self._found_again(target, content_hash)
        decision = Decision(
            action="read",
            target=target,
            file=file,
            recipe=recipe,
            content_hash=content_hash,
            size=size,
            moved=moved,
            same_as=same_as if moved is None else moved.path,
        )
        version_id = None if self._force else self._stored(content_hash, recipe)
        return decision if version_id is None else self._point(decision, version_id)

    def stored_meanwhile(self, decision: Decision) -> Decision:
        """The decision about a copy anew, after its twin was read: its content may be stored by now."""
        if not decision.same_as or self._force or decision.content_hash is None:
            return decision
        version_id = self._stored(decision.content_hash, decision.recipe)
        return decision if version_id is None else self._point(decision, version_id)

    def _found_again(self, target: Target, content_hash: str) -> DocumentRow | None:
        """The source that a new file was before, which is not looked for any more from now on."""
        leaving = self._leaving.get(content_hash, []) if target.known is None else []
        moved = leaving.pop(0) if leaving else None
        if moved is not None:
            self.moved.add(moved.doc_id)
        return moved

    def _point(self, decision: Decision, version_id: int) -> Decision:
        """The decision about a file to read, now that its content turns out to be stored."""
        target, same_as = decision.target, decision.same_as
        if not same_as:
            sources = self._catalog.sources_of(version_id)
            same_as = next((row.path for row in sources if row.path != target.path), "")
        document = self._catalog.parsed(version_id)
        return replace(
            decision,
            action="point",
            version_id=version_id,
            same_as=same_as,
            outcome=FileOutcome(
                path=target.path,
                outcome=outcome_of(decision),
                reason=" ".join(document.warnings) if document else "",
                passages=len(self._catalog.chunk_ids(version_id)),
                same_as=same_as,
            ),
        )

    def _refuse(self, file: Path, target: Target, size: int) -> Decision:
        """Refuse a file for its size, which is all that is looked at."""
        known = target.known
        if known is not None and not self._force and was_too_large(known, size):
            return Decision(action="keep", target=target, file=file, outcome=kept_outcome(known))
        return refused(file, target, too_large(size, self._most_bytes), size=size)

    def _settled(self, known: DocumentRow, recipe: str) -> bool:
        """Whether there is nothing to do for a file whose content is as it was."""
        if known.state == "ignored":
            return True
        if known.version_id is None and known.problem:
            scan = known.problem == "no_text" and recipe.split("|")[1].startswith(RECOGNISED_EXTENSIONS)
            return known.problem not in PASSING_PROBLEMS and not (scan and self._recognises)
        return (
            known.version_id is not None
            and self._stored(known.content_hash or "", recipe) == known.version_id
        )

    def _stored(self, content_hash: str, recipe: str) -> int | None:
        """The version of this content that is as good as reading it now, if there is one."""
        recognised = self._catalog.version_with(content_hash, recipe + RECOGNISED)
        if recognised is not None:
            return recognised
        version_id = self._catalog.version_with(content_hash, recipe)
        if version_id is not None and self._recognises and self._catalog.has_unread_pages(version_id):
            return None
        return version_id


def was_too_large(row: DocumentRow, size: int) -> bool:
    """Whether a source was refused for its ``size`` in bytes before."""
    return row.problem == "too_large" and row.content_hash is None and row.size == size


def refused(file: Path, target: Target, error: DocumentError, *, size: int = 0) -> Decision:
    """The decision about a file whose bytes could not be had, or are too many."""
    outcome = failed_outcome(target.path, error)
    return Decision(action="fail", target=target, file=file, size=size, error=error, outcome=outcome)


def decisions(
    found: Survey,
    decider: Decider,
    *,
    tell: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> Iterator[Decision]:
    """Every decision about what was found, in the order to carry them out; ends early when cancelled.

    First what needs no reading, so that content which moved is pointed at before anything gives it up;
    then what has to be read; removals last, so that what a moved text shares with its old place is not
    embedded again.

    Args:
        tell: Called with the path of each file before it is hashed.
    """
    to_read: list[Decision] = []
    for target in found.files:
        if cancelled():
            return
        tell(target.path)
        decision = decider.decide(Path(target.path), target)
        if decision.action == "read":
            to_read.append(decision)
        else:
            yield decision
    for decision in to_read:
        if cancelled():
            return
        yield decider.stored_meanwhile(decision)
    for row in found.gone:
        if row.doc_id not in decider.moved:
            yield Decision(
                action="remove",
                target=Target(row.path, row.collection, row.origin, row),
                file=Path(row.path),
                outcome=removed(row),
            )


def outcome_of(decision: Decision) -> Outcome:
    """What a file is to the index that is read, or whose content is stored already."""
    return "renamed" if decision.moved else "changed" if decision.target.known else "added"


def read_outcome(
    decision: Decision, document: ParsedDocument, *, passages: int, embedded: int
) -> FileOutcome:
    """What the report says of a file that was read; ``embedded`` of its ``passages`` are new."""
    return FileOutcome(
        path=decision.target.path,
        outcome=outcome_of(decision),
        reason=" ".join(document.warnings),
        passages=passages,
        embedded=embedded,
        same_as=decision.same_as,
    )


def recipe_of(path: str, limits: ChunkLimits) -> str:
    """What else than the bytes decides the chunks: the format that the name asks for, and how text is cut."""
    suffixes = PurePath(path).suffixes[-2:]  # two for "list.csv.gz"
    format_name = "".join(suffixes if suffixes[-1:] == [".gz"] else suffixes[-1:]).lower()
    return f"{RECIPE_VERSION}|{format_name}|{limits!r}"


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a folder on the way may not be entered
        return True
