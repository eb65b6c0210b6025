"""What the command line says, line by line."""

from __future__ import annotations

from index.health import Health
from index.report import FileOutcome, IngestReport, Outcome
from index.store import DocumentRow, FolderRow, StoreStatus
from rag.answers import Answer, AnswerSentence, Citation, Passage, Refusal, Step
from tests.ui.test_render import job
from tests.ui.test_render import row as document_row
from ui.plaintext import (
    answer_lines,
    document_lines,
    job_lines,
    place,
    printable,
    report_lines,
    search_lines,
    snippet,
    status_lines,
    step_lines,
    summary,
)

CITATION = Citation(
    marker=1,
    doc_id="d",
    version_id=1,
    collection="Documents",
    path="/docs/lease.pdf",
    title="Lease",
    page=3,
    locator="p. 3",
    heading_path=("Terms",),
    start=0,
    end=24,
    quote="It ends on\n1 March 2027.",
    chunk_id=1,
)
PASSAGE = Passage(
    chunk_id=1,
    doc_id="d",
    version_id=1,
    collection="Documents",
    path="/docs/guide.md",
    title="Guide",
    page=None,
    heading_path=("Install", "Linux"),
    start=0,
    end=9,
    text="Type make\nrun.",
    score=0.84,
    cosine=0.5,
    bm25=3.0,
    dense_rank=2,
    lexical_rank=1,
)


def test_an_answer_is_followed_by_its_sources() -> None:
    answer = Answer(
        status="answered",
        question="When does the lease end?",
        query="When does the lease end?",
        sentences=(AnswerSentence(text="It ends on 1 March 2027.", markers=(1,)),),
        citations=(CITATION,),
    )
    assert list(answer_lines(answer)) == [
        "It ends on 1 March 2027. [1]",
        "",
        "Sources",
        '[1] lease.pdf, p. 3: "It ends on 1 March 2027."',
    ]


def test_an_answer_from_two_documents_names_them_and_its_list_items_stand_alone() -> None:
    said = (("Terms:", "a.md"), ("- Rent", "a.md"), ("- Heat", "a.md"), ("All.", "a.md"), ("Due.", "b.md"))
    answer = Answer(
        status="answered",
        question="Q",
        query="Q",
        sentences=tuple(
            AnswerSentence(text=text, markers=(marker,), group=group)
            for marker, (text, group) in enumerate(said, start=1)
        ),
    )
    assert list(answer_lines(answer)) == [
        "a.md:",
        "Terms: [1]",
        "- Rent [2]",
        "- Heat [3]",
        "All. [4]",
        "b.md:",
        "Due. [5]",
    ]


def test_an_abstention_shows_the_nearest_passages_and_the_notice() -> None:
    answer = Answer(
        status="abstained",
        question="?",
        query="?",
        sentences=(AnswerSentence(text="Not in your documents."),),
        passages=(PASSAGE,),
        refusal=Refusal(passages=4, documents=2, nearest=(PASSAGE,)),
        notice="The model did not answer.",
    )
    assert list(answer_lines(answer)) == [
        "Not in your documents.",
        "",
        "Note: The model did not answer.",
        "",
        "Nearest passages (below the bar)",
        "  - guide.md, Install > Linux: Type make run.",
    ]


def test_steps_say_how_long_each_took() -> None:
    steps = (Step(name="retrieve", detail="6 of 40 passages", milliseconds=12.4),)
    answer = Answer(status="answered", question="?", query="?", steps=steps)
    assert list(step_lines(answer)) == [
        "How this answer was found",
        "  retrieve         12 ms  6 of 40 passages",
    ]


def test_a_found_passage_says_what_found_it() -> None:
    assert list(search_lines([PASSAGE])) == [
        " 1. guide.md, Install > Linux  (0.84; meaning #2, words #1)",
        "    Type make run.",
    ]


def outcome(
    kind: Outcome, path: str = "a.txt", reason: str = "", hint: str = "", new: int = 0
) -> FileOutcome:
    return FileOutcome(path=path, outcome=kind, reason=reason, hint=hint, passages=new, embedded=new)


def test_a_report_lists_what_failed_with_its_remedy_and_sums_up() -> None:
    report = IngestReport(
        outcomes=(
            outcome("added", new=1200),
            outcome("failed", "scan.pdf", "The PDF has no text.", "Run text recognition."),
            outcome("skipped", "x.bin", "Not a supported format."),
            outcome("added", new=1),
        ),
        generation=3,
        seconds=2.04,
        cancelled=False,
    )
    assert list(report_lines(report)) == [
        "failed   scan.pdf: The PDF has no text. Next: Run text recognition.",
        "skipped  x.bin: Not a supported format.",
        "2 added, 1 failed, 1 skipped · 1,201 new passages · 2.0 s",
    ]


