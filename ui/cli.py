"""The command line ``footnote``: serve the page, ask, search, index, look after the index, measure.

Everything heavy is imported inside the commands, so that ``--help`` is instant.

Exit codes: 0 done · 1 it failed, with the reason and the next step · 2 wrong usage · 4 no file could
be indexed · 130 stopped with Ctrl-C. A question that the documents do not answer is no failure.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from index.errors import FootnoteError, SourceError
from ui.job_control import JobAction, control_job

if TYPE_CHECKING:
    from index.store import Store
    from rag.answers import Answer, Refusal
    from rag.ask import Assistant
    from rag.examination import Options
    from rag.settings import Settings

FAILED = 1
LISTED_JOBS = 10
_BUSY_SECONDS = 2.0  # following a change in a watched folder is done by then; anything else is not
NOTHING_INDEXED = 4

app = typer.Typer(
    name="footnote",
    help="Answers from your own documents, with the exact words that every sentence rests on.\n\n"
    "Without a command, Footnote serves its page at http://127.0.0.1:7860.",
    epilog="Try: footnote index ~/Documents · footnote ask 'When does the lease end?'",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder that holds the index; by default $FOOTNOTE_DATA, or one in your user data folder.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]
Host = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Address to serve on; 127.0.0.1 by default.")
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65_535, metavar="PORT", help="Port; 7860 by default, 0 takes any free one."
    ),
]
Collections = Annotated[
    list[str] | None,
    typer.Option(
        "--collection",
        metavar="NAME",
        help="Search only this collection; give it again for another one.",
        show_default=False,
    ),
]
Documents = Annotated[
    list[str] | None,
    typer.Option(
        "--document",
        metavar="PATH",
        help="Search only this document, by path or name, or those in this folder; give it again for another"
        " one. With --collection: beside the collections.",
        show_default=False,
    ),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Do not open a browser window.")]


def main() -> None:
    """Entry point of the ``footnote`` script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows fewer characters
    # Loading a model takes a moment; bars of the library's own would only stand between our lines.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    app(prog_name="footnote")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"footnote {version('footnote')}")
        except PackageNotFoundError:
            print("footnote, from a source folder")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _serve_by_default(
    context: typer.Context,
    data: Data = None,
    host: Host = None,
    port: Port = None,
    no_browser: NoBrowser = False,
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and stop.")
    ] = False,
) -> None:
    context.obj = data
    if context.invoked_subcommand is None:
        _serve(data, host, port, no_browser)
    elif context.invoked_subcommand != "serve" and (host is not None or port is not None or no_browser):
        raise typer.BadParameter("--host, --port and --no-browser go with `footnote serve`.")


