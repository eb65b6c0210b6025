"""Indexes a folder as a job in a process of its own, slowly: an embedding that takes its time.

python -m tests.ui.slow_job DATA FOLDER
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from index.jobs import Jobs
from rag.settings import Settings
from tests.fakes import WordCountEmbedder
from ui.indexing import Indexer
from ui.job_runs import run_job

FILES = 300
SECONDS_A_FILE = 0.05


class SlowEmbedder(WordCountEmbedder):
    """Takes a moment for each document."""

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        time.sleep(SECONDS_A_FILE)
        return super().token_spans(text)


def main(data: Path, folder: Path) -> None:
    indexer = Indexer(Settings(data=data), embedder=SlowEmbedder(["river"]))
    jobs = Jobs(data)
    run_job(indexer, jobs, {"kind": "paths", "paths": [str(folder)]})
    jobs.close()
    indexer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
