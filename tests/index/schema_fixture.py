"""``python -m tests.index.schema_fixture OUT.sql``: a small catalog of today's schema, as SQL.

Run it before the schema changes and keep the file under ``tests/index/data``: it stands for the database
of a release from then on, and every later one must be able to migrate it.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from index.catalog import FILE_NAME
from index.store import Store
from tests.index.support import EMBEDDER, put

CATS = "Cats sleep on warm stones."
DOGS = "Dogs guard the old gate."
BIRDS = "Birds sing before sunrise."


def main(out: Path) -> None:
    """Write the dump: two documents that are read, one that failed, a folder, and one that is gone."""
    with tempfile.TemporaryDirectory() as folder:
        with Store.open(Path(folder)) as store:
            failed = replace(
                put("/broken.pdf", CATS),
                version=None,
                state="failed",
                problem="damaged",
                reason="It is damaged.",
                hint="Repair it.",
            )
            store.publish(
                puts=[put("/a.txt", CATS, DOGS), put("/b.txt", BIRDS), put("/gone.txt", "Nobody.")],
                embedder=EMBEDDER,
                folder=("/", "Documents"),
            )
            gone = store.find("Documents", "/gone.txt")
            assert gone is not None
            store.publish(puts=[failed], removals=[gone.doc_id])
        connection = sqlite3.connect(Path(folder) / FILE_NAME)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            lines = [*connection.iterdump(), f"PRAGMA user_version={version};"]
        finally:
            connection.close()
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
