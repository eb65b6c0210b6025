"""Ask the documents: `footnote ask` and `footnote search`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ui.commands.opened import assistant_of, document_ids, settings_of
from ui.commands.options import Data, Json
from ui.commands.outcomes import FAILED, failures_explained, print_error, print_json, print_lines

if TYPE_CHECKING:
    from rag.answers import Answer, Refusal
    from rag.ask import Assistant

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
    with failures_explained(as_json):
        settings = settings_of(data or context.obj, {"answer.strictness": strictness})
        single = document_ids(settings, documents)
        with assistant_of(settings, chosen) as assistant:
            answer = _follow(assistant, question, chosen, single)
    if as_json:
        print_json(answer_json(answer))
    elif answer.status == "failed":
        print_error(answer.notice or "The question could not be answered.", hint="")
    else:
        print_lines(answer_lines(answer))
        if steps:
            print_lines(["", *step_lines(answer)])
    if answer.status == "failed":
        raise typer.Exit(FAILED)


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
    with failures_explained(as_json):
        settings = settings_of(data or context.obj)
        single = document_ids(settings, documents)
        with assistant_of(settings, chosen) as assistant:
            passages = assistant.search(query, k=count, collections=chosen, documents=single)
    if as_json:
        print_json({"query": query, "passages": [{"name": item.name, **asdict(item)} for item in passages]})
    elif passages:
        print_lines(search_lines(passages))
    else:
        print_lines(["Nothing was found."])


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