@app.command(short_help="Serve the page and open it in a browser.")
def serve(
    context: typer.Context,
    data: Data = None,
    host: Host = None,
    port: Port = None,
    no_browser: NoBrowser = False,
    watch: Annotated[
        list[Path] | None,
        typer.Option(
            "--watch",
            metavar="FOLDER",
            help="Follow the changes in this folder from now on; give it again for another one.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the page and open it in a browser (what `footnote` does by itself).

    On the first start the sample documents are indexed. A watched folder stays watched at the next start,
    until its switch in the Documents view is turned off. Ctrl-C ends it.
    """
    above = context.parent.params if context.parent else {}
    _serve(
        data or context.obj,
        host or above.get("host"),
        port if port is not None else above.get("port"),
        no_browser or bool(above.get("no_browser")),
        watch or [],
    )


def _serve(
    data: Path | None, host: str | None, port: int | None, no_browser: bool, watch: Sequence[Path] = ()
) -> None:
    with _failures_explained(as_json=False):
        settings = _settings(data, {"server.host": host, "server.port": port})
        from index.scan import typed_path
        from ui.server import serve as serve_page

        def listening(address: str) -> None:
            typer.echo(f"Footnote is open at {address}. Ctrl-C ends it.")

        for folder in watch:
            if not os.path.isdir(typed_path(folder)):  # noqa: PTH112  any name, however long
                raise SourceError(f"There is no folder {folder}.", hint="Check the path after --watch.")
        serve_page(settings, open_browser=not no_browser, listening=listening, watch=watch)


@app.command(short_help="Answer a question, with numbered sources.")
def ask(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="QUESTION", help="The question, in quotes or not.")],
    collections: Collections = None,
    documents: Documents = None,
    strictness: Annotated[
        str | None,
        typer.Option(
            "--strictness",
            metavar="strict|balanced|open",
            help="How sure the evidence must be before there is an answer; balanced by default.",
        ),
    ] = None,
    steps: Annotated[bool, typer.Option("--steps", help="Also print how the answer was found.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Answer a question from the documents, with numbered sources.

    When the documents do not answer it, it is said what was searched, which passages are nearest, and
    what could be asked instead.
    """
    from ui.plaintext import answer_lines, step_lines

    question = " ".join(words).strip()
    if not question:
        raise typer.BadParameter("the question is empty.", param_hint="QUESTION")
    chosen = frozenset(collections) if collections else None
    with _failures_explained(as_json):
        settings = _settings(data or context.obj, {"answer.strictness": strictness})
        single = _document_ids(settings, documents)
        with _assistant(settings, chosen) as assistant:
            answer = _follow(assistant, question, chosen, single)
    if as_json:
        _print_json(answer_json(answer))
    elif answer.status == "failed":
        _fail(answer.notice or "The question could not be answered.", hint="")
    else:
        _print_lines(answer_lines(answer))
        if steps:
            _print_lines(["", *step_lines(answer)])
    if answer.status == "failed":
        raise typer.Exit(FAILED)


@app.command(short_help="List the passages that fit a query best.")
def search(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="QUERY", help="What to look for, in quotes or not.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many passages.")] = 10,
    collections: Collections = None,
    documents: Documents = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """List the passages that fit a query best, by meaning and by words."""
    from ui.plaintext import search_lines

    query = " ".join(words).strip()
    if not query:
        raise typer.BadParameter("the query is empty.", param_hint="QUERY")
    chosen = frozenset(collections) if collections else None
    with _failures_explained(as_json):
        settings = _settings(data or context.obj)
        single = _document_ids(settings, documents)
        with _assistant(settings, chosen) as assistant:
            passages = assistant.search(query, k=count, collections=chosen, documents=single)
    if as_json:
        _print_json({"query": query, "passages": [{"name": item.name, **asdict(item)} for item in passages]})
    elif passages:
        _print_lines(search_lines(passages))
    else:
        _print_lines(["Nothing was found."])


@app.command(short_help="Bring files and folders into the index.")
def index(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Files and folders. None: look for changes in every folder that was indexed before.",
            show_default=False,
        ),
    ] = None,
    collection: Annotated[
        str,
        typer.Option("--collection", metavar="NAME", help="Collection to put them in; Documents by default."),
    ] = "",
    samples: Annotated[
        bool, typer.Option("--samples", help="Index the documents that ship with Footnote.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Read files again although they have not changed.")
    ] = False,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Say what indexing would do and how long it would take; do nothing."),
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Bring documents into the index; what changed, moved or vanished since the last time follows.

    Every file that could not be indexed is listed with its cause and what to do about it. Ctrl-C
    stops after the passages at hand: what was published stays, and the next run goes on from there.

    `--plan` shows beforehand what is new, changed, renamed, gone, skipped or cannot be read, how many
    passages have to be embedded, and about how long that takes.
    """
    if samples and (paths or plan):
        raise typer.BadParameter("--samples takes no PATH and no --plan.")

    request: dict[str, Any] = (
        {"kind": "samples"}
        if samples
        else {
            "kind": "plan" if plan else "paths",
            # Not resolve(): a person finds a document again under the path that they typed.
            "paths": [os.path.abspath(path) for path in paths or []],  # noqa: PTH100
            "collection": collection,
        }
    )
    if force:
        request["force"] = True
    if plan:
        _plan(data or context.obj, request, as_json=as_json)
    else:
        _index(request, data or context.obj, as_json)


def _index(request: dict[str, Any], data: Path | None, as_json: bool) -> None:
    """Carry out an indexing request in this process, as a job that the page shows too."""
    from ui.plaintext import report_lines

    with _failures_explained(as_json):
        from index.jobs import Jobs
        from ui.bars import ingest_bar
        from ui.indexing import Indexer
        from ui.job_runs import run_job

        settings = _settings(data)
        indexer = Indexer(settings)
        with ExitStack() as stack:
            stack.callback(indexer.close)
            indexer.store  # noqa: B018  makes the data folder, or says why it cannot be used
            jobs = Jobs(settings.data)
            stack.callback(jobs.close)
            jobs.require_idle(seconds=_BUSY_SECONDS)
            interrupted = stack.enter_context(stop_on_interrupt())
            progress = stack.enter_context(ingest_bar(shown=not as_json))
            report = run_job(indexer, jobs, request, progress=progress, stopping=interrupted)
    if as_json:
        _print_json(asdict(report))
    else:
        _print_lines(report_lines(report))
    if report.cancelled:
        raise typer.Exit(130)
    if report.count("failed") and not report.count("added", "changed", "renamed", "unchanged", "removed"):
        raise typer.Exit(NOTHING_INDEXED)


@app.command(short_help="List indexing jobs; pause, resume or cancel one.")
def jobs(
    context: typer.Context,
    action: Annotated[
        JobAction | None,
        typer.Argument(metavar="[pause|resume|cancel]", help="What to do with one.", show_default=False),
    ] = None,
    job_id: Annotated[
        int | None,
        typer.Argument(metavar="[ID]", help="Which; by default the one that runs now.", show_default=False),
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """List the indexing jobs of the page and of the command line, newest first, or control one of them.

    A paused job keeps what it has finished, which can be searched meanwhile. Resuming a job that broke
    off, or was cancelled, carries out the same request here; what it had finished costs nothing.
    """
    from ui.plaintext import job_lines

    with _failures_explained(as_json):
        from index.jobs import Jobs
        from index.store import Store

        settings = _settings(data or context.obj)
        Store.open(settings.data, create=False).close()
        table = Jobs(settings.data)
        try:
            if action is None:
                listed = table.recent(LISTED_JOBS)
                request = None
            else:
                listed, request = control_job(table, action, job_id)
        finally:
            table.close()
    if request is not None:
        _index(request, settings.data, as_json)
    elif as_json:
        _print_json({"jobs": [asdict(job) for job in listed]})
    else:
        _print_lines(job_lines(listed))


@app.command(short_help="Show what is indexed.")
def status(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Show what is indexed, with which model, and which files need a look."""
    from ui.health import needs_a_look
    from ui.plaintext import status_lines

    with _failures_explained(as_json):
        from index.isolation import network_barrier
        from index.store import Store
        from rag.build import build_recogniser, runtime_in_use

        settings = _settings(data or context.obj)
        with Store.open(settings.data, create=False) as store:
            counts, folders = store.status(), store.folders()
            troubled = [row for row in store.documents() if needs_a_look(row)]
        runtime, barrier, recogniser = runtime_in_use(settings), network_barrier(), build_recogniser(settings)
    if as_json:
        _print_json(
            {
                **asdict(counts),
                "runtime": runtime,
                "network_barrier": barrier,
                "text_recognition": None if recogniser is None else asdict(recogniser),
                "folders": [asdict(folder) for folder in folders],
                "attention": [asdict(row) for row in troubled],
            }
        )
    else:
        now = time.time()
        languages = () if recogniser is None else recogniser.languages
        _print_lines(
            status_lines(
                counts, folders, troubled, now=now, runtime=runtime, barrier=barrier, recognised=languages
            )
        )


@app.command(name="list", short_help="List the documents, and how well each could be read.")
def list_documents(
    context: typer.Context,
    collection: Annotated[
        str, typer.Option("--collection", metavar="NAME", help="Only documents of this collection.")
    ] = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """List the documents, and how well each could be read.

    Of each: its language, its tables, pages without text, how much of its text is garbled, whether its file
    is encrypted, and what to do about it.
    """
    from ui.plaintext import document_lines

    with _failures_explained(as_json):
        from index.store import Store

        with Store.open(_settings(data or context.obj).data, create=False) as store:
            rows = store.documents(collection or None)
    if as_json:
        _print_json({"documents": [{"name": row.name, **asdict(row)} for row in rows]})
    else:
        _print_lines(document_lines(rows))


@app.command(short_help="Check that the index is sound.")
def check(
    context: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Rebuild what is derived, and name what is lost.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Check that the index is sound: every promise between documents, passages and vectors."""
    if repair:
        storage_cli.repair(data or context.obj, as_json=as_json)
        return
    with _failures_explained(as_json):
        from index.store import Store

        with Store.open(_settings(data or context.obj).data, create=False) as store:
            violations = store.check()
    if as_json:
        _print_json({"sound": not violations, "violations": violations})
    else:
        _print_lines(violations or ["The index is sound."])
    if violations:
        if not as_json:
            _print_error(
                f"The index has {len(violations)} fault(s).",
                "Repair it: footnote check --repair",
            )
        raise typer.Exit(FAILED)


@app.command(name="eval", short_help="Measure the answers: your own questions, or an evaluation set.")
def evaluate(
    context: typer.Context,
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="QUESTIONS",
            help="Your questions (a CSV or JSONL file), or a folder with corpus.jsonl.gz, queries.jsonl and"
            " qrels.tsv.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where the results go.")] = None,
    feedback: Annotated[
        bool,
        typer.Option(
            "--feedback",
            help="Ask the questions that were noted on the page; without --out, the page shows the results.",
        ),
    ] = False,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare",
            metavar="OUT_A OUT_B",
            help="Compare the results in two folders, or two runs of the page by name.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "--questions", min=1, help="Only the first N questions.")
    ] = None,
    retrieval_only: Annotated[
        bool, typer.Option("--retrieval-only", help="Search, but do not answer: no answers.jsonl.")
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Keep the index here and use it again for the same set."),
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Measure the answers, over your own index or over an evaluation set.

    A file of your own has the columns (CSV) or fields (JSONL) `question` and any of `answer`, `document`
    (name or path), `page` and `answerable` (yes or no); several values are separated by | in CSV. Its
    questions are asked over the index in the data folder.

    A folder is an evaluation set: its documents go into an index of their own. Needs the extra `eval`.

    Both write questions.jsonl (a verdict for each question), answers.jsonl, run.trec and summary.json.
    """
    wanted = [source is not None, feedback, compare is not None]
    if sum(wanted) != 1:
        raise typer.BadParameter("name one of QUESTIONS, --feedback and --compare OUT_A OUT_B.")
    if compare is not None:
        _compare(*compare, data or context.obj, as_json=as_json)
        return
    if out is None and not feedback:
        raise typer.BadParameter("say where the results go.", param_hint="--out")
    with _failures_explained(as_json):
        from rag.examination import Options
        from rag.feedback import FILE_NAME

        settings = _settings(data or context.obj)
        options = Options(limit=limit, retrieval_only=retrieval_only, cache=cache)
        file = source or settings.data / FILE_NAME
        if feedback and not file.exists():
            raise SourceError(
                f"There is no feedback in {settings.data} yet.",
                hint="Click Helpful, Wrong citation or Not in my documents under an answer on the page.",
            )
        if out is not None and file.is_dir():
            summary, lines = _evaluate_set(file, out, settings, options, shown=not as_json)
        elif cache is not None:
            raise typer.BadParameter("--cache goes with the folder of a set.")
        elif out is None:
            from rag.runs import new_run

            # The data folder keeps no words of documents but in the index.
            options = replace(options, words=False)
            with new_run(settings.data) as kept:
                summary, lines = _evaluate_own(file, kept, settings, options, shown=not as_json)
        else:
            summary, lines = _evaluate_own(file, out, settings, options, shown=not as_json)
    if as_json:
        _print_json(summary)
    else:
        _print_lines(lines)


# -- parts of commands -----------------------------------------------------------------------------


def _plan(data: Path | None, request: dict[str, Any], *, as_json: bool) -> None:
    with _failures_explained(as_json):
        from ui.bars import ingest_bar
        from ui.indexing import Indexer
        from ui.planning import LISTED_IN_TERMINAL, plan_lines, summarize

        indexer = Indexer(_settings(data))
        try:
            with stop_on_interrupt() as interrupted, ingest_bar(shown=not as_json) as progress:
                plan = indexer.plan(request, progress=progress, cancelled=interrupted)
        finally:
            indexer.close()
    if as_json:
        _print_json({**asdict(plan), "passages": plan.passages, "embedded": plan.embedded})
    elif not plan.cancelled:
        _print_lines(plan_lines(summarize(plan, request, listed=LISTED_IN_TERMINAL)))
    if plan.cancelled:
        raise typer.Exit(130)


def _compare(a: Path, b: Path, data: Path | None, *, as_json: bool) -> None:
    with _failures_explained(as_json):
        from rag.comparison import compare_runs, comparison_lines
        from rag.runs import run_folder

        folder = _settings(data).data
        one, other = (run_folder(folder, str(name)) for name in (a, b))
        # Noted questions come and go between two runs of the page.
        comparison = compare_runs(one, other, shared_only=one != a and other != b)
    if as_json:
        _print_json(asdict(comparison))
    else:
        _print_lines(comparison_lines(comparison))


def _evaluate_set(
    folder: Path, out: Path, settings: Settings, options: Options, *, shown: bool
) -> tuple[dict[str, Any], Iterator[str]]:
    from rag.evaluation import run_evaluation, summary_lines
    from ui.bars import stage_bar

    with stage_bar(shown=shown) as tell:
        summary = run_evaluation(folder, out, settings=settings, options=options, tell=tell)
    return summary, summary_lines(summary)


def _evaluate_own(
    file: Path, out: Path, settings: Settings, options: Options, *, shown: bool
) -> tuple[dict[str, Any], Iterator[str]]:
    from rag.own_evaluation import own_summary_lines, run_own_questions
    from rag.own_questions import read_own_questions
    from ui.bars import stage_bar

    read_own_questions(file)  # a line that cannot be used is told before a model is loaded
    with _opened(settings) as (store, assistant), stage_bar(shown=shown) as tell:
        summary = run_own_questions(
            file, out, settings=settings, store=store, assistant=assistant, options=options, tell=tell
        )
    return summary, own_summary_lines(summary)


def _settings(data: Path | None, more: dict[str, object] | None = None) -> Settings:
    from rag.settings import load_settings

    return load_settings({"data": data, **(more or {})})


@contextmanager
def _assistant(settings: Settings, collections: frozenset[str] | None = None) -> Iterator[Assistant]:
    """The assistant over the index of the settings.

    An empty index, or a collection that does not exist, is refused before models load.
    """
    with _opened(settings, collections) as (_, assistant):
        yield assistant


@contextmanager
def _opened(
    settings: Settings, collections: frozenset[str] | None = None
) -> Iterator[tuple[Store, Assistant]]:
    """The index of the settings and the assistant over it, see ``_assistant``."""
    from index.store import Store

    with Store.open(settings.data, create=False) as store:
        _require_passages(store)
        store.scope(collections)
        from rag.build import build_assistant
        from ui.bars import waiting
        from ui.eraser import start_eraser

        with waiting("Loading the embedding model …"):
            assistant = build_assistant(settings, store)
        try:
            yield store, assistant
        finally:
            assistant.close()
            start_eraser(store)


def _document_ids(settings: Settings, named: list[str] | None) -> frozenset[str] | None:
    """The ids of the documents that were named; None for none, before a model loads.

    Raises:
        SourceError: A name is not that of a document.
    """
    if not named:
        return None
    from index.store import Store
    from ui.named import matching

    with Store.open(settings.data, create=False) as store:
        _require_passages(store)
        return frozenset(row.doc_id for row in matching(store.documents(), named))


def _require_passages(store: Store) -> None:
    if not store.status().passages:
        raise SourceError(
            f"Nothing is indexed in {store.data}.", hint="Index some documents first: footnote index PATH"
        )


def _follow(
    assistant: Assistant,
    question: str,
    collections: frozenset[str] | None,
    documents: frozenset[str] | None,
) -> Answer:
    """The answer to a question; on a terminal, what is being done and written is shown meanwhile."""
    if not sys.stderr.isatty():
        return assistant.ask(question, collections=collections, documents=documents)

    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from rag.answers import Delta, Done, Stage
    from ui.plaintext import printable

    written = ""
    with Live(console=Console(stderr=True), transient=True) as live:
        for event in assistant.stream(question, collections=collections, documents=documents):
            match event:
                case Stage(detail=detail) if not written:
                    live.update(Text(printable(f"{detail} …"), style="dim"))
                case Delta(text=text):
                    written += text
                    live.update(Text(printable(written)))
                case Done(answer=answer):
                    return answer
    raise RuntimeError("the stream of an answer ended without Done")


def answer_json(answer: Answer) -> dict[str, object]:
    """An answer as ``ask --json`` prints it: all its fields, and ``text`` with the marks."""
    return {
        "status": answer.status,
        "text": answer.text,
        **asdict(answer),
        "citations": [{"name": citation.name, **asdict(citation)} for citation in answer.citations],
        "passages": [{"name": passage.name, **asdict(passage)} for passage in answer.passages],
        "refusal": None if answer.refusal is None else _refusal_json(answer.refusal),
    }


def _refusal_json(refusal: Refusal) -> dict[str, object]:
    return {
        **asdict(refusal),
        "nearest": [{"name": passage.name, **asdict(passage)} for passage in refusal.nearest],
        "rewordings": [{"name": each.name, "text": each.text, **asdict(each)} for each in refusal.rewordings],
    }


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks to stop, a second one does not wait; yields whether to stop."""
    import signal

    stopping = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopping
        if stopping:
            raise KeyboardInterrupt
        stopping = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: stopping
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _failures_explained(as_json: bool) -> Iterator[None]:
    """Turn an expected failure into its message, the next step, and exit code 1."""
    try:
        yield
    except FootnoteError as error:
        if as_json:
            _print_json({"error": type(error).__name__, "message": str(error), "hint": error.hint})
        else:
            _print_error(str(error), error.hint)
        raise typer.Exit(FAILED) from error


def _fail(message: str, *, hint: str) -> NoReturn:
    _print_error(message, hint)
    raise typer.Exit(FAILED)


def _print_error(message: str, hint: str) -> None:
    from ui.plaintext import printable

    print(printable(message), file=sys.stderr)
    if hint:
        print(f"Next: {printable(hint)}", file=sys.stderr)


def _print_lines(lines: Iterable[str]) -> None:
    from ui.plaintext import printable

    for line in lines:
        print(printable(line))


def _print_json(value: object) -> None:
    # ASCII only: a lone surrogate in a path could not be encoded otherwise.
    print(json.dumps(value, indent=2, default=float))


# They need what stands above, and belong to the same command line.
from ui import storage_cli  # noqa: E402
