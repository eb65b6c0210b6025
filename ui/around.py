"""The parts around the chat: sidebar, top bar, empty state, the other views."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

from index.missing import OutOfReach, missing_documents
from rag.providers import destination
from ui.chats import Chat
from ui.desk import Desk
from ui.documents_table import table_html
from ui.documents_view import SAMPLES, state_html
from ui.folders_view import folders_html
from ui.job_files import job_files_html
from ui.overview import Overview
from ui.quality_view import quality_html
from ui.selection import Selection
from ui.settings_view import settings_html
from ui.sidebar import composer_html, sidebar_html, top_html, welcome_html
from ui.sources import FEW, sources_html
from ui.strip import found_html, next_html
from ui.suggesting import suggested_questions
from ui.tab import Components, Tabs, Update, View

NEW_CHAT = "New chat"
_TABLES = 50  # kept
_NO_ANSWERS = "Nothing can answer until the documents are embedded anew"
# A table of hundreds of rows, and the view of quality, are too much to send to every tab with every answer
# for the sake of a count in them.
_CITED_SECONDS = 30.0


class Around:
    """Draws the parts, and says which of them a tab lacks."""

    def __init__(self, desk: Desk, components: Components) -> None:
        self.desk = desk
        self.components = components
        self._tables: dict[object, str] = {}
        # The generation of the index that they show, and when answers were counted.
        self._tables_of: object = None
        self._cited: Mapping[str, int] = {}  # how many answers cite a document, as the parts say
        self._counted_at = -math.inf  # monotonic seconds
        self._deletions = 0  # of answers, until then
        self._lost: tuple[object, Mapping[str, OutOfReach]] = (None, {})  # and what it was computed from
        self.tabs = Tabs()

    def changes(self, view: View) -> Update:
        """Those parts of the page whose HTML is not what this tab shows already."""
        changed = view.shown.changes(self.html(view))
        return {getattr(self.components, name): text for name, text in changed.items()}

    def html(self, view: View) -> dict[str, str]:
        """Each part of the page as this tab should show it, by its name among the components."""
        desk = self.desk
        chat = desk.chats.chat(view.chat_id) if view.chat_id else None
        overview, (current, last) = desk.overview(), desk.latest_jobs()
        selection = self.selection(view)
        searched = [] if selection is None else overview.sources.names(selection)
        left_out = [] if selection is None else overview.sources.left_out(selection, most=FEW)
        status, documents = overview.status, overview.documents
        busy = current is not None or desk.indexer.pending > 0 or desk.first_documents_to_come
        hello = ""
        if chat is None:
            hello = welcome_html(
                overview.questions,
                documents=status.passages,
                samples=SAMPLES in documents.sizes,
                indexing=busy,
            )
        return {
            "side": sidebar_html(
                self._chats(view),
                view.chat_id,
                status,
                current,
                desk.model_name,
                desk.model_problem or ("" if overview.models.answers else _NO_ANSWERS),
                built_in=not desk.settings.generation.model,
                answering=overview.sources.count(None),
                passages=overview.sources.passages,
                changed=desk.changed_files(overview.generation),
                sources=sources_html(overview.sources, selection, view.looking),
                listed=view.listed,
                wanted=view.wanted.strip(),
                reindex=bool(overview.models.needed),
                deleted=desk.chats.hidden_title(view.hidden) if view.hidden else None,
            ),
            "scope": composer_html(searched, editing=bool(view.editing), left_out=left_out),
            "strip": self._strip(view),
            "top": top_html(chat.title if chat is not None else NEW_CHAT, view.chat_id, view.key),
            "hello": hello,
            "state": state_html(
                documents,
                status,
                current,
                last,
                notice=view.notice or desk.indexing_problem or desk.checking.problem,
                plan=desk.indexer.planned,
                removed=self._undoable(view),
                missing=len(self._missing(overview)),
                models=overview.models,
            )
            + folders_html(desk.folders(), time.time())
            + job_files_html(current, documents, time.time()),
            "table": self._table(overview, view.filter, indexing=busy),
            "settings": self._settings(view),
            "quality": self._quality(view),
        }

    def _chats(self, view: View) -> Sequence[Chat]:
        """The conversations that the tab lists, the one used last first, and one more if there are more."""
        if view.wanted.strip():
            return self.desk.chat_search.find(view.wanted)
        return self.desk.chats.chats(view.listed + 1)

    def strip(self, view: View) -> Update:
        """The line above the composer alone, if the tab shows another one."""
        changed = view.shown.changes({"strip": self._strip(view)})
        return {self.components.strip: changed["strip"]} if changed else {}

    def _strip(self, view: View) -> str:
        """What was found for the answer that is being made; what to ask next once it is there."""
        if not view.chat_id:
            return ""
        running = self.desk.asking.running(view.chat_id)
        if running is not None:
            return "" if running.quiet else found_html(running.passages)
        return next_html(*suggested_questions(self.desk.chats, self.desk.references, view.chat_id))

    def _table(self, overview: Overview, wanted: str, *, indexing: bool) -> str:
        """The table of documents; drawn once for all tabs that filter it alike."""
        cited = self._cited_by_now()
        if self._tables_of != (overview.generation, self._counted_at) or len(self._tables) > _TABLES:
            self._tables_of, self._tables = (overview.generation, self._counted_at), {}
        # It names the day of a change.
        key = (wanted, indexing, self.desk.looking.out_of_reach, time.localtime()[:3])
        tables = self._tables
        if key not in tables:
            tables[key] = table_html(
                overview.documents.rows,
                cited=cited,
                missing=self._missing(overview),
                wanted=wanted,
                indexing=indexing,
            )
        return tables[key]

    def _missing(self, overview: Overview) -> Mapping[str, OutOfReach]:
        """The documents whose folder is out of reach now, by their id, and that folder."""
        source = (overview.generation, self.desk.looking.out_of_reach)
        known, missing = self._lost
        if known != source:
            missing = missing_documents(overview.documents.rows, source[1])
            self._lost = (source, missing)
        return missing

    def _cited_by_now(self) -> Mapping[str, int]:
        """How many answers cite a document; counted now and then, and at once when answers were deleted."""
        now, deletions = time.monotonic(), self.desk.chats.deletions
        if now - self._counted_at >= _CITED_SECONDS or deletions != self._deletions:
            self._counted_at, self._deletions = now, deletions
            self._cited = self.desk.quality.cited()
        return self._cited

    def _settings(self, view: View) -> str:
        desk = self.desk
        return settings_html(
            desk.settings,
            desk.preferences.sources,
            view.drafts,
            tried=desk.preferences.tried,
            goes_to=destination(desk.settings.generation),
            chats=desk.chats.count() > 0,
            cost=desk.recutting_cost(view.drafts.texts),
        )

    def _quality(self, view: View) -> str:
        facts = self.desk.quality
        entries = facts.entries()
        return quality_html(
            entries,
            facts.runs(),
            facts.cases(),
            self.desk.measuring.state,
            view.compared,
            self.desk.overview().documents,
            self._cited_by_now(),
            unreadable=facts.problem,
            draft=view.question_draft,
            notice=view.quality_notice,
        )

    def selection(self, view: View) -> Selection | None:
        """What the conversation searches; None: everything. What is gone no longer counts."""
        stored = self.desk.chats.selection(view.chat_id) if view.chat_id else view.selection
        return self.desk.overview().sources.present(stored)

    def _undoable(self, view: View) -> int:
        """How many documents this tab removed and can still bring back."""
        if not view.removal:
            return 0
        documents = {each.generation: each.documents for each in self.desk.store.removals()}
        if view.removal not in documents:
            view.removal = 0
        return documents.get(view.removal, 0)
