"""The command line: quick help, clear failures, exit codes, and the whole line from files to an answer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from index.isolation import network_barrier
from index.store import Store
from rag.answers import Answer, AnswerSentence, Citation, Elsewhere, Passage, Refusal, Rewording
from rag.build import BARS
from tests.index.support import EMBEDDER, put
from ui.cli import app
from ui.commands.asking import answer_json
from ui.commands.interrupts import stop_on_interrupt
from ui.plaintext import answer_lines, printable

ROOT = Path(__file__).resolve().parents[2]
LEASE = "# Lease\n\nThe lease of the boathouse ends on 1 March 2027. The rent is 420 crowns a month.\n"


def footnote(
    *arguments: str | bytes | Path, data: Path | None = None, expect: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run ``footnote`` as a person would, in a process of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FOOTNOTE_")}
    if data is not None:
        environment["FOOTNOTE_DATA"] = str(data)
    done = subprocess.run(
        [sys.executable, "-m", "ui", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


# -- without a model -------------------------------------------------------------------------------


def test_help_is_instant() -> None:
    footnote("--help")  # writes the compiled modules
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        footnote("--help")
        seconds.append(time.perf_counter() - started)
    assert median(seconds) <= 0.3


@pytest.mark.parametrize(
    "command",
    [
        *("serve", "ask", "search", "index", "jobs", "status", "list", "check", "eval"),
        *("remove", "undo", "backup", "restore", "rebuild", "rollback", "doctor", "config"),
    ],
)
def test_every_command_explains_itself(command: str) -> None:
    assert f"Usage: footnote {command}" in footnote(command, "--help").stdout
    assert command in footnote("--help").stdout


def test_help_and_status_load_nothing_heavy(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    script = (
        "import sys; from ui.cli import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'gradio', 'langchain_core'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    for arguments in (["--help"], ["status", "--data", str(tmp_path)], ["check", "--data", str(tmp_path)]):
        subprocess.run([sys.executable, "-c", script, *arguments], cwd=ROOT, check=True, capture_output=True)


def test_the_version_is_that_of_the_distribution() -> None:
    assert footnote("--version").stdout.startswith("footnote ")


@pytest.mark.parametrize(
    "arguments",
    [["--no-such-option"], ["ask"], ["ask", " "], ["search", "-n", "0", "x"], ["--port", "1", "status"]],
)
def test_wrong_usage_is_told_apart(arguments: list[str]) -> None:
    assert footnote(*arguments, expect=2).stderr.startswith("Usage: footnote")


@pytest.mark.parametrize("command", [["ask", "Why?"], ["search", "x"], ["status"], ["check"]])
def test_without_an_index_the_next_step_is_named(command: list[str], tmp_path: Path) -> None:
    done = footnote(*command, data=tmp_path / "nothing", expect=1)
    assert done.stdout == ""
    assert "Next: " in done.stderr
    assert "footnote index" in done.stderr
    assert not (tmp_path / "nothing").exists()


def test_an_empty_index_is_told_before_a_model_is_loaded(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    started = time.perf_counter()
    done = footnote("ask", "Why?", data=tmp_path, expect=1)
    assert time.perf_counter() - started < 3
    assert done.stderr == (
        f"Nothing is indexed in {tmp_path}.\nNext: Index some documents first: footnote index PATH\n"
    )


def test_an_unknown_collection_is_told_before_a_model_is_loaded(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        puts = [put("/a.txt", "Cats sleep."), put("/b.txt", "Dogs bark.", collection="Dogs")]
        store.publish(puts=puts, embedder=EMBEDDER)
    for command in ("ask", "search"):
        done = footnote(command, "Why?", "--collection", "dogs", data=tmp_path, expect=1)
        assert done.stderr == "There is no collection dogs.\nNext: Collections are: Documents, Dogs.\n"


def test_an_unknown_document_is_told_before_a_model_is_loaded(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish(puts=[put("/manuals/pump.txt", "Cats sleep.")], embedder=EMBEDDER)
    for command in ("ask", "search"):
        done = footnote(command, "Why?", "--document", "pumps.txt", data=tmp_path, expect=1)
        assert done.stderr == "No document is called pumps.txt.\nNext: Did you mean pump.txt?\n"


def test_an_unknown_strictness_is_refused_with_those_there_are(tmp_path: Path) -> None:
    done = footnote("ask", "Why?", "--strictness", "lax", data=tmp_path, expect=1)
    assert "answer.strictness cannot be 'lax' (set on the command line)" in done.stderr
    assert "'strict', 'balanced' or 'open'" in done.stderr


def test_a_refusal_for_a_terminal_says_what_is_near_and_what_to_ask() -> None:
    near = Passage(
        chunk_id=1, doc_id="d", version_id=1, collection="Documents", path="/a/lease.md", title="", page=None,
        heading_path=("Lease",), start=0, end=9, text="The lease", score=1.0, cosine=0.1, bm25=0.0,
    )  # fmt: skip
    offered = Rewording(
        text="Notice period",
        quote="Notice\nperiod", doc_id="d", version_id=1, collection="Documents", path="/a/lease.md",
        page=None, start=20, end=33,
    )  # fmt: skip
    refusal = Refusal(
        passages=4,
        documents=2,
        collections=("Documents",),
        nearest=(near,),
        elsewhere=(Elsewhere(collection="Games", passages=2),),
        rewordings=(offered,),
    )
    answer = Answer(
        status="abstained",
        question="Why?",
        query="Why?",
        sentences=(AnswerSentence(text="Not in your documents."),),
        refusal=refusal,
    )
    assert list(answer_lines(answer)) == [
        "Not in your documents.",
        "",
        "Nearest passages (below the bar)",
        "  - lease.md, Lease: The lease",
        "",
        'Try: "Notice period" (lease.md)',
        "Outside your selection: Games (2 passages). Ask again without --collection to search everything.",
    ]
    printed = json.loads(json.dumps(answer_json(answer)))["refusal"]
    assert printed["rewordings"][0]["text"] == "Notice period"
    assert printed["rewordings"][0]["name"] == printed["nearest"][0]["name"] == "lease.md"


def test_failures_are_json_for_programs(tmp_path: Path) -> None:
    done = footnote("ask", "Why?", "--json", "--data", tmp_path / "nothing", expect=1)
    error = json.loads(done.stdout)
    assert error["error"] == "SourceError"
    assert error["message"]
    assert error["hint"]


def test_an_unknown_setting_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_RETRIVAL__PASSAGES", "3")
    done = subprocess.run(
        [sys.executable, "-m", "ui", "status"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 1
    assert "retrieval.passages" in done.stderr


def test_indexing_again_without_a_known_folder_asks_for_one(tmp_path: Path) -> None:
    done = footnote("index", data=tmp_path / "data", expect=1)
    assert done.stderr == "No folder was indexed before.\nNext: Name one: footnote index PATH\n"


def test_an_empty_index_is_sound(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    assert footnote("check", data=tmp_path).stdout == "The index is sound.\n"
    assert json.loads(footnote("check", "--json", data=tmp_path).stdout) == {"sound": True, "violations": []}


def test_an_incomplete_evaluation_set_is_refused(tmp_path: Path) -> None:
    done = footnote("eval", tmp_path, "--out", tmp_path / "out", expect=1)
    assert "does not exist" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["eval"],
        ["eval", "mine.csv"],
        ["eval", "mine.csv", "--feedback", "--out", "out"],
        ["eval", "mine.csv", "--compare", "a", "b"],
        ["eval", "mine.csv", "--out", "out", "--limit", "0"],
        ["eval", "mine.csv", "--out", "out", "--cache", "cache"],
    ],
)
def test_an_evaluation_names_what_it_measures_and_where_the_results_go(arguments: list[str]) -> None:
    assert footnote(*arguments, expect=2).stderr.startswith("Usage: footnote eval")


def test_without_out_feedback_is_looked_for_in_the_data_folder(tmp_path: Path) -> None:
    done = footnote("eval", "--feedback", data=tmp_path / "data", expect=1)
    assert "There is no feedback" in done.stderr


def test_runs_of_the_page_are_compared_by_their_names(tmp_path: Path) -> None:
    row = {"id": "line-1", "text": "Why?", "right": True, "why": "ok", "measures": {}}
    for name, more in (("one", []), ("two", [{**row, "id": "line-2", "text": "When?"}])):
        folder = tmp_path / "data" / "runs" / name
        folder.mkdir(parents=True)
        text = "".join(json.dumps(each) + "\n" for each in [row, *more])
        (folder / "questions.jsonl").write_text(text, encoding="utf-8")
    done = footnote("eval", "--compare", "one", "two", "--json", data=tmp_path / "data")
    assert json.loads(done.stdout)["questions"] == 1


def test_a_bad_line_of_own_questions_is_named_before_a_model_is_loaded(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("question,page\nWhen?,three\n", encoding="utf-8")
    done = footnote("eval", mine, "--out", tmp_path / "out", data=tmp_path / "data", expect=1)
    assert "line 2: the page 'three' is no number from 1 on" in done.stderr
    assert not (tmp_path / "out").exists()


def test_own_questions_need_an_index_and_feedback_needs_some(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("question\nWhen?\n", encoding="utf-8")
    out = tmp_path / "out"
    assert "footnote index" in footnote("eval", mine, "--out", out, data=tmp_path / "none", expect=1).stderr
    told = footnote("eval", "--feedback", "--out", out, data=tmp_path / "none", expect=1).stderr
    assert "There is no feedback" in told
    assert not out.exists()


def test_two_runs_are_compared(tmp_path: Path) -> None:
    row = {"id": "q1", "text": "When?", "right": True, "why": "ok", "measures": {"F1": 0.5}}
    for name, score in (("a", 0.5), ("b", 0.75)):
        (tmp_path / name).mkdir()
        line = json.dumps({**row, "measures": {"F1": score}})
        (tmp_path / name / "questions.jsonl").write_text(line + "\n", encoding="utf-8")
    printed = footnote("eval", "--compare", tmp_path / "a", tmp_path / "b").stdout
    assert "F1" in printed
    assert "+0.2500" in printed
    programs = json.loads(footnote("eval", "--compare", tmp_path / "a", tmp_path / "b", "--json").stdout)
    assert {each["measure"]: each["difference"] for each in programs["differences"]}["F1"] == 0.25
    assert "2 arguments" in footnote("eval", "--compare", tmp_path / "a", expect=2).stderr
    none = footnote("eval", "--compare", tmp_path / "a", tmp_path, expect=1)
    assert "holds no questions.jsonl" in none.stderr


def test_the_first_interrupt_asks_to_stop_and_the_second_insists() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(os.name == "nt", reason="there a process is ended without being told")
@pytest.mark.parametrize("told", ["SIGTERM", "SIGHUP"])  # the second: the terminal's window was closed
def test_a_server_that_is_told_to_end_closes_its_files_first(told: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ui", "serve", "--no-browser", "--port", "0", "--data", str(tmp_path)]
    log = tmp_path / "catalog.sqlite-wal"  # goes when the last connection is closed
    number = signal.Signals[told]
    before = signal.signal(number, signal.SIG_DFL)  # a child inherits that it is ignored, as below `nohup`
    try:
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8")
    finally:
        signal.signal(number, before)
    with server:
        try:
            assert server.stdout is not None
            assert "Footnote is open" in server.stdout.readline()
            assert log.exists()
            server.send_signal(number)
            assert server.wait(timeout=60) == -signal.SIGTERM
            assert not log.exists()
        finally:
            server.kill()


def test_an_answer_for_programs_has_its_text_with_marks() -> None:
    citation = Citation(
        marker=1,
        doc_id="d",
        version_id=1,
        collection="Documents",
        path="/caf\udce9/lease.md",
        title="Lease",
        page=None,
        heading_path=("Lease",),
        start=9,
        end=13,
        quote="2027",
        chunk_id=1,
    )
    answer = Answer(
        status="answered",
        question="When?",
        query="When?",
        sentences=(AnswerSentence(text="2027", markers=(1,)),),
        citations=(citation,),
    )
    printed = json.loads(json.dumps(answer_json(answer)))
    assert (printed["status"], printed["text"]) == ("answered", "2027 [1]")
    assert printed["citations"][0]["path"] == "/caf\udce9/lease.md"
    assert {"marker", "path", "page", "start", "end", "quote", "name"} <= printed["citations"][0].keys()
    assert {"passages", "steps", "query", "confidence", "notice"} <= printed.keys()


# -- from files to an answer, with the real model --------------------------------------------------

Indexed = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good file and several bad ones, one of them with a name that is not UTF-8."""
    folder = tmp_path_factory.mktemp("documents")
    (folder / "lease.md").write_text(LEASE, encoding="utf-8")
    (folder / "empty.txt").touch()
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 20)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.txt")).write_bytes(b"\0\1\2\3" * 50)
    return folder


