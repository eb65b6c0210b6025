"""What is to become of each file, decided from its place and its hash, before it is read or anything changes.

An ingest carries these decisions out and a plan shows them; neither of them decides anything itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from index.chunker import ChunkLimits
from index.documents import ParsedDocument
from index.errors import DocumentError, SourceError
from index.reader import CatalogReader
from index.report import FileOutcome, Outcome
from index.rows import DocumentRow, Origin
from index.scan import FoundFile, scan

# Raise it when a reader or the chunker changes what it makes of the same bytes: documents are then
# made anew on the next run, and only passages whose text differs are embedded again.
RECIPE_VERSION = 3
# Problems that may pass by themselves; the others wait until the file's content changes.
PASSING_PROBLEMS = ("timeout", "crashed", "unreadable", "changed_while_reading")

Action = Literal["keep", "point", "read", "fail", "remove"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a file's content goes: a source that exists (``known``) or a new one."""

    path: str
    collection: str
    origin: Origin
    known: DocumentRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done about one file, and what the report will say of it.

    ``keep``: nothing. ``point``: its content is stored as ``version_id`` already (a rename, a copy, a
    file that went back to what it was). ``read``: it has to be parsed and split; its outcome, None here,
    shows only then. ``fail``: its bytes could not be had (``error``). ``remove``: it is gone.

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
        force: bool = False,
        gone: Sequence[DocumentRow] = (),
    ) -> None:
        """Decide for one run.

        Args:
            limits: How text is cut, lowered to what the embedding model reads.
            force: Read files although their content is known.
            gone: Sources whose file is not where it was; a new file with the content of one is that one.
        """
        self._catalog = catalog
        self._limits = limits
        self._force = force
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
            content_hash = hash_file(file)
            size = file.stat().st_size
        except OSError as exc:
            error = unreadable(exc)
            return Decision(
                action="fail",
                target=target,
                file=file,
                error=error,
                outcome=failed_outcome(target.path, error),
            )
        twin = self._met.setdefault((content_hash, recipe), target.path)
        same_as = twin if twin != target.path else ""
        if not self._force:
            known = target.known
            if known is not None and known.content_hash == content_hash and self._settled(known, recipe):
                return Decision(action="keep", target=target, file=file, outcome=_kept_outcome(known))
            version_id = self._catalog.version_with(content_hash, recipe)
            if version_id is not None:
                return self._point(file, target, content_hash, size, version_id, same_as)
        return Decision(
            action="read",
            target=target,
            file=file,
            recipe=recipe,
            content_hash=content_hash,
            size=size,
            same_as=same_as,
        )

    def stored_meanwhile(self, decision: Decision) -> Decision:
        """The decision about a copy anew, after its twin was read: its content may be stored by now."""
        if not decision.same_as or self._force or decision.content_hash is None:
            return decision
        version_id = self._catalog.version_with(decision.content_hash, decision.recipe)
        if version_id is None:
            return decision
        return self._point(
            decision.file,
            decision.target,
            decision.content_hash,
            decision.size,
            version_id,
            decision.same_as,
        )

    def _point(
        self, file: Path, target: Target, content_hash: str, size: int, version_id: int, same_as: str
    ) -> Decision:
        leaving = self._leaving.get(content_hash, []) if target.known is None else []
        moved = leaving.pop(0) if leaving else None
        if moved is not None:
            self.moved.add(moved.doc_id)
            same_as = moved.path
        elif not same_as:
            sources = self._catalog.sources_of(version_id)
            same_as = next((row.path for row in sources if row.path != target.path), "")
        document = self._catalog.parsed(version_id)
        outcome: Outcome = "renamed" if moved else "changed" if target.known else "added"
        return Decision(
            action="point",
            target=target,
            file=file,
            content_hash=content_hash,
            size=size,
            version_id=version_id,
            moved=moved,
            same_as=same_as,
            outcome=FileOutcome(
                path=target.path,
                outcome=outcome,
                reason=" ".join(document.warnings) if document else "",
                passages=len(self._catalog.chunk_ids(version_id)),
                same_as=same_as,
            ),
        )

    def _settled(self, known: DocumentRow, recipe: str) -> bool:
        """Whether there is nothing to do for a file whose content is as it was."""
        if known.state == "failed":
            return known.problem not in PASSING_PROBLEMS
        return (
            known.version_id is not None
            and self._catalog.version_with(known.content_hash or "", recipe) == known.version_id
        )


