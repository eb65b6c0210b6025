"""``python -m tests.ui.chat_fixture OUT.sql``: a small ``chats.sqlite`` of today's schema, as SQL.

Run it before the schema changes and keep the file under ``tests/ui/data``: it stands for the conversations of
a release from then on, and every later one must be able to migrate them.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path

from rag.answers import Answer, AnswerSentence
from ui.chats import Chats
from ui.selection import Selection
from ui.stored import stored

QUESTION = "Who keeps the harbour lights?"
ANSWER = "The pilot keeps them."
HIDDEN = "What was deleted a moment ago?"


def main(out: Path) -> None:
    """Write the dump: a conversation with an answer and a selection, and one that waits to be deleted."""
    with tempfile.TemporaryDirectory() as folder:
        chats = Chats(Path(folder))
        chat = chats.create(QUESTION)
        place = chats.add_exchange(chat.chat_id, QUESTION)
        answer = Answer(
            status="answered",
            question=QUESTION,
            query=QUESTION,
            sentences=(AnswerSentence(text=ANSWER, verdict="weak"),),
        )
        chats.finish(place.message_id, stored(answer))
        chats.select(chat.chat_id, Selection(collections=frozenset({"Letters"})))
        chats.hide(chats.create(HIDDEN).chat_id)
        chats.close()
        connection = sqlite3.connect(Path(folder) / "chats.sqlite")
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            lines = [*connection.iterdump(), f"PRAGMA user_version={version};"]
        finally:
            connection.close()
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