@pytest.fixture(scope="module")
def indexed(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Indexed:
    """A data folder in which a process of its own indexed the documents, and what that said."""
    data = tmp_path_factory.mktemp("data") / "index"
    return data, footnote("index", documents, "--data", data)


def in_process(*arguments: str | Path, data: Path | None = None, expect: int = 0) -> Result:
    """Run ``footnote`` in this process, where the model's libraries are loaded once."""
    environment = {} if data is None else {"FOOTNOTE_DATA": str(data)}
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)
    assert done.exit_code == expect, done.output
    return done


@pytest.mark.model
def test_every_file_that_failed_is_listed_with_cause_and_remedy(indexed: Indexed) -> None:
    lines = indexed[1].stdout.splitlines()
    assert lines[-1].startswith("1 added, 3 failed · ")
    for name in ("empty.txt", "binary.txt", "caf\\udce9.txt"):
        (line,) = (line for line in lines if name in line)
        assert line.startswith("failed ")
        assert " Next: " in line


@pytest.mark.model
def test_a_question_is_answered_with_its_source(indexed: Indexed) -> None:
    printed = in_process("ask", "When", "does", "the", "lease", "end?", "--steps", data=indexed[0]).stdout
    assert "The lease of the boathouse ends on 1 March 2027. [1]" in printed
    assert '[1] lease.md, Lease: "The lease of the boathouse ends on 1 March 2027."' in printed
    assert "retrieve" in printed