# -- folders ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A file or folder to look into, by its absolute path. One that is ``remembered`` may be out of reach."""

    path: Path
    collection: str
    remembered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was found under some roots: files in order, sources whose file is gone, and what was left out.

    ``away`` are sources whose file may only be out of reach: they stay unless they are found elsewhere.
    """

    files: tuple[Target, ...]
    gone: tuple[DocumentRow, ...]
    skipped: tuple[FileOutcome, ...]
    folders: tuple[Root, ...] = ()  # that were looked into as a whole
    away: tuple[DocumentRow, ...] = ()


def named_roots(paths: Sequence[Path], collection: str) -> list[Root]:
    """The roots that a person named.

    Raises:
        SourceError: One does not exist or cannot be reached.
    """
    for path in paths:
        _require(path)
    # Not resolve(): a person finds the document again under the path that they typed.
    return [Root(path=Path(os.path.abspath(path)), collection=collection) for path in paths]  # noqa: PTH100


def remembered_roots(catalog: CatalogReader) -> list[Root]:
    """Every folder that was indexed before, by collection and path.

    Raises:
        SourceError: There is none.
    """
    folders = sorted(catalog.folders(), key=lambda folder: (folder.collection, folder.path))
    if not folders:
        raise SourceError("No folder was indexed before.", hint="Name one: footnote index PATH")
    return [Root(path=Path(row.path), collection=row.collection, remembered=True) for row in folders]


def survey(catalog: CatalogReader, roots: Sequence[Root]) -> Survey:
    """Look under every root.

    What could not be looked at is not gone, and neither is what a folder held that now looks empty.

    Raises:
        SourceError: A root that was named may not be read.
    """
    files: dict[tuple[str, str], Target] = {}
    skipped: dict[str, FileOutcome] = {}
    folders: dict[tuple[str, str], tuple[Root, bool]] = {}  # and whether it holds any document
    unseen: set[str] = set()
    known = {
        collection: {row.path: row for row in catalog.documents(collection) if row.origin == "folder"}
        for collection in {root.collection for root in roots}
    }
    left_out = {collection: catalog.left_out(collection) for collection in known}
    for root in roots:
        try:
            items = scan(root.path, exclude=[catalog.data])
        except SourceError as exc:
            if not root.remembered:
                raise
            skipped[str(root.path)] = _out_of_reach(root, exc)
            unseen.add(str(root.path))
            continue
        holds = False
        for item in items:
            path = str(item.path)
            if path in left_out[root.collection] and path != str(root.path):
                holds = True
                skipped[path] = deleted_here(path)
            elif isinstance(item, FoundFile):
                holds = True
                target = Target(path, root.collection, "folder", known[root.collection].get(path))
                files.setdefault((root.collection, path), target)
            else:
                unseen.add(path)
                skipped[path] = FileOutcome(path=path, outcome="skipped", reason=item.reason)
        if root.path.is_dir():
            folders[root.collection, str(root.path)] = (root, holds)

    gone: dict[str, DocumentRow] = {}
    for root, holds in folders.values():
        lost = [
            row
            for path, row in known[root.collection].items()
            if (root.collection, path) not in files
            and _is_within(path, {str(root.path)})
            and not _is_within(path, unseen)
        ]
        if lost and not holds:
            skipped[str(root.path)] = looks_empty(root.path, len(lost))
            unseen.add(str(root.path))
        else:
            gone |= {row.doc_id: row for row in lost}
    return Survey(
        files=tuple(files.values()),
        gone=tuple(row for row in gone.values() if not _is_within(row.path, unseen)),
        skipped=tuple(skipped.values()),
        folders=tuple(root for root, _ in folders.values()),
    )


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
                outcome=FileOutcome(path=row.path, outcome="removed", passages=row.passages),
            )


# -- outcomes --------------------------------------------------------------------------------------


def read_outcome(
    decision: Decision, document: ParsedDocument, *, passages: int, embedded: int
) -> FileOutcome:
    """What the report says of a file that was read; ``embedded`` of its ``passages`` are new."""
    return FileOutcome(
        path=decision.target.path,
        outcome="changed" if decision.target.known else "added",
        reason=" ".join(document.warnings),
        passages=passages,
        embedded=embedded,
        same_as=decision.same_as,
    )


def failed_outcome(path: str, error: DocumentError) -> FileOutcome:
    """What the report says of a file that cannot be indexed."""
    return FileOutcome(path=path, outcome="failed", reason=str(error), hint=error.hint)


def _kept_outcome(known: DocumentRow) -> FileOutcome:
    if known.state == "failed":
        return FileOutcome(path=known.path, outcome="failed", reason=known.reason, hint=known.hint)
    return FileOutcome(path=known.path, outcome="unchanged", passages=known.passages)


def _out_of_reach(root: Root, error: SourceError) -> FileOutcome:
    if root.path.exists():
        reason, hint = f"{error} Its documents were kept.", error.hint
    else:
        return away(root.path)
    return FileOutcome(path=str(root.path), outcome="skipped", reason=reason, hint=hint)


def deleted_here(path: str) -> FileOutcome:
    """What is said of a file in a folder that a person deleted from the index."""
    return FileOutcome(
        path=path,
        outcome="skipped",
        reason="You deleted it here.",
        hint="To have it again, index the file itself: footnote index FILE",
    )


def away(root: Path) -> FileOutcome:
    """What is said of an indexed folder that is not there."""
    return FileOutcome(
        path=str(root),
        outcome="skipped",
        reason="The folder is not there; its documents were kept.",
        hint="Connect its disk and try again, or delete them in the Documents view.",
    )


def looks_empty(root: Path, number: int) -> FileOutcome:
    """What is said of a folder that holds nothing any more, while ``number`` documents of it are indexed."""
    return FileOutcome(
        path=str(root),
        outcome="skipped",
        reason=f"The folder holds no documents any more; its {number} indexed ones were kept,"
        " because a folder also looks empty while its disk is not connected.",
        hint="Delete the documents in the Documents view if they are really gone.",
    )


# -- files -----------------------------------------------------------------------------------------


def recipe_of(path: str, limits: ChunkLimits) -> str:
    """What else than the bytes decides the chunks: the format that the name asks for, and how text is cut."""
    suffixes = PurePath(path).suffixes[-2:]  # two for "list.csv.gz"
    format_name = "".join(suffixes if suffixes[-1:] == [".gz"] else suffixes[-1:]).lower()
    return f"{RECIPE_VERSION}|{format_name}|{limits!r}"


def hash_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unreadable(exc: OSError) -> DocumentError:
    """The error for a file whose bytes cannot be had."""
    return DocumentError(
        "unreadable",
        f"The file cannot be read: {exc.strerror or exc}.",
        hint="Check that it exists and that you may read it, then index it again.",
    )


def _require(path: Path) -> None:
    try:
        path.stat()
    except FileNotFoundError as exc:
        raise SourceError(f"{path} does not exist.", hint="Check the spelling; nothing was changed.") from exc
    except OSError as exc:
        raise SourceError(
            f"{path} cannot be reached: {exc.strerror or exc}.",
            hint="Check the path and its permissions; nothing was changed.",
        ) from exc


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a folder on the way may not be entered
        return True


def _is_within(path: str, places: set[str]) -> bool:
    """Whether a path is one of the places or below one."""
    return path in places or any(str(parent) in places for parent in Path(path).parents)
