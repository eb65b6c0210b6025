"""The process that the kill test kills: indexes a folder with a word-count embedding.

``python -m tests.index.kill_driver DATA FOLDER`` prints ``ready`` when all is loaded, and ``done``
when the folder is indexed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.chunker import ChunkLimits
from index.ingest import IngestOptions, IngestReport, ingest_paths
from index.parsing import Parser
from index.store import Store
from tests.fakes import WordCountEmbedder

VOCABULARY = ("river", "bridge", "harbour", "engine", "letter", "garden", "winter", "market")
LIMITS = ChunkLimits(tokens=40, chars=400)


class SlowEmbedder(WordCountEmbedder):
    """A word-count embedding that takes as long as a small model, so that kills fall into every stage."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        time.sleep(0.0005 * len(texts))
        return super().encode(texts)


def ingest(data: Path, folder: Path, parser: Parser) -> IngestReport:
    """Index the folder into the data folder."""
    with Store.open(data) as store:
        options = IngestOptions(limits=LIMITS)
        return ingest_paths(store, SlowEmbedder(VOCABULARY), parser, [folder], options=options)


def main() -> None:
    """Say when it starts and when it is done."""
    data, folder = map(Path, sys.argv[1:])
    with Parser() as parser:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        ingest(data, folder, parser)
    sys.stdout.write("done\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