@pytest.mark.model
def test_every_quote_for_programs_is_verbatim(indexed: Indexed, documents: Path) -> None:
    printed: dict[str, Any] = json.loads(
        in_process("ask", "When does the lease end?", "--json", "--data", indexed[0]).stdout
    )
    assert printed["status"] == "answered"
    (citation,) = printed["citations"]
    assert citation["path"] == str(documents / "lease.md")
    assert LEASE[citation["start"] : citation["end"]] == citation["quote"]
    assert printed["passages"][0]["text"]
    assert printed["steps"][0]["name"] == "condense"


@pytest.mark.model
def test_a_question_off_the_documents_shows_the_nearest_passages(indexed: Indexed) -> None:
    printed = in_process("ask", "Who won the chess olympiad in 1988?", data=indexed[0]).stdout
    assert "Nearest passages" in printed
    assert "lease.md" in printed


@pytest.mark.model
def test_a_question_keeps_to_the_collection_that_is_named(indexed: Indexed, tmp_path: Path) -> None:
    (tmp_path / "chess.md").write_text(
        "# Olympiad\n\nThe chess olympiad of 1988 was won by the Soviet team.\n", encoding="utf-8"
    )
    data = tmp_path / "data"
    shutil.copytree(indexed[0], data)
    in_process("index", tmp_path / "chess.md", "--collection", "Games", data=data)
    asked = ("ask", "Who won the chess olympiad of 1988?", "--collection")
    assert "won by the Soviet team. [1]" in in_process(*asked, "Games", data=data).stdout
    printed = in_process(*asked, "Documents", data=data).stdout
    assert "Searched 1 passage of 1 document in Documents. Found in Games, outside your selection." in printed
    assert "Outside your selection: Games (1 passage). Ask again without --collection" in printed
    refusal = json.loads(in_process(*asked, "Documents", "--json", data=data).stdout)["refusal"]
    assert (refusal["passages"], refusal["collections"]) == (1, ["Documents"])
    assert refusal["elsewhere"] == [{"collection": "Games", "document": "", "passages": 1}]
    assert refusal["nearest"][0]["name"] == "lease.md"
    both = json.loads(in_process(*asked, "Documents", "--collection", "Games", "--json", data=data).stdout)
    assert (both["status"], both["refusal"]) == ("answered", None)
    found = in_process("search", "chess", "--collection", "Documents", data=data).stdout
    assert "lease.md" in found
    assert "chess.md" not in found
    chess = ("--document", tmp_path / "chess.md")
    assert "won by the Soviet team. [1]" in in_process(*asked[:2], *chess, data=data).stdout
    printed = in_process(*asked[:2], "--document", "lease.md", data=data).stdout
    assert "Searched 1 passage of 1 document in lease.md. Found in Games, outside" in printed
    assert "Ask again without --document to search everything." in printed
    assert "lease.md" not in in_process("search", "chess", *chess, data=data).stdout


