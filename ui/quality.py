"""What happens in the Quality view: adding, running, comparing, forgetting, asking a failing case again."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr

from index.errors import FootnoteError
from rag.comparison import compare_runs
from rag.runs import failing_cases
from ui.added_question import DOCUMENT, MOST_CHARS, QUESTION, typed_question
from ui.around import Around
from ui.conversations import Conversations
from ui.desk import Desk
from ui.quality_view import feedback_key
from ui.render import explain
from ui.tab import Components, Update, View, entries_of, event_data, text_of

logger = logging.getLogger(__name__)


class QualityPage:
    """Handlers of the Quality view."""

    def __init__(
        self, desk: Desk, components: Components, around: Around, conversations: Conversations
    ) -> None:
        self.desk = desk
        self.components = components
        self.around = around
        self.conversations = conversations

    def action(self, view: View, event: gr.EventData) -> Iterator[Update]:
        """A click in the Quality view."""
        data = event_data(event)
        view.quality_notice = ""
        try:
            if text_of(data, "act", 20) == "ask-case":
                yield from self._ask(view, text_of(data, "case", 200))
                return
            self._carry_out(view, data)
        except FootnoteError as exc:
            view.quality_notice = explain(exc)
        yield self.around.changes(view) or {self.components.side: gr.skip()}

    def _carry_out(self, view: View, data: Mapping[str, Any]) -> None:
        desk = self.desk
        match text_of(data, "act", 20):
            case "run":
                desk.measuring.start()
            case "cancel-run":
                desk.measuring.cancel()
            case "forget":
                for entry in desk.feedback.entries():
                    if feedback_key(entry) == text_of(data, "key", 64):
                        desk.feedback.withdraw(entry)
            case "set" if text_of(data, "name", 20) in (QUESTION, DOCUMENT):
                view.question_draft[text_of(data, "name", 20)] = text_of(data, "value", MOST_CHARS)
            case "add-question":
                entered = {
                    text_of(each, "name", 20): text_of(each, "value", MOST_CHARS) for each in entries_of(data)
                }
                view.question_draft |= {
                    name: entered[name] for name in (QUESTION, DOCUMENT) if name in entered
                }
                rows, verdict = desk.overview().documents.rows, text_of(data, "verdict", 40)
                desk.feedback.add(typed_question(view.question_draft, verdict, rows))
                view.question_draft = {}
            case "retry" if desk.store.document(text_of(data, "doc", 64)) is not None:
                desk.indexer.submit({"kind": "reindex", "doc_ids": [text_of(data, "doc", 64)]})
            case "compare":
                self._compare(view, data)

    def _compare(self, view: View, data: Mapping[str, Any]) -> None:
        """Compare the two runs that are chosen."""
        chosen = {text_of(each, "name", 10): text_of(each, "value", 200) for each in entries_of(data)}
        runs = {run.name: run for run in self.desk.quality.runs()}
        compared = view.compared
        compared.a, compared.b = chosen.get("run-a", ""), chosen.get("run-b", "")
        compared.comparison, compared.problem = None, ""
        if compared.a not in runs or compared.b not in runs:
            compared.problem = "That run is gone. Choose another one."
            return
        try:
            compared.comparison = compare_runs(
                runs[compared.a].folder, runs[compared.b].folder, shared_only=True
            )
        except FootnoteError as exc:
            compared.problem = explain(exc)

    def _ask(self, view: View, case_id: str) -> Iterator[Update]:
        """Ask a question of the last run in a new conversation; it searches everything, as the run did."""
        runs = self.desk.quality.runs()
        cases = failing_cases(runs[0]) if runs else []
        question = next((case.query for case in cases if case.question_id == case_id), "")
        if question:
            view.chat_id, view.selection = "", None
        yield from self.conversations.ask(question, view)
