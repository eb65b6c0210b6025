"""See whether Footnote is in order, and how it is set: `footnote doctor` and `footnote config`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ui.commands.options import Data, Json
from ui.commands.outcomes import FAILED, failures_explained, print_json, print_lines

Deep = Annotated[
    bool, typer.Option("--deep", help="Also read every passage and vector of the index, which takes time.")
]


def doctor(context: typer.Context, deep: Deep = False, as_json: Json = False, data: Data = None) -> None:
    """Look at what Footnote needs: packages, models, settings, data folder, index; change nothing.

    Each thing that is wrong comes with its remedy, and makes the exit code 1. The report names neither
    keys nor your home folder.
    """
    from ui.diagnosis import diagnose, finding_lines

    findings = diagnose({"data": data or context.obj}, deep=deep)
    wrong = any(finding.state == "wrong" for finding in findings)
    if as_json:
        print_json({"sound": not wrong, "findings": [asdict(finding) for finding in findings]})
    else:
        print_lines(finding_lines(findings))
    if wrong:
        raise typer.Exit(FAILED)


def config(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Print every setting, its value, and where it comes from.

    Keys of language models are no settings: they are read from the environment by the provider's own
    client, and never printed.
    """
    from rag.errors import SettingsError
    from ui.configuration import configuration_lines, said_lines, shown_settings

    with failures_explained(as_json):
        from rag.settings import load_settings
        from rag.settings_file import said_settings, sourced_settings

        overrides = {"data": data or context.obj}
        try:
            folder = load_settings(overrides).data
            shown = shown_settings(sourced_settings(overrides))
        except SettingsError:
            if not as_json:
                print_lines(said_lines(said_settings(overrides)))  # one of them is what is wrong
            raise
    if as_json:
        print_json({"data": str(folder), "settings": shown})
    else:
        print_lines(configuration_lines(folder, shown))