@pytest.mark.model
def test_the_strictness_of_one_question_comes_from_the_command_line(indexed: Indexed) -> None:
    asked = ("ask", "Who owns the boathouse?", "--json", "--strictness")
    printed = {
        strictness: json.loads(in_process(*asked, strictness, data=indexed[0]).stdout)
        for strictness in ("strict", "open")
    }
    assert printed["strict"]["confidence"] == printed["open"]["confidence"]
    assert printed["strict"]["status"] == "abstained"
    assert printed["open"]["status"] == "answered"
    assert printed["open"]["sentences"][0]["verdict"] == "quoted"
    assert ("Weak evidence: " in printed["open"]["notice"]) == (
        printed["open"]["confidence"] < BARS["balanced"]
    )


@pytest.mark.model
def test_a_search_lists_passages(indexed: Indexed) -> None:
    assert " 1. lease.md  (" in in_process("search", "rent", data=indexed[0]).stdout
    printed = json.loads(in_process("search", "rent", "--json", data=indexed[0]).stdout)
    assert printed["passages"][0]["name"] == "lease.md"


@pytest.mark.model
def test_the_list_says_how_well_each_document_was_read(indexed: Indexed) -> None:
    printed = json.loads(in_process("list", "--json", data=indexed[0]).stdout)["documents"]
    by_name = {row["name"]: row for row in printed}
    first = next(row for row in printed if row["state"] == "ready")
    assert first["health"]["chars"] > 0
    assert first["health"]["garbled"] == 0
    failed = [row for row in printed if row["state"] == "failed"]
    assert [row["health"] for row in failed] == [None] * len(failed)
    lines = in_process("list", data=indexed[0]).stdout
    assert all(printable(name) in lines for name in by_name)


