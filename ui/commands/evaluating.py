"""Measure the answers: `footnote eval`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from index.errors import SourceError
from ui.commands.opened import opened, settings_of
from ui.commands.options import Data, Json
from ui.commands.outcomes import failures_explained, print_json, print_lines

if TYPE_CHECKING:
    from rag.examination import Options
    from rag.settings import Settings


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
    with failures_explained(as_json):
        from rag.examination import Options
        from rag.feedback import FILE_NAME

        settings = settings_of(data or context.obj)
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
        print_json(summary)
    else:
        print_lines(lines)


def _compare(a: Path, b: Path, data: Path | None, *, as_json: bool) -> None:
    with failures_explained(as_json):
        from rag.comparison import compare_runs, comparison_lines
        from rag.runs import run_folder

        folder = settings_of(data).data
        one, other = (run_folder(folder, str(name)) for name in (a, b))
        # Noted questions come and go between two runs of the page.
        comparison = compare_runs(one, other, shared_only=one != a and other != b)
    if as_json:
        print_json(asdict(comparison))
    else:
        print_lines(comparison_lines(comparison))


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
    with opened(settings) as (store, assistant), stage_bar(shown=shown) as tell:
        summary = run_own_questions(
            file, out, settings=settings, store=store, assistant=assistant, options=options, tell=tell
        )
    return summary, own_summary_lines(summary)