def test_a_cancelled_and_an_empty_run_say_so() -> None:
    report = IngestReport(outcomes=(), generation=0, seconds=0.0, cancelled=True)
    assert summary(report) == "cancelled after no files found · 0 new passages · 0.0 s"


def test_a_status_names_folders_and_files_that_need_a_look() -> None:
    status = StoreStatus(
        data="/data",
        generation=7,
        documents=3,
        ready=2,
        partial=0,
        failed=1,
        disabled=0,
        ignored=0,
        passages=1200,
        languages={"de": 200, "en": 1000},
        fingerprint="f",
        model_name="all-MiniLM-L6-v2",
        size_bytes=2_500_000,
        base_vectors=1000,
        delta_vectors=200,
        removed_vectors=0,
        last_indexed_at=1000.0,
    )
    failed = DocumentRow(
        doc_id="d",
        collection="Documents",
        path="/docs/scan.pdf",
        origin="folder",
        state="failed",
        problem="no_text",
        reason="The PDF has no text.",
        hint="Run text recognition.",
        version_id=None,
        content_hash=None,
        size=1,
        pages=0,
        passages=0,
        title="",
        media_type="",
        indexed_at=0.0,
    )
    folders = [FolderRow(path="/docs", collection="Documents", indexed_at=1000.0)]
    lines = list(status_lines(status, folders, [failed], now=1120.0, recognised=("eng", "deu")))
    assert "Scans          read by Tesseract (eng, deu)" in lines
    assert "Data folder    /data (2.5 MB)" in lines
    assert "Documents      3 (2 ready, 1 failed)" in lines
    assert "Passages       1,200 (en 1,000, de 200)" in lines
    assert "Last indexed   2 minutes ago" in lines
    assert "Folders        /docs (in Documents)" in lines
    assert lines[-1] == "failed   /docs/scan.pdf: The PDF has no text. Next: Run text recognition."


def test_documents_are_listed_with_what_is_wrong_and_what_to_do() -> None:
    health = Health(chars=100, garbled=2, textless_pages=(3, 7), unread_pages=(7,), tables=1, encrypted=True)
    scan = document_row(
        path="/docs/scan.pdf",
        state="failed",
        reason="It is a scan.",
        hint="Run OCR.",
        version_id=None,
        passages=0,
    )
    read = document_row(path="/docs/plan.pdf", language="fr", health=health, passages=1200)
    lines = list(document_lines([read, scan]))
    assert lines[0] == (
        "ready      1,200  /docs/plan.pdf (in Contracts) · French · 1 table · no text on pages 3 and 7"
        " · 2.0% garbled · encrypted, but open to read"
    )
    assert lines[1].strip().startswith("About 2% of its characters are garbled")
    assert lines[2] == "failed         0  /docs/scan.pdf (in Contracts)"
    assert lines[3].strip() == "It is a scan. Next: Run OCR."
    copy = document_row(doc_id="cd", path="/docs/copy.pdf")
    first = next(document_lines([document_row(path="/docs/plan.pdf"), copy]))
    assert first.endswith(" · same content as copy.pdf")
    assert list(document_lines([])) == ["No documents are indexed."]


def test_what_could_command_a_terminal_is_escaped() -> None:
    assert printable("caf\udce9\x1b[31m\u202e.txt\tx\n") == "caf\\udce9\\x1b[31m\\u202e.txt\tx\n"
    assert printable("naïve 中文 नमस्ते") == "naïve 中文 नमस्ते"


def test_a_snippet_is_one_line_cut_at_a_word() -> None:
    assert snippet("one\n two  three", limit=9) == "one two …"
    assert snippet("short") == "short"


def test_a_place_prefers_the_page() -> None:
    assert place("a.pdf", "p. 2", ("Intro",)) == "a.pdf, p. 2"
    assert place("a.md", "", ("Intro",)) == "a.md, Intro"
    assert place("a.txt", "") == "a.txt"


def test_a_preview_is_told_from_indexing() -> None:
    listed = [
        job(job_id=number, kind=kind, label="papers", state="done", message="")
        for number, kind in ((2, "plan"), (1, "paths"))
    ]
    assert list(job_lines(listed)) == ["   2  done       preview of papers", "   1  done       papers"]