def test_the_status_counts_and_names_what_needs_a_look(indexed: Indexed) -> None:
    printed = in_process("status", data=indexed[0]).stdout
    assert "(1 ready, 3 failed)" in printed
    assert "caf\\udce9.txt" in printed
    counts = json.loads(in_process("status", "--json", data=indexed[0]).stdout)
    assert (counts["ready"], counts["failed"], len(counts["attention"])) == (1, 3, 3)
    assert counts["network_barrier"] == network_barrier()
    assert f"kept off the network by a{'n' if counts['network_barrier'] == 'audit hook' else ''} " in printed
    assert in_process("check", data=indexed[0]).stdout == "The index is sound.\n"


@pytest.mark.model
def test_indexing_again_finds_the_folders_by_itself(indexed: Indexed) -> None:
    report = json.loads(in_process("index", "--json", data=indexed[0]).stdout)
    outcomes = {Path(line["path"]).name: line["outcome"] for line in report["outcomes"]}
    assert outcomes["lease.md"] == "unchanged"
    assert outcomes["empty.txt"] == "failed"


@pytest.mark.model
def test_when_every_file_failed_the_exit_code_says_so(
    indexed: Indexed, documents: Path, tmp_path: Path
) -> None:
    done = in_process("index", documents / "empty.txt", data=tmp_path / "data", expect=4)
    assert done.stdout.splitlines()[-1].startswith("1 failed")


@pytest.mark.model
def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    done = in_process("index", tmp_path / "missing", data=tmp_path / "data", expect=1)
    assert str(tmp_path / "missing") in done.stderr
    assert "Next: " in done.stderr


@pytest.mark.model
def test_own_questions_and_feedback_are_measured_over_the_index(
    indexed: Indexed, documents: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(
        "question,answer,document,answerable\n"
        "When does the lease end?,1 March 2027,lease.md,\n"
        "Who won the chess olympiad in 1988?,,,no\n"
        "How high is the deposit?,,deposit.pdf,\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    printed = in_process("eval", mine, "--out", out, data=indexed[0]).stdout
    assert "deposit.pdf  (line-4)" in printed
    rows = [json.loads(line) for line in (out / "questions.jsonl").read_text("utf-8").splitlines()]
    assert [row["right"] for row in rows] == [True, True, False]
    assert rows[0]["cited"] == [str(documents / "lease.md")]

    feedback = tmp_path / "feedback.jsonl"
    feedback.write_text('{"question": "Who won the chess olympiad?", "verdict": "not_in_documents"}\n')
    summary = json.loads(in_process("eval", feedback, "--out", out, "--json", data=indexed[0]).stdout)
    assert summary["scores"]["feedback: not in documents"] == {"share": 1.0, "good": 1, "of": 1}
