"""What happens in the Documents view: adding, planning, indexing, removing, watching."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from index.errors import FootnoteError
from index.scan import typed_path
from ui.around import Around
from ui.desk import Desk
from ui.documents_table import SHOWN_ROWS
from ui.documents_view import COLLECTION_CHARS
from ui.folders_view import folder_key
from ui.job_control import JobAction
from ui.render import explain
from ui.tab import Components, Update, View, event_data, text_of


class Documents:
    """Handlers of the Documents view."""

    def __init__(self, desk: Desk, components: Components, around: Around) -> None:
        self.desk = desk
        self.components = components
        self.around = around

    def action(self, view: View, event: gr.EventData) -> Update:
        """A click or an entry in the Documents view."""
        data = event_data(event)
        view.notice = ""
        try:
            self._carry_out(view, data)
        except FootnoteError as exc:
            view.notice = explain(exc)
        return self.around.changes(view) or {self.components.side: gr.skip()}

    def _carry_out(self, view: View, data: Mapping[str, Any]) -> None:
        desk = self.desk
        doc_ids = self._named(data)
        named = " ".join(text_of(data, "collection", COLLECTION_CHARS).split())
        into = {"collection": named} if named else {}
        match text_of(data, "act", 20):
            case "filter":
                view.filter = text_of(data, "value", 200)
            case "upload":
                files = self._uploaded(data)
                if files:
                    desk.indexer.submit({"kind": "uploads", "files": files, **into})
            case "folder":
                self._submit_folder(view, "paths", text_of(data, "value", 4096).strip(), into)
            case "plan":
                self._submit_folder(view, "plan", text_of(data, "value", 4096).strip(), into)
            case "plan-all" if desk.store.folders():
                desk.check_folders()
            case "apply" if desk.indexer.planned is not None:
                request, desk.indexer.planned = desk.indexer.planned.request, None
                desk.indexer.submit(request)
            case "discard":
                desk.indexer.planned = None
            case "reindex" if doc_ids:
                desk.indexer.submit({"kind": "reindex", "doc_ids": doc_ids})
            case "reindex-all" | "plan-all":
                if desk.store.folders():
                    desk.indexer.submit({"kind": "paths", "paths": [], "label": "All folders"})
                else:
                    view.notice = "No folder was added yet, so nothing can have changed. Add a folder first."
            case "read-all":
                if not desk.reindex_all():
                    view.notice = "There is no document to read again."
            case "disable":
                desk.store.disable(doc_ids)
            case "enable":
                desk.store.enable(doc_ids)
            case "ignore":
                desk.store.ignore(doc_ids)
            case "remove" if doc_ids:
                view.removal = desk.store.remove(doc_ids)
            case "rebuild":
                desk.rebuild()
            case "model-keep" | "model-back" as act:
                desk.use_stored_model(before=act == "model-back")
            case "samples":
                desk.indexer.submit({"kind": "samples"})
            case "remove-samples":
                view.removal = desk.remove_samples()
            case "undo":
                if not desk.store.undo(view.removal):
                    view.notice = "It was too late to bring them back. Add the files again."
            case "watch":
                for line in desk.folders():
                    if folder_key(line.folder) == text_of(data, "key", 64):
                        turn = (
                            desk.watcher.turn_on if text_of(data, "on", 1) == "1" else desk.watcher.turn_off
                        )
                        turn(line.folder)
            case "cancel" | "pause" | "resume" as act:
                number = text_of(data, "job", 12)
                if number.isascii() and number.isdigit():
                    desk.control_job(int(number), JobAction(act))

    def _named(self, data: Mapping[str, Any]) -> list[str]:
        """The ids of the documents that a button is for: of its own row, or of all that are ticked."""
        named = [text_of(data, "doc", 64), *text_of(data, "docs", SHOWN_ROWS * 64).split()]
        known = self.desk.overview().documents.by_id
        return [doc_id for doc_id in dict.fromkeys(named) if doc_id in known]

    def _submit_folder(self, view: View, kind: str, path: str, into: Mapping[str, str]) -> None:
        """Index a folder that was typed, or make the plan for it."""
        if not path:
            view.notice = "Type the path of a folder on this computer."
        elif not os.path.exists(absolute := typed_path(path)):  # noqa: PTH110  Path refuses long names
            view.notice = f"There is no folder {path} on this computer. Check the path and try again."
        else:
            if kind == "plan":
                self.desk.indexer.planned = None
            self.desk.indexer.submit({"kind": kind, "paths": [str(absolute)], **into})

    def _uploaded(self, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Uploads as (temporary path, shown name); a path that is not one of our uploads is left out."""
        folder = self.desk.uploads.resolve()
        files: list[tuple[str, str]] = []
        sent = data.get("files")
        for entry in sent[:1000] if isinstance(sent, list) else []:
            if not isinstance(entry, dict):
                continue
            path = _resolved(text_of(entry, "path", 4096))
            name = text_of(entry, "name", 255).replace("\\", "/").rsplit("/", 1)[-1].strip()
            if name and path is not None and path.is_relative_to(folder) and path.is_file():
                files.append((str(path), name))
        return files


def _resolved(path: str) -> Path | None:
    """Where a path from the browser leads; None for what no file can be called."""
    try:
        return Path(path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
